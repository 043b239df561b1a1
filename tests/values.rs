//! Single values: the same tokens as in documents, opened and refused for the same reasons.

use std::sync::{Arc, Mutex};

use apiseal::{
    Audit, Bound, Code, Context, Event, FieldCipher, FixedClock, KeyState, KeyringHandle, Kid, Limits,
    Padding, Policy, Suite, ValueCipher, ValueCipherBuilder, max_token_len, token_len,
};
use apiseal_workspace::{Counted, KeySpec, Setup, code, edit_body, put, value_at};
use proptest::prelude::*;

fn setup() -> Setup {
    Setup::token(&[r#""path":"$.v","position":"named","label":"card.pan","bind":[]"#])
}

fn builder(setup: &Setup, label: &str) -> ValueCipherBuilder {
    ValueCipher::builder(setup.ring().unwrap(), label)
        .unwrap()
        .clock(FixedClock(setup.now))
        .limits(setup.limits)
        .hazmat_random(Counted::new(setup.seed))
}

fn cipher(setup: &Setup) -> ValueCipher {
    builder(setup, "card.pan").build().unwrap()
}

fn context() -> Context {
    setup().context().unwrap()
}

const ID: [Bound<'static>; 1] = [Bound::text("id", "o-1")];

fn json() -> impl Strategy<Value = String> {
    const SCALARS: &[&str] = &[
        "1.10",
        "-0",
        "1E400",
        "123456789012345678901234567890",
        "true",
        "null",
        "\"\"",
        "\"\\u00e9\\/\"",
        "\"\\ud83d\\ude00\"",
        "\"4111111111111111\"",
        "\"true\"",
        "{}",
        "[ ]",
        "\"\\u0000\"",
        "\"as1\"",
    ];
    let scalar = prop_oneof![
        prop::sample::select(SCALARS).prop_map(str::to_owned),
        "[a-zé😀]{0,300}".prop_map(|text| format!("\"{text}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        let list =
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", ")));
        let object = prop::collection::vec(inner, 0..4).prop_map(|values| {
            let members = values.iter().enumerate().map(|(at, value)| format!("\"m{at}\" :{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        });
        prop_oneof![list, object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn values_and_documents_exchange_their_tokens(
        value in json(), bound in prop::collection::vec(json(), 0..4), hedged in any::<bool>(), chacha in any::<bool>(),
        padding in prop::sample::select(&[("\"default\"", Padding::Default), ("\"none\"", Padding::None), ("{\"multiple\":7}", Padding::Multiple(7))][..]),
    ) {
        // Labels whose order is another one than that of their lengths.
        let labels = ["zz", "b", "ccc.c", "a"];
        let binds: Vec<String> = (0..bound.len())
            .map(|at| format!(r#"{{"label":"{}","path":"$.b{at}"}}"#, labels[at]))
            .collect();
        let rule = format!(
            r#""path":"$.deep[1].v","position":"named","label":"card.pan","padding":{},"bind":[{}]"#,
            padding.0,
            binds.join(",")
        );
        let setup = Setup::token(&[&rule]).but(|setup| {
            if chacha { setup.keys[0].suite = Suite::ChaCha20Poly1305; }
        });
        let document_cipher = FieldCipher::builder(setup.ring().unwrap(), Policy::from_json(&setup.policy).unwrap())
            .hedged_salts(hedged)
            .hazmat_random(Counted::new(7))
            .build()
            .unwrap();
        let values = builder(&setup, "card.pan").padding(padding.1).hedged_salts(hedged).hazmat_random(Counted::new(7)).build().unwrap();
        let stated: Vec<Bound<'_>> = bound.iter().zip(labels).rev().map(|(text, label)| Bound::json(label, text)).collect();
        let members: String = bound.iter().enumerate().map(|(at, text)| format!(",\"b{at}\": {text}")).collect();
        let document = format!(r#"{{"deep":[0,{{"v":{value}}}]{members}}}"#);

        // The same random bytes give the same token, however it came to be.
        let token = values.encrypt(value.as_bytes(), &stated, &context()).unwrap();
        let sealed = document_cipher.encrypt(document.as_bytes(), &context()).unwrap();
        let sealed = String::from_utf8(sealed).unwrap();
        prop_assert_eq!(&sealed, &put(&document, "$.deep[1].v", &format!("\"{token}\"")));
        prop_assert_eq!(&document_cipher.decrypt(sealed.as_bytes(), &context()).unwrap()[..], document.as_bytes());
        prop_assert_eq!(&values.decrypt(&token, &stated, &context()).unwrap()[..], value.as_bytes());

        // Columns are planned by these lengths.
        let kid = Kid::parse("k1").unwrap();
        prop_assert_eq!(token.len(), token_len(padding.1, value.len(), &kid).unwrap());
        prop_assert_eq!(token.len() + 30, max_token_len(padding.1, value.len()).unwrap());

        // Each bound value and the number of them count.
        for left_out in 0..stated.len() {
            let mut fewer = stated.clone();
            fewer.remove(left_out);
            prop_assert_eq!(code(values.decrypt(&token, &fewer, &context())), Some(Code::Rejected));
        }
        let mut more = stated.clone();
        more.push(Bound::json("more", "1"));
        prop_assert_eq!(code(values.decrypt(&token, &more, &context())), Some(Code::Rejected));
    }

    #[test]
    fn texts_come_back_as_texts(text in "\\PC{0,40}|[\\x00-\\x7f]{0,20}") {
        let cipher = builder(&setup(), "card.pan").nested(true).build().unwrap();
        let token = cipher.encrypt_text(&text, &ID, &context()).unwrap();
        prop_assert_eq!(&cipher.decrypt_text(&token, &ID, &context()).unwrap()[..], text.as_bytes());
        let json: String = serde_json::from_slice(&cipher.decrypt(&token, &ID, &context()).unwrap()).unwrap();
        prop_assert_eq!(json, text);
    }
}

#[test]
fn case_1_case_3_case_6_another_label_row_or_context_is_rejected() {
    let setup = setup();
    let values = cipher(&setup);
    let token = values.encrypt_text("4111", &ID, &context()).unwrap();
    assert!(values.decrypt(&token, &[Bound::json("id", r#""\u006f-1""#)], &context()).is_ok());
    let other = builder(&setup, "card.pin").build().unwrap();
    assert_eq!(code(other.decrypt(&token, &ID, &context())), Some(Code::Rejected));
    for bound in [
        Bound::text("id", "o-2"),
        Bound::text("di", "o-1"),
        Bound::json("id", "1"),
        Bound::json("id", "[\"o-1\"]"),
    ] {
        assert_eq!(code(values.decrypt(&token, &[bound], &context())), Some(Code::Rejected), "{bound:?}");
    }
    assert_eq!(code(values.decrypt(&token, &[], &context())), Some(Code::Rejected));
    let tenant = context().with("more", "x").unwrap();
    assert_eq!(code(values.decrypt(&token, &ID, &tenant)), Some(Code::Rejected));
    for at in 0..75 {
        let changed = edit_body(&token, |body| body[at] ^= 1);
        let expected = match at {
            // Suite 01 becomes 00, which is none; mode 03 becomes 02.
            0 => Code::MalformedToken,
            1 => Code::ModeMismatch,
            _ => Code::Rejected,
        };
        assert_eq!(code(values.decrypt(changed.trim_matches('"'), &ID, &context())), Some(expected), "{at}");
    }
}

#[test]
fn what_is_no_token_of_this_kind_is_told_apart() {
    let setup = setup();
    let values = cipher(&setup);
    let token = values.encrypt_text("4111", &[], &context()).unwrap();
    let exact = Setup::token(&[r#""path":"$.v","bind":[]"#]).encrypt(r#"{"v":"4111"}"#);
    let document = Setup::document("[]", &[r#""path":"$.v""#]).encrypt(r#"{"v":"4111"}"#);
    let string = |text: &str, path: &str| value_at(text, path).trim_matches('"').to_owned();
    for (what, token, expected) in [
        ("plain", "4111".to_owned(), Code::NotEncrypted),
        ("empty", String::new(), Code::NotEncrypted),
        ("other version", "as2.k1.AAAA".to_owned(), Code::NotEncrypted),
        ("quoted", format!("\"{token}\""), Code::NotEncrypted),
        ("leading space", format!(" {token}"), Code::NotEncrypted),
        ("control characters", "\u{0}\n\"".to_owned(), Code::NotEncrypted),
        ("exact mode", string(&exact, "$.v"), Code::ModeMismatch),
        ("field string", string(&document, "$.v"), Code::LayoutMismatch),
        ("header", string(&document, "$._seal"), Code::LayoutMismatch),
        ("trailing space", format!("{token} "), Code::MalformedToken),
        ("cut", token[..token.len() - 2].to_owned(), Code::Rejected),
        ("too short", token[..90].to_owned(), Code::MalformedToken),
        ("padding", format!("{token}="), Code::MalformedToken),
        ("unknown key", token.replace(".k1.", ".k9."), Code::UnknownKey),
    ] {
        assert_eq!(code(values.decrypt(&token, &[], &context())), Some(expected), "{what}");
    }
    let small = cipher(&setup.but(|setup| {
        (setup.limits.document, setup.limits.field, setup.limits.bound) = (200, 64, 20);
    }));
    assert!(small.decrypt(&token, &[], &context()).is_ok());
    let long = format!("as1.k1.{}", "A".repeat(300));
    assert_eq!(code(small.decrypt(&long, &[], &context())), Some(Code::MalformedToken));
    assert_eq!(code(small.encrypt_text(&"x".repeat(63), &[], &context())), Some(Code::LimitField));
    assert_eq!(code(small.encrypt_text(&"x".repeat(300), &[], &context())), Some(Code::LimitDocument));
    assert_eq!(
        code(small.encrypt_text("x", &[Bound::text("id", "0123456789")], &context())),
        Some(Code::LimitBound)
    );
    assert_eq!(
        code(small.encrypt_text("x", &[Bound::json("id", &"1".repeat(201))], &context())),
        Some(Code::LimitBound)
    );
    let not_text = values.encrypt(b"4111", &[], &context()).unwrap();
    assert_eq!(code(values.decrypt_text(&not_text, &[], &context())), Some(Code::TypeMismatch));
}

#[test]
fn only_one_exact_json_value_is_encrypted() {
    let values = cipher(&setup());
    for (value, expected) in [
        ("", Code::MalformedJson),
        ("4111 1111", Code::MalformedJson),
        ("abc", Code::MalformedJson),
        (" 1", Code::MalformedJson),
        ("1\n", Code::MalformedJson),
        ("1,\"x\":2", Code::MalformedJson),
        (r#"{"a":1,"a":2}"#, Code::DuplicateName),
        (r#""as1.k1.AAAA""#, Code::AlreadyEncrypted),
        (r#""as1f.""#, Code::AlreadyEncrypted),
        (r#""\u0061s1d.x""#, Code::AlreadyEncrypted),
        (r#""as1r.""#, Code::AlreadyEncrypted),
    ] {
        assert_eq!(code(values.encrypt(value.as_bytes(), &[], &context())), Some(expected), "{value}");
    }
    assert_eq!(code(values.encrypt(b"\"\xff\"", &[], &context())), Some(Code::MalformedJson));
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(values.encrypt(deep(128).as_bytes(), &[], &context()).is_ok());
    assert_eq!(code(values.encrypt(deep(129).as_bytes(), &[], &context())), Some(Code::LimitDepth));
    let nested = builder(&setup(), "card.pan").nested(true).build().unwrap();
    let token = nested.encrypt_text("as1.k1.AAAA", &[], &context()).unwrap();
    assert_eq!(&nested.decrypt_text(&token, &[], &context()).unwrap()[..], b"as1.k1.AAAA");
}

#[test]
fn case_65_bound_values_are_distinct_and_well_formed() {
    let values = cipher(&setup());
    let encrypt = |bound: &[Bound<'_>]| code(values.encrypt(b"1", bound, &context()));
    let decrypt = |bound: &[Bound<'_>]| code(values.decrypt("as1.k1.AAAA", bound, &context()));
    let long = "l".repeat(1025);
    for (bound, expected) in [
        (vec![Bound::json("a", "1"), Bound::json("b", "1"), Bound::text("a", "2")], Code::BoundConflict),
        (vec![Bound::json("card.pan", "1")], Code::BoundConflict),
        (vec![Bound::json("", "1")], Code::InvalidArgument),
        (vec![Bound::json(&long, "1")], Code::InvalidArgument),
        (vec![Bound::json("a", "o-1")], Code::MalformedJson),
        (vec![Bound::json("a", "")], Code::MalformedJson),
        (vec![Bound::json("a", "{\"x\":1,\"x\":1}")], Code::DuplicateName),
    ] {
        assert_eq!((encrypt(&bound), decrypt(&bound)), (Some(expected), Some(expected)), "{bound:?}");
    }
    let error = values.encrypt(b"1", &[Bound::json("user.id", "4111-secret")], &context()).unwrap_err();
    assert!(error.to_string().contains("user.id") && !error.to_string().contains("4111"), "{error}");
}

#[test]
fn case_13_case_15_keys_are_chosen_as_in_documents() {
    let mut ring = setup();
    ring.keys.push(KeySpec { scope: &[("tenant", "acme")], ..KeySpec::new("k2", 9) });
    let of = |values: &ValueCipher| {
        let token = values.encrypt(b"1", &[], &context()).unwrap();
        token.split('.').nth(1).unwrap().to_owned()
    };
    let kid = |kid: &str| Kid::parse(kid).unwrap();
    let listed = builder(&ring, "card.pan").keys([kid("k2")]).build().unwrap();
    let any = builder(&ring, "card.pan").any_key().build().unwrap();
    assert_eq!((of(&cipher(&ring)), of(&listed), of(&any)), ("k1".into(), "k2".into(), "k1".into()));
    let token = listed.encrypt(b"1", &[], &context()).unwrap();
    assert!(any.decrypt(&token, &[], &context()).is_ok());
    assert_eq!(code(cipher(&ring).decrypt(&token, &[], &context())), Some(Code::KeyNotAllowed));
    let elsewhere = Context::new("users").unwrap().with("tenant", "other").unwrap();
    assert_eq!(code(listed.encrypt(b"1", &[], &elsewhere)), Some(Code::ContextScope));
    for (state, encrypts, decrypts) in [
        (KeyState::DecryptOnly, Some(Code::KeyState), None),
        (KeyState::Disabled, Some(Code::KeyState), Some(Code::KeyState)),
    ] {
        let retired = setup().but(|setup| setup.keys[0].state = state);
        let token = cipher(&setup()).encrypt(b"1", &[], &context()).unwrap();
        assert_eq!(code(cipher(&retired).encrypt(b"1", &[], &context())), encrypts, "{state:?}");
        assert_eq!(code(cipher(&retired).decrypt(&token, &[], &context())), decrypts, "{state:?}");
    }
    let no_purpose = Context::from_pairs([("tenant", "acme")]).unwrap();
    assert_eq!(code(cipher(&ring).encrypt(b"1", &[], &no_purpose)), Some(Code::ContextMissing));
}

#[test]
fn a_new_ring_takes_effect_at_once_and_each_use_is_told() {
    struct Heard(Arc<Mutex<Vec<String>>>);
    impl Audit for Heard {
        fn event(&self, event: &Event<'_>) {
            let Event { operation, policy, rule, key_id, count, failure, .. } = event;
            let line = format!("{operation} {policy} {rule:?} {key_id:?} {count} {failure:?}");
            self.0.lock().unwrap().push(line);
        }
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ring = KeyringHandle::from(setup().ring().unwrap());
    let values = ValueCipher::builder(ring, "card.pan").unwrap().audit(Heard(Arc::clone(&heard)));
    let values = values.build().unwrap();
    let token = values.encrypt_text("4111", &ID, &context()).unwrap();
    assert!(values.decrypt(&token, &ID, &context()).is_ok());
    let disabled = setup().but(|setup| setup.keys[0].state = KeyState::Disabled).ring().unwrap();
    values.keyring().replace(disabled).unwrap();
    assert_eq!(code(values.decrypt(&token, &ID, &context())), Some(Code::KeyState));
    let expected = [
        r#"encrypt card.pan Some("$") Some("k1") 1 None"#,
        r#"decrypt card.pan Some("$") Some("k1") 1 None"#,
        r#"decrypt card.pan None None 0 Some(KeyState)"#,
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn settings_out_of_range_are_refused() {
    let ring = || setup().ring().unwrap();
    assert_eq!(code(ValueCipher::new(ring(), "")), Some(Code::InvalidArgument));
    assert_eq!(code(ValueCipher::new(ring(), &"l".repeat(1025))), Some(Code::InvalidArgument));
    let build = |builder: ValueCipherBuilder| code(builder.build());
    assert_eq!(build(builder(&setup(), "l").keys([])), Some(Code::InvalidArgument));
    for of in [0, 1, 65537] {
        assert_eq!(build(builder(&setup(), "l").padding(Padding::Multiple(of))), Some(Code::InvalidArgument));
    }
    let kid = Kid::parse("k1").unwrap();
    for len in [0, Limits::MAX_DOCUMENT + 1, usize::MAX] {
        assert_eq!(code(token_len(Padding::Default, len, &kid)), Some(Code::InvalidArgument));
    }
}

#[test]
fn no_two_tokens_are_equal_and_nothing_prints_a_value() {
    let values = ValueCipher::new(setup().ring().unwrap(), "card.pan").unwrap();
    let one = values.encrypt_text("4111-secret", &ID, &context()).unwrap();
    assert_ne!(one, values.encrypt_text("4111-secret", &ID, &context()).unwrap());
    let opened = values.decrypt(&one, &ID, &context()).unwrap();
    let secret_bound = Bound::text("id", "4111");
    for text in [format!("{values:?}"), format!("{opened:?}"), format!("{secret_bound:?}"), one] {
        assert!(!text.contains("4111"), "{text}");
    }
}
