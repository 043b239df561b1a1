//! Limits of the work on one document.

use pyo3::prelude::*;

use crate::error::Answer;

/// Inclusive upper bounds of the work on one document; what is not stated has its default. In bytes: document (64 MiB, at
/// most 1 GiB), field (16 MiB, the padded JSON text of one value), position (4 KiB), bound (64 KiB, what a value is bound
/// to). In numbers: depth (128 open containers), fields (2**20 protected values).
///
/// Raises ArgumentError: out of range.
#[pyclass(frozen, eq, module = "apiseal", name = "Limits")]
#[derive(PartialEq)]
pub(crate) struct PyLimits(pub(crate) apiseal::Limits);

#[pymethods]
impl PyLimits {
    #[new]
    #[pyo3(signature = (*, document=None, field=None, depth=None, fields=None, position=None, bound=None))]
    fn new(
        document: Option<usize>,
        field: Option<usize>,
        depth: Option<usize>,
        fields: Option<usize>,
        position: Option<usize>,
        bound: Option<usize>,
    ) -> Answer<Self> {
        let mut limits = apiseal::Limits::default();
        for (place, value) in [
            (&mut limits.document, document),
            (&mut limits.depth, depth),
            (&mut limits.fields, fields),
            (&mut limits.position, position),
        ] {
            if let Some(value) = value {
                *place = value;
            }
        }
        // A small document has small parts: only what is stated can contradict it.
        limits.field = field.unwrap_or_else(|| limits.field.min(limits.document));
        limits.bound = bound.unwrap_or_else(|| limits.bound.min(limits.document));
        limits.check()?;
        Ok(PyLimits(limits))
    }

    #[getter]
    fn document(&self) -> usize {
        self.0.document
    }

    #[getter]
    fn field(&self) -> usize {
        self.0.field
    }

    #[getter]
    fn depth(&self) -> usize {
        self.0.depth
    }

    #[getter]
    fn fields(&self) -> usize {
        self.0.fields
    }

    #[getter]
    fn position(&self) -> usize {
        self.0.position
    }

    #[getter]
    fn bound(&self) -> usize {
        self.0.bound
    }

    fn __repr__(&self) -> String {
        let apiseal::Limits { document, field, depth, fields, position, bound, .. } = self.0;
        format!(
            "Limits(document={document}, field={field}, depth={depth}, fields={fields}, position={position}, \
             bound={bound})"
        )
    }
}

pub(crate) fn or_default(limits: Option<PyRef<'_, PyLimits>>) -> apiseal::Limits {
    limits.map_or_else(apiseal::Limits::default, |limits| limits.0)
}
