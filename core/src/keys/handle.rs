//! The ring that a running service uses, to be exchanged while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Code, Error, Result};
use crate::keys::ring::Keyring;

/// A place that holds the current ring. Clones share it: ciphers, signers and verifiers that were made with one handle
/// all use the new ring from their next call on, and a key that is disabled in it stops at once, because cached keys
/// belong to one ring and go with it.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Code, Context, FieldCipher, Keyring, KeyringHandle, OsRandom, Policy, Suite, SystemClock};
/// # let policy = Policy::from_json(r#"{"apiseal_policy":1,"id":"p","rules":[{"path":"$.a","bind":[]}]}"#)?;
/// let handle = KeyringHandle::new(Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?);
/// let cipher = FieldCipher::new(handle.clone(), policy)?;
/// let context = Context::new("orders")?;
/// let sealed = cipher.encrypt(br#"{"a": 1}"#, &context)?;
///
/// let ring = handle.current();
/// let kid = ring.keys().next().map(|key| key.kid().to_string()).unwrap_or_default();
/// handle.replace(ring.disable(&kid)?)?;
/// assert_eq!(cipher.decrypt(&sealed, &context).unwrap_err().code(), Code::KeyState);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct KeyringHandle(Arc<RwLock<Keyring>>);

impl KeyringHandle {
    /// A handle that holds this ring.
    #[must_use]
    pub fn new(ring: Keyring) -> Self {
        KeyringHandle(Arc::new(RwLock::new(ring)))
    }

    /// The ring as it is now. Calls that have begun go on with the ring that they began with.
    #[must_use]
    pub fn current(&self) -> Keyring {
        // A ring is written whole or not at all: a panic elsewhere leaves it sound.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a new ring.
    ///
    /// # Errors
    /// [`Code::KeyringFile`] if it has another name, or a name where the current one has none; [`Code::KeyringRollback`]
    /// if its revision is lower. The current ring then stays.
    pub fn replace(&self, ring: Keyring) -> Result<()> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if ring.name() != current.name() {
            let name =
                |ring: &Keyring| ring.name().map_or_else(|| "no name".to_owned(), |name| format!("`{name}`"));
            let detail = format!("a ring of {} cannot take the place of {}", name(&ring), name(&current));
            return Err(Error::because(Code::KeyringFile, detail));
        }
        if ring.rev() < current.rev() {
            let detail = format!("revision {} is in use, {} was given", current.rev(), ring.rev());
            return Err(Error::because(Code::KeyringRollback, detail));
        }
        *current = ring;
        Ok(())
    }
}

impl From<Keyring> for KeyringHandle {
    fn from(ring: Keyring) -> Self {
        KeyringHandle::new(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(name: Option<&str>, rev: u64) -> Keyring {
        let builder = Keyring::builder().rev(rev);
        name.map_or(builder, |name| Keyring::builder().rev(rev).name(name)).build().unwrap()
    }

    #[test]
    fn case_75_another_name_or_a_lower_revision_is_refused() {
        let handle = KeyringHandle::new(ring(Some("production"), 7));
        let refused = |ring: Keyring| handle.replace(ring).unwrap_err().code();
        assert_eq!(refused(ring(Some("staging"), 8)), Code::KeyringFile);
        assert_eq!(refused(ring(None, 8)), Code::KeyringFile);
        assert_eq!(refused(ring(Some("production"), 6)), Code::KeyringRollback);
        assert_eq!(handle.current().rev(), 7);
        let shared = handle.clone();
        for rev in [7, 9] {
            handle.replace(ring(Some("production"), rev)).unwrap();
            assert_eq!(shared.current().rev(), rev);
        }
    }
}
