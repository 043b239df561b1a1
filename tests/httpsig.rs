//! Signatures exchanged with the crate `httpsig`, in both directions. It takes the values of components from its caller and
//! looks at neither digests nor freshness: what is compared is how lists, parameters and values are written, and signed.

use apiseal::{
    Code, Direction, FixedClock, Header, Key, Keyring, Kid, Message, NoReplayCheck, Profile, Signer, Suite,
    Verifier,
};
use apiseal_workspace::signing::{NOW, Sent};
use httpsig::prelude::message_component::{HttpMessageComponent, HttpMessageComponentId};
use httpsig::prelude::{
    AlgorithmName, HttpSignatureBase, HttpSignatureHeaders, HttpSignatureParams, SecretKey, SharedKey,
};

const SUITES: [Suite; 4] =
    [Suite::HmacSha256, Suite::Ed25519, Suite::EcdsaP256Sha256, Suite::EcdsaP384Sha384];
const KEYID: &str = "peer-1";
const SECRET: [u8; 48] = [7; 48];

fn secret(suite: Suite) -> &'static [u8] {
    if suite == Suite::EcdsaP384Sha384 { &SECRET } else { &SECRET[..32] }
}

/// The peer's key.
enum Peer {
    Shared(SharedKey),
    Secret(Box<SecretKey>),
}

impl Peer {
    fn new(suite: Suite) -> Self {
        let algorithm = match suite {
            Suite::Ed25519 => AlgorithmName::Ed25519,
            Suite::EcdsaP256Sha256 => AlgorithmName::EcdsaP256Sha256,
            Suite::EcdsaP384Sha384 => AlgorithmName::EcdsaP384Sha384,
            _ => {
                let text = base64_simd::STANDARD.encode_to_string(secret(suite));
                return Peer::Shared(SharedKey::from_base64(&AlgorithmName::HmacSha256, &text).unwrap());
            }
        };
        Peer::Secret(Box::new(SecretKey::from_bytes(&algorithm, secret(suite)).unwrap()))
    }

    /// The lines to be added.
    fn sign(
        &self,
        sent: &Sent,
        ids: &[&str],
        nonce: Option<&str>,
        tag: Option<&str>,
    ) -> Option<[(String, String); 2]> {
        let components: Vec<HttpMessageComponentId> =
            ids.iter().map(|id| HttpMessageComponentId::try_from(*id)).collect::<Result<_, _>>().ok()?;
        let mut parameters = HttpSignatureParams::try_new(&components).ok()?;
        parameters.set_created(NOW).set_keyid(KEYID);
        nonce.map(|nonce| parameters.set_nonce(nonce));
        tag.map(|tag| parameters.set_tag(tag));
        let base = base(sent, &components, &parameters)?;
        let headers = match self {
            Peer::Shared(key) => base.build_signature_headers(key, Some("sig")),
            Peer::Secret(key) => base.build_signature_headers(&**key, Some("sig")),
        }
        .ok()?;
        let input = headers.signature_input_header_value();
        Some([
            ("signature-input".to_owned(), input),
            ("signature".to_owned(), headers.signature_header_value()),
        ])
    }

    fn verifies(&self, sent: &Sent, input: &str, signature: &str) -> Option<bool> {
        let map = HttpSignatureHeaders::try_parse(signature, input).ok()?;
        let headers = map.get("sig")?;
        let parameters = headers.signature_params();
        let base = base(sent, &parameters.covered_components, parameters)?;
        Some(match self {
            Peer::Shared(key) => base.verify_signature_headers(key, headers).is_ok(),
            Peer::Secret(key) => base.verify_signature_headers(&key.public_key(), headers).is_ok(),
        })
    }
}

fn base(
    sent: &Sent,
    components: &[HttpMessageComponentId],
    parameters: &HttpSignatureParams,
) -> Option<HttpSignatureBase> {
    let line = |id: &HttpMessageComponentId| HttpMessageComponent::try_from((id, &values(sent, id)[..]));
    let lines: Vec<HttpMessageComponent> = components.iter().map(line).collect::<Result<_, _>>().ok()?;
    HttpSignatureBase::try_new(&lines, parameters).ok()
}

