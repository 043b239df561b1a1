//! The keyring: all keys that a party holds, and which of them encrypts.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::audit::{self, Event, Operation};
use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose, Suite};
use crate::keys::cache::{CacheKey, ContextKeyCache};
use crate::keys::check;
use crate::keys::derive::ContextKey;
use crate::keys::key::{Key, KeyState};
use crate::keys::material::Material;
use crate::keys::sign::SignatureKey;
use crate::keys::signing::{SigningKey, SigningKeys};
use crate::rng::hazmat::Random;

/// An immutable set of keys, cheap to clone and to share between threads. A change makes a new ring of a higher
/// revision.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Keyring, OsRandom, Suite, SystemClock};
/// let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// assert_eq!(ring.keys().count(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    name: Option<String>,
    rev: u64,
    keys: Vec<Key>,
    /// Indices into `keys`.
    by_kid: HashMap<Kid, u16>,
    /// Indices into `keys`.
    primaries: Vec<u16>,
    cache: ContextKeyCache,
    /// Made when the first message is signed or verified.
    signing: OnceLock<SigningKeys>,
}

impl Keyring {
    /// Most keys a ring may hold.
    pub const MAX_KEYS: usize = 4096;
    /// Largest revision and time, 2^53 - 1: keyring files hold no larger integer.
    pub(crate) const MAX_INTEGER: u64 = (1 << 53) - 1;
    const CACHED_CONTEXTS: usize = 1024;

    /// A ring with one new primary key for fields.
    ///
    /// # Errors
    /// [`Code::KeySuite`] if the suite is no AEAD, [`Code::Random`].
    pub fn generate(suite: Suite, clock: &dyn Clock, random: &dyn Random) -> Result<Self> {
        let key = Key::generate(new_kid(random)?, Purpose::Seal, suite, clock, random)?;
        Keyring::builder().primary(key).build()
    }

    /// Starts a ring of given keys.
    #[must_use]
    pub fn builder() -> KeyringBuilder {
        KeyringBuilder { name: None, rev: 0, keys: Vec::new(), primaries: Vec::new() }
    }

    /// Collects the keys of this ring, for a changed one.
    pub(super) fn to_builder(&self) -> KeyringBuilder {
        let Inner { name, rev, keys, primaries, .. } = &*self.0;
        KeyringBuilder { name: name.clone(), rev: *rev, keys: keys.clone(), primaries: primaries.clone() }
    }

    /// The name under which the ring was loaded or built.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The ring's revision: how often it was changed.
    #[must_use]
    pub fn rev(&self) -> u64 {
        self.0.rev
    }

    /// The keys, in the order in which they were added.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys.iter()
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&Key> {
        self.0.keys.get(usize::from(*self.0.by_kid.get(kid)?))
    }

    /// The keys that encrypt or sign, one for each purpose and scope.
    pub fn primaries(&self) -> impl Iterator<Item = &Key> {
        self.0.primaries.iter().filter_map(|&at| self.0.keys.get(usize::from(at)))
    }

    /// The primaries that cease to encrypt or sign before `now + within` (seconds), or have ceased already, with the
    /// moment in Unix seconds: a derived key with its root's if that is earlier. Add and promote others in time.
    pub fn expiring(&self, now: u64, within: u64) -> impl Iterator<Item = (&Key, u64)> {
        let end = |key: &Key| {
            let root = key.root().and_then(|root| self.key(root.as_str()));
            [key.expires, root.and_then(|root| root.expires)].into_iter().flatten().min()
        };
        let active = self.primaries().filter(|key| key.state == KeyState::Active);
        active
            .filter_map(move |key| Some((key, end(key)?)))
            .filter(move |(_, end)| *end <= now.saturating_add(within))
    }

    /// The primary with the most specific scope that the context satisfies.
    pub(crate) fn primary_for(&self, purpose: Purpose, context: &Context) -> Result<&Key> {
        self.primaries()
            .filter(|key| key.purpose == purpose && key.in_scope(context))
            .max_by_key(|key| key.scope.len())
            .ok_or_else(|| Error::new(Code::NoPrimary))
    }

