//! Keys of partners, their rotation, and keys that are elsewhere.

use super::*;

/// A ring of one root and derived keys of partners, as a service holds it.
fn derived(kids: &[(&str, &str)]) -> Keyring {
    let secret: [u8; 32] = std::array::from_fn(|at| at as u8);
    let root = Key::hazmat_from_secret(Kid::parse("root").unwrap(), Purpose::Sig, Suite::HmacSha256, &secret)
        .unwrap();
    let partner = |(kid, partner): &(&str, &str)| {
        let context = Context::from_pairs([("dir", "req"), ("partner", partner)]).unwrap();
        let key = Key::derived(Kid::parse(kid).unwrap(), &root, context, &CLOCK).unwrap();
        key.with_principal(partner).with_direction(Direction::Request)
    };
    let keys: Vec<Key> = kids.iter().map(partner).collect();
    keys.into_iter().fold(Keyring::builder().key(root.clone()), |ring, key| ring.key(key)).build().unwrap()
}

#[test]
fn rule_s18_one_root_serves_all_partners() {
    let service = derived(&[("p1", "acme"), ("p2", "bank")]);
    let context = Context::from_pairs([("dir", "req"), ("partner", "acme")]).unwrap();
    // The partner holds nothing but its own context key.
    let partner = service.export_context("p1", &context).unwrap();
    let partner = Keyring::builder().key(partner).build().unwrap();
    let signed = get().carrying(&get().try_sign(&Signer::new(partner, Profile::apiseal_v1())).unwrap());
    let seen = signed.verified(&strict(service.clone()), |verified| {
        let scope: Vec<(String, String)> = verified.scope().map(|(n, v)| (n.into(), v.into())).collect();
        (verified.key_id().to_owned(), verified.principal().map(str::to_owned), scope)
    });
    let scope = vec![("dir".to_owned(), "req".to_owned()), ("partner".to_owned(), "acme".to_owned())];
    assert_eq!(seen.unwrap(), ("p1".to_owned(), Some("acme".to_owned()), scope));
    let stolen = signed.edit("signature-input", "\"p1\"", "\"p2\"");
    assert_eq!(code(stolen.verify_with(&strict(service.clone()))), Some(Code::SignatureInvalid));
    // The root itself signs and verifies nothing.
    assert_eq!(
        code(stolen.edit("signature-input", "\"p2\"", "\"root\"").verify_with(&strict(service))),
        Some(Code::UnknownKey)
    );
}

#[test]
fn rule_s18_a_derived_key_is_k_ctx_itself() {
    // Vector A6 of the format: kid k1, context {"dir":"req","partner":"p1"}.
    let context = Context::from_pairs([("dir", "req"), ("partner", "p1")]).unwrap();
    let secret: [u8; 32] = std::array::from_fn(|at| at as u8);
    let root =
        Key::hazmat_from_secret(Kid::parse("k1").unwrap(), Purpose::Sig, Suite::HmacSha256, &secret).unwrap();
    let exported = Keyring::builder().key(root).build().unwrap().export_context("k1", &context).unwrap();
    let ours = Keyring::builder().key(exported.with_direction(Direction::Request)).build().unwrap();
    let k_ctx = apiseal_workspace::unhex("0af9d248de8addf02a034c79557f814d93b875a44e5cde19680110a826d900c6");
    let plain = Key::raw(Kid::parse("k1").unwrap(), Suite::HmacSha256, &k_ctx, &CLOCK).unwrap();
    let plain = Keyring::builder().key(plain.with_direction(Direction::Request)).build().unwrap();
    let signed = get().carrying(&get().try_sign(&Signer::new(ours, Profile::apiseal_v1())).unwrap());
    assert!(signed.verify_with(&strict(plain)).is_ok());
}

#[test]
fn case_48_rule_s11_states_and_validity() {
    let check =
        |key: Key| code(get().signed().verify_with(&strict(Keyring::builder().key(key).build().unwrap())));
    assert_eq!(check(key("acme")), None);
    assert_eq!(check(key("acme").with_state(KeyState::VerifyOnly)), None);
    assert_eq!(check(key("acme").with_state(KeyState::Disabled)), Some(Code::KeyState));
    assert_eq!(check(key("acme").with_validity(None, Some(NOW))), Some(Code::KeyState));
    assert_eq!(check(key("acme").with_validity(None, Some(NOW + 1))), None);
    assert_eq!(check(key("acme").with_validity(Some(NOW + 1), None)), Some(Code::KeyState));
    assert_eq!(check(key("acme").with_direction(Direction::Response)), Some(Code::KeyState));
    assert_eq!(check(key("acme").with_profiles(["other"])), Some(Code::KeyState));
    assert_eq!(check(key("bank")), Some(Code::UnknownKey));
    // A key for fields is no key for signatures.
    let seal =
        Key::hazmat_from_secret(Kid::parse("acme").unwrap(), Purpose::Seal, Suite::Aes256Gcm, &[1; 32])
            .unwrap();
    assert_eq!(check(seal), Some(Code::UnknownKey));
}

