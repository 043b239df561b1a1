//! What a policy does to a sample document, what it leaves movable, and what it leaves in clear.

use crate::error::{Code, Error, Result};
use crate::json::index::{Index, NodeId, NodeKind};
use crate::json::path::normalized;
use crate::limits::Limits;
use crate::policy::select::{Selection, read};
use crate::policy::{Inner, Keys, Layout, Mask, Occurs, PaddingRule, Policy, Position, Rule, occurs};

/// The findings about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// One entry a rule, in file order.
    pub rules: Vec<RuleReport>,
    /// What concerns the policy as a whole.
    pub notes: Vec<String>,
    /// Members of the sample that stay in clear though their name or value looks sensitive: path and reason.
    pub clear: Vec<(String, String)>,
}

/// The findings about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleReport {
    /// The rule's path.
    pub path: String,
    /// Normalized paths of what it encrypts in the sample; nothing without a sample.
    pub encrypts: Vec<String>,
    /// What an attacker who can write documents may still do, and other consequences.
    pub notes: Vec<String>,
}

impl Policy {
    /// Explains the policy, and what it does to a sample document if one is given.
    ///
    /// # Errors
    /// Faults of the sample itself, overlapping values, filters that look at protected values, and limits. A rule
    /// without match or with a missing bound member is a note, not an error.
    pub fn lint(&self, sample: Option<&[u8]>, limits: &Limits) -> Result<Lint> {
        let policy = self.inner();
        let mut lint = Lint { rules: Vec::new(), notes: policy_notes(policy), clear: Vec::new() };
        for rule in &policy.rules {
            let path = rule.query.text().to_owned();
            lint.rules.push(RuleReport { path, encrypts: Vec::new(), notes: rule_notes(policy, rule) });
        }
        if let Some(sample) = sample {
            let mut selection = read(policy, sample, limits)?;
            selection.settle(policy, limits, true)?;
            let index = Index::build(sample, limits.depth)?;
            report_matches(policy, &selection, &index, &mut lint);
            report_shape(policy, &selection, &mut lint);
            lint.clear = clear_members(&selection, &index);
        }
        Ok(lint)
    }
}

fn policy_notes(policy: &Inner) -> Vec<String> {
    let mut notes = Vec::new();
    match policy.layout {
        Layout::Token => notes.push(
            "layout token: an older token put back at its place is not noticed; neither is a deleted optional value"
                .to_owned(),
        ),
        Layout::Document if policy.whole_document => {
            notes.push("the whole document is bound: any change of any member is refused".to_owned());
        }
        Layout::Document if policy.document_binds.is_empty() => notes.push(
            "bind is []: all values together can be moved to another document of the same context".to_owned(),
        ),
        Layout::Document => notes.push("an older version of the whole document is not noticed".to_owned()),
    }
    if policy.keep_unselected {
        notes.push("tokens that no rule selects stay in the document unread".to_owned());
    }
    notes
}

fn rule_notes(policy: &Inner, rule: &Rule) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    if policy.layout == Layout::Token {
        match (&rule.position, rule.binds.is_empty()) {
            (Position::Exact, true) => note("movable: to the same place of any document of the same context"),
            (Position::Elements, true) => {
                note("movable: between all elements and documents of the same context")
            }
            (Position::Elements, false) => {
                note("an element with its bound members can be duplicated, reordered or dropped")
            }
            (Position::Named(_), true) => note("movable: to any place with this label in the same context"),
            (Position::Named(_), false) => {
                note("movable: to any place with this label that has the same bound members")
            }
            (Position::Exact, false) => {}
        }
        if rule.value_dependent {
            note("unauthenticated selection: editing clear members changes what is expected to be encrypted");
        }
        if rule.occurs == Occurs::Optional {
            note("optional: its absence is not noticed");
        }
    }
    match rule.padding {
        PaddingRule::Default => {}
        PaddingRule::None => note("no padding: the exact length is visible"),
        PaddingRule::Multiple(_) => note("own padding: compare the length classes with the default's"),
    }
    if let Mask::KeepLast(last) = rule.mask {
        note(&format!("redaction shows the last {last} characters of long values"));
    }
    if rule.nested {
        note("nested: text that looks like a token is encrypted as it is");
    }
    if rule.keys == Keys::Any {
        note("any key of the ring may have encrypted it");
    }
    if rule.accept_plain_until.is_some() {
        note("clear values pass on decryption until the stated date");
    }
    if let Some(types) = rule.types {
        notes.push(format!("accepts {} only", types.names().join(", ")));
    }
    notes
}

/// Fills in what each rule encrypts.
fn report_matches(policy: &Inner, selection: &Selection<'_>, index: &Index<'_>, lint: &mut Lint) {
    let found: Vec<(u16, NodeId)> = selection
        .fields
        .iter()
        .filter_map(|field| Some((field.rule, index.at(field.start as usize)?)))
        .collect();
    let ids: Vec<NodeId> = found.iter().map(|(_, id)| *id).collect();
    for ((rule, _), path) in found.iter().zip(normalized::paths(index, &ids)) {
        if let Some(report) = lint.rules.get_mut(usize::from(*rule)) {
            report.encrypts.push(path);
        }
    }
    for (field, (_, id)) in selection.fields.iter().zip(&found) {
        let (Some(rule), Some(report)) =
            (policy.rules.get(usize::from(field.rule)), lint.rules.get_mut(usize::from(field.rule)))
        else {
            continue;
        };
        if rule.types.is_some_and(|types| !types.allow(index.raw(*id))) {
            note(report, Error::new(Code::TypeMismatch).to_string());
        }
        for bind in &rule.binds {
            if selection.capture(bind, Some(field)).is_none() {
                note(report, format!("encryption would fail: bound member `{}` is missing", bind.text));
            }
        }
    }
}

