//! The parser: queries, segments and selectors but for filters (RFC 9535, appendix A).
//!
//! White space stands only where the grammar has `S`. A fault is reported at the byte where it begins.

use super::{Query, Segment, Selector};
use crate::error::{Code, Error, Result};

/// Parses a whole query.
pub(super) fn query(text: &str) -> Result<Query> {
    if text.len() > Query::MAX_LEN {
        let detail = format!("the query is longer than {} bytes", Query::MAX_LEN);
        return Err(Error::because(Code::InvalidPath, detail).with_offset(Query::MAX_LEN));
    }
    let mut parser = Parser { text, at: 0, nesting: 0, absolutes: 0, invalid_pattern: None };
    if !parser.take(b'$') {
        return parser.fault("a query begins with `$`");
    }
    let (segments, _) = parser.segments()?;
    if parser.at < text.len() {
        return parser.fault(match parser.peek() {
            Some(b' ' | b'\t' | b'\n' | b'\r') => "white space is not allowed here",
            _ => "expected `.`, `..` or `[`",
        });
    }
    let Parser { absolutes, invalid_pattern, .. } = parser;
    Ok(Query { text: text.to_owned(), segments, absolutes, invalid_pattern })
}

pub(super) struct Parser<'q> {
    pub(super) text: &'q str,
    pub(super) at: usize,
    nesting: usize,
    /// Number of absolute queries met inside filters.
    pub(super) absolutes: usize,
    /// The first literal pattern that is no I-Regexp.
    pub(super) invalid_pattern: Option<String>,
}

impl<'q> Parser<'q> {
    /// `segments = *(S segment)`. Also tells whether they have the form of `singular-query-segments`, which admits no
    /// white space inside brackets.
    pub(super) fn segments(&mut self) -> Result<(Vec<Segment>, bool)> {
        let mut segments = Vec::new();
        let mut singular = true;
        loop {
            let before = self.at;
            self.space();
            let start = self.at;
            let segment = if self.take_word("..") {
                let selectors =
                    if self.peek() == Some(b'[') { self.brackets()? } else { vec![self.shorthand()?] };
                Segment { descendant: true, selectors }
            } else if self.take(b'.') {
                Segment { descendant: false, selectors: vec![self.shorthand()?] }
            } else if self.peek() == Some(b'[') {
                Segment { descendant: false, selectors: self.brackets()? }
            } else {
                self.at = before;
                return Ok((segments, singular));
            };
            singular &= segment.is_singular() && !self.padded(start);
            segments.push(segment);
        }
    }

    /// Whether the segment from `start` has white space just inside its brackets.
    fn padded(&self, start: usize) -> bool {
        let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n' | b'\r'));
        let segment = self.text.as_bytes().get(start..self.at).unwrap_or_default();
        segment.first() == Some(&b'[') && (space(segment.get(1)) || space(segment.iter().nth_back(1)))
    }

