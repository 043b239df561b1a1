//! Strings inside a JSON text: searching, unescaping, writing.

use std::borrow::Cow;

use crate::error::Result;
use crate::json::scan::malformed;

/// A member name as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'t> {
    /// The text between the quotes, escapes and all.
    pub(crate) raw: &'t [u8],
    /// Offset of the first byte of `raw`.
    pub(crate) start: usize,
    /// Whether `raw` holds a backslash.
    pub(crate) escaped: bool,
    /// [`name_hash`] of the decoded name.
    pub(crate) hash: u32,
}

impl<'t> Name<'t> {
    /// The name itself, as UTF-8.
    pub(crate) fn decoded(&self) -> Cow<'t, [u8]> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks, in the high bit of each byte, quotes, backslashes and control characters. The lowest mark is exact; marks
/// above it may be false.
#[inline(always)]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero_byte = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero_byte(quote) | zero_byte(backslash) | control) & HIGH
}

#[inline(always)]
fn load(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}

fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// First quote, backslash or control character from `at` on, or the end of the text.
#[inline(always)]
pub(crate) fn skip_plain(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = load(text, at) {
        let marks = special(word);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|&byte| !is_special(byte)) {
        at += 1;
    }
    at
}

/// Checks the escape at `at` (a backslash) and returns its end. A pair of surrogates counts as one escape.
#[inline(never)]
pub(crate) fn skip_escape(text: &[u8], at: usize) -> Result<usize> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let unit = hex4(text, at + 2).ok_or_else(|| malformed("expected four hexadecimal digits", at))?;
            match unit {
                0xd800..=0xdbff => {
                    let low =
                        (text.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex4(text, at + 8)).flatten();
                    match low {
                        Some(0xdc00..=0xdfff) => Ok(at + 12),
                        _ => Err(malformed("lone surrogate", at)),
                    }
                }
                0xdc00..=0xdfff => Err(malformed("lone surrogate", at)),
                _ => Ok(at + 6),
            }
        }
        _ => Err(malformed("unknown escape", at)),
    }
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?))
}

/// Reads a name whose first byte is `start`; returns the end behind the closing quote. The hash costs no second
/// look at the bytes.
#[inline(always)]
pub(crate) fn scan_name(text: &[u8], start: usize) -> Result<(usize, Name<'_>)> {
    let mut hash = 0;
    let mut at = start;
    while let Some(word) = load(text, at) {
        let marks = special(word);
        if marks == 0 {
            hash = mix(hash, word);
            at += 8;
            continue;
        }
        let bytes = marks.trailing_zeros() / 8;
        if bytes > 0 {
            hash = mix(hash, word & (u64::MAX >> (64 - 8 * bytes)));
        }
        at += bytes as usize;
        if text.get(at) == Some(&b'"') {
            let raw = text.get(start..at).unwrap_or_default();
            let hash = finish(hash, raw.len());
            return Ok((at + 1, Name { raw, start, escaped: false, hash }));
        }
        break;
    }
    scan_name_slowly(text, start)
}

/// Names with escapes, and names in the last bytes of a text.
#[inline(never)]
fn scan_name_slowly(text: &[u8], start: usize) -> Result<(usize, Name<'_>)> {
    let mut at = start;
    let mut escaped = false;
    loop {
        at = skip_plain(text, at);
        match text.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                at = skip_escape(text, at)?;
                escaped = true;
            }
            Some(_) => return Err(malformed("a control character in a string must be escaped", at)),
            None => return Err(malformed("the text ends inside a string", at)),
        }
    }
    let raw = text.get(start..at).unwrap_or_default();
    let mut name = Name { raw, start, escaped, hash: 0 };
    name.hash = name_hash(&name.decoded());
    Ok((at + 1, name))
}

/// Hash of a decoded name, for finding equal names quickly. It is no defence: whoever uses it compares the names
/// too, and stays quasi-linear when all hashes are equal.
pub(crate) fn name_hash(name: &[u8]) -> u32 {
    let mut hash = 0;
    for chunk in name.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        hash = mix(hash, u64::from_le_bytes(word));
    }
    finish(hash, name.len())
}

#[inline(always)]
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
fn finish(hash: u64, len: usize) -> u32 {
    (mix(hash, len as u64) >> 32) as u32
}

/// The decoded name whose first byte is `start`, in a text that was scanned.
pub(crate) fn decoded_name(text: &[u8], start: usize) -> Cow<'_, [u8]> {
    let (len, escaped) = raw_name(text, start);
    let raw = text.get(start..start + len).unwrap_or_default();
    if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
}

