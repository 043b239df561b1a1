//! Which key encrypts, and which keys may decrypt, under a rule and a context.

use std::cell::RefCell;
use std::sync::Arc;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Purpose, Suite};
use crate::keys::derive::ContextKey;
use crate::keys::key::{Key, KeyState};
use crate::keys::ring::Keyring;
use crate::policy::Keys;
use crate::token::value::KeyUse;

/// A key of the ring with its K_ctx.
pub(crate) struct Chosen<'r> {
    pub(crate) key: &'r Key,
    context_key: Arc<ContextKey>,
}

impl Chosen<'_> {
    pub(crate) fn key_use(&self) -> KeyUse<'_> {
        KeyUse { kid: &self.key.kid, suite: self.key.suite, context_key: &self.context_key }
    }
}

/// The keys of a ring under one context, as rules see them. Layout D passes the `keys` of all its rules: the sets
/// are intersected.
pub(crate) struct KeyChoice<'r, 'c> {
    ring: &'r Keyring,
    context: &'c Context,
    primary: Option<&'r Key>,
    /// Rules mostly share their key: the ring's cache is asked once.
    last: RefCell<Option<(&'r Key, Arc<ContextKey>)>>,
}

impl<'r, 'c> KeyChoice<'r, 'c> {
    pub(crate) fn new(ring: &'r Keyring, context: &'c Context) -> Result<Self> {
        context.demand_purpose()?;
        let primary = ring.primary_for(Purpose::Seal, context).ok();
        Ok(KeyChoice { ring, context, primary, last: RefCell::new(None) })
    }

    /// The key that encrypts: the primary if allowed, else the only active key among the allowed ones.
    ///
    /// # Errors
    /// [`Code::NoPrimary`], [`Code::KeyState`], [`Code::ContextScope`].
    pub(crate) fn for_encryption<'k>(
        &self,
        rules: impl Iterator<Item = &'k Keys> + Clone,
        now: u64,
    ) -> Result<Chosen<'r>> {
        if let Some(primary) = self.primary
            && self.allowed(rules.clone(), primary)?
        {
            self.ring.check_encrypt(primary, self.context, now)?;
            return self.chosen(primary);
        }
        let mut active = Vec::new();
        for key in
            self.ring.keys().filter(|key| key.purpose == Purpose::Seal && key.state == KeyState::Active)
        {
            if self.allowed(rules.clone(), key)? {
                active.push(key);
            }
        }
        match active.as_slice() {
            [only] => {
                self.ring.check_encrypt(only, self.context, now)?;
                self.chosen(only)
            }
            [] => Err(Error::because(Code::NoPrimary, "none of the allowed keys is active")),
            _ => Err(Error::because(
                Code::NoPrimary,
                "several active keys are allowed and none of them is primary",
            )),
        }
    }

    /// The key that a token names, if it may decrypt.
    ///
    /// # Errors
    /// [`Code::UnknownKey`], [`Code::ContextScope`] of a derived key, [`Code::NoPrimary`], [`Code::KeyNotAllowed`], [`Code::KeyPurpose`],
    /// [`Code::KeySuite`], [`Code::ContextScope`], [`Code::KeyState`], in this order.
    pub(crate) fn for_decryption<'k>(
        &self,
        rules: impl Iterator<Item = &'k Keys> + Clone,
        kid: &str,
        suite: Suite,
    ) -> Result<Chosen<'r>> {
        let key = self.ring.key(kid).ok_or_else(|| Error::new(Code::UnknownKey).with_kid(kid))?;
        if key.context().is_some() {
            key.check_scope(self.context)?;
        }
        if !self.allowed(rules, key)? {
            let hint = "list it in the rule's \"keys\", which else are those of the primary's scope";
            return Err(Error::because(Code::KeyNotAllowed, hint).with_kid(kid));
        }
        self.ring.check_decrypt(key, Purpose::Seal, suite, self.context)?;
        self.chosen(key)
    }

    /// Whether every rule allows the key. A rule that refers to a primary is a fault where the ring has none,
    /// whatever the other rules say.
    fn allowed<'k>(&self, rules: impl Iterator<Item = &'k Keys>, key: &Key) -> Result<bool> {
        let mut allowed = true;
        for keys in rules {
            allowed &= match keys {
                Keys::Any => true,
                Keys::Listed(kids) => kids.contains(&key.kid),
                Keys::LikePrimary => key.scope == self.primary.ok_or_else(|| self.no_primary())?.scope,
            };
        }
        Ok(allowed)
    }

    /// A ring that encrypts with derived keys alone serves their contexts and no other.
    #[cold]
    fn no_primary(&self) -> Error {
        let mut primaries = self.ring.primaries().filter(|key| key.purpose == Purpose::Seal).peekable();
        if primaries.peek().is_some() && primaries.all(|key| key.context().is_some()) {
            return Error::because(
                Code::ContextScope,
                "the ring holds keys that were derived for other contexts",
            );
        }
        let detail = "the ring has none; list key ids in the rule's `keys`, or say \"any\"";
        Error::because(Code::NoPrimary, detail)
    }

    fn chosen(&self, key: &'r Key) -> Result<Chosen<'r>> {
        let mut last = self.last.borrow_mut();
        if let Some((own, found)) = &*last
            && std::ptr::eq(*own, key)
        {
            return Ok(Chosen { key, context_key: Arc::clone(found) });
        }
        let context_key = self.ring.context_key(key, self.context)?;
        *last = Some((key, Arc::clone(&context_key)));
        Ok(Chosen { key, context_key })
    }
}
