//! I-Regexp (RFC 9485) compiled by the `regex` crate, within limits.
//!
//! The engine's time is linear in pattern times text. While a pattern is translated its atoms are counted with all
//! repetitions written out, and weighed by what they take to compile: this bounds what is compiled and prices each run.

use regex::bytes::{Regex, RegexBuilder};

use super::translate::{Size, translate};

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
const MAX_WEIGHT: u64 = 1 << 15;
// Measured: with these a node of the budget stands for about a nanosecond in ordinary patterns, and for some hundred
// nanoseconds in the worst ones that were found.
const ATOMS_A_NODE: u64 = 16;
const WEIGHT_A_NODE: u64 = 256;
const COMPILE_BASE: u64 = 1000;
const COMPILE_A_WEIGHT: u64 = 8;

#[cfg(test)]
mod tests {
    use super::super::translate::MAX_GROUPS;
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern, true).unwrap_or_else(|e| panic!("{pattern}: {e:?}")).is_match(text.as_bytes())
    }

    #[test]
    fn invalid_patterns() {
        let lines = [
            r"* +a ? a** a*? a+? a{1}{2} a{ a{} a{,2} a{1 a{1, a{a} a{3,2} ( ) (a a) (?:a) (?i)a [",
            r"[] [a [^ []a] [a[b] [a- [z-a] [a-b-c] [a-\p{L}] [a--b] ] } {1} a|* \ \d \w \s \b \A",
            r"\z \1 \/ \$ \x41 \u0041 \p \p{ \p{} \p{X} \p{Lx} \p{Cs} \p{Lu \pL \p{Latin}",
            r"\p{IsBasicLatin} \p{lu} [\d] [a&&[b]] a{1000}{1000} (a)(*) \p{Luu} [--",
        ];
        for pattern in lines.iter().flat_map(|line| line.split(' ')) {
            assert_eq!(compile(pattern, true).map(|_| ()), Err(Fault::Invalid), "{pattern}");
            assert_eq!(compile(pattern, false).map(|_| ()), Err(Fault::Invalid), "{pattern}");
        }
    }

    #[test]
    fn plain_characters_and_classes() {
        for (pattern, yes, no) in [
            ("", "", "a"),
            ("a|", "", "b"),
            ("()", "", "x"),
            ("(|a)b", "b", "a"),
            ("a{2}", "aa", "aaa"),
            ("a{2,}", "aaaa", "a"),
            ("a{0,1}", "", "aa"),
            ("a{00002}", "aa", "a"),
            ("a#b &-~/", "a#b &-~/", "a"),
            ("a\tb\n", "a\tb\n", "ab"),
            ("<=>@_`!\"%',:;", "<=>@_`!\"%',:;", ""),
            ("[ab]", "b", "ab"),
            ("[^ab]", "c", "a"),
            ("[-a]", "-", "b"),
            ("[a-]", "-", "b"),
            ("[^-a]", "b", "-"),
            ("[a-c-]", "-", "d"),
            ("[--]", "-", "a"),
            ("[-]", "-", "a"),
            ("[a^]", "^", "b"),
            ("[^]", "^", "a"),
            ("[^^]", "a", "^"),
            ("[a&&b]", "&", "c"),
            ("[a~~b]", "~", "-"),
            ("[.]", ".", "a"),
            ("[$(*+?{}|)]", "}", "a"),
            ("[\\]\\[\\\\\\-]", "\\", "/"),
            ("[+-\\-]", ",", "."),
            ("[\\t-\\r]", "\n", " "),
            ("\\(\\)\\*\\+\\-\\.\\?\\[\\\\\\]\\^\\{\\|\\}", "()*+-.?[\\]^{|}", ""),
            ("\\n\\r\\t", "\n\r\t", ""),
            ("[\\p{Lu}0-9]", "É", "é"),
            ("[^\\P{L}]", "ж", "1"),
            ("\\p{Zs}", "\u{a0}", "\n"),
            ("\\p{Cn}", "\u{0378}", "a"),
            ("\\p{C}", "\u{7}", "a"),
            ("\\p{Sc}", "€", "+"),
            ("é+", "éé", "e"),
            ("😀{2}", "😀😀", "😀"),
            ("[α-ω]", "λ", "a"),
            ("[\u{1F600}-\u{1F64F}]", "😀", "a"),
            ("(a*)*b", "aab", "aa"),
            ("((a+)+)+", "aaa", "b"),
            ("a|b", "b", "ab"),
            ("\\p{Nd}{3}-[A-Z]{2}", "123-AB", "123-Ab"),
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
        for pattern in [
            "((a{1000}){1000}){1000}",
            "(a{1000}){1000}",
            "\\p{L}{1000}",
            "a{99999999999999999999999}",
            ".{60000}",
        ] {
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
