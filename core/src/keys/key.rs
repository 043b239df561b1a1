//! One key of a ring: its secret and what it may be used for.

use std::fmt;

use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose, Suite};
use crate::keys::material::Material;
use crate::rng::hazmat::Random;
use crate::secret::Secret32;

/// What a key may still do. Checked on every use, never when something enters a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Encrypts and decrypts, signs and verifies.
    Active,
    /// Decrypts what is stored; encrypts nothing new. It still opens forgeries if its secret leaked: disable it then.
    DecryptOnly,
    /// Verifies; signs nothing new.
    VerifyOnly,
    /// Does nothing at all.
    Disabled,
}

impl KeyState {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::DecryptOnly => "decrypt-only",
            KeyState::VerifyOnly => "verify-only",
            KeyState::Disabled => "disabled",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [KeyState::Active, KeyState::DecryptOnly, KeyState::VerifyOnly, KeyState::Disabled]
            .into_iter()
            .find(|state| state.name() == name)
    }

    pub(crate) fn fits(self, purpose: Purpose) -> bool {
        match self {
            KeyState::Active | KeyState::Disabled => true,
            KeyState::DecryptOnly => matches!(purpose, Purpose::Seal | Purpose::Det),
            KeyState::VerifyOnly => purpose == Purpose::Sig,
        }
    }
}

/// A key under a public id, pinned to one purpose and one suite: a root of 32 uniformly random bytes, from which a key
/// for each context is derived, or a *derived* key, which serves one context and no other.
#[derive(Clone)]
pub struct Key {
    pub(crate) kid: Kid,
    pub(crate) purpose: Purpose,
    pub(crate) suite: Suite,
    pub(crate) state: KeyState,
    pub(crate) created: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) expires: Option<u64>,
    /// Ascending by name; of a derived key the pairs of its context.
    pub(crate) scope: Vec<(String, String)>,
    pub(crate) imported: bool,
    pub(crate) principal: Option<String>,
    pub(crate) profiles: Vec<String>,
    pub(crate) material: Material,
}

impl Key {
    /// A new active key with a secret from `random`, created now.
    ///
    /// # Errors
    /// [`Code::KeySuite`] if the suite does not serve the purpose, [`Code::Random`].
    pub fn generate(
        kid: Kid,
        purpose: Purpose,
        suite: Suite,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self> {
        let secret = Secret32::filled(|bytes| random.fill(bytes))?;
        Key::with_material(kid, purpose, suite, clock.now(), Material::Root(secret))
    }

    /// A root whose secret was made elsewhere: 32 uniformly random bytes. Whoever else has them can do all that this
    /// key can, so that a ring takes such a key only with a scope.
    ///
    /// # Errors
    /// [`Code::KeySuite`] if the suite does not serve the purpose.
    pub fn import(
        kid: Kid,
        purpose: Purpose,
        suite: Suite,
        secret: &[u8; 32],
        clock: &dyn Clock,
    ) -> Result<Self> {
        let material = Material::Root(Secret32::copied(secret));
        let mut key = Key::with_material(kid, purpose, suite, clock.now(), material)?;
        key.imported = true;
        Ok(key)
    }

    /// A derived key: the key of one context, which the ring derives from a root that it holds. It has the root's
    /// purpose and suite and an id of its own, so that many parties can be served by one root and told apart.
    ///
    /// # Errors
    /// [`Code::KeyringFile`] if `root` is itself derived; [`Code::ContextScope`] if the context is outside its scope.
    pub fn derived(kid: Kid, root: &Key, context: Context, clock: &dyn Clock) -> Result<Self> {
        if root.context().is_some() {
            let detail = "a derived key is never a root";
            return Err(Error::because(Code::KeyringFile, detail).with_kid(root.kid.as_str()));
        }
        root.check_scope(&context)?;
        let material = Material::Reference { context, root: root.kid.clone() };
        Key::with_material(kid, root.purpose, root.suite, clock.now(), material)
    }

    /// A key with a given secret, for vectors and tests: a secret that is known elsewhere protects nothing.
    ///
    /// # Errors
    /// [`Code::KeySuite`] if the suite does not serve the purpose.
    pub fn hazmat_from_secret(kid: Kid, purpose: Purpose, suite: Suite, secret: &[u8; 32]) -> Result<Self> {
        Key::with_material(kid, purpose, suite, 0, Material::Root(Secret32::copied(secret)))
    }

    pub(crate) fn with_material(
        kid: Kid,
        purpose: Purpose,
        suite: Suite,
        created: u64,
        material: Material,
    ) -> Result<Self> {
        if !purpose.fits(suite) {
            let detail = format!("a key of purpose `{purpose}` cannot use suite `{suite}`");
            return Err(Error::because(Code::KeySuite, detail).with_kid(kid.as_str()));
        }
        let pairs = material.context().into_iter().flat_map(Context::pairs);
        let scope = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Key {
            kid,
            purpose,
            suite,
            state: KeyState::Active,
            created,
            not_before: None,
            expires: None,
            scope,
            imported: false,
            principal: None,
            profiles: Vec::new(),
            material,
        })
    }

