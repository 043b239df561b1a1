//! What an explanation says.

use std::fmt;

use crate::error::{Code, Error};
use crate::signing::debug::Hint;
use crate::signing::explain::Work;
use crate::signing::explain::advice::advice;
use crate::signing::explain::change::{self, Change, Side};

/// Why a message does not verify, and what to do. `Display` is one sentence, or two.
///
/// It tells values of the message and may be shown to whoever may read those; never to the peer.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    pub(super) error: Option<Error>,
    pub(super) changes: Vec<Change>,
    pub(super) remaining: Option<Error>,
    pub(super) base: Option<String>,
    pub(super) signed_base: Option<String>,
    pub(super) hint: Option<Hint>,
    pub(super) exhausted: bool,
    pub(super) work: Work,
}

impl Explanation {
    /// What to do about an error where no message is at hand: a refusal by the replay store, for example.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        Explanation { error: Some(error.clone()), remaining: Some(error.clone()), ..Explanation::default() }
    }

    /// Whether the message verifies as it is, its nonce left aside.
    #[must_use]
    pub fn verifies(&self) -> bool {
        self.error.is_none()
    }

    /// Why the message does not verify; the verdict, which no explanation changes.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The change that makes the message verify; more than one if each of several steps of the verification needs its own
    /// (clock, then signature, then content). With [`Explanation::remaining`] they do not suffice.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Why the message would not verify even with these changes.
    #[must_use]
    pub fn remaining(&self) -> Option<&Error> {
        self.remaining.as_ref()
    }

    /// What to do about what remains, in one sentence.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        self.remaining.as_ref().map(|error| advice(error.code()))
    }

    /// The signature base of the message as it was received, if the signature was looked at. It holds header values.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// The signature base with the change.
    #[must_use]
    pub fn signed_base(&self) -> Option<&str> {
        self.signed_base.as_deref()
    }

    /// The base as received and the one that was signed, line by line.
    pub fn diff(&self) -> impl Iterator<Item = (Side, &str)> {
        let lines = match (&self.base, &self.signed_base) {
            (Some(base), Some(signed)) => change::diff(base, signed),
            (Some(base), None) => base.split('\n').map(|line| (Side::Both, line)).collect(),
            _ => Vec::new(),
        };
        lines.into_iter()
    }

    /// The lines of [`Explanation::base`] that differ from the signer's, by the debug token in the message. The token is
    /// not signed: it is a hint.
    pub fn differing_lines(&self) -> impl Iterator<Item = &str> {
        let lines = match &self.hint {
            Some(Hint::Lines(lines)) => lines.as_slice(),
            _ => &[],
        };
        let base = self.base.as_deref().unwrap_or_default();
        lines.iter().filter_map(|at| base.split('\n').nth(*at))
    }

    /// Whether the budget ended the search before all was tried.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// What it has cost.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    pub(super) fn is_code(&self, codes: &[Code]) -> bool {
        self.remaining.as_ref().is_some_and(|error| codes.contains(&error.code()))
    }

    /// What the debug token says, as a sentence.
    fn hinted(&self) -> Option<String> {
        Some(match self.hint.as_ref()? {
            Hint::Lines(lines) if lines.is_empty() => {
                "by the debug token both sides have the same base: the signature itself was changed"
                    .to_owned()
            }
            Hint::Lines(_) => {
                let name = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
                let names: Vec<String> =
                    self.differing_lines().map(|line| change::shown(&name(line))).collect();
                format!("by the debug token the sides differ in {}", names.join(", "))
            }
            Hint::Count { signed } => format!("by the debug token the signer's base has {signed} lines"),
            Hint::Secret => "by the debug token no line agrees: the signer has another secret".to_owned(),
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verifies() {
            let text =
                "the message verifies as it is; if it is refused as replayed, its nonce was accepted before";
            return f.write_str(text);
        }
        let changes: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        f.write_str(&changes.join("; and "))?;
        let Some(error) = &self.remaining else { return Ok(()) };
        f.write_str(match (changes.is_empty(), is_tried(error.code())) {
            (false, _) => "; even so: ",
            (true, true) => "no known change makes it verify: ",
            (true, false) => "",
        })?;
        write!(f, "{error}: {}", advice(error.code()))?;
        if let Some(hint) = self.hinted() {
            write!(f, "; {hint}")?;
        }
        if self.exhausted {
            f.write_str("; the budget was spent before all was tried")?;
        }
        Ok(())
    }
}

/// Whether changes are tried for it.
fn is_tried(code: Code) -> bool {
    matches!(code, Code::SignatureInvalid | Code::DigestMismatch)
}
