//! The negative cases of the format, each with its one outcome. `case_9` is case 9 of `docs/format.md`, section 23.
//!
//! All of them are also in `tests/vectors/negative.json`, for the other languages: run with APISEAL_WRITE_VECTORS=1
//! to write it anew.

use apiseal::Code;
use apiseal_workspace::{Setup, repository};
use serde_json::{Value, json};

macro_rules! cases {
    ($($name:ident: $cases:expr;)+) => {
        $(#[test] fn $name() { for case in $cases { Case::check(&case); } })+

        /// Every case by its name, for the shared file.
        pub(crate) fn all() -> Vec<(&'static str, Vec<Case>)> {
            vec![$((stringify!($name), Vec::from($cases))),+]
        }
    };
}

mod documents;
mod policies;
mod texts;
mod tokens;

/// One operation and how it must end.
pub(crate) struct Case {
    what: &'static str,
    operation: &'static str,
    setup: Setup,
    document: Vec<u8>,
    expected: Result<Vec<u8>, Code>,
}

impl Case {
    pub(crate) fn check(&self) {
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

pub(crate) fn refuses(what: &'static str, setup: &Setup, document: impl AsRef<[u8]>, code: Code) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "decrypt", setup: setup.clone(), document, expected: Err(code) }
}

pub(crate) fn opens(what: &'static str, setup: &Setup, document: impl AsRef<[u8]>, to: &str) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "decrypt", setup: setup.clone(), document, expected: Ok(to.into()) }
}

pub(crate) fn not_encrypted(
    what: &'static str,
    setup: &Setup,
    document: impl AsRef<[u8]>,
    code: Code,
) -> Case {
    let document = document.as_ref().to_vec();
    Case { what, operation: "encrypt", setup: setup.clone(), document, expected: Err(code) }
}

pub(crate) fn encrypts(what: &'static str, setup: &Setup, document: &str) -> Case {
    let document = document.as_bytes().to_vec();
    Case { what, operation: "encrypt", setup: setup.clone(), document, expected: Ok(Vec::new()) }
}

pub(crate) const SSN: &str = r#""path":"$.ssn","bind":["$.id"]"#;
pub(crate) const RECORD: &str = r#"{"id":1,"ssn":"078-05-1120"}"#;
pub(crate) const CARDS: &str = r#"{"cards":[{"id":1,"pan":"4111"},{"id":2,"pan":"5500"}]}"#;

pub(crate) fn ssn() -> Setup {
    Setup::token(&[SSN])
}

/// Layout D over two cards and a number, bound to nothing, to a member, to everything.
pub(crate) fn set(bind: &str) -> Setup {
    Setup::document(bind, &[r#""path":"$.cards[*].pan""#, r#""path":"$.ssn","occurs":"optional""#])
}

pub(crate) const SET: &str =
    r#"{"id":7,"cards":[{"id":1,"pan":"4111"},{"id":2,"pan":"5500"}],"ssn":"078-05-1120"}"#;

#[test]
fn the_shared_file_holds_these_cases() {
    let mut list = Vec::new();
    let all = [tokens::all(), documents::all(), texts::all(), policies::all()];
    for (name, cases) in all.into_iter().flatten() {
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
