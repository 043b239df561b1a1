//! The keyring at rest: one JSON file, sealed as a whole, so that states, purposes, scopes, primaries and the set of
//! keys are authenticated together.

mod content;
mod disk;
mod entry;
mod update;
mod wrap;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Mode, Suite};
use crate::json::reader::{File, Item};
use crate::json::text as json_text;
use crate::keys::derive::ContextKey;
use crate::keys::key::Key;
use crate::keys::ring::Keyring;
use crate::rng::hazmat::Random;
use crate::secret::{Secret32, SecretBytes, Wiped};
use crate::token::pad::Padding;
use crate::token::text::{self, SALT_LEN};
use crate::token::value::{self, KeyUse, Sealing, write_associated_data};

pub use wrap::Wrap;

/// Reads and writes keyring files. The ring's name is not in the file: whoever loads it states the name, and a ring
/// of another name does not open.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Keyring, KeyringFile, OsRandom, Suite, SystemClock, Wrap};
/// let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// let wrap = Wrap::raw(&[7; 32]); // from a secret store; or Wrap::passphrase(b"…")
/// let file = KeyringFile::seal(&ring, "payments", &wrap, &OsRandom)?;
/// let same = KeyringFile::open(&file, "payments", &wrap, None)?;
/// assert_eq!(same.rev(), ring.rev());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct KeyringFile;

/// Most bytes of a file. Scopes of full length in a full ring come to more, so that whoever writes must look too.
const MAX_FILE: usize = 16 << 20;

/// The position of the sealed ring: `04 ‖ lp("keyring")`.
const LABEL: &[u8] = b"\x04\0\0\0\x07keyring";

/// What stands before the revision in the plaintext of a sealed file.
const SEALED_HEAD: &str = "{\"rev\":";

