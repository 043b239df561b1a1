//! A key is replaced while the service runs: add, promote, re-encrypt what is stored, count, retire.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::{
    Context, FieldCipher, Key, Keyring, KeyringHandle, Kid, Limits, OsRandom, Policy, Purpose, Reencryption,
    Suite, SystemClock,
};

const POLICY: &str =
    r#"{"apiseal_policy": 1, "id": "users.v1", "rules": [{"path": "$.ssn", "bind": ["$.id"]}]}"#;

/// Rotates the key of one stored record.
pub fn main() -> apiseal::Result<()> {
    let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    let old = ring.keys().next().map(|key| key.kid().to_string()).unwrap_or_default();
    let handle = KeyringHandle::new(ring);
    let cipher = FieldCipher::new(handle.clone(), Policy::from_json(POLICY)?)?;
    let context = Context::new("users")?;
    let record = br#"{"id": 7, "ssn": "078-05-1120"}"#;
    let stored = cipher.encrypt(record, &context)?;

    // Every step is a ring of the next revision; the running cipher takes it at once.
    let kid = Kid::parse("k2027")?;
    let key = Key::generate(kid, Purpose::Seal, Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    handle.replace(handle.current().with_key(key)?)?;
    handle.replace(handle.current().promote("k2027", &SystemClock)?)?;

    let again = Reencryption::new(cipher.clone(), cipher.clone());
    let stored = again.run(&stored, &context, &context)?.bytes;
    let left = apiseal::inspect(&stored, &Limits::default())?;
    let left = left.iter().filter(|token| token.kid.as_ref().is_some_and(|kid| kid.as_str() == old));
    assert_eq!(left.count(), 0);

    handle.replace(handle.current().retire(&old)?)?;
    assert_eq!(&cipher.decrypt(&stored, &context)?[..], record);
    println!("revision {}: {old} is retired", handle.current().rev());
    Ok(())
}
