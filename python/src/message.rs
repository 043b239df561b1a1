//! HTTP messages as callers have them. Nothing is decoded, normalised or copied but what cannot be lent.

use apiseal::{Header, Message};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString, PyTuple};

use crate::document;
use crate::error::{Answer, Fault};

/// What the calls that take a message have in common.
pub(crate) struct Wire {
    start: Start,
    http2: bool,
    headers: Vec<(Text, Text)>,
    trailers: Vec<(Text, Text)>,
    pub(crate) body: Body,
}

enum Start {
    Request { method: String, scheme: String, authority: String, target: String },
    Response { status: u16 },
}

/// Content. Bytes stay where they are: they never change.
pub(crate) enum Body {
    Lent(Py<PyBytes>),
    Own(Vec<u8>),
}

/// A name or a value.
enum Text {
    Str(PyBackedStr),
    Bytes(PyBackedBytes),
    Own(Vec<u8>),
}

/// The parts of a request beside method, target and content.
pub(crate) struct Extras<'py> {
    pub(crate) scheme: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) http2: bool,
    pub(crate) trailers: Option<Bound<'py, PyAny>>,
}

impl Wire {
    /// A request. `url` is absolute (`https://api.example/orders?x=1`), or the request target as it was received, with
    /// scheme and authority beside it or in the Host header. Beside these a target may be in absolute form as well: the
    /// core compares the two.
    pub(crate) fn request(
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        extras: Extras<'_>,
    ) -> Answer<Self> {
        let is_target = extras.scheme.is_some() || extras.authority.is_some();
        let parts = if is_target { None } else { split(url)? };
        let (scheme, authority, target) = parts.unwrap_or_else(|| {
            let scheme = extras.scheme.unwrap_or_else(|| "https".to_owned());
            (scheme, extras.authority.unwrap_or_default(), url.to_owned())
        });
        Ok(Wire {
            start: Start::Request { method, scheme, authority, target },
            http2: extras.http2,
            headers: lines(headers)?,
            trailers: lines(extras.trailers.as_ref())?,
            body: Body::of(body)?,
        })
    }

    pub(crate) fn response(
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        extras: Extras<'_>,
    ) -> Answer<Self> {
        Ok(Wire {
            start: Start::Response { status },
            http2: extras.http2,
            headers: lines(headers)?,
            trailers: lines(extras.trailers.as_ref())?,
            body: Body::of(body)?,
        })
    }

    /// Hands the core's view of the message to `work`, which may go on without the interpreter's lock.
    pub(crate) fn view<T>(&self, py: Python<'_>, work: impl FnOnce(&Message<'_>) -> T) -> Answer<T> {
        let message = match &self.start {
            Start::Request { method, scheme, authority, target } => {
                Message::request(method, scheme, authority, target)
            }
            Start::Response { status } => Message::response(*status),
        };
        let (headers, trailers) = (views(&self.headers)?, views(&self.trailers)?);
        let message = message.headers(&headers).trailers(&trailers).body(self.body.bytes(py));
        let message = if self.http2 { message.http2() } else { message };
        Ok(work(&message))
    }
}

impl Body {
    pub(crate) fn of(body: Option<&Bound<'_, PyAny>>) -> Answer<Self> {
        let Some(body) = body else { return Ok(Body::Own(Vec::new())) };
        if let Ok(bytes) = body.cast::<PyBytes>() {
            return Ok(Body::Lent(bytes.clone().unbind()));
        }
        // A text could be encoded in more than one way; what is signed is what is sent.
        let wanted = "the body as bytes, exactly as they are sent";
        Ok(Body::Own(document::copied(body)?.ok_or_else(|| Fault::of_type(wanted, body))?))
    }

    pub(crate) fn bytes<'b>(&'b self, py: Python<'b>) -> &'b [u8] {
        match self {
            Body::Lent(bytes) => bytes.bind(py).as_bytes(),
            Body::Own(own) => own,
        }
    }

    /// As an object of Python.
    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyBytes> {
        match self {
            Body::Lent(bytes) => bytes.clone_ref(py),
            Body::Own(own) => PyBytes::new(py, own).unbind(),
        }
    }
}

impl Text {
    fn of(value: &Bound<'_, PyAny>) -> Answer<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Text::Bytes(PyBackedBytes::from(bytes.clone())));
        }
        let text =
            value.cast::<PyString>().map_err(|_| Fault::of_type("str or bytes in a header line", value))?;
        let text = PyBackedStr::try_from(text.clone())?;
        if text.is_ascii() {
            return Ok(Text::Str(text));
        }
        // HTTP libraries show the bytes of a value as ISO-8859-1.
        let bytes = text.chars().map(|char| u8::try_from(u32::from(char))).collect::<Result<Vec<_>, _>>();
        Ok(Text::Own(bytes.map_err(|_| Fault::argument("a header line has a character beyond ISO-8859-1"))?))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Text::Str(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
            Text::Own(own) => own,
        }
    }
}

/// Header lines as a mapping, or as an iterable of pairs.
fn lines(headers: Option<&Bound<'_, PyAny>>) -> Answer<Vec<(Text, Text)>> {
    let Some(headers) = headers else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    if let Ok(dict) = headers.cast::<PyDict>() {
        for (name, value) in dict.iter() {
            lines.push((Text::of(&name)?, Text::of(&value)?));
        }
        return Ok(lines);
    }
    // Mappings of HTTP libraries may hold a name twice; `multi_items` (Starlette, httpx) gives all of them.
    let pairs = match headers.cast::<PyMapping>() {
        Ok(_) if headers.hasattr("multi_items")? => headers.call_method0("multi_items")?,
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => headers.clone(),
    };
    let wanted = "headers as a mapping or pairs of name and value";
    for pair in pairs.try_iter().map_err(|_| Fault::of_type(wanted, headers))? {
        let pair = pair?;
        match pair.cast::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => {
                lines.push((Text::of(&pair.get_item(0)?)?, Text::of(&pair.get_item(1)?)?));
            }
            // Two characters are no name and value.
            _ if pair.cast::<PyString>().is_ok() || pair.cast::<PyBytes>().is_ok() => {
                return Err(Fault::of_type(wanted, &pair));
            }
            _ => {
                let (name, value) = pair
                    .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()
                    .or_else(|_| pair.extract::<[Bound<'_, PyAny>; 2]>().map(|[name, value]| (name, value)))
                    .map_err(|_| Fault::of_type(wanted, &pair))?;
                lines.push((Text::of(&name)?, Text::of(&value)?));
            }
        }
    }
    Ok(lines)
}

fn views(lines: &[(Text, Text)]) -> Answer<Vec<Header<'_>>> {
    lines
        .iter()
        .map(|(name, value)| {
            let name = std::str::from_utf8(name.bytes()).map_err(|_| {
                Fault::coded(apiseal::Code::MalformedMessage, "the name of a header line is not ASCII")
            })?;
            Ok(Header::new(name, value.bytes()))
        })
        .collect()
}

/// Scheme, authority and request target of an absolute URL, as they stand there: nothing is normalised, because what is
/// signed is what is sent.
fn split(url: &str) -> Answer<Option<(String, String, String)>> {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(None);
    };
    if url.contains('#') {
        return Err(Fault::argument("a fragment is not sent: leave it out of the URL"));
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if authority.contains('@') {
        return Err(Fault::argument("user and password do not belong into the URL"));
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok(Some((scheme.to_owned(), authority.to_owned(), target)))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
}
