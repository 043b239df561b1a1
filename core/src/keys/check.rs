//! What makes keys a ring: each is sound by itself, no two are the same, and it is never in doubt which one encrypts.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose};
use crate::keys::key::Key;
use crate::keys::material::Material;
use crate::keys::ring::{Keyring, KeyringBuilder};

/// # Errors
/// [`Code::KeyringFile`], [`Code::KeyDuplicate`].
pub(super) fn ring(builder: &KeyringBuilder) -> Result<()> {
    if builder.keys.len() > Keyring::MAX_KEYS {
        return Err(invalid(format!("at most {} keys", Keyring::MAX_KEYS)));
    }
    if builder.name.as_ref().is_some_and(|name| name.is_empty() || name.len() > Context::MAX_STRING) {
        return Err(invalid("the ring's name must have 1 to 1024 bytes"));
    }
    if builder.rev > Keyring::MAX_INTEGER {
        return Err(invalid("`rev` is over 2^53 - 1"));
    }
    for key in &builder.keys {
        check_key(key)?;
    }
    check_duplicates(&builder.keys)?;
    check_keyids(&builder.keys)?;
    if builder
        .primaries
        .iter()
        .any(|&at| matches!(builder.keys.get(usize::from(at)), Some(key) if key.purpose == Purpose::SigRaw))
    {
        return Err(invalid("a raw key is never primary: signers name it"));
    }
    let by_kid = builder.keys.iter().enumerate().map(|(at, key)| (key.kid.as_str(), at)).collect();
    for key in &builder.keys {
        check_reference(key, &builder.keys, &by_kid)?;
    }
    check_primaries(&builder.keys, &builder.primaries)
}

pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::because(Code::KeyringFile, detail)
}

fn check_key(key: &Key) -> Result<()> {
    let fault = |detail: &str| Err(invalid(detail).with_kid(key.kid.as_str()));
    if key.context().is_some_and(|context| !context.pairs().eq(key.scope())) {
        return fault("the scope of a derived key is its context");
    }
    if key.principal.as_ref().is_some_and(String::is_empty) {
        return fault("the principal is empty");
    }
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
        // The context of a derived key holds what the library adds for messages.
        let checked = match key.context() {
            Some(_) => Context::stored(pairs),
            None => Context::from_pairs(pairs),
        };
        if let Err(error) = checked {
            return Err(invalid(format!("scope: {}", error.code().sentence())).with_kid(key.kid.as_str()));
        }
    }
    if key.purpose == Purpose::SigRaw && !matches!(key.material, Material::Raw(_)) {
        return fault("only a raw key has the purpose `sig-raw`");
    }
    check_signing(key)?;
    // Raw keys derive nothing, so that no scope can keep contexts apart.
    let derives = !matches!(key.material, Material::Raw(_));
    if derives && key.scope.is_empty() && (key.imported || key.principal.is_some()) {
        return fault("a key with an imported secret or a principal needs a scope");
    }
    Ok(())
}

/// What only signing keys have.
fn check_signing(key: &Key) -> Result<()> {
    let fault = |detail: &str| Err(invalid(detail).with_kid(key.kid.as_str()));
    let signs = key.purpose == Purpose::SigRaw || (key.purpose == Purpose::Sig && key.context().is_some());
    if key.direction.is_some() && !signs {
        return fault("only a raw key, or a derived key that signs, has a direction");
    }
    match &key.external_keyid {
        Some(_) if key.purpose != Purpose::SigRaw => fault("only a raw key has an id outside of the ring"),
        Some(id)
            if id.is_empty() || id.len() > 256 || !id.bytes().all(|byte| matches!(byte, b' '..=b'~')) =>
        {
            fault("`external_keyid` has 1 to 256 printable ASCII characters")
        }
        _ if key.purpose == Purpose::SigRaw && key.direction.is_none() => {
            fault("a raw key needs a direction")
        }
        _ => Ok(()),
    }
}

