//! Requests for the signing benches, and the peer that signs the same components.

use apiseal::{Direction, FixedClock, Header, Key, Keyring, Kid, Message, Profile, Signed, Signer, Suite};
use httpsig::prelude::message_component::{HttpMessageComponent, HttpMessageComponentId};
use httpsig::prelude::{HttpSignatureBase, HttpSignatureHeaders, HttpSignatureParams, SecretKey, SharedKey};
use sha2::{Digest, Sha256};

/// When messages are signed.
pub const CLOCK: FixedClock = FixedClock(1_800_000_000);

/// A request with the headers that a service really gets.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: &'static str,
    /// Request target.
    pub target: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Content.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET request without content; each `number` gives another.
    #[must_use]
    pub fn get(number: usize) -> Self {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            line("Host", "api.example"),
            line("User-Agent", "client/1.4.2 (linux; x86_64)"),
            line("Accept", "application/json"),
            line("Accept-Encoding", "gzip, deflate, br"),
            line("X-Request-Id", &format!("7f9c24e8-3b12-4fef-91e0-{number:012x}")),
            line("Connection", "keep-alive"),
        ];
        let target = format!("/v2/accounts/{number}/orders?limit=50&state=open");
        Request { method: "GET", target, headers, body: Vec::new() }
    }

    /// A POST request with 150 bytes of JSON.
    #[must_use]
    pub fn post(number: usize) -> Self {
        let mut request = Request { method: "POST", ..Request::get(number) };
        let body = format!(
            r#"{{"order":"ord_{number:08x}","currency":"EUR","amount":149.90,"lines":[{{"sku":"A-1","qty":2}},{{"sku":"B-7","qty":1}}],"note":"leave at the door"}}"#
        );
        request.headers.push(("Content-Type".into(), "application/json".into()));
        request.headers.push(("Content-Length".into(), body.len().to_string()));
        request.body = body.into_bytes();
        request
    }

    /// The lines as the library takes them.
    #[must_use]
    pub fn lines(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header::new(name, value)).collect()
    }

    /// The library's view.
    #[must_use]
    pub fn message<'a>(&'a self, lines: &'a [Header<'a>]) -> Message<'a> {
        Message::request(self.method, "https", "api.example", &self.target).headers(lines).body(&self.body)
    }

    /// With the header lines of a signature.
    #[must_use]
    pub fn carrying(mut self, signed: &Signed) -> Self {
        self.headers.extend(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
        self
    }
}

/// A ring of one key for requests.
#[must_use]
pub fn ring(suite: Suite) -> Keyring {
    let kid = Kid::parse("client-2026").expect("the id is legal");
    let key = Key::raw(kid, suite, &[7; 32], &CLOCK).expect("the secret is one");
    let key = key.with_direction(Direction::Request).with_principal("client");
    Keyring::builder().key(key).build().expect("the ring is sound")
}

/// The library's signer.
#[must_use]
pub fn signer(suite: Suite) -> Signer {
    Signer::new(ring(suite), Profile::apiseal_v1()).key("client-2026")
}

/// Key of the peer.
pub enum PeerKey {
    /// HMAC-SHA-256.
    Shared(SharedKey),
    /// Ed25519.
    Secret(Box<SecretKey>),
}

/// The crate `httpsig` over the same components. It takes their values as strings and leaves to its caller to find them
/// in the message and to digest the content, which is done here; freshness, coverage and replay are not.
pub struct Peer {
    key: PeerKey,
    ids: Vec<HttpMessageComponentId>,
}

impl Peer {
    /// With the same key and the components that the library covers.
    #[must_use]
    pub fn new(suite: Suite, with_content: bool) -> Self {
        let key = match suite {
            Suite::HmacSha256 => {
                let text = base64_simd::STANDARD.encode_to_string([7; 32]);
                let alg = httpsig::prelude::AlgorithmName::HmacSha256;
                PeerKey::Shared(SharedKey::from_base64(&alg, &text).expect("the key is one"))
            }
            _ => {
                let alg = httpsig::prelude::AlgorithmName::Ed25519;
                PeerKey::Secret(Box::new(SecretKey::from_bytes(&alg, &[7; 32]).expect("the key is one")))
            }
        };
        let mut names = vec!["@method", "@authority", "@path", "@query"];
        if with_content {
            names.extend(["content-digest", "content-type"]);
        }
        let id = |name: &&str| HttpMessageComponentId::try_from(*name).expect("the name is one");
        Peer { key, ids: names.iter().map(id).collect() }
    }

    /// What the peer leaves to its caller: finding the components, as the strings that it takes, and the digest of the
    /// content.
    fn values(&self, request: &Request) -> Vec<Vec<String>> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let header = |name: &str| request.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut values = vec![
            vec![request.method.to_owned()],
            vec!["api.example".to_owned()],
            vec![path.to_owned()],
            vec![format!("?{query}")],
        ];
        if !request.body.is_empty() {
            let digest = base64_simd::STANDARD.encode_to_string(Sha256::digest(&request.body));
            let digest = format!("sha-256=:{digest}:");
            if let Some((_, stated)) = header("content-digest") {
                assert!(*stated == digest, "the digest is right");
            }
            values.push(vec![digest]);
            values.extend(header("content-type").map(|(_, value)| vec![value.clone()]));
        }
        values
    }

    fn base(&self, values: &[Vec<String>], params: &HttpSignatureParams) -> HttpSignatureBase {
        let line = |(id, values): (&HttpMessageComponentId, &Vec<String>)| {
            HttpMessageComponent::try_from((id, values.as_slice())).expect("the values are there")
        };
        let lines: Vec<HttpMessageComponent> = self.ids.iter().zip(values).map(line).collect();
        HttpSignatureBase::try_new(&lines, params).expect("the components fit")
    }

    /// Signs: the two header values.
    #[must_use]
    pub fn sign(&self, request: &Request) -> (String, String) {
        let mut params = HttpSignatureParams::try_new(&self.ids).expect("the components are legal");
        params.set_created(CLOCK.0).set_random_nonce().set_keyid("client-2026").set_tag("apiseal-req-v1");
        let base = self.base(&self.values(request), &params);
        let headers: HttpSignatureHeaders = match &self.key {
            PeerKey::Shared(key) => base.build_signature_headers(key, Some("sig")),
            PeerKey::Secret(key) => base.build_signature_headers(&**key, Some("sig")),
        }
        .expect("the key signs");
        (headers.signature_input_header_value(), headers.signature_header_value())
    }

    /// Parses the two header values and verifies.
    pub fn verify(
        &self,
        request: &Request,
        input: &str,
        signature: &str,
        public: &httpsig::prelude::PublicKey,
    ) {
        let map = HttpSignatureHeaders::try_parse(signature, input).expect("the headers are well-formed");
        let headers = map.get("sig").expect("the label is there");
        let base = self.base(&self.values(request), headers.signature_params());
        match &self.key {
            PeerKey::Shared(key) => base.verify_signature_headers(key, headers),
            PeerKey::Secret(_) => base.verify_signature_headers(public, headers),
        }
        .expect("the signature is right");
    }

    /// The public key that verifies; of no use for a shared one.
    #[must_use]
    pub fn public(&self) -> httpsig::prelude::PublicKey {
        let alg = httpsig::prelude::AlgorithmName::Ed25519;
        SecretKey::from_bytes(&alg, &[7; 32]).expect("the key is one").public_key()
    }
}