    /// Whether the key may encrypt or sign under this context now; so must the root that it refers to.
    ///
    /// # Errors
    /// [`Code::ContextScope`], [`Code::KeyState`].
    pub(crate) fn check_encrypt(&self, key: &Key, context: &Context, now: u64) -> Result<()> {
        key.check_encrypt(context, now)?;
        match self.root_of(key)? {
            Some(root) => root.check_encrypt(context, now),
            None => Ok(()),
        }
    }

    /// Whether the key may decrypt a token of this suite under this context; so must the root that it refers to.
    ///
    /// # Errors
    /// [`Code::KeyPurpose`], [`Code::KeySuite`], [`Code::ContextScope`], [`Code::KeyState`].
    pub(crate) fn check_decrypt(
        &self,
        key: &Key,
        purpose: Purpose,
        suite: Suite,
        context: &Context,
    ) -> Result<()> {
        key.check_decrypt(purpose, suite, context)?;
        match self.root_of(key)? {
            Some(root) => root.check_decrypt(purpose, suite, context),
            None => Ok(()),
        }
    }

    /// The key of one context by itself, for a party that is to hold nothing else: an entry for a ring of its own, with
    /// the id, state, validity, principal and profiles of the key that it comes from.
    ///
    /// # Errors
    /// [`Code::UnknownKey`]; [`Code::ContextScope`] if the key does not serve the context; [`Code::ContextMissing`] if
    /// a key for fields is to be exported and the context has no `purpose`; [`Code::KeyState`] if it is disabled.
    pub fn export_context(&self, kid: &str, context: &Context) -> Result<Key> {
        let exported = self.exported(kid, context);
        if audit::is_heard(None) {
            let context_names: Vec<&str> = context.pairs().map(|(name, _)| name).collect();
            let secret = exported.as_ref().ok().and_then(|key| key.material.secret());
            audit::emit(
                None,
                &Event {
                    operation: Operation::Export,
                    policy: "",
                    rule: None,
                    key_id: Some(kid),
                    context_names: &context_names,
                    context_tag: secret.and_then(|secret| Some(ContextKey::of(secret).ok()?.audit_tag())),
                    count: 0,
                    accepted_plain: 0,
                    failure: exported.as_ref().err().map(Error::code),
                },
            );
        }
        exported
    }

    fn exported(&self, kid: &str, context: &Context) -> Result<Key> {
        let key = self.key(kid).ok_or_else(|| Error::new(Code::UnknownKey).with_kid(kid))?;
        key.check_scope(context)?;
        if matches!(key.purpose, Purpose::Seal | Purpose::Det) {
            context.demand_purpose()?;
        }
        for key in std::iter::once(key).chain(self.root_of(key)?) {
            if key.state == KeyState::Disabled {
                return Err(Error::because(Code::KeyState, "it is disabled").with_kid(key.kid.as_str()));
            }
        }
        let secret = match &key.material {
            Material::Delegated { secret, .. } => secret.clone(),
            Material::Raw(_) => {
                return Err(
                    Error::because(Code::KeyPurpose, "nothing is derived from a raw key").with_kid(kid)
                );
            }
            Material::Root(_) | Material::Reference { .. } => {
                let root = self.root_of(key)?.unwrap_or(key);
                let root = root.material.secret().ok_or_else(|| Error::new(Code::Internal))?;
                let digest = context.digest();
                ContextKey::secret(root.expose(), key.purpose.name(), key.suite, &key.kid, digest)?
            }
        };
        let material = Material::Delegated { context: context.clone(), secret };
        let mut exported =
            Key::with_material(key.kid.clone(), key.purpose, key.suite, key.created, material)?;
        exported.state = key.state;
        (exported.not_before, exported.expires) = (key.not_before, key.expires);
        (exported.principal, exported.profiles) = (key.principal.clone(), key.profiles.clone());
        exported.direction = key.direction;
        Ok(exported)
    }

