//! Content in another spelling: JSON and forms written again, line ends, content codings.

use crate::http::message::{Message, trim};
use crate::json::canonical;
use crate::json::index::{Index, NodeId, NodeKind};
use crate::json::text;
use crate::signing::explain::Explainer;
use crate::signing::explain::Work;
use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::judge::Step;
use crate::signing::explain::target;

/// The longest JSON content that is written again: its index takes up to eight times its size.
const MAX_JSON: usize = 4 << 20;

/// How many times as long as the content a text may become: indentation grows with depth as well.
const MAX_GROWTH: usize = 4;

/// The longest form content that is written again.
const MAX_FORM: usize = 64 << 10;

/// The most members of an object whose every order is tried.
const MAX_PERMUTED: usize = 5;

/// Nesting of JSON beyond which nothing is written again.
const MAX_DEPTH: usize = 64;

/// Hands over every other spelling of the content; `each` counts them and ends the search.
pub(super) fn variants(
    body: &[u8],
    decoded: Option<&[u8]>,
    each: &mut dyn FnMut(ChangeKind, Vec<u8>) -> Step,
) -> Step {
    if let Some(decoded) = decoded {
        each(ChangeKind::DigestOfDecoded, decoded.to_vec())?;
    }
    ends(body, each)?;
    json(body, each)?;
    if let Some(decoded) = decoded {
        json(decoded, each)?;
    }
    if body.len() <= MAX_FORM && body.contains(&b'=') && body.is_ascii() {
        let form = String::from_utf8_lossy(body);
        for (_, form) in target::queries(&form) {
            each(ChangeKind::Form, form.into_bytes())?;
        }
    }
    Step::Continue(())
}

fn ends(body: &[u8], each: &mut dyn FnMut(ChangeKind, Vec<u8>) -> Step) -> Step {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut end = |bytes: Vec<u8>| each(ChangeKind::ContentEnds, bytes);
    end([body, b"\n"].concat())?;
    end([body, b"\r\n"].concat())?;
    end(body.trim_ascii_end().to_vec())?;
    end(body.trim_ascii().to_vec())?;
    if let Some(shorter) = body.strip_suffix(b"\n") {
        end(shorter.to_vec())?;
    }
    if let Some(shorter) = body.strip_suffix(b"\r\n") {
        end(shorter.to_vec())?;
    }
    end([MARK, body].concat())?;
    end(body.strip_prefix(MARK).unwrap_or(body).to_vec())?;
    let unix: Vec<u8> = body
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect::<Vec<_>>()
        .join(&b'\n');
    end(unix.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]))?;
    end(unix)?;
    // Gateways hand over binary content as base64.
    match base64_simd::STANDARD.decode_to_vec(body) {
        Ok(bytes) => end(bytes),
        Err(_) => Step::Continue(()),
    }
}

/// How a JSON text is written.
#[derive(Clone, Copy)]
struct Style<'o> {
    layout: Layout,
    order: Order<'o>,
    strings: Strings,
    numbers: Numbers,
    /// Bytes after which nothing more is written.
    most: usize,
}

/// The order of members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order<'o> {
    AsIs,
    Sorted,
    /// Those of the outermost object by their places, all others as they are.
    Root(&'o [usize]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Between members, and behind names.
    Line {
        comma: &'static str,
        colon: &'static str,
    },
    Pretty {
        indent: &'static str,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    AsIs,
    /// Only what must be escaped.
    Plain,
    /// Everything beyond ASCII as `\u`.
    Ascii,
    /// Plain, and `<`, `>`, `&` as `\u`, as for HTML.
    Html,
    /// ASCII, and `/` behind a backslash.
    Slash,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    AsIs,
    /// As RFC 8785 prints them.
    Canonical,
    /// At least two digits behind a decimal point.
    Cents,
    /// Integers with `.0`, as languages print that know doubles only.
    Doubles,
}

const LAYOUTS: [Layout; 7] = [
    Layout::Line { comma: ",", colon: ":" },
    Layout::Line { comma: ", ", colon: ": " },
    Layout::Pretty { indent: "  " },
    Layout::Pretty { indent: "    " },
    Layout::Pretty { indent: "\t" },
    Layout::Line { comma: ",", colon: ": " },
    Layout::Line { comma: ", ", colon: ":" },
];

fn json(body: &[u8], each: &mut dyn FnMut(ChangeKind, Vec<u8>) -> Step) -> Step {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.len() > MAX_JSON {
        return Step::Continue(());
    }
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Step::Continue(());
    }
    let Ok(index) = Index::build(body, MAX_DEPTH) else { return Step::Continue(()) };
    let most = MAX_GROWTH * body.len() + 1024;
    let mut written = |style: Style<'_>, end: &str| {
        let mut out = Vec::with_capacity(body.len() + 16);
        write(&mut out, &index, 0, style, 0);
        out.extend_from_slice(end.as_bytes());
        if out.len() > most { Step::Continue(()) } else { each(ChangeKind::Json, out) }
    };
    for numbers in [Numbers::AsIs, Numbers::Cents, Numbers::Canonical, Numbers::Doubles] {
        for strings in [Strings::AsIs, Strings::Plain, Strings::Ascii, Strings::Html, Strings::Slash] {
            for end in ["", "\n"] {
                for order in [Order::AsIs, Order::Sorted] {
                    for layout in LAYOUTS {
                        written(Style { layout, order, strings, numbers, most }, end)?;
                    }
                }
            }
        }
    }
    // Written by what sorts names, or keeps no order: the order that was sent is one of all.
    let members = index.children(0).count();
    if index.kind(0) != NodeKind::Object || members > MAX_PERMUTED {
        return Step::Continue(());
    }
    let mut orders = Vec::new();
    target::permutations(members, &mut |order| orders.push(order.to_vec()));
    for layout in LAYOUTS.iter().take(3) {
        for order in &orders {
            let (order, strings, numbers) = (Order::Root(order), Strings::AsIs, Numbers::AsIs);
            written(Style { layout: *layout, order, strings, numbers, most }, "")?;
        }
    }
    Step::Continue(())
}

