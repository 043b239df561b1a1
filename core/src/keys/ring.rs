//! The keyring: all keys that a party holds, and which of them encrypts.

use std::collections::{BTreeMap, HashMap};
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
    /// Largest revision and time, 2^53 - 1: keyring files hold no larger integer.
    const MAX_INTEGER: u64 = (1 << 53) - 1;
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
    /// is over 2^53 - 1, a key is for recipients ([`Purpose::Rcp`]), which no ring of this version holds, or there are
    /// more than [`Keyring::MAX_KEYS`]. A primary that is not active is allowed, so that it can be disabled at once: it
    /// then refuses to encrypt.
    pub fn build(self) -> Result<Keyring> {
        if self.keys.len() > Keyring::MAX_KEYS {
            return Err(invalid(format!("at most {} keys", Keyring::MAX_KEYS)));
        }
        if self.rev > Keyring::MAX_INTEGER {
            return Err(invalid("`rev` is over 2^53 - 1"));
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
    if key.purpose == Purpose::Rcp {
        return fault("no ring of this version holds a key of purpose `rcp`");
    }
    let times = [("created", Some(key.created)), ("not_before", key.not_before), ("expires", key.expires)];
    for (name, time) in times {
        if time.is_some_and(|time| time > Keyring::MAX_INTEGER) {
            return fault(&format!("`{name}` is over 2^53 - 1"));
        }
    }
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

/// Of two primaries with one purpose and equally many pairs, a name must have different values in the two.
fn check_primaries(keys: &[Key], primaries: &[u16]) -> Result<()> {
    let mut classes: BTreeMap<(Purpose, usize), Vec<&Key>> = BTreeMap::new();
    for key in primaries.iter().filter_map(|&at| keys.get(usize::from(at))) {
        classes.entry((key.purpose, key.scope.len())).or_default().push(key);
    }
    match classes.values().find_map(|class| first_tie(class)) {
        Some((one, other)) => Err(invalid(format!(
            "primary keys `{}` and `{}` could both serve one context",
            one.kid, other.kid
        ))),
        None => Ok(()),
    }
}

/// Two keys whose scopes contradict each other in no name. A row of bits for each key tells which keys it contradicts,
/// and a name fills it for all keys of one value at once: a full ring of full scopes takes milliseconds.
fn first_tie<'k>(class: &[&'k Key]) -> Option<(&'k Key, &'k Key)> {
    let words = class.len().div_ceil(64);
    let mut rows = vec![0_u64; class.len() * words];
    let mut pairs: Vec<(&str, &str, usize)> = Vec::new();
    for (at, key) in class.iter().enumerate() {
        pairs.extend(key.scope().map(|(name, value)| (name, value, at)));
    }
    pairs.sort_unstable();
    let bits = |members: &[(&str, &str, usize)]| {
        let mut bits = vec![0_u64; words];
        for (_, _, at) in members {
            if let Some(word) = bits.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        bits
    };
    for same_name in pairs.chunk_by(|a, b| a.0 == b.0) {
        let named = bits(same_name);
        for same_value in same_name.chunk_by(|a, b| a.1 == b.1).filter(|chunk| chunk.len() < same_name.len())
        {
            let own = bits(same_value);
            for (_, _, at) in same_value {
                let row = rows.get_mut(at * words..(at + 1) * words).unwrap_or_default();
                for ((word, named), own) in row.iter_mut().zip(&named).zip(&own) {
                    *word |= named & !own;
                }
            }
        }
    }
    for (at, (one, row)) in class.iter().zip(rows.chunks(words.max(1))).enumerate() {
        for (other_at, other) in class.iter().enumerate().skip(at + 1) {
            if row.get(other_at / 64).is_some_and(|word| word >> (other_at % 64) & 1 == 0) {
                return Some((one, other));
            }
        }
    }
    None
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
    fn ties_are_those_of_the_definition() {
        // Small alphabets, so that every overlap of names and values occurs.
        let tie = |a: &Key, b: &Key| {
            let contradict = |(name, value): (&str, &str)| b.scope().any(|(n, v)| n == name && v != value);
            a.scope.len() == b.scope.len() && !a.scope().any(contradict)
        };
        let mut ties = 0;
        for seed in 0_u32..2000 {
            let mut state = seed.wrapping_mul(2_654_435_761) | 1;
            let mut random = |below: u32| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state % below
            };
            let keys: Vec<Key> = (0..3)
                .map(|at| {
                    let (mask, values) = (random(16), random(256));
                    let names = (0..4).filter(|bit| mask >> bit & 1 == 1);
                    let pairs: Vec<_> = names
                        .map(|bit| (format!("n{bit}"), format!("v{}", values >> (2 * bit) & 3)))
                        .collect();
                    key(&format!("k{at}")).with_scope(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())))
                })
                .collect();
            let tied = (0..3).any(|a| (a + 1..3).any(|b| tie(&keys[a], &keys[b])));
            let builder = keys.iter().cloned().fold(Keyring::builder(), KeyringBuilder::primary);
            assert_eq!(builder.build().is_err(), tied, "{keys:?}");
            ties += u32::from(tied);
        }
        assert!((200..1800).contains(&ties), "{ties}");
    }

    #[test]
    fn a_ring_holds_only_what_files_can_hold() {
        const MAX: u64 = (1 << 53) - 1;
        let made = |created| {
            let kid = Kid::parse("a").unwrap();
            Key::generate(kid, Purpose::Seal, Suite::Aes256Gcm, &FixedClock(created), &OsRandom).unwrap()
        };
        let kid = Kid::parse("a").unwrap();
        let recipient = Key::hazmat_from_secret(kid, Purpose::Rcp, Suite::Aes256Gcm, &[1; 32]).unwrap();
        for (builder, name) in [
            (Keyring::builder().rev(MAX + 1), "`rev`"),
            (Keyring::builder().key(made(MAX + 1)), "`created`"),
            (Keyring::builder().key(key("a").with_validity(Some(MAX + 1), None)), "`not_before`"),
            (Keyring::builder().key(key("a").with_validity(None, Some(u64::MAX))), "`expires`"),
            (Keyring::builder().key(recipient), "`rcp`"),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.code(), Code::KeyringFile);
            assert!(error.detail().unwrap().contains(name), "{error}");
        }
        let largest = made(MAX).with_validity(Some(MAX - 1), Some(MAX));
        assert!(Keyring::builder().rev(MAX).key(largest).build().is_ok());
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
