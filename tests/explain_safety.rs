//! What explanations never do: name a change that was not made, change a verdict, claim a nonce, work for unknown keys,
//! cost more than their budget, or show what the key would make. And the debug token.

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

// Budgets, by what was counted.

fn with_effort(sent: &Sent, profile: &Profile, effort: Effort) -> Explanation {
    sent.view(|message| at(profile).explainer().effort(effort).explain(message, &CLOCK))
}

#[test]
fn rule_s27_verifications_are_bounded() {
    let bad = signed(&strict(), &request()).but(|sent| sent.target = "/nowhere".into());
    for verifications in [1, 2, 10, 100] {
        let effort = Effort { verifications, ..Effort::default() };
        let explanation = with_effort(&bad, &strict(), effort);
        assert_eq!(explanation.work().verifications, verifications);
        assert!(explanation.is_exhausted() && explanation.to_string().contains("budget"), "{explanation}");
    }
    let all = explained(&at(&strict()), &bad);
    assert!(
        !all.is_exhausted() && all.work().verifications < Effort::default().verifications,
        "{:?}",
        all.work()
    );
}

#[test]
fn rule_s27_many_headers_cost_no_more_than_the_budget() {
    let names: Vec<String> = (0..30).map(|at| format!("x-{at}")).collect();
    let profile = covering(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut sent = Sent::get("/?a=1&b=2&c=3&d=4&e=5");
    for name in &names {
        for at in 0..30 {
            sent = sent.with(name, &format!("value {at}, other; {at}=\"x\", {}", "y".repeat(20)));
        }
    }
    let bad = signed(&profile, &sent).but(|sent| set(sent, "x-3", "gone"));
    for bytes in [100_000, 1 << 20, 8 << 20] {
        let effort = Effort { bytes, verifications: u32::MAX, ..Effort::default() };
        let explanation = with_effort(&bad, &profile, effort);
        let work = explanation.work();
        assert!(work.bytes <= bytes.max(100_000) && explanation.is_exhausted(), "{work:?}");
    }
    // Names that all may have been added.
    let mut sent = signed(&strict(), &Sent::get("/"));
    for at in 0..200 {
        sent = sent.with(&format!("x_{at}"), "1");
    }
    let work = explained(&at(&strict()), &sent).work();
    assert!(work.verifications <= 80, "{work:?}");
}

#[test]
fn rule_s27_long_texts_are_left_aside() {
    let profile = covering(&["@path", "@query", "x-long"]);
    let long = "a%2f+&".repeat(5000);
    let sent = Sent::get(&format!("/{long}?{long}")).with("x-long", &"b, ".repeat(15_000));
    let bad = signed(&profile, &sent).but(|sent| sent.target.push('!'));
    let explanation = explained(&at(&profile), &bad);
    assert!(explanation.is_exhausted() && explanation.work().verifications < 200, "{:?}", explanation.work());
    // JSON beyond 4 MiB: its ends alone are tried.
    let body = format!("[{}1]", "1,".repeat(2_100_000));
    let bad = signed(&strict(), &Sent { body: body.into(), ..Sent::post() });
    let more = bad.clone().but(|sent| sent.body.push(b'\n'));
    assert_eq!(only(&explained(&at(&strict()), &more)).kind(), ChangeKind::ContentEnds);
    nothing(&explained(&at(&strict()), &bad.but(|sent| sent.body[1] = b'2')), Code::DigestMismatch);
}

#[test]
fn rule_s27_large_content_costs_no_more_than_the_budget() {
    let body = format!("[{}1]", "{\"a\": 1.5, \"b\": \"x\"}, ".repeat(50_000));
    let bad = signed(&strict(), &Sent { body: body.clone().into(), ..Sent::post() });
    let bad = bad.but(|sent| sent.body = body.replace("1.5", "1.6").into());
    for bytes in [2 << 20, 8 << 20] {
        let effort = Effort { bytes, ..Effort::default() };
        let explanation = with_effort(&bad, &strict(), effort);
        let work = explanation.work();
        assert!(work.bytes <= bytes && explanation.is_exhausted(), "{work:?}");
        nothing(&explanation, Code::DigestMismatch);
    }
}

#[test]
fn rule_s27_decoded_content_is_bounded() {
    let bomb = |_: &str, _: &[u8], limit: usize| Some(vec![0; limit + 1]);
    let greedy = |_: &str, _: &[u8], limit: usize| Some(vec![0; limit]);
    let sent = signed(&strict(), &Sent::post().with("content-encoding", "gzip, gzip, gzip"))
        .but(|sent| sent.body.push(b' '));
    let effort = Effort { decoded: 1000, ..Effort::default() };
    let told = |decoder: apiseal::Decoder<'_>| {
        sent.view(|message| {
            at(&strict()).explainer().effort(effort).decoder(decoder).explain(message, &CLOCK)
        })
    };
    assert_eq!(told(&bomb).work().decoded, 0);
    assert_eq!(told(&greedy).work().decoded, 1000);
}