/// Adds a note once: there are few, however many values they concern.
fn note(report: &mut RuleReport, text: String) {
    if !report.notes.contains(&text) {
        report.notes.push(text);
    }
}

/// Notes what would make the encryption of the sample fail as a whole.
fn report_shape(policy: &Inner, selection: &Selection<'_>, lint: &mut Lint) {
    if let Err(error) = occurs::check(policy, selection) {
        lint.notes.push(format!("encryption would fail: {error}"));
    }
    if policy.layout == Layout::Document && !selection.root_is_object {
        lint.notes.push(format!("encryption would fail: {}", Error::new(Code::RootNotObject)));
    }
    if selection.header.is_some() {
        lint.notes.push(format!("encryption would fail: {}", Error::new(Code::HeaderPresent)));
    }
    for bind in &policy.document_binds {
        if selection.capture(bind, None).is_none() {
            lint.notes.push(format!("encryption would fail: bound member `{}` is missing", bind.text));
        }
    }
}

/// Scalars outside of all protected values that look as if they should be inside.
fn clear_members(selection: &Selection<'_>, index: &Index<'_>) -> Vec<(String, String)> {
    let mut found: Vec<(NodeId, String)> = Vec::new();
    for id in 0..index.len() as NodeId {
        let (start, end) = index.span(id);
        let scalar = matches!(index.kind(id), NodeKind::String | NodeKind::Number);
        if !scalar || selection.overlaps_field(start as u32, end as u32) {
            continue;
        }
        let by_name =
            index.name(id).and_then(|name| sensitive_name(&name)).map(|word| format!("named like `{word}`"));
        let by_value = || sensitive_value(&index.string_or_raw(id)).map(|what| format!("looks like {what}"));
        if let Some(reason) = by_name.or_else(by_value) {
            found.push((id, reason));
        }
    }
    let ids: Vec<NodeId> = found.iter().map(|(id, _)| *id).collect();
    normalized::paths(index, &ids).into_iter().zip(found.into_iter().map(|(_, reason)| reason)).collect()
}

/// Words that, alone or at the end of a name, are mostly personal or secret.
const WORDS: &[&str] = &[
    "ssn",
    "socialsecuritynumber",
    "pan",
    "cardnumber",
    "cvv",
    "cvc",
    "iban",
    "accountnumber",
    "password",
    "passwd",
    "secret",
    "apikey",
    "accesstoken",
    "diagnosis",
    "dateofbirth",
    "birthdate",
    "dob",
    "passport",
    "passportnumber",
    "taxid",
    "nationalid",
    "email",
    "emailaddress",
    "phone",
    "phonenumber",
    "salary",
    "pin",
    "drivinglicence",
    "driverslicense",
    "medicalrecordnumber",
    "mrn",
];

fn sensitive_name(name: &[u8]) -> Option<&'static str> {
    let letters: String = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| byte.to_ascii_lowercase() as char)
        .collect();
    WORDS.iter().copied().find(|word| letters == *word || (word.len() > 3 && letters.ends_with(word)))
}

fn sensitive_value(text: &[u8]) -> Option<&'static str> {
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    let separated = text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    if separated && (13..=19).contains(&digits.len()) && luhn(&digits) {
        return Some("a card number");
    }
    let shape: Vec<u8> = text.iter().map(|byte| if byte.is_ascii_digit() { b'9' } else { *byte }).collect();
    if shape == b"999-99-9999" {
        return Some("a social security number");
    }
    None
}

/// The check digit of card numbers (ISO/IEC 7812-1, annex B).
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(digit - b'0') * if at % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_encrypted_movable_and_clear() {
        let policy = Policy::from_json(
            r#"{"apiseal_policy":1,"id":"t","rules":[
                {"path":"$.cards[*].pan","position":"elements","bind":["1/id"]},
                {"path":"$.ssn","bind":[],"occurs":"optional","types":["string"]},
                {"path":"$.gone","bind":["$.id"]}]}"#,
        )
        .unwrap();
        let sample = br#"{"id":1,"ssn":5,"cards":[{"id":1,"pan":"x"},{"pan":"y"}],
            "user_email":"a@b.c","note":"4111 1111 1111 1111","span":"4111","n":"078-05-1120"}"#;
        let lint = policy.lint(Some(sample), &Limits::default()).unwrap();
        assert_eq!(lint.rules[0].encrypts, ["$['cards'][0]['pan']", "$['cards'][1]['pan']"]);
        assert!(lint.rules[0].notes.iter().any(|note| note.contains("`1/id` is missing")));
        assert!(lint.rules[1].notes.iter().any(|note| note.starts_with("movable")));
        assert!(lint.rules[1].notes.iter().any(|note| note.contains("type")));
        assert!(lint.notes.iter().any(|note| note.contains("$.gone")));
        let paths: Vec<_> = lint.clear.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["$['user_email']", "$['note']", "$['n']"]);
        assert!(
            policy.lint(None, &Limits::default()).unwrap().rules.iter().all(|rule| rule.encrypts.is_empty())
        );
    }

    #[test]
    fn values_and_names_that_look_sensitive() {
        assert_eq!(sensitive_value(b"4111111111111111"), Some("a card number"));
        assert_eq!(sensitive_value(b"4111111111111112"), None);
        assert_eq!(sensitive_value(b"0000000000000"), None);
        assert_eq!(sensitive_name(b"Social-Security_Number"), Some("socialsecuritynumber"));
        assert_eq!((sensitive_name(b"company"), sensitive_name(b"pin")), (None, Some("pin")));
    }
}
