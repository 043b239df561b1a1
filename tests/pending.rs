//! Replay stores that are asked outside of the call: nothing is told of a message, and nothing decrypted, before its nonce
//! is claimed, and what the store answers decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apiseal::{
    Acceptor, Audit, Code, Context, Direction, Event, FieldCipher, FixedClock, Header, Key, Keyring, Kid,
    Message, NoReplayCheck, Outcome, Policy, Profile, Protector, Purpose, Result, Signer, Suite, Verifier,
};
use apiseal_workspace::code;

const NOW: u64 = 1_800_000_000;
const CLOCK: FixedClock = FixedClock(NOW);
const BODY: &[u8] = br#"{"id": 7, "card": "4111111111111111"}"#;

/// Counts what it hears.
#[derive(Clone, Default)]
struct Heard(Arc<AtomicUsize>);

impl Audit for Heard {
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn signing() -> Keyring {
    let key = Key::raw(Kid::parse("acme").unwrap(), Suite::HmacSha256, &[7; 32], &CLOCK).unwrap();
    let key = key.with_principal("ACME").with_direction(Direction::Request);
    Keyring::builder().key(key).build().unwrap()
}

fn cipher(heard: &Heard) -> FieldCipher {
    let kid = Kid::parse("fields").unwrap();
    let key = Key::hazmat_from_secret(kid, Purpose::Seal, Suite::Aes256Gcm, &[3; 32]).unwrap();
    let policy = Policy::from_json(
        r#"{"apiseal_policy": 1, "id": "t", "rules": [{"path": "$.card", "bind": ["$.id"]}]}"#,
    );
    let ring = Keyring::builder().primary(key).build().unwrap();
    FieldCipher::builder(ring, policy.unwrap()).clock(CLOCK).audit(heard.clone()).build().unwrap()
}

fn verifier(heard: &Heard) -> Verifier {
    Verifier::new(signing(), Profile::apiseal_v1(), NoReplayCheck).audit(heard.clone())
}

fn request() -> Message<'static> {
    Message::request("POST", "https", "api.example", "/orders").header("content-type", "application/json")
}

/// A protected request: the content and the header lines that were added.
fn protected() -> (Vec<u8>, Vec<(String, String)>) {
    let signer = Signer::new(signing(), Profile::apiseal_v1());
    let protector = Protector::new(cipher(&Heard::default()), signer).unwrap();
    let made = protector.protect(&request().body(BODY), &Context::new("orders").unwrap()).unwrap();
    let lines = made.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    (made.body().to_vec(), lines.collect())
}

fn lines(own: &[(String, String)]) -> Vec<Header<'_>> {
    let own = own.iter().map(|(name, value)| Header::new(name, value));
    [Header::new("content-type", "application/json")].into_iter().chain(own).collect()
}

fn received<'m>(lines: &'m [Header<'m>], body: &'m [u8]) -> Message<'m> {
    Message::request("POST", "https", "api.example", "/orders").headers(lines).body(body)
}

#[test]
fn the_answer_of_the_store_decides() {
    let (body, own) = protected();
    let lines = lines(&own);
    for (answers, expected) in [
        (&[Outcome::First][..], None),
        (&[Outcome::Seen], Some(Code::Replayed)),
        (&[Outcome::Full], Some(Code::ReplayFull)),
        (&[Outcome::Unknown], Some(Code::ReplayUnavailable)),
        (&[], Some(Code::ReplayUnavailable)),
    ] {
        let heard = Heard::default();
        let pending = verifier(&heard).verify_pending(&received(&lines, &body), &CLOCK).unwrap();
        let mut claims = Vec::new();
        pending.claims(&CLOCK, |claim| claims.push((claim.principal.to_owned(), claim.until))).unwrap();
        assert_eq!(claims, [("ACME".to_owned(), NOW + 330)]);
        assert_eq!(heard.0.load(Ordering::Relaxed), 0, "nothing is verified yet");
        let verified = pending.finish(answers, &CLOCK);
        assert_eq!(
            verified.as_ref().ok().and_then(|verified| verified.body()),
            expected.is_none().then_some(&*body)
        );
        assert_eq!((code(verified.map(drop)), heard.0.load(Ordering::Relaxed)), (expected, 1));
    }
}

#[test]
fn what_does_not_verify_claims_nothing() {
    let (mut body, own) = protected();
    let lines = lines(&own);
    body.push(b' ');
    let heard = Heard::default();
    let pending = verifier(&heard).verify_pending(&received(&lines, &body), &CLOCK);
    assert_eq!(code(pending.map(drop)), Some(Code::DigestMismatch));
    assert_eq!(heard.0.load(Ordering::Relaxed), 1, "a refusal is told");
}

#[test]
fn an_answer_that_takes_too_long_is_none() {
    let (body, own) = protected();
    let lines = lines(&own);
    let pending = verifier(&Heard::default()).verify_pending(&received(&lines, &body), &CLOCK).unwrap();
    let late = FixedClock(NOW + 301);
    assert_eq!(code(pending.claims(&late, |_| ())), Some(Code::SignatureExpired));
    assert_eq!(code(pending.finish(&[Outcome::First], &late).map(drop)), Some(Code::SignatureExpired));
}

#[test]
fn nothing_is_decrypted_before_the_claim() {
    let (body, own) = protected();
    let lines = lines(&own);
    let run = |answer| {
        let heard = Heard::default();
        let acceptor = Acceptor::new(cipher(&heard), verifier(&Heard::default())).unwrap();
        let pending = acceptor.accept_pending(&received(&lines, &body)).unwrap();
        let asked = AtomicUsize::default();
        let accepted = pending.finish(&[answer], |verified| {
            assert_eq!(verified.principal(), Some("ACME"));
            assert_eq!(heard.0.load(Ordering::Relaxed), 0);
            asked.fetch_add(1, Ordering::Relaxed);
            Context::new("orders")
        });
        let opened: Result<Vec<u8>> = accepted.map(|accepted| accepted.document().to_vec());
        (opened, asked.into_inner(), heard.0.load(Ordering::Relaxed))
    };
    assert_eq!(run(Outcome::First), (Ok(BODY.to_vec()), 1, 1));
    for (answer, expected) in [
        (Outcome::Seen, Code::Replayed),
        (Outcome::Full, Code::ReplayFull),
        (Outcome::Unknown, Code::ReplayUnavailable),
    ] {
        let (opened, asked, heard) = run(answer);
        assert_eq!((code(opened), asked, heard), (Some(expected), 0, 0));
    }
}

#[test]
fn content_that_comes_back_is_compared_again() {
    let (body, own) = protected();
    let lines = lines(&own);
    let acceptor = Acceptor::new(cipher(&Heard::default()), verifier(&Heard::default())).unwrap();
    let detached = || acceptor.accept_pending(&received(&lines, &body)).unwrap().detached();
    let orders = |_: &apiseal::Verified<'_>| Context::new("orders");
    // Without content nothing can be decrypted.
    let none = detached().finish(&[Outcome::First], orders);
    assert_eq!(code(none.map(drop)), Some(Code::DigestMissing));
    let accepted = detached().attached(&body).unwrap().finish(&[Outcome::First], orders).unwrap();
    assert_eq!(&accepted.document()[..], BODY);
    let mut other = body.clone();
    other[0] = b' ';
    assert_eq!(code(detached().attached(&other).map(drop)), Some(Code::DigestMismatch));
    assert_eq!(code(detached().attached(b"").map(drop)), Some(Code::DigestMismatch));
}
