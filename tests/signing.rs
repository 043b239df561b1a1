//! Request signing as a whole: replay, keys and their rotation, responses, proxies, content in pieces, foreign profiles.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apiseal::{
    Claim, Code, Context, Direction, ExternalSigner, FixedClock, Key, KeyState, Keyring, KeyringHandle, Kid,
    MemoryReplay, Message, NoReplayCheck, Outcome, Profile, Purpose, ReplayStore, Result, Signed, Signer,
    Suite, Verified, Verifier,
};
use apiseal_workspace::signing::{NONCE, NOW, Sent, good, key, ring, verifier};
use apiseal_workspace::{Repeated, code};

const CLOCK: FixedClock = FixedClock(NOW);

fn get() -> Sent {
    Sent::get("/a?x=1")
}

fn memory() -> MemoryReplay {
    MemoryReplay::new(1000, &FixedClock(0))
}

fn strict(ring: impl Into<KeyringHandle>) -> Verifier {
    Verifier::new(ring, Profile::apiseal_v1(), memory())
}

// Replay.

#[test]
fn case_46_a_nonce_is_accepted_once_for_each_key() {
    let verifier = verifier();
    let signed = get().signed();
    assert!(signed.verify_with(&verifier).is_ok());
    assert_eq!(code(signed.verify_with(&verifier)), Some(Code::Replayed));
    // Also in another message, but not under another key.
    let other = Sent::post().signed();
    assert!(other.header("signature-input").contains(NONCE));
    assert_eq!(code(other.verify_with(&verifier)), Some(Code::Replayed));
    assert!(
        other
            .without("signature-input")
            .without("signature")
            .signed_by("bank")
            .verify_with(&verifier)
            .is_ok()
    );
}

#[test]
fn lesson_s12_what_fails_burns_no_nonce() {
    let verifier = verifier();
    let signed = Sent::post().signed();
    for (bad, expected) in [
        (signed.clone().but(|sent| sent.target.push('0')), Code::SignatureInvalid),
        (signed.clone().but(|sent| sent.body.push(b' ')), Code::DigestMismatch),
        (signed.clone().with("range", "bytes=0-1"), Code::NotCovered),
    ] {
        assert_eq!(code(bad.verify_with(&verifier)), Some(expected));
    }
    assert!(signed.verify_with(&verifier).is_ok());
    assert_eq!(code(signed.verify_with(&verifier)), Some(Code::Replayed));
}

#[test]
fn case_46_of_1000_parallel_verifications_one_succeeds() {
    let verifier = verifier();
    let signed = Sent::post().signed();
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..50 {
                    match signed.verify_with(&verifier) {
                        Ok(()) => drop(accepted.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => assert_eq!(error.code(), Code::Replayed),
                    }
                }
            });
        }
    });
    assert_eq!(accepted.into_inner(), 1);
}

/// A store with one answer, which remembers what it was asked.
struct Always(Outcome, std::sync::Mutex<Vec<String>>);

impl ReplayStore for Always {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        let asked =
            format!("{} {} {} {} {}", claim.nonce, claim.principal, claim.created, claim.until, claim.now);
        self.1.lock().unwrap().push(asked);
        self.0
    }
}

