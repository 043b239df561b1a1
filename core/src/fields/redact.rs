//! Redaction: a document for logs and screens, without what the policy protects. It needs no key and never fails open.
//!
//! The values are found by the engine that encryption uses, with wider tests (`policy/wide.rs`). Where masks overlap,
//! the outer one stands; where two rules meet on one value, the stricter one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Code, Error, Result};
use crate::json::text as json_text;
use crate::limits::Limits;
use crate::policy::select::{Selection, read};
use crate::policy::{Inner, Mask, Policy};
use crate::secret::Wiped;
use crate::token::text;

/// What stands for a document that cannot be read.
const UNREADABLE: &str = r#"{"redacted":"unreadable"}"#;
/// What stands for a value.
const REMOVED: &str = r#""[redacted]""#;
/// What stands for the hidden part of a text, whatever its length.
const HIDDEN: &str = "****";

/// Masks the values that a policy protects, in clear and in encrypted documents alike, for logs. Immutable, cheap to
/// clone, shared between threads; it holds no key.
///
/// - Every value that a rule may ever select becomes `"[redacted]"`, whatever its type and its `types`. The selection
///   is wider than that of encryption: a filter counts as true, a negative index or a slice from the end as every
///   element. `occurs`, `bind` and `keys` do not matter, and overlapping rules are no error.
/// - A rule with `"mask": {"keep_last": n}` shows `"****"` and the last n characters (Unicode scalar values) of a text
///   that has at least 2n + 4 of them.
/// - Every string anywhere that begins like a token, a field string or a header (`as1.`, `as1f.`, `as1d.`, `as1r.`)
///   becomes `"[redacted]"` too, and so does layout D's header member: a log outlives keys, and should not hold
///   ciphertexts that a leaked key opens.
/// - All other bytes stay as they are.
///
/// It cannot know of a protected text that also stands elsewhere: in a member that no rule selects, in a name, in a
/// message. A document of another shape than the policy expects may hold its values where no rule looks: prefer
/// `$..number` to `$.card.number` where shapes vary.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// let policy = apiseal::Policy::from_json(r#"{"apiseal_policy": 1, "id": "orders.v1", "rules": [
///     {"path": "$.card.number", "bind": ["$.id"], "mask": {"keep_last": 4}},
///     {"path": "$.card.cvc", "bind": ["$.id"], "occurs": "optional"}
/// ]}"#)?;
/// let redactor = apiseal::Redactor::new(&policy)?;
///
/// let masked = redactor.redact(br#"{"id": 7, "card": {"number": "4111111111111111", "cvc": 123}}"#);
/// assert_eq!(masked.as_str(), r#"{"id": 7, "card": {"number": "****1111", "cvc": "[redacted]"}}"#);
///
/// let masked = redactor.redact(br#"{"card": {"number": "4111111111111111""#);
/// assert!(masked.is_unreadable());
/// assert_eq!(masked.as_str(), r#"{"redacted":"unreadable"}"#);
/// assert_eq!(redactor.unreadable(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Redactor {
    policy: Arc<Inner>,
    limits: Limits,
    unreadable: Arc<AtomicU64>,
}

impl Redactor {
    /// A redactor with default limits.
    ///
    /// # Errors
    /// [`Code::PolicyFile`]: the paths of the policy have more than 16384 steps in all.
    pub fn new(policy: &Policy) -> Result<Self> {
        Redactor::with_limits(policy, Limits::default())
    }

    /// A redactor with other limits. Of these, `document`, `depth` and `fields` matter; where rules overlap, a value
    /// counts once for each.
    ///
    /// # Errors
    /// As [`Redactor::new`]; [`Code::InvalidArgument`] for a limit out of its range.
    pub fn with_limits(policy: &Policy, limits: Limits) -> Result<Self> {
        limits.check()?;
        // Nothing is bound to a position here: its length is no reason to show nothing.
        let limits = Limits { position: usize::MAX, ..limits };
        let policy = Arc::new(policy.inner().widened()?);
        Ok(Redactor { policy, limits, unreadable: Arc::new(AtomicU64::new(0)) })
    }

