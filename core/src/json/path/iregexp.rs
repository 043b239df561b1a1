//! I-Regexp (RFC 9485): checked by its grammar, then translated for the `regex` crate.
//!
//! The grammar lists `^` and `$` among the plain characters while the mappings of section 5 let them anchor; the
//! compliance suite of RFC 9535 expects anchors, and so do we. A dot matches neither `\n` nor `\r`.
//!
//! The engine's time is linear in pattern times text. While a pattern is translated its atoms are counted with all
//! repetitions written out, and weighed by what they take to compile: this bounds what is compiled and prices each run.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

use regex::bytes::{Regex, RegexBuilder};

/// Why a pattern was not compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no I-Regexp.
    Invalid,
    /// It is one, beyond our limits.
    TooLarge,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Regexp {
    regex: Regex,
    size: Size,
}

impl Regexp {
    /// Whether the pattern matches `text`, which must be UTF-8.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// What it costs, in nodes, to run over `len` bytes.
    pub(super) fn cost(&self, len: usize) -> u64 {
        let step = 1 + self.size.atoms / ATOMS_A_NODE + self.size.weight / WEIGHT_A_NODE;
        (len as u64).saturating_mul(step).saturating_add(1)
    }
}

/// Checks, translates and compiles a pattern. With `whole` it must match the whole text.
pub(super) fn compile(pattern: &str, whole: bool) -> Result<Regexp, Fault> {
    let (translated, size) = translate(pattern)?;
    if size.weight > MAX_WEIGHT {
        return Err(Fault::TooLarge);
    }
    let anchored = if whole { format!(r"\A(?:{translated})\z") } else { translated };
    match RegexBuilder::new(&anchored).size_limit(PROGRAM_LIMIT).dfa_size_limit(CACHE_LIMIT).build() {
        Ok(regex) => Ok(Regexp { regex, size }),
        Err(regex::Error::CompiledTooBig(_)) => Err(Fault::TooLarge),
        Err(_) => Err(Fault::Invalid),
    }
}

/// What it costs, in nodes, to compile the pattern.
pub(super) fn compile_cost(pattern: &str) -> u64 {
    let weight = translate(pattern).map_or(0, |(_, size)| size.weight);
    COMPILE_BASE + pattern.len() as u64 + weight.min(MAX_WEIGHT).saturating_mul(COMPILE_A_WEIGHT)
}

/// Bytes that one compiled program may take: enough for all that `MAX_WEIGHT` lets through.
const PROGRAM_LIMIT: usize = 4 << 20;
/// Bytes that the cache of its automaton may take.
const CACHE_LIMIT: usize = 1 << 20;
/// Groups that may be open at one place.
const MAX_GROUPS: usize = 64;
const MAX_WEIGHT: u64 = 1 << 15;
/// Weight of a category such as `\p{L}`: hundreds of ranges.
const CATEGORY: u64 = 512;
/// Weight of a dot or a class.
const CLASS: u64 = 16;
// Measured: with these a node of the budget stands for about a nanosecond in ordinary patterns, and for some hundred
// nanoseconds in the worst ones that were found.
const ATOMS_A_NODE: u64 = 16;
const WEIGHT_A_NODE: u64 = 256;
const COMPILE_BASE: u64 = 1000;
const COMPILE_A_WEIGHT: u64 = 8;

/// Size of a pattern with all repetitions written out.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    atoms: u64,
    weight: u64,
}

impl Size {
    fn atom(weight: u64) -> Self {
        Size { atoms: 1, weight }
    }

    fn plus(self, other: Self) -> Self {
        Size { atoms: self.atoms.saturating_add(other.atoms), weight: self.weight.saturating_add(other.weight) }
    }

    fn times(self, times: u64) -> Self {
        Size { atoms: self.atoms.saturating_mul(times), weight: self.weight.saturating_mul(times) }
    }
}

/// The pattern in the syntax of the `regex` crate, and its size.
fn translate(pattern: &str) -> Result<(String, Size), Fault> {
    let mut translator = Translator {
        input: pattern.chars().peekable(),
        out: String::with_capacity(2 * pattern.len()),
        size: Size::default(),
        atom: None,
    };
    translator.expression()?;
    Ok((translator.out, translator.size))
}

