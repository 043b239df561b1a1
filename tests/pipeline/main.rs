//! Protect and accept: what travels, in which order it is judged, and what a stolen body is good for.

mod sides;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apiseal::{
    Acceptor, Audit, Claim, Code, Context, Direction, Event, FieldCipher, FixedClock, Header, Key, Keyring,
    KeyringFile, KeyringHandle, Kid, MemoryReplay, Message, NoReplayCheck, OsRandom, Outcome, Policy,
    Profile, Protected, Protector, Purpose, ReplayStore, Result, Signer, Suite, Verified, Verifier, hazmat,
};
use apiseal_workspace::code;
use apiseal_workspace::signing::NOW;

const CLOCK: FixedClock = FixedClock(NOW);
const BODY: &str =
    "{\"id\": 7, \"card\" : \"4111111111111111\",\n \"total\": 1.10, \"big\": 1E400, \"e\": \"\\u00e9\\/\"}";
const TOKEN: &str =
    r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card","bind":["$.id"],"occurs":"optional"}]}"#;
const DOCUMENT: &str =
    r#"{"apiseal_policy":1,"id":"d","layout":"document","bind":["$"],"rules":[{"path":"$.card"}]}"#;

fn kid(text: &str) -> Kid {
    Kid::parse(text).unwrap()
}

/// Two partners, one of whom has a key for each direction, and a service that signs with its own.
fn signing() -> Keyring {
    let key = |id: &str, secret: u8, direction| {
        Key::raw(kid(id), Suite::HmacSha256, &[secret; 32], &CLOCK).unwrap().with_direction(direction)
    };
    Keyring::builder()
        .key(key("acme", 1, Direction::Request).with_principal("acme"))
        .key(key("acme-next", 2, Direction::Request).with_principal("acme"))
        .key(key("bank", 3, Direction::Request).with_principal("bank"))
        .key(key("to-acme", 4, Direction::Response).with_principal("acme"))
        .key(key("service", 5, Direction::Response).with_principal("service"))
        .key(key("nobody", 6, Direction::Request))
        .key(key("unnamed", 7, Direction::Response))
        .build()
        .unwrap()
}

fn seal() -> Key {
    Key::hazmat_from_secret(kid("seal"), Purpose::Seal, Suite::Aes256Gcm, &[9; 32]).unwrap()
}

fn sealing() -> Keyring {
    Keyring::builder().primary(seal()).build().unwrap()
}

fn cipher_of(ring: Keyring, policy: &str) -> FieldCipher {
    FieldCipher::builder(ring, Policy::from_json(policy).unwrap()).clock(CLOCK).build().unwrap()
}

fn protector_of(kid: &str, policy: &str) -> Protector {
    let signer = Signer::new(signing(), Profile::apiseal_v1()).key(kid);
    Protector::new(cipher_of(sealing(), policy), signer).unwrap()
}

fn protector(kid: &str) -> Protector {
    protector_of(kid, TOKEN)
}

fn verifier(replay: impl ReplayStore + 'static) -> Verifier {
    Verifier::new(signing(), Profile::apiseal_v1(), replay)
}

fn acceptor() -> Acceptor {
    let replay = MemoryReplay::new(1000, &FixedClock(0));
    Acceptor::new(cipher_of(sealing(), TOKEN), verifier(replay)).unwrap()
}

fn orders(_: &Verified<'_>) -> Result<Context> {
    Context::new("orders")
}

fn context() -> Context {
    Context::new("orders").unwrap()
}