#[test]
fn rule_s11_a_derived_key_stops_with_its_root() {
    let ring = derived(&[("p1", "acme")]);
    let signed = get().carrying(&get().try_sign(&Signer::new(ring.clone(), Profile::apiseal_v1())).unwrap());
    assert!(signed.verify_with(&strict(ring.clone())).is_ok());
    assert!(signed.verify_with(&strict(ring.retire("root").unwrap())).is_ok());
    assert_eq!(code(signed.verify_with(&strict(ring.disable("root").unwrap()))), Some(Code::KeyState));
}

#[test]
fn current_and_next_key_overlap_and_a_disabled_key_stops_at_once() {
    let handle = KeyringHandle::new(Keyring::builder().key(key("acme")).build().unwrap());
    let (verifier, signer) = (strict(handle.clone()), Signer::new(handle.clone(), Profile::apiseal_v1()));
    let sign = || get().carrying(&get().try_sign(&signer).unwrap());
    let old = sign();
    handle.replace(handle.current().with_key(key("acme-next")).unwrap()).unwrap();
    // Two keys could sign: the signer must be told which.
    assert_eq!(code(get().try_sign(&signer)), Some(Code::NoPrimary));
    handle.replace(handle.current().retire("acme").unwrap()).unwrap();
    let new = sign();
    assert!(new.header("signature-input").contains("keyid=\"acme-next\""));
    assert!(old.verify_with(&verifier).is_ok() && new.verify_with(&verifier).is_ok());
    assert_eq!(code(get().try_sign(&signer.clone().key("acme"))), Some(Code::KeyState));
    handle.replace(handle.current().disable("acme-next").unwrap()).unwrap();
    assert_eq!(code(get().try_sign(&signer)), Some(Code::NoPrimary));
    assert_eq!(code(new.verify_with(&verifier)), Some(Code::KeyState));
}

#[test]
fn demanded_scope() {
    let staged = |environment: &'static str| {
        let key = key("acme").with_scope([("environment", environment)]);
        let verifier =
            strict(Keyring::builder().key(key).build().unwrap()).demand_scope("environment", "production");
        code(get().signed().verify_with(&verifier))
    };
    assert_eq!((staged("production"), staged("staging")), (None, Some(Code::ContextScope)));
    let none = verifier().demand_scope("environment", "production");
    assert_eq!(code(get().signed().verify_with(&none)), Some(Code::ContextScope));
}

#[test]
fn lesson_s6_rings_that_would_confuse_keys_are_refused() {
    let kid = |text: &str| Kid::parse(text).unwrap();
    let built =
        |keys: Vec<Key>| code(keys.into_iter().fold(Keyring::builder(), |ring, key| ring.key(key)).build());
    let raw = |id: &str, secret: &[u8]| {
        Key::raw(kid(id), Suite::HmacSha256, secret, &CLOCK).unwrap().with_direction(Direction::Request)
    };
    // The bytes of a public key as a shared secret.
    let public = key("acme-ed").public_key().unwrap().to_vec();
    assert_eq!(built(vec![key("acme-ed"), raw("x", &public)]), Some(Code::KeyDuplicate));
    // A secret and the same with zeros after it are one key for HMAC.
    let padded: Vec<u8> = [[1; 32], [0; 32]].concat();
    assert_eq!(built(vec![key("acme"), raw("x", &padded)]), Some(Code::KeyDuplicate));
    let sealing = Key::hazmat_from_secret(kid("s"), Purpose::Seal, Suite::Aes256Gcm, &[1; 32]).unwrap();
    assert_eq!(built(vec![key("acme"), sealing.clone()]), Some(Code::KeyDuplicate));
    // One name for two keys.
    assert_eq!(
        built(vec![key("acme"), raw("x", &[9; 32]).with_external_keyid("acme")]),
        Some(Code::KeyDuplicate)
    );
    assert_eq!(
        built(vec![
            raw("y", &[8; 32]).with_external_keyid("a b"),
            raw("x", &[9; 32]).with_external_keyid("a b")
        ]),
        Some(Code::KeyDuplicate)
    );
    assert_eq!(built(vec![raw("y", &[8; 32]).with_external_keyid("a b"), raw("x", &[9; 32])]), None);
    // What no ring takes.
    assert_eq!(built(vec![sealing.clone().with_direction(Direction::Request)]), Some(Code::KeyringFile));
    assert_eq!(built(vec![sealing.with_external_keyid("x")]), Some(Code::KeyringFile));
    assert_eq!(built(vec![raw("x", &[9; 32]).with_external_keyid("\u{e9}")]), Some(Code::KeyringFile));
    assert_eq!(code(Keyring::builder().primary(key("acme")).build()), Some(Code::KeyringFile));
    let root = Key::hazmat_from_secret(kid("r"), Purpose::SigRaw, Suite::HmacSha256, &[9; 32]).unwrap();
    assert_eq!(built(vec![root.with_direction(Direction::Request)]), Some(Code::KeyringFile));
}