    /// The same key in another state.
    #[must_use]
    pub fn with_state(mut self, state: KeyState) -> Self {
        self.state = state;
        self
    }

    /// The same key with a validity in Unix seconds: it encrypts and signs only from `not_before` on and before
    /// `expires`. Decryption depends on the state alone.
    #[must_use]
    pub fn with_validity(mut self, not_before: Option<u64>, expires: Option<u64>) -> Self {
        self.not_before = not_before;
        self.expires = expires;
        self
    }

    /// The same key, usable only under contexts that hold all these pairs. A derived key has its context for a scope
    /// and no other: no ring takes it with one.
    #[must_use]
    pub fn with_scope<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.scope = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.scope.sort();
        self
    }

    /// The same key for a party with this name, which whoever checks what the key made is told. It needs a scope.
    #[must_use]
    pub fn with_principal(mut self, principal: &str) -> Self {
        self.principal = Some(principal.to_owned());
        self
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// What the key is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The suite pinned to the key.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// What the key may still do.
    #[must_use]
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// When the key was made, in Unix seconds.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// From when the key encrypts, in Unix seconds.
    #[must_use]
    pub fn not_before(&self) -> Option<u64> {
        self.not_before
    }

    /// When the key ceases to encrypt, in Unix seconds.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// The only context that a derived key serves; `None` for a root.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        self.material.context()
    }

    /// Id of the root that a derived key is derived from, if the ring holds it.
    #[must_use]
    pub fn root(&self) -> Option<&Kid> {
        self.material.root()
    }

    /// The party that the key belongs to.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Whether the secret was made elsewhere.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.imported
    }

    /// Pairs that must stand in the context, ascending by name.
    pub fn scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scope.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The secret itself, for exchanging vectors between implementations: whoever reads it has the key. A derived key
    /// whose root is in the ring has none.
    #[must_use]
    pub fn hazmat_secret(&self) -> Option<&[u8; 32]> {
        self.material.secret().map(Secret32::expose)
    }

    /// Whether the key serves the context: every pair of the scope stands in it, and for a derived key no other pair.
    pub(crate) fn in_scope(&self, context: &Context) -> bool {
        match self.context() {
            Some(own) => own.digest() == context.digest(),
            None => self.scope.iter().all(|(name, value)| context.get(name) == Some(value)),
        }
    }

    /// Whether the key may encrypt under this context now.
    pub(crate) fn check_encrypt(&self, context: &Context, now: u64) -> Result<()> {
        self.check_scope(context)?;
        self.check_active(now)
    }

    /// Whether state and validity let the key encrypt or sign now.
    pub(crate) fn check_active(&self, now: u64) -> Result<()> {
        let detail = if self.state != KeyState::Active {
            format!("its state is `{}`", self.state.name())
        } else if self.not_before.is_some_and(|from| now < from) {
            "it is not valid yet".to_owned()
        } else if self.expires.is_some_and(|until| now >= until) {
            "it has expired".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::because(Code::KeyState, detail).with_kid(self.kid.as_str()))
    }

    /// Whether the key may decrypt a token of this purpose and suite under this context.
    pub(crate) fn check_decrypt(&self, purpose: Purpose, suite: Suite, context: &Context) -> Result<()> {
        if self.purpose != purpose {
            let detail = format!("its purpose is `{}`", self.purpose);
            return Err(Error::because(Code::KeyPurpose, detail).with_kid(self.kid.as_str()));
        }
        if self.suite != suite {
            let detail = format!("the ring pins it to `{}`", self.suite);
            return Err(Error::because(Code::KeySuite, detail).with_kid(self.kid.as_str()));
        }
        self.check_scope(context)?;
        if !matches!(self.state, KeyState::Active | KeyState::DecryptOnly) {
            let detail = format!("its state is `{}`", self.state.name());
            return Err(Error::because(Code::KeyState, detail).with_kid(self.kid.as_str()));
        }
        Ok(())
    }

    /// # Errors
    /// [`Code::ContextScope`]; nothing is derived for a context that the key does not serve.
    pub(crate) fn check_scope(&self, context: &Context) -> Result<()> {
        match self.context() {
            Some(own) if own.digest() == context.digest() => return Ok(()),
            Some(_) => {
                let detail = "the key was derived for another context";
                return Err(Error::because(Code::ContextScope, detail).with_kid(self.kid.as_str()));
            }
            None => {}
        }
        match self.scope.iter().find(|(name, value)| context.get(name) != Some(value)) {
            None => Ok(()),
            Some((name, _)) => {
                let detail = format!("the key demands another value of `{name}`");
                Err(Error::because(Code::ContextScope, detail).with_kid(self.kid.as_str()))
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("purpose", &self.purpose)
            .field("suite", &self.suite)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
