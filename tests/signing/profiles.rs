//! Profiles of peers, and what a peer asks for.

use super::*;

#[test]
fn case_55_examples_of_the_rfc_are_refused_by_the_default() {
    // B.2.5: no query, no digest, no nonce, no tag.
    let sent = Sent::post().with("date", "Tue, 20 Apr 2021 02:07:55 GMT").forged(
        "sig-b25",
        &["\"date\"", "\"@authority\"", "\"content-type\""],
        ";created=1618884473;keyid=\"acme\"",
        1,
    );
    assert_eq!(code(sent.verify()), Some(Code::SignatureMissing));
    let profile = Profile::rfc9421("apiseal-v1").require("date").require("@authority").build().unwrap();
    let verifier = Verifier::new(ring(), profile, NoReplayCheck);
    assert_eq!(code(sent.verify_with(&verifier)), Some(Code::SignatureExpired));
    let then = FixedClock(1_618_884_500);
    assert!(sent.view(|message| verifier.verify(message, &then).is_ok()));
}

#[test]
fn lesson_s2_a_query_parameter_is_required_by_its_name() {
    let profile = Profile::rfc9421("apiseal-v1").require("\"@query-param\";name=\"amount\"").build().unwrap();
    let signer = |id: &str| {
        Signer::new(ring(), Profile::rfc9421("apiseal-v1").require(id).build().unwrap()).key("acme")
    };
    let verifier = Verifier::new(ring(), profile, NoReplayCheck);
    let sent = Sent::get("/pay?amount=7&harmless=1&twice=1&twice=2");
    let signed = |name: &str| {
        sent.try_sign(&signer(&format!("\"@query-param\";name=\"{name}\"")))
            .map(|signed| sent.carrying(&signed))
    };
    assert!(signed("amount").unwrap().verify_with(&verifier).is_ok());
    assert_eq!(code(signed("harmless").unwrap().verify_with(&verifier)), Some(Code::NotCovered));
    assert_eq!(code(signed("twice")), Some(Code::ComponentMissing));
    assert_eq!(code(signed("absent")), Some(Code::ComponentMissing));
    let doubled = signed("amount").unwrap().but(|sent| sent.target.push_str("&amount=9"));
    assert_eq!(code(doubled.verify_with(&verifier)), Some(Code::ComponentMissing));
}

#[test]
fn every_component_and_parameter_is_signed_and_verified() {
    let ids = [
        "@method",
        "@target-uri",
        "@authority",
        "@scheme",
        "@request-target",
        "@path",
        "@query",
        "\"@query-param\";name=\"x\"",
        "\"x-dict\";sf",
        "\"x-dict\";key=\"b\"",
        "\"x-list\";bs",
        "x-list",
        "\"x-trailer\";tr",
        "\"x-trailer\";bs;tr",
        // The signer adds the field, which has all these values as well.
        "content-digest",
        "\"content-digest\";sf",
        "\"content-digest\";key=\"sha-256\"",
        "\"content-digest\";bs",
    ];
    let profile = ids.iter().fold(Profile::rfc9421("apiseal-v1"), |profile, id| profile.require(id));
    let profile = profile.structured("x-dict", apiseal::FieldType::Dictionary).build().unwrap();
    let sent = Sent::post()
        .with("X-Dict", " a=1,  b=(1  2);x ")
        .with("x-list", "one, two")
        .with("X-List", " three ")
        .but(|sent| sent.trailers.push(("X-Trailer".into(), b"t".to_vec())));
    let signer = Signer::new(ring(), profile.clone()).key("acme-ed");
    let verifier = Verifier::new(ring(), profile, NoReplayCheck);
    let signed = sent.carrying(&sent.try_sign(&signer).unwrap());
    let values = signed.verified(&verifier, |verified| {
        verified.components().map(|(id, value)| (id.to_owned(), value.to_owned())).collect::<Vec<_>>()
    });
    let values = values.unwrap();
    let value = |id: &str| values.iter().find(|(own, _)| own == id).map(|(_, value)| value.as_str());
    assert_eq!(value("\"@target-uri\""), Some("https://api.example/orders?x=1&y=2"));
    assert_eq!(value("\"x-dict\";sf"), Some("a=1, b=(1 2);x"));
    assert_eq!(value("\"x-dict\";key=\"b\""), Some("(1 2);x"));
    assert_eq!(value("\"x-list\";bs"), Some(":b25lLCB0d28=:, :dGhyZWU=:"));
    assert_eq!(value("\"x-list\""), Some("one, two, three"));
    assert_eq!(value("\"x-trailer\";bs;tr"), Some(":dA==:"));
    // Lists may come on other lines, but bs keeps the lines apart.
    let merged = signed.clone().without("x-list").without("X-List").with("x-list", "one, two, three");
    assert_eq!(code(merged.verify_with(&verifier)), Some(Code::SignatureInvalid));
}

