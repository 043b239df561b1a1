//! One key, and how keys are made.

use apiseal::{Context, Direction, KeyState, Kid, OsRandom, Purpose, Suite, SystemClock};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::context;
use crate::error::{Answer, Fault};

/// A key with its secret, which no call shows: made by the static methods, changed by replace(). It cannot be pickled.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Key(pub(crate) apiseal::Key);

#[pymethods]
impl Key {
    /// A new active root key with 32 random bytes, created now.
    ///
    /// kid: 1 to 32 characters of A-Z a-z 0-9 _ -. purpose: `seal` for fields, `sig` for deriving signing keys. suite: for
    /// `seal` `aes-256-gcm` (default) or `chacha20-poly1305`; for `sig` `hmac-sha256`.
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    #[pyo3(signature = (kid, *, purpose="seal", suite=None))]
    fn generate(kid: &str, purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        Ok(Key(apiseal::Key::generate(Kid::parse(kid)?, purpose, suite, &SystemClock, &OsRandom)?))
    }

    /// A root key whose 32 uniformly random bytes were made elsewhere. Whoever else has them can do all that this key
    /// can, so that a keyring takes it only with a scope.
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    #[pyo3(signature = (kid, secret, *, purpose="seal", suite=None))]
    fn import_secret(kid: &str, secret: &[u8], purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        let secret = root_secret(secret)?;
        Ok(Key(apiseal::Key::import(Kid::parse(kid)?, purpose, suite, secret, &SystemClock)?))
    }

    /// A root key of a known secret, for vectors and tests: a secret that is known elsewhere protects nothing.
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    #[pyo3(signature = (kid, secret, *, purpose="seal", suite=None))]
    fn hazmat_from_secret(kid: &str, secret: &[u8], purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        Ok(Key(apiseal::Key::hazmat_from_secret(Kid::parse(kid)?, purpose, suite, root_secret(secret)?)?))
    }

    /// The key of one context, which the keyring derives from `root` (which it must hold as well): many parties are
    /// served by one root and told apart.
    ///
    /// Raises KeyringError: `root` is itself derived. ContextError: the context is outside its scope.
    #[staticmethod]
    fn derived(kid: &str, root: &Key, context: &Bound<'_, PyAny>) -> Answer<Self> {
        let context = context::stated(context)?;
        Ok(Key(apiseal::Key::derived(Kid::parse(kid)?, &root.0, context, &SystemClock)?))
    }

    /// A signing key that is used as it is: `hmac-sha256` with a shared secret of 32 to 64 bytes, `ed25519` with a seed
    /// of 32 bytes, `ecdsa-p256-sha256` with a scalar of 32 bytes.
    ///
    /// Raises ArgumentError: no such algorithm. KeyringError: not a secret of it.
    #[staticmethod]
    fn raw(kid: &str, algorithm: &str, secret: &[u8]) -> Answer<Self> {
        Ok(Key(apiseal::Key::raw(Kid::parse(kid)?, suite(algorithm)?, secret, &SystemClock)?))
    }

    /// A public key that verifies: `ed25519` 32 bytes, ECDSA 0x04, x and y.
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    fn raw_public(kid: &str, algorithm: &str, public: &[u8]) -> Answer<Self> {
        Ok(Key(apiseal::Key::raw_public(Kid::parse(kid)?, suite(algorithm)?, public, &SystemClock)?))
    }

    /// A public key from PEM (SubjectPublicKeyInfo, RFC 5280, section 4.1).
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    fn from_pem(kid: &str, algorithm: &str, pem: &str) -> Answer<Self> {
        Ok(Key(apiseal::Key::from_pem(Kid::parse(kid)?, suite(algorithm)?, pem, &SystemClock)?))
    }

    /// A public key from a JWK (RFC 7517).
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    fn from_jwk(kid: &str, algorithm: &str, jwk: &str) -> Answer<Self> {
        Ok(Key(apiseal::Key::from_jwk(Kid::parse(kid)?, suite(algorithm)?, jwk, &SystemClock)?))
    }

    /// The public key of a JWK set whose `kid` is `external_keyid`, which is also how messages call it.
    ///
    /// Raises ArgumentError, KeyringError.
    #[staticmethod]
    fn from_jwks(kid: &str, algorithm: &str, jwks: &str, external_keyid: &str) -> Answer<Self> {
        let kid = Kid::parse(kid)?;
        Ok(Key(apiseal::Key::from_jwks(kid, suite(algorithm)?, jwks, external_keyid, &SystemClock)?))
    }

    /// The public key as a JWK; None if there is none.
    fn to_jwk(&self) -> Option<String> {
        self.0.to_jwk()
    }