/// Length of the raw name whose first byte is `start`, and whether it holds a backslash, in a text that was scanned.
pub(crate) fn raw_name(text: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut escaped = false;
    loop {
        at = skip_plain(text, at);
        match text.get(at) {
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            _ => return (at - start, escaped),
        }
    }
}

/// The content of the string that fills `start..end`, quotes included, in a text that was scanned.
pub(crate) fn decoded_string(text: &[u8], start: usize, end: usize) -> Cow<'_, [u8]> {
    let raw = text.get(start + 1..end - 1).unwrap_or_default();
    if raw.contains(&b'\\') { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
}

/// The first `count` bytes of a string's content, or more, from its raw text: no more is decoded than is needed.
pub(crate) fn beginning(raw: &[u8], count: usize) -> Cow<'_, [u8]> {
    // An escape takes at most twelve bytes.
    let mut end = 0;
    while end < raw.len() && end < 12 * count {
        end = match raw.get(end) {
            Some(b'\\') => skip_escape(raw, end).unwrap_or(raw.len()),
            _ => end + 1,
        };
    }
    let first = raw.get(..end).unwrap_or(raw);
    if first.contains(&b'\\') { Cow::Owned(unescape(first)) } else { Cow::Borrowed(first) }
}

/// Undoes the escapes of string content that was scanned.
pub(crate) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let simple = match raw.get(at + 1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let unit = hex4(raw, at + 2).unwrap_or(0xfffd);
                let (scalar, len) = match unit {
                    0xd800..=0xdbff => {
                        let low = hex4(raw, at + 8).unwrap_or(0xdc00);
                        (0x10000 + ((unit - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff), 12)
                    }
                    _ => (unit, 6),
                };
                let mut utf8 = [0; 4];
                let character = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                at += len;
                continue;
            }
            Some(&other) => other,
            None => break,
        };
        out.push(simple);
        at += 2;
    }
    out
}

/// Appends `content` as a JSON string in the canonical spelling of RFC 8785, section 3.2.2.2.
pub(crate) fn write_string(out: &mut Vec<u8>, content: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut at = 0;
    while at < content.len() {
        let end = skip_plain(content, at);
        out.extend_from_slice(content.get(at..end).unwrap_or_default());
        if let Some(&byte) = content.get(end) {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0x08 => out.extend_from_slice(b"\\b"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                0x0c => out.extend_from_slice(b"\\f"),
                b'\r' => out.extend_from_slice(b"\\r"),
                _ => {
                    out.extend_from_slice(b"\\u00");
                    out.push(HEX[usize::from(byte >> 4)]);
                    out.push(HEX[usize::from(byte & 15)]);
                }
            }
        }
        at = end + 1;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_scan_and_name_hash_agree() {
        for name in
            ["", "a", "1234567", "12345678", "123456789", "0123456789abcdef", "nameé", "a\u{0}b", "😀😀😀"]
        {
            let mut quoted = Vec::new();
            write_string(&mut quoted, name.as_bytes());
            for tail in ["", ":               1"] {
                let text = [&quoted, tail.as_bytes()].concat();
                let (end, scanned) = scan_name(&text, 1).unwrap();
                assert_eq!(end, quoted.len());
                assert_eq!(scanned.decoded().as_ref(), name.as_bytes());
                assert_eq!(scanned.hash, name_hash(name.as_bytes()));
                assert_eq!(decoded_name(&text, 1), scanned.decoded());
            }
        }
    }

    #[test]
    fn unescape_restores_what_was_written() {
        let all: String = (0..0x250).filter_map(char::from_u32).chain("\u{2028}\u{fffd}😀".chars()).collect();
        let mut quoted = Vec::new();
        write_string(&mut quoted, all.as_bytes());
        assert_eq!(decoded_string(&quoted, 0, quoted.len()).as_ref(), all.as_bytes());
        assert_eq!(serde_json::from_slice::<String>(&quoted).unwrap(), all);
        assert!(
            beginning(br"\u0061\u0073\u0031\u002e\ud83d\ude00", 5).starts_with("as1.\u{1f600}".as_bytes())
        );
        assert_eq!(beginning(b"as", 5).as_ref(), b"as");
        assert!(beginning(&[b'x'; 1000], 5).len() <= 60);
        assert_eq!(unescape(br#"\/\u0041\ud83d\ude00\""#), "/A😀\"".as_bytes());
    }
}
