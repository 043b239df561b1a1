//! Keyrings, in memory and at rest.

use std::path::PathBuf;

use apiseal::{KeyringFile, KeyringHandle, Kid, OsRandom, SystemClock, Wrap};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::context;
use crate::error::{Answer, Fault};
use crate::key::{self, Key};

/// A set of keys, in which the kids of `primary` name the one that encrypts or signs for each purpose and scope. It is shared
/// by reference: what it holds changes only by replace(), and then for every cipher, signer and verifier that was made with
/// it. The methods that change a ring give a new one of the next revision.
///
/// Raises ArgumentError, KeyringError: the keys contradict each other.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Keyring(pub(crate) KeyringHandle);

impl Keyring {
    fn of(ring: apiseal::Keyring) -> Self {
        Keyring(KeyringHandle::new(ring))
    }
}

#[pymethods]
impl Keyring {
    #[new]
    #[pyo3(signature = (keys, *, primary=None, name=None, rev=None))]
    fn new(
        keys: Vec<PyRef<'_, Key>>,
        primary: Option<Vec<String>>,
        name: Option<&str>,
        rev: Option<u64>,
    ) -> Answer<Self> {
        let primary = primary.unwrap_or_default();
        let mut builder = apiseal::Keyring::builder();
        for kid in &primary {
            if !keys.iter().any(|key| key.0.kid().as_str() == kid) {
                return Err(Fault::argument(format!("`{kid}` is to be primary and is not among the keys")));
            }
        }
        for own in &keys {
            let key = own.0.clone();
            let is_primary = primary.iter().any(|kid| kid == key.kid().as_str());
            builder = if is_primary { builder.primary(key) } else { builder.key(key) };
        }
        if let Some(name) = name {
            builder = builder.name(name);
        }
        if let Some(rev) = rev {
            builder = builder.rev(rev);
        }
        Ok(Keyring::of(builder.build()?))
    }

    /// A keyring of one new primary key for fields.
    ///
    /// suite: `aes-256-gcm` or `chacha20-poly1305`.
    #[staticmethod]
    #[pyo3(signature = (suite="aes-256-gcm"))]
    fn generate(suite: &str) -> Answer<Self> {
        Ok(Keyring::of(apiseal::Keyring::generate(key::suite(suite)?, &SystemClock, &OsRandom)?))
    }

    /// Opens a sealed keyring file, which only its owner may read (mode 0600).
    ///
    /// name: the name that it was sealed under. passphrase (Argon2id: 64 MiB and a fraction of a second) or wrapping_key (32
    /// bytes), one of the two. min_rev: an older revision is refused.
    ///
    /// Raises KeyringError: cannot be read, wrong secret or name, altered, too old, readable by others.
    #[staticmethod]
    #[pyo3(signature = (path, name, *, passphrase=None, wrapping_key=None, min_rev=None))]
    fn load(
        py: Python<'_>,
        path: PathBuf,
        name: &str,
        passphrase: Option<Secret>,
        wrapping_key: Option<Secret>,
        min_rev: Option<u64>,
    ) -> Answer<Self> {
        let wrap = wrap(passphrase, wrapping_key)?;
        Ok(Keyring::of(py.detach(|| KeyringFile::load(&path, name, &wrap, min_rev))?))
    }

    /// As load(), from bytes.
    #[staticmethod]
    #[pyo3(signature = (file, name, *, passphrase=None, wrapping_key=None, min_rev=None))]
    fn open(
        py: Python<'_>,
        file: &[u8],
        name: &str,
        passphrase: Option<Secret>,
        wrapping_key: Option<Secret>,
        min_rev: Option<u64>,
    ) -> Answer<Self> {
        let wrap = wrap(passphrase, wrapping_key)?;
        Ok(Keyring::of(py.detach(|| KeyringFile::open(file, name, &wrap, min_rev))?))
    }

    /// Reads a keyring file that is in clear: whoever can read it has every key.
    ///
    /// Raises KeyringError.
    #[staticmethod]
    #[pyo3(signature = (path, name, *, min_rev=None))]
    fn hazmat_load_clear(path: PathBuf, name: &str, min_rev: Option<u64>) -> Answer<Self> {
        Ok(Keyring::of(KeyringFile::hazmat_load_clear(&path, name, min_rev)?))
    }

    /// Writes a sealed keyring file with mode 0600, by rename: a reader sees the old one or the new one. An existing file
    /// is replaced only with `overwrite`.
    ///
    /// Raises KeyringError, ArgumentError.
    #[pyo3(signature = (path, name, *, passphrase=None, wrapping_key=None, overwrite=false))]
    fn save(
        &self,
        py: Python<'_>,
        path: PathBuf,
        name: &str,
        passphrase: Option<Secret>,
        wrapping_key: Option<Secret>,
        overwrite: bool,
    ) -> Answer<()> {
        let (wrap, ring) = (wrap(passphrase, wrapping_key)?, self.0.current());
        Ok(py.detach(|| match overwrite {
            true => KeyringFile::save(&path, &ring, name, &wrap, &OsRandom),
            false => KeyringFile::create(&path, &ring, name, &wrap, &OsRandom),
        })?)
    }