/// A message that owns its parts, so that it can be sent, changed and looked at.
#[derive(Clone, Debug)]
struct Sent {
    /// Of a request; a response has a status.
    target: Option<&'static str>,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn request() -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Sent { target: Some("/orders"), status: 0, headers, body: BODY.into() }
    }

    fn response() -> Self {
        Sent { target: None, status: 201, ..Sent::request() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// What is sent in its place.
    fn carrying(mut self, protected: &Protected) -> Self {
        for (name, value) in protected.headers() {
            self = self.without(name).with(name, value);
        }
        self.body(protected.body())
    }

    fn lines(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header::new(name, value)).collect()
    }

    fn view<'m>(&'m self, lines: &'m [Header<'m>]) -> Message<'m> {
        let message = match self.target {
            Some(target) => Message::request("POST", "https", "api.example", target),
            None => Message::response(self.status),
        };
        message.headers(lines).body(&self.body)
    }

    fn protected_by(&self, kid: &str) -> Sent {
        let protected = protector(kid).protect(&self.view(&self.lines()), &context()).unwrap();
        self.clone().carrying(&protected)
    }

    /// Signed as it is, by whoever can sign.
    fn signed_by(&self, kid: &str) -> Sent {
        let lines = self.lines();
        let signer = Signer::new(signing(), Profile::apiseal_v1()).key(kid);
        let signed = signer.sign(&self.view(&lines), &CLOCK).unwrap();
        signed.headers().fold(self.clone(), |sent, (name, value)| sent.with(name, value))
    }

    /// Without what one signature added.
    fn stripped(self) -> Sent {
        self.without("signature").without("signature-input").without("content-digest")
    }

    fn accepted_by(&self, acceptor: &Acceptor) -> Result<Vec<u8>> {
        let lines = self.lines();
        let accepted = acceptor.accept(&self.view(&lines), orders)?;
        assert_eq!(accepted.verified().body(), Some(&*self.body));
        Ok(accepted.into_parts().1.into_unprotected())
    }

    fn accepted(&self) -> Result<Vec<u8>> {
        self.accepted_by(&acceptor())
    }
}

/// Counts what it hears: every call of a cipher tells it something.
#[derive(Clone, Default)]
struct Heard(Arc<AtomicUsize>);

