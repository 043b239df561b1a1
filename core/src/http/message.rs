//! A borrowed view of an HTTP message: what a framework has read, or is about to send.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::http::target::{self, Origin, Target};

/// One header or trailer line: a name and its value as bytes, in the order of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name, as it was received.
    pub name: &'a str,
    /// The value, as it was received.
    pub value: &'a [u8],
}

impl<'a> Header<'a> {
    /// A line of a name and a value.
    #[must_use]
    pub fn new(name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Header { name, value: value.as_ref() }
    }
}

/// A request or a response as it is on the wire. Nothing is copied, decoded or normalised.
///
/// ```
/// use apiseal::{Header, Message};
/// let headers = [Header::new("content-type", "application/json")];
/// let message = Message::request("POST", "https", "api.example", "/orders?x=1").headers(&headers).body(b"{}");
/// ```
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub(crate) start: Start<'a>,
    headers: Lines<'a>,
    pub(crate) trailers: &'a [Header<'a>],
    pub(crate) body: &'a [u8],
    http2: bool,
}

/// A `Cow` would not let the lifetime shrink.
#[derive(Clone, Debug)]
enum Lines<'a> {
    Borrowed(&'a [Header<'a>]),
    Owned(Vec<Header<'a>>),
}

/// The start line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    Request { method: &'a str, scheme: &'a str, authority: &'a str, target: &'a str },
    Response { status: u16 },
}

impl<'a> Message<'a> {
    /// A request. `target` is the request target as it was received (`:path` in HTTP/2). `authority` is `:authority`
    /// in HTTP/2; leave it empty where the `Host` header tells it. If both are there, they must agree.
    #[must_use]
    pub fn request(method: &'a str, scheme: &'a str, authority: &'a str, target: &'a str) -> Self {
        Message::of(Start::Request { method, scheme, authority, target })
    }

    /// A response.
    #[must_use]
    pub fn response(status: u16) -> Self {
        Message::of(Start::Response { status })
    }

    fn of(start: Start<'a>) -> Self {
        Message { start, headers: Lines::Borrowed(&[]), trailers: &[], body: &[], http2: false }
    }