#[test]
fn deep_json_is_left_alone() {
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let sent =
        signed(&strict(), &Sent { body: body.into(), ..Sent::post() }).but(|sent| sent.body.push(b'!'));
    nothing(&explained(&at(&strict()), &sent), Code::DigestMismatch);
}

// Responses.

struct Round {
    request: Sent,
    response: Sent,
}

/// A request and its response, signed under this profile.
fn round(profile: &Profile, request: &Sent, response: &Sent) -> Round {
    let request = signed(profile, request);
    let signer = Signer::new(keys(Suite::HmacSha256), profile.clone());
    let made = request.view(|message| {
        let verified = at(profile).verify(message, &CLOCK).unwrap();
        respond(response, |response| signer.sign_response(response, &verified, &CLOCK)).unwrap()
    });
    Round { response: response.carrying(&made), request }
}

fn respond<T>(sent: &Sent, use_it: impl FnOnce(&Message<'_>) -> T) -> T {
    let headers: Vec<apiseal::Header<'_>> =
        sent.headers.iter().map(|(name, value)| apiseal::Header::new(name, value)).collect();
    let status: u16 = sent.method.parse().unwrap();
    use_it(&Message::response(status).headers(&headers).body(&sent.body))
}

fn answer() -> Sent {
    let json = Sent { method: "200".into(), body: b"{\"id\": 7}".to_vec(), ..Sent::get("/") };
    json.with("content-type", "application/json")
}

fn explained_response(profile: &Profile, round: &Round) -> Explanation {
    round.request.view(|request| {
        let sent = at(profile).verify(request, &CLOCK).unwrap();
        respond(&round.response, |response| at(profile).explain_response(response, &sent, &CLOCK))
    })
}

#[test]
fn responses() {
    let good = round(&strict(), &Sent::post(), &answer());
    assert!(explained_response(&strict(), &good).verifies());
    let changed = |change: fn(&mut Sent)| Round {
        request: good.request.clone(),
        response: good.response.clone().but(change),
    };
    for (kind, change) in [
        (ChangeKind::Status, (|sent| sent.method = "304".into()) as fn(&mut Sent)),
        (ChangeKind::Json, |sent| sent.body = b"{\"id\":7}".to_vec()),
        (ChangeKind::HeaderValue, |sent| set(sent, "content-type", "application/json; charset=utf-8")),
        (ChangeKind::HeaderDropped, |sent| sent.headers.retain(|line| line.0 != "content-type")),
        (ChangeKind::HeaderAdded, |sent| sent.headers.push(("x_y".into(), "1".into()))),
    ] {
        let change = only(&explained_response(&strict(), &changed(change)));
        assert_eq!(change.kind(), kind, "{change}");
    }
    let lost = changed(|sent| sent.body = b"{}".to_vec());
    nothing(&explained_response(&strict(), &lost), Code::DigestMismatch);
    // The request of another response.
    let other = Round { request: signed(&strict(), &Sent::post()), response: good.response };
    nothing(&explained_response(&strict(), &other), Code::ResponseMismatch);
}

#[test]
fn responses_that_see_the_request_otherwise() {
    // A foreign service signs `;req` components as it received the request behind its proxy.
    let profile = Profile::rfc9421("p")
        .require("@method")
        .require_in_response("@status")
        .require_in_response("\"@authority\";req")
        .require_in_response("\"@path\";req")
        .require_in_response("\"@method\";req")
        .require_in_response("\"content-type\";req");
    let profile = profile.build().unwrap();
    let sent = Sent::post().with("x-other", "1");
    for (kind, signed_for) in [
        (ChangeKind::Authority, Sent { authority: "www.api.example".into(), ..sent.clone() }),
        (ChangeKind::Port, Sent { authority: "api.example:8443".into(), ..sent.clone() }),
        (ChangeKind::PathSlash, Sent { target: "/orders/".into(), ..sent.clone() }),
        (ChangeKind::Method, Sent { method: "PUT".into(), ..sent.clone() }),
    ] {
        let base = |request: &Sent, parameters: &str| {
            let path = request.target.split('?').next().unwrap();
            format!(
                "\"@status\": 200\n\"@authority\";req: {}\n\"@path\";req: {path}\n\"@method\";req: {}\n\
                 \"content-type\";req: application/json\n\"@signature-params\": {parameters}",
                request.authority, request.method
            )
        };
        let parameters = format!(
            "(\"@status\" \"@authority\";req \"@path\";req \"@method\";req \"content-type\";req);created={NOW};keyid=\"service\""
        );
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[2; 32]).unwrap();
        mac.update(base(&signed_for, &parameters).as_bytes());
        let tag = STANDARD.encode_to_string(mac.finalize().into_bytes());
        let response = answer()
            .with("signature-input", &format!("s={parameters}"))
            .with("signature", &format!("s=:{tag}:"));
        let explanation = sent.view(|request| {
            respond(&response, |response| {
                at(&profile).explain_response(response, Exchange::Message(request), &CLOCK)
            })
        });
        let change = only(&explanation);
        assert_eq!(change.kind(), kind, "{change}");
        assert!(change.component().ends_with(";req"));
    }
}

