//! Signed messages for other implementations, each with every stage: message, base, header lines. Run with
//! APISEAL_WRITE_VECTORS=1 to write `tests/vectors/signing/messages.json` anew.

use apiseal::{
    Direction, FixedClock, Key, Keyring, Kid, Message, NoReplayCheck, Profile, Signed, Signer, Suite,
    Verifier,
};
use apiseal_workspace::signing::{NOW, Sent};
use apiseal_workspace::{Repeated, hex, repository};
use serde_json::{Value, json};

/// The profile of these vectors that is not the default: it covers every component in every form.
const EVERYTHING: &str = r#"{"apiseal_profile":1,"id":"everything","extends":"rfc9421","nonce":"required","expires_in":60,"emit_alg":true,
"require":["@method","@target-uri","@authority","@scheme","@request-target","@path","@query","\"@query-param\";name=\"x\"",
"\"@query-param\";name=\"fa%C3%A7ade%20%2B\"","\"x-dict\";sf","\"x-dict\";key=\"b\"","\"x-item\";sf","\"x-list\";sf","\"x-list\";bs","x-list","x-empty",
"\"x-trailer\";tr","\"x-trailer\";bs;tr"],"structured":{"x-dict":"dictionary","x-item":"item","x-list":"list"}}"#;

const PROXY: &str = r#"{"apiseal_profile":1,"id":"proxy","extends":"rfc9421","label":"proxy",
"require":["@authority","\"signature\";key=\"sig\"","\"signature-input\";key=\"sig\""]}"#;

fn profile(json: Option<&str>) -> Profile {
    json.map_or_else(Profile::apiseal_v1, |json| Profile::from_json(json).unwrap())
}

/// One key for requests and one for responses, of each suite whose signatures are always the same.
fn keys(suite: Suite, profile: &Profile) -> Keyring {
    let key = |kid: &str, byte: u8, direction: Direction| {
        let key = Key::raw(Kid::parse(kid).unwrap(), suite, &[byte; 32], &FixedClock(0)).unwrap();
        key.with_direction(direction).with_profiles([profile.id()])
    };
    let (request, response) = (key("client", 1, Direction::Request), key("service", 2, Direction::Response));
    Keyring::builder().key(request).key(response).build().unwrap()
}

fn signer(suite: Suite, profile: &Profile) -> Signer {
    let signer = Signer::new(keys(suite, profile), profile.clone());
    signer.hazmat_random(Repeated::new((0..16).collect()))
}

fn stages(signed: &Signed) -> Value {
    let lines: Vec<Value> = signed.headers().map(|(name, value)| json!([name, value])).collect();
    json!({"base": std::str::from_utf8(signed.base()).unwrap(), "adds": lines})
}

fn request(what: &str, suite: Suite, json: Option<&str>, label: &str, sent: &Sent) -> Value {
    let profile = profile(json);
    let signer = signer(suite, &profile).label(label).unwrap();
    let signed = sent.try_sign(&signer).unwrap_or_else(|error| panic!("{what}: {error}"));
    let verifier = Verifier::new(keys(suite, &profile), profile, NoReplayCheck);
    let base = sent.carrying(&signed).verified(&verifier, |verified| verified.base().to_vec());
    assert_eq!(base.unwrap_or_else(|error| panic!("{what}: {error}")), signed.base(), "{what}");
    json!({"what": what, "suite": suite.name(), "profile": json, "message": sent.json(), "signed": stages(&signed)})
}

fn response(what: &str, suite: Suite, sent: &Sent, status: u16, body: &str) -> Value {
    let profile = profile(None);
    let signer = signer(suite, &profile);
    let signed_request = sent.try_sign(&signer).unwrap();
    let verifier = Verifier::new(keys(suite, &profile), profile, NoReplayCheck);
    let content_type = if body.is_empty() { None } else { Some("application/json") };
    let message = content_type
        .iter()
        .fold(Message::response(status).body(body), |message, value| message.header("content-type", value));
    let received = sent.carrying(&signed_request);
    let signed = received
        .verified(&verifier, |verified| signer.sign_response(&message, verified, &FixedClock(NOW)).unwrap())
        .unwrap();
    let answered =
        signed.headers().fold(message.clone(), |message, (name, value)| message.header(name, value));
    verifier.verify_response(&answered, &signed_request, &FixedClock(NOW)).unwrap();
    let headers: Vec<Value> = content_type.iter().map(|value| json!(["content-type", value])).collect();
    json!({"what": what, "suite": suite.name(), "profile": null, "request": received.json(),
        "response": {"status": status, "headers": headers, "body": body}, "signed": stages(&signed)})
}

fn all() -> Vec<Value> {
    let mut list = Vec::new();
    let everything = Sent::get("/a%2Fb?x=%41+b&fa%c3%a7ade+%2B=%21*~&y&y")
        .with("X-Dict", "  a=1,    b=(1 \"t\\\"\"  :AA==:);x=?0;y, c ")
        .with("x-item", " 1.50;a=@7 ")
        .with("x-list", "one, \"two\"")
        .with("X-List", "  (a  b);q=0.50 ")
        .with("x-empty", "")
        .but(|sent| sent.trailers.push(("X-Trailer".into(), b" t ".to_vec())));
    for suite in [Suite::HmacSha256, Suite::Ed25519] {
        let get = Sent::get("/a?x=1");
        list.push(request("a GET", suite, None, "sig", &get));
        list.push(request(
            "no query, a port, letters in upper case",
            suite,
            None,
            "sig",
            &Sent { authority: "API.Example:8443".into(), ..Sent::get("/") },
        ));
        list.push(request(
            "default port and absolute form",
            suite,
            None,
            "sig",
            &Sent { authority: "api.example:443".into(), ..Sent::get("https://API.example?q") },
        ));
        list.push(request("a POST", suite, None, "sig", &Sent::post()));
        list.push(request(
            "a POST without content",
            suite,
            None,
            "sig",
            &Sent { method: "POST".into(), ..get.clone() },
        ));
        list.push(request("a digest of the caller's own", suite, None, "sig", &Sent::post().digested()));
        list.push(request(
            "steering headers",
            suite,
            None,
            "sig",
            &get.clone().with("Authorization", "Bearer x").with("If-Match", "\"a\""),
        ));
        list.push(request(
            "every component and parameter",
            suite,
            Some(EVERYTHING),
            "other-label",
            &everything,
        ));
        let signed = Sent::post().carrying(&Sent::post().try_sign(&signer(suite, &profile(None))).unwrap());
        list.push(request("a proxy's signature over a signature", suite, Some(PROXY), "proxy", &signed));
        list.push(response("a response", suite, &Sent::post(), 201, "{\"id\":7}"));
        list.push(response("a response without content", suite, &get, 204, ""));
    }
    list
}

#[test]
fn the_shared_file_holds_these_messages() {
    let about = "Messages and what a signer adds to them at the time `now`; random bytes are 00 to 0f. HMAC secrets and Ed25519 seeds are 32 bytes each: key `client` signs requests, key `service` responses. `profile` null is apiseal-v1";
    let keys = json!({"client": hex(&[1; 32]), "service": hex(&[2; 32])});
    let text = format!("{:#}\n", json!({"about": about, "now": NOW, "keys": keys, "cases": all()}));
    let path = repository("tests/vectors/signing/messages.json");
    if std::env::var_os("APISEAL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "tests/vectors/signing/messages.json is stale");
}
