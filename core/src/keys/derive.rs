//! The only place where keys are derived and MACs computed.
//!
//! `KDF(K, label, data) = HMAC-SHA-256(K, "apiseal/v1/" ‖ label ‖ 00 ‖ data ‖ 01)`: one block of HKDF-Expand
//! (RFC 5869, section 2.3).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::block_api::compress256;
use zeroize::Zeroize;

use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Suite};
use crate::secret::Secret32;

/// What is derived under a context key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// The AEAD key of a token.
    Key,
    /// The commitment of a token.
    Com,
    /// A hedged salt.
    Hdg,
    /// The AEAD key of a document's fields.
    Dky,
    /// The commitment of a document.
    Dcm,
    /// The MAC key of a document.
    Dmk,
    /// The tag that stands for a context in audit events.
    Aud,
}

impl Label {
    /// The start of the KDF's input.
    fn prefix(self) -> &'static [u8] {
        match self {
            Label::Key => b"apiseal/v1/key\0",
            Label::Com => b"apiseal/v1/com\0",
            Label::Hdg => b"apiseal/v1/hdg\0",
            Label::Dky => b"apiseal/v1/dky\0",
            Label::Dcm => b"apiseal/v1/dcm\0",
            Label::Dmk => b"apiseal/v1/dmk\0",
            Label::Aud => b"apiseal/v1/aud\0",
        }
    }
}

/// K_ctx: the key for one root, purpose, suite, key id and context. What is kept is the state of HMAC-SHA-256 after
/// the key's two pads (RFC 2104, section 4), so that a derivation costs no key set-up. Wiped when dropped.
pub(crate) struct ContextKey {
    inner: State,
    outer: State,
    /// The same for messages that do not fit into [`BUFFER`].
    long: Hmac<Sha256>,
}

/// The chaining value of SHA-256 (FIPS 180-4, section 6.2).
type State = [u32; 8];

/// FIPS 180-4, section 5.3.3.
const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const BLOCK: usize = 64;
/// Messages with their padding that are hashed on the stack: positions and bound ids mostly fit.
const BUFFER: usize = 5 * BLOCK;

impl ContextKey {
    /// `KDF(root, purpose, u8(suite) ‖ u8(len kid) ‖ kid ‖ SHA-256(enc(context)))`.
    pub(crate) fn derive(
        root: &[u8; 32],
        purpose: &str,
        suite: Suite,
        kid: &Kid,
        context_digest: &[u8; 32],
    ) -> Result<Self> {
        ContextKey::of(&ContextKey::secret(root, purpose, suite, kid, context_digest)?)
    }

    /// The bytes of K_ctx, for a party that is to hold nothing else.
    pub(crate) fn secret(
        root: &[u8; 32],
        purpose: &str,
        suite: Suite,
        kid: &Kid,
        context_digest: &[u8; 32],
    ) -> Result<Secret32> {
        let mut mac = keyed(root)?;
        mac.update(b"apiseal/v1/");
        mac.update(purpose.as_bytes());
        mac.update(&[0, suite.byte(), kid.as_str().len() as u8]);
        mac.update(kid.as_str().as_bytes());
        mac.update(context_digest);
        mac.update(&[1]);
        let mut derived: [u8; 32] = mac.finalize().into_bytes().into();
        let secret = Secret32::copied(&derived);
        derived.zeroize();
        Ok(secret)
    }

    /// K_ctx itself.
    pub(crate) fn of(key: &Secret32) -> Result<Self> {
        let key = key.expose();
        let padded = |byte: u8| {
            let mut pad = [byte; BLOCK];
            pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
            let mut state = INITIAL;
            compress(&mut state, &[pad]);
            pad.zeroize();
            state
        };
        Ok(ContextKey { inner: padded(0x36), outer: padded(0x5c), long: keyed(key)? })
    }

    /// What stands for the context in audit events: `KDF(K_ctx, "aud", "")[0..8]`.
    pub(crate) fn audit_tag(&self) -> [u8; 8] {
        let mut tag = [0; 32];
        self.expand(Label::Aud, &[], &mut tag);
        *tag.first_chunk().unwrap_or(&[0; 8])
    }

    /// 32 bytes for `label` and the concatenated `data`, written into `out`.
    pub(crate) fn expand(&self, label: Label, data: &[&[u8]], out: &mut [u8; 32]) {
        let len = label.prefix().len() + data.iter().map(|part| part.len()).sum::<usize>() + 1;
        // One byte and a length of eight close the message.
        if len + 9 > BUFFER {
            return self.expand_long(label, data, out);
        }
        let mut buffer = [0; BUFFER];
        let mut at = 0;
        for part in std::iter::once(&label.prefix()).chain(data).chain([&&[1, 0x80][..]]) {
            if let Some(to) = buffer.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
            at += part.len();
        }
        let end = (len + 9).next_multiple_of(BLOCK);
        if let Some(to) = buffer.get_mut(end - 8..end) {
            to.copy_from_slice(&bits(BLOCK + len));
        }
        let mut state = self.inner;
        compress(&mut state, buffer.as_chunks().0.get(..end / BLOCK).unwrap_or_default());

        let mut block = [0; BLOCK];
        let (digest, rest) = block.split_at_mut(32);
        digest.as_chunks_mut().0.iter_mut().zip(state).for_each(|(to, word)| *to = word.to_be_bytes());
        rest.iter_mut().zip([0x80]).for_each(|(to, byte)| *to = byte);
        rest.iter_mut().skip(24).zip(bits(BLOCK + 32)).for_each(|(to, byte)| *to = byte);
        let mut state = self.outer;
        compress(&mut state, &[block]);
        out.as_chunks_mut().0.iter_mut().zip(state).for_each(|(to, word)| *to = word.to_be_bytes());
        state.zeroize();
    }