#[test]
fn rule_s9_rule_s26_a_store_that_cannot_answer_rejects() {
    for (outcome, expected, status) in [
        (Outcome::First, None, 200),
        (Outcome::Seen, Some(Code::Replayed), 401),
        (Outcome::Full, Some(Code::ReplayFull), 503),
        (Outcome::Unknown, Some(Code::ReplayUnavailable), 503),
    ] {
        let store = Arc::new(Always(outcome, std::sync::Mutex::default()));
        let verifier = Verifier::new(ring(), Profile::apiseal_v1(), Arc::clone(&store));
        let result = get().signed().verify_with(&verifier);
        assert_eq!(result.as_ref().map_or_else(|error| error.http_status(), |()| 200), status);
        assert_eq!(code(result), expected);
        let asked = format!("{NONCE} acme {NOW} {} {NOW}", NOW + 330);
        assert_eq!(*store.1.lock().unwrap(), [asked]);
    }
    // A store that began after the message was signed.
    let young = Verifier::new(ring(), Profile::apiseal_v1(), MemoryReplay::new(10, &CLOCK));
    assert_eq!(code(get().signed().verify_with(&young)), Some(Code::ReplayUnavailable));
    let unchecked = Verifier::new(ring(), Profile::apiseal_v1(), NoReplayCheck);
    assert!((0..2).all(|_| get().signed().verify_with(&unchecked).is_ok()));
}

// Keys.

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

// The verdict.

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

// Responses.

struct Exchange {
    signed: Signed,
    request: Sent,
    service: Verifier,
    client: Verifier,
    signer: Signer,
}

impl Exchange {
    fn new(request: Sent) -> Self {
        let signed = request.try_sign(&Signer::new(ring(), Profile::apiseal_v1()).key("acme")).unwrap();
        Exchange {
            request: request.carrying(&signed),
            signed,
            service: verifier(),
            client: Verifier::new(ring(), Profile::apiseal_v1(), NoReplayCheck),
            signer: Signer::new(ring(), Profile::apiseal_v1()),
        }
    }

    /// The headers of the signature of a response.
    fn answer(&self, response: &Message<'_>) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        self.request
            .verified(&self.service, |verified| {
                let signed = self.signer.sign_response(response, verified, &CLOCK).unwrap();
                lines.extend(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
            })
            .unwrap();
        lines
    }

    fn check(&self, response: Message<'_>, lines: &[(String, String)]) -> Option<Code> {
        let response = lines.iter().fold(response, |response, (name, value)| response.header(name, value));
        code(self.client.verify_response(&response, &self.signed, &CLOCK))
    }
}

fn ok(status: u16) -> Message<'static> {
    Message::response(status).header("content-type", "application/json").body(b"{}")
}

#[test]
fn case_54_rule_s15_rule_s16_a_response_belongs_to_one_request() {
    let exchange = Exchange::new(Sent::post());
    let lines = exchange.answer(&ok(200));
    let input = lines.iter().find(|(name, _)| name == "signature-input").unwrap();
    for part in [
        "\"@status\"",
        "\"content-digest\"",
        "\"content-type\"",
        "\"@method\";req",
        "\"@authority\";req",
        "\"@path\";req",
        "\"@query\";req",
        "\"content-digest\";req",
    ] {
        assert!(input.1.contains(part), "{part}");
    }
    assert!(!input.1.contains("\"signature\""), "RFC 9421, section 7.3.7");
    // Changed.
    assert_eq!(exchange.check(ok(201), &lines), Some(Code::SignatureInvalid));
    assert_eq!(exchange.check(ok(200).body(b"[]"), &lines), Some(Code::DigestMismatch));
    assert_eq!(exchange.check(ok(200).header("content-encoding", "br"), &lines), Some(Code::NotCovered));
    // Another request: another nonce.
    let other = Exchange::new(Sent::post());
    assert_eq!(other.check(ok(200), &lines), Some(Code::ResponseMismatch));
    // The same nonce, other content.
    let nonce = || Repeated::new(vec![7; 16]);
    let with_nonce = |sent: Sent| {
        let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme").hazmat_random(nonce());
        let signed = sent.try_sign(&signer).unwrap();
        Exchange { request: sent.carrying(&signed), signed, ..Exchange::new(sent) }
    };
    let (one, two) =
        (with_nonce(Sent::post()), with_nonce(Sent::post().but(|sent| sent.body = b"[]".to_vec())));
    let lines_of_one = one.answer(&ok(200));
    assert_eq!(two.check(ok(200), &lines_of_one), Some(Code::SignatureInvalid));
    assert_eq!(one.check(ok(200), &lines_of_one), None);
    // The right one is accepted, once.
    assert_eq!(exchange.check(ok(200), &lines), None);
    assert_eq!(exchange.check(ok(200), &lines), Some(Code::Replayed));
}

