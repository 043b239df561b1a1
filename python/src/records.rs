//! Results that are plain values: named tuples, written in Python in `apiseal/records.py`.

use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;

/// A named tuple of `apiseal.records` with these members.
pub(crate) fn record<'py>(
    py: Python<'py>,
    name: &str,
    members: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "apiseal.records"))?.getattr(name)?.call1(members)
}