    /// The same key with other properties; what is not stated stays.
    ///
    /// state: `active`, `decrypt-only`, `verify-only` or `disabled`. not_before, expires: Unix seconds between which it encrypts
    /// and signs. scope: pairs that must stand in every context. principal: whose key it is. profiles: signing profiles that
    /// it serves (default `apiseal-v1`). direction: `req` or `res`, without which a signing key serves nothing.
    /// external_keyid: how messages of a foreign peer call it.
    ///
    /// Raises ArgumentError, ContextError.
    #[pyo3(signature = (*, state=None, not_before=None, expires=None, scope=None, principal=None, profiles=None,
        direction=None, external_keyid=None))]
    fn replace(
        &self,
        state: Option<&str>,
        not_before: Option<u64>,
        expires: Option<u64>,
        scope: Option<&Bound<'_, PyAny>>,
        principal: Option<&str>,
        profiles: Option<Vec<String>>,
        direction: Option<&str>,
        external_keyid: Option<&str>,
    ) -> Answer<Self> {
        let mut key = self.0.clone();
        if let Some(name) = state {
            let states = "active, decrypt-only, verify-only or disabled";
            key = key.with_state(KeyState::from_name(name).ok_or_else(|| unknown("state", name, states))?);
        }
        if not_before.is_some() || expires.is_some() {
            let validity = (not_before.or_else(|| key.not_before()), expires.or_else(|| key.expires()));
            key = key.with_validity(validity.0, validity.1);
        }
        if let Some(scope) = scope {
            // Checked as a context is, but a key may have no scope.
            let pairs = context::texts(scope)?;
            let mut plain = Vec::with_capacity(pairs.len());
            for (name, value) in &pairs {
                plain.push((name.to_str()?, value.to_str()?));
            }
            if !plain.is_empty() {
                Context::from_pairs(plain.iter().copied())?;
            }
            key = key.with_scope(plain);
        }
        if let Some(principal) = principal {
            key = key.with_principal(principal);
        }
        if let Some(profiles) = profiles {
            key = key.with_profiles(profiles.iter().map(String::as_str));
        }
        if let Some(name) = direction {
            key = key.with_direction(direction_of(name)?);
        }
        if let Some(keyid) = external_keyid {
            key = key.with_external_keyid(keyid);
        }
        Ok(Key(key))
    }

    #[getter]
    fn kid(&self) -> &str {
        self.0.kid().as_str()
    }

    #[getter]
    fn purpose(&self) -> &'static str {
        self.0.purpose().name()
    }

    #[getter]
    fn suite(&self) -> &'static str {
        self.0.suite().name()
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.0.state().name()
    }

    #[getter]
    fn created(&self) -> u64 {
        self.0.created()
    }

    #[getter]
    fn not_before(&self) -> Option<u64> {
        self.0.not_before()
    }

    #[getter]
    fn expires(&self) -> Option<u64> {
        self.0.expires()
    }

    #[getter]
    fn scope<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.scope() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    #[getter]
    fn root(&self) -> Option<&str> {
        self.0.root().map(Kid::as_str)
    }

    #[getter]
    fn principal(&self) -> Option<&str> {
        self.0.principal()
    }

    #[getter]
    fn profiles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.profiles().collect::<Vec<_>>())
    }

    #[getter]
    fn direction(&self) -> Option<&'static str> {
        self.0.direction().map(Direction::name)
    }

    #[getter]
    fn external_keyid(&self) -> Option<&str> {
        self.0.external_keyid()
    }

    #[getter]
    fn is_imported(&self) -> bool {
        self.0.is_imported()
    }

    #[getter]
    fn public_key(&self) -> Option<&[u8]> {
        self.0.public_key()
    }

    fn __repr__(&self) -> String {
        let key = &self.0;
        format!("<apiseal.Key {} {} {} {}>", key.kid(), key.purpose(), key.suite(), key.state().name())
    }
}

/// Purpose and suite of a key that is made; the suite that fits if none is stated.
fn usage(purpose: &str, own: Option<&str>) -> Answer<(Purpose, Suite)> {
    let known = Purpose::from_name(purpose).ok_or_else(|| unknown("purpose", purpose, "seal or sig"))?;
    let usual = if known == Purpose::Sig { Suite::HmacSha256 } else { Suite::Aes256Gcm };
    Ok((known, own.map_or(Ok(usual), suite)?))
}

pub(crate) fn suite(name: &str) -> Answer<Suite> {
    let known: Vec<&str> = Suite::ALL.iter().map(|suite| suite.name()).collect();
    Suite::from_name(name).ok_or_else(|| unknown("suite", name, &known.join(", ")))
}

pub(crate) fn direction_of(name: &str) -> Answer<Direction> {
    Direction::from_name(name).ok_or_else(|| unknown("direction", name, "req or res"))
}

fn unknown(what: &str, name: &str, known: &str) -> Fault {
    Fault::argument(format!("there is no {what} `{name}`; use {known}"))
}

fn root_secret(secret: &[u8]) -> Answer<&[u8; 32]> {
    secret.try_into().map_err(|_| Fault::argument("a secret has 32 bytes"))
}