impl KeyringFile {
    /// Seals a ring under a wrap; the result is the text of the file. It was opened again before it is returned.
    ///
    /// # Errors
    /// [`Code::KeyDuplicate`] if the wrapping key is one of the ring's secrets, [`Code::KeyringFile`] for an empty or
    /// too long name or a file of more than 16 MiB, [`Code::Random`].
    pub fn seal(ring: &Keyring, name: &str, wrap: &Wrap, random: &dyn Random) -> Result<Vec<u8>> {
        check_name(name)?;
        let plaintext = content::write(ring, SEALED_HEAD);
        check_size(plaintext.len())?;
        let described = wrap.describe(random)?;
        let wrapping = described.wrapping_key(wrap)?;
        check_wrapping_key(ring, &wrapping)?;
        let kid = Kid::parse("W")?;
        let key = derive(&wrapping, &kid, name, &described.canonical())?;
        let key = KeyUse { kid: &kid, suite: Suite::Aes256Gcm, context_key: &key };
        let mut salt = [0; SALT_LEN];
        random.fill(&mut salt)?;
        let mut out = b"{\"apiseal_keyring\":1,\"wrap\":".to_vec();
        out.extend_from_slice(described.text().as_bytes());
        out.extend_from_slice(b",\"sealed\":");
        let mut work = Wiped::default();
        let aad = associated_data();
        let sealing = Sealing { key, mode: Mode::Named, salt: &salt, aad: &aad, padding: Padding::Default };
        sealing.seal(&mut out, &mut work, &plaintext)?;
        out.extend_from_slice(b"}\n");
        check_size(out.len())?;
        // Keys in a file that does not open are lost. The wrapping key is at hand: Argon2id does not run twice.
        let read = |item: &Item<'_, '_>| match wrap::Described::read(item, wrap)? {
            again if again == described => Ok((again, wrapping.clone())),
            _ => Err(Error::new(Code::Internal)),
        };
        check_same(open_with(&out, name, None, read), &plaintext, SEALED_HEAD)?;
        Ok(out)
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// [`Code::KeyringFile`] (not a sealed keyring of version 1, or more than 16 MiB), [`Code::KeyringWrap`],
    /// [`Code::KeyringUnlock`], [`Code::KeyringRollback`] if the revision is below `min_rev`, [`Code::KeyDuplicate`].
    pub fn open(file: &[u8], name: &str, wrap: &Wrap, min_rev: Option<u64>) -> Result<Keyring> {
        open_with(file, name, min_rev, |item| {
            let described = wrap::Described::read(item, wrap)?;
            let wrapping = described.wrapping_key(wrap)?;
            Ok((described, wrapping))
        })
    }

    /// The ring with all its secrets in clear, for a secret store that protects files itself.
    ///
    /// # Errors
    /// [`Code::KeyringFile`] for an empty or too long name or a file of more than 16 MiB.
    pub fn hazmat_write_clear(ring: &Keyring, name: &str) -> Result<SecretBytes> {
        check_name(name)?;
        let mut head = b"{\"apiseal_keyring_clear\":1,\"ring\":".to_vec();
        json_text::write_string(&mut head, name.as_bytes());
        head.extend_from_slice(b",\"rev\":");
        let head = String::from_utf8_lossy(&head);
        let mut out = content::write(ring, &head);
        check_size(out.len())?;
        check_same(KeyringFile::hazmat_read_clear(&out, name, None), &out, &head)?;
        Ok(SecretBytes::new(std::mem::take(&mut *out)))
    }

    /// Reads a ring that was written in clear; never a sealed one.
    ///
    /// # Errors
    /// [`Code::KeyringFile`], also for another ring name or more than 16 MiB; [`Code::KeyringRollback`],
    /// [`Code::KeyDuplicate`].
    pub fn hazmat_read_clear(file: &[u8], name: &str, min_rev: Option<u64>) -> Result<Keyring> {
        check_name(name)?;
        check_size(file.len())?;
        content::read(file, content::Form::Clear, name, min_rev)
    }
}

/// Opens a sealed file; `unlock` reads the member `wrap` and gives the wrapping key.
fn open_with(
    file: &[u8],
    name: &str,
    min_rev: Option<u64>,
    unlock: impl FnOnce(&Item<'_, '_>) -> Result<(wrap::Described, Secret32)>,
) -> Result<Keyring> {
    check_name(name)?;
    check_size(file.len())?;
    let parsed = File::parse(file, Code::KeyringFile)?;
    let root = parsed.root();
    let members = root.object(&["apiseal_keyring", "wrap", "sealed"])?;
    if members.required("apiseal_keyring")?.integer()? != 1 {
        return Err(root.fault("this library reads keyrings of version 1"));
    }
    let sealed = members.required("sealed")?;
    let token = sealed.string()?;
    let wrap_item = members.required("wrap")?;
    let mut body = Vec::new();
    let kid_text = text::parse_token(token.as_bytes(), &mut body).map_err(|_| sealed.fault("not a token"))?;
    let expected = [Suite::Aes256Gcm.byte(), Mode::Named.byte()];
    if kid_text != "W" || body.get(..2) != Some(&expected[..]) {
        return Err(sealed.fault("not the token of a keyring"));
    }
    let (described, wrapping) = unlock(wrap_item)?;
    let kid = Kid::parse("W")?;
    let key = derive(&wrapping, &kid, name, &described.canonical())?;
    let key = KeyUse { kid: &kid, suite: Suite::Aes256Gcm, context_key: &key };
    let mut body = Wiped::new(body);
    let plaintext = value::open(&mut body, key, Mode::Named, &associated_data())
        .map_err(|_| Error::new(Code::KeyringUnlock))?;
    if plaintext.first() != Some(&b'{') || plaintext.last() != Some(&b'}') {
        let detail = "the content is no JSON object, or has white space around";
        return Err(Error::because(Code::KeyringFile, detail));
    }
    let ring = content::read(plaintext, content::Form::Sealed, name, min_rev)?;
    check_wrapping_key(&ring, &wrapping)?;
    Ok(ring)
}

/// What was just written must read, and as the same ring.
fn check_same(read: Result<Keyring>, text: &[u8], head: &str) -> Result<()> {
    match read {
        Ok(ring) if *content::write(&ring, head) == text => Ok(()),
        Ok(_) => Err(Error::because(Code::Internal, "the keyring reads as another one")),
        Err(error) => Err(Error::because(Code::Internal, format!("the keyring would not load: {error}"))),
    }
}

fn check_size(len: usize) -> Result<()> {
    if len > MAX_FILE {
        return Err(Error::because(Code::KeyringFile, "a keyring file has at most 16 MiB"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > Context::MAX_STRING {
        return Err(Error::because(Code::KeyringFile, "the ring's name must have 1 to 1024 bytes"));
    }
    Ok(())
}

/// One key for two jobs would let the holder of the one do the other.
fn check_wrapping_key(ring: &Keyring, wrapping: &Secret32) -> Result<()> {
    let same = |key: &&Key| key.material.holds(wrapping);
    match ring.keys().find(same) {
        Some(key) => {
            let detail = "the wrapping key is also the secret of a key";
            Err(Error::because(Code::KeyDuplicate, detail).with_kid(key.kid.as_str()))
        }
        None => Ok(()),
    }
}

fn derive(wrapping: &Secret32, kid: &Kid, name: &str, wrap: &str) -> Result<ContextKey> {
    let context = Context::from_pairs([("purpose", "apiseal-keyring"), ("ring", name), ("wrap", wrap)])?;
    ContextKey::derive(wrapping.expose(), "krg", Suite::Aes256Gcm, kid, context.digest())
}

fn associated_data() -> Vec<u8> {
    let mut aad = Vec::new();
    write_associated_data(&mut aad, Suite::Aes256Gcm, Mode::Named, LABEL, &[]);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Purpose;
    use crate::keys::key::Key;
    use crate::rng::OsRandom;

    #[test]
    fn what_would_not_load_is_not_returned() {
        let kid = Kid::parse("k1").unwrap();
        let key = Key::hazmat_from_secret(kid, Purpose::Seal, Suite::Aes256Gcm, &[1; 32]).unwrap();
        let mut key = key.with_scope([("t", "1")]);
        // No call can make such a key: it stands for a mistake of ours.
        key.profiles = vec![String::new()];
        let ring = Keyring::builder().key(key).build().unwrap();
        let sealed = KeyringFile::seal(&ring, "main", &Wrap::raw(&[9; 32]), &OsRandom).unwrap_err();
        assert_eq!(sealed.code(), Code::Internal);
        let clear = KeyringFile::hazmat_write_clear(&ring, "main").unwrap_err();
        assert_eq!(clear.code(), Code::Internal);
    }
}
