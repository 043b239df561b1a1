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

/// Encrypts and decrypts under one policy.
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

    /// For rules with `migrate`: tells as well which values were clear.
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

    #[pyo3(signature = (document, *, context, candidates=Vec::new()))]
    fn diagnose<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        candidates: Vec<Bound<'py, PyAny>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let (document, context) = (Document::of(document)?, context::stated(context)?);
        let bytes = document.bytes()?;
        let candidates = candidates.iter().map(context::stated).collect::<Answer<Vec<_>>>()?;
        some::diagnosis(py, py.detach(|| self.0.diagnose(bytes, &context, &candidates))?)
    }

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