impl Audit for Heard {
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A store with one answer, which counts the questions.
struct Always(Outcome, AtomicUsize);

impl ReplayStore for Always {
    fn claim(&self, _: &Claim<'_>) -> Outcome {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0
    }
}

/// What an acceptor did with a message: the outcome, and how often it claimed, made a context, and decrypted.
fn watched(sent: &Sent, outcome: Outcome) -> (Option<Code>, usize, usize, usize) {
    let (heard, store) = (Heard::default(), Arc::new(Always(outcome, AtomicUsize::default())));
    let cipher = FieldCipher::builder(sealing(), Policy::from_json(TOKEN).unwrap())
        .clock(CLOCK)
        .audit(heard.clone())
        .build()
        .unwrap();
    let acceptor = Acceptor::new(cipher, verifier(Arc::clone(&store))).unwrap();
    let asked = AtomicUsize::default();
    let lines = sent.lines();
    let result = acceptor.accept(&sent.view(&lines), |verified| {
        // The claim comes before, the cipher after.
        assert_eq!((store.1.load(Ordering::Relaxed), heard.0.load(Ordering::Relaxed)), (1, 0));
        asked.fetch_add(1, Ordering::Relaxed);
        orders(verified)
    });
    let claims = store.1.load(Ordering::Relaxed);
    (code(result.map(drop)), claims, asked.into_inner(), heard.0.load(Ordering::Relaxed))
}

#[test]
fn request_and_response_come_back_byte_for_byte() {
    for policy in [TOKEN, DOCUMENT] {
        let clear = Sent::request().with("Content-Length", &BODY.len().to_string());
        let lines = clear.lines();
        let protected = protector_of("acme", policy).protect(&clear.view(&lines), &context()).unwrap();
        let sent = clear.clone().without("Content-Length").carrying(&protected);
        let wire = format!("{:?} {}", sent.headers, String::from_utf8_lossy(&sent.body));
        assert!(!wire.contains("4111") && wire.contains("1E400") && wire.contains(r"\u00e9"));
        let length = sent.headers.iter().find(|(name, _)| name == "content-length").unwrap();
        assert_eq!(length.1, sent.body.len().to_string());

        let replay = MemoryReplay::new(10, &FixedClock(0));
        let acceptor = Acceptor::new(cipher_of(sealing(), policy), verifier(replay)).unwrap();
        let lines = sent.lines();
        let accepted = acceptor.accept(&sent.view(&lines), orders).unwrap();
        assert_eq!(&accepted.document()[..], BODY.as_bytes());
        assert_eq!(accepted.verified().component("@path"), Some("/orders"));

        let answer = Sent::response();
        let answered = protector_of("service", policy)
            .protect_response(&answer.view(&answer.lines()), accepted.verified(), &context())
            .unwrap();
        let received = answer.clone().carrying(&answered);
        assert!(!String::from_utf8_lossy(&received.body).contains("4111"));
        let lines = received.lines();
        let opened = acceptor.accept_response(&received.view(&lines), &protected, orders).unwrap();
        assert_eq!(&opened.document()[..], BODY.as_bytes());
        assert_eq!(opened.verified().principal(), Some("service"));
        // Case 74: one response to a request, on both sides.
        let again = acceptor.accept_response(&received.view(&lines), &protected, orders);
        assert_eq!(code(again.map(drop)), Some(Code::Replayed));
        let again = protector_of("service", policy).protect_response(
            &answer.view(&answer.lines()),
            accepted.verified(),
            &context(),
        );
        assert_eq!(code(again.map(drop)), Some(Code::NotSignable));
    }
}

#[test]
fn case_62_a_body_that_another_partner_signs_again_does_not_open() {
    let captured = Sent::request().protected_by("acme").stripped();
    // The signature of the thief is valid; what it covers does not open.
    let stolen = captured.signed_by("bank");
    let lines = stolen.lines();
    assert!(verifier(NoReplayCheck).verify(&stolen.view(&lines), &CLOCK).is_ok());
    assert_eq!(code(stolen.accepted()), Some(Code::Rejected));
    // Another key of the same principal is the same principal.
    assert_eq!(captured.signed_by("acme-next").accepted().unwrap(), BODY.as_bytes());
}

#[test]
fn a_stolen_body_opens_in_no_other_direction() {
    // The same principal in both directions: only the direction keeps them apart.
    let request = Sent::request().protected_by("acme");
    let lines = request.lines();
    let acceptor = acceptor();
    let accepted = acceptor.accept(&request.view(&lines), orders).unwrap();
    let answer = Sent::response();
    let answered = protector("to-acme")
        .protect_response(&answer.view(&answer.lines()), accepted.verified(), &context())
        .unwrap();
    let reflected = Sent::request().body(answered.body()).signed_by("acme");
    assert_eq!(code(reflected.accepted()), Some(Code::Rejected));

    // And the body of a request as that of a response.
    let sent = Sent::request().protected_by("acme");
    let lines = sent.lines();
    let verified = verifier(NoReplayCheck).verify(&sent.view(&lines), &CLOCK).unwrap();
    let answer = Sent::response().body(&sent.body);
    let signer = Signer::new(signing(), Profile::apiseal_v1()).key("to-acme");
    let signed = signer.sign_response(&answer.view(&answer.lines()), &verified, &CLOCK).unwrap();
    let answer = signed.headers().fold(answer, |sent, (name, value)| sent.with(name, value));
    let lines = answer.lines();
    let opened = acceptor.accept_response(&answer.view(&lines), &verified, orders);
    assert_eq!(code(opened.map(drop)), Some(Code::Rejected));
}

#[test]
fn a_stolen_body_opens_under_no_other_requests_context() {
    let of_path = |path: &str| context().with("path", path);
    let protect = |sent: &Sent, path: &str| {
        let protected = protector("acme").protect(&sent.view(&sent.lines()), &of_path(path).unwrap());
        sent.clone().carrying(&protected.unwrap())
    };
    let accept = |sent: &Sent| {
        let lines = sent.lines();
        let context = |verified: &Verified<'_>| of_path(verified.component("@path").unwrap());
        acceptor().accept(&sent.view(&lines), context).map(drop)
    };
    let sent = protect(&Sent::request(), "/orders");
    assert!(accept(&sent).is_ok());
    let moved = Sent { target: Some("/refunds"), ..sent.stripped() }.signed_by("acme");
    assert_eq!(code(accept(&moved)), Some(Code::Rejected));
    // A field that was encrypted outside of a message opens in none, and the other way round.
    let cipher = cipher_of(sealing(), TOKEN);
    let bare = Sent::request().body(cipher.encrypt(BODY.as_bytes(), &context()).unwrap()).signed_by("acme");
    assert_eq!(code(bare.accepted()), Some(Code::Rejected));
    let sent = Sent::request().protected_by("acme");
    assert_eq!(code(cipher.decrypt(&sent.body, &context()).map(drop)), Some(Code::Rejected));
    assert_eq!(code(context().with("apiseal.principal", "acme")), Some(Code::ContextReserved));
}

#[test]
fn nothing_is_decrypted_before_the_nonce_is_claimed() {
    let sent = Sent::request().protected_by("acme");
    assert_eq!(watched(&sent, Outcome::First), (None, 1, 1, 1));
    for (outcome, expected) in [
        (Outcome::Seen, Code::Replayed),
        (Outcome::Full, Code::ReplayFull),
        (Outcome::Unknown, Code::ReplayUnavailable),
    ] {
        assert_eq!(watched(&sent, outcome), (Some(expected), 1, 0, 0));
    }
    // What is refused earlier claims nothing either.
    let changed = |change: &dyn Fn(&mut Sent)| {
        let mut sent = sent.clone();
        change(&mut sent);
        watched(&sent, Outcome::First)
    };
    assert_eq!(changed(&|sent| sent.target = Some("/x")), (Some(Code::SignatureInvalid), 0, 0, 0));
    assert_eq!(changed(&|sent| sent.body.push(b' ')), (Some(Code::DigestMismatch), 0, 0, 0));
    let stripped = sent.clone().stripped();
    assert_eq!(watched(&stripped, Outcome::First), (Some(Code::SignatureMissing), 0, 0, 0));
    // A body that does not open: claimed once, the cipher was asked once.
    assert_eq!(watched(&stripped.signed_by("bank"), Outcome::First), (Some(Code::Rejected), 1, 1, 1));
    // A clear body with a good signature.
    let clear = Sent::request().signed_by("acme");
    assert_eq!(watched(&clear, Outcome::First), (Some(Code::NotEncrypted), 1, 1, 1));
    // A second copy.
    let acceptor = acceptor();
    assert!(sent.accepted_by(&acceptor).is_ok());
    assert_eq!(code(sent.accepted_by(&acceptor)), Some(Code::Replayed));
}

#[test]
fn a_context_that_cannot_be_made_decrypts_nothing() {
    let heard = Heard::default();
    let cipher = FieldCipher::builder(sealing(), Policy::from_json(TOKEN).unwrap()).clock(CLOCK);
    let cipher = cipher.audit(heard.clone()).build().unwrap();
    let acceptor = Acceptor::new(cipher, verifier(NoReplayCheck)).unwrap();
    let sent = Sent::request().protected_by("acme");
    let lines = sent.lines();
    let refused = acceptor.accept(&sent.view(&lines), |_| Err(Code::InvalidArgument.into()));
    assert_eq!(code(refused.map(drop)), Some(Code::InvalidArgument));
    let full = |_: &Verified<'_>| {
        let names: Vec<String> = (0..31).map(|at| format!("n{at}")).collect();
        Context::from_pairs(names.iter().map(|name| (name.as_str(), "")))
    };
    let refused = acceptor.accept(&sent.view(&lines), full);
    assert_eq!(code(refused.map(drop)), Some(Code::ContextTooLong));
    assert_eq!(heard.0.load(Ordering::Relaxed), 0);
}

