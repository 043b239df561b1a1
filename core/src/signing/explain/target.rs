//! Another spelling of path and query: slashes, percent-encoding, `+`, order, parameters that were added.

use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::judge::{Judge, Step, View};

/// Headers in which proxies keep the target that they rewrote.
const ORIGINALS: [&str; 6] = [
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-envoy-original-path",
    "x-request-uri",
];

/// Query parameters beyond this number are not tried one by one.
const MAX_PARAMETERS: usize = 32;

impl Judge<'_> {
    pub(super) fn try_target(&mut self) -> Step {
        if !self.covers(&["@path", "@query", "@request-target", "@target-uri", "@query-param"]) {
            return Step::Continue(());
        }
        let view = self.received.clone();
        if !self.is_short(view.target.len()) {
            return Step::Continue(());
        }
        let (front, path, query) = parts(&view.target);
        let with = |path: &str, query: Option<&str>| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            View { target: format!("{front}{path}{query}"), ..view.clone() }
        };
        for path in slashes(path) {
            self.attempt(ChangeKind::PathSlash, with(&path, query))?;
        }
        for (kind, path) in spellings(path, false) {
            self.attempt(kind, with(&path, query))?;
        }
        if let Some(query) = query {
            for (kind, query) in queries(query) {
                self.attempt(kind, with(path, Some(&query)))?;
            }
            self.attempt(ChangeKind::QueryAdded, with(path, None))?;
            // Path and query in one go, as by a URL type that normalises both.
            let (paths, queries): (Vec<_>, Vec<_>) = (spellings(path, false), spellings(query, true));
            for ((kind, path), (_, query)) in
                paths.iter().flat_map(|path| queries.iter().map(move |query| (path, query))).take(64)
            {
                self.attempt(*kind, with(path, Some(query)))?;
            }
        }
        for name in ORIGINALS {
            for line in view
                .lines(name)
                .map(|line| String::from_utf8_lossy(line).trim().to_owned())
                .collect::<Vec<_>>()
            {
                let target = line.split_once("://").map_or(line.as_str(), |(_, rest)| {
                    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
                });
                self.attempt(ChangeKind::Target, View { target: target.to_owned(), ..view.clone() })?;
            }
        }
        for line in view
            .lines("x-forwarded-prefix")
            .map(|line| String::from_utf8_lossy(line).trim().to_owned())
            .collect::<Vec<_>>()
        {
            self.attempt(ChangeKind::Target, with(&format!("{}{path}", line.trim_end_matches('/')), query))?;
            if let Some(rest) = path.strip_prefix(line.as_str()) {
                self.attempt(ChangeKind::Target, with(rest, query))?;
            }
        }
        Step::Continue(())
    }
}

/// What stands before the path in the absolute form; the path; the query.
fn parts(target: &str) -> (&str, &str, Option<&str>) {
    let (rest, query) = match target.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (target, None),
    };
    let from = match rest.find("://") {
        Some(at) if !rest.starts_with('/') => {
            let after = rest.get(at + 3..).unwrap_or_default();
            rest.len() - after.len() + after.find('/').unwrap_or(after.len())
        }
        _ => 0,
    };
    let (front, path) = rest.split_at(from);
    (front, path, query)
}