    /// What follows a dot: `*` or a name without quotes.
    fn shorthand(&mut self) -> Result<Selector> {
        if self.take(b'*') {
            return Ok(Selector::Wildcard);
        }
        let rest = self.rest();
        let name_char = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
        let len = rest.find(|c| !name_char(c)).unwrap_or(rest.len());
        if len == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.fault("expected a member name or `*`");
        }
        let name = rest.get(..len).unwrap_or_default().to_owned();
        self.at += len;
        Ok(Selector::Name(name))
    }

    /// `bracketed-selection = "[" S selector *(S "," S selector) S "]"`
    fn brackets(&mut self) -> Result<Vec<Selector>> {
        self.at += 1;
        let mut selectors = Vec::new();
        loop {
            self.space();
            selectors.push(self.selector()?);
            self.space();
            if self.take(b']') {
                return Ok(selectors);
            }
            if !self.take(b',') {
                return self.fault("expected `,` or `]`");
            }
        }
    }

    fn selector(&mut self) -> Result<Selector> {
        match self.peek() {
            Some(b'\'' | b'"') => Ok(Selector::Name(self.string()?)),
            Some(b'*') => {
                self.at += 1;
                Ok(Selector::Wildcard)
            }
            Some(b'?') => {
                self.enter()?;
                self.at += 1;
                self.space();
                let filter = self.filter()?;
                self.leave();
                Ok(Selector::Filter(filter))
            }
            Some(b':') => self.slice(None),
            Some(b'-' | b'0'..=b'9') => {
                let number = self.integer()?;
                let behind = self.at;
                self.space();
                if self.peek() == Some(b':') {
                    return self.slice(Some(number));
                }
                self.at = behind;
                Ok(Selector::Index(number))
            }
            _ => self.fault("expected a name in quotes, an index, a slice, `*` or `?`"),
        }
    }

    /// `slice-selector = [start S] ":" S [end S] [":" [S step]]`, from the first colon on.
    fn slice(&mut self, start: Option<i64>) -> Result<Selector> {
        self.at += 1;
        let end = self.integer_after_space()?;
        let behind = self.at;
        self.space();
        if !self.take(b':') {
            self.at = behind;
            return Ok(Selector::Slice { start, end, step: 1 });
        }
        let step = self.integer_after_space()?.unwrap_or(1);
        Ok(Selector::Slice { start, end, step })
    }

    fn integer_after_space(&mut self) -> Result<Option<i64>> {
        let before = self.at;
        self.space();
        if let Some(b'-' | b'0'..=b'9') = self.peek() {
            return self.integer().map(Some);
        }
        self.at = before;
        Ok(None)
    }

    /// Counts one more open filter, parenthesis or function call.
    pub(super) fn enter(&mut self) -> Result<()> {
        self.nesting += 1;
        if self.nesting > Query::MAX_NESTING {
            return self.fault("filters, parentheses or functions are nested too deep");
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.nesting -= 1;
    }

    /// `S`: any white space, or none.
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'q str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    pub(super) fn fault<T>(&self, detail: &'static str) -> Result<T> {
        self.fault_at(self.at, detail)
    }

    pub(super) fn fault_at<T>(&self, at: usize, detail: &'static str) -> Result<T> {
        Err(Error::because(Code::InvalidPath, detail).with_offset(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (u64, String) {
        let error = query(text).map(|_| ()).expect_err(text);
        assert_eq!(error.code(), Code::InvalidPath);
        (error.offset().unwrap(), error.detail().unwrap().to_owned())
    }

    fn only_selector(text: &str) -> Selector {
        let mut parsed = query(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(parsed.segments.len(), 1, "{text}");
        parsed.segments.remove(0).selectors.remove(0)
    }

    #[test]
    fn faults_are_found_where_they_begin() {
        for (text, offset) in [
            ("", 0),
            ("a", 0),
            (" $", 0),
            ("$ ", 1),
            ("$.a ", 3),
            ("$.", 2),
            ("$..", 3),
            ("$...a", 3),
            ("$. a", 2),
            ("$.1", 2),
            ("$.-", 2),
            ("$.'a'", 2),
            ("$a", 1),
            ("$.a-b", 3),
            ("$[", 2),
            ("$[]", 2),
            ("$[ ]", 3),
            ("$[a]", 2),
            ("$[1,]", 4),
            ("$[,1]", 2),
            ("$[1 2]", 4),
            ("$[01]", 2),
            ("$[-0]", 2),
            ("$[- 1]", 3),
            ("$[+1]", 2),
            ("$[1.0]", 3),
            ("$[1e2]", 3),
            ("$[9007199254740992]", 2),
            ("$[-9007199254740992]", 2),
            ("$[99999999999999999999]", 2),
            ("$[1:2:3:4]", 7),
            ("$[:01]", 3),
            ("$[::-0]", 4),
            ("$['a]", 2),
            ("$['\n']", 3),
            ("$['\\x']", 3),
            ("$['\\\"']", 3),
            ("$[\"\\'\"]", 3),
            ("$['\\u12']", 3),
            ("$['\\ud800']", 3),
            ("$['\\udc00']", 3),
            ("$['\\ud800\\u0041']", 3),
            ("$['\\U0041']", 3),
            ("$['a'", 5),
            ("$[*a]", 3),
            ("$\u{a0}.a", 1),
            ("$.a.", 4),
            ("$[(@.a)]", 2),
            ("$.a\u{2028} ", 6),
        ] {
            assert_eq!(fault(text).0, offset, "{text}");
        }
    }

    #[test]
    fn integers_and_slices() {
        assert!(
            matches!(only_selector("$[-9007199254740991]"), Selector::Index(i) if i == -9_007_199_254_740_991)
        );
        for (text, expected) in [
            ("$[:]", (None, None, 1)),
            ("$[::]", (None, None, 1)),
            ("$[1:]", (Some(1), None, 1)),
            ("$[ 1 : 2 : 3 ]", (Some(1), Some(2), 3)),
            ("$[:-2]", (None, Some(-2), 1)),
            ("$[::0]", (None, None, 0)),
            ("$[1\t::\n-3]", (Some(1), None, -3)),
            ("$[: :2]", (None, None, 2)),
        ] {
            match only_selector(text) {
                Selector::Slice { start, end, step } => assert_eq!((start, end, step), expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn length_and_nesting_are_bounded() {
        let long = format!("$.{}", "a".repeat(Query::MAX_LEN - 2));
        query(&long).unwrap();
        assert_eq!(fault(&format!("{long}a")).0, Query::MAX_LEN as u64);
        let filters = |n: usize| format!("${}@{}", "[?@".repeat(n - 1) + "[?", "]".repeat(n));
        query(&filters(Query::MAX_NESTING)).unwrap();
        assert_eq!(
            fault(&filters(Query::MAX_NESTING + 1)).1,
            "filters, parentheses or functions are nested too deep"
        );
        let parentheses = |n: usize| format!("$[?{}@{}]", "(".repeat(n), ")".repeat(n));
        query(&parentheses(Query::MAX_NESTING - 1)).unwrap();
        fault(&parentheses(Query::MAX_NESTING));
        fault(&parentheses(2000));
        let calls = |n: usize| format!("$[?{}@{}==1]", "length(".repeat(n), ")".repeat(n));
        query(&calls(Query::MAX_NESTING - 1)).unwrap();
        fault(&calls(Query::MAX_NESTING));
        query(&format!("$[?{}@.a]", "@.a||".repeat(800))).unwrap();
        // What is closed does not count.
        query(&format!("$[?{}@.a]", "(@.a)&&".repeat(500))).unwrap();
    }
}