// The debug token.

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

// Random messages, random damage.

/// A kind of damage, and the kinds that may be named for it: what another change undoes as well is as good a name.
fn damage(sent: &mut Sent, which: usize) -> &'static [ChangeKind] {
    use ChangeKind::*;
    let (path, query) = sent.target.split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    match which {
        0 => {
            sent.headers.push(("x-forwarded-host".into(), sent.authority.clone().into()));
            sent.authority = "backend".into();
            &[Authority]
        }
        1 => {
            sent.authority.push_str(":8080");
            &[Port]
        }
        2 => {
            sent.target = format!("{path}/?{query}");
            &[PathSlash]
        }
        3 => {
            sent.target = format!("{path}?{}", query.replace('+', "%20"));
            &[PlusSpace, PercentEncoding]
        }
        4 => {
            sent.target = sent.target.replace("%2F", "%2f").replace("%C3%A9", "%c3%a9");
            &[PercentEncoding]
        }
        5 => {
            let mut pairs: Vec<&str> = query.split('&').collect();
            pairs.reverse();
            sent.target = format!("{path}?{}", pairs.join("&"));
            &[QueryOrder]
        }
        6 => {
            sent.target.push_str("&utm_source=x");
            &[QueryAdded]
        }
        7 => {
            let lines: Vec<usize> =
                (0..sent.headers.len()).filter(|at| sent.headers[*at].0 == "x-list").collect();
            sent.headers.swap(lines[0], lines[1]);
            &[HeaderOrder]
        }
        8 => {
            set(sent, "content-type", "application/json; charset=utf-8");
            &[HeaderValue]
        }
        9 => {
            let value: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
            sent.body = serde_json::to_vec_pretty(&value).unwrap();
            &[Json]
        }
        10 => {
            sent.body.push(b'\n');
            &[ContentEnds, Json]
        }
        11 => {
            sent.headers.push(("authorization".into(), "Basic eA==".into()));
            &[HeaderAdded]
        }
        12 => {
            sent.headers.retain(|line| line.0 != "content-type");
            &[HeaderDropped]
        }
        _ => {
            sent.method = "PUT".into();
            &[Method]
        }
    }
}

