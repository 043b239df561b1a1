//! A partner sends an order whose card number only the service can read, and nobody can send again; the answer is protected
//! in the same way.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::{
    Acceptor, Clock, Code, Context, Direction, FieldCipher, Key, Keyring, Kid, MemoryReplay, Message,
    NoReplayCheck, OsRandom, Policy, Profile, Protector, Purpose, Signer, Suite, SystemClock, Verified,
    Verifier,
};

const POLICY: &str = r#"{"apiseal_policy": 1, "id": "orders.v1",
    "rules": [{"path": "$.card", "bind": ["$.id"], "types": ["string"]}]}"#;

/// A clock that is an hour ahead: the replay store was started before.
#[derive(Clone, Copy)]
struct Later;

impl Clock for Later {
    fn now(&self) -> u64 {
        SystemClock.now() + 3600
    }
}

fn cipher(ring: Keyring) -> apiseal::Result<FieldCipher> {
    FieldCipher::builder(ring, Policy::from_json(POLICY)?).clock(Later).build()
}

/// The service takes the tenant from what was proved, and never from a header that nobody signed.
fn context(verified: &Verified<'_>) -> apiseal::Result<Context> {
    let partner = verified.scope().find(|(name, _)| *name == "partner").map_or("", |(_, value)| value);
    Context::new("orders")?.with("tenant", partner)
}

/// One exchange.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The service: one root for signatures with a key of each direction, one root for fields.
    let clock = SystemClock;
    let signing = Key::generate(Kid::parse("signing")?, Purpose::Sig, Suite::HmacSha256, &clock, &OsRandom)?;
    let derived = |kid, direction: Direction| -> apiseal::Result<Key> {
        let context = Context::from_pairs([("partner", "acme"), ("dir", direction.name())])?;
        let key = Key::derived(Kid::parse(kid)?, &signing, context, &clock)?;
        Ok(key.with_principal("ACME").with_direction(direction))
    };
    let (requests, responses) =
        (derived("acme-req", Direction::Request)?, derived("acme-res", Direction::Response)?);
    let service = Keyring::builder().key(signing.clone()).key(requests).key(responses).build()?;
    let seal = Key::generate(Kid::parse("fields")?, Purpose::Seal, Suite::Aes256Gcm, &clock, &OsRandom)?;
    let fields = Keyring::builder().primary(seal).build()?;

    // The partner holds the keys of its own messages, and nothing else.
    let mut partner = Keyring::builder();
    for (kid, direction) in [("acme-req", "req"), ("acme-res", "res")] {
        let context = Context::from_pairs([("partner", "acme"), ("dir", direction)])?;
        partner = partner.key(service.export_context(kid, &context)?);
    }
    let partner = partner.build()?;
    let orders = Context::new("orders")?.with("tenant", "acme")?;
    let own = |direction| -> apiseal::Result<Keyring> {
        Keyring::builder()
            .primary(fields.export_message_context("fields", &orders, "ACME", direction)?)
            .build()
    };

    // It protects a request: the card number is sealed, then the whole of it is signed.
    let profile = Profile::apiseal_v1();
    let protector =
        Protector::new(cipher(own(Direction::Request)?)?, Signer::new(partner.clone(), profile.clone()))?;
    let clear = br#"{"id": 7, "card": "4111111111111111", "total": 1.10}"#;
    let request = Message::request("POST", "https", "api.example", "/orders")
        .header("content-type", "application/json")
        .body(clear);
    let protected = protector.protect(&request, &orders)?;
    println!("{}", String::from_utf8_lossy(protected.body()));

    // The service accepts it: verified, claimed, then decrypted.
    let verifier = Verifier::new(service.clone(), profile.clone(), MemoryReplay::new(100_000, &clock));
    let acceptor = Acceptor::new(cipher(fields.clone())?, verifier)?;
    let received = request.clone().body(protected.body());
    let received = protected.headers().fold(received, |message, (name, value)| message.header(name, value));
    let accepted = acceptor.accept(&received, context)?;
    assert_eq!(&accepted.document()[..], clear);
    let copy = acceptor.accept(&received, context);
    assert_eq!(copy.err().map(|error| error.code()), Some(Code::Replayed));

    // It answers with a protected response, which the partner accepts as the one answer to its request.
    let response = Message::response(201)
        .header("content-type", "application/json")
        .body(br#"{"id": 7, "card": "4111111111111111"}"#);
    let answering = Protector::new(cipher(fields.clone())?, Signer::new(service, profile.clone()))?;
    let answer = answering.protect_response(&response, accepted.verified(), &orders)?;
    let received = response.clone().body(answer.body());
    let received = answer.headers().fold(received, |message, (name, value)| message.header(name, value));
    let reader = Verifier::new(partner, profile, NoReplayCheck);
    let reader = Acceptor::new(cipher(own(Direction::Response)?)?, reader)?;
    let opened = reader.accept_response(&received, &protected, context)?;
    assert_eq!(&opened.document()[..], br#"{"id": 7, "card": "4111111111111111"}"#);
    Ok(())
}