/// The path with slashes added, dropped or merged, with a segment of one dot, and without dot segments.
fn slashes(path: &str) -> Vec<String> {
    let mut out = vec![format!("{path}/")];
    if let Some(shorter) = path.strip_suffix('/') {
        out.push(shorter.to_owned());
    }
    let mut merged = path.to_owned();
    while merged.contains("//") {
        merged = merged.replace("//", "/");
    }
    out.push(merged);
    for (at, _) in path.match_indices('/').take(24) {
        let (before, after) = path.split_at(at);
        out.push(format!("{before}/{after}"));
        out.push(format!("{before}/.{after}"));
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    out.push(segments.join("/"));
    out
}

/// Other spellings of one text; `form` tells that `+` may be a space.
pub(super) fn spellings(text: &str, form: bool) -> Vec<(ChangeKind, String)> {
    use ChangeKind::{PercentEncoding, PlusSpace};
    let mut out = vec![
        (PercentEncoding, hex_case(text, true)),
        (PercentEncoding, hex_case(text, false)),
        (PlusSpace, text.replace('+', "%20")),
        (PlusSpace, text.replace("%20", "+")),
        (PercentEncoding, text.replace("%2B", "+").replace("%2b", "+")),
        (PercentEncoding, text.replace('+', "%2B")),
        // Unreserved characters need no encoding (RFC 3986, section 2.3).
        (PercentEncoding, decode(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))),
        (PercentEncoding, decode(text, |byte| byte.is_ascii_graphic() && !b"%#?".contains(&byte))),
        (PercentEncoding, decode(text, |byte| byte.is_ascii_graphic() && !b"%#?&=+".contains(&byte))),
    ];
    // Sets that well-known libraries leave alone when they encode what they decoded.
    let separators: &[u8] = if form { b"&=" } else { b"/" };
    let decoded = |byte: u8| form && byte == b'+';
    for (plain, space) in [
        (&b"-._~"[..], "%20"),
        (b"-._*", "+"),
        (b"-._", "+"),
        (b"-._~", "+"),
        (b"-_.!~*'()", "%20"),
        (b"-._~!$'()*,;:@/?", "%20"),
        (b"-._~!$&'()*+,;=:@/", "%20"),
    ] {
        if space == "+" && !form {
            continue;
        }
        out.push((PercentEncoding, recode(text, separators, plain, space, decoded)));
        out.push((PercentEncoding, hex_case(&recode(text, separators, plain, space, decoded), false)));
    }
    // One character that was decoded.
    for mark in ['/', '~', '!', '\'', '(', ')', '*', ',', ':', ';', '=', '@', '$', '-', '_', '.', '|'] {
        let upper = format!("%{:02X}", u32::from(mark));
        let lower = upper.to_ascii_lowercase();
        for encoded in std::iter::once(&upper).chain(Some(&lower).filter(|lower| **lower != upper)) {
            for (at, _) in text.match_indices(mark).skip(usize::from(mark == '/' && !form)).take(12) {
                let (before, after) = text.split_at(at);
                out.push((
                    PercentEncoding,
                    format!("{before}{encoded}{}", after.get(1..).unwrap_or_default()),
                ));
            }
            out.push((PercentEncoding, text.replace(mark, encoded)));
        }
    }
    out.retain(|(_, other)| other != text);
    out
}

/// Other forms of a query.
pub(super) fn queries(query: &str) -> Vec<(ChangeKind, String)> {
    use ChangeKind::{QueryAdded, QueryForm, QueryOrder};
    let mut out = spellings(query, true);
    let pairs: Vec<&str> = query.split('&').collect();
    let sorted = |by: fn(&str) -> &str| {
        let mut pairs = pairs.clone();
        pairs.sort_by_key(|pair| by(pair));
        pairs.join("&")
    };
    out.push((QueryOrder, sorted(|pair| pair.split('=').next().unwrap_or_default())));
    out.push((QueryOrder, sorted(|pair| pair)));
    out.push((QueryOrder, pairs.iter().rev().copied().collect::<Vec<_>>().join("&")));
    if pairs.len() <= 4 {
        permutations(pairs.len(), &mut |order| {
            let own: Vec<&str> = order.iter().filter_map(|at| pairs.get(*at).copied()).collect();
            out.push((QueryOrder, own.join("&")));
        });
    }
    if pairs.len() <= MAX_PARAMETERS {
        for at in 0..pairs.len() {
            let mut moved = pairs.clone();
            if at + 1 < moved.len() {
                moved.swap(at, at + 1);
                out.push((QueryOrder, moved.join("&")));
            }
            let mut other = pairs.clone();
            let with_sign = other.get(at).map(|pair| format!("{pair}=")).unwrap_or_default();
            if let Some(pair) = other.get_mut(at) {
                *pair = pair.strip_suffix('=').unwrap_or(&with_sign);
            }
            out.push((QueryForm, other.join("&")));
            let mut fewer = pairs.clone();
            fewer.remove(at);
            out.push((QueryAdded, fewer.join("&")));
        }
        let marks = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            name.starts_with("utm_") || name.ends_with("clid")
        };
        out.push((
            QueryAdded,
            pairs.iter().filter(|pair| !marks(pair)).copied().collect::<Vec<_>>().join("&"),
        ));
    }
    let map = |each: fn(&str) -> String| pairs.iter().map(|pair| each(pair)).collect::<Vec<_>>().join("&");
    out.push((QueryForm, map(|pair| pair.strip_suffix('=').unwrap_or(pair).to_owned())));
    out.push((QueryForm, map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })));
    out.push((QueryForm, query.replace('&', ";")));
    out.push((QueryForm, query.replace(';', "&")));
    out.push((QueryForm, format!("{query}&")));
    out.push((QueryForm, query.split('&').filter(|pair| !pair.is_empty()).collect::<Vec<_>>().join("&")));
    out.push((
        QueryForm,
        pairs.iter().map(|pair| pair.replace("%5B", "[").replace("%5D", "]")).collect::<Vec<_>>().join("&"),
    ));
    out.retain(|(_, other)| other != query);
    out
}

