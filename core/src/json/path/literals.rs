//! The parser for integers, numbers and strings (RFC 9535, sections 2.1, 2.3.1.1 and 2.3.5.1).

use super::parse::Parser;
use crate::error::Result;

/// Largest integer of RFC 9535, section 2.1: 2^53 - 1.
const MAX_INTEGER: i64 = (1 << 53) - 1;

impl<'q> Parser<'q> {
    /// `int = "0" / (["-"] DIGIT1 *DIGIT)`, within ±(2^53 - 1).
    pub(super) fn integer(&mut self) -> Result<i64> {
        let start = self.at;
        let negative = self.take(b'-');
        let digits = self.digits();
        let magnitude = match digits.as_bytes() {
            [] => return self.fault("expected a digit"),
            [b'0'] if negative => return self.fault_at(start, "`-0` is not an integer here"),
            [b'0', _, ..] => return self.fault_at(start, "an integer must not begin with 0"),
            _ => digits.parse::<i64>().ok().filter(|&value| value <= MAX_INTEGER),
        };
        match magnitude {
            Some(value) => Ok(if negative { -value } else { value }),
            None => self.fault_at(start, "the integer is beyond 2^53 - 1"),
        }
    }

    /// `number = (int / "-0") [ frac ] [ exp ]`
    pub(super) fn number(&mut self) -> Result<f64> {
        let start = self.at;
        self.take(b'-');
        match self.digits().as_bytes() {
            [] => return self.fault("expected a digit"),
            [b'0', _, ..] => return self.fault_at(start, "a number must not begin with 0"),
            _ => {}
        }
        if self.take(b'.') && self.digits().is_empty() {
            return self.fault("expected a digit");
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits().is_empty() {
                return self.fault("expected a digit");
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.parse().or_else(|_| self.fault_at(start, "not a number"))
    }

    /// Takes as many digits as there are.
    fn digits(&mut self) -> &'q str {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// `string-literal`, from its opening quote on.
    pub(super) fn string(&mut self) -> Result<String> {
        let opening = self.at;
        let quote = if self.peek() == Some(b'"') { '"' } else { '\'' };
        self.at += 1;
        let mut out = String::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                _ if c == quote => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => out.push(self.escape(quote)?),
                '\0'..='\x1f' => return self.fault("a control character in a string must be escaped"),
                _ => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
        self.fault_at(opening, "the string has no closing quote")
    }

    fn escape(&mut self, quote: char) -> Result<char> {
        let start = self.at;
        let escaped = match self.text.as_bytes().get(start + 1) {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'/') => '/',
            Some(b'\\') => '\\',
            Some(&byte) if char::from(byte) == quote => quote,
            Some(b'u') => return self.unicode_escape(),
            _ => return self.fault("unknown escape"),
        };
        self.at += 2;
        Ok(escaped)
    }

    fn unicode_escape(&mut self) -> Result<char> {
        let Some(unit) = self.hex4(self.at + 2) else {
            return self.fault("expected four hexadecimal digits");
        };
        let low = match self.text.as_bytes().get(self.at + 6..self.at + 8) {
            Some(b"\\u") => self.hex4(self.at + 8),
            _ => None,
        };
        let (scalar, len) = match (unit, low) {
            (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            _ => (unit, 6),
        };
        match char::from_u32(scalar) {
            Some(c) => {
                self.at += len;
                Ok(c)
            }
            None => self.fault("lone surrogate"),
        }
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Query, Selector};

    fn name(text: &str) -> String {
        let mut parsed = Query::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        match parsed.segments.remove(0).selectors.remove(0) {
            Selector::Name(name) => name,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn strings_are_unescaped() {
        for (text, expected) in [
            ("$['a\\'\"']", "a'\""),
            ("$[\"a\\\"'\"]", "a\"'"),
            ("$['\\b\\f\\n\\r\\t\\/\\\\']", "\u{8}\u{c}\n\r\t/\\"),
            ("$['\\u00e9\\u00E9']", "éé"),
            ("$['\\ud83d\\uDE00']", "😀"),
            ("$['\\uffff\u{7f}']", "\u{ffff}\u{7f}"),
            ("$['']", ""),
            ("$.é😀_1", "é😀_1"),
            ("$.\u{80}", "\u{80}"),
            ("$._", "_"),
        ] {
            assert_eq!(name(text), expected);
        }
    }

    #[test]
    fn numbers_are_the_nearest_doubles() {
        for filter in [
            "1e400 == 1E+999",
            "-1e400 < -1e308",
            "-0 == 0",
            "-0.0e5 == 0",
            "5e-324 > 0",
            "1e-400 == 0",
            "0.1 == 0.10000000000000000555",
            "9007199254740993 == 9007199254740992",
            "-1.50 == -15e-1",
        ] {
            let found = crate::locate(b"[0]", &format!("$[?{filter}]"), &crate::Limits::default());
            assert!(found.is_ok_and(|found| found.len() == 1), "{filter}");
        }
    }
}
