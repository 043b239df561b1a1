//! A ring through its life. Each change gives a new ring of the next revision and leaves the old one as it was; a
//! running service takes the new one through its [`KeyringHandle`](crate::KeyringHandle).

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::ids::Purpose;
use crate::keys::key::{Key, KeyState};
use crate::keys::ring::{Keyring, KeyringBuilder};

impl Keyring {
    /// Adds a key that is not primary: it decrypts, and encrypts where a rule names it, until it is promoted.
    ///
    /// # Errors
    /// Those of [`KeyringBuilder::build`].
    pub fn with_key(&self, key: Key) -> Result<Keyring> {
        self.changed(|builder| {
            builder.keys.push(key);
            Ok(())
        })
    }

    /// Makes a key the one that encrypts or signs for its purpose and scope. The key that did so until now stays
    /// active beside it, so that every reader can learn the new key before the old one is retired.
    ///
    /// ```
    /// # fn main() -> apiseal::Result<()> {
    /// use apiseal::{Key, Keyring, Kid, OsRandom, Purpose, Suite, SystemClock};
    /// let old = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    /// let (kid, suite) = (Kid::parse("k2027")?, Suite::Aes256Gcm);
    /// let key = Key::generate(kid, Purpose::Seal, suite, &SystemClock, &OsRandom)?;
    /// let both = old.with_key(key)?;
    /// let new = both.promote("k2027", &SystemClock)?;
    /// assert_eq!(new.primaries().next().map(|key| key.kid().as_str()), Some("k2027"));
    /// assert_eq!(new.rev(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Code::UnknownKey`]; [`Code::KeyState`] if the key, or the root that it refers to, cannot encrypt now; those of
    /// [`KeyringBuilder::build`].
    pub fn promote(&self, kid: &str, clock: &dyn Clock) -> Result<Keyring> {
        let now = clock.now();
        self.changed(|builder| {
            let at = position(builder, kid)?;
            let (keys, primaries) = (&builder.keys, &mut builder.primaries);
            let key = keys.get(usize::from(at)).ok_or_else(|| Error::new(Code::Internal))?;
            key.check_active(now)?;
            if let Some(root) = key.root().and_then(|root| keys.iter().find(|own| own.kid() == root)) {
                root.check_active(now)?;
            }
            let stays = |other: &u16| {
                keys.get(usize::from(*other))
                    .is_some_and(|own| (own.purpose, &own.scope) != (key.purpose, &key.scope))
            };
            primaries.retain(stays);
            // They stand in the order of their keys, as a file lists them.
            primaries.insert(primaries.partition_point(|other| *other < at), at);
            Ok(())
        })
    }

    /// Lets a key only decrypt or verify from now on.
    ///
    /// # Errors
    /// [`Code::UnknownKey`]; [`Code::KeyState`] if it is not active, is primary or the root of one that could then encrypt
    /// nothing (promote another one first), or serves a purpose that has nothing between active and disabled.
    pub fn retire(&self, kid: &str) -> Result<Keyring> {
        self.changed(|builder| {
            let at = position(builder, kid)?;
            let fault = |detail: &str| Err(Error::because(Code::KeyState, detail).with_kid(kid));
            if builder.primaries.contains(&at) {
                return fault("it is primary; promote another key first");
            }
            let primaries = builder.primaries.iter().filter_map(|&at| builder.keys.get(usize::from(at)));
            let derived = |own: &&Key| own.root().is_some_and(|root| root.as_str() == kid);
            if let Some(own) = primaries.filter(|own| own.state == KeyState::Active).find(derived) {
                return fault(&format!(
                    "the primary key `{}` is derived from it; promote another key first",
                    own.kid
                ));
            }
            let key = entry(builder, at)?;
            if key.state != KeyState::Active {
                return fault("only an active key can be retired");
            }
            key.state = match key.purpose {
                Purpose::Sig | Purpose::SigRaw => KeyState::VerifyOnly,
                Purpose::Seal | Purpose::Det => KeyState::DecryptOnly,
                Purpose::Idx | Purpose::Rcp => {
                    return fault("a key of this purpose can be disabled, not retired");
                }
            };
            Ok(())
        })
    }