/// Every order of so many things, by Heap's algorithm.
pub(super) fn permutations(count: usize, each: &mut dyn FnMut(&[usize])) {
    fn step(size: usize, order: &mut Vec<usize>, each: &mut dyn FnMut(&[usize])) {
        if size <= 1 {
            return each(order);
        }
        for at in 0..size {
            step(size - 1, order, each);
            if at + 1 < size {
                order.swap(if size.is_multiple_of(2) { at } else { 0 }, size - 1);
            }
        }
    }
    step(count, &mut (0..count).collect(), each);
}

/// The two hexadecimal digits behind a percent sign.
fn escape(bytes: &[u8]) -> Option<u8> {
    let digit =
        |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    (bytes.first() == Some(&b'%')).then_some(())?;
    Some(digit(bytes.get(1))? << 4 | digit(bytes.get(2))?)
}

fn hex_case(text: &str, upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0;
    for (at, character) in text.char_indices() {
        if escape(text.as_bytes().get(at..).unwrap_or_default()).is_some() {
            left = 3;
        }
        let inside = left > 0;
        left = usize::saturating_sub(left, 1);
        out.push(match (inside, upper) {
            (true, true) => character.to_ascii_uppercase(),
            (true, false) => character.to_ascii_lowercase(),
            _ => character,
        });
    }
    out
}

/// Decodes what the function picks.
fn decode(text: &str, pick: impl Fn(u8) -> bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match escape(rest).filter(|byte| pick(*byte)) {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Decodes the text between separators and encodes it again, as parsers and writers of URLs do.
fn recode(text: &str, separators: &[u8], plain: &[u8], space: &str, is_space: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = escape(rest);
        rest = if escaped.is_some() { rest.get(3..).unwrap_or_default() } else { after };
        let byte = escaped.unwrap_or(*first);
        if escaped.is_none() && separators.contains(first) {
            out.push(char::from(*first));
        } else if byte == b' ' || (escaped.is_none() && is_space(byte)) {
            out.push_str(space);
        } else if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A target without characters that none has: decoded ones are encoded again.
pub(super) fn legal(target: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_graphic() && byte != b'#' {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    target.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        assert_eq!(parts("/a?b?c"), ("", "/a", Some("b?c")));
        assert_eq!(parts("http://h:1/a"), ("http://h:1", "/a", None));
        assert_eq!(parts("http://h"), ("http://h", "", None));
        assert_eq!(parts("/x://y/z"), ("", "/x://y/z", None));
    }

    #[test]
    fn every_order_once() {
        for (count, expected) in [(0, 1), (1, 1), (3, 6), (4, 24), (5, 120)] {
            let mut all = std::collections::BTreeSet::new();
            permutations(count, &mut |order| assert!(all.insert(order.to_vec())));
            assert_eq!(all.len(), expected);
        }
    }

    #[test]
    fn spellings_of_one_text() {
        let of =
            |text: &str, form| spellings(text, form).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert!(of("/a%2fb", false).contains(&"/a%2Fb".to_owned()));
        assert!(of("/a/b", false).contains(&"/a%2Fb".to_owned()));
        assert!(of("/a/b", false).contains(&"/a%2fb".to_owned()));
        assert!(slashes("/a/b").contains(&"/a/./b".to_owned()));
        assert!(of("q=a+b", true).contains(&"q=a%20b".to_owned()));
        assert!(of("q=%7Ex", true).contains(&"q=~x".to_owned()));
        assert!(of("q=~x", true).contains(&"q=%7Ex".to_owned()));
        assert_eq!(legal("/a b\u{e9}#"), "/a%20b%C3%A9%23");
        assert_eq!(hex_case("%e9é%", true), "%E9é%");
    }
}
