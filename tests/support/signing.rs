//! Signed messages with fixed keys and nonces, and signatures made by hand, for what the library would not sign.

use apiseal::{
    Code, Direction, FixedClock, Header, Key, Keyring, Kid, MemoryReplay, Message, Profile, Result, Signed,
    Signer, Suite, Verified, Verifier,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Repeated;

/// When messages are signed and verified, in Unix seconds.
pub const NOW: u64 = 1_800_000_100;

/// The nonce of [`Sent::signed`].
pub const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw";

/// A key of the ring of these tests: kid, suite, a byte of which the secret consists, principal, direction.
type KeySpec = (&'static str, Suite, u8, Option<&'static str>, Direction);

/// The keys of the ring.
pub const KEYS: [KeySpec; 6] = [
    ("acme", Suite::HmacSha256, 1, Some("acme"), Direction::Request),
    ("acme-ed", Suite::Ed25519, 2, Some("acme"), Direction::Request),
    ("bank", Suite::HmacSha256, 3, Some("bank"), Direction::Request),
    ("service", Suite::HmacSha256, 4, None, Direction::Response),
    ("other", Suite::HmacSha256, 5, Some("other"), Direction::Request),
    ("acme-next", Suite::HmacSha256, 6, Some("acme"), Direction::Request),
];

/// A key, by its place in [`KEYS`].
///
/// # Panics
/// If the ring has no such key.
#[must_use]
pub fn key(kid: &str) -> Key {
    let (kid, suite, byte, principal, direction) = *KEYS.iter().find(|key| key.0 == kid).unwrap();
    let key = Key::raw(Kid::parse(kid).unwrap(), suite, &[byte; 32], &FixedClock(0)).unwrap();
    let key = key.with_direction(direction);
    principal.map_or(key.clone(), |principal| key.with_principal(principal))
}

/// A ring of these keys; `other` serves the profile `other` only.
#[must_use]
pub fn ring() -> Keyring {
    let add = |ring: apiseal::KeyringBuilder, kid: &str| match kid {
        "other" => ring.key(key(kid).with_profiles(["other"])),
        kid => ring.key(key(kid)),
    };
    KEYS.iter().fold(Keyring::builder(), |ring, key| add(ring, key.0)).build().unwrap()
}

/// A verifier of the strict profile with a store of its own.
#[must_use]
pub fn verifier() -> Verifier {
    Verifier::new(ring(), Profile::apiseal_v1(), MemoryReplay::new(1000, &FixedClock(0)))
}

/// A request as it is sent, or was changed on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Method.
    pub method: String,
    /// Scheme.
    pub scheme: String,
    /// `:authority`, or what the server took from `Host`.
    pub authority: String,
    /// Request target.
    pub target: String,
    /// Header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Trailer lines.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Content.
    pub body: Vec<u8>,
    /// Whether it came by HTTP/2.
    pub http2: bool,
}