    /// Stops a key altogether, also if it is primary: what to do when its secret is known to somebody else. What it
    /// encrypted stays closed. Derived keys that refer to it stop with it.
    ///
    /// # Errors
    /// [`Code::UnknownKey`].
    pub fn disable(&self, kid: &str) -> Result<Keyring> {
        self.changed(|builder| {
            let at = position(builder, kid)?;
            entry(builder, at)?.state = KeyState::Disabled;
            Ok(())
        })
    }

    /// The same keys under the next revision, for a file that is sealed anew: with `min_rev` the file that was sealed
    /// before is refused.
    ///
    /// # Errors
    /// Those of [`KeyringBuilder::build`].
    pub fn renewed(&self) -> Result<Keyring> {
        self.changed(|_| Ok(()))
    }

    fn changed(&self, change: impl FnOnce(&mut KeyringBuilder) -> Result<()>) -> Result<Keyring> {
        let mut builder = self.to_builder();
        builder.rev += 1;
        change(&mut builder)?;
        builder.build()
    }
}

fn position(builder: &KeyringBuilder, kid: &str) -> Result<u16> {
    let at = builder.keys.iter().position(|key| key.kid.as_str() == kid);
    at.map(|at| at as u16).ok_or_else(|| Error::new(Code::UnknownKey).with_kid(kid))
}