#[test]
fn case_54_a_request_that_was_signed_elsewhere_ties_its_response_too() {
    let (exchange, other) = (Exchange::new(Sent::post()), Exchange::new(Sent::post()));
    let lines = exchange.answer(&ok(200));
    let response = lines.iter().fold(ok(200), |response, (name, value)| response.header(name, value));
    let check = |exchange: &Exchange, times: usize| -> Vec<Option<Code>> {
        let outcomes = exchange.request.verified(&exchange.client, |sent| {
            let once = |_| code(exchange.client.verify_response(&response, sent, &CLOCK));
            (0..times).map(once).collect()
        });
        outcomes.unwrap()
    };
    assert_eq!(check(&exchange, 2), [None, Some(Code::Replayed)]);
    assert_eq!(check(&other, 1), [Some(Code::ResponseMismatch)]);
}

#[test]
fn case_54_rule_s17_directions_are_apart() {
    let exchange = Exchange::new(get());
    // A request's key for a response: nothing to sign with, and not accepted either.
    let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
    let failed = exchange
        .request
        .verified(&exchange.service, |verified| code(signer.sign_response(&ok(200), verified, &CLOCK)));
    assert_eq!(failed.unwrap(), Some(Code::KeyState));
    let swapped = key("service").with_direction(Direction::Request);
    let client =
        Verifier::new(Keyring::builder().key(swapped).build().unwrap(), Profile::apiseal_v1(), NoReplayCheck);
    let exchange = Exchange { client, ..Exchange::new(get()) };
    let lines = exchange.answer(&ok(200));
    assert_eq!(exchange.check(ok(200), &lines), Some(Code::KeyState));
    // A response without a request at hand, and a request where a response is expected.
    let response = ok(200);
    assert_eq!(code(exchange.service.verify(&response, &CLOCK)), Some(Code::ResponseMismatch));
    let reflected = exchange
        .request
        .view(|message| code(exchange.client.verify_response(message, &exchange.signed, &CLOCK)));
    assert_eq!(reflected, Some(Code::ResponseMismatch));
    // A request that was only sent, not signed, ties nothing.
    let unsigned = Message::request("GET", "https", "api.example", "/");
    let response = lines.iter().fold(ok(200), |response, (name, value)| response.header(name, value));
    let client = Verifier::new(ring(), Profile::apiseal_v1(), NoReplayCheck);
    assert_eq!(code(client.verify_response(&response, &unsigned, &CLOCK)), Some(Code::ResponseMismatch));
    assert_eq!(exchange.check(ok(200), &[]), Some(Code::SignatureMissing));
}

#[test]
fn case_74_rule_s22_a_response_is_signed_once_and_for_a_verified_request() {
    let exchange = Exchange::new(get());
    let outcome = exchange.request.verified(&exchange.service, |verified| {
        let sign = |message: &Message<'_>| code(exchange.signer.sign_response(message, verified, &CLOCK));
        assert_eq!(sign(&Message::response(103)), Some(Code::NotSignable));
        assert_eq!(sign(&Message::request("GET", "https", "api.example", "/")), Some(Code::NotSignable));
        // A failure takes nothing away.
        assert_eq!(sign(&ok(200).header("content-length", "9")), Some(Code::MalformedMessage));
        assert_eq!(sign(&ok(200)), None);
        assert_eq!(sign(&ok(500)), Some(Code::NotSignable));
    });
    outcome.unwrap();
    // `sign` takes no responses.
    assert_eq!(code(exchange.signer.sign(&ok(200), &CLOCK)), Some(Code::NotSignable));
}

