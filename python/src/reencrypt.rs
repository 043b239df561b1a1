//! Carries documents to another key, context or policy.

use pyo3::prelude::*;

use crate::cipher::FieldCipher;
use crate::context;
use crate::document::Document;
use crate::error::Answer;
use crate::records::record;

/// Carries documents to another key, context or policy: decrypts by the cipher `source` and encrypts by `target`, in one step.
///
/// leave_clear: decrypted values may stay in clear under the new policy. seal_clear: values that were in clear may be
/// encrypted, which would vouch for what nobody checked.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Reencryption(apiseal::Reencryption);

#[pymethods]
impl Reencryption {
    #[new]
    #[pyo3(signature = (source, target, *, leave_clear=false, seal_clear=false))]
    fn new(source: &FieldCipher, target: &FieldCipher, leave_clear: bool, seal_clear: bool) -> Self {
        let own = apiseal::Reencryption::new(source.0.clone(), target.0.clone());
        Reencryption(own.leave_clear(leave_clear).seal_clear(seal_clear))
    }

    /// Returns Reencrypted(document, opened, left_clear). Raises as FieldCipher.decrypt() and encrypt(), and PolicyError for
    /// a value that would stay, or was, in clear.
    #[pyo3(signature = (document, *, source_context, target_context))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        document: &Bound<'py, PyAny>,
        source_context: &Bound<'py, PyAny>,
        target_context: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyAny>> {
        let document = Document::of(document)?;
        let bytes = document.bytes()?;
        let (from, to) = (context::stated(source_context)?, context::stated(target_context)?);
        let done = py.detach(|| self.0.run(bytes, &from, &to))?;
        let own = document.form.give(py, &done.bytes, false)?;
        Ok(record(py, "Reencrypted", (own, done.opened, done.left_clear))?)
    }
}
