//! Keys of a client and a server, and what they sign and verify under.

use apiseal::{
    Acceptor, Clock, Direction, FieldCipher, Key, Keyring, Kid, MemoryReplay, Policy, Profile, Protector,
    Purpose, Signer, Suite, SystemClock, Verifier,
};

/// Everything is covered that the strict profile covers, and the custom headers of the cases.
///
/// # Panics
/// Never: the profile is sound.
#[must_use]
pub fn profile() -> Profile {
    let profile = Profile::stricter("traffic").if_present("x-custom").if_present("x-list").list("x-list");
    profile.build().unwrap()
}

/// A key for each direction.
///
/// # Panics
/// Never: the keys are sound.
#[must_use]
pub fn ring() -> Keyring {
    let key = |kid: &str, secret: u8, direction| {
        let key = Key::raw(Kid::parse(kid).unwrap(), Suite::HmacSha256, &[secret; 32], &SystemClock).unwrap();
        key.with_direction(direction).with_principal("acme").with_profiles(["traffic"])
    };
    let ring = Keyring::builder().key(key("req", 1, Direction::Request));
    ring.key(key("res", 2, Direction::Response)).build().unwrap()
}

/// Signs requests and responses.
#[must_use]
pub fn signer() -> Signer {
    Signer::new(ring(), profile())
}

/// A clock of long ago: stores of nonces would else refuse what was signed before they began.
struct LongAgo;

impl Clock for LongAgo {
    fn now(&self) -> u64 {
        0
    }
}

/// Verifies requests and responses.
#[must_use]
pub fn verifier() -> Verifier {
    Verifier::new(ring(), profile(), MemoryReplay::new(10_000, &LongAgo))
}

/// Encrypts the member `card`.
///
/// # Panics
/// Never: the policy is sound.
#[must_use]
pub fn cipher() -> FieldCipher {
    let policy = r#"{"apiseal_policy": 1, "id": "t", "rules": [{"path": "$.card", "bind": ["$.id"]}]}"#;
    let kid = Kid::parse("fields").unwrap();
    let key = Key::hazmat_from_secret(kid, Purpose::Seal, Suite::Aes256Gcm, &[3; 32]).unwrap();
    let ring = Keyring::builder().primary(key).build().unwrap();
    FieldCipher::new(ring, Policy::from_json(policy).unwrap()).unwrap()
}

/// Fields and signature in one.
///
/// # Panics
/// Never: the profile demands enough.
#[must_use]
pub fn protector() -> Protector {
    Protector::new(cipher(), signer()).unwrap()
}

/// Signature and fields in one.
///
/// # Panics
/// Never: the profile demands enough.
#[must_use]
pub fn acceptor() -> Acceptor {
    Acceptor::new(cipher(), verifier()).unwrap()
}
