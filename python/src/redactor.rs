//! Documents for logs, without what a policy protects. No key is needed, and nothing is ever raised about a document.

use pyo3::prelude::*;

use crate::document::{Document, Form};
use crate::error::Answer;
use crate::limits::{self, PyLimits};
use crate::policy;

/// Masks what a policy protects, for logs: in clear documents and in encrypted ones, without a key.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Redactor(apiseal::Redactor);

#[pymethods]
impl Redactor {
    #[new]
    #[pyo3(signature = (policy, *, limits=None))]
    fn new(policy: &Bound<'_, PyAny>, limits: Option<PyRef<'_, PyLimits>>) -> Answer<Self> {
        let policy = policy::stated(policy)?;
        Ok(Redactor(apiseal::Redactor::with_limits(&policy, limits::or_default(limits))?))
    }

    /// The document with masks, in the type that went in. Of one that cannot be read nothing is shown but
    /// {"redacted":"unreadable"}. No document raises.
    fn redact<'py>(&self, py: Python<'py>, document: &Bound<'py, PyAny>) -> Answer<Bound<'py, PyAny>> {
        let own = Document::of(document);
        let (bytes, form) = match &own {
            Ok(own) => (own.bytes().unwrap_or_default(), own.form),
            // What has no JSON text is as unreadable as a text that is none.
            Err(_) if document.cast::<pyo3::types::PyString>().is_ok() => (&b""[..], Form::Text),
            Err(_) => (&b""[..], Form::Value { decimals: false }),
        };
        let redacted = py.detach(|| self.0.redact(bytes));
        form.give(py, redacted.as_str().as_bytes(), false)
    }

    /// How many documents could not be read.
    #[getter]
    fn unreadable(&self) -> u64 {
        self.0.unreadable()
    }
}