    /// The header lines, in their order.
    #[must_use]
    pub fn headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = Lines::Borrowed(headers);
        self
    }

    /// Adds one header line.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        let mut lines = match self.headers {
            Lines::Borrowed(lines) => lines.to_vec(),
            Lines::Owned(lines) => lines,
        };
        lines.push(Header::new(name, value));
        self.headers = Lines::Owned(lines);
        self
    }

    /// The trailer lines, in their order.
    #[must_use]
    pub fn trailers(mut self, trailers: &'a [Header<'a>]) -> Self {
        self.trailers = trailers;
        self
    }

    /// The content, exactly as it is on the wire: after transfer coding, before content coding.
    #[must_use]
    pub fn body(mut self, body: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.body = body.as_ref();
        self
    }

    /// Says that the message came by HTTP/2 or later, where names in upper case are malformed.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    pub(crate) fn header_lines(&self) -> &[Header<'a>] {
        match &self.headers {
            Lines::Borrowed(lines) => lines,
            Lines::Owned(lines) => lines,
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The lines of one header; `name` is in lower case.
    pub(crate) fn lines(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        named(self.header_lines(), name)
    }

    /// Scheme and authority of a request, normalised (RFC 9421, section 2.2.3), from the target, `authority` and
    /// `Host`, which must agree where they are there.
    pub(crate) fn origin(&self) -> Result<Origin<'a>> {
        let Start::Request { method, scheme, authority, target } = self.start else {
            return Err(malformed("a response has no authority"));
        };
        let target = Target::parse(method, target)?;
        let scheme = target::scheme(target.scheme.unwrap_or(scheme))?;
        let mut hosts = self.lines("host");
        let host = hosts.next().map(|value| std::str::from_utf8(trim(value)).unwrap_or("\0"));
        if hosts.next().is_some() {
            return Err(malformed("there are two Host lines"));
        }
        let given = Some(authority).filter(|authority| !authority.is_empty());
        let mut all = [target.authority, given, host].into_iter().flatten();
        let first = all.next().ok_or_else(|| malformed("the request has no authority"))?;
        let authority = target::authority(&scheme, first)?;
        for other in all {
            if other != first && target::authority(&scheme, other)? != authority {
                return Err(malformed("target, authority and Host do not agree"));
            }
        }
        Ok(Origin { scheme, authority, target })
    }

    /// Checks what no verifier may guess about: names and values that are none, an origin that is not one, and in
    /// the strict mode whatever parsers are known to read differently. `bytes` bounds all names and values.
    pub(crate) fn check(&self, strict: bool, bytes: usize) -> Result<()> {
        let mut size = 0;
        let mut lengths = 0;
        let mut transfer_encoding = false;
        for line in self.header_lines().iter().chain(self.trailers) {
            size += line.name.len() + line.value.len();
            self.check_name(line.name, strict)?;
            let broken = line.value.iter().fold(false, |any, byte| any | matches!(byte, 0 | b'\r' | b'\n'));
            if broken && (strict || !is_folded(line.value)) {
                let detail = format!("the value of `{}` holds a line break or NUL", line.name.escape_debug());
                return Err(malformed(detail));
            }
            lengths += usize::from(line.name.eq_ignore_ascii_case("content-length"));
            transfer_encoding |= line.name.eq_ignore_ascii_case("transfer-encoding");
        }
        if size > bytes {
            let detail = format!("headers of {size} bytes where at most {bytes} are allowed");
            return Err(Error::because(Code::LimitMessage, detail));
        }
        match self.start {
            Start::Request { method, target, .. } => {
                if method.is_empty() || !method.bytes().all(is_token) {
                    return Err(malformed("the method is not a token"));
                }
                if strict && method == "CONNECT" {
                    return Err(malformed("CONNECT has no path to cover"));
                }
                if strict && target == "*" {
                    return Err(malformed("the target `*` has no path to cover"));
                }
            }
            Start::Response { status } => {
                if !(100..1000).contains(&status) {
                    return Err(malformed("the status is not a number of three digits"));
                }
            }
        }
        if !strict {
            return Ok(());
        }
        if lengths > 0 {
            self.content_length()?;
        }
        if !self.trailers.is_empty() {
            return Err(malformed("the profile allows no trailers"));
        }
        if lengths > 1 {
            return Err(malformed("there are two Content-Length lines"));
        }
        if lengths > 0 && transfer_encoding {
            return Err(malformed("Content-Length stands beside Transfer-Encoding"));
        }
        Ok(())
    }

    /// The length that Content-Length states.
    pub(crate) fn content_length(&self) -> Result<Option<u64>> {
        let Some(value) = self.lines("content-length").next() else { return Ok(None) };
        let digits = trim(value);
        let number = digits.iter().try_fold(0_u64, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        });
        let number = number.filter(|_| !digits.is_empty());
        number.map(Some).ok_or_else(|| malformed("Content-Length is not a number"))
    }

    /// Refuses a Content-Length that differs from the bytes read: two parsers would see two contents. A response
    /// without content may tell the length that the content would have (RFC 9110, section 8.6).
    pub(crate) fn check_length(&self, read: u64) -> Result<()> {
        match self.content_length()? {
            Some(stated) if stated != read && (read > 0 || self.is_request()) => {
                Err(malformed("Content-Length differs from the content"))
            }
            _ => Ok(()),
        }
    }

    fn check_name(&self, name: &str, strict: bool) -> Result<()> {
        let (all, any) = name.bytes().fold((u8::MAX, 0), |(all, any), byte| {
            let class = class(byte);
            (all & class, any | class)
        });
        let fault = if all & TOKEN == 0 || name.is_empty() {
            "is not a token"
        } else if strict && any & UNDERSCORE != 0 {
            "holds `_`, which some servers read as `-`"
        } else if self.http2 && any & UPPER != 0 {
            "is in upper case, which HTTP/2 does not allow"
        } else {
            return Ok(());
        };
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        Err(malformed(format!("the header name `{shown}` {fault}")))
    }
}