/// What the peer wants of its caller: the value of a derived component, the lines of a field, the pairs of a query.
fn values(sent: &Sent, id: &HttpMessageComponentId) -> Vec<String> {
    let id = id.to_string();
    let name = id.trim_start_matches('"').split('"').next().unwrap();
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    match name {
        "@method" => vec![sent.method.clone()],
        "@authority" => vec![sent.authority.clone()],
        "@scheme" => vec![sent.scheme.clone()],
        "@path" => vec![path.to_owned()],
        "@query" => vec![format!("?{query}")],
        "@query-param" => query.split('&').map(str::to_owned).collect(),
        "@target-uri" => vec![format!("{}://{}{}", sent.scheme, sent.authority, sent.target)],
        "@request-target" => vec![sent.target.clone()],
        name => {
            let own = sent.headers.iter().filter(|line| line.0.eq_ignore_ascii_case(name));
            own.map(|line| String::from_utf8_lossy(&line.1).trim().to_owned()).collect()
        }
    }
}

fn ring(suite: Suite) -> Keyring {
    let key = Key::raw(Kid::parse("peer").unwrap(), suite, secret(suite), &FixedClock(0)).unwrap();
    let key = key.with_external_keyid(KEYID).with_direction(Direction::Request).with_profiles(["p"]);
    Keyring::builder().key(key).build().unwrap()
}

fn profile(ids: &[&str]) -> Profile {
    let profile = ids.iter().fold(Profile::rfc9421("p"), |profile, id| profile.require(id));
    let profile = profile.structured("x-dict", apiseal::FieldType::Dictionary);
    profile.algorithms(&SUITES).nonce_required().tags("req", "res").build().unwrap()
}

/// Whether each verifies what the other signed: theirs here, ours there.
fn both(suite: Suite, sent: &Sent, ids: &[&str]) -> (bool, bool) {
    let (peer, profile) = (Peer::new(suite), profile(ids));
    let verifier = Verifier::new(ring(suite), profile.clone(), NoReplayCheck);
    let nonce = "AAECAwQFBgcICQoLDA0ODw";
    let theirs = peer.sign(sent, ids, Some(nonce), Some("req")).is_some_and(|lines| {
        let signed = lines.iter().fold(sent.clone(), |sent, (name, value)| sent.with(name, value));
        // A change is seen, so that the rest means something.
        let changed = signed.clone().but(|sent| sent.headers.last_mut().unwrap().1[6] ^= 1);
        changed.verify_with(&verifier).is_err() && signed.verify_with(&verifier).is_ok()
    });
    let made = sent.try_sign(&Signer::new(ring(suite), profile)).unwrap();
    let lines: Vec<(&str, &str)> = made.headers().collect();
    let of = |name: &str| lines.iter().find(|line| line.0 == name).unwrap().1;
    let signed = sent.carrying(&made);
    let ours = peer.verifies(&signed, of("signature-input"), of("signature")) == Some(true);
    let other = of("signature").replacen("=:A", "=:B", 1).replacen("=:", "=:AAAA", 1);
    assert_ne!(peer.verifies(&signed, of("signature-input"), &other), Some(true));
    (theirs, ours)
}

fn message() -> Sent {
    Sent { method: "POST".into(), body: b"{}".to_vec(), ..Sent::get("/orders%2F7?a=1&b=two+2&c=") }
        .with("content-type", "application/json")
        .with("X-List", " a, b ")
        .with("x-list", "c")
        .with("x-empty", "")
        .with("x-dict", "a=1,   b=2;x=1;y=2,  c=(a   b   c), d, e=:AA==:, f=\"x y\", g=1.50")
        .with("content-digest", "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:")
}

#[test]
fn what_both_write_alike() {
    let derived = ["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"];
    let sets: [&[&str]; 9] = [
        &["@method"],
        &derived,
        &["@method", "content-type", "content-digest"],
        &["x-list", "x-empty"],
        &["\"x-dict\";key=\"a\"", "\"x-dict\";key=\"b\""],
        &["\"x-dict\";key=\"c\"", "\"x-dict\";key=\"e\"", "\"x-dict\";key=\"f\"", "\"x-dict\";key=\"g\""],
        &["\"x-dict\";sf", "\"content-digest\";sf"],
        &["\"@query-param\";name=\"a\"", "\"@query-param\";name=\"c\""],
        &["\"content-digest\";key=\"sha-256\"", "\"x-dict\";key=\"d\"", "@path"],
    ];
    for suite in SUITES {
        for ids in sets {
            assert_eq!(both(suite, &message(), ids), (true, true), "{suite} {ids:?}");
        }
    }
}