#[test]
fn every_algorithm_signs_or_verifies_as_it_should() {
    for (suite, secret) in [
        (Suite::HmacSha256, vec![7; 32]),
        (Suite::HmacSha256, vec![7; 64]),
        (Suite::Ed25519, vec![7; 32]),
        (Suite::EcdsaP256Sha256, vec![7; 32]),
        (Suite::EcdsaP384Sha384, vec![7; 48]),
    ] {
        let own = Key::raw(Kid::parse("k").unwrap(), suite, &secret, &CLOCK)
            .unwrap()
            .with_direction(Direction::Request);
        let profile = Profile::stricter("apiseal-v1").algorithms(&[suite]).build().unwrap();
        let signer = Signer::new(Keyring::builder().key(own.clone()).build().unwrap(), profile.clone());
        let signed = Sent::post().carrying(&Sent::post().try_sign(&signer).unwrap());
        let verifying = match own.public_key() {
            Some(public) => {
                let jwk =
                    Key::from_jwk(Kid::parse("k").unwrap(), suite, &own.to_jwk().unwrap(), &CLOCK).unwrap();
                assert_eq!(jwk.public_key(), Some(public));
                Key::raw_public(Kid::parse("k").unwrap(), suite, public, &CLOCK)
                    .unwrap()
                    .with_direction(Direction::Request)
            }
            None => own,
        };
        let verifier =
            Verifier::new(Keyring::builder().key(verifying).build().unwrap(), profile, NoReplayCheck);
        assert!(signed.verify_with(&verifier).is_ok(), "{suite}");
        let altered = signed.clone().but(|sent| sent.target.push('x'));
        assert_eq!(code(altered.verify_with(&verifier)), Some(Code::SignatureInvalid), "{suite}");
        let default = Verifier::new(
            verifier.keyring().clone(),
            Profile::rfc9421("apiseal-v1")
                .require("@path")
                .algorithms(&[Suite::RsaPssSha512])
                .build()
                .unwrap(),
            NoReplayCheck,
        );
        assert_eq!(code(signed.verify_with(&default)), Some(Code::SignatureAlgorithm), "{suite}");
    }
    assert_eq!(
        code(Key::raw(Kid::parse("k").unwrap(), Suite::RsaV15Sha256, &[7; 256], &CLOCK)),
        Some(Code::KeyImport)
    );
}

#[test]
fn foreign_key_ids_are_looked_up_in_the_ring() {
    let own = key("acme").with_external_keyid("https://acme.example/keys#1");
    let ring = Keyring::builder().key(own).build().unwrap();
    let signed = get().carrying(&get().try_sign(&Signer::new(ring.clone(), Profile::apiseal_v1())).unwrap());
    assert!(signed.header("signature-input").contains("keyid=\"https://acme.example/keys#1\""));
    let kid = signed.verified(&strict(ring.clone()), |verified| verified.key_id().to_owned());
    assert_eq!(kid.unwrap(), "acme");
    // The id inside the ring is not for messages then.
    assert_eq!(code(get().signed().verify_with(&strict(ring))), Some(Code::UnknownKey));
}

// Accept-Signature.

