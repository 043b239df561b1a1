//! A service that logs: documents without what the policy protects, and an event for each use of a key.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::{Audit, Context, Event, FieldCipher, Keyring, OsRandom, Policy, Redactor, Suite, SystemClock};

const POLICY: &str = r#"{"apiseal_policy": 1, "id": "orders.v1", "rules": [
    {"path": "$.card", "bind": ["$.id"], "mask": {"keep_last": 4}},
    {"path": "$.note", "bind": ["$.id"], "occurs": "optional"}
]}"#;

/// Writes events to standard output; a service has a log for them.
struct Log;

impl Audit for Log {
    fn event(&self, event: &Event<'_>) {
        println!(
            "{} {:?} {:?} {} values, {:?}",
            event.operation, event.rule, event.key_id, event.count, event.failure
        );
    }
}

/// Encrypts and shows what a log gets.
pub fn main() -> apiseal::Result<()> {
    let policy = Policy::from_json(POLICY)?;
    let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    let cipher = FieldCipher::builder(ring, policy.clone()).audit(Log).build()?;
    let redactor = Redactor::new(&policy)?;
    let context = Context::new("orders")?;

    let order = br#"{"id": 1, "card": "4111111111111111", "note": "ring twice"}"#;
    assert_eq!(redactor.redact(order).as_str(), r#"{"id": 1, "card": "****1111", "note": "[redacted]"}"#);
    let sealed = cipher.encrypt(order, &context)?;
    println!("{}", redactor.redact(&sealed).as_str());
    assert!(redactor.redact(br#"{"card": "4111"#).is_unreadable());
    Ok(())
}
