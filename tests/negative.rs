//! The negative cases of the format, each with its one outcome. `case_9` is case 9 of `docs/format.md`, section 23.
//!
//! All of them are also in `tests/vectors/negative.json`, for the other languages: run with APISEAL_WRITE_VECTORS=1
//! to write it anew.

use apiseal::{Code, KeyState, Purpose, Suite};
use apiseal_workspace::{KeySpec, Setup, code, edit_body, put, repository, swap, value_at};
use serde_json::{Value, json};

/// One operation and how it must end.
struct Case {
    what: &'static str,
    operation: &'static str,
    setup: Setup,
    document: Vec<u8>,
    expected: Result<Vec<u8>, Code>,
}

impl Case {
    fn check(&self) {
        let result = match self.operation {
            "encrypt" => self.setup.try_encrypt(&self.document).map(|_| Vec::new()),
            _ => self.setup.try_decrypt(&self.document).map(|opened| opened.to_vec()),
        };
        match (&self.expected, result) {
            (Err(expected), Err(error)) => {
                assert_eq!(error.code(), *expected, "{}: {error}", self.what);
                if *expected == Code::Rejected {
                    assert_eq!(error.to_string(), "rejected [501]", "case_40: {}", self.what);
                }
            }
            (Ok(expected), Ok(opened)) => assert_eq!(opened, *expected, "{}", self.what),
            (expected, Ok(_)) => panic!("{}: passed, expected {expected:?}", self.what),
            (_, Err(error)) => panic!("{}: {error}", self.what),
        }
    }

    fn json(&self, name: &str) -> Value {
        let document = match std::str::from_utf8(&self.document) {
            Ok(text) => json!({"text": text}),
            Err(_) => json!({"base64": base64_simd::STANDARD.encode_to_string(&self.document)}),
        };
        let expected = match &self.expected {
            Ok(opened) => json!({"ok": String::from_utf8_lossy(opened)}),
            Err(code) => json!({"error": code.name(), "code": code.number()}),
        };
        let mut case = json!({"case": name, "what": self.what, "operation": self.operation, "document": document, "expected": expected});
        if let (Some(case), Some(setup)) = (case.as_object_mut(), self.setup.json().as_object_mut()) {
            case.append(setup);
        }
        case
    }
}

fn refuses(what: &'static str, setup: &Setup, document: impl AsRef<[u8]>, code: Code) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "decrypt", setup: setup.clone(), document, expected: Err(code) }
}

fn opens(what: &'static str, setup: &Setup, document: impl AsRef<[u8]>, to: &str) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "decrypt", setup: setup.clone(), document, expected: Ok(to.into()) }
}

fn not_encrypted(what: &'static str, setup: &Setup, document: impl AsRef<[u8]>, code: Code) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "encrypt", setup: setup.clone(), document, expected: Err(code) }
}

fn encrypts(what: &'static str, setup: &Setup, document: &str) -> Case {
    let document = document.as_bytes().to_vec();
    Case { what, operation: "encrypt", setup: setup.clone(), document, expected: Ok(Vec::new()) }
}

const SSN: &str = r#""path":"$.ssn","bind":["$.id"]"#;
const RECORD: &str = r#"{"id":1,"ssn":"078-05-1120"}"#;
const CARDS: &str = r#"{"cards":[{"id":1,"pan":"4111"},{"id":2,"pan":"5500"}]}"#;

fn ssn() -> Setup {
    Setup::token(&[SSN])
}

