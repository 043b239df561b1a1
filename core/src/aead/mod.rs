//! The only place where ciphers are called. A nonce is never a parameter: a key of layout T encrypts one message
//! under nonce 0, a key of layout D numbers its messages.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;

use crate::error::{Code, Error, Result};
use crate::ids::Suite;

/// Bytes of the tag, which stands behind the ciphertext.
pub(crate) const TAG_LEN: usize = 16;

/// Encrypts `buffer` in place under a key that serves this one message, and returns the tag.
pub(crate) fn seal_once(
    suite: Suite,
    key: &[u8; 32],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_LEN]> {
    match suite {
        Suite::Aes256Gcm => seal(&Aes256Gcm::new(key.into()), 0, aad, buffer),
        Suite::ChaCha20Poly1305 => seal(&ChaCha20Poly1305::new(key.into()), 0, aad, buffer),
        _ => Err(Error::new(Code::KeySuite)),
    }
}

/// Checks the tag and decrypts `buffer` in place; on failure the buffer holds no plaintext.
pub(crate) fn open_once(
    suite: Suite,
    key: &[u8; 32],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8],
) -> Result<()> {
    match suite {
        Suite::Aes256Gcm => open(&Aes256Gcm::new(key.into()), 0, aad, buffer, tag),
        Suite::ChaCha20Poly1305 => open(&ChaCha20Poly1305::new(key.into()), 0, aad, buffer, tag),
        _ => Err(Error::new(Code::KeySuite)),
    }
}

/// A key for the fields of one document, which are numbered from 0.
pub(crate) struct Numbered {
    cipher: Cipher,
    next: u32,
}

impl Numbered {
    pub(crate) fn new(suite: Suite, key: &[u8; 32]) -> Result<Self> {
        Ok(Numbered { cipher: Cipher::new(suite, key)?, next: 0 })
    }

    /// Encrypts `buffer` in place under the next number; returns the number and the tag.
    pub(crate) fn seal_next(&mut self, aad: &[u8], buffer: &mut [u8]) -> Result<(u32, [u8; TAG_LEN])> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(|| Error::new(Code::LimitFields))?;
        Ok((number, self.cipher.seal(number, aad, buffer)?))
    }

    /// Checks the tag and decrypts `buffer` in place; on failure the buffer holds no plaintext.
    pub(crate) fn open(&self, number: u32, aad: &[u8], buffer: &mut [u8], tag: &[u8]) -> Result<()> {
        self.cipher.open(number, aad, buffer, tag)
    }
}

#[allow(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one call; a box would be an allocation a value"
)]
enum Cipher {
    Aes(Aes256Gcm),
    ChaCha(ChaCha20Poly1305),
}

impl Cipher {
    fn new(suite: Suite, key: &[u8; 32]) -> Result<Self> {
        match suite {
            Suite::Aes256Gcm => Ok(Cipher::Aes(Aes256Gcm::new(key.into()))),
            Suite::ChaCha20Poly1305 => Ok(Cipher::ChaCha(ChaCha20Poly1305::new(key.into()))),
            _ => Err(Error::new(Code::KeySuite)),
        }
    }

    fn seal(&self, number: u32, aad: &[u8], buffer: &mut [u8]) -> Result<[u8; TAG_LEN]> {
        match self {
            Cipher::Aes(cipher) => seal(cipher, number, aad, buffer),
            Cipher::ChaCha(cipher) => seal(cipher, number, aad, buffer),
        }
    }

    fn open(&self, number: u32, aad: &[u8], buffer: &mut [u8], tag: &[u8]) -> Result<()> {
        match self {
            Cipher::Aes(cipher) => open(cipher, number, aad, buffer, tag),
            Cipher::ChaCha(cipher) => open(cipher, number, aad, buffer, tag),
        }
    }
}

fn seal<C>(cipher: &C, number: u32, aad: &[u8], buffer: &mut [u8]) -> Result<[u8; TAG_LEN]>
where
    C: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let sealed = cipher.encrypt_inout_detached(&nonce(number).into(), aad, buffer.into());
    sealed.map(Into::into).map_err(|_| Error::new(Code::LimitField))
}

fn open<C>(cipher: &C, number: u32, aad: &[u8], buffer: &mut [u8], tag: &[u8]) -> Result<()>
where
    C: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let rejected = |_| Error::new(Code::Rejected);
    let tag: &[u8; TAG_LEN] = tag.try_into().map_err(|_| Error::new(Code::Rejected))?;
    cipher.decrypt_inout_detached(&nonce(number).into(), aad, buffer.into(), tag.into()).map_err(rejected)
}

/// The number as a 96-bit big-endian integer.
fn nonce(number: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(8).zip(number.to_be_bytes()) {
        *to = from;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

    #[test]
    fn keys_are_wiped_when_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<Aes256Gcm>();
        wiped::<ChaCha20Poly1305>();
    }

    #[test]
    fn numbers_make_nonces() {
        assert_eq!(nonce(0x0102_0304), [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        for suite in SUITES {
            let mut numbered = Numbered::new(suite, &[7; 32]).unwrap();
            let (mut first, mut second) = (*b"same", *b"same");
            let (zero, tag_zero) = numbered.seal_next(b"aad", &mut first).unwrap();
            let (one, tag_one) = numbered.seal_next(b"aad", &mut second).unwrap();
            assert_eq!((zero, one), (0, 1));
            assert_ne!(first, second);
            numbered.open(1, b"aad", &mut second, &tag_one).unwrap();
            assert_eq!(&second, b"same");
            assert_eq!(numbered.open(1, b"aad", &mut first, &tag_zero).unwrap_err().code(), Code::Rejected);
        }
    }

    #[test]
    fn lesson_f7_tags_are_whole_and_failed_buffers_hold_no_plaintext() {
        for suite in SUITES {
            let key = [9; 32];
            let mut sealed = *b"4111111111111111";
            let tag = seal_once(suite, &key, b"", &mut sealed).unwrap();
            let ciphertext = sealed;
            for len in 0..TAG_LEN {
                assert!(open_once(suite, &key, b"", &mut sealed, &tag[..len]).is_err());
                assert_eq!(sealed, ciphertext);
            }
            assert!(open_once(suite, &key, b"", &mut sealed, &[0; TAG_LEN]).is_err());
            assert_eq!(sealed, ciphertext);
            assert!(open_once(suite, &key, b"x", &mut sealed, &tag).is_err());
            assert_eq!(sealed, ciphertext);
            open_once(suite, &key, b"", &mut sealed, &tag).unwrap();
            assert_eq!(&sealed, b"4111111111111111");
        }
    }
}
