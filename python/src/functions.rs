//! Calls that need no key: places of values, census, sizes of tokens.

use apiseal::{Kid, Padding};
use pyo3::prelude::*;

use crate::document::{Document, Form};
use crate::error::{Answer, Fault};
use crate::limits::{self, PyLimits};
use crate::records::record;
use crate::some;

#[pyfunction]
#[pyo3(signature = (document, path, *, limits=None))]
pub(crate) fn locate<'py>(
    py: Python<'py>,
    document: &Bound<'py, PyAny>,
    path: &str,
    limits: Option<PyRef<'_, PyLimits>>,
) -> Answer<Vec<Bound<'py, PyAny>>> {
    let (document, limits) = (text_of(document)?, limits::or_default(limits));
    let bytes = document.bytes()?;
    let found = py.detach(|| apiseal::locate(bytes, path, &limits))?;
    let one = |own: &apiseal::Location| record(py, "Location", (&own.path, own.start, own.end));
    Ok(found.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}

#[pyfunction]
#[pyo3(signature = (document, *, limits=None))]
pub(crate) fn inspect<'py>(
    py: Python<'py>,
    document: &Bound<'py, PyAny>,
    limits: Option<PyRef<'_, PyLimits>>,
) -> Answer<Vec<Bound<'py, PyAny>>> {
    let (document, limits) = (Document::of(document)?, limits::or_default(limits));
    let bytes = document.bytes()?;
    some::sightings(py, py.detach(|| apiseal::inspect(bytes, &limits))?)
}

#[pyfunction]
#[pyo3(signature = (value_len, kid, *, padding=None))]
pub(crate) fn token_len(value_len: usize, kid: &str, padding: Option<&Bound<'_, PyAny>>) -> Answer<usize> {
    Ok(apiseal::token_len(padding_of(padding)?, value_len, &Kid::parse(kid)?)?)
}

#[pyfunction]
#[pyo3(signature = (value_len, *, padding=None))]
pub(crate) fn max_token_len(value_len: usize, padding: Option<&Bound<'_, PyAny>>) -> Answer<usize> {
    Ok(apiseal::max_token_len(padding_of(padding)?, value_len)?)
}

/// `"default"`, `"none"`, or the number that lengths are a multiple of.
pub(crate) fn padding_of(padding: Option<&Bound<'_, PyAny>>) -> Answer<Padding> {
    let Some(padding) = padding else { return Ok(Padding::Default) };
    match (padding.extract::<&str>(), padding.extract::<usize>()) {
        (Ok("default"), _) => Ok(Padding::Default),
        (Ok("none"), _) => Ok(Padding::None),
        (_, Ok(of)) => Ok(Padding::Multiple(of)),
        _ => Err(Fault::argument("padding is \"default\", \"none\" or a number of bytes")),
    }
}

/// Offsets of a value that has no text yet would point nowhere.
fn text_of<'py>(document: &Bound<'py, PyAny>) -> Answer<Document<'py>> {
    let own = Document::of(document)?;
    match own.form {
        Form::Value { .. } => Err(Fault::of_type("a document as bytes or str", document)),
        _ => Ok(own),
    }
}
