//! What the fuzz targets check, so that their corpora run as plain tests too.

use apiseal::{
    Effort, FixedClock, Header, KeyringFile, Limits, Message, NoReplayCheck, Policy, Profile, Redactor,
    Verifier, Wrap, inspect, locate,
};

use crate::Setup;
use crate::signing::{NOW, Sent, ring};

/// A target: gets any bytes and panics if a promise is broken.
pub type Target = fn(&[u8]);

/// All targets with the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("document", document),
    ("sealed", sealed),
    ("redact", redact),
    ("policy", policy),
    ("path", path),
    ("keyring", keyring),
    ("request", request),
    ("explain", explain),
    ("profile", profile),
];

fn setups() -> [Setup; 3] {
    [
        Setup::token(&[r#""path":"$..a","bind":[],"occurs":"optional""#]),
        Setup::token(&[r#""path":"$.list[*].v","position":"elements","bind":["1/id"],"occurs":"optional""#]),
        Setup::document(
            "[\"$\"]",
            &[r#""path":"$.list[?@.id>1].v","occurs":"optional""#, r#""path":"$.a","occurs":"optional""#],
        ),
    ]
}

/// A document to encrypt: what is encrypted comes back byte for byte, and what the scanner accepts, serde_json
/// accepts too.
pub fn document(data: &[u8]) {
    if locate(data, "$", &Limits::default()).is_ok() {
        // Numbers beyond doubles are fine for us.
        let accepted = serde_json::from_slice::<serde_json::Value>(data);
        assert!(
            accepted.is_ok()
                || accepted.is_err_and(|error| error.to_string().contains("number out of range"))
        );
    }
    for setup in setups() {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        if let Ok(sealed) = cipher.encrypt(data, &context) {
            let opened = cipher.decrypt(&sealed, &context).unwrap();
            assert_eq!(&opened[..], data);
        }
    }
}

/// A document to decrypt, with a real token put wherever it says `TOKEN`, `FIELD` or `HEADER`.
pub fn sealed(data: &[u8]) {
    for setup in setups() {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        let real = setup.encrypt(r#"{"a":"x","list":[{"id":2,"v":"y"}]}"#);
        let strings: Vec<&str> = real.split('"').filter(|string| string.starts_with("as1")).collect();
        let text = String::from_utf8_lossy(data);
        let find =
            |prefix: &str| strings.iter().find(|string| string.starts_with(prefix)).copied().unwrap_or("");
        let text = text
            .replace("TOKEN", find("as1."))
            .replace("FIELD", find("as1f."))
            .replace("HEADER", find("as1d."));
        if let Ok(opened) = cipher.decrypt(text.as_bytes(), &context) {
            // What opens is one of the two values that were encrypted.
            for path in ["$.a", "$.list[?@.id>1].v"] {
                for place in locate(&opened, path, &Limits::default()).unwrap() {
                    let value = &opened[place.start..place.end];
                    let clear = !cipher.policy().paths().any(|own| own == path);
                    assert!(clear || value == b"\"x\"" || value == b"\"y\"");
                }
            }
        }
    }
}

/// A document to redact: what is malformed shows nothing; of the rest no value stays where a rule may ever select one,
/// and nothing encrypted anywhere.
pub fn redact(data: &[u8]) {
    let keep = Setup::document("[]", &[r#""path":"$.list[-1]","mask":{"keep_last":2}"#]);
    let wide: [&[&str]; 4] = [&["$..a"], &["$.list[*].v"], &["$.list[*].v", "$.a"], &["$.list[0:]"]];
    for (setup, wide) in setups().iter().chain([&keep]).zip(wide) {
        let redactor = setup.redactor().unwrap();
        let redacted = redactor.redact(data);
        if locate(data, "$", &Limits::default()).is_err() {
            assert!(redacted.is_unreadable() && redactor.unreadable() == 1);
            assert_eq!(redacted.as_str(), r#"{"redacted":"unreadable"}"#);
            continue;
        }
        assert!(!redacted.is_unreadable());
        assert!(inspect(&redacted, &Limits::default()).unwrap().is_empty());
        for path in wide {
            for place in locate(&redacted, path, &Limits::default()).unwrap() {
                let value = &redacted.as_str()[place.start..place.end];
                assert!(value == "\"[redacted]\"" || value.starts_with("\"****"), "{value}");
            }
        }
        // What is masked stays masked, and nothing else is.
        assert!(redacted.contains(&b'*') || redactor.redact(&redacted) == redacted);
    }
}

/// A policy file: what loads can be explained.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(policy) = Policy::from_json(text) {
        let _ = Redactor::new(&policy);
        let _ = policy.lint(Some(br#"{"a":[{"id":1,"b":"x"}],"id":2}"#), &Limits::default());
    }
}

/// A query, a line feed, a document: every span found is a value.
pub fn path(data: &[u8]) {
    let at = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (query, document) = data.split_at(at);
    let Ok(query) = std::str::from_utf8(query) else { return };
    let document: &[u8] = if document.len() > 1 { &document[1..] } else { br#"{"a":[1,{"b":"x"}],"c":-0}"# };
    if let Ok(found) = locate(document, query, &Limits::default()) {
        for place in found.iter().take(100) {
            let value = &document[place.start..place.end];
            assert!(locate(value, "$", &Limits::default()).is_ok());
            let again = locate(document, &place.path, &Limits::default()).unwrap();
            assert_eq!((again.len(), again[0].start), (1, place.start), "a normalized path finds its value");
        }
    }
}

/// A keyring file, sealed and clear: what loads is written and read again.
pub fn keyring(data: &[u8]) {
    let wrap = Wrap::raw(&[42; 32]);
    let _ = KeyringFile::open(data, "main", &wrap, None);
    if let Ok(ring) = KeyringFile::hazmat_read_clear(data, "main", None) {
        let text = KeyringFile::hazmat_write_clear(&ring, "main").unwrap();
        let again = KeyringFile::hazmat_read_clear(&text, "main", None).unwrap();
        assert_eq!(&KeyringFile::hazmat_write_clear(&again, "main").unwrap()[..], &text[..]);
    }
}

/// An HTTP request as text, lines ended by LF, to verify; a real signature stands wherever it says `INPUT`, `SIGNATURE` or
/// `DIGEST`. What is accepted under the strict profile is the request that was signed, as far as anybody vouches for it.
pub fn request(data: &[u8]) {
    let real = Sent::post().signed();
    received(data, &real, |message| judge(message, &real));
}

/// The request that the bytes are, with a real signature.
fn received(data: &[u8], real: &Sent, each: impl FnOnce(&Message<'_>)) {
    let text = String::from_utf8_lossy(data)
        .replace("INPUT", real.header("signature-input"))
        .replace("SIGNATURE", real.header("signature"))
        .replace("DIGEST", real.header("content-digest"));
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.split('\n');
    let start: Vec<&str> = lines.next().unwrap_or_default().splitn(3, ' ').collect();
    let headers: Vec<Header<'_>> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| Header::new(name, value))
        .collect();
    let (method, target) = (start[0], start.get(1).copied().unwrap_or_default());
    let scheme = start.get(2).copied().unwrap_or("https");
    each(&Message::request(method, scheme, "", target).headers(&headers).body(body));
}

fn judge(message: &Message<'_>, real: &Sent) {
    let strict = Verifier::new(ring(), Profile::apiseal_v1(), NoReplayCheck);
    if let Ok(verified) = strict.verify(message, &FixedClock(NOW)) {
        let component = |id: &str| verified.component(id).unwrap();
        assert_eq!((component("@method"), component("@authority")), ("POST", "api.example"));
        assert_eq!((component("@path"), component("@query")), ("/orders", "?x=1&y=2"));
        assert_eq!((component("content-type"), verified.body()), ("application/json", Some(&real.body[..])));
    }
    let loose = Profile::rfc9421("fuzz").require("@method").build().unwrap();
    let _ = loose.lint(message);
    if let Ok(verified) = Verifier::new(ring(), loose, NoReplayCheck).verify(message, &FixedClock(NOW)) {
        assert_eq!(verified.component("@method"), Some("POST"));
    }
}

/// The same request, explained: the verdict is that of the verification, what is named was signed, and the budget holds.
pub fn explain(data: &[u8]) {
    let effort = Effort { verifications: 200, bytes: 1 << 20, decoded: 1 << 16 };
    let twice = |_: &str, content: &[u8], limit: usize| {
        Some(content.repeat(2)).filter(|decoded| decoded.len() <= limit)
    };
    let real = Sent::post().signed();
    let own = real.verified(&crate::signing::verifier(), |verified| verified.base().to_vec()).unwrap();
    received(data, &real, |message| {
        let loose = Profile::rfc9421("fuzz").require("@method").build().unwrap();
        for profile in [Profile::apiseal_v1(), loose] {
            let verifier = Verifier::new(ring(), profile, NoReplayCheck);
            let explainer = verifier.explainer().effort(effort).decoder(&twice).authority("api.example");
            let told = explainer.explain(message, &FixedClock(NOW));
            let code = |error: &apiseal::Error| error.code();
            let verdict = verifier.verify(message, &FixedClock(NOW)).err();
            assert_eq!(told.error().map(code), verdict.as_ref().map(code));
            if let Some(signed) = told.signed_base() {
                assert_eq!(signed.as_bytes(), own, "{told}");
            }
            let work = told.work();
            assert!(work.verifications <= effort.verifications && work.decoded <= effort.decoded);
            assert!(work.bytes <= effort.bytes.max(2 * data.len() as u64 + 4000));
            assert!(!told.to_string().chars().any(char::is_control), "{told}");
        }
    });
}

/// A profile file: whatever loads demands something, and can be explained.
pub fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(profile) = Profile::from_json(text) {
        let _ = profile.lint_profile();
        let unsigned = Message::request("POST", "https", "api.example", "/orders").body(b"{}");
        assert!(Verifier::new(ring(), profile, NoReplayCheck).verify(&unsigned, &FixedClock(NOW)).is_err());
    }
}