/// Layout D over two cards and a number, bound to nothing, to a member, to everything.
fn set(bind: &str) -> Setup {
    Setup::document(bind, &[r#""path":"$.cards[*].pan""#, r#""path":"$.ssn","occurs":"optional""#])
}

const SET: &str = r#"{"id":7,"cards":[{"id":1,"pan":"4111"},{"id":2,"pan":"5500"}],"ssn":"078-05-1120"}"#;

macro_rules! cases {
    ($($name:ident: $cases:expr;)+) => {
        $(#[test] fn $name() { for case in $cases { Case::check(&case); } })+

        fn all() -> Vec<(&'static str, Vec<Case>)> {
            vec![$((stringify!($name), Vec::from($cases))),+]
        }
    };
}

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

    case_32_torn_documents: {
        let setup = set("[]");
        let one = setup.encrypt(SET);
        let other = setup.but(|setup| setup.seed = 2).encrypt(SET);
        let header = value_at(&one, "$._seal").to_owned();
        let recount = |by: u32| {
            put(&one, "$._seal", &edit_body(&header, |body| {
                let count = u32::from_be_bytes(body[58..62].try_into().unwrap()) + by;
                body[58..62].copy_from_slice(&count.to_be_bytes());
            }))
        };
        let twice = one.replacen('{', &format!(r#"{{"_seal":{header},"#), 1);
        [
            refuses("a field of another version", &setup, put(&one, "$.ssn", value_at(&other, "$.ssn")), Code::Rejected),
            refuses("the header of another version", &setup, put(&one, "$._seal", value_at(&other, "$._seal")), Code::Rejected),
            refuses("no header", &setup, one.replacen(&format!(r#""_seal":{header},"#), "", 1), Code::Rejected),
            refuses("two headers", &setup, twice, Code::DuplicateName),
            refuses("another count", &setup, recount(1), Code::Rejected),
            refuses("the header is no string", &setup, put(&one, "$._seal", "{}"), Code::MalformedToken),
            refuses("the header is cut", &setup, put(&one, "$._seal", &edit_body(&header, |body| body.truncate(93))), Code::MalformedToken),
            refuses("a header elsewhere", &setup, one.replace(r#""id":7"#, &format!(r#""id":{header}"#)), Code::UnselectedToken),
        ]
    };

    case_33_counters: {
        let setup = set("[]");
        let sealed = setup.encrypt(SET);
        let number = |counter: u32| {
            put(&sealed, "$.ssn", &edit_body(value_at(&sealed, "$.ssn"), |body| body[..4].copy_from_slice(&counter.to_be_bytes())))
        };
        let extra = sealed.replace(r#"{"id":2"#, &format!(r#"{{"pan":{},"x":3}},{{"id":2"#, value_at(&sealed, "$.ssn")));
        [
            refuses("repeated", &setup, number(0), Code::Rejected),
            refuses("gap", &setup, number(3), Code::Rejected),
            refuses("far away", &setup, number(u32::MAX), Code::Rejected),
            refuses("two fields swapped", &setup, swap(&sealed, "$.ssn", "$.cards[0].pan"), Code::Rejected),
            refuses("one field more", &setup, extra, Code::Rejected),
            refuses("a field where no rule selects", &setup, sealed.replace(r#""id":2"#, &format!(r#""id":{}"#, value_at(&sealed, "$.ssn"))), Code::UnselectedToken),
            refuses("a clear value among fields", &setup, put(&sealed, "$.ssn", "\"078\""), Code::Rejected),
            refuses("a token of the other layout", &setup, put(&sealed, "$.ssn", value_at(&ssn().encrypt(RECORD), "$.ssn")), Code::LayoutMismatch),
        ]
    };

    case_34_whole_document_bound: {
        let setup = set("[\"$\"]");
        let sealed = setup.encrypt(SET);
        [
            refuses("changed", &setup, put(&sealed, "$.id", "8"), Code::Rejected),
            refuses("removed", &setup, sealed.replace(r#""id":7,"#, ""), Code::Rejected),
            refuses("added", &setup, sealed.replace(r#""id":7,"#, r#""id":7,"x":1,"#), Code::Rejected),
            refuses("renamed", &setup, sealed.replace(r#""id":7"#, r#""ID":7"#), Code::Rejected),
            opens("re-printed with equal values", &setup, sealed.replace(r#""id":7,"#, r#" "\u0069d" : 7.0 ,"#),
                &SET.replace(r#""id":7,"#, r#" "\u0069d" : 7.0 ,"#)),
        ]
    };

    layouts_do_not_open_each_other: {
        let token = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
        let document = Setup::document("[]", &[r#""path":"$.ssn""#]);
        [
            refuses("a field string where a token is expected", &token, document.encrypt(RECORD).replacen("_seal", "other", 1), Code::LayoutMismatch),
            refuses("a document of tokens", &document, token.encrypt(RECORD), Code::NotEncrypted),
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

    case_58_a_deselected_field: {
        let setup = Setup::document("[]", &[r#""path":"$.items[?@.kind=='card'].pan""#]);
        let sealed = setup.encrypt(r#"{"items":[{"kind":"card","pan":"4111"},{"kind":"card","pan":"5500"}]}"#);
        let flipped = put(&put(&sealed, "$.items[0].kind", "\"cash\""), "$.items[0].pan", "\"6666\"");
        [
            refuses("kind flipped, clear text put in place", &setup, flipped, Code::Rejected),
            refuses("kind flipped, field left", &setup, put(&sealed, "$.items[0].kind", "\"cash\""), Code::UnselectedToken),
        ]
    };

    case_61_header_of_another_record: {
        let setup = Setup::document("[\"$\"]", &[r#""path":"$.ssn","occurs":"optional""#]);
        let (one, other) = (setup.encrypt(r#"{"id":1}"#), setup.encrypt(r#"{"id":2}"#));
        [refuses("n = 0, whole document bound", &setup, put(&one, "$._seal", value_at(&other, "$._seal")), Code::Rejected)]
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

    case_67_rules_do_not_see_the_header: {
        let setup = Setup::document("[]", &[r#""path":"$.*""#]);
        let document = r#"{"a":1,"b":[2]}"#;
        [opens("$.*", &setup, setup.encrypt(document), document)]
    };

    case_70_count_beyond_all_bounds: {
        let setup = set("[]");
        let sealed = setup.encrypt(SET);
        let header = edit_body(value_at(&sealed, "$._seal"), |body| body[58..62].copy_from_slice(&u32::MAX.to_be_bytes()));
        [refuses("n = 2^32-1", &setup, put(&sealed, "$._seal", &header), Code::MalformedToken)]
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

#[test]
fn the_shared_file_holds_these_cases() {
    let mut list = Vec::new();
    for (name, cases) in all() {
        // Other limits than the defaults are not part of the shared cases.
        let default =
            |case: &&Case| case.setup.limits == apiseal::Limits::default() && case.document.len() < 10_000;
        list.extend(cases.iter().filter(default).map(|case| case.json(name)));
    }
    let about = "Negative cases and their neighbours; `ok` of an encryption states only that it succeeds";
    let text = format!("{:#}\n", json!({"about": about, "cases": list}));
    let path = repository("tests/vectors/negative.json");
    if std::env::var_os("APISEAL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "tests/vectors/negative.json is stale");
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
