//! Policies: what is encrypted, and what it is bound to.

use std::path::PathBuf;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::document::Document;
use crate::error::{Answer, Fault};
use crate::limits::{self, PyLimits};
use crate::plain;
use crate::records::record;

/// What is encrypted and what it is bound to (docs/policy.md): a dict, JSON text, or the path of a file. A str that begins
/// with `{` is text, any other str a path.
///
/// Raises PolicyError: malformed, contradicting, or a choice left open. OSError: the file cannot be read.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Policy(pub(crate) apiseal::Policy);

#[pymethods]
impl Policy {
    #[new]
    fn new(source: &Bound<'_, PyAny>) -> Answer<Self> {
        Ok(Policy(stated(source)?))
    }

    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    #[getter]
    fn layout(&self) -> &'static str {
        self.0.layout().name()
    }

    #[getter]
    fn paths(&self) -> Vec<&str> {
        self.0.paths().collect()
    }

    /// Explains what each rule does to a sample document and what that looks sensitive stays in clear.
    ///
    /// Raises DocumentError, PolicyError.
    #[pyo3(signature = (sample=None, *, limits=None))]
    fn lint<'py>(
        &self,
        py: Python<'py>,
        sample: Option<&Bound<'py, PyAny>>,
        limits: Option<PyRef<'_, PyLimits>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let sample = sample.map(Document::of).transpose()?;
        let sample = sample.as_ref().map(Document::bytes).transpose()?;
        let limits = limits::or_default(limits);
        let lint = py.detach(|| self.0.lint(sample, &limits))?;
        let rules = lint
            .rules
            .into_iter()
            .map(|rule| record(py, "RuleReport", (rule.path, rule.encrypts, rule.notes)));
        let rules = rules.collect::<PyResult<Vec<_>>>()?;
        Ok(record(py, "Lint", (rules, lint.notes, lint.clear))?)
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.Policy {} of {} rules>", self.0.id(), self.0.paths().count())
    }
}

/// A policy as it is stated: an object of that class, a dict, JSON text, or the path of a file. A str that begins with `{`
/// is text, any other str a path.
pub(crate) fn stated(source: &Bound<'_, PyAny>) -> Answer<apiseal::Policy> {
    if let Ok(policy) = source.cast::<Policy>() {
        return Ok(policy.get().0.clone());
    }
    Ok(apiseal::Policy::from_json(&json_text(source, "a Policy, dict, JSON text or path")?)?)
}

/// The text of a JSON file of ours that is given as a dict, as text, or by its path.
pub(crate) fn json_text(source: &Bound<'_, PyAny>, wanted: &str) -> Answer<String> {
    let no_text = |_| Fault::argument("the text is not UTF-8");
    if source.cast::<PyDict>().is_ok() {
        return String::from_utf8(plain::write(source)?.text).map_err(no_text);
    }
    if let Ok(text) = source.cast::<PyString>() {
        let text = text.to_str()?;
        if text.trim_start().starts_with('{') {
            return Ok(text.to_owned());
        }
    } else if !source.hasattr(intern!(source.py(), "__fspath__"))? {
        return Err(Fault::of_type(wanted, source));
    }
    String::from_utf8(std::fs::read(source.extract::<PathBuf>()?)?).map_err(no_text)
}
