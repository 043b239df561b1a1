//! The cipher that users hold: a ring, a policy, and the settings that rarely change.

use std::fmt;
use std::sync::Arc;

use crate::audit::{Audit, Operation};
use crate::clock::{Clock, SystemClock};
use crate::context::Context;
use crate::error::Result;
use crate::fields::diagnose::Diagnosis;
use crate::fields::encrypt::Origin;
use crate::fields::some::{Lenient, Partial};
use crate::fields::{decrypt, diagnose, encrypt, some, uses};
use crate::keys::handle::KeyringHandle;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::rng::{OsRandom, hazmat::Random};
use crate::secret::SecretBytes;

/// Encrypts and decrypts the values that a policy selects. Immutable, cheap to clone, shared between threads.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Context, FieldCipher, Keyring, OsRandom, Policy, Suite, SystemClock};
/// let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// let policy = Policy::from_json(r#"{"apiseal_policy": 1, "id": "demo",
///     "rules": [{"path": "$.card.number", "bind": ["$.id"]}]}"#)?;
/// let cipher = FieldCipher::new(ring, policy)?;
/// let context = Context::new("orders")?.with("tenant", "acme")?;
///
/// let document = br#"{"id": 7, "card": {"number": "4111111111111111"}, "total": 1.10}"#;
/// let sealed = cipher.encrypt(document, &context)?;
/// assert!(!sealed.windows(4).any(|four| four == b"4111"));
/// assert_eq!(&cipher.decrypt(&sealed, &context)?[..], document);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FieldCipher {
    pub(crate) ring: KeyringHandle,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hedged_salts: bool,
    pub(crate) audit: Option<Arc<dyn Audit>>,
}

impl FieldCipher {
    /// A cipher with default limits, the system's clock and the system's random source.
    ///
    /// # Errors
    /// Those of [`FieldCipherBuilder::build`].
    pub fn new(ring: impl Into<KeyringHandle>, policy: Policy) -> Result<Self> {
        FieldCipher::builder(ring, policy).build()
    }

    /// A cipher with other settings.
    #[must_use]
    pub fn builder(ring: impl Into<KeyringHandle>, policy: Policy) -> FieldCipherBuilder {
        FieldCipherBuilder(FieldCipher {
            ring: ring.into(),
            policy,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            hedged_salts: false,
            audit: None,
        })
    }