/// A derived key is derived from a root of its own purpose and suite, for a context that the root serves.
fn check_reference(key: &Key, keys: &[Key], by_kid: &HashMap<&str, usize>) -> Result<()> {
    let Some(root) = key.root() else { return Ok(()) };
    let fault = |detail: &str| Err(invalid(detail).with_kid(key.kid.as_str()));
    let root = match by_kid.get(root.as_str()).and_then(|&at| keys.get(at)) {
        Some(root) if matches!(root.material, Material::Root(_)) => root,
        Some(root) if root.context().is_some() => {
            return fault("the key that it refers to is derived itself");
        }
        Some(_) => return fault("the key that it refers to is raw"),
        None => return fault("the root that it refers to is not in the ring"),
    };
    if (key.purpose, key.suite) != (root.purpose, root.suite) {
        return fault("its root has another purpose or suite");
    }
    if !key.context().is_some_and(|context| root.in_scope(context)) {
        return fault("its context is outside the scope of its root");
    }
    Ok(())
}

/// Equal ids or equal secrets, whatever the purpose. Secrets are compared by their digests, which are wiped.
fn check_duplicates(keys: &[Key]) -> Result<()> {
    let mut kids: Vec<&Kid> = keys.iter().map(|key| &key.kid).collect();
    kids.sort_unstable();
    let mut digests: Zeroizing<Vec<([u8; 32], u16)>> = Zeroizing::new(Vec::with_capacity(keys.len()));
    for (at, key) in keys.iter().enumerate() {
        // A public key counts as well: taken for a shared secret, everybody could sign with it.
        let (secret, public) = match &key.material {
            Material::Raw(raw) => (raw.secret(), raw.public()),
            material => (material.secret().map(|secret| &secret.expose()[..]), None),
        };
        for bytes in secret.into_iter().chain(public) {
            digests.push((padded_digest(bytes), at as u16));
        }
    }
    digests.sort_unstable();
    let same_kid =
        kids.windows(2).find_map(|two| matches!(two, [a, b] if a == b).then(|| two.first())).flatten();
    if let Some(kid) = same_kid {
        return Err(Error::because(Code::KeyDuplicate, "two keys have this id").with_kid(kid.as_str()));
    }
    let same_secret = digests.windows(2).find_map(|two| match two {
        [a, b] if a.0 == b.0 && a.1 != b.1 => keys.get(usize::from(b.1)),
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

/// HMAC takes a key and the same key with zeros after it for one (RFC 2104, section 2): both are compared as 64 bytes.
fn padded_digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.update([0; 64].get(bytes.len()..).unwrap_or_default());
    hash.finalize().into()
}

/// What messages call keys is looked up, so that no two may be called alike.
fn check_keyids(keys: &[Key]) -> Result<()> {
    let mut ids: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
    ids.extend(
        keys.iter().filter_map(|key| key.external_keyid.as_deref().filter(|id| *id != key.kid.as_str())),
    );
    ids.sort_unstable();
    match ids.windows(2).find(|two| matches!(two, [a, b] if a == b)) {
        Some(_) => Err(Error::because(Code::KeyDuplicate, "messages would call two keys by one id")),
        None => Ok(()),
    }
}

/// Of two primaries with one purpose and equally many pairs, a name must have different values in the two. A derived key
/// serves one context, so that only a scope of the very same pairs stands in its way.
fn check_primaries(keys: &[Key], primaries: &[u16]) -> Result<()> {
    let mut classes: BTreeMap<(Purpose, usize), Vec<&Key>> = BTreeMap::new();
    for key in primaries.iter().filter_map(|&at| keys.get(usize::from(at))) {
        classes.entry((key.purpose, key.scope.len())).or_default().push(key);
    }
    match classes.values().find_map(|class| tie(class)) {
        Some((one, other)) => Err(invalid(format!(
            "primary keys `{}` and `{}` could both serve one context",
            one.kid, other.kid
        ))),
        None => Ok(()),
    }
}

/// Two keys of one class that could both serve one context.
fn tie<'k>(class: &[&'k Key]) -> Option<(&'k Key, &'k Key)> {
    let mut sorted = class.to_vec();
    sorted.sort_by(|a, b| a.scope.cmp(&b.scope));
    let same = sorted.windows(2).find_map(|two| match two {
        [a, b] if a.scope == b.scope => Some((*a, *b)),
        _ => None,
    });
    sorted.retain(|key| key.context().is_none());
    same.or_else(|| first_tie(&sorted))
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
    use crate::ids::Suite;
    use crate::keys::key::KeyState;
    use crate::keys::material::Material;
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
        twin.material = original.material.clone();
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
    fn derived_keys_fit_their_roots() {
        let context = Context::new("orders").unwrap().with("tenant", "acme").unwrap();
        let other = Context::new("orders").unwrap().with("tenant", "evil").unwrap();
        let root = key("root").with_scope([("tenant", "acme")]);
        let derived = |kid: &str, root: &Key, context: &Context| {
            Key::derived(Kid::parse(kid).unwrap(), root, context.clone(), &FixedClock(5))
        };
        let good = derived("p1", &root, &context).unwrap();
        assert_eq!(derived("p1", &root, &other).unwrap_err().code(), Code::ContextScope);
        assert_eq!(derived("p2", &good, &context).unwrap_err().code(), Code::KeyringFile);
        let build =
            |keys: &[&Key]| keys.iter().fold(Keyring::builder(), |all, key| all.key((*key).clone())).build();
        assert!(build(&[&root, &good]).is_ok());

        let refused = |keys: &[&Key], detail: &str| {
            let error = build(keys).unwrap_err();
            assert_eq!(error.code(), Code::KeyringFile, "{error}");
            assert!(error.detail().unwrap().contains(detail), "{error}");
        };
        refused(&[&good], "not in the ring");
        let narrow = root.clone().with_scope([("tenant", "evil")]);
        refused(&[&narrow, &good], "outside the scope of its root");
        let mut purpose = good.clone();
        (purpose.purpose, purpose.suite) = (Purpose::Sig, Suite::HmacSha256);
        refused(&[&root, &purpose], "another purpose or suite");
        let mut suite = good.clone();
        suite.suite = Suite::ChaCha20Poly1305;
        refused(&[&root, &suite], "another purpose or suite");
        refused(&[&root, &good.clone().with_scope([("tenant", "acme")])], "is its context");
        let mut chain = good.clone();
        chain.kid = Kid::parse("p2").unwrap();
        chain.material = Material::Reference { context: context.clone(), root: good.kid.clone() };
        refused(&[&root, &good, &chain], "derived itself");

        // Delegated: the secret of the one is the secret of the other.
        let exported = build(&[&root, &good]).unwrap().export_context("p1", &context).unwrap();
        let mut twin = exported.clone();
        twin.kid = Kid::parse("twin").unwrap();
        assert_eq!(build(&[&exported, &twin]).unwrap_err().code(), Code::KeyDuplicate);
    }

    #[test]
    fn a_derived_primary_ties_only_with_the_very_same_pairs() {
        let context = Context::new("orders").unwrap().with("tenant", "acme").unwrap();
        let root = key("root");
        let derived = |kid: &str| {
            Key::derived(Kid::parse(kid).unwrap(), &root, context.clone(), &FixedClock(5)).unwrap()
        };
        let same = [("purpose", "orders"), ("tenant", "acme")];
        let ring = Keyring::builder().key(root.clone()).primary(derived("p1"));
        assert_eq!(code(ring.primary(key("k").with_scope(same))), Code::KeyringFile);
        let ring = Keyring::builder().key(root.clone()).primary(derived("p1"));
        assert_eq!(code(ring.primary(derived("p2"))), Code::KeyringFile);
        let unlike = [("purpose", "orders"), ("region", "eu")];
        let ring = Keyring::builder().key(root.clone()).primary(derived("p1"));
        let ring = ring.primary(key("k").with_scope(unlike)).build().unwrap();
        let wider = context.clone().with("region", "eu").unwrap();
        let primary =
            |context: &Context| ring.primary_for(Purpose::Seal, context).map(|key| key.kid().to_string());
        assert_eq!(primary(&context).unwrap(), "p1");
        assert_eq!(primary(&wider).unwrap(), "k");
    }
}
