//! The keyring: all keys that a party holds, and which of them encrypts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose, Suite};
use crate::keys::cache::ContextKeyCache;
use crate::keys::derive::ContextKey;
use crate::keys::key::Key;
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
    rev: u64,
    keys: Vec<Key>,
    /// Indices into `keys`.
    by_kid: HashMap<Kid, u16>,
    /// Indices into `keys`.
    primaries: Vec<u16>,
    cache: ContextKeyCache,
}

impl Keyring {
    /// Most keys a ring may hold.
    pub const MAX_KEYS: usize = 4096;
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
        KeyringBuilder { rev: 0, keys: Vec::new(), primaries: Vec::new() }
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

    /// The primary with the most specific scope that the context satisfies.
    pub(crate) fn primary_for(&self, purpose: Purpose, context: &Context) -> Result<&Key> {
        self.primaries()
            .filter(|key| key.purpose == purpose && key.in_scope(context))
            .max_by_key(|key| key.scope.len())
            .ok_or_else(|| Error::new(Code::NoPrimary))
    }

    /// K_ctx of a key of this ring, from the cache if it is there.
    pub(crate) fn context_key(&self, key: &Key, context: &Context) -> Result<Arc<ContextKey>> {
        let at = *self.0.by_kid.get(key.kid.as_str()).ok_or_else(|| Error::new(Code::Internal))?;
        self.0.cache.get((at, *context.digest()), || {
            ContextKey::derive(key.secret.expose(), key.purpose.name(), key.suite, &key.kid, context.digest())
        })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("rev", &self.0.rev)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}

/// Collects keys and checks that they make a ring.
#[derive(Debug)]
pub struct KeyringBuilder {
    rev: u64,
    keys: Vec<Key>,
    primaries: Vec<u16>,
}

impl KeyringBuilder {
    /// Sets the revision.
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

