//! A context is stated on every call: none is not taken for an empty one, and less is not taken for more.

use apiseal::{Bound, Code, Context, LineOptions, Reencryption, ValueCipher};
use apiseal_workspace::{Setup, code};

const RECORD: &[u8] = br#"{"id": 1, "ssn": "078-05-1120"}"#;

fn pairs(pairs: &[(&str, &str)]) -> Context {
    Context::from_pairs(pairs.iter().copied()).unwrap()
}

#[test]
fn lesson_f11_no_operation_goes_without_a_purpose() {
    let purposeless = pairs(&[("tenant", "acme")]);
    let missing = Some(Code::ContextMissing);
    let layouts = [
        Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]),
        Setup::document("[\"$\"]", &[r#""path":"$.ssn""#]),
    ];
    for setup in layouts {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        let sealed = cipher.encrypt(RECORD, &context).unwrap();
        assert_eq!(code(cipher.encrypt(RECORD, &purposeless)), missing);
        assert_eq!(code(cipher.decrypt(&sealed, &purposeless)), missing);
        assert_eq!(code(cipher.decrypt_lenient(&sealed, &purposeless)), missing);
        assert_eq!(code(cipher.decrypt_partial(&sealed, &["$.ssn"], &purposeless)), missing);
        assert_eq!(code(cipher.diagnose(&sealed, &purposeless, &[])), missing);
        assert_eq!(code(cipher.inspect(&sealed, &purposeless)), missing);
        assert_eq!(
            code(cipher.encrypt_lines(RECORD, &purposeless, LineOptions::default()).map(drop)),
            missing
        );
        assert_eq!(
            code(cipher.decrypt_lines(RECORD, &purposeless, LineOptions::default()).map(drop)),
            missing
        );
        let again = Reencryption::new(cipher.clone(), cipher.clone());
        assert_eq!(code(again.run(&sealed, &purposeless, &context)), missing);
        assert_eq!(code(again.run(&sealed, &context, &purposeless)), missing);
        let values = ValueCipher::new(cipher.keyring().clone(), "users.ssn").unwrap();
        let bound = [Bound::json("users.id", "1")];
        let token = values.encrypt_text("x", &bound, &context).unwrap();
        assert_eq!(code(values.encrypt_text("x", &bound, &purposeless)), missing);
        assert_eq!(code(values.decrypt_text(&token, &bound, &purposeless)), missing);
    }
}

#[test]
fn lesson_f11_an_empty_context_does_not_exist() {
    assert_eq!(code(Context::from_pairs([])), Some(Code::ContextEmpty));
    assert_eq!(code(Context::from_pairs([("", "x")])), Some(Code::ContextEmpty));
    // An empty value is a value of its own.
    let (empty, none) = (pairs(&[("purpose", "p"), ("tenant", "")]), pairs(&[("purpose", "p")]));
    let setup = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
    let cipher = setup.cipher().unwrap();
    let sealed = cipher.encrypt(RECORD, &empty).unwrap();
    assert_eq!(code(cipher.decrypt(&sealed, &none)), Some(Code::Rejected));
    assert!(cipher.decrypt(&sealed, &empty).is_ok());
}

#[test]
fn lesson_f10_a_context_with_fewer_more_or_other_pairs_opens_nothing() {
    let setup = Setup::token(&[r#""path":"$.ssn","bind":[]"#]);
    let cipher = setup.cipher().unwrap();
    let stated = pairs(&[("purpose", "users"), ("tenant", "acme")]);
    let sealed = cipher.encrypt(RECORD, &stated).unwrap();
    for other in [
        pairs(&[("purpose", "users")]),
        pairs(&[("purpose", "users"), ("tenant", "acme"), ("region", "eu")]),
        pairs(&[("purpose", "users"), ("tenant", "evil")]),
        pairs(&[("purpose", "users"), ("Tenant", "acme")]),
        pairs(&[("purpose", "acme"), ("tenant", "users")]),
    ] {
        assert_eq!(code(cipher.decrypt(&sealed, &other)), Some(Code::Rejected), "{other:?}");
    }
}
