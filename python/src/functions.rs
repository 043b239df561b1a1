//! Calls that need no key: places of values, census, sizes of tokens.

use apiseal::{Kid, Padding};
use pyo3::prelude::*;

use crate::document::{Document, Form};
use crate::error::{Answer, Fault};
use crate::limits::{self, PyLimits};
use crate::records::record;
use crate::some;

/// Finds values by JSONPath (RFC 9535).
///
/// document: bytes or str. Returns a list of Location(path, start, end) with offsets in bytes, also for str.
///
/// Raises ArgumentError: the query is not valid. DocumentError.
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

/// Lists every encrypted value with its place and key id. No key is needed, and nothing is proved: whoever wrote the
/// document chose what stands there.
///
/// Returns a list of Sighting. Raises DocumentError.
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

/// Exact length in characters of the token for a JSON text of `value_len` bytes under this key.
///
/// Raises ArgumentError.
#[pyfunction]
#[pyo3(signature = (value_len, kid, *, padding=None))]
pub(crate) fn token_len(value_len: usize, kid: &str, padding: Option<&Bound<'_, PyAny>>) -> Answer<usize> {
    Ok(apiseal::token_len(padding_of(padding)?, value_len, &Kid::parse(kid)?)?)
}

/// Length of the longest token for JSON texts of up to `value_len` bytes under any key: the size of a column.
///
/// Raises ArgumentError.
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
