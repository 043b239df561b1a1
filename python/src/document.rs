//! Documents as callers have them: bytes, text, or values of Python. What comes out has the type that went in.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PyString};

use crate::error::{Answer, Fault};
use crate::plain;

/// What type a document has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Bytes,
    Text,
    /// A dict or list, for which the JSON text is written and read. Where a Decimal goes in, decimals come out.
    Value {
        decimals: bool,
    },
}

/// A document that goes in. Its bytes may be used without the interpreter's lock: bytes and texts of Python never change.
pub(crate) struct Document<'py> {
    held: Held<'py>,
    pub(crate) form: Form,
}

enum Held<'py> {
    Bytes(Bound<'py, PyBytes>),
    Text(Bound<'py, PyString>),
    Own(Vec<u8>),
}

impl<'py> Document<'py> {
    pub(crate) fn of(value: &Bound<'py, PyAny>) -> Answer<Self> {
        let of = |held, form| Ok(Document { held, form });
        if let Ok(bytes) = value.cast::<PyBytes>() {
            of(Held::Bytes(bytes.clone()), Form::Bytes)
        } else if let Ok(text) = value.cast::<PyString>() {
            let document = Document { held: Held::Text(text.clone()), form: Form::Text };
            document.bytes()?;
            Ok(document)
        } else if value.cast::<PyDict>().is_ok() || value.cast::<PyList>().is_ok() {
            let plain::Written { text, decimals } = plain::write(value)?;
            of(Held::Own(text), Form::Value { decimals })
        } else {
            let wanted = "a document as bytes, str, dict or list";
            of(Held::Own(copied(value)?.ok_or_else(|| Fault::of_type(wanted, value))?), Form::Bytes)
        }
    }

    pub(crate) fn bytes(&self) -> Answer<&[u8]> {
        match &self.held {
            Held::Bytes(bytes) => Ok(bytes.as_bytes()),
            Held::Text(text) => match text.to_str() {
                Ok(text) => Ok(text.as_bytes()),
                Err(_) => Err(Fault::coded(apiseal::Code::MalformedJson, "the text has a lone surrogate")),
            },
            Held::Own(own) => Ok(own),
        }
    }
}

/// A copy of the bytes of a bytearray or memoryview, which may change while the lock is released.
pub(crate) fn copied(value: &Bound<'_, PyAny>) -> Answer<Option<Vec<u8>>> {
    if let Ok(array) = value.cast::<PyByteArray>() {
        return Ok(Some(array.to_vec()));
    }
    if value.cast::<PyMemoryView>().is_ok() {
        let bytes = value.call_method0(intern!(value.py(), "tobytes"))?;
        return Ok(bytes.cast::<PyBytes>().ok().map(|bytes| bytes.as_bytes().to_vec()));
    }
    Ok(None)
}

impl Form {
    /// A document of this type. `decimals`: numbers with a fraction or an exponent become `decimal.Decimal`.
    pub(crate) fn give<'py>(
        self,
        py: Python<'py>,
        bytes: &[u8],
        decimals: bool,
    ) -> Answer<Bound<'py, PyAny>> {
        match self {
            Form::Bytes => Ok(PyBytes::new(py, bytes).into_any()),
            Form::Text => Ok(PyString::from_bytes(py, bytes)?.into_any()),
            Form::Value { decimals: own } => plain::read(py, bytes, own || decimals),
        }
    }
}
