//! What a verification gives: what was covered, by whom, and under which origin.

use super::*;

#[test]
fn rule_s4_the_verdict_holds_what_was_covered_and_nothing_else() {
    let sent = Sent::post().with("authorization", "Bearer t").signed().with("x-unsigned", "1");
    let looked = sent.verified(&verifier(), |verified| {
        assert_eq!(verified.label(), "sig");
        assert_eq!(verified.tag(), Some("apiseal-req-v1"));
        assert_eq!((verified.nonce(), verified.created()), (Some(NONCE), NOW));
        assert_eq!(verified.body(), Some(&b"{\"amount\": 7}"[..]));
        for (id, value) in [
            ("@method", Some("POST")),
            ("@authority", Some("api.example")),
            ("@path", Some("/orders")),
            ("@query", Some("?x=1&y=2")),
            ("authorization", Some("Bearer t")),
            ("\"content-type\"", Some("application/json")),
            ("x-unsigned", None),
            ("@scheme", None),
            ("\"@method\";req", None),
            ("", None),
            ("\"", None),
        ] {
            assert_eq!(verified.component(id), value, "{id}");
        }
        let names: Vec<&str> = verified.components().map(|(id, _)| id).collect();
        assert_eq!(names.len(), 7);
        let text = format!("{verified:?}");
        assert!(!text.contains("Bearer") && !text.contains("amount"), "{text}");
    });
    looked.unwrap();
}

#[test]
fn content_that_nobody_vouches_for_is_not_shown() {
    let profile = Profile::rfc9421("apiseal-v1").require("@path").build().unwrap();
    let verifier = Verifier::new(ring(), profile, NoReplayCheck);
    let parameters = format!(";created={NOW};keyid=\"acme\"");
    let body = |sent: &Sent| sent.verified(&verifier, |verified| verified.body().map(<[u8]>::to_vec));
    let unproved = Sent::post().forged("a", &["\"@path\""], &parameters, 1);
    assert_eq!(body(&unproved).unwrap(), None);
    let proved = Sent::post().digested().forged("a", &["\"@path\"", "\"content-digest\""], &parameters, 1);
    assert_eq!(body(&proved).unwrap(), Some(Sent::post().body));
    let altered = proved.but(|sent| sent.body.push(b' '));
    assert_eq!(code(body(&altered)), Some(Code::DigestMismatch));
    assert_eq!(body(&get().forged("a", &["\"@path\""], &parameters, 1)).unwrap(), Some(Vec::new()));
}

// Several signatures.

#[test]
fn lesson_s4_of_three_signatures_none_is_forgiven() {
    let profile = Profile::rfc9421("apiseal-v1")
        .require("@path")
        .principals(["acme", "bank", "third"])
        .build()
        .unwrap();
    let third = Key::raw(Kid::parse("third").unwrap(), Suite::HmacSha256, &[9; 32], &CLOCK).unwrap();
    let third = third.with_principal("third").with_direction(Direction::Request);
    let ring = Keyring::builder()
        .key(key("acme"))
        .key(key("bank"))
        .key(third)
        .key(key("acme-next"))
        .build()
        .unwrap();
    let verifier = Verifier::new(ring, profile, NoReplayCheck);
    let signers = [("acme", 1), ("bank", 3), ("third", 9)];
    let sign = |sent: Sent, at: usize, kid: &str, secret: u8| {
        sent.forged(&format!("s{at}"), &["\"@path\""], &format!(";created={NOW};keyid=\"{kid}\""), secret)
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for bad in 0..8_u8 {
            let sent = order.iter().fold(get(), |sent, &at| {
                let (kid, secret) = signers[at];
                sign(sent, at, kid, if bad >> at & 1 == 1 { 77 } else { secret })
            });
            let expected = (bad != 0).then_some(Code::SignatureInvalid);
            assert_eq!(code(sent.verify_with(&verifier)), expected, "{order:?} {bad}");
        }
    }
    let two = sign(sign(get(), 0, "acme", 1), 1, "bank", 3);
    assert_eq!(code(two.verify_with(&verifier)), Some(Code::SignatureMissing));
    // One principal twice does not stand for two.
    let twice = sign(two.clone(), 2, "acme-next", 6);
    assert_eq!(code(twice.verify_with(&verifier)), Some(Code::SignatureMissing));
    let four = sign(sign(two, 2, "third", 9), 3, "acme-next", 6);
    assert_eq!(code(four.verify_with(&verifier)), Some(Code::SignatureAmbiguous));
}

#[test]
fn a_message_takes_several_signatures_under_different_labels() {
    let signer = |kid: &str| Signer::new(ring(), Profile::apiseal_v1()).key(kid);
    let once = get().carrying(&get().try_sign(&signer("acme")).unwrap());
    assert_eq!(code(once.try_sign(&signer("bank"))), Some(Code::NotSignable));
    let profile = Profile::rfc9421("apiseal-v1")
        .require("@path")
        .require("\"signature\";key=\"sig\"")
        .label("proxy")
        .build()
        .unwrap();
    let proxy = Signer::new(ring(), profile.clone()).key("bank").label("proxy").unwrap();
    let twice = once.carrying(&once.try_sign(&proxy).unwrap());
    assert!(twice.verify().is_ok());
    let by_proxy = Verifier::new(ring(), profile, NoReplayCheck);
    let principal = twice.verified(&by_proxy, |verified| verified.principal().map(str::to_owned));
    assert_eq!(principal.unwrap().as_deref(), Some("bank"));
    for label in ["", "A", "1", "a b", "a=", "\u{e9}"] {
        assert_eq!(code(signer("acme").label(label).map(drop)), Some(Code::InvalidArgument), "{label}");
    }
}

// Proxies.

#[test]
fn rule_s20_rule_s24_external_origins_are_configuration() {
    let behind = || {
        verifier()
            .origin("backend:8080", "https", "api.example")
            .and_then(|verifier| verifier.origin("other.backend", "https", "OTHER.example:443"))
            .unwrap()
    };
    let received = |authority: &str| {
        get().signed().but(|sent| {
            sent.authority = authority.into();
            sent.scheme = "http".into();
        })
    };
    let authority = received("backend:8080")
        .verified(&behind(), |verified| verified.component("@authority").map(str::to_owned));
    assert_eq!(authority.unwrap().as_deref(), Some("api.example"));
    assert_eq!(code(received("BACKEND:8080").verify_with(&behind())), None);
    assert_eq!(code(received("api.example").verify_with(&behind())), Some(Code::OriginUnknown));
    assert_eq!(code(received("backend").verify_with(&behind())), Some(Code::OriginUnknown));
    assert_eq!(code(received("other.backend:80").verify_with(&behind())), Some(Code::SignatureInvalid));
    assert_eq!(code(received("backend:8080").verify()), Some(Code::SignatureInvalid));
    let forwarded = received("evil.example")
        .with("x-forwarded-host", "api.example")
        .with("forwarded", "host=api.example");
    assert_eq!(code(forwarded.verify()), Some(Code::SignatureInvalid));
    assert_eq!(code(verifier().origin("a b", "https", "x").map(drop)), Some(Code::MalformedMessage));
}
