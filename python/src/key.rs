//! One key, and how keys are made.

use apiseal::{Context, Direction, KeyState, Kid, OsRandom, Purpose, Suite, SystemClock};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::context;
use crate::error::{Answer, Fault};

/// A key with its secret, which no call shows.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Key(pub(crate) apiseal::Key);

#[pymethods]
impl Key {
    #[staticmethod]
    #[pyo3(signature = (kid, *, purpose="seal", suite=None))]
    fn generate(kid: &str, purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        Ok(Key(apiseal::Key::generate(Kid::parse(kid)?, purpose, suite, &SystemClock, &OsRandom)?))
    }

    #[staticmethod]
    #[pyo3(signature = (kid, secret, *, purpose="seal", suite=None))]
    fn import_secret(kid: &str, secret: &[u8], purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        let secret = root_secret(secret)?;
        Ok(Key(apiseal::Key::import(Kid::parse(kid)?, purpose, suite, secret, &SystemClock)?))
    }

    #[staticmethod]
    #[pyo3(signature = (kid, secret, *, purpose="seal", suite=None))]
    fn hazmat_from_secret(kid: &str, secret: &[u8], purpose: &str, suite: Option<&str>) -> Answer<Self> {
        let (purpose, suite) = usage(purpose, suite)?;
        Ok(Key(apiseal::Key::hazmat_from_secret(Kid::parse(kid)?, purpose, suite, root_secret(secret)?)?))
    }

    #[staticmethod]
    fn derived(kid: &str, root: &Key, context: &Bound<'_, PyAny>) -> Answer<Self> {
        let context = context::stated(context)?;
        Ok(Key(apiseal::Key::derived(Kid::parse(kid)?, &root.0, context, &SystemClock)?))
    }

    #[staticmethod]
    fn raw(kid: &str, algorithm: &str, secret: &[u8]) -> Answer<Self> {
        Ok(Key(apiseal::Key::raw(Kid::parse(kid)?, suite(algorithm)?, secret, &SystemClock)?))
    }

    #[staticmethod]
    fn raw_public(kid: &str, algorithm: &str, public: &[u8]) -> Answer<Self> {
        Ok(Key(apiseal::Key::raw_public(Kid::parse(kid)?, suite(algorithm)?, public, &SystemClock)?))
    }

    #[staticmethod]
    fn from_pem(kid: &str, algorithm: &str, pem: &str) -> Answer<Self> {
        Ok(Key(apiseal::Key::from_pem(Kid::parse(kid)?, suite(algorithm)?, pem, &SystemClock)?))
    }

    #[staticmethod]
    fn from_jwk(kid: &str, algorithm: &str, jwk: &str) -> Answer<Self> {
        Ok(Key(apiseal::Key::from_jwk(Kid::parse(kid)?, suite(algorithm)?, jwk, &SystemClock)?))
    }

    #[staticmethod]
    fn from_jwks(kid: &str, algorithm: &str, jwks: &str, external_keyid: &str) -> Answer<Self> {
        let kid = Kid::parse(kid)?;
        Ok(Key(apiseal::Key::from_jwks(kid, suite(algorithm)?, jwks, external_keyid, &SystemClock)?))
    }

    fn to_jwk(&self) -> Option<String> {
        self.0.to_jwk()
    }

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