/// Content that is not plain JSON, with the reason that is told.
fn unfit() -> Vec<(Sent, &'static str)> {
    let typed = |value: &str| Sent::request().without("content-type").with("content-type", value);
    let mut all = vec![
        (Sent::request().body(""), "no content"),
        (Sent::request().without("content-type"), "Content-Type"),
        (Sent::request().with("content-type", "application/json"), "Content-Type"),
        (Sent::request().with("content-encoding", "gzip"), "Content-Encoding"),
        (Sent::request().with("Content-Encoding", "identity"), "Content-Encoding"),
    ];
    for value in
        ["text/plain", "application/x-ndjson", "application/jsonx", "json", "", "text/html, application/json"]
    {
        all.push((typed(value), "Content-Type"));
    }
    all
}

#[test]
fn content_that_is_not_plain_json_is_refused_on_both_sides() {
    for (sent, reason) in unfit() {
        let lines = sent.lines();
        let told = |result: Result<()>, expected| {
            let error = result.unwrap_err();
            assert_eq!(error.code(), expected, "{sent:?}");
            assert!(error.detail().unwrap().contains(reason), "{error}");
        };
        told(protector("acme").protect(&sent.view(&lines), &context()).map(drop), Code::NotSignable);
        // Also under a good signature, and before its nonce is claimed.
        let signer = Signer::new(signing(), Profile::apiseal_v1()).key("acme");
        if let Ok(signed) = signer.sign(&sent.view(&lines), &CLOCK) {
            let signed = signed.headers().fold(sent.clone(), |sent, (name, value)| sent.with(name, value));
            assert_eq!(watched(&signed, Outcome::First), (Some(Code::MalformedMessage), 0, 0, 0), "{sent:?}");
        }
        told(sent.accepted().map(drop), Code::MalformedMessage);
    }
    for value in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        let sent = Sent::request().without("content-type").with("content-type", value);
        assert_eq!(sent.protected_by("acme").accepted().unwrap(), BODY.as_bytes(), "{value}");
    }
    // Text that is none of JSON under the right type.
    for (body, expected) in [("card=4111", Code::MalformedJson), ("{\"id\":1,\"id\":2}", Code::DuplicateName)]
    {
        let sent = Sent::request().body(body);
        let refused = protector("acme").protect(&sent.view(&sent.lines()), &context());
        assert_eq!(code(refused.map(drop)), Some(expected));
        assert_eq!(watched(&sent.signed_by("acme"), Outcome::First), (Some(expected), 1, 1, 1));
    }
}

