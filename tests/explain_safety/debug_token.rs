//! The debug token names lines, and changes nothing.

use super::*;

fn debugged(sent: &Sent) -> Sent {
    let signer = Signer::new(keys(Suite::HmacSha256), strict()).debug_token();
    sent.carrying(&sent.try_sign(&signer).unwrap())
}

#[test]
fn rule_s27_the_debug_token_names_the_lines() {
    let good = debugged(&Sent::post());
    assert!(explained(&at(&strict()), &good).verifies());
    // Two changes at once, which no search finds.
    let bad = good.clone().but(|sent| {
        sent.target = "/elsewhere?x=1&y=2".into();
        set(sent, "content-type", "text/csv");
    });
    let explanation = explained(&at(&strict()), &bad);
    let lines: Vec<&str> = explanation.differing_lines().collect();
    assert_eq!(lines, ["\"@path\": /elsewhere", "\"content-type\": text/csv"]);
    assert!(explanation.changes().is_empty());
    assert!(
        explanation.to_string().contains("the sides differ in \"@path\", \"content-type\""),
        "{explanation}"
    );
    // The signature alone.
    let bad = good
        .clone()
        .but(|sent| set(sent, "signature", &format!("sig=:{}:", STANDARD.encode_to_string([1; 32]))));
    assert!(explained(&at(&strict()), &bad).to_string().contains("the signature itself was changed"));
    // Another secret.
    let key = Key::raw(Kid::parse("client").unwrap(), Suite::HmacSha256, &[9; 32], &CLOCK).unwrap();
    let ring = Keyring::builder().key(key.with_direction(Direction::Request)).build().unwrap();
    let explanation = explained(&Verifier::new(ring, strict(), NoReplayCheck), &good);
    assert!(explanation.to_string().contains("another secret"), "{explanation}");
    // A component more or less.
    let bad = good.but(|sent| {
        let input = sent
            .header("signature-input")
            .replace(" \"content-type\"", " \"content-type\" \"signature-debug\"");
        set(sent, "signature-input", &input);
    });
    assert!(explained(&at(&strict()), &bad).to_string().contains("base has 7 lines"));
}

#[test]
fn rule_s27_a_false_debug_token_changes_nothing() {
    let good = debugged(&Sent::get("/a"));
    let token = good.header("signature-debug").to_owned();
    for other in [
        String::new(),
        "sig=:AA==:".into(),
        "sig=::".into(),
        "x".into(),
        "sig=1".into(),
        "sig=:!:".into(),
        format!("{token}, {token}"),
        format!("sig=:{}:", "A".repeat(4000)),
        token.replace("sig", "other"),
    ] {
        let forged = good.clone().but(|sent| set(sent, "signature-debug", &other));
        assert!(explained(&at(&strict()), &forged).verifies(), "{other}");
        assert!(forged.verify_with(&at(&strict())).is_ok());
        let bad = forged.but(|sent| sent.target = "/a/".into());
        assert_eq!(only(&explained(&at(&strict()), &bad)).kind(), ChangeKind::PathSlash);
    }
}

#[test]
fn rule_s27_the_debug_token_is_short_keyed_and_of_its_own() {
    let one = debugged(&Sent::get("/a"));
    let tags = |sent: &Sent| {
        let text =
            sent.header("signature-debug").trim_start_matches("sig=:").trim_end_matches(':').to_owned();
        STANDARD.decode_to_vec(text).unwrap()
    };
    // Four bytes a line: four components and the parameters.
    assert_eq!(tags(&one).len(), 20);
    // Equal lines of two messages look different, by the nonce.
    let other = debugged(&Sent::get("/a"));
    assert!(tags(&one).chunks(4).zip(tags(&other).chunks(4)).all(|(one, other)| one != other));
    // By hand, from the module's text.
    let mac = |key: &[u8], parts: &[&[u8]]| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    };
    let input = one.header("signature-input");
    let nonce = input.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let key = mac(&[1; 32], &[b"apiseal/v1/dbg\0", &22_u32.to_be_bytes(), nonce.as_bytes(), &[1]]);
    assert_eq!(tags(&one)[..4], mac(&key, &[&0_u32.to_be_bytes(), b"\"@method\": GET"])[..4]);
    assert_eq!(tags(&one)[8..12], mac(&key, &[&2_u32.to_be_bytes(), b"\"@path\": /a"])[..4]);
    // None of it verifies as a signature.
    for bytes in [tags(&one), key, mac(&[1; 32], &[b"apiseal/v1/dbg\0"])] {
        let forged = one
            .clone()
            .but(|sent| set(sent, "signature", &format!("sig=:{}:", STANDARD.encode_to_string(&bytes))));
        assert!(forged.verify_with(&at(&strict())).is_err());
    }
}

#[test]
fn debug_tokens_are_for_shared_secrets_nonces_and_64_lines() {
    let refused = |suite, profile: &Profile, sent: &Sent| {
        let error = sent.try_sign(&Signer::new(keys(suite), profile.clone()).debug_token()).unwrap_err();
        assert_eq!(error.code(), Code::NotSignable, "{error}");
    };
    refused(Suite::Ed25519, &strict(), &Sent::get("/"));
    refused(Suite::HmacSha256, &covering(&["@method"]), &Sent::get("/"));
    // Beyond 64 lines.
    let names: Vec<String> = (0..64).map(|at| format!("\"x-{at}\"")).collect();
    let file = format!(
        r#"{{"apiseal_profile": 1, "id": "p", "extends": "rfc9421", "nonce": "required",
            "require": [{}], "max_components": 100}}"#,
        names.iter().map(|name| serde_json::to_string(name).unwrap()).collect::<Vec<_>>().join(", ")
    );
    let profile = Profile::from_json(&file).unwrap();
    let sent = (0..64).fold(Sent::get("/"), |sent, at| sent.with(&format!("x-{at}"), "1"));
    refused(Suite::HmacSha256, &profile, &sent);
    assert!(sent.try_sign(&Signer::new(keys(Suite::HmacSha256), profile)).is_ok());
}