/// The lines with this name, which is in lower case.
pub(crate) fn named<'a>(lines: &[Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    lines.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
}

/// The value without white space around it (RFC 9110, section 5.5).
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let until = value.iter().rposition(|byte| !is_space(byte)).map_or(from, |last| last + 1);
    value.get(from..until).unwrap_or_default()
}

/// The media type in lower case, without parameters (RFC 9110, section 8.3.1); `None` if it is none.
pub(crate) fn media_type(value: &[u8]) -> Option<String> {
    let (name, parameters) = match value.iter().position(|byte| *byte == b';') {
        Some(at) => value.split_at(at),
        None => (value, &[][..]),
    };
    let name = trim(name).to_ascii_lowercase();
    let mut parts = name.split(|byte| *byte == b'/');
    let is_type =
        |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty() && part.iter().all(|b| is_token(*b)));
    // Two types in one line are a list, which readers take apart differently.
    let one = is_type(parts.next())
        && is_type(parts.next())
        && parts.next().is_none()
        && !parameters.contains(&b',');
    if one { String::from_utf8(name).ok() } else { None }
}

/// Whether every line break is one of an obsolete line folding (RFC 9112, section 5.2): white space follows it.
fn is_folded(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        let after = rest.get(at..).unwrap_or_default();
        let after = after.strip_prefix(b"\r").unwrap_or(after);
        match after.strip_prefix(b"\n") {
            Some(after) if matches!(after.first(), Some(b' ' | b'\t')) => rest = after,
            _ => return false,
        }
    }
    true
}

/// The value with each line folding and the white space around it replaced by one space, if there is any.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|byte| *byte == b'\n').map(|line| trim(line.strip_suffix(b"\r").unwrap_or(line)));
    let lines: Vec<&[u8]> = lines.collect();
    Cow::Owned(trim(&lines.join(&b' ')).to_vec())
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    class(byte) & TOKEN != 0
}

const TOKEN: u8 = 1;
const UNDERSCORE: u8 = 2;
const UPPER: u8 = 4;

fn class(byte: u8) -> u8 {
    const CLASSES: [u8; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let byte = at as u8;
            if byte.is_ascii_alphanumeric() {
                table[at] = TOKEN;
            }
            if byte.is_ascii_uppercase() {
                table[at] |= UPPER;
            }
            at += 1;
        }
        let marks = b"!#$%&'*+-.^_`|~";
        let mut at = 0;
        while at < marks.len() {
            table[marks[at] as usize] = TOKEN;
            at += 1;
        }
        table[b'_' as usize] |= UNDERSCORE;
        table
    };
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