    /// The ring that the cipher uses, to be replaced while it runs.
    #[must_use]
    pub fn keyring(&self) -> &KeyringHandle {
        &self.ring
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Encrypts every value that the policy selects; all other bytes stay as they are (layout D: plus its header
    /// member).
    ///
    /// # Errors
    /// The document is malformed or over a limit (300–317), does not fit the policy (210–224), or no key may encrypt
    /// under this context (200–204, 401–408). `docs/errors.md` lists every code.
    pub fn encrypt(&self, document: &[u8], context: &Context) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.encrypt_into(document, context, &mut out)?;
        Ok(out)
    }

    /// As [`FieldCipher::encrypt`], into a buffer that is emptied first and keeps its allocation. On error it is
    /// left empty.
    ///
    /// # Errors
    /// As [`FieldCipher::encrypt`].
    pub fn encrypt_into(&self, document: &[u8], context: &Context, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let result = uses::told(self, Operation::Encrypt, context, |uses| {
            encrypt::encrypt(self, document, context, Origin::CLEAR, out, uses)
        });
        if result.is_err() {
            out.clear();
        }
        result.map(drop)
    }

    /// Gives back the document that was encrypted, byte for byte, or nothing at all.
    ///
    /// # Errors
    /// As [`FieldCipher::encrypt`]; malformed tokens (500); and [`Code::Rejected`](crate::Code::Rejected) for a wrong
    /// key, context or place, a changed bound member or an altered ciphertext, which are deliberately not told apart.
    pub fn decrypt(&self, document: &[u8], context: &Context) -> Result<Decrypted> {
        let mut out = Decrypted::default();
        self.decrypt_into(document, context, &mut out)?;
        Ok(out)
    }

    /// As [`FieldCipher::decrypt`], into a result that is emptied first and keeps its allocation: what it held may stay in
    /// memory until it is dropped. On error it is left empty, and its memory is wiped and freed.
    ///
    /// # Errors
    /// As [`FieldCipher::decrypt`].
    pub fn decrypt_into(&self, document: &[u8], context: &Context, out: &mut Decrypted) -> Result<()> {
        let memory = std::mem::take(out).text.into_wiped();
        *out = uses::told(self, Operation::Decrypt, context, |uses| {
            decrypt::decrypt(self, document, context, memory, uses)
        })?;
        Ok(())
    }

    /// Decrypts every position that opens, each by itself, and tells why the others do not; the document is not put
    /// together again. For salvage and for finding out, not for serving: how many values a rule must match and which
    /// tokens no rule selects is not looked at, and `migrate` lets nothing through.
    ///
    /// # Errors
    /// Faults of the document as a whole, of the context, and in layout D of the header and its key.
    pub fn decrypt_lenient(&self, document: &[u8], context: &Context) -> Result<Lenient> {
        uses::told(self, Operation::DecryptSome, context, |uses| some::lenient(self, document, context, uses))
    }

    /// Decrypts the protected positions that the JSONPath queries in `chosen` select, all of them or none. Other
    /// positions stay closed and are not checked; [`Partial::is_bound`] tells what that leaves open.
    ///
    /// # Errors
    /// As [`FieldCipher::decrypt`], for the chosen positions; [`Code::InvalidPath`](crate::Code::InvalidPath);
    /// [`Code::NoMatch`](crate::Code::NoMatch) if a query selects no protected position.
    pub fn decrypt_partial(&self, document: &[u8], chosen: &[&str], context: &Context) -> Result<Partial> {
        uses::told(self, Operation::DecryptSome, context, |uses| {
            some::partial(self, document, chosen, context, uses)
        })
    }

    /// Tells how far each position of a document comes that does not open, and whether it was encrypted under one of
    /// at most 64 `candidates` instead of the stated context. No plaintext is given out. The answer is for the owner of
    /// the keys: a peer who asks again and again would learn which part of a forgery was right.
    ///
    /// # Errors
    /// Faults of the document as a whole and of the stated context; [`Code::InvalidArgument`](crate::Code::InvalidArgument)
    /// for more candidates.
    pub fn diagnose(&self, document: &[u8], context: &Context, candidates: &[Context]) -> Result<Diagnosis> {
        uses::told(self, Operation::Diagnose, context, |uses| {
            diagnose::diagnose(self, document, context, candidates, uses)
        })
    }
}

impl fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldCipher")
            .field("ring", &self.ring)
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Settings of a cipher to be.
pub struct FieldCipherBuilder(FieldCipher);

impl FieldCipherBuilder {
    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// Sets the clock, which key validity and migration dates are judged by.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Mixes key and content into every salt, so that a repeating random source reveals no more than equality.
    /// Costs one derivation for each token. Readers see no difference. Off by default.
    #[must_use]
    pub fn hedged_salts(mut self, on: bool) -> Self {
        self.0.hedged_salts = on;
        self
    }

    /// Tells `audit` of every use of a key.
    #[must_use]
    pub fn audit(mut self, audit: impl Audit + 'static) -> Self {
        self.0.audit = Some(Arc::new(audit));
        self
    }

    /// Replaces the random source. A source that repeats itself breaks the encryption: for vectors and tests.
    #[must_use]
    pub fn hazmat_random(mut self, random: impl Random + 'static) -> Self {
        self.0.random = Arc::new(random);
        self
    }

    /// Replaces the policy.
    pub(super) fn policy(mut self, policy: Policy) -> Self {
        self.0.policy = policy;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) for a limit out of its range.
    pub fn build(self) -> Result<FieldCipher> {
        self.0.limits.check()?;
        Ok(self.0)
    }
}

impl fmt::Debug for FieldCipherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldCipherBuilder")
    }
}

/// A decrypted document; reads as its bytes and wipes them when dropped.
#[derive(Clone, Default)]
pub struct Decrypted {
    pub(crate) text: SecretBytes,
    pub(crate) accepted_plain: Vec<String>,
}

impl Decrypted {
    /// An empty result for [`FieldCipher::decrypt_into`] that uses the memory of a buffer, whose content is lost.
    #[must_use]
    pub fn in_memory_of(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Decrypted { text: SecretBytes::new(buffer), accepted_plain: Vec::new() }
    }

    /// The document, no longer wiped by anyone.
    #[must_use]
    pub fn into_unprotected(self) -> Vec<u8> {
        self.text.into_unprotected()
    }

    /// Normalized paths of clear values that a rule's `migrate` let through. They were not authenticated.
    #[must_use]
    pub fn accepted_plain(&self) -> &[String] {
        &self.accepted_plain
    }
}

impl std::ops::Deref for Decrypted {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl AsRef<[u8]> for Decrypted {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted").field("text", &self.text).finish_non_exhaustive()
    }
}