    /// The document with its protected values masked. Of a document that is malformed or over a limit nothing is shown:
    /// the result is the constant `{"redacted":"unreadable"}`. Time is linear in the document.
    #[must_use]
    pub fn redact(&self, document: &[u8]) -> Redacted {
        match self.masked(document) {
            Ok(text) => Redacted { text, unreadable: false },
            // The reason may hold names of the document: it goes nowhere.
            Err(_) => {
                self.unreadable.fetch_add(1, Ordering::Relaxed);
                Redacted { text: UNREADABLE.to_owned(), unreadable: true }
            }
        }
    }

    /// How many documents were unreadable, for this redactor and its clones together.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    fn masked(&self, document: &[u8]) -> Result<String> {
        let selection = read(&self.policy, document, &self.limits)?;
        let missing = || Error::new(Code::Internal);
        let mut out = Vec::with_capacity(document.len());
        let mut copied = 0;
        for masked in outermost(&self.policy, &selection) {
            let (start, end) = (masked.start as usize, masked.end as usize);
            out.extend_from_slice(document.get(copied..start).ok_or_else(missing)?);
            write_mask(&mut out, document.get(start..end).ok_or_else(missing)?, masked.shown);
            copied = end;
        }
        out.extend_from_slice(document.get(copied..).ok_or_else(missing)?);
        String::from_utf8(out).map_err(|_| missing())
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("policy", &self.policy.id).field("limits", &self.limits).finish()
    }
}

/// A redacted document; reads as its bytes, which are one JSON text in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    text: String,
    unreadable: bool,
}

impl Redacted {
    /// Whether the document could not be read, so that the constant stands for it.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }
}

impl std::ops::Deref for Redacted {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl AsRef<[u8]> for Redacted {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A span of the document that is masked.
#[derive(Clone, Copy)]
struct Masked {
    start: u32,
    end: u32,
    shown: Shown,
}

/// How much of a text is shown: its last characters, if it has enough.
#[derive(Clone, Copy)]
struct Shown {
    last: u16,
    /// Characters that the text must have.
    of: u16,
}

impl Shown {
    const NOTHING: Shown = Shown { last: 0, of: 0 };

    fn by(mask: Mask) -> Self {
        match mask {
            Mask::Remove => Shown::NOTHING,
            // Less than half of the text is shown, and at least four characters more are hidden.
            Mask::KeepLast(last) => Shown { last: last as u16, of: 2 * last as u16 + 4 },
        }
    }

    /// What both masks show: a text that is too short for one of them is not shown at all.
    fn and(self, other: Shown) -> Self {
        Shown { last: self.last.min(other.last), of: self.of.max(other.of) }
    }

