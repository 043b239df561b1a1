//! A payment on its way through a queue: the card number stays sealed, and nobody can move it to another payment.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::{Code, Context, FieldCipher, Keyring, OsRandom, Policy, Suite, SystemClock};

const POLICY: &str = r#"{"apiseal_policy": 1, "id": "payments.v1", "rules": [
    {"path": "$.card.number", "bind": ["$.id", "$.amount"], "types": ["string"]},
    {"path": "$.card.cvc", "bind": ["$.id"]}
]}"#;
const PAYMENT: &str =
    r#"{"id": "pay_1", "amount": 149.90, "card": {"number": "4111111111111111", "cvc": 123}}"#;

/// Seals a payment, opens it, and tries three frauds.
pub fn main() -> apiseal::Result<()> {
    let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    let cipher = FieldCipher::new(ring, Policy::from_json(POLICY)?)?;
    let context = Context::new("payments")?.with("tenant", "acme")?;

    let sealed = cipher.encrypt(PAYMENT.as_bytes(), &context)?;
    println!("{}", String::from_utf8_lossy(&sealed));
    assert_eq!(&cipher.decrypt(&sealed, &context)?[..], PAYMENT.as_bytes());

    let text = String::from_utf8_lossy(&sealed);
    let cheaper = text.replace("149.90", "1.00");
    let another = text.replace("pay_1", "pay_2");
    for forged in [cheaper, another] {
        assert_eq!(
            cipher.decrypt(forged.as_bytes(), &context).map_err(|error| error.code()).err(),
            Some(Code::Rejected)
        );
    }
    let evil = Context::new("payments")?.with("tenant", "evil")?;
    assert_eq!(cipher.decrypt(&sealed, &evil).map_err(|error| error.code()).err(), Some(Code::Rejected));
    Ok(())
}