#[test]
fn rule_s19_one_key_never_serves_both_directions() {
    let raw = |id: &str| Key::raw(Kid::parse(id).unwrap(), Suite::HmacSha256, &[9; 32], &CLOCK).unwrap();
    let built =
        |keys: [Key; 2]| code(keys.into_iter().fold(Keyring::builder(), |ring, key| ring.key(key)).build());
    assert_eq!(built([key("acme"), raw("x")]), Some(Code::KeyringFile));
    let both = [raw("x").with_direction(Direction::Request), raw("y").with_direction(Direction::Response)];
    assert_eq!(built(both), Some(Code::KeyDuplicate));
    assert_eq!(built([key("acme"), raw("x").with_direction(Direction::Response)]), None);
}

#[test]
fn rule_s19_nothing_in_a_message_feeds_the_context_of_a_key() {
    let ring = derived(&[("p1", "acme"), ("p2", "bank")]);
    // All that a sender chooses says that he is somebody else.
    let signer = Signer::new(ring.clone(), Profile::apiseal_v1()).key("p1").label("bank").unwrap();
    let sent = Sent::get("/bank?partner=bank").with("partner", "bank").with("prefer", "partner=bank");
    let sent = sent.carrying(&sent.try_sign(&signer).unwrap());
    let seen = sent.verified(&strict(ring), |verified| {
        let partner =
            verified.scope().find(|(name, _)| *name == "partner").map(|(_, value)| value.to_owned());
        (verified.key_id().to_owned(), verified.principal().map(str::to_owned), partner)
    });
    assert_eq!(seen.unwrap(), ("p1".to_owned(), Some("acme".to_owned()), Some("acme".to_owned())));
}

#[test]
fn lesson_s24_keys_do_not_print() {
    let ring = ring();
    ring.keys().for_each(|key| assert!(!format!("{key:?}").contains("[1, 1")));
    let signer = Signer::new(ring.clone(), Profile::apiseal_v1()).key("acme");
    let signed = get().try_sign(&signer).unwrap();
    let text = format!("{ring:?} {signer:?} {signed:?} {:?}", strict(ring.clone()));
    assert!(text.contains("REDACTED") || !text.contains("secret"), "{text}");
    for secret in ["\u{1}\u{1}\u{1}", "[1, 1, 1", "01010101", "AQEBAQ"] {
        assert!(!text.contains(secret), "{text}");
    }
}

// External signers.

struct Outside(ed25519_dalek::SigningKey, bool);

impl ExternalSigner for Outside {
    fn sign(&self, base: &[u8]) -> std::result::Result<Vec<u8>, String> {
        use ed25519_dalek::Signer;
        match self.1 {
            true => Ok(self.0.sign(base).to_bytes().to_vec()),
            false => Err("the module is offline".into()),
        }
    }
}

#[test]
fn an_external_signer_holds_the_key() {
    let outside =
        |byte: u8, online| Arc::new(Outside(ed25519_dalek::SigningKey::from_bytes(&[byte; 32]), online));
    let public = Key::raw_public(
        Kid::parse("hsm").unwrap(),
        Suite::Ed25519,
        outside(7, true).0.verifying_key().as_bytes(),
        &CLOCK,
    );
    let ring = Keyring::builder().key(public.unwrap().with_direction(Direction::Request)).build().unwrap();
    let signer = Signer::new(ring.clone(), Profile::apiseal_v1());
    assert_eq!(code(get().try_sign(&signer)), Some(Code::NoPrimary));
    assert_eq!(code(get().try_sign(&signer.clone().key("hsm"))), Some(Code::NotSignable));
    // A shared secret is none of its: named or not, it does not come into question.
    let secret = Key::raw(Kid::parse("shared").unwrap(), Suite::HmacSha256, &[9; 32], &CLOCK).unwrap();
    let both = ring.with_key(secret.with_direction(Direction::Request)).unwrap();
    let outer = Signer::new(both, Profile::apiseal_v1()).external(outside(7, true));
    assert!(get().try_sign(&outer).is_ok());
    assert_eq!(code(get().try_sign(&outer.key("shared"))), Some(Code::NotSignable));
    let signed = get().try_sign(&signer.clone().external(outside(7, true))).unwrap();
    assert!(get().carrying(&signed).verify_with(&strict(ring)).is_ok());
    // What the ring's public key does not verify is not sent.
    assert_eq!(code(get().try_sign(&signer.clone().external(outside(8, true)))), Some(Code::ExternalSigner));
    let error = get().try_sign(&signer.external(outside(7, false))).unwrap_err();
    assert_eq!((error.code(), error.detail()), (Code::ExternalSigner, Some("the module is offline")));
}

#[test]
fn a_clock_that_tells_no_time_signs_nothing() {
    let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
    let request = Message::request("GET", "https", "api.example", "/a");
    for (now, expected) in [(u64::MAX, Some(Code::NotSignable)), (999_999_999_999_999, None)] {
        assert_eq!(code(signer.sign(&request, &FixedClock(now)).map(drop)), expected);
    }
}
