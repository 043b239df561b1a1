//! Re-encryption: key to key, context to context, layout to layout, and nothing in clear by oversight.

use apiseal::{Code, Reencryption};
use apiseal_workspace::{KeySpec, Setup, code, put, value_at};

const DOCUMENT: &str =
    r#"{"id": 1, "ssn": "078-05-1120", "card": {"pan": 4111, "exp": "12/30"}, "total": 1.10}"#;

fn token() -> Setup {
    Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#, r#""path":"$.card.pan","bind":["$.id"]"#])
}

fn document() -> Setup {
    Setup::document("[\"$\"]", &[r#""path":"$.ssn""#, r#""path":"$.card.pan""#])
}

/// Two keys, the second of which is primary.
fn rotated(setup: &Setup) -> Setup {
    setup.but(|setup| {
        setup.keys[0].primary = false;
        setup.keys.push(KeySpec { primary: true, ..KeySpec::new("k2", 2) });
        setup.seed = 77;
    })
}

fn reencrypt(from: &Setup, to: &Setup, sealed: &str) -> apiseal::Result<String> {
    let run = Reencryption::new(from.cipher()?, to.cipher()?);
    let done = run.run(sealed.as_bytes(), &from.context()?, &to.context()?)?;
    assert_eq!(done.left_clear, 0);
    Ok(String::from_utf8(done.bytes).unwrap())
}

#[test]
fn lesson_f12_keys_contexts_and_layouts_change_and_bindings_stay() {
    let evil: &[(&str, &str)] = &[("purpose", "users"), ("tenant", "other")];
    for from in [token(), document()] {
        for to in [token(), document()] {
            for to in [rotated(&to), to.under(evil), to.but(|setup| setup.seed = 9)] {
                let sealed = from.encrypt(DOCUMENT);
                let moved = reencrypt(&from, &to, &sealed).unwrap();
                assert_ne!(moved, sealed);
                assert_eq!(to.decrypt(&moved), DOCUMENT);
                assert_eq!(moved.contains("_seal"), to.policy.contains("document"));
                let kid = &to.keys.last().unwrap().kid;
                assert!(moved.contains(&format!(".{kid}.")), "{moved}");
                // Bound anew: to the same record, under the new context.
                assert_eq!(code(to.try_decrypt(put(&moved, "$.id", "2"))), Some(Code::Rejected));
                if to.context == evil {
                    assert_eq!(code(to.under(&from.context).try_decrypt(&moved)), Some(Code::Rejected));
                }
            }
        }
    }
}

#[test]
fn what_does_not_open_is_not_encrypted_anew() {
    let (from, to) = (token(), document());
    let sealed = from.encrypt(DOCUMENT);
    assert_eq!(code(reencrypt(&from, &to, &put(&sealed, "$.id", "2"))), Some(Code::Rejected));
    assert_eq!(code(reencrypt(&from, &to, &put(&sealed, "$.ssn", "\"x\""))), Some(Code::NotEncrypted));
    assert_eq!(code(reencrypt(&from, &to, DOCUMENT)), Some(Code::NotEncrypted));
    assert_eq!(code(reencrypt(&from, &to, "{")), Some(Code::MalformedJson));
    let wrong = from.under(&[("purpose", "other")]);
    assert_eq!(code(reencrypt(&wrong, &to, &sealed)), Some(Code::Rejected));
}

#[test]
fn migration_is_not_laundered() {
    let migrating = |setup: &Setup| {
        setup.but(|setup| {
            let migrate =
                r#""types":["string","number"],"migrate":{"accept_plain":true,"until":"2099-01-01"}"#;
            for path in ["$.ssn", "$.card.pan"] {
                let old = format!("\"path\":\"{path}\"");
                setup.policy = setup.policy.replace(&old, &format!("{old},{migrate}"));
            }
        })
    };
    for from in [migrating(&token()), migrating(&document())] {
        // The plain call lets the clear values through, re-encryption does not.
        assert_eq!(from.try_decrypt(DOCUMENT).unwrap().accepted_plain().len(), 2);
        assert_eq!(code(reencrypt(&from, &from, DOCUMENT)), Some(Code::NotEncrypted));
    }
}

#[test]
fn nothing_is_left_in_clear_unless_that_is_said() {
    let from = token();
    let sealed = from.encrypt(DOCUMENT);
    let narrower = Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]);
    let error = reencrypt(&from, &narrower, &sealed).unwrap_err();
    assert_eq!((error.code(), error.path()), (Code::LeftClear, Some("$['card']['pan']")));

    let run = Reencryption::new(from.cipher().unwrap(), narrower.cipher().unwrap()).leave_clear(true);
    let done = run.run(sealed.as_bytes(), &from.context().unwrap(), &narrower.context().unwrap()).unwrap();
    assert_eq!((done.opened, done.left_clear), (2, 1));
    let text = String::from_utf8(done.bytes).unwrap();
    assert_eq!(value_at(&text, "$.card.pan"), "4111");
    assert_eq!(narrower.decrypt(&text), DOCUMENT);

    // A part of a value is in clear too: the whole card was protected, then only its number.
    let card = Setup::token(&[r#""path":"$.card","bind":["$.id"]"#]);
    let number = Setup::token(&[r#""path":"$.card.pan","bind":["$.id"]"#]);
    let error = reencrypt(&card, &number, &card.encrypt(DOCUMENT)).unwrap_err();
    assert_eq!((error.code(), error.path()), (Code::LeftClear, Some("$['card']")));
}

#[test]
fn clear_values_are_not_laundered() {
    let context = |setup: &Setup| setup.context().unwrap();
    let launder = |from: &Setup, to: &Setup, document: &str| {
        let run = Reencryption::new(from.cipher().unwrap(), to.cipher().unwrap()).seal_clear(true);
        String::from_utf8(run.run(document.as_bytes(), &context(from), &context(to)).unwrap().bytes).unwrap()
    };
    // The new policy protects a member more, which was in clear: anybody could have put its value there.
    let ssn = Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]);
    let sealed = ssn.encrypt(DOCUMENT);
    for to in [token(), document()] {
        let error = reencrypt(&ssn, &to, &sealed).unwrap_err();
        assert_eq!((error.code(), error.path()), (Code::NotEncrypted, Some("$['card']['pan']")));
        assert_eq!(to.decrypt(&launder(&ssn, &to, &sealed)), DOCUMENT);
    }
    // What stands around a decrypted value is clear too.
    let card = Setup::token(&[r#""path":"$.card","bind":["$.id"]"#]);
    let number = Setup::token(&[r#""path":"$.card.pan","bind":["$.id"]"#]);
    let sealed = number.encrypt(DOCUMENT);
    assert_eq!(code(reencrypt(&number, &card, &sealed)), Some(Code::NotEncrypted));
    assert_eq!(card.decrypt(&launder(&number, &card, &sealed)), DOCUMENT);
    // A deselected position with a clear value in place of its token.
    let filtered = Setup::token(&[
        r#""path":"$.items[?@.k=='card'].pan","selection":"unauthenticated","occurs":"optional","bind":[]"#,
    ]);
    let all = Setup::document("[\"$\"]", &[r#""path":"$.items[*].pan""#]);
    let sealed = filtered.encrypt(r#"{"items":[{"k":"card","pan":1}]}"#);
    assert!(reencrypt(&filtered, &all, &sealed).is_ok());
    let forged = put(&put(&sealed, "$.items[0].k", "\"x\""), "$.items[0].pan", "\"EVIL\"");
    assert_eq!(code(reencrypt(&filtered, &all, &forged)), Some(Code::NotEncrypted));
}

#[test]
fn case_59_left_over_tokens_are_found_and_decrypted_text_is_not_taken_for_one() {
    let from = token();
    let stray = put(&from.encrypt(DOCUMENT), "$.total", value_at(&from.encrypt(DOCUMENT), "$.ssn"));
    assert_eq!(code(reencrypt(&from, &from, &stray)), Some(Code::UnselectedToken));
    let keep = from.but(|setup| {
        setup.policy = setup.policy.replace("\"id\":\"test\"", "\"id\":\"test\",\"unselected\":\"keep\"")
    });
    assert_eq!(code(reencrypt(&keep, &from, &stray)), Some(Code::UnselectedToken));
    assert!(reencrypt(&keep, &keep, &stray).is_ok());

    // Text of a user that is itself a token, inside a protected object.
    let nested = put(DOCUMENT, "$.card.exp", value_at(&from.encrypt(DOCUMENT), "$.ssn"));
    let card = Setup::token(&[r#""path":"$.card","bind":["$.id"]"#]);
    let sealed = card.encrypt(&nested);
    let moved = reencrypt(&card, &rotated(&card), &sealed).unwrap();
    assert_eq!(rotated(&card).decrypt(&moved), nested);
}

#[test]
fn what_was_left_in_clear_does_not_print() {
    let from = token();
    let narrower = Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]);
    let run = Reencryption::new(from.cipher().unwrap(), narrower.cipher().unwrap()).leave_clear(true);
    let sealed = from.encrypt(&put(DOCUMENT, "$.card.pan", "\"4111\""));
    let done = run.run(sealed.as_bytes(), &from.context().unwrap(), &narrower.context().unwrap()).unwrap();
    let bytes = format!("{:?}", done.bytes);
    assert!(String::from_utf8_lossy(&done.bytes).contains("4111"));
    let printed = format!("{done:?}");
    assert!(printed.contains("left_clear: 1") && !printed.contains(&bytes), "{printed}");
}
