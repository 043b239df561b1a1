//! One validating pass over a JSON text (RFC 8259 with the rules of I-JSON, RFC 7493).
//!
//! The pass keeps no tree: a [`Visitor`] hears of each name, container and scalar with its byte span. Refused, with
//! the byte offset: invalid UTF-8, a byte order mark, anything outside the grammar, unescaped control characters,
//! lone surrogates, duplicate member names (compared after unescaping), text after the value, too deep nesting.
//!
//! Time is linear in the text but for objects of many members, whose names are sorted. Memory is 8 bytes for each
//! member of the objects that are open at one time.

use crate::error::{Code, Error, Result};
use crate::json::text::{self, Name};

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A string; the span includes both quotes.
    String {
        /// Whether it holds a backslash.
        escaped: bool,
    },
    /// A number.
    Number {
        /// Whether its text has neither fraction nor exponent.
        integer: bool,
    },
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
}

/// Hears the structure of a text in document order. An error ends the scan.
pub(crate) trait Visitor {
    /// The next value is the member `name` of the innermost open object.
    fn name(&mut self, name: Name<'_>) -> Result<()>;
    /// The next value is an element of the innermost open array.
    fn element(&mut self) -> Result<()>;
    /// An object or array begins at `start`.
    fn begin(&mut self, start: usize, object: bool) -> Result<()>;
    /// The innermost open container ended just before `end`.
    fn end(&mut self, end: usize) -> Result<()>;
    /// A scalar fills `start..end`.
    fn scalar(&mut self, start: usize, end: usize, kind: Scalar) -> Result<()>;
}

/// Checks `text` and tells `visitor` what stands where.
///
/// # Errors
/// [`Code::MalformedJson`], [`Code::DuplicateName`] or [`Code::LimitDepth`] with the byte offset of the first fault,
/// or the visitor's own error.
pub(crate) fn scan<V: Visitor>(text: &[u8], max_depth: usize, visitor: &mut V) -> Result<()> {
    if let Err(invalid) = std::str::from_utf8(text) {
        let offset = invalid.valid_up_to();
        // An earlier fault is the one to report.
        let prefix = text.get(..offset).unwrap_or_default();
        return match scan(prefix, max_depth, &mut Check) {
            Err(error) if error.offset().is_some_and(|at| at < offset as u64) => Err(error),
            _ => Err(malformed("invalid UTF-8", offset)),
        };
    }
    let mut scanner =
        Scanner { text, max_depth, outer: Vec::new(), frame: Frame::top(), names: Vec::new(), visitor };
    match scanner.run() {
        Ok(()) => Ok(()),
        Err(fault) => Err(scanner.first_fault(fault)),
    }
}

/// Hears nothing: for texts that only have to be valid.
pub(crate) struct Check;

impl Visitor for Check {
    fn name(&mut self, _: Name<'_>) -> Result<()> {
        Ok(())
    }
    fn element(&mut self) -> Result<()> {
        Ok(())
    }
    fn begin(&mut self, _: usize, _: bool) -> Result<()> {
        Ok(())
    }
    fn end(&mut self, _: usize) -> Result<()> {
        Ok(())
    }
    fn scalar(&mut self, _: usize, _: usize, _: Scalar) -> Result<()> {
        Ok(())
    }
}

/// Two visitors hear the same text.
impl<A: Visitor, B: Visitor> Visitor for (&mut A, &mut B) {
    fn name(&mut self, name: Name<'_>) -> Result<()> {
        self.0.name(name)?;
        self.1.name(name)
    }
    fn element(&mut self) -> Result<()> {
        self.0.element()?;
        self.1.element()
    }
    fn begin(&mut self, start: usize, object: bool) -> Result<()> {
        self.0.begin(start, object)?;
        self.1.begin(start, object)
    }
    fn end(&mut self, end: usize) -> Result<()> {
        self.0.end(end)?;
        self.1.end(end)
    }
    fn scalar(&mut self, start: usize, end: usize, kind: Scalar) -> Result<()> {
        self.0.scalar(start, end, kind)?;
        self.1.scalar(start, end, kind)
    }
}

/// First byte after the white space that begins at `at`.
#[inline(always)]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Objects with at most this many members compare names one by one; larger ones sort them when they close.
const COMPARED: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Top,
    Object,
    Array,
}

#[derive(Clone, Copy)]
struct Frame {
    container: Container,
    /// Where this object's names begin in `Scanner::names`.
    first_name: usize,
    /// One bit a name, by its hash: a clear bit proves that a name is new.
    seen: u64,
}

impl Frame {
    fn top() -> Self {
        Frame { container: Container::Top, first_name: 0, seen: 0 }
    }
}