#[test]
fn random_messages() {
    use apiseal::hazmat::Random;
    let random = apiseal_workspace::Counted::new(9421);
    let number = |below: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes).unwrap();
        u64::from_be_bytes(bytes) % below
    };
    let mut done = 0;
    for _ in 0..60 {
        let word = || (0..=number(7)).map(|_| char::from(b'a' + number(26) as u8)).collect::<String>();
        let target =
            format!("/{}/{}%2F{}?a={}&b{}={}", word(), word(), number(99), word(), number(9), word());
        let mut sent =
            Sent { method: ["GET", "PUT", "DELETE"][number(3) as usize].into(), ..Sent::get(&target) };
        let mut ids: Vec<String> =
            ["@method", "@path", "@query", "@target-uri", "\"@query-param\";name=\"a\""]
                .iter()
                .filter(|_| number(2) == 0)
                .map(|id| (*id).to_owned())
                .collect();
        for at in 0..=number(4) {
            let name = format!("x-{at}-{}", word());
            for _ in 0..=number(2) {
                sent = sent.with(&name, &format!("{}, {} {}", word(), word(), number(1000)));
            }
            ids.push(name);
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let suite = SUITES[number(4) as usize];
        assert_eq!(both(suite, &sent, &ids), (true, true), "{suite} {ids:?} {sent:?}");
        done += 1;
    }
    assert_eq!(done, 60);
}

/// Where the peer differs from RFC 9421, or has less of it; one that was mended has to leave the list.
#[test]
fn faults_of_the_peer() {
    for (what, ids, sent) in [
        ("`bs` is not there", &["\"x-list\";bs"][..], message()),
        (
            "a query parameter is not decoded and encoded again: `+` stays",
            &["\"@query-param\";name=\"b\""],
            message(),
        ),
    ] {
        let (theirs, ours) = both(Suite::HmacSha256, &sent, ids);
        assert!(!theirs || !ours, "{what}: mended");
    }
}

#[test]
fn what_the_peer_accepts_and_we_refuse() {
    let peer = Peer::new(Suite::HmacSha256);
    let nonce = Some("AAECAwQFBgcICQoLDA0ODw");
    let refused = |sent: &Sent, ids: &[&str], code: Code| {
        let lines = peer.sign(sent, ids, nonce, Some("req")).unwrap();
        assert_eq!(peer.verifies(sent, &lines[0].1, &lines[1].1), Some(true));
        let signed = lines.iter().fold(sent.clone(), |sent, (name, value)| sent.with(name, value));
        let verifier = Verifier::new(ring(Suite::HmacSha256), profile(ids), NoReplayCheck);
        assert_eq!(signed.verify_with(&verifier).unwrap_err().code(), code, "{ids:?}");
    };
    // The digest is the caller's business.
    refused(&message().but(|sent| sent.body.push(b' ')), &["content-digest"], Code::DigestMismatch);
    // Absent is signed as empty.
    refused(&message(), &["x-absent"], Code::ComponentMissing);
    refused(&message(), &["\"x-dict\";key=\"absent\""], Code::ComponentMissing);
    // A repeated query parameter is joined.
    refused(
        &message().but(|sent| sent.target = "/?a=1&a=2".into()),
        &["\"@query-param\";name=\"a\""],
        Code::ComponentMissing,
    );
    // The age is nobody's business.
    let old = peer.sign(&message(), &["@method"], nonce, Some("req")).unwrap();
    let signed = old.iter().fold(message(), |sent, (name, value)| sent.with(name, value));
    let verifier = Verifier::new(ring(Suite::HmacSha256), profile(&["@method"]), NoReplayCheck);
    let headers: Vec<Header<'_>> =
        signed.headers.iter().map(|(name, value)| Header::new(name, value)).collect();
    let late = Message::request("POST", "https", "api.example", &signed.target).headers(&headers).body(b"{}");
    assert_eq!(verifier.verify(&late, &FixedClock(NOW + 301)).unwrap_err().code(), Code::SignatureExpired);
    assert_eq!(peer.verifies(&signed, &old[0].1, &old[1].1), Some(true));
}
