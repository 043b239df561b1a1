//! Policies that do not load, and documents that do not fit theirs.

use apiseal::Code;
use apiseal_workspace::{Setup, code, put};

use crate::{CARDS, Case, RECORD, SET, encrypts, not_encrypted, opens, refuses, set, ssn};

cases! {
    case_8_lesson_f3_clear_value: {
        let clear = |value: &str| put(RECORD, "$.ssn", value);
        [
            refuses("boolean", &ssn(), clear("true"), Code::NotEncrypted),
            refuses("string", &ssn(), clear("\"plain\""), Code::NotEncrypted),
            refuses("null", &ssn(), clear("null"), Code::NotEncrypted),
            refuses("object", &ssn(), clear("{}"), Code::NotEncrypted),
            refuses("layout D, plain as a whole", &set("[]"), SET, Code::NotEncrypted),
        ]
    };

    case_57_case_58_case_60_case_64_policies_that_do_not_load: {
        let mut cases = Vec::new();
        for (what, setup) in [
            ("case_57: elements in layout D", Setup::document("[]", &[r#""path":"$[*]","position":"elements""#])),
            ("case_58: a filter in layout T", Setup::token(&[r#""path":"$.items[?@.kind=='card'].pan","bind":[]"#])),
            ("case_60: no bind in a rule", Setup::token(&[r#""path":"$.ssn""#])),
            ("case_60: no bind in layout D", Setup::new(r#"{"apiseal_policy":1,"id":"t","layout":"document","rules":[{"path":"$.a"}]}"#)),
            ("case_64: named with a descendant", Setup::token(&[r#""path":"$..ssn","position":"named","label":"x","bind":[]"#])),
            ("case_65: the same bind twice", Setup::token(&[r#""path":"$.ssn","bind":["$.id","$.id"]"#])),
            ("unknown member", Setup::token(&[r#""path":"$.ssn","bind":[],"mode":"exact""#])),
            ("overlapping rules", Setup::token(&[r#""path":"$..ssn","bind":[]"#, r#""path":"$.user.ssn","bind":[]"#])),
        ] {
            cases.push(not_encrypted(what, &setup, RECORD, Code::PolicyFile));
        }
        cases
    };

    case_65_bound_members: {
        let overlap = Setup::token(&[r#""path":"$.a.b","bind":["$.a"]"#]);
        let inside = Setup::token(&[r#""path":"$.a","bind":["$.c.d"]"#, r#""path":"$.c","bind":[]"#]);
        let equal = Setup::token(&[r#""path":"$.list[*].a","position":"elements","bind":["$.id","2/1/id","2/0/id"]"#]);
        let deep = Setup::token(&[r#""path":"$..ssn","bind":["5/id"]"#]);
        [
            not_encrypted("missing", &ssn(), r#"{"ssn":"x"}"#, Code::BoundMissing),
            not_encrypted("contains the value", &overlap, r#"{"a":{"b":1}}"#, Code::BoundConflict),
            not_encrypted("inside another value", &inside, r#"{"a":1,"c":{"d":2}}"#, Code::BoundConflict),
            not_encrypted("equal positions", &equal, r#"{"id":0,"list":[{"id":1,"a":1},{"id":2,"a":2}]}"#, Code::BoundConflict),
            not_encrypted("more levels up than there are", &deep, r#"{"id":1,"ssn":"x"}"#, Code::BoundMissing),
        ]
    };

    case_66_filters_that_look_at_protected_values: {
        let setup = |filter: &str| Setup::document("[]", &[&format!(r#""path":"$.items[?{filter}].pan""#)]);
        let document = r#"{"items":[{"kind":"card","pan":"4111"}]}"#;
        [
            not_encrypted("the value itself", &setup("@.pan"), document, Code::FilterVisitsProtected),
            not_encrypted("all children", &setup("count(@.*) > 1"), document, Code::FilterVisitsProtected),
            not_encrypted("a subtree that holds it", &setup("@ == $.items[0]"), document, Code::FilterVisitsProtected),
            encrypts("a clear sibling", &setup("@.kind == 'card'"), document),
        ]
    };

    lesson_f2_every_match_counts: {
        let exactly = Setup::token(&[r#""path":"$.cards[*].pan","bind":[],"occurs":{"exactly":2}"#]);
        let at_least = Setup::token(&[r#""path":"$.cards[*].pan","bind":[],"occurs":{"at_least":3}"#]);
        let each = Setup::token(&[r#""path":"$.cards[*].pan","bind":[],"occurs":"each""#]);
        [
            not_encrypted("a required rule without match", &ssn(), r#"{"id":1}"#, Code::NoMatch),
            encrypts("exactly two", &exactly, CARDS),
            not_encrypted("one of exactly two", &exactly, r#"{"cards":[{"pan":1}]}"#, Code::Occurs),
            not_encrypted("two of at least three", &at_least, CARDS, Code::Occurs),
            encrypts("each", &each, CARDS),
            not_encrypted("not each", &each, r#"{"cards":[{"pan":1},{}]}"#, Code::Occurs),
            encrypts("each of none", &each, r#"{"cards":[]}"#),
        ]
    };

    types_are_checked: {
        let text = Setup::token(&[r#""path":"$.ssn","bind":[],"types":["string"]"#]);
        let any = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
        [
            not_encrypted("a number where a string is demanded", &text, put(RECORD, "$.ssn", "5"), Code::TypeMismatch),
            refuses("the same after authentication", &text, any.encrypt(&put(RECORD, "$.ssn", "5")), Code::TypeMismatch),
        ]
    };

    overlaps_found_in_the_document: {
        let setup = Setup::document("[]", &[r#""path":"$.a.*""#, r#""path":"$.*.b""#]);
        let inside = Setup::token(&[r#""path":"$..x","bind":[]"#]);
        [
            not_encrypted("two rules, one value", &setup, r#"{"a":{"b":1}}"#, Code::Overlap),
            not_encrypted("a value inside another", &inside, r#"{"x":{"x":1}}"#, Code::Overlap),
        ]
    };

    migration_lets_clear_values_through_until_a_date: {
        let rule = r#""path":"$.ssn","bind":["$.id"],"types":["string"],"migrate":{"accept_plain":true,"until":"2027-01-15"}"#;
        let before = Setup::token(&[rule]).but(|setup| setup.now = 1_799_971_199);
        let after = before.but(|setup| setup.now = 1_799_971_200);
        let document = Setup::document("[]", &[r#""path":"$.ssn","types":["string"],"migrate":{"accept_plain":true,"until":"2027-01-15"}"#])
            .but(|setup| setup.now = 1_799_971_199);
        [
            opens("before", &before, RECORD, RECORD),
            opens("a token as ever", &before, before.encrypt(RECORD), RECORD),
            refuses("from the date on", &after, RECORD, Code::NotEncrypted),
            refuses("another type", &before, put(RECORD, "$.ssn", "5"), Code::NotEncrypted),
            refuses("a prefix of ours is never plain", &before, put(RECORD, "$.ssn", "\"as1f.x\""), Code::LayoutMismatch),
            opens("layout D, all plain", &document, RECORD, RECORD),
            refuses("layout D, torn", &document, put(RECORD, "$.ssn", "\"as1f.x\""), Code::Rejected),
        ]
    };
}

/// A policy that does not load must do so for the reason that its case is about.
#[test]
fn policies_are_refused_for_the_stated_reason() {
    for (setup, reason) in [
        (Setup::document("[]", &[r#""path":"$[*]","position":"elements""#]), "exact positions only"),
        (
            Setup::token(&[r#""path":"$.items[?@.kind=='card'].pan","bind":[]"#]),
            "\"selection\": \"unauthenticated\"",
        ),
        (Setup::token(&[r#""path":"$.ssn""#]), "must state `bind`"),
        (
            Setup::token(&[r#""path":"$..ssn","position":"named","label":"x","bind":[]"#]),
            "a path to one value",
        ),
        (Setup::token(&[r#""path":"$.ssn","bind":["$.id","$.id"]"#]), "bound twice"),
        (Setup::token(&[r#""path":"$..ssn","bind":[]"#, r#""path":"$.user.ssn","bind":[]"#]), "overlap"),
        (Setup::token(&[r#""path":"$.ssn","bind":[],"occurs":{"exactly":1048577}"#]), "1 to 1048576"),
    ] {
        let error = setup.try_encrypt(RECORD).unwrap_err();
        assert!(error.detail().is_some_and(|detail| detail.contains(reason)), "{reason}: {error}");
    }
}

#[test]
fn lesson_f16_errors_say_where() {
    let error = ssn().try_encrypt(r#"{"ssn":"x"}"#).unwrap_err();
    assert_eq!((error.path(), error.detail()), (Some("$['ssn']"), Some("`$.id` is not in the document")));
    let error = ssn().try_decrypt(RECORD).unwrap_err();
    assert_eq!(error.path(), Some("$['ssn']"));
    let error = ssn().try_encrypt(r#"{"id":1,"ssn":}"#).unwrap_err();
    assert_eq!(error.offset(), Some(14));
    assert_eq!(code(ssn().try_encrypt(RECORD)), None);
}
