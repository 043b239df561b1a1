//! The engine against the examples of RFC 9421 and RFC 9530 and the structured-field tests, where they are present.

use std::collections::BTreeMap;

use apiseal::{
    Code, Direction, FieldType, FixedClock, Header, Key, Keyring, Kid, Message, NoReplayCheck, Profile,
    ProfileBuilder, Result, Signed, Signer, Suite, Verified, Verifier,
};
use apiseal_workspace::shared_vectors;
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

fn read(path: &str) -> Option<Value> {
    shared_vectors(path).map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A message of the vectors; `drop` names headers that are left out.
struct Owned {
    value: Value,
    headers: Vec<(String, String)>,
}

impl Owned {
    fn new(value: &Value, drop: &[&str]) -> Self {
        let pair = |pair: &Value| (text(&pair[0]).to_owned(), text(&pair[1]).to_owned());
        let mut headers: Vec<(String, String)> =
            value["headers"].as_array().unwrap().iter().map(pair).collect();
        headers.retain(|(name, _)| !drop.iter().any(|drop| name.eq_ignore_ascii_case(drop)));
        Owned { value: value.clone(), headers }
    }

    fn with<T>(&self, use_it: impl FnOnce(&Message<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let message = match text(&self.value["kind"]) {
            "request" => {
                let part = |name: &str| text(&self.value[name]);
                Message::request(part("method"), part("scheme"), "", part("target"))
            }
            _ => Message::response(self.value["status"].as_u64().unwrap() as u16),
        };
        use_it(&message.headers(&headers).body(text(&self.value["body"])))
    }
}

/// The keys of the vectors, for one direction, as a verifier holds them.
fn ring(keys: &Value, direction: Direction) -> Keyring {
    let clock = FixedClock(0);
    let mut ring = Keyring::builder();
    for (name, key) in keys.as_object().unwrap() {
        let suite = Suite::from_name(text(&key["alg"])).unwrap();
        let kid = Kid::parse(name).unwrap();
        let made = match key["secret_base64"].as_str() {
            Some(secret) => Key::raw(kid, suite, &STANDARD.decode_to_vec(secret).unwrap(), &clock).unwrap(),
            None => {
                let from_pem = Key::from_pem(kid.clone(), suite, text(&key["public_pem"]), &clock).unwrap();
                let public: serde_json::Map<String, Value> = key["jwk"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(name, _)| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                let jwk = Value::Object(public).to_string();
                let from_jwk = Key::from_jwk(kid, suite, &jwk, &clock).unwrap();
                assert_eq!(from_pem.public_key(), from_jwk.public_key(), "{name}");
                from_jwk
            }
        };
        ring = ring.key(made.with_direction(direction).with_profiles(["rfc"]));
    }
    ring.build().unwrap()
}

/// The identifiers of a list of components as it stands in `Signature-Input`.
fn identifiers(parameters: &str) -> Vec<&str> {
    let list = parameters.strip_prefix('(').unwrap().split_once(')').unwrap().0;
    list.split(' ').filter(|id| !id.is_empty()).collect()
}

fn requiring(ids: &[&str], is_response: bool) -> ProfileBuilder {
    // What a profile says of the other direction matters to nobody here.
    let start = Profile::rfc9421("rfc").algorithms(&[
        Suite::HmacSha256,
        Suite::Ed25519,
        Suite::EcdsaP256Sha256,
        Suite::RsaPssSha512,
        Suite::RsaV15Sha256,
    ]);
    let start = if is_response { start.require("@method") } else { start };
    let start = if ids.is_empty() { start.allow_empty_coverage() } else { start };
    ids.iter().fold(
        start,
        |profile, id| if is_response { profile.require_in_response(id) } else { profile.require(id) },
    )
}

fn is_response(case: &Value) -> bool {
    text(&case["message"]["kind"]) == "response"
}

/// Verifies a case under a profile that demands exactly its components.
fn verify(keys: &Value, case: &Value) -> Result<Vec<u8>> {
    let parameters = text(&case["signature_params"]);
    let ids = identifiers(parameters);
    let response = is_response(case);
    let profile = requiring(&ids, response).label(text(&case["label"])).build().unwrap();
    let direction = if response { Direction::Response } else { Direction::Request };
    let verifier = Verifier::new(ring(keys, direction), profile, NoReplayCheck);
    let created = parameters.split(";created=").nth(1).unwrap().split(';').next().unwrap();
    let clock = FixedClock(created.parse().unwrap());
    let base = |verified: Verified<'_>| verified.base().to_vec();
    let message = Owned::new(&case["message"], &[]);
    message.with(|message| {
        if !response {
            return verifier.verify(message, &clock).map(base);
        }
        match &case["related_request"] {
            // Nothing of it is covered.
            Value::Null => {
                let nothing = Message::request("GET", "https", "example.com", "/");
                verifier.verify_response(message, &nothing, &clock).map(base)
            }
            request => Owned::new(request, &[])
                .with(|request| verifier.verify_response(message, request, &clock).map(base)),
        }
    })
}

#[test]
fn rfc_9421_signed_messages() {
    let Some(file) = read("rfc9421/signatures.json") else { return };
    let (mut valid, mut invalid) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let id = text(&case["id"]);
        let expected = text(&case["signature_base"]);
        match (verify(&file["keys"], case), text(&case["expect"])) {
            (Ok(base), "valid") => {
                assert_eq!(String::from_utf8(base).unwrap(), expected, "{id}");
                valid += 1;
            }
            (Err(error), "invalid") => {
                assert_eq!(error.code(), Code::SignatureInvalid, "{id}");
                invalid += 1;
            }
            (Err(error), _) => panic!("{id}: {error}"),
            (Ok(_), _) => panic!("{id}: verified"),
        }
    }
    assert_eq!((valid, invalid), (17, 3));
}

/// A key that signs, of a case with a deterministic algorithm.
fn signing_key(key: &Value, keyid: &str) -> Key {
    let suite = Suite::from_name(text(&key["alg"])).unwrap();
    let secret = match key["secret_base64"].as_str() {
        Some(secret) => STANDARD.decode_to_vec(secret).unwrap(),
        None => URL_SAFE_NO_PAD.decode_to_vec(text(&key["jwk"]["d"])).unwrap(),
    };
    Key::raw(Kid::parse(keyid).unwrap(), suite, &secret, &FixedClock(0))
        .unwrap()
        .with_direction(Direction::Request)
        .with_profiles(["rfc"])
}

#[test]
fn rfc_9421_bases_and_deterministic_signatures_are_made_byte_for_byte() {
    let Some(file) = read("rfc9421/signatures.json") else { return };
    let (mut bases, mut signatures) = (0, 0);
    for case in file["cases"].as_array().unwrap().iter().filter(|case| !is_response(case)) {
        let (id, parameters) = (text(&case["id"]), text(&case["signature_params"]));
        let ids = identifiers(parameters);
        // The signer writes its own parameters; with these it can reproduce the example.
        let plain = parameters.split_once(')').unwrap().1;
        let created = plain.split(";created=").nth(1).unwrap().split(';').next().unwrap();
        let clock = FixedClock(created.parse().unwrap());
        // RSA keys only verify.
        let deterministic = case["deterministic_alg"] == true && !text(&case["alg"]).starts_with("rsa");
        let profile = requiring(&ids, false).build().unwrap();
        let (keyid, key) = (text(&case["keyid"]), &file["keys"][text(&case["keyid"])]);
        // A case with another algorithm is signed by the shared secret, for the lines of the components.
        let own = if deterministic {
            signing_key(key, keyid)
        } else {
            signing_key(&file["keys"]["test-shared-secret"], keyid)
        };
        let signer = Signer::new(Keyring::builder().key(own).build().unwrap(), profile);
        let signer = signer.label(text(&case["label"])).unwrap();
        // A label stands once; what another signature covers stays.
        let covers_others = ids.iter().any(|id| id.starts_with("\"signature"));
        let drop: &[&str] = if covers_others { &[] } else { &["signature", "signature-input"] };
        let signer = if covers_others { signer.label("other").unwrap() } else { signer };
        let signed = Owned::new(&case["message"], drop).with(|message| signer.sign(message, &clock));
        let signed: Signed = signed.unwrap_or_else(|error| panic!("{id}: {error}"));
        let lines = |base: &str| base.rsplit_once("\"@signature-params\"").unwrap().0.to_owned();
        let base = std::str::from_utf8(signed.base()).unwrap();
        assert_eq!(lines(base), lines(text(&case["signature_base"])), "{id}");
        bases += 1;
        let reproduced = plain == format!(";created={created};keyid=\"{keyid}\"");
        if deterministic && reproduced && text(&case["expect"]) == "valid" {
            assert_eq!(base, text(&case["signature_base"]), "{id}");
            let headers: BTreeMap<_, _> = signed.headers().collect();
            let expected = format!("{}=:{}:", text(&case["label"]), text(&case["signature_base64"]));
            assert_eq!(headers["signature"], expected, "{id}");
            signatures += 1;
        }
    }
    println!("{bases} bases, {signatures} signatures");
    assert!(bases == 17 && signatures >= 5, "{bases} {signatures}");
}

/// A message of the fragments: an optional start line, headers, for one an optional chunked body with trailers.
fn fragment(raw: &str, scheme: &str, then: impl FnOnce(&Message<'_>)) {
    let (head, rest) = raw.split_once("\n\n").unwrap_or((raw, ""));
    let mut lines: Vec<String> = Vec::new();
    for line in head.split('\n') {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => *last += &format!("\n{line}"),
            _ => lines.push(line.to_owned()),
        }
    }
    let start = if lines[0].contains("HTTP/1.1") { lines.remove(0) } else { "GET / HTTP/1.1".to_owned() };
    let split =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let headers: Vec<(String, String)> = lines.iter().map(|line| split(line)).collect();
    let trailers: Vec<(String, String)> =
        rest.lines().filter(|line| line.contains(": ")).map(split).collect();
    let as_headers =
        |pairs: &'static [(String, String)]| pairs.iter().map(|(n, v)| Header::new(n, v)).collect::<Vec<_>>();
    let (headers, trailers) = (as_headers(headers.leak()), as_headers(trailers.leak()));
    let parts: Vec<&str> = start.split(' ').collect();
    let hosted = headers.iter().any(|header| header.name == "Host");
    let message = match parts[0] {
        "HTTP/1.1" => Message::response(parts[1].parse().unwrap()),
        method => Message::request(method, scheme, if hosted { "" } else { "www.example.com" }, parts[1]),
    };
    then(&message.headers(&headers).trailers(&trailers));
}

#[test]
fn rfc_9421_components() {
    let Some(file) = read("rfc9421/components.json") else { return };
    let mut checked = 0;
    for case in file["cases"].as_array().unwrap() {
        let (id, scheme) = (text(&case["id"]), case["scheme"].as_str().unwrap_or("https"));
        // The example's tunnel goes to port 80, which its Host does not name.
        let scheme = if text(&case["message_raw"]).starts_with("CONNECT") { "http" } else { scheme };
        for line in case["expected_lines"].as_array().unwrap().iter().map(text) {
            let end = line.find(": ").unwrap();
            let (component, value) = (&line[..end], &line[end + 2..]);
            fragment(text(&case["message_raw"]), scheme, |message| {
                let response = text(&case["message_raw"]).starts_with("HTTP/1.1");
                let mut profile = requiring(&[component], response);
                if let Some(types) = case["field_types"].as_object() {
                    for name in types.keys() {
                        profile = profile.structured(name, FieldType::Dictionary);
                    }
                }
                let value_of = component_value(message, profile.build().unwrap(), component);
                assert_eq!(value_of, value, "{id}: {component}");
            });
            checked += 1;
        }
    }
    assert_eq!(checked, 39);
}

/// The value of a component as the engine sees it in a message.
fn component_value(message: &Message<'_>, profile: Profile, component: &str) -> String {
    let clock = FixedClock(1_700_000_000);
    let key = |kid: &str, byte: u8, direction| {
        Key::raw(Kid::parse(kid).unwrap(), Suite::HmacSha256, &[byte; 32], &clock)
            .unwrap()
            .with_direction(direction)
            .with_profiles(["rfc"])
    };
    let ring = Keyring::builder()
        .key(key("q", 1, Direction::Request))
        .key(key("s", 2, Direction::Response))
        .build()
        .unwrap();
    let signer = Signer::new(ring.clone(), profile.clone());
    let request = Message::request("GET", "https", "www.example.com", "/");
    let base = match signer.sign(message, &clock) {
        Ok(signed) => signed.base().to_vec(),
        Err(error) if error.code() == Code::NotSignable => {
            let received = signer.sign(&request, &clock).unwrap();
            let request =
                received.headers().fold(request, |request, (name, value)| request.header(name, value));
            let verified = Verifier::new(ring, profile, NoReplayCheck).verify(&request, &clock).unwrap();
            signer.sign_response(message, &verified, &clock).unwrap().base().to_vec()
        }
        Err(error) => panic!("{component}: {error}"),
    };
    let base = String::from_utf8(base).unwrap();
    let line = base.lines().find(|line| line.starts_with(&format!("{component}: "))).unwrap();
    line[component.len() + 2..].to_owned()
}

#[test]
fn rfc_9530_digests() {
    let Some(file) = read("rfc9530/digests.json") else { return };
    let clock = FixedClock(1_700_000_000);
    let key = Key::raw(Kid::parse("k").unwrap(), Suite::HmacSha256, &[1; 32], &clock).unwrap();
    let ring = Keyring::builder().key(key.with_direction(Direction::Request)).build().unwrap();
    let signer = Signer::new(ring, Profile::apiseal_v1());
    let mut checked = 0;
    for case in file["cases"].as_array().unwrap() {
        let content = apiseal_workspace::unhex(text(&case["content_hex"]));
        let message = Message::request("POST", "https", "a.example", "/").header("content-type", "x");
        let stated = message.clone().header("content-digest", text(&case["field_value"]));
        assert!(signer.sign(&stated.clone().body(&content), &clock).is_ok(), "{}", case["id"]);
        for at in 0..content.len() {
            let mut other = content.clone();
            other[at] ^= 1;
            let error = signer.sign(&stated.clone().body(&other), &clock).unwrap_err();
            assert_eq!(error.code(), Code::DigestMismatch, "{}", case["id"]);
        }
        if text(&case["algorithm"]) == "sha-256" {
            let signed = signer.sign(&message.body(&content), &clock).unwrap();
            assert_eq!(signed.headers().next().unwrap(), ("content-digest", text(&case["field_value"])));
        }
        checked += 1;
    }
    assert_eq!(checked, 11);
}

/// A header as the engine serializes it strictly, or `None` where it is refused.
fn canonical(lines: &[&str], kind: FieldType) -> Option<String> {
    let clock = FixedClock(1_700_000_000);
    let key = Key::raw(Kid::parse("k").unwrap(), Suite::HmacSha256, &[1; 32], &clock).unwrap();
    let key = key.with_direction(Direction::Request).with_profiles(["rfc"]);
    let profile =
        Profile::rfc9421("rfc").require("\"x\";sf").structured("x", kind).limits(1 << 20, 0).build().unwrap();
    let signer = Signer::new(Keyring::builder().key(key).build().unwrap(), profile);
    let headers: Vec<Header<'_>> = lines.iter().map(|line| Header::new("x", line)).collect();
    let message = Message::request("GET", "https", "a.example", "/").headers(&headers);
    let signed = signer.sign(&message, &clock).ok()?;
    let base = std::str::from_utf8(signed.base()).unwrap();
    Some(base.lines().next().unwrap().strip_prefix("\"x\";sf: ").unwrap().to_owned())
}

#[test]
fn structured_field_tests() {
    let Some(folder) = shared_vectors("structured-field-tests") else { return };
    let (mut checked, mut duplicates, mut exempt, mut failures) = (0, 0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for case in file.as_array().unwrap() {
            let name = format!("{}: {}", path.file_name().unwrap().display(), text(&case["name"]));
            let raw: Vec<&str> = case["raw"].as_array().unwrap().iter().map(text).collect();
            let kind = match text(&case["header_type"]) {
                "item" => FieldType::Item,
                "list" => FieldType::List,
                _ => FieldType::Dictionary,
            };
            let own = canonical(&raw, kind);
            checked += 1;
            // RFC 9651 lets the last of two keys win; here two keys are refused (rule S7).
            if name.to_lowercase().contains("duplicate") {
                duplicates += 1;
                assert_eq!(own, None, "{name}");
                continue;
            }
            // White space around a value, tabs included, and line folding are HTTP's and gone before the field is read.
            let of_http = ["newline in string", "0x09 starting a dictionary key", "trailing space"];
            if of_http.iter().any(|part| name.ends_with(part))
                && name.contains("item.json") == name.contains("trailing")
            {
                assert!(own.is_some(), "{name}");
                exempt += 1;
                continue;
            }
            let lines = if case["canonical"].is_null() { &case["raw"] } else { &case["canonical"] };
            let lines: Vec<&str> = lines.as_array().unwrap().iter().map(text).collect();
            let fits = match own {
                _ if case["must_fail"] == true => own.is_none(),
                None => case["can_fail"] == true,
                Some(ref own) => *own == lines.join(", "),
            };
            if !fits {
                failures.push(format!("{name}: {raw:?} gave {own:?}"));
            }
        }
    }
    println!("{checked} cases");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!((checked, duplicates, exempt), (800, 1, 3));
}
