//! Regular expressions that the document gives: compiled when they are met, the latest ones kept.

use super::budget::Budget;
use super::iregexp::{self, Fault, Regexp};
use crate::error::{Code, Error, Result};

/// The patterns met lately in one evaluation.
#[derive(Default)]
pub(super) struct Patterns {
    kept: Vec<Compiled>,
    /// The one to give way next, once all places are taken.
    oldest: usize,
}

struct Compiled {
    text: Vec<u8>,
    whole: bool,
    /// `None` where the text is no I-Regexp.
    regexp: Option<Regexp>,
}

/// Patterns that are kept.
const PLACES: usize = 16;

impl Patterns {
    /// The compiled form of `text`; `None` where it is no I-Regexp.
    ///
    /// # Errors
    /// [`Code::LimitVisits`] if the pattern is too large, or compiling it exceeds the budget: a pattern must not fail to
    /// match for our limits.
    pub(super) fn compiled(
        &mut self,
        text: &[u8],
        whole: bool,
        budget: &mut Budget,
    ) -> Result<Option<Regexp>> {
        // Comparing with those kept costs at most their number.
        budget.spend(PLACES as u64)?;
        budget.spend_bytes(text.len())?;
        if let Some(known) = self.kept.iter().find(|known| known.whole == whole && known.text == text) {
            return Ok(known.regexp.clone());
        }
        let pattern = std::str::from_utf8(text).unwrap_or_default();
        budget.spend(iregexp::compile_cost(pattern))?;
        let regexp = match iregexp::compile(pattern, whole) {
            Ok(regexp) => Some(regexp),
            Err(Fault::Invalid) => None,
            Err(Fault::TooLarge) => {
                let detail = "a regular expression in the document is too large";
                return Err(Error::because(Code::LimitVisits, detail));
            }
        };
        let compiled = Compiled { text: text.to_vec(), whole, regexp: regexp.clone() };
        match self.kept.get_mut(self.oldest) {
            Some(oldest) => *oldest = compiled,
            None => self.kept.push(compiled),
        }
        self.oldest = (self.oldest + 1) % PLACES;
        Ok(regexp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_patterns_are_not_compiled_again() {
        let mut patterns = Patterns::default();
        let mut cost = |text: &str, whole: bool| {
            let mut budget = Budget::new(100_000);
            let found = patterns.compiled(text.as_bytes(), whole, &mut budget).unwrap();
            let mut left = 0;
            while budget.spend(1).is_ok() {
                left += 1;
            }
            (100_000 - left, found.is_some_and(|regexp| regexp.is_match(b"xa")))
        };
        let (first, matched) = cost("a+", false);
        assert!(first > 900 && matched);
        assert!(cost("a+", false).0 < 50 && cost("a+", false).1);
        assert!(cost("a+", true).0 > 900 && !cost("a+", true).1);
        assert_eq!((cost("a+", false).1, cost("(", false).1, cost("(", false).0 < 50), (true, false, true));
        for i in 0..PLACES {
            assert!(cost(&format!("b{{{i}}}"), false).0 > 900);
        }
        assert!(cost("a+", false).0 > 900);
    }

    #[test]
    fn a_large_pattern_is_an_error() {
        let error =
            Patterns::default().compiled(b"(a{999}){999}", true, &mut Budget::new(u64::MAX)).unwrap_err();
        assert_eq!((error.code(), error.detail().is_some()), (Code::LimitVisits, true));
        assert_eq!(
            Patterns::default().compiled(b"a", true, &mut Budget::new(99)).unwrap_err().code(),
            Code::LimitVisits
        );
    }
}