struct Translator<'p> {
    input: Peekable<Chars<'p>>,
    out: String,
    /// Size of the innermost open group so far, but for `atom`.
    size: Size,
    /// Size of the atom or group just read, which a quantifier may follow.
    atom: Option<Size>,
}

impl Translator<'_> {
    fn expression(&mut self) -> Result<(), Fault> {
        let mut groups = Vec::new();
        while let Some(c) = self.input.next() {
            match c {
                '(' => {
                    if groups.len() == MAX_GROUPS {
                        return Err(Fault::TooLarge);
                    }
                    self.settle();
                    groups.push(std::mem::take(&mut self.size));
                    self.out.push_str("(?:");
                }
                ')' => {
                    let outer = groups.pop().ok_or(Fault::Invalid)?;
                    self.settle();
                    // Even an empty group takes a step.
                    self.atom = Some(std::mem::replace(&mut self.size, outer).plus(Size::atom(1)));
                    self.out.push(')');
                }
                '|' => {
                    self.settle();
                    self.out.push('|');
                }
                '*' | '+' | '?' => {
                    self.repeat(1)?;
                    self.out.push(c);
                }
                '{' => self.range()?,
                '.' => {
                    self.out.push_str(r"[^\n\r]");
                    self.next_atom(CLASS);
                }
                '[' => self.class()?,
                '\\' => {
                    let weight = self.escape()?;
                    self.next_atom(weight);
                }
                ']' | '}' => return Err(Fault::Invalid),
                '^' | '$' => {
                    self.out.push(c);
                    self.next_atom(1);
                }
                _ => {
                    self.literal(c);
                    self.next_atom(c.len_utf8() as u64);
                }
            }
        }
        self.settle();
        if groups.is_empty() { Ok(()) } else { Err(Fault::Invalid) }
    }

    fn next_atom(&mut self, weight: u64) {
        self.settle();
        self.atom = Some(Size::atom(weight));
    }

    /// No quantifier can follow the atom any more.
    fn settle(&mut self) {
        self.size = self.size.plus(self.atom.take().unwrap_or_default());
    }

    fn repeat(&mut self, times: u64) -> Result<(), Fault> {
        let atom = self.atom.take().ok_or(Fault::Invalid)?;
        self.size = self.size.plus(atom.times(times.max(1)));
        Ok(())
    }

    /// `range-quantifier`, behind its opening brace.
    fn range(&mut self) -> Result<(), Fault> {
        let least = self.digits()?;
        self.out.push('{');
        let _ = write!(self.out, "{least}");
        let mut most = least;
        if self.input.next_if_eq(&',').is_some() {
            self.out.push(',');
            if self.input.peek() == Some(&'}') {
                most = least.saturating_add(1);
            } else {
                most = self.digits()?;
                let _ = write!(self.out, "{most}");
            }
        }
        self.out.push('}');
        if self.input.next() != Some('}') || most < least {
            return Err(Fault::Invalid);
        }
        self.repeat(most)
    }

    fn digits(&mut self) -> Result<u64, Fault> {
        let mut value = None;
        while let Some(digit) = self.input.peek().and_then(|c| c.to_digit(10)) {
            value = Some(value.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(digit)));
            self.input.next();
        }
        value.ok_or(Fault::Invalid)
    }

    /// `SingleCharEsc` or `charClassEsc`, behind its backslash; valid in a class too. Returns the weight.
    fn escape(&mut self) -> Result<u64, Fault> {
        let c = self.input.next().ok_or(Fault::Invalid)?;
        if let 'p' | 'P' = c {
            self.category(c)?;
            return Ok(CATEGORY);
        }
        let literal = single_escape(c).ok_or(Fault::Invalid)?;
        self.literal(literal);
        Ok(1)
    }

    /// `catEsc` or `complEsc`, behind its letter.
    fn category(&mut self, letter: char) -> Result<(), Fault> {
        let mut next = || self.input.next().ok_or(Fault::Invalid);
        if next()? != '{' {
            return Err(Fault::Invalid);
        }
        let major = next()?;
        let minors = match major {
            'L' => "lmotu",
            'M' => "cen",
            'N' => "dlo",
            'P' => "cdefios",
            'Z' => "lps",
            'S' => "ckmo",
            'C' => "cfno",
            _ => return Err(Fault::Invalid),
        };
        let _ = write!(self.out, r"\{letter}{{{major}");
        match next()? {
            '}' => {}
            minor if minors.contains(minor) && next()? == '}' => self.out.push(minor),
            _ => return Err(Fault::Invalid),
        }
        self.out.push('}');
        Ok(())
    }

    /// `charClassExpr = "[" [ "^" ] ( "-" / CCE1 ) *CCE1 [ "-" ] "]"`, behind its opening bracket.
    fn class(&mut self) -> Result<(), Fault> {
        self.out.push('[');
        let mut weight = CLASS;
        if self.input.next_if_eq(&'^').is_some() {
            if self.input.peek() == Some(&']') {
                // The grammar reads `[^]` as the class of the circumflex.
                self.literal('^');
                self.out.push(']');
                self.input.next();
                self.next_atom(CLASS);
                return Ok(());
            }
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.input.next().ok_or(Fault::Invalid)? {
                ']' if !first => break,
                '-' if first => self.literal('-'),
                '-' => {
                    self.literal('-');
                    if self.input.next() != Some(']') {
                        return Err(Fault::Invalid);
                    }
                    break;
                }
                '\\' if matches!(self.input.peek(), Some('p' | 'P')) => weight += self.escape()?,
                c => {
                    let from = self.class_char(c)?;
                    self.literal(from);
                    if self.range_follows() {
                        self.input.next();
                        let c = self.input.next().ok_or(Fault::Invalid)?;
                        let to = self.class_char(c)?;
                        if to < from {
                            return Err(Fault::Invalid);
                        }
                        self.out.push('-');
                        self.literal(to);
                    }
                    weight += 4;
                }
            }
            first = false;
        }
        self.out.push(']');
        self.next_atom(weight);
        Ok(())
    }

    /// Whether `-` stands next and is not the last of the class.
    fn range_follows(&self) -> bool {
        let mut ahead = self.input.clone();
        ahead.next() == Some('-') && ahead.next() != Some(']')
    }

    /// `CCchar`, whose first character is `c`.
    fn class_char(&mut self, c: char) -> Result<char, Fault> {
        match c {
            '\\' => self.input.next().and_then(single_escape).ok_or(Fault::Invalid),
            '-' | '[' | ']' => Err(Fault::Invalid),
            _ => Ok(c),
        }
    }

    /// Writes a character that stands for itself, in a class or out of it.
    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            let _ = write!(self.out, r"\x{{{:x}}}", u32::from(c));
        }
    }
}

