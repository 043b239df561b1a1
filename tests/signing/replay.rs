//! Each message is accepted once, and one that fails burns nothing.

use super::*;

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
