//! Tokens that must not open, and values that must not become one.

use apiseal::{Code, KeyState, Purpose, Suite};
use apiseal_workspace::{KeySpec, Setup, edit_body, put, swap, value_at};

use crate::{CARDS, Case, RECORD, SET, encrypts, not_encrypted, opens, refuses, set, ssn};

cases! {
    case_1_token_moved: {
        let setup = Setup::token(&[r#""path":"$['a','b']","bind":[]"#]);
        let sealed = setup.encrypt(r#"{"a":"x","b":"y"}"#);
        let moved = put(&sealed, "$.b", value_at(&sealed, "$.a"));
        [refuses("the token of $.a at $.b", &setup, moved, Code::Rejected)]
    };

    case_2_elements_swapped: {
        let exact = Setup::token(&[r#""path":"$.cards[*].pan","bind":[]"#]);
        let bound = Setup::token(&[r#""path":"$.cards[*].pan","position":"elements","bind":["1/id"]"#]);
        let open = Setup::token(&[r#""path":"$.cards[*].pan","position":"elements","movable":true,"bind":[]"#]);
        let swapped = |setup: &Setup| swap(&setup.encrypt(CARDS), "$.cards[0].pan", "$.cards[1].pan");
        [
            refuses("exact", &exact, swapped(&exact), Code::Rejected),
            refuses("elements, bound id", &bound, swapped(&bound), Code::Rejected),
            opens("elements, nothing bound", &open, swapped(&open), &swap(CARDS, "$.cards[0].pan", "$.cards[1].pan")),
            opens("elements, bound id, whole elements swapped", &bound,
                swap(&bound.encrypt(CARDS), "$.cards[0]", "$.cards[1]"), &swap(CARDS, "$.cards[0]", "$.cards[1]")),
        ]
    };

    case_3_other_record: {
        let other = put(&ssn().encrypt(RECORD), "$.id", "2");
        [refuses("another bound id", &ssn(), other, Code::Rejected)]
    };

    case_4_bound_member_changed: {
        let sealed = ssn().encrypt(RECORD);
        [
            refuses("edited", &ssn(), put(&sealed, "$.id", "11"), Code::Rejected),
            refuses("removed", &ssn(), sealed.replace(r#""id":1,"#, ""), Code::Rejected),
            refuses("number made string", &ssn(), put(&sealed, "$.id", "\"1\""), Code::Rejected),
            opens("the same number", &ssn(), put(&sealed, "$.id", "1.0"), &put(RECORD, "$.id", "1.0")),
            refuses("renamed", &ssn(), sealed.replace(r#""id""#, r#""iD""#), Code::Rejected),
        ]
    };

    case_5_bound_numbers_keep_their_value: {
        let with = |id: &str| put(RECORD, "$.id", id);
        let big = ssn().encrypt(&with("9007199254740993"));
        let zero = ssn().encrypt(&with("-0"));
        [
            encrypts("beyond doubles", &ssn(), &with("9007199254740993")),
            encrypts("beyond their range", &ssn(), &with("1e400")),
            refuses("a neighbour that is the same double", &ssn(), put(&big, "$.id", "9007199254740992"), Code::Rejected),
            opens("another spelling", &ssn(), put(&big, "$.id", "9007199254740993.0"), &with("9007199254740993.0")),
            opens("minus zero", &ssn(), put(&zero, "$.id", "0"), &with("0")),
        ]
    };

    case_6_other_context: {
        let sealed = ssn().encrypt(RECORD);
        let under = |context: &[(&'static str, &'static str)]| ssn().under(context);
        [
            refuses("a pair more", &under(&[("purpose", "users"), ("tenant", "acme"), ("x", "y")]), &sealed, Code::Rejected),
            refuses("a pair less", &under(&[("purpose", "users")]), &sealed, Code::Rejected),
            refuses("a value changed", &under(&[("purpose", "users"), ("tenant", "acmf")]), &sealed, Code::Rejected),
            refuses("names and values swapped", &under(&[("purpose", "acme"), ("tenant", "users")]), &sealed, Code::Rejected),
        ]
    };

    case_7_malformed_contexts: {
        [
            refuses("duplicate name", &ssn().under(&[("purpose", "a"), ("purpose", "b")]), RECORD, Code::ContextDuplicate),
            refuses("empty name", &ssn().under(&[("purpose", "a"), ("", "b")]), RECORD, Code::ContextEmpty),
            refuses("no pair", &ssn().under(&[]), RECORD, Code::ContextEmpty),
            not_encrypted("no purpose", &ssn().under(&[("tenant", "acme")]), RECORD, Code::ContextMissing),
            refuses("reserved name", &ssn().under(&[("purpose", "a"), ("apiseal.principal", "p")]), RECORD, Code::ContextReserved),
        ]
    };

    case_9_protected_member_deleted: {
        let optional = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"occurs":"optional""#]);
        let without = |sealed: &str| {
            let value = value_at(sealed, "$.ssn").to_owned();
            sealed.replace(&format!(r#","ssn":{value}"#), "")
        };
        [
            opens("layout T, optional", &optional, without(&optional.encrypt(RECORD)), r#"{"id":1}"#),
            refuses("layout T, required", &ssn(), without(&ssn().encrypt(RECORD)), Code::NoMatch),
            refuses("layout D, optional", &set("[]"), without(&set("[]").encrypt(SET)), Code::Rejected),
        ]
    };

    case_11_case_56_unknown_suites_and_modes: {
        let sealed = ssn().encrypt(RECORD);
        let byte = |at: usize, value: u8| {
            put(&sealed, "$.ssn", &edit_body(value_at(&sealed, "$.ssn"), |body| body[at] = value))
        };
        let document = set("[]").encrypt(SET);
        let header = |at: usize, value: u8| {
            put(&document, "$._seal", &edit_body(value_at(&document, "$._seal"), |body| body[at] = value))
        };
        let mut cases = Vec::new();
        for value in [0x00, 0x03, 0x7f, 0x20, 0x30, 0x31, 0x80, 0xff] {
            cases.push(refuses("suite in a token", &ssn(), byte(0, value), Code::MalformedToken));
            cases.push(refuses("suite in a header", &set("[]"), header(0, value), Code::MalformedToken));
        }
        for value in [0x00, 0x04, 0x10, 0x14, 0x21, 0x22, 0x31, 0xff] {
            cases.push(refuses("mode in a token", &ssn(), byte(1, value), Code::MalformedToken));
        }
        for value in [0x00, 0x01, 0x02, 0x03, 0x11, 0x20, 0x22, 0xff] {
            cases.push(refuses("mode in a header", &set("[]"), header(1, value), Code::MalformedToken));
        }
        cases
    };

    case_12_other_mode: {
        let exact = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
        let named = Setup::token(&[r#""path":"$.ssn","position":"named","label":"ssn","bind":[]"#]);
        let sealed = exact.encrypt(RECORD);
        let deterministic = put(&sealed, "$.ssn", &edit_body(value_at(&sealed, "$.ssn"), |body| body[1] = 0x11));
        [
            refuses("exact where named is expected", &named, &sealed, Code::ModeMismatch),
            refuses("named where exact is expected", &exact, named.encrypt(RECORD), Code::ModeMismatch),
            refuses("deterministic", &exact, deterministic, Code::ModeMismatch),
        ]
    };

    case_13_keys_that_must_not_serve: {
        let sealed = ssn().encrypt(RECORD);
        let listed = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"keys":["other"]"#]);
        let scoped = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"keys":"any""#])
            .but(|setup| setup.keys[0].scope = &[("tenant", "other")]);
        let purpose = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"keys":"any""#]).but(|setup| {
            setup.keys[0].purpose = Purpose::Det;
        });
        let signing = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"keys":"any""#]).but(|setup| {
            setup.keys[0].purpose = Purpose::Sig;
            setup.keys[0].suite = Suite::HmacSha256;
        });
        let suite = ssn().but(|setup| setup.keys[0].suite = Suite::ChaCha20Poly1305);
        let unlike = ssn().but(|setup| {
            setup.keys[0].primary = false;
            setup.keys[0].scope = &[("tenant", "acme")];
            setup.keys.push(KeySpec { primary: true, ..KeySpec::new("k2", 2) });
        });
        [
            refuses("not listed by the rule", &listed, &sealed, Code::KeyNotAllowed),
            refuses("another scope than the primary's", &unlike, &sealed, Code::KeyNotAllowed),
            refuses("scope not satisfied", &scoped, &sealed, Code::ContextScope),
            refuses("purpose det", &purpose, &sealed, Code::KeyPurpose),
            refuses("purpose sig", &signing, &sealed, Code::KeyPurpose),
            refuses("another suite in the ring", &suite, &sealed, Code::KeySuite),
        ]
    };

    case_14_key_ids: {
        let sealed = ssn().encrypt(RECORD);
        let kid = |kid: &str| sealed.replace("as1.k1.", &format!("as1.{kid}."));
        let mut cases = vec![refuses("unknown", &ssn(), kid("k2"), Code::UnknownKey)];
        for bad in ["", "_", "k+1", "ké", &"k".repeat(33), "k 1"] {
            cases.push(refuses("malformed", &ssn(), kid(bad), Code::MalformedToken));
        }
        cases
    };

    case_15_key_states: {
        let sealed = ssn().encrypt(RECORD);
        let state = |state: KeyState| ssn().but(|setup| setup.keys[0].state = state);
        [
            refuses("disabled", &state(KeyState::Disabled), &sealed, Code::KeyState),
            opens("decrypt-only", &state(KeyState::DecryptOnly), &sealed, RECORD),
            not_encrypted("decrypt-only", &state(KeyState::DecryptOnly), RECORD, Code::KeyState),
            not_encrypted("disabled", &state(KeyState::Disabled), RECORD, Code::KeyState),
            not_encrypted("no primary", &ssn().but(|setup| setup.keys[0].primary = false), RECORD, Code::NoPrimary),
        ]
    };

    case_16_other_secret: {
        let other = ssn().but(|setup| setup.keys[0].secret = 9);
        [refuses("the same kid", &other, ssn().encrypt(RECORD), Code::Rejected)]
    };

    case_19_case_20_case_21_token_texts: {
        let sealed = ssn().encrypt(RECORD);
        let token = value_at(&sealed, "$.ssn").trim_matches('"').to_owned();
        let with = |token: &str| put(&sealed, "$.ssn", &format!("\"{token}\""));
        let short = edit_body(&token, |body| body.truncate(74)).trim_matches('"').to_owned();
        [
            refuses("padding", &ssn(), with(&format!("{token}=")), Code::MalformedToken),
            refuses("the other alphabet", &ssn(), with(&token.replacen("as1.k1.", "as1.k1.+/", 1)), Code::MalformedToken),
            refuses("white space", &ssn(), with(&format!("{token} ")), Code::MalformedToken),
            refuses("line break", &ssn(), with(&format!("{token}\\n")), Code::MalformedToken),
            refuses("length 1 modulo 4", &ssn(), with(&format!("{token}AAA")), Code::MalformedToken),
            refuses("third dot", &ssn(), with(&token.replacen(".k1.", ".k1.x.", 1)), Code::MalformedToken),
            refuses("trailing dot", &ssn(), with(&format!("{token}.")), Code::MalformedToken),
            refuses("no body", &ssn(), with("as1.k1."), Code::MalformedToken),
            refuses("body of 74 bytes", &ssn(), with(&short), Code::MalformedToken),
            refuses("capital prefix", &ssn(), with(&token.replacen("as1", "AS1", 1)), Code::NotEncrypted),
            refuses("as01", &ssn(), with(&token.replacen("as1", "as01", 1)), Code::NotEncrypted),
            refuses("as2", &ssn(), with(&token.replacen("as1", "as2", 1)), Code::NotEncrypted),
        ]
    };

    case_22_token_with_escapes: {
        let sealed = ssn().encrypt(RECORD);
        let escaped = sealed.replace("as1.k1.", r"\u0061s1\u002ek\u0031.");
        let document = set("[\"$\"]").encrypt(SET);
        [
            opens("layout T", &ssn(), escaped, RECORD),
            opens("layout D, whole document bound", &set("[\"$\"]"), document.replace("as1f.", r"as1\u0066."), SET),
            opens("header", &set("[]"), set("[]").encrypt(SET).replace("as1d.", r"as1\u0064."), SET),
        ]
    };

    case_27_lesson_f4_tokens_given_to_encryption: {
        let sealed = ssn().encrypt(RECORD);
        let nested = Setup::token(&[r#""path":"$.ssn","bind":["$.id"],"nested":true"#]);
        let twice = nested.encrypt(&sealed);
        let elsewhere = sealed.replace(r#""ssn""#, r#""other""#).replace('}', r#","ssn":"x"}"#);
        let keep = ssn().but(|setup| setup.policy = setup.policy.replace(r#""id":"test""#, r#""id":"test","unselected":"keep""#));
        let mut cases = vec![
            not_encrypted("a token", &ssn(), &sealed, Code::AlreadyEncrypted),
            opens("nested", &nested, &twice, &sealed),
            not_encrypted("case_59: a token that no rule selects", &ssn(), &elsewhere, Code::UnselectedToken),
            refuses("case_59: a token that no rule selects", &ssn(),
                elsewhere.replace(r#""ssn":"x""#, &format!(r#""ssn":{}"#, value_at(&sealed, "$.ssn"))), Code::UnselectedToken),
            encrypts("kept", &keep, &elsewhere),
            opens("kept", &keep, keep.encrypt(&elsewhere), &elsewhere),
        ];
        for prefix in ["as1.", "as1d.", "as1f.", "as1r.", r"\u0061s1."] {
            cases.push(not_encrypted("begins like ours", &ssn(), put(RECORD, "$.ssn", &format!("\"{prefix}\"")), Code::AlreadyEncrypted));
        }
        cases.push(encrypts("inside a protected object", &Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]),
            &put(RECORD, "$.ssn", &format!(r#"{{"inner":{}}}"#, value_at(&sealed, "$.ssn")))));
        cases
    };

    case_28_opened_text_is_not_opened_again: {
        let inner = ssn().encrypt(RECORD);
        let outer = Setup::token(&[r#""path":"$.box","bind":[]"#]);
        let document = format!(r#"{{"box":{inner}}}"#);
        [opens("a token inside", &outer, outer.encrypt(&document), &document)]
    };

    layouts_do_not_open_each_other: {
        let token = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
        let document = Setup::document("[]", &[r#""path":"$.ssn""#]);
        [
            refuses("a field string where a token is expected", &token, document.encrypt(RECORD).replacen("_seal", "other", 1), Code::LayoutMismatch),
            refuses("a document of tokens", &document, token.encrypt(RECORD), Code::NotEncrypted),
        ]
    };
}
