//! Encryption and decryption of the fields of documents.

use pyo3::prelude::*;

use crate::callbacks;
use crate::context;
use crate::document::Document;
use crate::error::Answer;
use crate::keyring::Keyring;
use crate::limits::{self, PyLimits};
use crate::lines::{Direction, LineSource, Lines};
use crate::policy::{self, Policy};
use crate::records::record;
use crate::some;

/// Encrypts and decrypts the fields of documents under one policy (a Policy, dict, JSON text or path). Immutable; one serves
/// any number of threads, and the interpreter's lock is released while it works.
///
/// clock: a callable that gives Unix seconds (default: the system's). audit: a callable that takes an Event for each use of
/// a key. hedged_salts: mixes key and document into the salts, against a weak random source.
///
/// A document is bytes, str, dict or list, and comes back as the same type: bytes and str byte for byte but for the protected
/// values; dict and list through JSON text with exact integers. A context is a Context or a mapping with the name `purpose`.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct FieldCipher(pub(crate) apiseal::FieldCipher);

#[pymethods]
impl FieldCipher {
    #[new]
    #[pyo3(signature = (keyring, policy, *, limits=None, clock=None, audit=None, hedged_salts=false))]
    fn new(
        keyring: &Keyring,
        policy: &Bound<'_, PyAny>,
        limits: Option<PyRef<'_, PyLimits>>,
        clock: Option<Bound<'_, PyAny>>,
        audit: Option<Bound<'_, PyAny>>,
        hedged_salts: bool,
    ) -> Answer<Self> {
        let mut builder = apiseal::FieldCipher::builder(keyring.0.clone(), policy::stated(policy)?)
            .limits(limits::or_default(limits))
            .clock(callbacks::clock(clock)?)
            .hedged_salts(hedged_salts);
        if let Some(audit) = callbacks::audit(audit)? {
            builder = builder.audit(audit);
        }
        Ok(FieldCipher(builder.build()?))
    }

    #[getter]
    fn keyring(&self) -> Keyring {
        Keyring(self.0.keyring().clone())
    }

    #[getter]
    fn policy(&self) -> Policy {
        Policy(self.0.policy().clone())
    }

    /// Encrypts every value that the policy selects. All or nothing.
    ///
    /// Raises PolicyError: the document does not fit the policy (NoMatchError, AlreadyEncryptedError). DocumentError: malformed
    /// JSON, or over a limit. ContextError, KeyringError. TypeError: not a document.
    #[pyo3(signature = (document, *, context))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let sealed = py.detach(|| self.0.encrypt(bytes, &context))?;
        document.form.give(py, &sealed, false)
    }

    /// Gives the original document back: every protected value is authenticated before any leaves.
    ///
    /// decimals: of a dict or list, numbers with a fraction or an exponent become decimal.Decimal, so that 1.10 stays 1.10.
    ///
    /// Raises RejectedError: wrong key, context, place or bound value, or altered. PolicyError (NotEncryptedError), DocumentError
    /// (TokenError), ContextError, KeyringError.
    #[pyo3(signature = (document, *, context, decimals=false))]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        decimals: bool,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let opened = py.detach(|| self.0.decrypt(bytes, &context))?;
        document.form.give(py, &opened, decimals)
    }

    /// As decrypt(), and tells which values were clear and let through by a rule with `migrate`.
    ///
    /// Returns Migrated(document, accepted_plain).
    #[pyo3(signature = (document, *, context, decimals=false))]
    fn decrypt_migrating<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        decimals: bool,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let opened = py.detach(|| self.0.decrypt(bytes, &context))?;
        let clear = opened.accepted_plain().to_vec();
        Ok(record(py, "Migrated", (document.form.give(py, &opened, decimals)?, clear))?)
    }

    /// Opens what opens: each protected position with the exact JSON text of its value, or why it does not. Nothing is
    /// put back into the document.
    ///
    /// Returns Lenient. Raises as decrypt() where the document as a whole cannot be read.
    #[pyo3(signature = (document, *, context))]
    fn decrypt_lenient<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        some::lenient(py, py.detach(|| self.0.decrypt_lenient(bytes, &context))?)
    }

    /// Decrypts only the positions that these JSONPath queries select.
    ///
    /// Returns Partial. Raises as decrypt().
    #[pyo3(signature = (document, paths, *, context, decimals=false))]
    fn decrypt_partial<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        paths: Vec<String>,
        context: &Bound<'py, PyAny>,
        decimals: bool,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let chosen: Vec<&str> = paths.iter().map(String::as_str).collect();
        let partial = py.detach(|| self.0.decrypt_partial(bytes, &chosen, &context))?;
        some::partial(py, &partial, document.form, decimals)
    }

    /// Why a document does not open: how far each position comes, and to which of at most 64 candidate contexts it
    /// commits. For the owner of the keys, never for a peer. Nothing is decrypted.
    ///
    /// Returns Diagnosis.
    #[pyo3(signature = (document, *, context, candidates=None))]
    fn diagnose<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        candidates: Option<Vec<Bound<'py, PyAny>>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let candidates = candidates.iter().flatten().map(context::stated).collect::<Answer<Vec<_>>>()?;
        some::diagnosis(py, py.detach(|| self.0.diagnose(bytes, &context, &candidates))?)
    }

    /// The encrypted values of a document after it was decrypted in full, so that they are authentic.
    ///
    /// Returns a list of Sighting. Raises as decrypt().
    #[pyo3(signature = (document, *, context))]
    fn inspect<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> Answer<Vec<Bound<'py, PyAny>>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        some::sightings(py, py.detach(|| self.0.inspect(bytes, &context))?)
    }

    /// Encrypts each line of NDJSON as a document of its own, in order and in constant memory.
    ///
    /// source: a path (os.PathLike), a file (text or binary), or an iterable of lines as bytes, str, dict or list. threads: 1 to
    /// 1024 workers. max_line: most bytes of a line (default 64 MiB). on_error: called with number and exception of a line that
    /// fails, which is then left out; without it the exception is raised (its `line` is the number), and iteration can go on.
    ///
    /// Returns an iterator that gives each line in the type that it came in, with its line end; blank lines stay.
    #[pyo3(signature = (source, *, context, threads=1, max_line=None, on_error=None))]
    fn encrypt_lines(
        &self,
        source: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        threads: usize,
        max_line: Option<usize>,
        on_error: Option<Bound<'_, PyAny>>,
    ) -> Answer<Lines> {
        let work = LineSource { source, threads, max_line, on_error, direction: Direction::Encrypt };
        Lines::start(&self.0, &context::stated(context)?, work)
    }

    /// As encrypt_lines(), decrypting.
    #[pyo3(signature = (source, *, context, threads=1, max_line=None, on_error=None, decimals=false))]
    fn decrypt_lines(
        &self,
        source: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        threads: usize,
        max_line: Option<usize>,
        on_error: Option<Bound<'_, PyAny>>,
        decimals: bool,
    ) -> Answer<Lines> {
        let direction = Direction::Decrypt { decimals };
        let work = LineSource { source, threads, max_line, on_error, direction };
        Lines::start(&self.0, &context::stated(context)?, work)
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.FieldCipher of policy {}>", self.0.policy().id())
    }
}
