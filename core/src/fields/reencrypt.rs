//! Re-encryption: from one policy, ring and context to another in one step. Between the two the clear document exists in
//! memory only, and is wiped.

use std::fmt;

use crate::audit::Operation;
use crate::context::Context;
use crate::error::Result;
use crate::fields::cipher::FieldCipher;
use crate::fields::decrypt::{self, Manner, Plain};
use crate::fields::encrypt::{self, Origin};
use crate::fields::uses;
use crate::secret::Wiped;

/// Decrypts by one cipher and encrypts by another: another key, another context, another policy, from tokens to a
/// document or back.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Context, FieldCipher, Key, Keyring, Kid, OsRandom, Policy, Purpose, Reencryption, Suite, SystemClock};
/// # let policy = Policy::from_json(r#"{"apiseal_policy":1,"id":"p","rules":[{"path":"$.ssn","bind":["$.id"]}]}"#)?;
/// let old = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// let cipher = FieldCipher::new(old.clone(), policy)?;
/// let context = Context::new("users")?;
/// let sealed = cipher.encrypt(br#"{"id": 1, "ssn": "078-05-1120"}"#, &context)?;
///
/// // The ring was rotated: what is stored goes to the new primary key.
/// let key = Key::generate(Kid::parse("k2")?, Purpose::Seal, Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// cipher.keyring().replace(old.with_key(key)?.promote("k2", &SystemClock)?)?;
/// let moved = Reencryption::new(cipher.clone(), cipher).run(&sealed, &context, &context)?;
/// assert!(moved.bytes.windows(7).any(|part| part == b"as1.k2."));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Reencryption {
    from: FieldCipher,
    to: FieldCipher,
    leave_clear: bool,
    seal_clear: bool,
}

/// What a re-encryption made.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reencrypted {
    /// The document, encrypted anew.
    pub bytes: Vec<u8>,
    /// Number of values that were decrypted.
    pub opened: u64,
    /// Number of those that are in clear now; 0 unless that was allowed.
    pub left_clear: u64,
}

/// Values may have been left in clear: the document does not print.
impl fmt::Debug for Reencrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reencrypted")
            .field("opened", &self.opened)
            .field("left_clear", &self.left_clear)
            .finish_non_exhaustive()
    }
}

impl Reencryption {
    /// From one cipher to another; both may be the same, where a rotated ring has a new primary key.
    #[must_use]
    pub fn new(from: FieldCipher, to: FieldCipher) -> Self {
        Reencryption { from, to, leave_clear: false, seal_clear: false }
    }

    /// Lets values that the new policy does not protect come out in clear. Without this they are an error.
    #[must_use]
    pub fn leave_clear(mut self, on: bool) -> Self {
        self.leave_clear = on;
        self
    }

    /// Lets the new policy seal what the old one left in clear. Nobody vouched for such a value: whoever could write the
    /// document chose it, and from here on it passes for one of ours. Without this it is an error.
    #[must_use]
    pub fn seal_clear(mut self, on: bool) -> Self {
        self.seal_clear = on;
        self
    }

    /// Re-encrypts one document, or nothing at all. A clear value where a token must be is an error, whatever `migrate`
    /// says, and so is a clear value that the new policy would seal: clear text is encrypted by [`FieldCipher::encrypt`] alone.
    ///
    /// # Errors
    /// Those of [`FieldCipher::decrypt`] by the old cipher and of [`FieldCipher::encrypt`] by the new one;
    /// [`Code::LeftClear`](crate::Code::LeftClear) if a decrypted value, or a part of it, would stay in clear.
    pub fn run(&self, document: &[u8], from_context: &Context, to_context: &Context) -> Result<Reencrypted> {
        let opened = uses::told(&self.from, Operation::Decrypt, from_context, |uses| {
            let manner = Manner { plain: Plain::Never, stated: None, memory: Wiped::default() };
            decrypt::open(&self.from, document, from_context, manner, uses)
        })?;
        let Reencryption { leave_clear, seal_clear, .. } = *self;
        let origin = Origin { opened: &opened.values, leave_clear, seal_clear, stated: None };
        let mut bytes = Vec::new();
        let left_clear = uses::told(&self.to, Operation::Encrypt, to_context, |uses| {
            encrypt::encrypt(&self.to, &opened.text, to_context, origin, &mut bytes, uses)
        })?;
        Ok(Reencrypted { bytes, opened: opened.values.len() as u64, left_clear })
    }
}