    /// The bytes of a sealed keyring file.
    ///
    /// Raises KeyringError, ArgumentError.
    #[pyo3(signature = (name, *, passphrase=None, wrapping_key=None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        passphrase: Option<Secret>,
        wrapping_key: Option<Secret>,
    ) -> Answer<Bound<'py, PyBytes>> {
        let (wrap, ring) = (wrap(passphrase, wrapping_key)?, self.0.current());
        Ok(PyBytes::new(py, &py.detach(|| KeyringFile::seal(&ring, name, &wrap, &OsRandom))?))
    }

    /// A ring with one key more.
    ///
    /// Raises KeyringError: its id or secret is there already.
    fn with_key(&self, key: &Key) -> Answer<Self> {
        Ok(Keyring::of(self.0.current().with_key(key.0.clone())?))
    }

    /// A ring in which this key encrypts or signs, and the one before decrypts or verifies only what is there.
    ///
    /// Raises KeyringError.
    fn promote(&self, kid: &str) -> Answer<Self> {
        Ok(Keyring::of(self.0.current().promote(kid, &SystemClock)?))
    }

    /// A ring in which this key decrypts or verifies only.
    ///
    /// Raises KeyringError: it is primary.
    fn retire(&self, kid: &str) -> Answer<Self> {
        Ok(Keyring::of(self.0.current().retire(kid)?))
    }

    /// A ring in which this key does nothing: for a secret that leaked.
    ///
    /// Raises KeyringError.
    fn disable(&self, kid: &str) -> Answer<Self> {
        Ok(Keyring::of(self.0.current().disable(kid)?))
    }

    /// Takes what another ring holds, of the same name and no lower revision; in use from now on.
    ///
    /// Raises KeyringError.
    fn replace(&self, ring: &Keyring) -> Answer<()> {
        Ok(self.0.replace(ring.0.current())?)
    }

    /// The key of one context by itself, for a service that is to hold nothing else.
    ///
    /// Raises KeyringError, ContextError.
    fn export_context(&self, kid: &str, context: &Bound<'_, PyAny>) -> Answer<Key> {
        Ok(Key(self.0.current().export_context(kid, &context::stated(context)?)?))
    }

    /// As export_context(), for the fields of one principal's messages of one direction (`req`, `res`), as
    /// Protector and Acceptor encrypt them.
    ///
    /// Raises KeyringError, ContextError, ArgumentError.
    fn export_message_context(
        &self,
        kid: &str,
        context: &Bound<'_, PyAny>,
        principal: &str,
        direction: &str,
    ) -> Answer<Key> {
        let (context, direction) = (context::stated(context)?, key::direction_of(direction)?);
        Ok(Key(self.0.current().export_message_context(kid, &context, principal, direction)?))
    }

    #[getter]
    fn name(&self) -> Option<String> {
        self.0.current().name().map(str::to_owned)
    }

    #[getter]
    fn rev(&self) -> u64 {
        self.0.current().rev()
    }

    #[getter]
    fn keys(&self) -> Vec<Key> {
        self.0.current().keys().cloned().map(Key).collect()
    }

    #[getter]
    fn primaries(&self) -> Vec<Key> {
        self.0.current().primaries().cloned().map(Key).collect()
    }

    /// The key of this id, or None.
    fn key(&self, kid: &str) -> Option<Key> {
        self.0.current().key(kid).cloned().map(Key)
    }

    /// Keys that cease to encrypt or sign within so many seconds from `now` (Unix seconds), each with its end.
    fn expiring(&self, now: u64, within: u64) -> Vec<(Key, u64)> {
        let ring = self.0.current();
        ring.expiring(now, within).map(|(key, at)| (Key(key.clone()), at)).collect()
    }

    fn __repr__(&self) -> String {
        let ring = self.0.current();
        let kids: Vec<&str> = ring.keys().map(|key| key.kid().as_str()).collect();
        format!("<apiseal.Keyring rev {} of {}>", ring.rev(), kids.join(", "))
    }
}

/// A random key id: `k-` and 12 characters.
#[pyfunction]
pub(crate) fn new_kid() -> Answer<String> {
    let kid: Kid = apiseal::new_kid(&OsRandom)?;
    Ok(kid.as_str().to_owned())
}

/// A passphrase or key as it is given: text or bytes.
#[derive(FromPyObject)]
enum Secret {
    Text(pyo3::pybacked::PyBackedStr),
    Bytes(pyo3::pybacked::PyBackedBytes),
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        match self {
            Secret::Text(text) => text.as_bytes(),
            Secret::Bytes(bytes) => bytes,
        }
    }
}

/// One of the two.
fn wrap(passphrase: Option<Secret>, wrapping_key: Option<Secret>) -> Answer<Wrap> {
    match (passphrase, wrapping_key) {
        (Some(passphrase), None) => {
            if passphrase.as_ref().is_empty() {
                return Err(Fault::argument("the passphrase is empty"));
            }
            Ok(Wrap::passphrase(passphrase.as_ref()))
        }
        (None, Some(key)) => match key.as_ref().try_into() {
            Ok(key) => Ok(Wrap::raw(key)),
            Err(_) => Err(Fault::argument("a wrapping key has 32 bytes")),
        },
        _ => Err(Fault::argument("state `passphrase` or `wrapping_key`, one of the two")),
    }
}