#[test]
fn rule_s22_responses_without_content() {
    for status in [200, 204, 304] {
        let exchange = Exchange::new(get());
        let response = || Message::response(status).header("content-length", "17");
        let lines = exchange.answer(&response());
        assert!(lines[0].1.contains("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), "the digest of nothing");
        assert_eq!(exchange.check(response(), &lines), None, "{status}");
    }
    let exchange = Exchange::new(get());
    let lines = exchange.answer(&Message::response(204));
    assert_eq!(exchange.check(Message::response(204).body(b"x"), &lines), Some(Code::NotCovered));
}

// Content in pieces.

#[test]
fn rule_s23_lesson_s30_spooled_content_is_released_when_the_digest_holds() {
    let body = vec![b'x'; 300_000];
    let sent = Sent::post().but(|sent| sent.body = body.clone()).signed();
    let spool = |verifier: &Verifier, pieces: &[&[u8]], late: u64| -> Result<(Vec<u8>, String)> {
        sent.view(|message| {
            let mut spool = verifier.spool(message, Vec::new(), &CLOCK)?;
            pieces.iter().try_for_each(|piece| spool.write(piece))?;
            let (verified, sink) = spool.finish(&FixedClock(NOW + late))?;
            assert_eq!(verified.body(), None, "it is in the sink");
            Ok((sink, verified.component("@path").unwrap().to_owned()))
        })
    };
    let pieces: Vec<&[u8]> = body.chunks(7919).collect();
    let verifier = verifier();
    // What fails burns no nonce.
    let (all_but_one, _) = body.split_at(body.len() - 1);
    assert_eq!(code(spool(&verifier, &[all_but_one], 0)), Some(Code::DigestMismatch));
    assert_eq!(code(spool(&verifier, &[&body, b"x"], 0)), Some(Code::DigestMismatch));
    assert_eq!(code(spool(&verifier, &[], 0)), Some(Code::DigestMismatch));
    // Content that took longer than the message is fresh: its nonce may be forgotten by then.
    assert_eq!(code(spool(&verifier, &pieces, 301)), Some(Code::SignatureExpired));
    assert_eq!(spool(&verifier, &pieces, 300).unwrap(), (body.clone(), "/orders".to_owned()));
    assert_eq!(code(spool(&verifier, &pieces, 0)), Some(Code::Replayed));
}

#[test]
fn rule_s23_spooled_content_has_its_bounds() {
    let spool = |sent: &Sent, profile: Profile, pieces: &[&[u8]]| {
        let verifier = Verifier::new(ring(), profile, NoReplayCheck);
        sent.view(|message| {
            let mut spool = verifier.spool(message, Vec::new(), &CLOCK)?;
            pieces.iter().try_for_each(|piece| spool.write(piece))?;
            spool.finish(&CLOCK).map(drop)
        })
    };
    let strict = Profile::apiseal_v1;
    // A head without a digest is no head of content.
    assert_eq!(code(spool(&get().signed(), strict(), &[b"x"])), Some(Code::DigestMissing));
    assert_eq!(code(spool(&get().signed(), strict(), &[])), None);
    let stated = |len: &str| Sent::post().signed().with("content-length", len);
    assert_eq!(code(spool(&stated("13"), strict(), &[b"{\"amount\"", b": 7}"])), None);
    assert_eq!(code(spool(&stated("12"), strict(), &[b"{\"amount\": 7}"])), Some(Code::MalformedMessage));
    assert_eq!(code(spool(&stated("14"), strict(), &[b"{\"amount\": 7}"])), Some(Code::MalformedMessage));
    let small = Profile::stricter("apiseal-v1").limits(8192, 12).build().unwrap();
    assert_eq!(code(spool(&Sent::post().signed(), small, &[b"{\"amount\": 7}"])), Some(Code::LimitMessage));
    // A sink that fails.
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let verifier = verifier();
    let failed = Sent::post().signed().view(|message| verifier.spool(message, Full, &CLOCK)?.write(b"{"));
    assert_eq!((failed.as_ref().unwrap_err().http_status(), code(failed)), (500, Some(Code::ContentSink)));
}

// Foreign profiles.

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

// Whatever comes.

mod anything {
    use super::*;
    use proptest::prelude::*;

    /// Text that is near to the grammar of the fields.
    fn nearly() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("sig="),
            Just("("),
            Just(")"),
            Just("\"@method\""),
            Just("\"@path\""),
            Just("\"content-digest\""),
            Just(";"),
            Just(";req"),
            Just(";sf"),
            Just(";key=\"a\""),
            Just(";tr"),
            Just(";bs"),
            Just("created=1800000100"),
            Just("keyid=\"acme\""),
            Just("tag=\"apiseal-req-v1\""),
            Just(","),
            Just(" "),
            Just(":AAAA:"),
            Just("sha-256="),
            Just("1.5"),
            Just("@1"),
            Just("?1"),
            Just("%\"x\""),
            Just("\\"),
            Just("\""),
            Just("-1"),
            Just("\u{e9}"),
            Just("\r\n "),
            Just("\0"),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn request() -> impl Strategy<Value = Sent> {
        let target =
            "(/|/[a-z%/]{0,12}(\\?[a-z=&%+]{0,12})?|https://[A-Za-z.]{1,9}(:[0-9]{1,5})?/[a-z]{0,5}|\\*)";
        let name = "(x-[a-z]{1,5}|X-Upper|cookie|Range|if-match|content-encoding)";
        let headers = prop::collection::vec((name, "[ -~]{0,20}"), 0..6);
        (target, "(GET|POST|PUT|DELETE|CUSTOM)", headers, prop::collection::vec(any::<u8>(), 0..40)).prop_map(
            |(target, method, headers, body)| {
                let sent = Sent { method, target, body, ..get() }.with("content-type", "x");
                headers.into_iter().fold(sent, |sent, (name, value)| sent.with(&name, &value))
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn lesson_s8_no_message_makes_the_verifier_panic(
            input in nearly(), signature in nearly(), digest in nearly(), accept in nearly(),
            target in ".{0,20}", method in ".{0,5}", authority in ".{0,12}", name in ".{0,8}",
        ) {
            let sent = Sent { method, target, authority, ..Sent::post() }
                .with(&name, &accept)
                .with("content-digest", &digest)
                .with("signature-input", &input)
                .with("signature", &signature);
            prop_assert!(sent.verify().is_err());
            let sent = Sent::post().with("signature-input", &input).with("signature", &signature);
            prop_assert!(sent.verify().is_err());
            let loose = Profile::rfc9421("apiseal-v1").require("@method").build().unwrap();
            prop_assert!(sent.verify_with(&Verifier::new(ring(), loose, NoReplayCheck)).is_err());
            let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
            prop_assert!(Sent::post().view(|message| signer.sign_accepting(message, accept.as_bytes(), &CLOCK)).is_ok());
        }

        #[test]
        fn what_is_signed_verifies_and_has_the_base_that_a_second_builder_makes(sent in request()) {
            let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme").hazmat_random(Repeated::new((0..16).collect()));
            let Ok(signed) = sent.try_sign(&signer) else { return Ok(()) };
            let received = sent.carrying(&signed);
            prop_assert_eq!(received.verify().map_err(|error| error.to_string()), Ok(()));
            // The second builder knows no absolute form.
            if sent.target.starts_with('/') {
                let input = received.header("signature-input").strip_prefix("sig=(").unwrap();
                let (ids, parameters) = input.split_once(')').unwrap();
                let again = sent.digested_if(&received).forged("sig", &ids.split(' ').collect::<Vec<_>>(), parameters, 1);
                prop_assert_eq!(again.header("signature"), received.header("signature"));
            }
        }
    }
}
