//! J, the value-preserving canonical text: equal values have equal texts, different values different ones.
//!
//! It is RFC 8785 but for numbers, where nothing is refused and nothing collides: every zero is `0`; a number whose
//! RFC 8785 text denotes the same decimal has that text; any other is written exactly, as `[-]d[.ddd]e[-]n`.

use std::borrow::Cow;

use crate::json::index::{Index, NodeId, NodeKind};
use crate::json::text;

/// Texts that stand in for values of the document: `(start of the value, text)`, ascending.
pub(crate) type Overrides<'o> = &'o [(usize, &'o [u8])];

/// Appends the canonical text of the value `id` and all that it holds; values that `overrides` names are taken from
/// there as they are.
pub(crate) fn write(out: &mut Vec<u8>, index: &Index<'_>, id: NodeId, overrides: Overrides<'_>) {
    let mut open: Vec<Open> = Vec::with_capacity(16);
    let mut pending: Vec<Pending<'_>> = Vec::with_capacity(64);
    let mut next = Some(id);
    loop {
        if let Some(id) = next.take() {
            let (start, _) = index.span(id);
            if let Ok(at) = overrides.binary_search_by_key(&start, |(start, _)| *start) {
                out.extend_from_slice(overrides.get(at).map_or(&[], |(_, text)| *text));
            } else {
                let bottom = pending.len();
                match index.kind(id) {
                    NodeKind::Object => {
                        out.push(b'{');
                        pending.extend(
                            index.children(id).map(|child| (index.name(child).unwrap_or_default(), child)),
                        );
                        sort_members(pending.get_mut(bottom..).unwrap_or_default());
                        open.push(Open { close: b'}', bottom, first: true });
                    }
                    NodeKind::Array => {
                        out.push(b'[');
                        pending.extend(index.children(id).map(|child| (Cow::Borrowed(&[][..]), child)));
                        pending.get_mut(bottom..).unwrap_or_default().reverse();
                        open.push(Open { close: b']', bottom, first: true });
                    }
                    _ => write_scalar(out, index.raw(id)),
                }
            }
        }
        let Some(container) = open.last_mut() else { return };
        let child = if pending.len() > container.bottom { pending.pop() } else { None };
        match child {
            Some((name, child)) => {
                if !std::mem::take(&mut container.first) {
                    out.push(b',');
                }
                if container.close == b'}' {
                    text::write_string(out, &name);
                    out.push(b':');
                }
                next = Some(child);
            }
            None => {
                out.push(container.close);
                open.pop();
            }
        }
    }
}

/// Appends the canonical text of a string, number or literal given by its exact text.
pub(crate) fn write_scalar(out: &mut Vec<u8>, raw: &[u8]) {
    match raw.first() {
        Some(b'"') if raw.contains(&b'\\') => {
            text::write_string(out, &text::decoded_string(raw, 0, raw.len()))
        }
        Some(b'-' | b'0'..=b'9') => write_number(out, raw),
        _ => out.extend_from_slice(raw),
    }
}

/// A value that is still to be written, with its member name if it has one.
type Pending<'n> = (Cow<'n, [u8]>, NodeId);

struct Open {
    close: u8,
    /// Where this container's values begin among all that are pending, last first.
    bottom: usize,
    first: bool,
}

/// Descending order of the names' UTF-16 code units (RFC 8785, section 3.2.3).
fn sort_members(members: &mut [Pending<'_>]) {
    if members.iter().all(|(name, _)| name.is_ascii()) {
        members.sort_unstable_by(|a, b| b.0.cmp(&a.0));
    } else {
        let units = |name: &[u8]| -> Vec<u16> { String::from_utf8_lossy(name).encode_utf16().collect() };
        members.sort_by_cached_key(|(name, _)| std::cmp::Reverse(units(name)));
    }
}

/// `d.ddd` of at most 15 digits, not smaller than a tenth: only zeros at its end keep it from being canonical.
fn short_decimal(raw: &[u8]) -> Option<&[u8]> {
    let plain = raw.strip_prefix(b"-").unwrap_or(raw);
    let point = plain.iter().position(|byte| *byte == b'.')?;
    let fits = plain.len() <= 16
        && plain.iter().enumerate().all(|(at, byte)| at == point || byte.is_ascii_digit())
        && (plain.first() != Some(&b'0') || plain.get(2).is_some_and(|byte| *byte != b'0'));
    let end = raw.iter().rposition(|byte| *byte != b'0')?;
    let end = if raw.get(end) == Some(&b'.') { end } else { end + 1 };
    if fits { raw.get(..end) } else { None }
}

fn write_number(out: &mut Vec<u8>, raw: &[u8]) {
    // Integers that a double holds exactly and RFC 8785 prints in plain digits.
    let plain = raw.strip_prefix(b"-").unwrap_or(raw);
    if plain.len() <= 15 && raw != b"-0" && plain.iter().all(u8::is_ascii_digit) {
        out.extend_from_slice(raw);
        return;
    }
    if let Some(short) = short_decimal(raw) {
        out.extend_from_slice(short);
        return;
    }
    let decimal = Decimal::parse(raw);
    if decimal.digits.is_empty() {
        out.push(b'0');
        return;
    }
    let double: f64 = std::str::from_utf8(raw).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    if double.is_finite() {
        let mut buffer = ryu_js::Buffer::new();
        let printed = buffer.format_finite(double).as_bytes();
        if Decimal::parse(printed) == decimal {
            out.extend_from_slice(printed);
            return;
        }
    }
    decimal.write(out);
}

/// A number as sign, digits and exponent: `0.d1d2d3… · 10^exponent`, d1 and the last digit not 0, or no digits.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: Exponent,
}

/// An integer of any length.
#[derive(PartialEq, Eq)]
struct Exponent {
    negative: bool,
    /// Without leading zeros; empty for 0.
    digits: Vec<u8>,
}

impl Decimal {
    /// Reads a number of the JSON grammar. Linear in the text.
    fn parse(raw: &[u8]) -> Self {
        let negative = raw.first() == Some(&b'-');
        let unsigned = raw.get(usize::from(negative)..).unwrap_or_default();
        let exponent_at =
            unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(unsigned.len());
        let (mantissa, exponent) = unsigned.split_at(exponent_at);
        let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
        let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
        let leading = digits.iter().position(|&digit| digit != b'0');
        let Some(leading) = leading else {
            return Decimal { negative: false, digits: Vec::new(), exponent: Exponent::parse(b"") };
        };
        let end = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |at| at + 1);
        let shift = i64::try_from(point).unwrap_or(i64::MAX) - i64::try_from(leading).unwrap_or(0);
        Decimal {
            negative,
            digits: digits.get(leading..end).unwrap_or_default().to_vec(),
            exponent: Exponent::parse(exponent.get(1..).unwrap_or_default()).plus(shift),
        }
    }

    /// `[-]d[.ddd]e[-]n`.
    fn write(&self, out: &mut Vec<u8>) {
        let (first, rest) = self.digits.split_first().map_or((b'0', &[][..]), |(first, rest)| (*first, rest));
        if self.negative {
            out.push(b'-');
        }
        out.push(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.push(b'e');
        let exponent =
            Exponent { negative: self.exponent.negative, digits: self.exponent.digits.clone() }.plus(-1);
        if exponent.negative {
            out.push(b'-');
        }
        out.extend_from_slice(if exponent.digits.is_empty() { b"0" } else { &exponent.digits });
    }
}

impl Exponent {
    /// Reads `[+-]digits`; nothing is 0.
    fn parse(text: &[u8]) -> Self {
        let negative = text.first() == Some(&b'-');
        let digits: Vec<u8> =
            text.iter().copied().skip_while(|digit| !(b'1'..=b'9').contains(digit)).collect();
        Exponent { negative: negative && !digits.is_empty(), digits }
    }

    fn plus(self, small: i64) -> Self {
        // 30 digits and an i64 stay within an i128; longer exponents are far from 0, so that the sign stays.
        let text = String::from_utf8_lossy(&self.digits);
        if self.digits.len() <= 30 {
            let magnitude: i128 = text.parse().unwrap_or(0);
            let sum = if self.negative { -magnitude } else { magnitude } + i128::from(small);
            let digits = if sum == 0 { Vec::new() } else { sum.unsigned_abs().to_string().into_bytes() };
            return Exponent { negative: sum < 0, digits };
        }
        let delta = if self.negative { -i128::from(small) } else { i128::from(small) };
        let mut digits = self.digits;
        let mut carry = delta;
        for digit in digits.iter_mut().rev() {
            if carry == 0 {
                break;
            }
            let sum = i128::from(*digit - b'0') + carry;
            *digit = b'0' + u8::try_from(sum.rem_euclid(10)).unwrap_or(0);
            carry = sum.div_euclid(10);
        }
        if carry > 0 {
            let mut longer = carry.to_string().into_bytes();
            longer.append(&mut digits);
            digits = longer;
        }
        Exponent {
            negative: self.negative,
            digits: digits.into_iter().skip_while(|&digit| digit == b'0').collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let index = Index::build(text.as_bytes(), 200).unwrap();
        let mut out = Vec::new();
        write(&mut out, &index, 0, &[]);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_keep_their_value_and_nothing_collides() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("0e99", "0"),
            ("-0E-7", "0"),
            ("1", "1"),
            ("-1", "-1"),
            ("1.0", "1"),
            ("1.10", "1.1"),
            ("1.1", "1.1"),
            ("1E2", "100"),
            ("100", "100"),
            ("1e21", "1e+21"),
            ("1000000000000000000000", "1e+21"),
            ("1e-7", "1e-7"),
            ("0.0000001", "1e-7"),
            ("0.000001", "0.000001"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740993", "9.007199254740993e15"),
            ("9007199254740994", "9007199254740994"),
            ("1e400", "1e400"),
            ("-1e400", "-1e400"),
            ("10e399", "1e400"),
            ("1e-400", "1e-400"),
            ("0.1", "0.1"),
            ("5e-324", "5e-324"),
            ("123456789012345678901234", "1.23456789012345678901234e23"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("0.300000000000000041", "3.00000000000000041e-1"),
            ("999999999999999", "999999999999999"),
            ("1e99999999999999999999", "1e99999999999999999999"),
            ("10e99999999999999999999", "1e100000000000000000000"),
            ("0.1e-99999999999999999999", "1e-100000000000000000000"),
            ("100e-99999999999999999999", "1e-99999999999999999997"),
            ("333333333.33333329", "3.3333333333333329e8"),
            ("333333333.3333333", "333333333.3333333"),
            ("4.50", "4.5"),
            ("10.00", "10"),
            ("-10.10", "-10.1"),
            ("0.50", "0.5"),
            ("-0.5", "-0.5"),
            ("0.05", "0.05"),
            ("100.0", "100"),
            ("99999999999999.9", "99999999999999.9"),
            ("0.000", "0"),
            ("-0.0", "0"),
            ("0.10", "0.1"),
            ("123456789012.345", "123456789012.345"),
            ("5.0e0", "5"),
            ("2e-3", "0.002"),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn exponents_of_any_length() {
        let nines = "9".repeat(50);
        assert_eq!(canonical(&format!("10e{nines}")), format!("1e1{}", "0".repeat(50)));
        assert_eq!(canonical(&format!("0.01e-{nines}")), format!("1e-1{}1", "0".repeat(49)));
        let round = format!("1{}", "0".repeat(50));
        assert_eq!(canonical(&format!("0.1e{round}")), format!("1e{nines}"));
        assert_eq!(canonical(&format!("1e000{round}")), format!("1e{round}"));
    }

    #[test]
    fn structure_follows_rfc_8785() {
        assert_eq!(
            canonical(r#" { "b" : [ 1.10 , -0 , "\u00e9" ] , "a" : 9007199254740993 } "#),
            r#"{"a":9.007199254740993e15,"b":[1.1,0,"é"]}"#
        );
        assert_eq!(canonical(r#""\u0041\/\u000f\u007f\ud83d\ude00\"""#), "\"A/\\u000f\u{7f}😀\\\"\"");
        // U+FB33 sorts behind U+1F600, whose first UTF-16 unit is D83D.
        assert_eq!(
            canonical("{\"\u{fb33}\":1,\"\u{1f600}\":2,\"\\r\":3,\"1\":4}"),
            "{\"\\r\":3,\"1\":4,\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
        assert_eq!(canonical(r#"{"a":{},"":[],"aa":[{}]}"#), r#"{"":[],"a":{},"aa":[{}]}"#);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(canonical(&deep), deep);
    }

    #[test]
    fn overrides_stand_in_for_values() {
        let text = br#"{"b":{"x":1},"a":2}"#;
        let index = Index::build(text, 9).unwrap();
        let mut out = Vec::new();
        write(&mut out, &index, 0, &[(5, b"\"T\"")]);
        assert_eq!(out, br#"{"a":2,"b":"T"}"#);
    }

    /// The vectors of RFC 8785, where they are at hand: documents whose numbers are exact have the same text.
    #[test]
    fn published_vectors_of_rfc_8785() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/jcs");
        if !folder.exists() {
            eprintln!("NOT RUN: the vectors of RFC 8785 are not here; only our own cases ran");
            return;
        }
        let numbers = std::fs::read_to_string(folder.join("es6numbers-10000.txt")).unwrap();
        let mut ran = 0;
        for (bits, expected) in numbers.lines().filter_map(|line| line.split_once(',')) {
            let double = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(canonical(expected), if double == 0.0 { "0" } else { expected });
            ran += 1;
        }
        assert!(ran >= 10_000);
        for entry in std::fs::read_dir(folder.join("input")).unwrap() {
            let path = entry.unwrap().path();
            let expected =
                std::fs::read_to_string(folder.join("output").join(path.file_name().unwrap())).unwrap();
            let ours = canonical(&std::fs::read_to_string(&path).unwrap());
            assert_eq!(canonical(&expected), expected.trim_end(), "{path:?}");
            // `values.json` spells a number that is no double; ours keeps its value.
            let exact = expected.replace("333333333.3333333", "3.3333333333333329e8");
            assert!(ours == expected || ours == exact, "{path:?}: {ours}");
        }
    }
}
