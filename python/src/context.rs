//! What an encryption belongs to.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::error::{Answer, Fault};

/// What an encryption belongs to: 1 to 32 pairs of text, checked and encoded once, which is quicker than a dict where many
/// calls state the same. Encryption and decryption demand the name `purpose`; each name and value has at most 1024 bytes.
///
/// Raises ContextError: empty, duplicate, too long, or a name that begins with `apiseal.`.
#[pyclass(frozen, eq, module = "apiseal", name = "Context")]
#[derive(PartialEq)]
pub(crate) struct PyContext(pub(crate) apiseal::Context);

#[pymethods]
impl PyContext {
    #[new]
    #[pyo3(signature = (pairs=None, /, **more))]
    fn new(pairs: Option<&Bound<'_, PyAny>>, more: Option<&Bound<'_, PyDict>>) -> Answer<Self> {
        let mut all = pairs.map_or_else(|| Ok(Vec::new()), texts)?;
        if let Some(more) = more {
            all.extend(texts(more)?);
        }
        made(&all).map(PyContext)
    }

    fn __getitem__(&self, name: &str) -> PyResult<&str> {
        self.0.get(name).ok_or_else(|| pyo3::exceptions::PyKeyError::new_err(name.to_owned()))
    }

    /// The pairs as a dict, ascending by name.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.pairs() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    /// Values may be personal data: only names are shown.
    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.0.pairs().map(|(name, _)| name).collect();
        format!("<apiseal.Context of {}>", names.join(", "))
    }
}

/// A context as it is stated: an object of that class, or a mapping.
pub(crate) fn stated(value: &Bound<'_, PyAny>) -> Answer<apiseal::Context> {
    match value.cast::<PyContext>() {
        Ok(context) => Ok(context.get().0.clone()),
        Err(_) => made(&texts(value)?),
    }
}

fn made(pairs: &[(Bound<'_, PyString>, Bound<'_, PyString>)]) -> Answer<apiseal::Context> {
    let mut plain = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        plain.push((name.to_str()?, value.to_str()?));
    }
    Ok(apiseal::Context::from_pairs(plain)?)
}

/// The pairs of a mapping from text to text.
pub(crate) fn texts<'py>(
    value: &Bound<'py, PyAny>,
) -> Answer<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
    let text = |value: Bound<'py, PyAny>| {
        value.cast_into::<PyString>().map_err(|error| Fault::of_type("str in a mapping", &error.into_inner()))
    };
    let mut pairs = Vec::new();
    if let Ok(dict) = value.cast::<PyDict>() {
        for (name, value) in dict.iter() {
            pairs.push((text(name)?, text(value)?));
        }
        return Ok(pairs);
    }
    let wanted = "a mapping from str to str";
    let mapping = value.cast::<PyMapping>().map_err(|_| Fault::of_type(wanted, value))?;
    for item in mapping.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        pairs.push((text(name)?, text(value)?));
    }
    Ok(pairs)
}
