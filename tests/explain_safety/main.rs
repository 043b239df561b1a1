//! What explanations never do: name a change that was not made, change a verdict, claim a nonce, work for unknown keys,
//! cost more than their budget, or show what the key would make. And the debug token.

mod budgets;
mod damage;
mod debug_token;
mod responses;

use apiseal::{
    ChangeKind, Code, Direction, Effort, Exchange, Explanation, FixedClock, Key, Keyring, Kid, MemoryReplay,
    Message, NoReplayCheck, Profile, Side, Signer, Suite, Verifier,
};
use apiseal_workspace::Counted;
use apiseal_workspace::explaining::{at, covering, explained, keys, only, pair, set, signed};
use apiseal_workspace::signing::{NOW, Sent};
use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;

const CLOCK: FixedClock = FixedClock(NOW);

fn strict() -> Profile {
    Profile::apiseal_v1()
}

fn nothing(explanation: &Explanation, code: Code) {
    let told = explanation.to_string();
    assert_eq!(explanation.error().map(|error| error.code()), Some(code), "{told}");
    assert!(explanation.changes().is_empty() && explanation.signed_base().is_none(), "{told}");
    assert_eq!(explanation.remaining().map(|error| error.code()), Some(code), "{told}");
    assert!(explanation.advice().is_some_and(|advice| told.contains(advice) && advice.len() > 20), "{told}");
}

fn request() -> Sent {
    Sent::post().with("x-list", "a, b").with("x-list", "c").with("accept", "*/*")
}

#[test]
fn undamaged_messages_verify() {
    for profile in [strict(), covering(&["@target-uri", "x-list", "content-digest"])] {
        for sent in [request(), Sent::get("/"), Sent::get("/a%2Fb?x=1&y=+")] {
            let sent = sent.with("x-list", "d");
            let explanation = explained(&at(&profile), &signed(&profile, &sent));
            assert!(explanation.verifies() && explanation.changes().is_empty(), "{explanation}");
            assert!(explanation.to_string().starts_with("the message verifies as it is"));
            assert_eq!(explanation.work().verifications, 1);
        }
    }
}

#[test]
fn wrong_signatures_have_no_cause() {
    let good = signed(&strict(), &request());
    let sigs = [[0; 32].to_vec(), vec![7; 32], vec![1; 31], vec![1; 64], Vec::new()];
    for bytes in sigs {
        let text = format!("sig=:{}:", STANDARD.encode_to_string(&bytes));
        let explanation = explained(&at(&strict()), &good.clone().but(|sent| set(sent, "signature", &text)));
        nothing(&explanation, Code::SignatureInvalid);
        assert!(explanation.to_string().starts_with("no known change makes it verify"));
        assert!(!explanation.is_exhausted() && explanation.base().is_some());
    }
    // A right signature under another key, and one whose parameters were replaced.
    let other = good.clone().but(|sent| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[9; 32]).unwrap();
        mac.update(explained(&at(&strict()), sent).base().unwrap_or_default().as_bytes());
        let tag = STANDARD.encode_to_string(mac.finalize().into_bytes());
        set(sent, "signature", &format!("sig=:{tag}:"));
    });
    nothing(&explained(&at(&strict()), &other), Code::SignatureInvalid);
    let other = good.clone().but(|sent| {
        let input = sent.header("signature-input").replace("nonce=\"", "nonce=\"A");
        set(sent, "signature-input", &input);
    });
    nothing(&explained(&at(&strict()), &other), Code::SignatureInvalid);
    // Content that nobody signed.
    let other = good.but(|sent| sent.body = b"{\"amount\": 8}".to_vec());
    nothing(&explained(&at(&strict()), &other), Code::DigestMismatch);
}

#[test]
fn rule_s27_only_for_a_known_key() {
    let good = signed(&strict(), &Sent::get("/a")).but(|sent| sent.target = "/a/".into());
    let unknown = good.clone().but(|sent| {
        let input = sent.header("signature-input").replace("\"client\"", "\"nobody\"");
        set(sent, "signature-input", &input);
    });
    for expected in [Code::UnknownKey, Code::KeyState] {
        let ring = match expected {
            Code::UnknownKey => keys(Suite::HmacSha256),
            _ => {
                let key =
                    Key::raw(Kid::parse("client").unwrap(), Suite::HmacSha256, &[1; 32], &CLOCK).unwrap();
                Keyring::builder()
                    .key(key.with_direction(Direction::Request).with_validity(None, Some(NOW)))
                    .build()
                    .unwrap()
            }
        };
        let verifier = Verifier::new(ring, strict(), NoReplayCheck);
        let sent = if expected == Code::UnknownKey { &unknown } else { &good };
        let explanation = explained(&verifier, sent);
        nothing(&explanation, expected);
        assert!(
            explanation.base().is_none() && explanation.work().verifications == 1,
            "nothing was computed"
        );
    }
    // Also where a header would have to be left out first.
    nothing(&explained(&at(&strict()), &unknown.with("x_y", "1")), Code::MalformedMessage);
}