#[test]
fn the_length_of_the_clear_content_is_checked_and_replaced() {
    for (length, expected) in [("1", Code::MalformedMessage), ("x", Code::MalformedMessage)] {
        let sent = Sent::request().with("content-length", length);
        let refused = protector("acme").protect(&sent.view(&sent.lines()), &context());
        assert_eq!(code(refused.map(drop)), Some(expected));
    }
    let sent = Sent::request().protected_by("acme");
    assert!(sent.headers.iter().all(|(name, _)| name != "content-length"), "none was there");
    // The length of the clear content on what travels.
    let stale = sent.with("content-length", &BODY.len().to_string());
    assert_eq!(code(stale.accepted()), Some(Code::MalformedMessage));
}

#[test]
fn no_digest_of_the_clear_content_goes_out() {
    for name in ["content-digest", "Repr-Digest", "digest", "Content-MD5", "unencoded-digest"] {
        let sent = Sent::request().with(name, "sha-256=:AAAA:");
        let error = protector("acme").protect(&sent.view(&sent.lines()), &context()).unwrap_err();
        assert_eq!(error.code(), Code::NotSignable);
        assert!(error.detail().unwrap().contains(&name.to_lowercase()), "{error}");
    }
}

#[test]
fn rule_s14_the_signature_covers_what_is_sealed_and_opens_nothing() {
    let sent = Sent::request().protected_by("acme");
    // Seal, then sign: who has no key for fields verifies all of it and reads none of it.
    let lines = sent.lines();
    let gateway = verifier(NoReplayCheck).verify(&sent.view(&lines), &CLOCK).unwrap();
    let seen = String::from_utf8(gateway.body().unwrap().to_vec()).unwrap();
    assert!(seen.contains("as1.seal.") && !seen.contains("4111"));
    assert!(gateway.component("content-digest").is_some());
    // A signature is no authority over sealed content: it does not make up for the key of the fields,
    let other = Keyring::builder()
        .primary(Key::hazmat_from_secret(kid("seal"), Purpose::Seal, Suite::Aes256Gcm, &[8; 32]).unwrap())
        .build()
        .unwrap();
    let stranger = Acceptor::new(cipher_of(other, TOKEN), verifier(NoReplayCheck)).unwrap();
    assert_eq!(code(sent.accepted_by(&stranger)), Some(Code::Rejected));
    // and one edited byte of what is sealed fails by the digest, before any key for fields is used.
    let edited = sent.clone().body(seen.replacen("as1.seal.", "as1.sea1.", 1));
    assert_eq!(watched(&edited, Outcome::First), (Some(Code::DigestMismatch), 0, 0, 0));
}

#[test]
fn lesson_s29_exactly_the_bytes_that_are_sent_are_signed() {
    let sent = Sent::request().protected_by("acme");
    // Outside of the protected value not one byte differs.
    let text = String::from_utf8(sent.body.clone()).unwrap();
    let (from, until) = (BODY.find("\"4111").unwrap(), BODY.find(",\n").unwrap());
    assert!(text.starts_with(&BODY[..from]) && text.ends_with(&BODY[until..]));
    // A middleware that parses and prints the body again: equal values, other bytes.
    let card = text[from..].split('"').nth(1).unwrap().to_owned();
    let printed = format!("{{\"id\":7,\"card\":\"{card}\",\"total\":1.1,\"big\":1e+400,\"e\":\"é/\"}}");
    assert_eq!(code(sent.clone().body(printed).accepted()), Some(Code::DigestMismatch));
    assert_eq!(sent.accepted().unwrap(), BODY.as_bytes());
}