    /// K_ctx of a key of this ring under a context that it serves, from the cache if it is there.
    pub(crate) fn context_key(&self, key: &Key, context: &Context) -> Result<Arc<ContextKey>> {
        let internal = || Error::new(Code::Internal);
        let at = *self.0.by_kid.get(key.kid.as_str()).ok_or_else(internal)?;
        self.0.cache.get(CacheKey { key: at, context: *context.digest() }, || {
            if let Material::Delegated { secret, .. } = &key.material {
                return ContextKey::of(secret);
            }
            let root = self.root_of(key)?.unwrap_or(key).material.secret().ok_or_else(internal)?;
            let digest = context.digest();
            ContextKey::derive(root.expose(), key.purpose.name(), key.suite, &key.kid, digest)
        })
    }

    /// The keys that sign and verify messages. They belong to this ring and go with it.
    pub(crate) fn signing(&self) -> Result<&SigningKeys> {
        if let Some(made) = self.0.signing.get() {
            return Ok(made);
        }
        let mut keys = SigningKeys::default();
        for (at, key) in self.0.keys.iter().enumerate() {
            if let Some(made) = self.signing_key(key)? {
                keys.add(SigningKey { primary: self.0.primaries.contains(&(at as u16)), ..made });
            }
        }
        Ok(self.0.signing.get_or_init(|| keys))
    }

    /// The key as it signs, if it does. State and validity are those that the root allows as well.
    fn signing_key(&self, key: &Key) -> Result<Option<SigningKey>> {
        let root = self.root_of(key)?.unwrap_or(key);
        let material = match &key.material {
            Material::Raw(raw) => raw.key().clone(),
            Material::Root(_) => return Ok(None),
            _ if key.purpose != Purpose::Sig => return Ok(None),
            Material::Delegated { secret, .. } => SignatureKey::hmac(secret.expose())?,
            Material::Reference { context, .. } => {
                let secret = root.material.secret().ok_or_else(|| Error::new(Code::Internal))?.expose();
                let digest = context.digest();
                let derived = ContextKey::secret(secret, key.purpose.name(), key.suite, &key.kid, digest)?;
                SignatureKey::hmac(derived.expose())?
            }
        };
        let state = match (key.state, root.state) {
            (KeyState::Active, state) | (state, KeyState::Active) => state,
            (KeyState::VerifyOnly, KeyState::VerifyOnly) => KeyState::VerifyOnly,
            _ => KeyState::Disabled,
        };
        Ok(Some(SigningKey {
            kid: key.kid.clone(),
            keyid: key.external_keyid.clone().unwrap_or_else(|| key.kid.to_string()),
            primary: false,
            state,
            not_before: key.not_before.max(root.not_before),
            expires: [key.expires, root.expires].into_iter().flatten().min(),
            principal: key.principal.clone(),
            profiles: key.profiles.clone(),
            direction: key.direction,
            scope: key.scope.clone(),
            material,
            replay_scope: OnceLock::new(),
        }))
    }

