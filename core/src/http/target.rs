//! The request target, scheme and authority, taken apart as bytes: `%2F` stays `%2F`.

use std::borrow::Cow;

use crate::error::Result;
use crate::http::message::malformed;

/// Scheme and authority of a request in their normal form, and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) scheme: Cow<'a, str>,
    pub(crate) authority: Cow<'a, str>,
    pub(crate) target: Target<'a>,
}

/// The parts of a request target (RFC 9112, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) whole: &'a str,
    /// Of the absolute form.
    pub(crate) scheme: Option<&'a str>,
    /// Of the absolute form, and the whole of the authority form.
    pub(crate) authority: Option<&'a str>,
    /// `None` in the authority form.
    path: Option<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub(crate) fn parse(method: &str, whole: &'a str) -> Result<Self> {
        let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if whole.is_empty() || !whole.bytes().fold(true, |all, byte| all & legal(byte)) {
            return Err(malformed("the target is empty or holds a character that no target has"));
        }
        if method == "CONNECT" {
            return Ok(Target { whole, scheme: None, authority: Some(whole), path: None, query: None });
        }
        if whole == "*" {
            return Ok(Target { whole, scheme: None, authority: None, path: Some(""), query: None });
        }
        let (scheme, authority, rest) = if whole.starts_with('/') {
            (None, None, whole)
        } else {
            let parts = whole.split_once("://");
            let (scheme, rest) = parts.ok_or_else(|| malformed("the target is neither a path nor a URI"))?;
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(end);
            (Some(scheme), Some(authority), rest)
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Target { whole, scheme, authority, path: Some(path), query })
    }

    pub(crate) fn is_asterisk(&self) -> bool {
        self.whole == "*"
    }

    /// The path; an empty one is `/` (RFC 9421, section 2.2.6).
    pub(crate) fn path(&self) -> Option<&'a str> {
        self.path.map(|path| if path.is_empty() { "/" } else { path })
    }

    /// The query without its `?`; absent and empty are the same (RFC 9421, section 2.2.7).
    pub(crate) fn query(&self) -> &'a str {
        self.query.unwrap_or_default()
    }

    /// Path and query as they stand in the target URI (RFC 9110, section 7.1).
    pub(crate) fn write_uri(&self, origin: &Origin<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(origin.scheme.as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(origin.authority.as_bytes());
        if !self.is_asterisk() {
            out.extend_from_slice(self.path().unwrap_or_default().as_bytes());
        }
        if let Some(query) = self.query {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
        }
    }
}

/// The scheme in lower case.
pub(crate) fn scheme(text: &str) -> Result<Cow<'_, str>> {
    let mut bytes = text.bytes();
    let legal = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if legal { Ok(lower(text)) } else { Err(malformed("the scheme is not one")) }
}

/// The authority in lower case, without the scheme's default port (RFC 9110, section 4.2.3).
pub(crate) fn authority<'a>(scheme: &str, text: &'a str) -> Result<Cow<'a, str>> {
    let bad = || malformed("the authority is not a host and a port");
    let (host, port) = match text.rfind(']') {
        Some(end) if text.starts_with('[') => {
            let (host, rest) = text.split_at(end + 1);
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(bad()),
            }
        }
        Some(_) => return Err(bad()),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let inside = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte)),
    };
    if host.is_empty() || host == "[]" || !inside(host) {
        return Err(bad());
    }
    let port = port.unwrap_or_default();
    let number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0') && port.len() <= 5;
    if !number || port.parse::<u32>().is_ok_and(|port| port > 65535) {
        return Err(bad());
    }
    let default = match scheme {
        "https" | "wss" => "443",
        "http" | "ws" => "80",
        _ => "",
    };
    Ok(if port.is_empty() || port == default { lower(host) } else { lower(text) })
}

fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// The value of a query parameter, decoded and encoded again as RFC 9421, section 2.2.8, demands. `name` is given in
/// the same encoding.
pub(crate) fn query_parameter(query: &str, name: &str) -> std::result::Result<String, &'static str> {
    let mut found = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
        if recode(own)? == name && found.replace(value).is_some() {
            return Err("the query parameter stands twice");
        }
    }
    recode(found.ok_or("the query has no such parameter")?)
}

/// Decodes a form-urlencoded text and percent-encodes it again, spaces as `%20`.
fn recode(text: &str) -> std::result::Result<String, &'static str> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        decoded.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
                digit(high) << 4 | digit(low)
            }
            (other, _) => *other,
        });
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err("a query parameter is not UTF-8");
    }
    let mut out = String::with_capacity(decoded.len());
    for byte in decoded {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(HEX.get(usize::from(digit)).copied().unwrap_or_default()));
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesson_s9_targets_are_not_normalised() {
        let parts = |text| {
            let target = Target::parse("GET", text).unwrap();
            (target.path().unwrap(), target.query())
        };
        assert_eq!(parts("/a%2Fb"), ("/a%2Fb", ""));
        assert_eq!(parts("/a/../b//c?x=/?y"), ("/a/../b//c", "x=/?y"));
        assert_eq!(parts("http://h"), ("/", ""));
        assert_eq!(parts("http://h?q"), ("/", "q"));
        assert_eq!(parts("http://h/p?"), ("/p", ""));
        assert_eq!(parts("//evil.example/x"), ("//evil.example/x", ""));
        for bad in ["", "a", "/a b", "/a\n", "/#", "/é", "a:b"] {
            assert!(Target::parse("GET", bad).is_err(), "{bad}");
        }
        assert_eq!(Target::parse("CONNECT", "h:80").unwrap().path(), None);
    }

    #[test]
    fn case_41_authorities() {
        for (scheme, text, expected) in [
            ("https", "API.example", "api.example"),
            ("https", "api.example:443", "api.example"),
            ("https", "api.example:", "api.example"),
            ("http", "api.example:443", "api.example:443"),
            ("http", "api.example:80", "api.example"),
            ("https", "[2001:DB8::1]:443", "[2001:db8::1]"),
            ("https", "[::1]:8443", "[::1]:8443"),
            ("coap", "h:80", "h:80"),
        ] {
            assert_eq!(authority(scheme, text).unwrap(), expected);
        }
        for bad in [
            "", ":443", "u@h", "h:0443", "h:65536", "h:x", "h:1:2", "a b", "a/b", "[::1", "[]", "[::1]x",
            "h\n", "x[1]",
        ] {
            assert!(authority("https", bad).is_err(), "{bad}");
        }
        assert!(scheme("ht tp").is_err() && scheme("").is_err());
        assert_eq!(scheme("HTTPS").unwrap(), "https");
    }

    #[test]
    fn lesson_s10_query_parameters() {
        let query = "v=a%20b%2Bc%21%27%28%29%2A~%3A%40&bad=%ff&w=1&w=2&pc=%zz&&n";
        assert_eq!(query_parameter(query, "v"), Ok("a%20b%2Bc%21%27%28%29*%7E%3A%40".into()));
        assert_eq!(query_parameter(query, "n"), Ok(String::new()));
        assert_eq!(query_parameter(query, "pc"), Ok("%25zz".into()));
        for name in ["w", "bad", "x"] {
            assert!(query_parameter(query, name).is_err(), "{name}");
        }
    }
}
