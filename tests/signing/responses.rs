//! Responses belong to one request, in one direction.

use super::*;

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
