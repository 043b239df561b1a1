//! A partner signs a request, the service verifies it and signs its answer, the partner verifies that.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::{
    Clock, Code, Context, Direction, Key, Keyring, Kid, MemoryReplay, Message, NoReplayCheck, OsRandom,
    Profile, Purpose, Suite, SystemClock, Verifier,
};

/// A clock that is an hour ahead: the replay store was started before.
struct Later;

impl Clock for Later {
    fn now(&self) -> u64 {
        SystemClock.now() + 3600
    }
}

/// One exchange.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The service holds one root, and a key of each partner and direction that is derived from it.
    let clock = SystemClock;
    let root = Key::generate(Kid::parse("root-2026")?, Purpose::Sig, Suite::HmacSha256, &clock, &OsRandom)?;
    let derived = |kid, direction: Direction| -> apiseal::Result<Key> {
        let context = Context::from_pairs([("partner", "acme"), ("dir", direction.name())])?;
        let key = Key::derived(Kid::parse(kid)?, &root, context, &clock)?;
        Ok(key.with_principal("acme").with_direction(direction))
    };
    let (requests, responses) =
        (derived("acme-req", Direction::Request)?, derived("acme-res", Direction::Response)?);
    let service = Keyring::builder().key(root.clone()).key(requests).key(responses).build()?;

    // The partner gets those two keys and nothing else.
    let mut partner = Keyring::builder();
    for (kid, direction) in [("acme-req", "req"), ("acme-res", "res")] {
        let context = Context::from_pairs([("partner", "acme"), ("dir", direction)])?;
        partner = partner.key(service.export_context(kid, &context)?);
    }
    let partner = partner.build()?;

    // The partner signs. The lines go into the request as they are.
    let profile = Profile::apiseal_v1();
    let request = Message::request("POST", "https", "api.example", "/orders?dry-run=1")
        .header("content-type", "application/json")
        .body(br#"{"amount": 149.90}"#);
    let signed =
        apiseal::Signer::new(partner.clone(), profile.clone()).key("acme-req").sign(&request, &Later)?;
    for (name, value) in signed.headers() {
        println!("{name}: {value}");
    }

    // The service verifies. Its handler reads only what was covered.
    let replay = MemoryReplay::new(100_000, &clock);
    let verifier = Verifier::new(service.clone(), profile.clone(), replay);
    let received = signed.headers().fold(request, |message, (name, value)| message.header(name, value));
    let verified = verifier.verify(&received, &Later)?;
    assert_eq!((verified.principal(), verified.component("@path")), (Some("acme"), Some("/orders")));
    assert_eq!(verifier.verify(&received, &Later).err().map(|error| error.code()), Some(Code::Replayed));

    // It answers, and the partner knows that the answer belongs to its request.
    let response = Message::response(201).header("content-type", "application/json").body(br#"{"id": 7}"#);
    let answer =
        apiseal::Signer::new(service, profile.clone()).sign_response(&response, &verified, &Later)?;
    let response = answer.headers().fold(response, |message, (name, value)| message.header(name, value));
    let partner = Verifier::new(partner, profile, NoReplayCheck);
    let verified = partner.verify_response(&response, &signed, &Later)?;
    assert_eq!(verified.body(), Some(&br#"{"id": 7}"#[..]));
    Ok(())
}