impl Sent {
    /// A GET request without content.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Sent {
            method: "GET".into(),
            scheme: "https".into(),
            authority: "api.example".into(),
            target: target.into(),
            headers: Vec::new(),
            trailers: Vec::new(),
            body: Vec::new(),
            http2: false,
        }
    }

    /// A POST request with a JSON body.
    #[must_use]
    pub fn post() -> Self {
        Sent { method: "POST".into(), body: b"{\"amount\": 7}".to_vec(), ..Sent::get("/orders?x=1&y=2") }
            .with("content-type", "application/json")
    }

    /// With one more header line.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    /// With one thing changed.
    #[must_use]
    pub fn but(mut self, change: impl FnOnce(&mut Sent)) -> Self {
        change(&mut self);
        self
    }

    /// With the text of a header changed; it must be there and change.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn edit(mut self, name: &str, from: &str, to: &str) -> Self {
        let value = &mut self.headers.iter_mut().find(|(own, _)| own == name).unwrap().1;
        let text = String::from_utf8(value.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *value = text.replacen(from, to, 1).into();
        self
    }

    /// The text of a header.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        std::str::from_utf8(&self.headers.iter().find(|(own, _)| own == name).unwrap().1).unwrap()
    }

    /// The library's view of it.
    pub fn view<T>(&self, use_it: impl FnOnce(&Message<'_>) -> T) -> T {
        let view = |lines: &'_ [(String, Vec<u8>)]| -> Vec<(String, Vec<u8>)> { lines.to_vec() };
        let (headers, trailers) = (view(&self.headers), view(&self.trailers));
        let headers: Vec<Header<'_>> = headers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let trailers: Vec<Header<'_>> =
            trailers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let message = Message::request(&self.method, &self.scheme, &self.authority, &self.target);
        let message = message.headers(&headers).trailers(&trailers).body(&self.body);
        use_it(&if self.http2 { message.http2() } else { message })
    }

    /// What a signer makes of it.
    ///
    /// # Errors
    /// Those of [`Signer::sign`].
    pub fn try_sign(&self, signer: &Signer) -> Result<Signed> {
        self.view(|message| signer.sign(message, &FixedClock(NOW)))
    }

    /// Signed by this key under the strict profile, with the nonce [`NONCE`].
    ///
    /// # Panics
    /// If it cannot be signed.
    #[must_use]
    pub fn signed_by(&self, kid: &str) -> Self {
        let signer = Signer::new(ring(), Profile::apiseal_v1()).key(kid);
        self.carrying(&self.try_sign(&signer.hazmat_random(Repeated::new((0..16).collect()))).unwrap())
    }

    /// Signed by the key `acme`.
    #[must_use]
    pub fn signed(&self) -> Self {
        self.signed_by("acme")
    }

    /// With the header lines of a signature.
    #[must_use]
    pub fn carrying(&self, signed: &Signed) -> Self {
        signed.headers().fold(self.clone(), |sent, (name, value)| sent.with(name, value))
    }

    /// With a signature made by hand over these components, whatever the profile says: the base is built here, by other
    /// code than the library's. `parameters` begin with `;`.
    ///
    /// # Panics
    /// If a component is not one of those that this builder knows.
    #[must_use]
    pub fn forged(&self, label: &str, ids: &[&str], parameters: &str, secret: u8) -> Self {
        let list = format!("({}){parameters}", ids.join(" "));
        let mut base = String::new();
        for id in ids {
            base += &format!("{id}: {}\n", self.value(id));
        }
        base += &format!("\"@signature-params\": {list}");
        let mut mac = Hmac::<Sha256>::new_from_slice(&[secret; 32]).unwrap();
        mac.update(base.as_bytes());
        let tag = base64_simd::STANDARD.encode_to_string(mac.finalize().into_bytes());
        self.clone()
            .with("signature-input", &format!("{label}={list}"))
            .with("signature", &format!("{label}=:{tag}:"))
    }

    /// As [`Sent::forged`] by `acme`, with the components of the strict profile.
    #[must_use]
    pub fn stating(&self, parameters: &str) -> Self {
        let mut ids = vec!["\"@method\"", "\"@authority\"", "\"@path\"", "\"@query\""];
        if !self.body.is_empty() {
            ids.extend(["\"content-digest\"", "\"content-type\""]);
        }
        self.digested().forged("sig", &ids, parameters, 1)
    }

    /// With a digest of the content, if it has some and none is there.
    #[must_use]
    pub fn digested(&self) -> Self {
        use sha2::Digest;
        if self.body.is_empty() || self.headers.iter().any(|(name, _)| name == "content-digest") {
            return self.clone();
        }
        let digest = base64_simd::STANDARD.encode_to_string(Sha256::digest(&self.body));
        self.clone().with("content-digest", &format!("sha-256=:{digest}:"))
    }

    /// With the digest that the other message has.
    #[must_use]
    pub fn digested_if(&self, other: &Sent) -> Self {
        let digest = other.headers.iter().find(|(name, _)| name == "content-digest");
        digest.map_or_else(
            || self.clone(),
            |(name, value)| self.clone().with(name, &String::from_utf8_lossy(value)),
        )
    }

    fn value(&self, id: &str) -> String {
        let name = id.trim_start_matches('"').split('"').next().unwrap();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        match name {
            "@method" => self.method.clone(),
            "@authority" => self.authority.to_lowercase(),
            "@scheme" => self.scheme.clone(),
            "@path" => path.to_owned(),
            "@query" => format!("?{query}"),
            "@target-uri" => format!("{}://{}{}", self.scheme, self.authority, self.target),
            "@request-target" => self.target.clone(),
            name => {
                let lines = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
                let lines: Vec<String> =
                    lines.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned()).collect();
                lines.join(", ")
            }
        }
    }

    /// Verifies under the strict profile with an empty store.
    ///
    /// # Errors
    /// Those of [`Verifier::verify`].
    pub fn verify(&self) -> Result<()> {
        self.verify_with(&verifier())
    }

    /// Verifies with this verifier.
    ///
    /// # Errors
    /// Those of [`Verifier::verify`].
    pub fn verify_with(&self, verifier: &Verifier) -> Result<()> {
        self.verified(verifier, |_| ())
    }

    /// Verifies, and looks at the verdict.
    ///
    /// # Errors
    /// Those of [`Verifier::verify`].
    pub fn verified<T>(&self, verifier: &Verifier, look: impl FnOnce(&Verified<'_>) -> T) -> Result<T> {
        self.view(|message| verifier.verify(message, &FixedClock(NOW)).map(|verified| look(&verified)))
    }

    /// As the shared vector files spell it.
    #[must_use]
    pub fn json(&self) -> Value {
        let bytes = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({"base64": base64_simd::STANDARD.encode_to_string(bytes)}),
        };
        let lines = |lines: &[(String, Vec<u8>)]| -> Vec<Value> {
            lines.iter().map(|(name, value)| json!([name, bytes(value)])).collect()
        };
        json!({
            "method": self.method, "scheme": self.scheme, "authority": self.authority, "target": self.target,
            "headers": lines(&self.headers), "trailers": lines(&self.trailers), "body": bytes(&self.body),
            "http2": self.http2,
        })
    }
}

/// Parameters that the strict profile accepts.
#[must_use]
pub fn good() -> String {
    format!(";created={NOW};nonce=\"{NONCE}\";keyid=\"acme\";tag=\"apiseal-req-v1\"")
}

/// The code of a verification, if it failed.
#[must_use]
pub fn refusal(sent: &Sent) -> Option<Code> {
    sent.verify().err().map(|error| error.code())
}