    /// Checks the keys against each other.
    ///
    /// # Errors
    /// [`Code::KeyDuplicate`] if two share their id or secret; [`Code::KeyringFile`] if a state does not fit its
    /// purpose, two primaries could both serve one context, a scope or validity is malformed, or there are more than
    /// [`Keyring::MAX_KEYS`]. A primary that is not active is allowed, so that it can be disabled at once: it then
    /// refuses to encrypt.
    pub fn build(self) -> Result<Keyring> {
        if self.keys.len() > Keyring::MAX_KEYS {
            return Err(invalid(format!("at most {} keys", Keyring::MAX_KEYS)));
        }
        for key in &self.keys {
            check_key(key)?;
        }
        check_duplicates(&self.keys)?;
        check_primaries(&self.keys, &self.primaries)?;
        let cache = ContextKeyCache::new(Keyring::CACHED_CONTEXTS);
        let by_kid = self.keys.iter().enumerate().map(|(at, key)| (key.kid.clone(), at as u16)).collect();
        Ok(Keyring(Arc::new(Inner {
            rev: self.rev,
            keys: self.keys,
            by_kid,
            primaries: self.primaries,
            cache,
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

fn invalid(detail: impl Into<String>) -> Error {
    Error::because(Code::KeyringFile, detail)
}

fn check_key(key: &Key) -> Result<()> {
    let fault = |detail: &str| Err(invalid(detail).with_kid(key.kid.as_str()));
    if !key.state.fits(key.purpose) {
        return fault("the state does not fit the purpose");
    }
    if let (Some(from), Some(until)) = (key.not_before, key.expires)
        && until <= from
    {
        return fault("`expires` must be later than `not_before`");
    }
    if !key.scope.is_empty() {
        let pairs = key.scope.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if let Err(error) = Context::from_pairs(pairs) {
            return Err(invalid(format!("scope: {}", error.code().sentence())).with_kid(key.kid.as_str()));
        }
    }
    if key.scope.is_empty() && (key.imported || key.principal.is_some()) {
        return fault("a key with an imported secret or a principal needs a scope");
    }
    Ok(())
}

/// Equal ids or equal secrets, whatever the purpose. Secrets are compared by their digests, which are wiped.
fn check_duplicates(keys: &[Key]) -> Result<()> {
    let mut kids: Vec<&Kid> = keys.iter().map(|key| &key.kid).collect();
    kids.sort_unstable();
    let mut digests: Zeroizing<Vec<([u8; 32], u16)>> = Zeroizing::new(Vec::with_capacity(keys.len()));
    for (at, key) in keys.iter().enumerate() {
        digests.push((Sha256::digest(key.secret.expose()).into(), at as u16));
    }
    digests.sort_unstable();
    let same_kid =
        kids.windows(2).find_map(|two| matches!(two, [a, b] if a == b).then(|| two.first())).flatten();
    if let Some(kid) = same_kid {
        return Err(Error::because(Code::KeyDuplicate, "two keys have this id").with_kid(kid.as_str()));
    }
    let same_secret = digests.windows(2).find_map(|two| match two {
        [a, b] if a.0 == b.0 => keys.get(usize::from(b.1)),
        _ => None,
    });
    match same_secret {
        Some(key) => {
            Err(Error::because(Code::KeyDuplicate, "another key has the same secret")
                .with_kid(key.kid.as_str()))
        }
        None => Ok(()),
    }
}

fn check_primaries(keys: &[Key], primaries: &[u16]) -> Result<()> {
    let primaries: Vec<&Key> = primaries.iter().filter_map(|&at| keys.get(usize::from(at))).collect();
    for (at, one) in primaries.iter().enumerate() {
        for other in primaries.iter().skip(at + 1) {
            let contradict = |(name, value): &(String, String)| {
                other.scope.iter().any(|(other_name, other_value)| name == other_name && value != other_value)
            };
            if one.purpose == other.purpose
                && one.scope.len() == other.scope.len()
                && !one.scope.iter().any(contradict)
            {
                let detail =
                    format!("primary keys `{}` and `{}` could both serve one context", one.kid, other.kid);
                return Err(invalid(detail));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::keys::key::KeyState;
    use crate::rng::OsRandom;

    fn key(kid: &str) -> Key {
        let kid = Kid::parse(kid).unwrap();
        Key::generate(kid, Purpose::Seal, Suite::Aes256Gcm, &FixedClock(5), &OsRandom).unwrap()
    }

    fn code(builder: KeyringBuilder) -> Code {
        builder.build().unwrap_err().code()
    }

    #[test]
    fn case_38_duplicates_are_refused() {
        assert_eq!(code(Keyring::builder().key(key("a")).key(key("b")).key(key("a"))), Code::KeyDuplicate);
        let mut twin = key("b");
        let original = key("a");
        twin.secret = original.secret.clone();
        twin.purpose = Purpose::Sig;
        twin.suite = Suite::HmacSha256;
        assert_eq!(code(Keyring::builder().key(original).key(twin)), Code::KeyDuplicate);
    }

    #[test]
    fn primaries_are_unambiguous() {
        assert_eq!(code(Keyring::builder().primary(key("a")).primary(key("b"))), Code::KeyringFile);
        let scoped = |kid: &str, name: &str, value: &str| key(kid).with_scope([(name, value)]);
        let tie = Keyring::builder().primary(scoped("a", "t", "1")).primary(scoped("b", "u", "1"));
        assert_eq!(code(tie), Code::KeyringFile);
        let ring = Keyring::builder()
            .primary(key("root"))
            .primary(scoped("one", "t", "1"))
            .primary(scoped("two", "t", "2"))
            .build()
            .unwrap();
        let chosen = |pairs: &[(&str, &str)]| {
            let context = Context::from_pairs(pairs.iter().copied()).unwrap();
            ring.primary_for(Purpose::Seal, &context).unwrap().kid().to_string()
        };
        assert_eq!(chosen(&[("purpose", "p")]), "root");
        assert_eq!(chosen(&[("purpose", "p"), ("t", "1")]), "one");
        assert_eq!(chosen(&[("purpose", "p"), ("t", "2")]), "two");
        assert_eq!(chosen(&[("purpose", "p"), ("t", "3")]), "root");
    }

    #[test]
    fn states_scopes_and_validity_are_checked() {
        assert_eq!(
            code(Keyring::builder().key(key("a").with_state(KeyState::VerifyOnly))),
            Code::KeyringFile
        );
        assert_eq!(code(Keyring::builder().key(key("a").with_validity(Some(9), Some(9)))), Code::KeyringFile);
        assert_eq!(code(Keyring::builder().key(key("a").with_scope([("", "x")]))), Code::KeyringFile);
        let mut imported = key("a");
        imported.imported = true;
        assert_eq!(code(Keyring::builder().key(imported.clone())), Code::KeyringFile);
        assert!(Keyring::builder().key(imported.with_scope([("t", "1")])).build().is_ok());

        let context = Context::new("p").unwrap();
        let valid = key("a").with_validity(Some(10), Some(20));
        assert_eq!(valid.check_encrypt(&context, 9).unwrap_err().code(), Code::KeyState);
        assert!(valid.check_encrypt(&context, 10).is_ok());
        assert_eq!(valid.check_encrypt(&context, 20).unwrap_err().code(), Code::KeyState);
        assert!(valid.check_decrypt(Purpose::Seal, Suite::Aes256Gcm, &context).is_ok());
    }

    #[test]
    fn keys_do_not_print() {
        let text = format!("{:?}", Keyring::builder().primary(key("a")).build().unwrap());
        assert!(text.contains("Kid(a)") && !text.to_lowercase().contains("secret"), "{text}");
    }
}