    /// The root that the key refers to, if it does.
    fn root_of(&self, key: &Key) -> Result<Option<&Key>> {
        match key.root() {
            Some(root) => self.key(root.as_str()).map(Some).ok_or_else(|| Error::new(Code::Internal)),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("name", &self.0.name)
            .field("rev", &self.0.rev)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}

/// Collects keys and checks that they make a ring.
#[derive(Debug)]
pub struct KeyringBuilder {
    pub(super) name: Option<String>,
    pub(super) rev: u64,
    pub(super) keys: Vec<Key>,
    /// Indices into `keys`.
    pub(super) primaries: Vec<u16>,
}

impl KeyringBuilder {
    /// Names the ring: what a file that holds it is bound to, and what a running service compares when it takes a new
    /// ring. A ring from a file has the name that it was loaded under.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets the revision, at most 2^53 - 1.
    #[must_use]
    pub fn rev(mut self, rev: u64) -> Self {
        self.rev = rev;
        self
    }

    /// Adds a key that encrypts for its purpose and scope.
    #[must_use]
    pub fn primary(mut self, key: Key) -> Self {
        self.primaries.push(self.keys.len() as u16);
        self.keys.push(key);
        self
    }

    /// Adds a key that only decrypts, or encrypts where a rule names it.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// Checks the keys, each and against each other. A ring that is built loads from a file again, if it is not too
    /// large for one.
    ///
    /// # Errors
    /// [`Code::KeyDuplicate`] if two share their id or secret; [`Code::KeyringFile`] if a state does not fit its
    /// purpose, two primaries could both serve one context, a scope or validity is malformed, the revision or a time
    /// is over 2^53 - 1, a derived key does not fit the root that it refers to, a key is for recipients
    /// ([`Purpose::Rcp`]), which no ring of this version holds, or there are more than [`Keyring::MAX_KEYS`]. A primary that is not active is allowed, so that it can be disabled at once: it
    /// then refuses to encrypt.
    pub fn build(self) -> Result<Keyring> {
        check::ring(&self)?;
        let cache = ContextKeyCache::new(Keyring::CACHED_CONTEXTS);
        let by_kid = self.keys.iter().enumerate().map(|(at, key)| (key.kid.clone(), at as u16)).collect();
        Ok(Keyring(Arc::new(Inner {
            name: self.name,
            rev: self.rev,
            keys: self.keys,
            by_kid,
            primaries: self.primaries,
            cache,
            signing: OnceLock::new(),
        })))
    }
}

/// A random key id: `k-` and 12 characters.
///
/// # Errors
/// [`Code::Random`].
pub fn new_kid(random: &dyn Random) -> Result<Kid> {
    let mut bytes = [0; 9];
    random.fill(&mut bytes)?;
    Kid::parse(&format!("k-{}", base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::keys::derive::Label;
    use crate::rng::OsRandom;

    fn key(kid: &str) -> Key {
        let kid = Kid::parse(kid).unwrap();
        Key::generate(kid, Purpose::Seal, Suite::Aes256Gcm, &FixedClock(5), &OsRandom).unwrap()
    }

    fn context(tenant: &str) -> Context {
        Context::new("orders").unwrap().with("tenant", tenant).unwrap()
    }

    /// What the key of a context does, which tells whether two are the same.
    fn effect(ring: &Keyring, kid: &str, context: &Context) -> [u8; 32] {
        let mut out = [0; 32];
        ring.context_key(ring.key(kid).unwrap(), context).unwrap().expand(Label::Key, &[], &mut out);
        out
    }

    #[test]
    fn an_exported_context_key_is_the_key_of_its_context() {
        let (root, acme) = (key("root"), context("acme"));
        let partner = Key::derived(Kid::parse("p1").unwrap(), &root, acme.clone(), &FixedClock(5)).unwrap();
        let ring = Keyring::builder().primary(root).key(partner).build().unwrap();
        for kid in ["root", "p1"] {
            let exported = ring.export_context(kid, &acme).unwrap();
            assert_eq!((exported.kid().as_str(), exported.context()), (kid, Some(&acme)));
            let alone = Keyring::builder().primary(exported).build().unwrap();
            assert_eq!(effect(&alone, kid, &acme), effect(&ring, kid, &acme));
            // What was exported can be handed on, and is the same again.
            let again = alone.export_context(kid, &acme).unwrap();
            assert_eq!(again.hazmat_secret(), alone.key(kid).unwrap().hazmat_secret());
        }
        assert_ne!(effect(&ring, "root", &acme), effect(&ring, "p1", &acme));
    }

    #[test]
    fn keys_are_known_to_expire_before_the_day() {
        let root = key("root").with_validity(None, Some(1000));
        let derived =
            |kid: &str| Key::derived(Kid::parse(kid).unwrap(), &root, context(kid), &FixedClock(5)).unwrap();
        let ring = Keyring::builder()
            .key(root.clone())
            .primary(derived("p1"))
            .primary(derived("p2").with_validity(None, Some(900)))
            .primary(key("k").with_scope([("purpose", "other")]).with_validity(None, Some(2000)))
            .primary(key("forever").with_scope([("purpose", "forever")]))
            .build()
            .unwrap();
        let due = |now: u64, within: u64| -> Vec<(String, u64)> {
            ring.expiring(now, within).map(|(key, end)| (key.kid().to_string(), end)).collect()
        };
        let entry = |kid: &str, end: u64| (kid.to_owned(), end);
        assert_eq!(due(0, 899), []);
        assert_eq!(due(0, 900), [entry("p2", 900)]);
        assert_eq!(due(5000, 0), [entry("p1", 1000), entry("p2", 900), entry("k", 2000)]);
        assert_eq!(due(u64::MAX, u64::MAX).len(), 3);
        assert!(ring.disable("k").unwrap().expiring(5000, 0).all(|(key, _)| key.kid().as_str() != "k"));
    }

    #[test]
    fn case_63_a_derived_key_serves_its_context_alone() {
        let (root, acme) = (key("root"), context("acme"));
        let partner = Key::derived(Kid::parse("p1").unwrap(), &root, acme.clone(), &FixedClock(5)).unwrap();
        let ring = Keyring::builder().primary(root).key(partner).build().unwrap();
        let delegated = ring.export_context("root", &acme).unwrap();
        let delegated = Keyring::builder().primary(delegated).build().unwrap();
        let wider = acme.clone().with("region", "eu").unwrap();
        for (ring, kid) in [(&ring, "p1"), (&delegated, "root")] {
            let key = ring.key(kid).unwrap();
            for other in [context("evil"), wider.clone(), Context::new("orders").unwrap()] {
                let encrypt = ring.check_encrypt(key, &other, 9).unwrap_err();
                let decrypt = ring.check_decrypt(key, Purpose::Seal, Suite::Aes256Gcm, &other).unwrap_err();
                let export = ring.export_context(kid, &other).unwrap_err();
                for error in [encrypt, decrypt, export] {
                    assert_eq!((error.code(), error.key_id()), (Code::ContextScope, Some(kid)));
                }
            }
            assert!(ring.check_encrypt(key, &acme, 9).is_ok());
        }
        // It is never a root: nothing is derived from it.
        let delegated = delegated.key("root").unwrap();
        let error = Key::derived(Kid::parse("p2").unwrap(), delegated, acme, &FixedClock(5)).unwrap_err();
        assert_eq!(error.code(), Code::KeyringFile);
    }

    #[test]
    fn an_exported_key_may_do_no_more_than_the_one_it_comes_from() {
        let brief = key("k1").with_validity(Some(7), Some(9)).with_state(KeyState::DecryptOnly);
        let ring = Keyring::builder().key(brief).build().unwrap();
        let exported = ring.export_context("k1", &context("acme")).unwrap();
        assert_eq!(exported.state(), KeyState::DecryptOnly);
        assert_eq!((exported.not_before(), exported.expires(), exported.created()), (Some(7), Some(9), 5));
    }

    #[test]
    fn what_may_not_be_exported() {
        let ring = Keyring::builder().primary(key("root").with_scope([("tenant", "acme")])).build().unwrap();
        let code = |ring: &Keyring, kid: &str, context: &Context| {
            ring.export_context(kid, context).unwrap_err().code()
        };
        assert_eq!(code(&ring, "x", &context("acme")), Code::UnknownKey);
        assert_eq!(code(&ring, "root", &context("evil")), Code::ContextScope);
        let purposeless = Context::from_pairs([("tenant", "acme")]).unwrap();
        assert_eq!(code(&ring, "root", &purposeless), Code::ContextMissing);
        assert_eq!(code(&ring.disable("root").unwrap(), "root", &context("acme")), Code::KeyState);
    }

    #[test]
    fn keys_do_not_print() {
        let text = format!("{:?}", Keyring::builder().primary(key("a")).build().unwrap());
        assert!(text.contains("Kid(a)") && !text.to_lowercase().contains("secret"), "{text}");
    }
}
