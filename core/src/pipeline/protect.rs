//! Encrypt, then sign: the signature covers what travels.

use std::fmt;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::FieldCipher;
use crate::http::message::{Header, Message};
use crate::ids::Direction;
use crate::pipeline::rules;
use crate::signing::sign::{Order, Signed, Signer};
use crate::signing::verdict::Verified;
use crate::signing::verify::Exchange;

/// Encrypts the fields of messages and signs them. Immutable, cheap to clone, shared between threads. Clock and limits are
/// those of the cipher.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Acceptor, Context, Direction, FieldCipher, FixedClock, Key, Keyring, Kid, MemoryReplay, Message};
/// use apiseal::{OsRandom, Policy, Profile, Protector, Purpose, Signer, Suite, Verifier};
/// # let (started, clock) = (FixedClock(1_800_000_000), FixedClock(1_800_000_100));
/// let root = Key::generate(Kid::parse("root")?, Purpose::Sig, Suite::HmacSha256, &clock, &OsRandom)?;
/// let partner = Context::from_pairs([("partner", "acme"), ("dir", "req")])?;
/// let key = Key::derived(Kid::parse("acme-1")?, &root, partner, &clock)?;
/// let key = key.with_principal("acme").with_direction(Direction::Request);
/// let seal = Key::generate(Kid::parse("seal")?, Purpose::Seal, Suite::Aes256Gcm, &clock, &OsRandom)?;
/// let ring = Keyring::builder().key(root).key(key).primary(seal).build()?;
/// let policy = Policy::from_json(r#"{"apiseal_policy": 1, "id": "orders.v1",
///     "rules": [{"path": "$.card", "bind": ["$.id"]}]}"#)?;
/// let cipher = FieldCipher::builder(ring.clone(), policy).clock(clock).build()?;
///
/// let protector = Protector::new(cipher.clone(), Signer::new(ring.clone(), Profile::apiseal_v1()))?;
/// let message = Message::request("POST", "https", "api.example", "/orders")
///     .header("content-type", "application/json")
///     .body(br#"{"id": 7, "card": "4111111111111111"}"#);
/// let protected = protector.protect(&message, &Context::new("orders")?)?;
///
/// let verifier = Verifier::new(ring, Profile::apiseal_v1(), MemoryReplay::new(100_000, &started));
/// let acceptor = Acceptor::new(cipher, verifier)?;
/// let received = Message::request("POST", "https", "api.example", "/orders")
///     .header("content-type", "application/json")
///     .body(protected.body());
/// let received = protected.headers().fold(received, |message, (name, value)| message.header(name, value));
/// let accepted = acceptor.accept(&received, |_| Context::new("orders"))?;
/// assert_eq!(&accepted.document()[..], br#"{"id": 7, "card": "4111111111111111"}"#);
/// assert_eq!(accepted.verified().principal(), Some("acme"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Protector {
    cipher: FieldCipher,
    signer: Signer,
}

impl Protector {
    /// # Errors
    /// [`Code::ProfileFile`] unless the signer's profile demands a digest of content, a nonce, responses that are bound
    /// by it, and one signature.
    pub fn new(cipher: FieldCipher, signer: Signer) -> Result<Self> {
        rules::check_profile(&signer.profile)?;
        Ok(Protector { cipher, signer })
    }

    /// What encrypts.
    #[must_use]
    pub fn cipher(&self) -> &FieldCipher {
        &self.cipher
    }

    /// What signs: for messages without content, which have no fields.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Encrypts the fields of a request and signs the result. The principal of the signing key and the direction are
    /// added to the context.
    ///
    /// # Errors
    /// [`Code::NotSignable`] for content that is not JSON by its `Content-Type`, is coded, or whose digest the message
    /// states; [`Code::KeyState`] for a signing key without principal; else as [`FieldCipher::encrypt`] and
    /// [`Signer::sign`].
    pub fn protect(&self, message: &Message<'_>, context: &Context) -> Result<Protected> {
        self.compose(message, Direction::Request, context, |message, order| {
            self.signer.request(message, order, &*self.cipher.clock)
        })
    }

    /// The same for the one final response to a verified request.
    ///
    /// # Errors
    /// As [`Protector::protect`] and [`Signer::sign_response`].
    pub fn protect_response(
        &self,
        message: &Message<'_>,
        request: &Verified<'_>,
        context: &Context,
    ) -> Result<Protected> {
        self.compose(message, Direction::Response, context, |message, order| {
            self.signer.response(message, request, order.key, &*self.cipher.clock)
        })
    }

    fn compose(
        &self,
        message: &Message<'_>,
        direction: Direction,
        context: &Context,
        sign: impl FnOnce(&Message<'_>, Order<'_>) -> Result<Signed>,
    ) -> Result<Protected> {
        if message.is_request() != (direction == Direction::Request) {
            let reason = "a request is protected by itself, and a response for its verified request";
            return Err(Error::because(Code::NotSignable, reason));
        }
        rules::check_content(message, Code::NotSignable)?;
        rules::check_no_digest(message)?;
        message.check_length(message.body.len() as u64)?;
        // The key is chosen once: a ring that is exchanged in between must not part principal and signature.
        let key = self.signer.choose(direction, self.cipher.clock.now())?;
        let context = context.of_message(rules::principal(&key)?, direction)?;
        let body = self.cipher.encrypt(message.body, &context)?;
        let length = body.len().to_string();
        let sized = |line: &Header<'_>| line.name.eq_ignore_ascii_case("content-length");
        let lines = message.header_lines();
        let has_length = lines.iter().any(sized);
        let own =
            |line| if sized(&line) { Header { name: line.name, value: length.as_bytes() } } else { line };
        let lines: Vec<Header<'_>> = lines.iter().copied().map(own).collect();
        let order = Order { key: Some(key), ..Order::default() };
        let signed = sign(&message.clone().headers(&lines).body(&body), order)?;
        Ok(Protected { body, length: has_length.then_some(length), signed })
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector")
            .field("cipher", &self.cipher)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// What goes out in place of the clear message: its content, to be sent as it is, and header lines.
pub struct Protected {
    body: Vec<u8>,
    length: Option<String>,
    signed: Signed,
}

impl Protected {
    /// The content to be sent, byte for byte: whoever parses and prints it again breaks the digest.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The lines that belong to it: `content-digest`, `signature-input` and `signature` are new; `content-length`, which
    /// is there if the clear message has it, takes the place of that line.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let length = self.length.as_deref().map(|value| ("content-length", value));
        length.into_iter().chain(self.signed.headers())
    }

    /// The signature, to verify the response by.
    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// Content and signature by themselves.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Signed) {
        (self.body, self.signed)
    }
}

impl<'r> From<&'r Protected> for Exchange<'r> {
    fn from(protected: &'r Protected) -> Self {
        Exchange::Signed(&protected.signed)
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").field("signed", &self.signed).finish_non_exhaustive()
    }
}