struct Scanner<'t, V> {
    text: &'t [u8],
    max_depth: usize,
    /// Open containers but the innermost one, which is `frame`.
    outer: Vec<Frame>,
    frame: Frame,
    /// Names of all open objects: hash in the upper half, offset of the first byte in the lower.
    names: Vec<u64>,
    visitor: &'t mut V,
}

impl<V: Visitor> Scanner<'_, V> {
    fn run(&mut self) -> Result<()> {
        let mut at = skip_space(self.text, 0);
        'value: loop {
            at = match self.byte(at) {
                b'"' => {
                    let (end, escaped) = string_end(self.text, at + 1)?;
                    self.visitor.scalar(at, end, Scalar::String { escaped })?;
                    end
                }
                b'{' => {
                    self.open(Container::Object, at)?;
                    let inside = skip_space(self.text, at + 1);
                    if self.byte(inside) != b'}' {
                        at = self.member(inside)?;
                        continue 'value;
                    }
                    self.close(inside + 1)?
                }
                b'[' => {
                    self.open(Container::Array, at)?;
                    let inside = skip_space(self.text, at + 1);
                    if self.byte(inside) != b']' {
                        self.visitor.element()?;
                        at = inside;
                        continue 'value;
                    }
                    self.close(inside + 1)?
                }
                b'-' | b'0'..=b'9' => {
                    let (end, integer) = number_end(self.text, at)?;
                    self.visitor.scalar(at, end, Scalar::Number { integer })?;
                    end
                }
                b't' => self.literal(at, b"true", Scalar::Boolean)?,
                b'f' => self.literal(at, b"false", Scalar::Boolean)?,
                b'n' => self.literal(at, b"null", Scalar::Null)?,
                _ => return Err(self.unexpected_value(at)),
            };
            // A value has ended: close what it completes, until another one must follow.
            loop {
                at = skip_space(self.text, at);
                match (self.frame.container, self.byte(at)) {
                    (Container::Object, b',') => {
                        at = self.member(skip_space(self.text, at + 1))?;
                        continue 'value;
                    }
                    (Container::Array, b',') => {
                        self.visitor.element()?;
                        at = skip_space(self.text, at + 1);
                        continue 'value;
                    }
                    (Container::Object, b'}') | (Container::Array, b']') => at = self.close(at + 1)?,
                    (Container::Object, _) => return Err(malformed("expected `,` or `}`", at)),
                    (Container::Array, _) => return Err(malformed("expected `,` or `]`", at)),
                    (Container::Top, _) if at == self.text.len() => return Ok(()),
                    (Container::Top, _) => return Err(malformed("text after the document", at)),
                }
            }
        }
    }

    /// The byte at `at`; 0, which no grammar rule begins with, behind the end.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn open(&mut self, container: Container, at: usize) -> Result<()> {
        if self.outer.len() >= self.max_depth {
            return Err(Error::new(Code::LimitDepth).with_offset(at));
        }
        if self.outer.capacity() == 0 {
            // Enough for most documents; a text that is one scalar costs no allocation.
            self.outer.reserve(16);
            self.names.reserve(64);
        }
        self.outer.push(self.frame);
        self.frame = Frame { container, first_name: self.names.len(), seen: 0 };
        self.visitor.begin(at, container == Container::Object)
    }

    fn close(&mut self, end: usize) -> Result<usize> {
        if self.names.len() - self.frame.first_name > COMPARED
            && let Some(offset) = self.sorted_duplicate(self.frame.first_name, self.names.len())
        {
            return Err(duplicate(offset));
        }
        self.names.truncate(self.frame.first_name);
        self.frame = self.outer.pop().unwrap_or_else(Frame::top);
        self.visitor.end(end)?;
        Ok(end)
    }

    /// Reads a name and its colon; returns where the member's value begins.
    #[inline(always)]
    fn member(&mut self, at: usize) -> Result<usize> {
        if self.byte(at) != b'"' {
            return Err(malformed("expected a member name", at));
        }
        let start = at + 1;
        let (end, name) = text::scan_name(self.text, start)?;
        self.remember(&name, start)?;
        self.visitor.name(name)?;
        let colon = skip_space(self.text, end);
        if self.byte(colon) != b':' {
            return Err(malformed("expected `:`", colon));
        }
        Ok(skip_space(self.text, colon + 1))
    }

    /// Refuses a name that the open object has already; names of large objects are compared when it closes.
    #[inline(always)]
    fn remember(&mut self, name: &Name<'_>, start: usize) -> Result<()> {
        let bit = 1u64 << (name.hash & 63);
        if self.frame.seen & bit != 0 {
            self.compare(name, start)?;
        }
        self.frame.seen |= bit;
        self.names.push(u64::from(name.hash) << 32 | start as u64);
        Ok(())
    }

    #[inline(never)]
    fn compare(&self, name: &Name<'_>, start: usize) -> Result<()> {
        let names = self.names.get(self.frame.first_name..).unwrap_or_default();
        if names.len() > COMPARED {
            return Ok(());
        }
        let same = |&entry: &u64| {
            (entry >> 32) as u32 == name.hash
                && text::decoded_name(self.text, offset_of(entry)) == text::decoded_name(self.text, start)
        };
        if names.iter().any(same) { Err(duplicate(start)) } else { Ok(()) }
    }

    /// Sorts a range of names and gives the offset of the earliest name that repeats an earlier one.
    #[inline(never)]
    fn sorted_duplicate(&mut self, from: usize, to: usize) -> Option<usize> {
        let text = self.text;
        let names = self.names.get_mut(from..to)?;
        names.sort_unstable();
        let mut earliest: Option<usize> = None;
        for group in names.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
            if group.len() > 1 {
                group.sort_by_cached_key(|&entry| text::decoded_name(text, offset_of(entry)).into_owned());
                let repeats = group.windows(2).filter(|pair| match pair {
                    [a, b] => {
                        text::decoded_name(text, offset_of(*a)) == text::decoded_name(text, offset_of(*b))
                    }
                    _ => false,
                });
                let first = repeats.filter_map(|pair| pair.last()).map(|&entry| offset_of(entry)).min();
                earliest = [earliest, first].into_iter().flatten().min();
            }
        }
        earliest
    }

    fn literal(&mut self, at: usize, word: &[u8], kind: Scalar) -> Result<usize> {
        let end = at + word.len();
        if self.text.get(at..end) != Some(word) {
            return Err(self.unexpected_value(at));
        }
        self.visitor.scalar(at, end, kind)?;
        Ok(end)
    }

    #[cold]
    fn unexpected_value(&self, at: usize) -> Error {
        if at >= self.text.len() {
            malformed("the text ends where a value is expected", at)
        } else if at == 0 && self.text.starts_with("\u{feff}".as_bytes()) {
            malformed("a byte order mark is not allowed", at)
        } else {
            malformed("expected a value", at)
        }
    }

    /// The fault that stands first in the text: open objects may hold a duplicate that was still to be found.
    #[cold]
    fn first_fault(&mut self, fault: Error) -> Error {
        if !matches!(fault.code(), Code::MalformedJson | Code::LimitDepth | Code::DuplicateName) {
            return fault;
        }
        let mut earliest = fault;
        let mut to = self.names.len();
        let frames: Vec<Frame> =
            std::iter::once(self.frame).chain(self.outer.iter().rev().copied()).collect();
        for frame in frames {
            if to - frame.first_name > COMPARED
                && let Some(offset) = self.sorted_duplicate(frame.first_name, to)
                && earliest.offset().is_none_or(|at| (offset as u64) < at)
            {
                earliest = duplicate(offset);
            }
            to = frame.first_name;
        }
        earliest
    }
}

