//! Errors of the core become exceptions, whose classes are written in Python: `apiseal/errors.py`.

use apiseal::Code;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::callbacks;

/// What a call ends with when it fails: an error of the core, or an exception of Python.
#[derive(Debug)]
pub(crate) enum Fault {
    Core(apiseal::Error),
    Python(PyErr),
}

pub(crate) type Answer<T> = Result<T, Fault>;

impl Fault {
    /// A mistake of the caller, in words.
    pub(crate) fn argument(text: impl Into<String>) -> Self {
        Fault::coded(apiseal::Code::InvalidArgument, text)
    }

    /// A code with words of this binding.
    pub(crate) fn coded(code: apiseal::Code, detail: impl Into<String>) -> Self {
        Fault::Python(Python::attach(|py| exception(py, &Told::with_detail(code, &detail.into()))))
    }

    /// A value of another type than any that is taken.
    pub(crate) fn of_type(wanted: &str, got: &Bound<'_, PyAny>) -> Self {
        let name = got.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        Fault::Python(PyTypeError::new_err(format!("expected {wanted}, not {name}")))
    }
}

impl From<apiseal::Error> for Fault {
    fn from(error: apiseal::Error) -> Self {
        Fault::Core(error)
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Fault::Python(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::Python(error.into())
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        match fault {
            // These are the errors of calls that a callback has failed.
            Fault::Core(error) if matches!(error.code(), Code::ExternalSigner | Code::ReplayUnavailable) => {
                callbacks::kept().unwrap_or_else(|| of_core(&error))
            }
            Fault::Core(error) => of_core(&error),
            Fault::Python(error) => error,
        }
    }
}

/// The exception of an error of the core.
pub(crate) fn of_core(error: &apiseal::Error) -> PyErr {
    Python::attach(|py| exception(py, &Told::of(error)))
}

/// The exception object of an error of the core, where one is handed over and not raised.
pub(crate) fn object<'py>(py: Python<'py>, error: &apiseal::Error) -> Bound<'py, PyAny> {
    of_core(error).into_value(py).into_bound(py).into_any()
}

/// Whether an exception is about one document, and not about how the library is used.
pub(crate) fn is_of_document(py: Python<'_>, error: &PyErr) -> bool {
    let code = error.value(py).getattr(intern!(py, "code")).and_then(|code| code.extract::<u16>());
    code.is_ok_and(|code| (300..320).contains(&code))
}

/// What is told of an error.
struct Told<'e> {
    code: apiseal::Code,
    text: String,
    detail: Option<&'e str>,
    path: Option<&'e str>,
    offset: Option<u64>,
    key_id: Option<&'e str>,
    http_status: u16,
}

impl<'e> Told<'e> {
    fn of(error: &'e apiseal::Error) -> Self {
        Told {
            code: error.code(),
            text: error.to_string(),
            detail: error.detail(),
            path: error.path(),
            offset: error.offset(),
            key_id: error.key_id(),
            http_status: error.http_status(),
        }
    }

    fn with_detail(code: apiseal::Code, detail: &'e str) -> Self {
        let text = format!("{}: {detail} [{}]", code.sentence(), code.number());
        let http_status = apiseal::Error::from(code).http_status();
        Told { code, text, detail: Some(detail), path: None, offset: None, key_id: None, http_status }
    }
}

fn exception(py: Python<'_>, told: &Told<'_>) -> PyErr {
    let made = || -> PyResult<Bound<'_, PyAny>> {
        let members = PyDict::new(py);
        members.set_item(intern!(py, "code"), told.code.number())?;
        members.set_item(intern!(py, "name"), told.code.name())?;
        members.set_item(intern!(py, "detail"), told.detail)?;
        members.set_item(intern!(py, "path"), told.path)?;
        members.set_item(intern!(py, "offset"), told.offset)?;
        members.set_item(intern!(py, "key_id"), told.key_id)?;
        members.set_item(intern!(py, "http_status"), told.http_status)?;
        let make = py.import(intern!(py, "apiseal.errors"))?.getattr(intern!(py, "_of_core"))?;
        make.call((PyString::new(py, &told.text),), Some(&members))
    };
    match made() {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// Something that only one thread at a time may use is in use.
pub(crate) fn in_use(what: &str) -> Fault {
    Fault::Python(PyRuntimeError::new_err(format!("{what} is in use by another thread")))
}
