//! Keys that sign and verify HTTP messages, and the closed set of them that a signer or verifier holds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::ids::{Direction, Kid, Suite};
use crate::keys::key::KeyState;
use crate::keys::sign::SignatureKey;

/// The profile that a key serves when it names none.
pub(crate) const DEFAULT_PROFILE: &str = "apiseal-v1";

/// A key with all that the ring pins to it.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pub(crate) kid: Kid,
    /// How messages call it: the kid, or the id that a foreign peer uses.
    pub(crate) keyid: String,
    /// Signs where a signer names no key.
    pub(crate) primary: bool,
    pub(crate) state: KeyState,
    pub(crate) not_before: Option<u64>,
    pub(crate) expires: Option<u64>,
    pub(crate) principal: Option<String>,
    /// None means [`DEFAULT_PROFILE`].
    pub(crate) profiles: Vec<String>,
    pub(crate) direction: Option<Direction>,
    /// The context of a derived key, or the scope of a raw one; ascending by name.
    pub(crate) scope: Vec<(String, String)>,
    pub(crate) material: SignatureKey,
    /// The first profile that asked for it, and its scope: most keys serve one.
    pub(crate) replay_scope: OnceLock<(String, [u8; 32])>,
}

fn scope_of(kid: &Kid, profile: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [kid.as_str(), profile] {
        hash.update((text.len() as u32).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

impl SigningKey {
    pub(crate) fn suite(&self) -> Suite {
        self.material.suite()
    }

    /// Whether the key may verify now. Expired keys stop verifying: a stolen one could sign with any date.
    ///
    /// # Errors
    /// [`Code::KeyState`].
    pub(crate) fn check_verify(&self, profile: &str, direction: Direction, now: u64) -> Result<()> {
        let state = matches!(self.state, KeyState::Active | KeyState::VerifyOnly);
        self.check(state, profile, direction, now)
    }

    /// Whether the key may sign now.
    ///
    /// # Errors
    /// [`Code::KeyState`].
    pub(crate) fn check_sign(&self, profile: &str, direction: Direction, now: u64) -> Result<()> {
        self.check(self.state == KeyState::Active, profile, direction, now)
    }

    /// SHA-256 over kid and profile, each with its length before it: what keeps nonces of different keys apart.
    pub(crate) fn replay_scope(&self, profile: &str) -> [u8; 32] {
        let (own, scope) =
            self.replay_scope.get_or_init(|| (profile.to_owned(), scope_of(&self.kid, profile)));
        if own == profile { *scope } else { scope_of(&self.kid, profile) }
    }

    pub(crate) fn serves(&self, profile: &str) -> bool {
        match self.profiles.as_slice() {
            [] => profile == DEFAULT_PROFILE,
            profiles => profiles.iter().any(|own| own == profile),
        }
    }

    fn check(&self, state: bool, profile: &str, direction: Direction, now: u64) -> Result<()> {
        let detail = if !state {
            format!("its state is `{}`", self.state.name())
        } else if self.not_before.is_some_and(|from| now < from) {
            "it is not valid yet".to_owned()
        } else if self.expires.is_some_and(|until| now >= until) {
            "it has expired".to_owned()
        } else if self.direction != Some(direction) {
            match self.direction {
                Some(own) => format!("it serves direction `{own}` only"),
                None => "it names no direction".to_owned(),
            }
        } else if !self.serves(profile) {
            format!("it does not serve the profile `{}`", profile.escape_debug())
        } else {
            return Ok(());
        };
        Err(Error::because(Code::KeyState, detail).with_kid(self.kid.as_str()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("state", &self.state)
            .field("material", &self.material)
            .finish_non_exhaustive()
    }
}

/// A closed set of keys: what a message says is only looked up here.
#[derive(Clone, Debug, Default)]
pub(crate) struct SigningKeys {
    keys: Vec<Arc<SigningKey>>,
    by_keyid: HashMap<String, usize>,
    by_kid: HashMap<Kid, usize>,
}

impl SigningKeys {
    /// Adds a key; the ring has made sure that no other is called alike.
    pub(crate) fn add(&mut self, key: SigningKey) {
        self.by_keyid.insert(key.keyid.clone(), self.keys.len());
        self.by_kid.insert(key.kid.clone(), self.keys.len());
        self.keys.push(Arc::new(key));
    }

    /// # Errors
    /// [`Code::UnknownKey`].
    pub(crate) fn get(&self, keyid: &str) -> Result<&Arc<SigningKey>> {
        let found = self.by_keyid.get(keyid).and_then(|at| self.keys.get(*at));
        found.ok_or_else(|| Error::new(Code::UnknownKey))
    }

    pub(crate) fn by_kid(&self, kid: &str) -> Option<&Arc<SigningKey>> {
        self.by_kid.get(kid).and_then(|at| self.keys.get(*at))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.keys.iter()
    }
}