    /// The part of a decoded string that is shown, if any.
    fn part(self, content: &[u8]) -> Option<&str> {
        if text::prefix(content).is_some() {
            return None;
        }
        let content = std::str::from_utf8(content).ok()?;
        content.chars().nth(usize::from(self.of).checked_sub(1)?)?;
        let (at, _) = content.char_indices().rev().nth(usize::from(self.last).checked_sub(1)?)?;
        content.get(at..)
    }
}

/// All spans to mask, in document order and none inside another.
fn outermost(policy: &Inner, selection: &Selection<'_>) -> Vec<Masked> {
    let mut spans: Vec<Masked> = Vec::with_capacity(selection.fields.len() + selection.unselected.len() + 1);
    spans.extend(selection.fields.iter().map(|field| Masked {
        start: field.start,
        end: field.end,
        shown: policy.rules.get(usize::from(field.rule)).map_or(Shown::NOTHING, |rule| Shown::by(rule.mask)),
    }));
    let ours = |&(start, end): &(u32, u32)| {
        text::prefix(&json_text::decoded_string(selection.text, start as usize, end as usize)).is_some()
    };
    let tokens = selection.unselected.iter().copied().filter(ours);
    let header = selection.header.map(|header| (header.start as u32, header.end as u32));
    spans.extend(tokens.chain(header).map(|(start, end)| Masked { start, end, shown: Shown::NOTHING }));
    // What a value holds begins behind it: equal starts are one value.
    spans.sort_by_key(|span| span.start);
    spans.dedup_by(|next, last| {
        if next.start == last.start {
            last.shown = last.shown.and(next.shown);
        }
        next.start < last.end
    });
    spans
}

/// Appends what stands for a value.
fn write_mask(out: &mut Vec<u8>, value: &[u8], shown: Shown) {
    // What was redacted before stays as it is.
    if shown.last > 0 && value.first() == Some(&b'"') && value != REMOVED.as_bytes() {
        let content = Wiped::new(json_text::decoded_string(value, 0, value.len()).into_owned());
        if let Some(part) = shown.part(&content) {
            json_text::write_string(out, format!("{HIDDEN}{part}").as_bytes());
            return;
        }
    }
    out.extend_from_slice(REMOVED.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Layout;

    fn redactor(rules: &str) -> Redactor {
        let text =
            format!(r#"{{"apiseal_policy":1,"id":"t","layout":"document","bind":[],"rules":[{rules}]}}"#);
        let policy = Policy::from_json(&text).unwrap();
        assert_eq!(policy.layout(), Layout::Document);
        Redactor::new(&policy).unwrap()
    }

    fn keep(last: usize, value: &str) -> String {
        let mut out = Vec::new();
        write_mask(&mut out, value.as_bytes(), Shown::by(Mask::KeepLast(last)));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keep_last_shows_nothing_of_short_texts() {
        for last in 1..=64 {
            let text = |len: usize| format!("\"{}\"", "x".repeat(len));
            assert_eq!(keep(last, &text(2 * last + 3)), REMOVED);
            let shown = format!("\"****{}\"", "x".repeat(last));
            assert_eq!(keep(last, &text(2 * last + 4)), shown);
            // The mask does not tell the length.
            assert_eq!(keep(last, &text(2000)), shown);
        }
        assert_eq!(keep(4, "\"\""), REMOVED);
    }

    #[test]
    fn characters_are_scalar_values_of_the_decoded_text() {
        assert_eq!(keep(2, r#""😀😀😀😀😀😀😀😁""#), r#""****😀😁""#);
        assert_eq!(keep(1, r#""12345\ud83d\ude00""#), r#""****😀""#);
        assert_eq!(keep(1, r#""\u0061\u0062\u0063\u0064\u0065""#), REMOVED);
        assert_eq!(keep(3, r#""1234567\"\\\n""#), r#""****\"\\\n""#);
        assert_eq!(keep(2, r#""12345678\u0000\u001f""#), "\"****\\u0000\\u001f\"");
        assert_eq!(keep(1, "\"12345\u{7f}\u{2028}\""), "\"****\u{2028}\"");
    }

    #[test]
    fn what_is_no_text_or_a_token_becomes_a_constant() {
        for value in
            [REMOVED, "12345678901234567890", "1e400", "true", "null", "{\"a\":\"123456789\"}", "[1]"]
        {
            assert_eq!(keep(1, value), REMOVED, "{value}");
        }
        for prefix in ["as1.", "as1f.", "as1d.", "as1r.", r"\u0061s1.", r"as1f\u002e"] {
            assert_eq!(keep(1, &format!("\"{prefix}0123456789\"")), REMOVED, "{prefix}");
        }
        assert_eq!(keep(2, "\"as2.0123456789\""), "\"****89\"");
    }

    #[test]
    fn the_outer_value_and_the_stricter_mask_win() {
        let four = r#""mask":{"keep_last":4}"#;
        let two = r#""mask":{"keep_last":2}"#;
        let text = br#"{"a":{"b":"0123456789abcdef","c":"0123456789abcdef"}}"#;
        for (rules, expected) in [
            (format!(r#"{{"path":"$.a[?@>1]",{four}}}"#), r#"{"a":{"b":"****cdef","c":"****cdef"}}"#),
            (
                format!(r#"{{"path":"$.a[?@>1]",{four}}},{{"path":"$.a['b',?@>2]",{two}}}"#),
                r#"{"a":{"b":"****ef","c":"****ef"}}"#,
            ),
            (
                format!(r#"{{"path":"$.a[?@>1]",{four}}},{{"path":"$.a.b"}}"#),
                r#"{"a":{"b":"[redacted]","c":"****cdef"}}"#,
            ),
            (format!(r#"{{"path":"$.a.b"}},{{"path":"$[?@.b]",{four}}}"#), r#"{"a":"[redacted]"}"#),
            (format!(r#"{{"path":"$..*",{four}}}"#), r#"{"a":"[redacted]"}"#),
            // Sixteen characters are too few for one of the two masks: nothing is shown, not what the other would show.
            (
                format!(r#"{{"path":"$.a[?@>1]",{four}}},{{"path":"$.a.b","mask":{{"keep_last":7}}}}"#),
                r#"{"a":{"b":"[redacted]","c":"****cdef"}}"#,
            ),
        ] {
            assert_eq!(redactor(&rules).redact(text).as_str(), expected, "{rules}");
        }
    }

    #[test]
    fn headers_and_tokens_that_no_rule_selects_are_masked_too() {
        let redactor = redactor(r#"{"path":"$.a"}"#);
        for (text, expected) in [
            (r#"{"_seal":"anything","a":1}"#, r#"{"_seal":"[redacted]","a":"[redacted]"}"#),
            (r#"{"\u005fseal" : {"a":["secret"]} }"#, r#"{"\u005fseal" : "[redacted]" }"#),
            (
                r#"{"b":{"_seal":"as1d.x","c":["as1.k.x","as1","as1x."]}}"#,
                r#"{"b":{"_seal":"[redacted]","c":["[redacted]","as1","as1x."]}}"#,
            ),
            (r#"["\u0061s1f.xyz",{"a":1}]"#, r#"["[redacted]",{"a":1}]"#),
            (r#""as1r.k""#, r#""[redacted]""#),
            (r#" "as2.k" "#, r#" "as2.k" "#),
        ] {
            assert_eq!(redactor.redact(text.as_bytes()).as_str(), expected);
        }
        assert_eq!(redactor.unreadable(), 0);
    }

    #[test]
    fn long_positions_are_masked_and_limits_show_nothing() {
        let redactor = redactor(r#"{"path":"$..a"}"#);
        let name = "n".repeat(100_000);
        let text = format!(r#"{{"{name}":{{"a":1}}}}"#);
        assert_eq!(
            redactor.redact(text.as_bytes()).as_str(),
            format!(r#"{{"{name}":{{"a":"[redacted]"}}}}"#)
        );
        let policy =
            Policy::from_json(r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$[*]","bind":[]}]}"#);
        let policy = policy.unwrap();
        let with = |change: fn(&mut Limits)| {
            let mut limits = Limits { document: 20, field: 1, bound: 1, ..Limits::default() };
            change(&mut limits);
            Redactor::with_limits(&policy, limits)
        };
        assert_eq!(with(|limits| limits.depth = 0).unwrap_err().code(), Code::InvalidArgument);
        assert!(with(|limits| limits.document = 6).unwrap().redact(b"[[1],2]").is_unreadable());
        assert!(with(|limits| limits.depth = 1).unwrap().redact(b"[[1],2]").is_unreadable());
        assert!(with(|limits| limits.fields = 1).unwrap().redact(b"[[1],2]").is_unreadable());
        assert_eq!(&with(|_| {}).unwrap().redact(b"[[1],2]")[..], br#"["[redacted]","[redacted]"]"#);
    }
}