pub(crate) fn malformed(detail: impl Into<String>) -> Error {
    Error::because(Code::MalformedMessage, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>() -> Message<'a> {
        Message::request("GET", "https", "a.example", "/")
    }

    fn refused(message: &Message<'_>, strict: bool) -> bool {
        match message.check(strict, 1 << 16) {
            Ok(()) => false,
            Err(error) => error.code() == Code::MalformedMessage || panic!("{error}"),
        }
    }

    #[test]
    fn lesson_s20_names_and_values_that_are_none() {
        for name in ["", "@method", "a b", "é", "a:", ":protocol", "a\n", "a\0", "(", "\"x\""] {
            assert!(refused(&get().header(name, "1"), false), "{name:?}");
        }
        for value in ["a\nb", "a\r\nb", "a\rb", "a\0b", "\n", "a\r\n"] {
            assert!(refused(&get().header("x", value), false), "{value:?}");
            assert!(refused(&get().header("x", value), true), "{value:?}");
        }
        assert!(!refused(&get().header("X-Fold", "a\r\n  b\n c"), false));
        assert!(refused(&get().header("X-Fold", "a\r\n  b"), true));
        assert!(!refused(&get().header("X-Upper", "1"), true));
        assert!(refused(&get().header("X-Upper", "1").http2(), true));
        assert!(refused(&Message::request("G T", "https", "a", "/"), false));
        assert!(refused(&Message::response(99), false) && refused(&Message::response(1000), false));
    }

    #[test]
    fn rule_s24_what_parsers_read_differently() {
        let trailers = [Header::new("x", "1")];
        for message in [
            get().header("x_y", "1"),
            get().trailers(&trailers),
            Message::request("CONNECT", "https", "a.example", "a.example:443"),
            Message::request("OPTIONS", "https", "a.example", "*"),
            get().header("content-length", "0").header("transfer-encoding", "chunked"),
            get().header("content-length", "0").header("Content-Length", "0"),
            get().header("content-length", "+0"),
            get().header("content-length", ""),
        ] {
            assert!(refused(&message, true), "{message:?}");
            assert!(!refused(&message, false), "{message:?}");
        }
        let stated = |message: Message<'static>, read| {
            message.header("content-length", "1").check_length(read).is_ok()
        };
        assert!(stated(get(), 1) && !stated(get(), 0) && !stated(get(), 2));
        assert!(stated(Message::response(304), 0) && !stated(Message::response(200), 2));
    }

    #[test]
    fn rule_s13_headers_are_bounded() {
        let long = "x".repeat(100);
        let message = get().header("n", &long);
        assert!(message.check(true, 101).is_ok());
        assert_eq!(message.check(true, 100).unwrap_err().code(), Code::LimitMessage);
    }

    #[test]
    fn lesson_s19_one_authority() {
        let authority = |message: &Message<'_>| {
            message.origin().map(|origin| origin.authority.into_owned()).map_err(|error| error.code())
        };
        let none = Message::request("GET", "https", "", "/");
        assert_eq!(authority(&none), Err(Code::MalformedMessage));
        assert_eq!(authority(&none.clone().header("Host", "A.example:443")).unwrap(), "a.example");
        assert_eq!(authority(&get().header("host", "A.Example:443")).unwrap(), "a.example");
        assert_eq!(authority(&get().header("host", "b.example")), Err(Code::MalformedMessage));
        assert_eq!(authority(&get().header("host", "a.example:8443")), Err(Code::MalformedMessage));
        let two = none.header("host", "a.example").header("Host", "a.example");
        assert_eq!(authority(&two), Err(Code::MalformedMessage));
        let absolute = Message::request("GET", "http", "", "https://B.example:443/x");
        assert_eq!(authority(&absolute).unwrap(), "b.example");
        assert_eq!(authority(&absolute.header("host", "c.example")), Err(Code::MalformedMessage));
    }

    #[test]
    fn media_types() {
        let read = |text: &str| media_type(text.as_bytes());
        for text in
            ["application/json", " Application/JSON ", "application/json; charset=utf-8", "application/json;"]
        {
            assert_eq!(read(text).as_deref(), Some("application/json"), "{text}");
        }
        assert_eq!(read("application/ld+json").as_deref(), Some("application/ld+json"));
        for text in ["", "json", "a/", "/b", "a/b/c", "a b/c", "a/b, c/d", "a/b; x=1, c/d", "é/b"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn white_space_and_folding() {
        assert_eq!(trim(b" \t a b \t"), b"a b");
        assert_eq!(trim(b"  "), b"");
        assert_eq!(&*unfold(b"Obsolete\n    line folding."), b"Obsolete line folding.");
        assert_eq!(&*unfold(b"a \r\n\t b"), b"a b");
    }
}