fn offset_of(entry: u64) -> usize {
    (entry & u64::from(u32::MAX)) as usize
}

#[cold]
pub(crate) fn malformed(detail: &'static str, at: usize) -> Error {
    Error::because(Code::MalformedJson, detail).with_offset(at)
}

#[cold]
fn duplicate(first_byte: usize) -> Error {
    Error::new(Code::DuplicateName).with_offset(first_byte - 1)
}

/// Skips string content from `at`, behind the opening quote; returns the end behind the closing quote.
#[inline(always)]
fn string_end(text: &[u8], mut at: usize) -> Result<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = text::skip_plain(text, at);
        match text.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                at = text::skip_escape(text, at)?;
                escaped = true;
            }
            Some(_) => return Err(malformed("a control character in a string must be escaped", at)),
            None => return Err(malformed("the text ends inside a string", at)),
        }
    }
}

/// RFC 8259, section 6.
#[inline(always)]
fn number_end(text: &[u8], start: usize) -> Result<(usize, bool)> {
    let digits = |mut at: usize| {
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let int = start + usize::from(text.get(start) == Some(&b'-'));
    let mut at = digits(int);
    if at == int {
        return Err(malformed("expected a digit", at));
    }
    if at > int + 1 && text.get(int) == Some(&b'0') {
        return Err(malformed("a number must not begin with 0", int));
    }
    let mut integer = true;
    if text.get(at) == Some(&b'.') {
        let end = digits(at + 1);
        if end == at + 1 {
            return Err(malformed("expected a digit", end));
        }
        at = end;
        integer = false;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign);
        if end == at + 1 + sign {
            return Err(malformed("expected a digit", end));
        }
        at = end;
        integer = false;
    }
    Ok((at, integer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: impl AsRef<[u8]>) -> (Code, Option<u64>) {
        let error = scan(text.as_ref(), 128, &mut Check).unwrap_err();
        (error.code(), error.offset())
    }

    #[test]
    fn accepts_every_kind_of_value() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "1.10",
            "1E400",
            "-0.0e-0",
            "\"\"",
            "\"\\u0041\\/\"",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1,[2,{\"a\":[]}],3]",
            "{\"a\":1,\"b\":{\"a\":2}}",
            "\"\u{fdd0}\\uFFFF\\ud83d\\ude00\"",
            "\t\r\n 1",
            "\"\u{7f}\"",
            "{\"\":0}",
        ] {
            scan(text.as_bytes(), 128, &mut Check).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
    }

    #[test]
    fn refuses_with_the_offset_of_the_fault() {
        let cases: &[(&[u8], u64)] = &[
            (b"", 0),
            (b"  ", 2),
            (b"\xef\xbb\xbf1", 0),
            (b"nul", 0),
            (b"nulL", 0),
            (b"NaN", 0),
            (b"+1", 0),
            (b"01", 0),
            (b"-", 1),
            (b"-a", 1),
            (b"1.", 2),
            (b"1.e5", 2),
            (b"1e", 2),
            (b"1e+", 3),
            (b".5", 0),
            (b"[1,]", 3),
            (b"[1 2]", 3),
            (b"[", 1),
            (b"[1", 2),
            (b"]", 0),
            (b"[1}", 2),
            (b"{", 1),
            (b"{\"a\"}", 4),
            (b"{\"a\":}", 5),
            (b"{\"a\":1,}", 7),
            (b"{a:1}", 1),
            (b"{\"a\":1]", 6),
            (b"1 2", 2),
            (b"{}x", 2),
            (b"\"a", 2),
            (b"\"\n\"", 1),
            (b"\"\\x\"", 1),
            (b"\"\\u12g4\"", 1),
            (b"\"\\ud800\"", 1),
            (b"\"\\", 1),
            (b"\"\\udc00\"", 1),
            (b"\"\\ud800\\u0041\"", 1),
            (b"\"\\ud800\\ud800\"", 1),
            (b"\"\xff\"", 1),
            (b"\"\xed\xa0\x80\"", 1),
            (b"[//c\n1]", 1),
            (b"'a'", 0),
            (b"\x001", 0),
            (b"1\x0b", 1),
            (b"\"\x00\"", 1),
            (b"\"abcdefghij\x1f\"", 11),
            (b"[1,\xff]", 3),
            (b"[nope,\xff]", 1),
        ];
        for (text, offset) in cases {
            assert_eq!(
                fault(text),
                (Code::MalformedJson, Some(*offset)),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn lesson_f22_duplicate_names_by_any_spelling() {
        assert_eq!(fault(r#"{"a":1,"b":2,"a":3}"#), (Code::DuplicateName, Some(13)));
        assert_eq!(fault(r#"{"a":1,"\u0061":2}"#), (Code::DuplicateName, Some(7)));
        assert_eq!(fault(r#"{"\ud83d\ude00":1,"😀":2}"#), (Code::DuplicateName, Some(18)));
        assert_eq!(fault(r#"[{"x":{"":1,"":2}}]"#), (Code::DuplicateName, Some(12)));
        assert_eq!(fault(r#"{"0123456789abcdef":1,"0123456789abcdef":2}"#), (Code::DuplicateName, Some(22)));
        scan("{\"e\u{301}\":1,\"\u{e9}\":2,\"a\":{\"a\":{}}}".as_bytes(), 9, &mut Check).unwrap();
    }

    #[test]
    fn duplicates_in_large_objects_are_found_in_document_order() {
        let members = |n: usize| (0..n).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>();
        let mut list = members(1000);
        scan(format!("{{{}}}", list.join(",")).as_bytes(), 9, &mut Check).unwrap();
        list[700] = "\"k3\":0".into();
        list[900] = "\"k2\":0".into();
        let text = format!("{{{}}}", list.join(","));
        let expected = text.rfind("\"k3\":0").unwrap() as u64;
        assert_eq!(fault(&text), (Code::DuplicateName, Some(expected)));
        // A later fault of another kind does not hide it, nor does it hide an earlier one.
        assert_eq!(fault(text.replace("\"k999\":999}", "\"k999\":}")), (Code::DuplicateName, Some(expected)));
        assert_eq!(fault(format!("[nope,{text}]")), (Code::MalformedJson, Some(1)));
    }

    #[test]
    fn lesson_f21_depth_is_bounded_without_recursion() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        scan(nested(128).as_bytes(), 128, &mut Check).unwrap();
        assert_eq!(fault(nested(129)), (Code::LimitDepth, Some(128)));
        assert_eq!(fault(nested(100_000)), (Code::LimitDepth, Some(128)));
        scan(nested(100_000).as_bytes(), 100_000, &mut Check).unwrap();
        scan(
            format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)).as_bytes(),
            100_000,
            &mut Check,
        )
        .unwrap();
    }
}