fn any_request() -> impl Strategy<Value = Sent> {
    let word = "[a-z]{1,6}";
    let pairs = proptest::collection::vec((word, "[a-z+]{1,6}"), 2..5);
    (proptest::collection::vec(word, 1..4), pairs, word, word, any::<u32>()).prop_map(
        |(path, pairs, one, other, number)| {
            // A counted name keeps the pairs apart, so that another order is another query.
            let query: Vec<String> =
                pairs.iter().enumerate().map(|(at, (name, value))| format!("{name}{at}={value}+x")).collect();
            let target = format!("/{}%2F%C3%A9?{}", path.join("/"), query.join("&"));
            let body = format!("{{\"b\":{number},\"a\":\"{one}\",\"c\":[\"{other}\"]}}");
            Sent { method: "POST".into(), body: body.into(), ..Sent::get(&target) }
                .with("content-type", "application/json")
                .with("x-list", &one)
                .with("x-list", &format!("{other}z"))
        },
    )
}

fn everything() -> Profile {
    let ids = ["@method", "@authority", "@path", "@query", "x-list", "content-type", "content-digest"];
    let profile = ids.iter().fold(Profile::rfc9421("p"), |profile, id| profile.require(id));
    profile.if_present("authorization").build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_named_change_is_the_one_that_was_made(sent in any_request(), which in 0..14_usize, seed in any::<u64>()) {
        let signer = Signer::new(keys(Suite::HmacSha256), everything()).hazmat_random(Counted::new(seed));
        let good = sent.carrying(&sent.try_sign(&signer).unwrap());
        prop_assert!(explained(&at(&everything()), &good).verifies());
        let mut bad = good.clone();
        let kinds = damage(&mut bad, which);
        let explanation = explained(&at(&everything()), &bad);
        prop_assert!(explanation.remaining().is_none() && explanation.changes().len() == 1, "{which}: {explanation}");
        prop_assert!(kinds.contains(&explanation.changes()[0].kind()), "{which}: {explanation}");
        prop_assert!(!explanation.is_exhausted());
    }
}

proptest! {
    // A search that finds nothing tries all.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn two_changes_are_never_called_one(sent in any_request(), x in 0..9_usize, y in 0..9_usize) {
        prop_assume!(x != y);
        let good = signed(&everything(), &sent);
        let mut bad = good.clone();
        damage(&mut bad, x);
        damage(&mut bad, y);
        let explanation = explained(&at(&everything()), &bad);
        // Whatever is named makes the base that was signed: all its lines are those of the good message.
        if let Some(base) = explanation.signed_base() {
            let own = good.view(|message| at(&everything()).verify(message, &CLOCK).unwrap().base().to_vec());
            prop_assert_eq!(base.as_bytes(), &own[..]);
        } else {
            prop_assert!(explanation.changes().is_empty() && explanation.remaining().is_some());
        }
    }
}

#[test]
fn every_kind_of_key() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256Sha256] {
        let profile = everything();
        let ring = match suite {
            Suite::Ed25519 => keys(suite),
            _ => keys(Suite::EcdsaP256Sha256),
        };
        let sent = Sent::post().with("x-list", "a");
        let good = sent.carrying(&sent.try_sign(&Signer::new(ring.clone(), profile.clone())).unwrap());
        let verifier = Verifier::new(ring, profile, NoReplayCheck);
        assert!(explained(&verifier, &good).verifies());
        let bad = good.but(|sent| sent.authority = "api.example:8443".into());
        assert_eq!(
            pair(&only(&explained(&verifier, &bad))),
            (ChangeKind::Port, "api.example", "api.example:8443")
        );
    }
}