fn write(out: &mut Vec<u8>, index: &Index<'_>, id: NodeId, style: Style<'_>, depth: usize) {
    if out.len() > style.most {
        return;
    }
    let kind = index.kind(id);
    let (open, close) = match kind {
        NodeKind::Object => (b'{', b'}'),
        NodeKind::Array => (b'[', b']'),
        NodeKind::String => return write_string(out, index.raw(id), &index.string(id), style.strings),
        NodeKind::Number => return write_number(out, index.raw(id), style.numbers),
        _ => return out.extend_from_slice(index.raw(id)),
    };
    let mut children: Vec<NodeId> = index.children(id).collect();
    match style.order {
        Order::Sorted if kind == NodeKind::Object => {
            children.sort_by_cached_key(|child| index.name(*child).map(|name| name.into_owned()));
        }
        Order::Root(places) if depth == 0 => {
            children = places.iter().filter_map(|at| children.get(*at).copied()).collect();
        }
        _ => {}
    }
    out.push(open);
    let (comma, colon) = match style.layout {
        Layout::Line { comma, colon } => (comma, colon),
        Layout::Pretty { .. } => (",", ": "),
    };
    let line = |out: &mut Vec<u8>, depth: usize| {
        if let Layout::Pretty { indent } = style.layout {
            out.push(b'\n');
            (0..depth).for_each(|_| out.extend_from_slice(indent.as_bytes()));
        }
    };
    for (at, child) in children.iter().enumerate() {
        if out.len() > style.most {
            return;
        }
        if at > 0 {
            out.extend_from_slice(comma.as_bytes());
        }
        line(out, depth + 1);
        if let Some(name) = index.name(*child) {
            write_string(out, index.quoted_name(*child), &name, style.strings);
            out.extend_from_slice(colon.as_bytes());
        }
        write(out, index, *child, style, depth + 1);
    }
    if !children.is_empty() {
        line(out, depth);
    }
    out.push(close);
}

fn write_string(out: &mut Vec<u8>, raw: &[u8], content: &[u8], strings: Strings) {
    let escape = |out: &mut Vec<u8>, unit: u16| out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    if strings == Strings::AsIs {
        return out.extend_from_slice(raw);
    }
    let from = out.len();
    text::write_string(out, content);
    if strings == Strings::Plain {
        return;
    }
    let plain = out.split_off(from);
    for character in String::from_utf8_lossy(&plain).chars() {
        match (character, strings) {
            ('<' | '>' | '&' | '\u{2028}' | '\u{2029}', Strings::Html) => {
                character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape(out, *unit));
            }
            ('/', Strings::Slash) => out.extend_from_slice(b"\\/"),
            (other, Strings::Ascii | Strings::Slash)
                if !other.is_ascii() || other == '\u{7f}' && strings == Strings::Slash =>
            {
                other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape(out, *unit));
            }
            (other, _) => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn write_number(out: &mut Vec<u8>, raw: &[u8], numbers: Numbers) {
    let plain = raw.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    match numbers {
        Numbers::Canonical => canonical::write_scalar(out, raw),
        Numbers::Cents if plain && raw.iter().rev().nth(1) == Some(&b'.') => {
            out.extend_from_slice(raw);
            out.push(b'0');
        }
        Numbers::Doubles if plain && !raw.contains(&b'.') => {
            out.extend_from_slice(raw);
            out.extend_from_slice(b".0");
        }
        _ => out.extend_from_slice(raw),
    }
}

impl Explainer<'_> {
    /// The content without its content codings, by the caller's decoder and within the budget.
    pub(super) fn decoded(&self, message: &Message<'_>, work: &mut Work) -> Option<Vec<u8>> {
        let decoder = self.decoder?;
        let mut codings: Vec<String> = message
            .lines("content-encoding")
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(|coding| String::from_utf8_lossy(trim(coding)).to_ascii_lowercase())
            .filter(|coding| coding != "identity")
            .collect();
        if codings.is_empty() && message.body.starts_with(b"\x1f\x8b") {
            codings.push("gzip".to_owned());
        }
        if codings.is_empty() || codings.len() > 4 {
            return None;
        }
        let mut content = message.body.to_vec();
        for coding in codings.iter().rev() {
            let left = self.effort.decoded.saturating_sub(work.decoded);
            let limit = usize::try_from(left).unwrap_or(usize::MAX);
            let decoded = decoder(coding.strip_prefix("x-").unwrap_or(coding), &content, limit)?;
            if decoded.len() > limit {
                return None;
            }
            work.decoded += decoded.len() as u64;
            content = decoded;
        }
        Some(content)
    }
}