#[test]
fn case_73_rule_s21_accept_signature_adds_components_and_nothing_else() {
    let signer = Signer::new(ring(), Profile::apiseal_v1())
        .key("acme")
        .hazmat_random(Repeated::new((0..16).collect()));
    let sent = get().with("x-a", "1").with("x-twice", "1").with("x-twice", "2");
    let accept =
        |field: &str| sent.view(|message| signer.sign_accepting(message, field.as_bytes(), &CLOCK)).unwrap();
    let field = "theirs=(\"x-a\" \"@path\" \"x-b\" \"x-twice\" \"@status\" \"x-a\";sf \"x-a\";req);created;nonce=\"evil-nonce-evil-nonce-evil\";keyid=\"bank\";alg=\"ed25519\";tag=\"apiseal-req-v1\"";
    let signed = accept(field);
    let input = signed.headers().find(|(name, _)| *name == "signature-input").unwrap().1.to_owned();
    let expected = format!("theirs=(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-a\"){}", good());
    assert_eq!(input, expected);
    let ignored = signed.ignored().join("\n");
    for part in
        ["\"x-b\"", "\"x-twice\"", "\"@status\"", "\"x-a\";sf", "\"x-a\";req", "nonce", "keyid", "alg"]
    {
        assert!(ignored.contains(part), "{part}: {ignored}");
    }
    assert!(sent.carrying(&signed).verify().is_ok());
    // What does not fit or cannot be read is ignored as a whole.
    for field in ["x=(\"x-a\");tag=\"other\"", "x=(", "", "x=1", "x=(\"x-a\" \"x-a\")"] {
        let signed = accept(field);
        assert!(!String::from_utf8_lossy(signed.base()).contains("\"x-a\": "), "{field}");
        assert_eq!(signed.ignored().len(), 1, "{field}");
    }
    // What a verifier asks for, a signer does.
    let asked = verifier().accept_signature("sig1");
    assert_eq!(
        asked,
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\");created;tag=\"apiseal-req-v1\""
    );
    assert!(sent.carrying(&accept(&asked)).verify().is_ok());
}

#[test]
fn lesson_s8_rule_s21_no_accept_signature_keeps_a_message_from_being_signed() {
    let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
    // Signed is what the message has a value for, as far as there is room.
    let names: Vec<String> = (0..30).map(|at| format!("x-{at}")).collect();
    let many = names.iter().fold(get().with("x-name", "caf\u{e9}"), |sent, name| sent.with(name, "1"));
    let ignored = |field: &str| {
        let signed = many.view(|message| signer.sign_accepting(message, field.as_bytes(), &CLOCK)).unwrap();
        assert!(many.carrying(&signed).verify().is_ok(), "{field}");
        signed.ignored().join("\n")
    };
    assert!(
        ignored(&format!("a=(\"{}\")", names.join("\" \""))).contains("\"x-29\": the profile allows no more")
    );
    assert!(ignored("a=(\"x-name\" \"x-1\")").contains("\"x-name\": its value is not ASCII"));
    assert!(ignored(&format!("{}=(\"x-1\")", "a".repeat(65))).contains("the label"));
    let taken = many.with("signature-input", "a=()").with("signature", "a=:AA==:");
    let signed = taken.view(|message| signer.sign_accepting(message, b"a=(\"x-1\")", &CLOCK)).unwrap();
    assert_eq!(signed.headers().next().map(|(_, value)| &value[..5]), Some("sig=("));
}

// Signing.

#[test]
fn the_signer_refuses_what_the_verifier_would() {
    let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
    let refused = |sent: Sent| code(sent.try_sign(&signer));
    assert_eq!(refused(Sent::post().without("content-type")), Some(Code::ComponentMissing));
    assert_eq!(refused(Sent::post().with("content-type", "text/plain")), Some(Code::MalformedMessage));
    assert_eq!(refused(Sent::post().with("content-digest", "md5=:AA==:")), Some(Code::DigestAlgorithm));
    assert_eq!(refused(get().with("x_a", "1")), Some(Code::MalformedMessage));
    assert_eq!(refused(get().with("cookie", "a=\u{e9}")), Some(Code::ComponentMissing));
    assert_eq!(refused(get().with("x", &"x".repeat(9000))), Some(Code::LimitMessage));
    assert_eq!(refused(Sent { authority: String::new(), ..get() }), Some(Code::MalformedMessage));
    assert_eq!(code(get().try_sign(&signer.clone().key("nobody"))), Some(Code::UnknownKey));
    assert_eq!(code(get().try_sign(&Signer::new(ring(), Profile::apiseal_v1()))), Some(Code::NoPrimary));
    // Two signatures of one message have two nonces.
    let nonce = || get().try_sign(&signer).unwrap().nonce().unwrap().to_owned();
    assert_ne!(nonce(), nonce());
}

#[test]
fn lesson_s22_the_message_is_only_looked_at() {
    fn takes_a_shared_reference(verifier: &Verifier, message: &Message<'_>) {
        let before = format!("{message:?}");
        let verified: Result<Verified<'_>> = verifier.verify(message, &CLOCK);
        assert!(verified.is_ok());
        assert_eq!(format!("{message:?}"), before);
    }
    Sent::post().signed().view(|message| takes_a_shared_reference(&verifier(), message));
}
