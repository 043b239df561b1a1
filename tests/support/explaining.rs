//! What the tests of explanations share.

use apiseal::{
    Change, ChangeKind, Direction, Explanation, FixedClock, Key, Keyring, Kid, NoReplayCheck, Profile,
    Signer, Suite, Verifier,
};

use crate::signing::{NOW, Sent};

/// A key for each direction, which serves the strict profile and `p`.
///
/// # Panics
/// If the suite signs nothing.
#[must_use]
pub fn keys(suite: Suite) -> Keyring {
    let key = |kid: &str, byte, direction| {
        Key::raw(Kid::parse(kid).unwrap(), suite, &[byte; 32], &FixedClock(0))
            .unwrap()
            .with_direction(direction)
            .with_profiles(["apiseal-v1", "p"])
    };
    let ring = Keyring::builder().key(key("client", 1, Direction::Request));
    ring.key(key("service", 2, Direction::Response)).build().unwrap()
}

/// A profile `p` that demands these components of requests.
///
/// # Panics
/// If one is none.
#[must_use]
pub fn covering(ids: &[&str]) -> Profile {
    ids.iter().fold(Profile::rfc9421("p"), |profile, id| profile.require(id)).build().unwrap()
}

/// Signed by `client`.
///
/// # Panics
/// If it cannot be signed.
#[must_use]
pub fn signed(profile: &Profile, sent: &Sent) -> Sent {
    let signer = Signer::new(keys(Suite::HmacSha256), profile.clone());
    sent.carrying(&sent.try_sign(&signer).unwrap())
}

/// A verifier with the same keys.
#[must_use]
pub fn at(profile: &Profile) -> Verifier {
    Verifier::new(keys(Suite::HmacSha256), profile.clone(), NoReplayCheck)
}

/// Explained at the time of signing.
#[must_use]
pub fn explained(verifier: &Verifier, sent: &Sent) -> Explanation {
    sent.view(|message| verifier.explain(message, &FixedClock(NOW)))
}

/// The one change that is named.
///
/// # Panics
/// If there is none, more than one, or something remains.
#[must_use]
pub fn only(explanation: &Explanation) -> Change {
    let told = explanation.to_string();
    assert!(!explanation.verifies() && explanation.remaining().is_none(), "{told}");
    assert_eq!(explanation.changes().len(), 1, "{told}");
    assert!(!told.contains('\n') && told.len() < 800, "{told}");
    explanation.changes()[0].clone()
}

/// Kind, value when signed, value as received.
#[must_use]
pub fn pair(change: &Change) -> (ChangeKind, &str, &str) {
    (change.kind(), change.signed().unwrap_or("-"), change.received().unwrap_or("-"))
}

/// Gives a header another value.
///
/// # Panics
/// If it is not there.
pub fn set(sent: &mut Sent, name: &str, value: &str) {
    let line = sent.headers.iter_mut().find(|line| line.0.eq_ignore_ascii_case(name)).unwrap();
    line.1 = value.into();
}
