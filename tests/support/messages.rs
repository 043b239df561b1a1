//! Signs and verifies HTTP messages that are described as JSON, for the exchange with other implementations.

use apiseal::{
    Direction, Exchange, FieldType, FixedClock, Header, Key, Keyring, Kid, Message, NoReplayCheck, Profile,
    Result, Signer, Suite, Verifier,
};
use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::unhex;

/// The id of the profile, and of the tags' beginnings.
const PROFILE: &str = "interop";

/// A message as JSON: `method`, `scheme`, `authority` and `target`, or `status` and `request`; `headers`, `body`.
struct Described {
    head: Value,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Described {
    fn new(message: &Value) -> Self {
        let line = |line: &Value| (text(&line[0]).to_owned(), text(&line[1]).to_owned());
        Described {
            head: message.clone(),
            headers: message["headers"].as_array().into_iter().flatten().map(line).collect(),
            body: STANDARD.decode_to_vec(text(&message["body"])).unwrap_or_default(),
        }
    }

    fn view<T>(&self, use_it: impl FnOnce(&Message<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let head = &self.head;
        let message = match head["status"].as_u64() {
            Some(status) => Message::response(u16::try_from(status).unwrap_or(0)),
            None => Message::request(
                text(&head["method"]),
                text(&head["scheme"]),
                text(&head["authority"]),
                text(&head["target"]),
            ),
        };
        use_it(&message.headers(&headers).body(&self.body))
    }

    fn carrying(&self, lines: &[(String, String)]) -> Self {
        let headers = self.headers.iter().chain(lines).cloned().collect();
        Described { head: self.head.clone(), headers, body: self.body.clone() }
    }
}

/// Answers `http_sign` with the header lines to be added, `http_verify` with the covered components and their values, and
/// `http_explain` with the changes that make the message verify.
///
/// # Errors
/// Those of signing and verifying.
pub fn answer(op: &str, request: &Value) -> Result<Value> {
    let clock = FixedClock(request["now"].as_u64().unwrap_or(0));
    let message = Described::new(&request["message"]);
    let related =
        request["message"]["request"].is_object().then(|| Described::new(&request["message"]["request"]));
    let (ring, profile) = (ring(request)?, profile(request, related.is_some())?);
    if op == "http_sign" {
        let signer = Signer::new(ring.clone(), profile.clone()).label(text(&request["label"]))?;
        let signed = match &related {
            None => message.view(|message| signer.sign(message, &clock))?,
            Some(sent) => {
                // Only verified requests are answered.
                let lines = sent.view(|message| signer.sign(message, &clock).map(|signed| lines(&signed)))?;
                let verifier = Verifier::new(ring, profile, NoReplayCheck);
                sent.carrying(&lines).view(|sent| {
                    let verified = verifier.verify(sent, &clock)?;
                    message.view(|message| signer.sign_response(message, &verified, &clock))
                })?
            }
        };
        return Ok(json!(lines(&signed)));
    }
    let verifier = Verifier::new(ring, profile, NoReplayCheck);
    if op == "http_explain" {
        let told = message.view(|message| match &related {
            None => verifier.explain(message, &clock),
            Some(sent) => {
                sent.view(|sent| verifier.explain_response(message, Exchange::Message(sent), &clock))
            }
        });
        let changes: Vec<&str> = told.changes().iter().map(|change| change.kind().name()).collect();
        let remaining = told.remaining().map(|error| error.code().number());
        return Ok(json!({"changes": changes, "remaining": remaining, "text": told.to_string()}));
    }
    let told = |verified: &apiseal::Verified<'_>| -> Value {
        json!(verified.components().map(|(id, value)| [id, value]).collect::<Vec<_>>())
    };
    message.view(|message| match &related {
        None => verifier.verify(message, &clock).map(|verified| told(&verified)),
        Some(sent) => sent.view(|sent| {
            verifier.verify_response(message, Exchange::Message(sent), &clock).map(|verified| told(&verified))
        }),
    })
}

fn lines(signed: &apiseal::Signed) -> Vec<(String, String)> {
    signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// One key for each direction, both with the same secret: the peers know one.
fn ring(request: &Value) -> Result<Keyring> {
    let suite = Suite::from_name(text(&request["alg"])).unwrap_or(Suite::HmacSha256);
    let secret = unhex(text(&request["secret"]));
    let keyid = text(&request["keyid"]);
    let key = |kid: &str| Key::raw(Kid::parse(kid)?, suite, &secret, &FixedClock(0));
    let direction =
        if request["message"]["status"].is_u64() { Direction::Response } else { Direction::Request };
    let key = key("peer")?.with_external_keyid(keyid).with_direction(direction).with_profiles([PROFILE]);
    let ring = Keyring::builder().key(key);
    // Requests that are answered are signed here, by a key that no peer sees.
    let own = Key::raw(Kid::parse("own")?, Suite::HmacSha256, &[9; 32], &FixedClock(0))?;
    if direction == Direction::Response {
        return ring.key(own.with_direction(Direction::Request).with_profiles([PROFILE])).build();
    }
    ring.build()
}

fn profile(request: &Value, is_response: bool) -> Result<Profile> {
    let ids: Vec<&str> = request["components"].as_array().into_iter().flatten().map(text).collect();
    let mut profile = Profile::rfc9421(PROFILE);
    if is_response {
        // A response is tied to what its request covered.
        profile = profile.require("@method");
        for id in &ids {
            profile = profile.require_in_response(id);
            if let Some(plain) =
                id.find(";req").map(|_| id.replace(";req", "")).filter(|id| id != "\"@method\"")
            {
                profile = profile.require(&plain);
            }
        }
    } else {
        profile = ids.iter().fold(profile, |profile, id| profile.require(id));
    }
    for (name, kind) in [
        ("x-dict", FieldType::Dictionary),
        ("x-list", FieldType::List),
        ("cache-control", FieldType::Dictionary),
        ("priority", FieldType::Dictionary),
        ("accept-ch", FieldType::List),
    ] {
        profile = profile.structured(name, kind);
    }
    if request["nonce"].as_bool() == Some(true) {
        profile = profile.nonce_required();
    }
    profile.build()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