    #[cold]
    fn expand_long(&self, label: Label, data: &[&[u8]], out: &mut [u8; 32]) {
        let mut mac = self.long.clone();
        mac.update(label.prefix());
        for part in data {
            mac.update(part);
        }
        mac.update(&[1]);
        out.copy_from_slice(&mac.finalize().into_bytes());
    }
}

impl Drop for ContextKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// A function of its own: inlined into code that uses wide vectors, SHA instructions can become a hundred times slower.
#[inline(never)]
fn compress(state: &mut State, blocks: &[[u8; BLOCK]]) {
    compress256(state, blocks);
}

/// The length of a message, in bits, as SHA-256 closes it.
fn bits(bytes: usize) -> [u8; 8] {
    (8 * bytes as u64).to_be_bytes()
}

/// HMAC-SHA-256 over a document of layout D.
pub(crate) struct DocumentMac(Hmac<Sha256>);

impl DocumentMac {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self> {
        keyed(key).map(DocumentMac)
    }

    pub(crate) fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The length as u32, then the part.
    pub(crate) fn update_prefixed(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u32).to_be_bytes());
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8; 32]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(key).map_err(|_| Error::new(Code::Internal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::ids::Purpose;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn root() -> [u8; 32] {
        std::array::from_fn(|at| at as u8)
    }

    fn k_ctx(purpose: Purpose, suite: Suite, pairs: &[(&str, &str)]) -> ContextKey {
        let context = Context::from_pairs(pairs.iter().copied()).unwrap();
        let kid = Kid::parse("k1").unwrap();
        ContextKey::derive(&root(), purpose.name(), suite, &kid, context.digest()).unwrap()
    }

    /// The bytes of K_ctx are not kept; its effect under HMAC tells whether they are right.
    fn assert_is(key: &ContextKey, expected: &str) {
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&expected[2 * at..2 * at + 2], 16).unwrap()).collect();
        // Every length around the ends of blocks, and messages that do not fit into the buffer.
        for len in (0..400).chain([1000, 100_000]) {
            let message = vec![0x5a; len];
            let mut direct = Hmac::<Sha256>::new_from_slice(&bytes).unwrap();
            direct.update(b"apiseal/v1/key\0");
            direct.update(&message);
            direct.update(&[1]);
            let mut out = [0; 32];
            let (one, other) = message.split_at(len / 3);
            key.expand(Label::Key, &[one, &[], other], &mut out);
            assert_eq!(hex(&out), hex(&direct.finalize().into_bytes()), "{len}");
        }
    }

    #[test]
    fn keys_are_wiped_when_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        // An HMAC is two hash states and a block buffer; the feature `zeroize` of both crates wipes them.
        wiped::<sha2::block_api::Sha256VarCore>();
        wiped::<Sha256>();
    }

    #[test]
    fn vectors_of_the_context_key() {
        assert_is(
            &k_ctx(Purpose::Seal, Suite::Aes256Gcm, &[("purpose", "users"), ("tenant", "acme")]),
            "bc76c7ad079cda5cf97cf2be52e3c67a9b86678dd7d1064073e04af44796c8ca",
        );
        let key = k_ctx(Purpose::Seal, Suite::Aes256Gcm, &[("purpose", "users"), ("tenant", "acme")]);
        assert_eq!(hex(&key.audit_tag()), "45fa14576ab6d7de");
        // A6: a signing key is K_ctx itself.
        assert_is(
            &k_ctx(Purpose::Sig, Suite::HmacSha256, &[("dir", "req"), ("partner", "p1")]),
            "0af9d248de8addf02a034c79557f814d93b875a44e5cde19680110a826d900c6",
        );
    }

    #[test]
    fn suite_purpose_kid_and_context_separate() {
        let expand = |key: ContextKey| {
            let mut out = [0; 32];
            key.expand(Label::Key, &[], &mut out);
            out
        };
        let pairs = [("purpose", "users")];
        let one = expand(k_ctx(Purpose::Seal, Suite::Aes256Gcm, &pairs));
        assert_ne!(one, expand(k_ctx(Purpose::Seal, Suite::ChaCha20Poly1305, &pairs)));
        assert_ne!(one, expand(k_ctx(Purpose::Det, Suite::Aes256Gcm, &pairs)));
        assert_ne!(one, expand(k_ctx(Purpose::Seal, Suite::Aes256Gcm, &[("users", "purpose")])));
        let kid = Kid::parse("k2").unwrap();
        let context = Context::from_pairs(pairs).unwrap();
        let other = ContextKey::derive(&root(), "seal", Suite::Aes256Gcm, &kid, context.digest()).unwrap();
        assert_ne!(one, expand(other));
    }
}