#[test]
fn rule_s27_nothing_is_claimed_and_no_verdict_changes() {
    let verifier = Verifier::new(keys(Suite::HmacSha256), strict(), MemoryReplay::new(10, &FixedClock(0)));
    let good = signed(&strict(), &Sent::get("/a"));
    let bad = good.clone().but(|sent| sent.target = "/a/".into());
    for _ in 0..3 {
        assert!(explained(&verifier, &good).verifies());
        assert_eq!(only(&explained(&verifier, &bad)).kind(), ChangeKind::PathSlash);
        assert!(bad.verify_with(&verifier).is_err());
    }
    let first = good.view(|message| verifier.verify(message, &CLOCK).map(|_| ()));
    let again = good.view(|message| verifier.verify(message, &CLOCK).map(|_| ())).unwrap_err();
    assert!(first.is_ok() && again.code() == Code::Replayed);
    let told = Explanation::of(&again).to_string();
    assert!(told.contains("sign anew") && told.contains("[615]"), "{told}");
}

#[test]
fn rule_s27_no_expected_mac_is_shown() {
    let sent = Sent::get("/a").with("x-forwarded-host", "signed.example");
    let there = Sent { authority: "signed.example".into(), ..sent.clone() };
    let good = signed(&strict(), &there);
    let mac = good.header("signature").trim_start_matches("sig=:").trim_end_matches(':').to_owned();
    // The verifier finds the base; the signature that would fit the received one, and the right one, stay inside.
    let bad = good.clone().but(|sent| sent.authority = "api.example".into());
    let explanation = explained(&at(&strict()), &bad);
    assert_eq!(only(&explanation).kind(), ChangeKind::Authority);
    let own = signed_exactly(&bad);
    for text in [format!("{explanation}"), format!("{explanation:?}")] {
        assert!(!text.contains(&mac) && !text.contains(&own), "{text}");
    }
}

/// The MAC of the base as received.
fn signed_exactly(sent: &Sent) -> String {
    let base = explained(&at(&strict()), sent).base().unwrap().to_owned();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[1; 32]).unwrap();
    mac.update(base.as_bytes());
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

#[test]
fn base_and_difference() {
    let bad = signed(&strict(), &Sent::get("/a?x=1")).but(|sent| sent.target = "/a/?x=1".into());
    let explanation = explained(&at(&strict()), &bad);
    assert!(explanation.base().unwrap().contains("\"@path\": /a/\n"));
    assert!(explanation.signed_base().unwrap().contains("\"@path\": /a\n"));
    let differs: Vec<(Side, &str)> = explanation.diff().filter(|(side, _)| *side != Side::Both).collect();
    assert_eq!(differs, [(Side::Received, "\"@path\": /a/"), (Side::Signed, "\"@path\": /a")]);
    let same: Vec<&str> =
        explanation.diff().filter(|(side, _)| *side != Side::Signed).map(|(_, line)| line).collect();
    assert_eq!(same.join("\n"), explanation.base().unwrap());
}

#[test]
fn advice_where_no_bytes_can_be_tried() {
    let good = signed(&strict(), &Sent::get("/a"));
    let input = |sent: &mut Sent, from: &str, to: &str| {
        let text = sent.header("signature-input").replace(from, to);
        set(sent, "signature-input", &text);
    };
    let verifier = at(&strict());
    nothing(&explained(&verifier, &Sent::get("/")), Code::SignatureMissing);
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, "\"@method\"", "\"@method\" 7"))),
        Code::SignatureMalformed,
    );
    nothing(
        &explained(
            &verifier,
            &good.clone().but(|sent| input(sent, "sig=", "sig=(\"@path\");tag=\"apiseal-req-v1\", x=")),
        ),
        Code::SignatureAmbiguous,
    );
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, "\"@query\"", "\"accept\""))),
        Code::NotCovered,
    );
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, "\"@query\"", "\"@query\" \"x\";sf"))),
        Code::ComponentNotAllowed,
    );
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, "\"@query\"", "\"@query\" \"x\""))),
        Code::ComponentMissing,
    );
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, ";nonce=\"", ";other=\""))),
        Code::SignatureParameters,
    );
    nothing(
        &explained(&verifier, &good.clone().but(|sent| input(sent, ";keyid", ";alg=\"ed25519\";keyid"))),
        Code::SignatureAlgorithm,
    );
    let long = good.clone().with("x-long", &"x".repeat(9000));
    nothing(&explained(&verifier, &long), Code::LimitMessage);
    let demanding = at(&strict()).demand_scope("environment", "production");
    nothing(&explained(&demanding, &good), Code::ContextScope);
    let mut codes = 0;
    for code in Code::ALL.iter().filter(|code| (600..625).contains(&code.number())) {
        codes += 1;
        assert!(!code.sentence().is_empty());
    }
    assert_eq!(codes, 25);
}
