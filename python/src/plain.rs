//! JSON text of values of Python, and back. Integers of any size, and decimals where asked, are exact.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use crate::error::{Answer, Fault};

/// More than the core takes by default; it has the last word on depth.
const DEPTH: usize = 1024;

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A JSON text that was written.
pub(crate) struct Written {
    pub(crate) text: Vec<u8>,
    /// A number of it was a `decimal.Decimal`.
    pub(crate) decimals: bool,
}

/// The JSON text of None, bool, int, float, Decimal, str, list, tuple or dict, and what these hold.
pub(crate) fn write(value: &Bound<'_, PyAny>) -> Answer<Written> {
    let decimal = DECIMAL.import(value.py(), "decimal", "Decimal")?;
    let mut writer = Writer { out: Vec::new(), decimal, decimals: false };
    writer.value(value, 0)?;
    Ok(Written { text: writer.out, decimals: writer.decimals })
}

/// The value of a JSON text, by the standard library.
pub(crate) fn read<'py>(py: Python<'py>, text: &[u8], decimals: bool) -> Answer<Bound<'py, PyAny>> {
    let loads = LOADS.import(py, "json", "loads")?;
    let text = PyString::from_bytes(py, text)?;
    if !decimals {
        return Ok(loads.call1((text,))?);
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "parse_float"), DECIMAL.import(py, "decimal", "Decimal")?)?;
    Ok(loads.call((text,), Some(&options))?)
}

/// No code of the caller's runs while it writes: whatever that did to a dict on the way would break the iteration.
struct Writer<'w, 'py> {
    out: Vec<u8>,
    decimal: &'w Bound<'py, PyType>,
    decimals: bool,
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> Answer<()> {
        if depth > DEPTH {
            return Err(apiseal::Error::from(apiseal::Code::LimitDepth).into());
        }
        if let Ok(text) = value.cast::<PyString>() {
            self.text(text)
        } else if value.is_none() {
            self.put("null")
        } else if let Ok(value) = value.cast::<PyBool>() {
            self.put(if value.is_true() { "true" } else { "false" })
        } else if value.cast::<PyInt>().is_ok() {
            self.integer(value)
        } else if let Ok(float) = value.cast::<PyFloat>() {
            match float.value().is_finite() {
                true => self.shown(&PyFloat::new(value.py(), float.value()).repr()?),
                false => Err(no_number()),
            }
        } else if let Ok(members) = value.cast::<PyDict>() {
            self.object(members, depth)
        } else if let Ok(items) = value.cast::<PyList>() {
            self.array(items.iter(), depth)
        } else if let Ok(items) = value.cast::<PyTuple>() {
            self.array(items.iter(), depth)
        } else if value.get_type().is_subclass(self.decimal)? {
            self.decimals = true;
            // A Decimal itself: what a subclass prints need not be a number.
            let plain = self.decimal.call1((value,))?;
            match plain.call_method0(intern!(value.py(), "is_finite"))?.is_truthy()? {
                true => self.shown(&plain.str()?),
                false => Err(no_number()),
            }
        } else {
            Err(Fault::of_type("None, bool, int, float, Decimal, str, list, tuple or dict", value))
        }
    }

    fn integer(&mut self, value: &Bound<'_, PyAny>) -> Answer<()> {
        match value.extract::<i64>() {
            Ok(small) => self.put(&small.to_string()),
            // An int itself: what an enumeration prints is no number.
            Err(_) => {
                let py = value.py();
                let plain = py.get_type::<PyInt>().call_method1(intern!(py, "__index__"), (value,))?;
                self.shown(&plain.str()?)
            }
        }
    }

    fn object(&mut self, members: &Bound<'_, PyDict>, depth: usize) -> Answer<()> {
        self.out.push(b'{');
        for (at, (name, value)) in members.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            let wanted = "str as the name of a member";
            self.text(name.cast::<PyString>().map_err(|_| Fault::of_type(wanted, &name))?)?;
            self.out.push(b':');
            self.value(&value, depth + 1)?;
        }
        self.put("}")
    }

    fn array<'py>(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> Answer<()> {
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.value(&item, depth + 1)?;
        }
        self.put("]")
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Answer<()> {
        let surrogate = |_| Fault::coded(apiseal::Code::MalformedJson, "a text has a lone surrogate");
        self.out.push(b'"');
        for &byte in text.to_str().map_err(surrogate)?.as_bytes() {
            match byte {
                b'"' | b'\\' => self.out.extend([b'\\', byte]),
                b'\n' => self.out.extend(br"\n"),
                b'\r' => self.out.extend(br"\r"),
                b'\t' => self.out.extend(br"\t"),
                0..0x20 => self.out.extend(format!("\\u{byte:04x}").bytes()),
                _ => self.out.push(byte),
            }
        }
        self.put("\"")
    }

    fn shown(&mut self, text: &Bound<'_, PyString>) -> Answer<()> {
        self.put(text.to_str()?)
    }

    fn put(&mut self, text: &str) -> Answer<()> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// NaN and infinity.
fn no_number() -> Fault {
    Fault::coded(apiseal::Code::MalformedJson, "JSON has neither NaN nor infinity")
}