/// Whether the content is not what its one content coding makes.
pub(super) fn lacks_coding(coding: &str, body: &[u8]) -> bool {
    match coding {
        "gzip" | "x-gzip" => !body.starts_with(b"\x1f\x8b"),
        "zstd" => !body.starts_with(b"\x28\xb5\x2f\xfd"),
        "deflate" => !matches!(body, [0x78, second, ..] if (0x7800 | u16::from(*second)).is_multiple_of(31)),
        "br" => std::str::from_utf8(body).is_ok_and(|text| text.trim_start().starts_with(['{', '[', '<'])),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_well_known_libraries_do() {
        let body = "{\"b\": [1, 2.5], \"a\": \"\u{e9}</x>\", \"c\": {}, \"d\": 7.0}".as_bytes();
        let mut all = Vec::new();
        let _ = json(body, &mut |_, text| {
            all.push(String::from_utf8(text).unwrap());
            Step::Continue(())
        });
        for expected in [
            // Python: json.dumps, with separators and sort_keys, with indent.
            "{\"b\": [1, 2.5], \"a\": \"\\u00e9</x>\", \"c\": {}, \"d\": 7.0}",
            "{\"a\":\"\\u00e9</x>\",\"b\":[1,2.5],\"c\":{},\"d\":7.0}",
            "{\n  \"b\": [\n    1,\n    2.5\n  ],\n  \"a\": \"\\u00e9</x>\",\n  \"c\": {},\n  \"d\": 7.0\n}",
            // JavaScript.
            "{\"b\":[1,2.5],\"a\":\"\u{e9}</x>\",\"c\":{},\"d\":7}",
            // Go, with the encoder's line end.
            "{\"a\":\"\u{e9}\\u003c/x\\u003e\",\"b\":[1,2.5],\"c\":{},\"d\":7}\n",
            // PHP.
            "{\"b\":[1,2.5],\"a\":\"\\u00e9<\\/x>\",\"c\":{},\"d\":7.0}",
            // Two digits.
            "{\"b\":[1,2.50],\"a\":\"\u{e9}</x>\",\"c\":{},\"d\":7.00}",
        ] {
            assert!(all.iter().any(|own| own == expected), "{expected}");
        }
    }

    #[test]
    fn texts_do_not_grow_with_depth() {
        let body = format!("{}{}1{}", "[".repeat(60), "1,".repeat(1 << 19), "]".repeat(60));
        let mut longest = 0;
        let _ = json(body.as_bytes(), &mut |_, text| {
            longest = text.len().max(longest);
            if longest > body.len() { Step::Break(()) } else { Step::Continue(()) }
        });
        assert!(longest > body.len() && longest <= MAX_GROWTH * body.len() + 1024, "{longest}");
        let index = Index::build(body.as_bytes(), MAX_DEPTH).unwrap();
        let mut out = Vec::new();
        let layout = Layout::Pretty { indent: "    " };
        let (order, strings, numbers) = (Order::AsIs, Strings::AsIs, Numbers::AsIs);
        write(&mut out, &index, 0, Style { layout, order, strings, numbers, most: 1000 }, 0);
        assert!((1000..20_000).contains(&out.len()), "{}", out.len());
    }

    #[test]
    fn codings_that_are_not_there() {
        assert!(lacks_coding("gzip", b"{}") && !lacks_coding("gzip", b"\x1f\x8b\x08"));
        assert!(lacks_coding("deflate", b"{}") && !lacks_coding("deflate", b"\x78\x9c\x03"));
        assert!(!lacks_coding("unknown", b"{}"));
    }
}