/// The character that `SingleCharEsc` with `c` stands for.
fn single_escape(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '('..='+' | '-' | '.' | '?' | '['..='^' | '{'..='}' => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern, true).unwrap_or_else(|e| panic!("{pattern}: {e:?}")).is_match(text.as_bytes())
    }

    #[test]
    fn invalid_patterns() {
        for pattern in [
            "*", "+a", "?", "a**", "a*?", "a+?", "a{1}{2}", "a{", "a{}", "a{,2}", "a{1", "a{1,", "a{a}", "a{3,2}", "(", ")", "(a",
            "a)", "(?:a)", "(?i)a", "[", "[]", "[a", "[^", "[]a]", "[a[b]", "[a-", "[z-a]", "[a-b-c]", "[a-\\p{L}]", "[a--b]",
            "]", "}", "{1}", "a|*", "\\", "\\d", "\\w", "\\s", "\\b", "\\A", "\\z", "\\1", "\\/", "\\$", "\\x41", "\\u0041", "\\p",
            "\\p{", "\\p{}", "\\p{X}", "\\p{Lx}", "\\p{Cs}", "\\p{Lu", "\\pL", "\\p{Latin}", "\\p{IsBasicLatin}", "\\p{lu}",
            "[\\d]", "[a&&[b]]", "a{1000}{1000}", "(a)(*)", "\\p{Luu}", "[--",
        ] {
            assert_eq!(compile(pattern, true).map(|_| ()), Err(Fault::Invalid), "{pattern}");
            assert_eq!(compile(pattern, false).map(|_| ()), Err(Fault::Invalid), "{pattern}");
        }
    }

    #[test]
    fn plain_characters_and_classes() {
        for (pattern, yes, no) in [
            ("", "", "a"), ("a|", "", "b"), ("()", "", "x"), ("(|a)b", "b", "a"), ("a{2}", "aa", "aaa"), ("a{2,}", "aaaa", "a"),
            ("a{0,1}", "", "aa"), ("a{00002}", "aa", "a"), ("a#b &-~/", "a#b &-~/", "a"), ("a\tb\n", "a\tb\n", "ab"),
            ("<=>@_`!\"%',:;", "<=>@_`!\"%',:;", ""), ("[ab]", "b", "ab"), ("[^ab]", "c", "a"), ("[-a]", "-", "b"),
            ("[a-]", "-", "b"), ("[^-a]", "b", "-"), ("[a-c-]", "-", "d"), ("[--]", "-", "a"), ("[-]", "-", "a"),
            ("[a^]", "^", "b"), ("[^]", "^", "a"), ("[^^]", "a", "^"), ("[a&&b]", "&", "c"), ("[a~~b]", "~", "-"),
            ("[.]", ".", "a"), ("[$(*+?{}|)]", "}", "a"), ("[\\]\\[\\\\\\-]", "\\", "/"), ("[+-\\-]", ",", "."),
            ("[\\t-\\r]", "\n", " "), ("\\(\\)\\*\\+\\-\\.\\?\\[\\\\\\]\\^\\{\\|\\}", "()*+-.?[\\]^{|}", ""),
            ("\\n\\r\\t", "\n\r\t", ""), ("[\\p{Lu}0-9]", "É", "é"), ("[^\\P{L}]", "ж", "1"), ("\\p{Zs}", "\u{a0}", "\n"),
            ("\\p{Cn}", "\u{0378}", "a"), ("\\p{C}", "\u{7}", "a"), ("\\p{Sc}", "€", "+"), ("é+", "éé", "e"), ("😀{2}", "😀😀", "😀"),
            ("[α-ω]", "λ", "a"), ("[\u{1F600}-\u{1F64F}]", "😀", "a"), ("(a*)*b", "aab", "aa"), ("((a+)+)+", "aaa", "b"),
            ("a|b", "b", "ab"), ("\\p{Nd}{3}-[A-Z]{2}", "123-AB", "123-Ab"),
        ] {
            assert!(matches(pattern, yes), "{pattern} and {yes}");
            assert!(!matches(pattern, no), "{pattern} and {no}");
        }
    }

    #[test]
    fn dot_and_anchors() {
        for text in ["a", "\u{2028}", "\u{85}", "😀", "\0", "\t"] {
            assert!(matches(".", text), "{text:?}");
        }
        for text in ["\n", "\r", "\r\n", "", "ab"] {
            assert!(!matches(".", text), "{text:?}");
        }
        assert!(matches("^ab$", "ab") && !matches("a^b", "a^b") && matches("^*a", "a"));
        let search = |pattern: &str, text: &str| compile(pattern, false).unwrap().is_match(text.as_bytes());
        assert!(search("b", "abc") && search("", "") && search("^a|c$", "bc") && !search("^b", "a\nb"));
        assert!(!search("a$", "a\n") && search("[^a]", "\n"));
    }

    #[test]
    fn size_is_bounded_before_anything_is_built() {
        for pattern in ["((a{1000}){1000}){1000}", "(a{1000}){1000}", "\\p{L}{1000}", "a{99999999999999999999999}", ".{60000}"] {
            assert_eq!(compile(pattern, true).map(|_| ()), Err(Fault::TooLarge), "{pattern}");
        }
        let groups = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        compile(&groups(MAX_GROUPS), true).unwrap();
        assert_eq!(compile(&groups(MAX_GROUPS + 1), true).map(|_| ()), Err(Fault::TooLarge));
        for pattern in ["[A-Za-z0-9]{200}", r"\p{L}{1,60}", ".{1,2000}"] {
            compile(pattern, true).unwrap_or_else(|e| panic!("{pattern}: {e:?}"));
        }
        assert!(compile("a+", true).unwrap().cost(100) < 102);
        assert!(compile(".{1,2000}", true).unwrap().cost(100) > 10_000);
    }
}