fn entry(builder: &mut KeyringBuilder, at: u16) -> Result<&mut Key> {
    builder.keys.get_mut(usize::from(at)).ok_or_else(|| Error::new(Code::Internal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::context::Context;
    use crate::ids::{Kid, Suite};
    use crate::rng::OsRandom;

    const NOW: FixedClock = FixedClock(100);

    fn key(kid: &str) -> Key {
        purposed(kid, Purpose::Seal, Suite::Aes256Gcm)
    }

    fn purposed(kid: &str, purpose: Purpose, suite: Suite) -> Key {
        Key::generate(Kid::parse(kid).unwrap(), purpose, suite, &NOW, &OsRandom).unwrap()
    }

    fn primaries(ring: &Keyring) -> Vec<&str> {
        ring.primaries().map(|key| key.kid().as_str()).collect()
    }

    fn code(result: Result<Keyring>) -> Code {
        result.unwrap_err().code()
    }

    #[test]
    fn a_rotation_in_its_steps() {
        let first = Keyring::builder().name("main").rev(7).primary(key("a")).build().unwrap();
        let both = first.with_key(key("b")).unwrap();
        assert_eq!((both.rev(), both.name(), primaries(&both)), (8, Some("main"), vec!["a"]));
        assert_eq!(code(both.retire("a")), Code::KeyState);
        let promoted = both.promote("b", &NOW).unwrap();
        assert_eq!((promoted.rev(), primaries(&promoted)), (9, vec!["b"]));
        assert_eq!(promoted.key("a").unwrap().state(), KeyState::Active);
        let retired = promoted.retire("a").unwrap();
        assert_eq!(retired.key("a").unwrap().state(), KeyState::DecryptOnly);
        assert_eq!(code(retired.retire("a")), Code::KeyState);
        assert_eq!(code(retired.promote("a", &NOW)), Code::KeyState);
        let disabled = retired.disable("a").unwrap();
        assert_eq!(disabled.key("a").unwrap().state(), KeyState::Disabled);
        assert_eq!((disabled.rev(), first.rev(), first.keys().count()), (11, 7, 1));
        for unknown in [disabled.promote("x", &NOW), disabled.retire("x"), disabled.disable("x")] {
            assert_eq!(code(unknown), Code::UnknownKey);
        }
        assert_eq!(code(disabled.with_key(key("a"))), Code::KeyDuplicate);
        assert_eq!(disabled.renewed().unwrap().rev(), 12);
    }

    #[test]
    fn a_primary_is_promoted_for_its_own_scope_and_purpose_only() {
        let scoped = |kid: &str, tenant: &str| key(kid).with_scope([("tenant", tenant)]);
        let ring = Keyring::builder()
            .primary(key("all"))
            .primary(scoped("one", "1"))
            .primary(purposed("sig", Purpose::Sig, Suite::HmacSha256))
            .key(scoped("one-new", "1"))
            .key(scoped("two", "2"))
            .build()
            .unwrap();
        let ring = ring.promote("one-new", &NOW).unwrap().promote("two", &NOW).unwrap();
        assert_eq!(primaries(&ring), ["all", "sig", "one-new", "two"]);
        assert_eq!(primaries(&ring.promote("two", &NOW).unwrap()), ["all", "sig", "one-new", "two"]);
        // A scope that could serve the same context as another primary's is refused, not silently replaced.
        let tie = ring.with_key(key("tie").with_scope([("region", "eu")])).unwrap();
        assert_eq!(code(tie.promote("tie", &NOW)), Code::KeyringFile);
    }

    #[test]
    fn what_cannot_encrypt_now_is_not_promoted() {
        let ring = Keyring::builder()
            .primary(key("a"))
            .key(key("early").with_validity(Some(101), None))
            .key(key("late").with_validity(None, Some(100)))
            .key(key("only").with_state(KeyState::DecryptOnly))
            .build()
            .unwrap();
        for kid in ["early", "late", "only"] {
            assert_eq!(code(ring.promote(kid, &NOW)), Code::KeyState, "{kid}");
        }
    }

    #[test]
    fn retiring_follows_the_purpose() {
        let ring = Keyring::builder()
            .key(purposed("sig", Purpose::Sig, Suite::HmacSha256))
            .key(purposed("idx", Purpose::Idx, Suite::IndexHmacSha256))
            .build()
            .unwrap();
        assert_eq!(ring.retire("sig").unwrap().key("sig").unwrap().state(), KeyState::VerifyOnly);
        assert_eq!(code(ring.retire("idx")), Code::KeyState);
        assert_eq!(ring.disable("idx").unwrap().key("idx").unwrap().state(), KeyState::Disabled);
    }

    #[test]
    fn a_derived_key_stops_with_its_root() {
        let (root, context) = (key("root"), Context::new("orders").unwrap());
        let derived = Key::derived(Kid::parse("p1").unwrap(), &root, context.clone(), &NOW).unwrap();
        let ring = Keyring::builder().key(root).primary(derived).build().unwrap();
        let check = |ring: &Keyring| {
            let key = ring.key("p1").unwrap();
            let decrypt = ring.check_decrypt(key, Purpose::Seal, Suite::Aes256Gcm, &context);
            (ring.check_encrypt(key, &context, 100).is_ok(), decrypt.is_ok())
        };
        assert_eq!(check(&ring), (true, true));
        // Nothing would encrypt in its context any more.
        let refused = ring.retire("root").unwrap_err();
        assert_eq!((refused.code(), refused.key_id()), (Code::KeyState, Some("root")));
        assert!(refused.detail().unwrap().contains("`p1`"), "{refused}");
        let other = ring.with_key(key("other")).unwrap();
        let next = Kid::parse("p2").unwrap();
        let next = Key::derived(next, other.key("other").unwrap(), context.clone(), &NOW).unwrap();
        let rotated = other.with_key(next).unwrap().promote("p2", &NOW).unwrap();
        assert_eq!(check(&rotated.retire("root").unwrap()), (false, true));
        assert_eq!(check(&ring.disable("root").unwrap()), (false, false));
        assert_eq!(code(ring.disable("root").unwrap().promote("p1", &NOW)), Code::KeyState);
    }
}
