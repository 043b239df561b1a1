//! Texts that are no documents, and limits.

use apiseal::Code;
use apiseal_workspace::{Setup, code, put};

use crate::{Case, RECORD, not_encrypted, opens, refuses, set, ssn};

cases! {
    case_24_lesson_f22_documents_that_are_not_i_json: {
        let mut cases = Vec::new();
        for (what, text) in [
            ("byte order mark", "\u{feff}{}"), ("NaN", r#"{"id":NaN}"#), ("trailing comma", r#"{"id":1,}"#),
            ("comment", "{/**/}"), ("lone surrogate", r#"{"id":"\ud800"}"#), ("two values", "{}{}"), ("empty", ""),
            ("control character", "{\"id\":\"\n\"}"), ("cut off", r#"{"id":"#),
        ] {
            cases.push(refuses(what, &ssn(), text, Code::MalformedJson));
            cases.push(not_encrypted(what, &ssn(), text, Code::MalformedJson));
        }
        for (what, text) in [
            ("duplicate name", r#"{"id":1,"id":1}"#), ("duplicate by escape", r#"{"a":1,"\u0061":1}"#),
            ("duplicate below", r#"[{"x":{"a":1,"a":1}}]"#),
        ] {
            cases.push(refuses(what, &ssn(), text, Code::DuplicateName));
            cases.push(not_encrypted(what, &ssn(), text, Code::DuplicateName));
        }
        cases.push(not_encrypted("invalid UTF-8", &ssn(), b"{\"id\":\"\xff\"}", Code::MalformedJson));
        cases
    };

    document_shapes: {
        let root = Setup::token(&[r#""path":"$","bind":[]"#]);
        let number = " 1.10\n";
        [
            not_encrypted("layout D of an array", &set("[]"), "[]", Code::RootNotObject),
            refuses("layout D of a string", &set("[]"), "\"x\"", Code::RootNotObject),
            not_encrypted("a member with the header's name", &set("[]"), r#"{"_seal":1,"cards":[{"pan":1}]}"#, Code::HeaderPresent),
            opens("the root as one token", &root, root.encrypt(number), number),
        ]
    };

    lesson_f21_limits: {
        let small = |change: fn(&mut apiseal::Limits)| ssn().but(|setup| change(&mut setup.limits));
        let long = put(RECORD, "$.ssn", &format!("\"{}\"", "x".repeat(200)));
        [
            not_encrypted("document", &small(|limits| { limits.document = 20; limits.field = 20; limits.bound = 20; }), RECORD, Code::LimitDocument),
            not_encrypted("encrypted document", &small(|limits| { limits.document = 100; limits.field = 100; limits.bound = 20; }), RECORD, Code::LimitDocument),
            not_encrypted("depth", &ssn(), format!(r#"{{"x":{}{}}}"#, "[".repeat(128), "]".repeat(128)), Code::LimitDepth),
            not_encrypted("100 000 levels", &ssn(), "[".repeat(100_000), Code::LimitDepth),
            not_encrypted("field", &small(|limits| limits.field = 200), &long, Code::LimitField),
            not_encrypted("fields", &Setup::token(&[r#""path":"$[*]","bind":[]"#]).but(|setup| setup.limits.fields = 2), "[1,2,3]", Code::LimitFields),
            not_encrypted("position", &Setup::token(&[r#""path":"$.*","bind":[]"#]), format!("{{\"{}\":1}}", "n".repeat(4097)), Code::LimitPosition),
            not_encrypted("bound", &small(|limits| limits.bound = 10), RECORD, Code::LimitBound),
        ]
    };
}

/// A long bound text is looked at once, however many values share it: were it once a value, this would take hours.
#[test]
fn long_bound_members_cost_their_length_once() {
    let setup = Setup::token(&[r#""path":"$.items[*].pan","bind":["$.id","1/line"]"#]);
    let items: Vec<String> = (0..20_000).map(|line| format!(r#"{{"line":{line},"pan":"x"}}"#)).collect();
    for id in [format!("1.{}", "0".repeat(2_000_000)), format!("{{{}}}", " ".repeat(2_000_000))] {
        let document = format!(r#"{{"id":{id},"items":[{}]}}"#, items.join(","));
        assert_eq!(setup.decrypt(&setup.encrypt(&document)), document);
    }
}

#[test]
fn limits_concern_what_is_selected() {
    let cards = r#"{"v":[{"k":"card","pan":1},{"k":"cash","pan":2}]}"#;
    let setup =
        Setup::document("[]", &[r#""path":"$.v[?@.k=='card'].pan""#]).but(|setup| setup.limits.fields = 1);
    assert_eq!(setup.decrypt(&setup.encrypt(cards)), cards);
    let both = setup.but(|setup| setup.policy = setup.policy.replace("=='card'", "!='none'"));
    assert_eq!(code(both.try_encrypt(cards)), Some(Code::LimitFields));
    let long = format!(r#"{{"{}":{{"k":"cash","p":1}},"v":{{"k":"card","p":2}}}}"#, "n".repeat(4100));
    let filter = Setup::document("[]", &[r#""path":"$[?@.k=='card'].p""#]);
    assert_eq!(filter.decrypt(&filter.encrypt(&long)), long);
    let other = filter.but(|setup| setup.policy = setup.policy.replace("card", "cash"));
    assert_eq!(code(other.try_encrypt(&long)), Some(Code::LimitPosition));
}

#[test]
fn the_canonical_text_of_a_whole_document_is_bounded() {
    let setup = Setup::document("[\"$\"]", &[r#""path":"$.a""#]).but(|setup| {
        setup.limits.document = 3000;
        setup.limits.field = 1000;
        setup.limits.bound = 1000;
    });
    let document = format!(r#"{{"a":"x","n":[{}]}}"#, ["1e20"; 300].join(","));
    assert_eq!(code(setup.try_encrypt(&document)), Some(Code::LimitBound));
}
