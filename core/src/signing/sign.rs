//! Signing: the profile says what is covered, the ring says by which key.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::http::component::{Component, Source, write_string};
use crate::http::digest::{self, Stated};
use crate::http::message::{Message, Start};
use crate::ids::Direction;
use crate::keys::handle::KeyringHandle;
use crate::keys::ring::Keyring;
use crate::keys::sign::ExternalSigner;
use crate::keys::signing::SigningKey;
use crate::rng::{OsRandom, hazmat::Random};
use crate::signing::base::{Covered, Related};
use crate::signing::debug;
use crate::signing::profile::Profile;
use crate::signing::rules::{self, ContentRule};
use crate::signing::verdict::Verified;

/// Signs messages. Immutable, cheap to clone, shared between threads.
#[derive(Clone)]
pub struct Signer {
    ring: KeyringHandle,
    pub(crate) profile: Profile,
    kid: Option<String>,
    external: Option<Arc<dyn ExternalSigner>>,
    debug: bool,
    label: String,
    random: Arc<dyn Random>,
}

/// The header lines that make a message a signed one, and what the response must answer.
pub struct Signed {
    input: String,
    signature: String,
    digest: Option<String>,
    nonce: Option<String>,
    debug: Option<String>,
    pub(crate) covered: Covered,
    pub(crate) answered: AtomicBool,
    pub(crate) ignored: Vec<String>,
}

impl Signed {
    /// The lines to be added to the message: `content-digest` if the message had none and needs one, `signature-input`
    /// and `signature`, and `signature-debug` if the signer was told so.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let digest = self.digest.as_deref().map(|value| ("content-digest", value));
        let own = [("signature-input", &*self.input), ("signature", &*self.signature)];
        digest.into_iter().chain(own).chain(self.debug.as_deref().map(|value| (debug::FIELD, value)))
    }

    /// The nonce, which the response must repeat.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The signature base, to see what was signed. It holds header values.
    #[must_use]
    pub fn base(&self) -> &[u8] {
        self.covered.base()
    }

    /// What an `Accept-Signature` field asked for and did not get, one sentence each, for the log.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("input", &self.input).finish_non_exhaustive()
    }
}

/// What one signature is about, beside the message.
#[derive(Default)]
pub(crate) struct Order<'o> {
    /// The request that is answered.
    pub(crate) request: Option<&'o Covered>,
    /// The nonce of the request; else one is made.
    pub(crate) nonce: Option<&'o str>,
    /// More components than the profile demands.
    pub(crate) extra: Vec<Component<'o>>,
    pub(crate) label: Option<&'o str>,
}

impl Signer {
    /// A signer with the keys of a ring: the only active one that serves the profile, else the primary one.
    #[must_use]
    pub fn new(ring: impl Into<KeyringHandle>, profile: Profile) -> Self {
        let random = Arc::new(OsRandom);
        Signer {
            ring: ring.into(),
            profile,
            kid: None,
            external: None,
            debug: false,
            label: "sig".to_owned(),
            random,
        }
    }

    /// Signs with this key of the ring.
    #[must_use]
    pub fn key(mut self, kid: &str) -> Self {
        self.kid = Some(kid.to_owned());
        self
    }

    /// Signs outside of this process. The ring holds the public key under [`Signer::key`]; a signature that it does not
    /// verify is not sent.
    #[must_use]
    pub fn external(mut self, signer: Arc<dyn ExternalSigner>) -> Self {
        self.external = Some(signer);
        self
    }

    /// The label of the signature, which carries no meaning; `sig` if nothing is said. A message may have several
    /// signatures under different labels.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if it is not the key of a dictionary (RFC 9651, section 3.2).
    pub fn label(mut self, label: &str) -> Result<Self> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
        let start = label.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'*');
        if !start || label.len() > 64 || !label.bytes().all(legal) {
            return Err(Error::because(Code::InvalidArgument, "use 1 to 64 characters of a-z 0-9 _ - . *"));
        }
        self.label = label.to_owned();
        Ok(self)
    }

    /// Sends a debug token along: four bytes for each line of the signature base, by which a verifier with the same secret
    /// names the line that differs ([`Verifier::explain`](crate::Verifier::explain)). Nobody else can read or use it. For
    /// shared secrets and profiles with a nonce, and for bases of at most 64 lines; turn it off when all works.
    #[must_use]
    pub fn debug_token(mut self) -> Self {
        self.debug = true;
        self
    }

    /// Takes nonces from another source, for vectors and tests.
    #[must_use]
    pub fn hazmat_random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The ring that the signer uses, to be replaced while it runs.
    #[must_use]
    pub fn keyring(&self) -> &KeyringHandle {
        &self.ring
    }

    /// Signs a request.
    ///
    /// # Errors
    /// The verifier would refuse the message (604–606, 613, 621), or no key may sign it now (401–408, 610).
    pub fn sign(&self, message: &Message<'_>, clock: &dyn Clock) -> Result<Signed> {
        self.request(message, Order::default(), clock)
    }

    pub(crate) fn request(
        &self,
        message: &Message<'_>,
        order: Order<'_>,
        clock: &dyn Clock,
    ) -> Result<Signed> {
        match message.is_request() {
            true => self.compose(message, order, clock),
            false => Err(Error::because(Code::NotSignable, "a response is signed for its verified request")),
        }
    }

    /// Signs the one final response to a verified request.
    ///
    /// # Errors
    /// [`Code::NotSignable`] for a response of 1xx, a second response, or a message that is none; else as
    /// [`Signer::sign`].
    pub fn sign_response(
        &self,
        message: &Message<'_>,
        request: &Verified<'_>,
        clock: &dyn Clock,
    ) -> Result<Signed> {
        match message.start {
            Start::Response { status } if status >= 200 => {}
            _ => return Err(Error::because(Code::NotSignable, "only a final response is signed")),
        }
        let order = Order { request: Some(&request.covered), nonce: request.nonce(), ..Order::default() };
        let signed = self.compose(message, order, clock)?;
        request.answer()?;
        Ok(signed)
    }

    fn compose(&self, message: &Message<'_>, order: Order<'_>, clock: &dyn Clock) -> Result<Signed> {
        let profile = &*self.profile.0;
        message.check(profile.strict, profile.limits.headers)?;
        if profile.strict {
            message.check_length(message.body.len() as u64)?;
        }
        let label = order.label.unwrap_or(&self.label);
        self.check_label(message, label)?;
        let now = clock.now();
        let ring = self.ring.current();
        let direction = if message.is_request() { Direction::Request } else { Direction::Response };
        let key = self.choose(&ring, direction, now)?;
        if !profile.suites.contains(&key.suite()) {
            return Err(Error::new(Code::SignatureAlgorithm).with_kid(key.kid.as_str()));
        }

        let more = self.more_components(message, &order);
        let mut list = List { text: String::with_capacity(256), items: Vec::with_capacity(12) };
        list.text.push('(');
        profile
            .rules(!message.is_request())
            .require
            .iter()
            .chain(&more)
            .for_each(|component| list.add(component));
        list.text.push(')');
        let components = list.items.iter().map(|(component, _)| *component);
        if list.items.len() > profile.limits.components {
            return Err(Error::because(Code::LimitMessage, "too many components"));
        }
        let request_digest =
            order.request.is_some_and(|request| request.value("\"content-digest\"").is_some());
        rules::check_coverage(profile, message, components.clone(), request_digest)?;
        let digest = digest_of(message, components)?;

        let nonce = self.nonce(&order)?;
        self.write_parameters(&mut list.text, &key, nonce.as_deref(), now);
        let List { text, items } = &list;
        let origin = if message.is_request() { Some(message.origin()?) } else { None };
        let source = Source { message, origin, fields: &profile.fields, digest: digest.as_deref() };
        let id = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        let components = items.iter().map(|(component, span)| (*component, id(span)));
        let covered =
            Covered::build(components, text, &source, order.request.map(Related::Covered).as_ref())?;
        let mut signature = String::with_capacity(128);
        signature.push_str(label);
        signature.push_str("=:");
        self.sign_base(&key, covered.base(), &mut signature)?;
        signature.push(':');
        let input = [label, "=", text].concat();
        let debug = match self.debug {
            true => Some(debug::field(label, &key.material, nonce.as_deref(), covered.base())?),
            false => None,
        };
        let answered = AtomicBool::new(false);
        Ok(Signed { input, signature, digest, nonce, debug, covered, answered, ignored: Vec::new() })
    }

    /// Two signatures of one label cannot be told apart.
    fn check_label(&self, message: &Message<'_>, label: &str) -> Result<()> {
        let Some(field) = rules::joined(message, "signature-input") else { return Ok(()) };
        let inputs = rules::inputs(&field, &self.profile.0)?;
        match inputs.list.iter().any(|input| input.label == label) {
            true => Err(Error::because(Code::NotSignable, "the message has a signature of this label")),
            false => Ok(()),
        }
    }

    fn choose(&self, ring: &Keyring, direction: Direction, now: u64) -> Result<Arc<SigningKey>> {
        let id = self.profile.id();
        let able = |key: &SigningKey| self.external.is_some() || key.material.can_sign();
        let keys = ring.signing()?;
        let chosen = match &self.kid {
            Some(kid) => {
                let found = keys.by_kid(kid).ok_or_else(|| Error::new(Code::UnknownKey).with_kid(kid))?;
                if !able(found) {
                    return Err(Error::because(Code::NotSignable, "the key only verifies").with_kid(kid));
                }
                found
            }
            None => {
                let fits = |key: &&Arc<SigningKey>| able(key) && key.check_sign(id, direction, now).is_ok();
                let fitting: Vec<&Arc<SigningKey>> = keys.iter().filter(fits).collect();
                let mut primary = fitting.iter().filter(|key| key.primary);
                match (fitting.as_slice(), primary.next().copied(), primary.next()) {
                    ([only], ..) => *only,
                    (_, Some(only), None) => only,
                    ([], ..) => {
                        return Err(Error::because(
                            Code::NoPrimary,
                            "no active key serves profile and direction",
                        ));
                    }
                    _ => return Err(Error::because(Code::NoPrimary, "several keys could sign; name one")),
                }
            }
        };
        chosen.check_sign(id, direction, now)?;
        Ok(Arc::clone(chosen))
    }

    /// What the message adds to the components that are always covered.
    fn more_components<'c>(&self, message: &Message<'_>, order: &Order<'c>) -> Vec<Component<'c>> {
        let profile = &*self.profile.0;
        let len = message.body.len() as u64;
        let content = ContentRule::new(profile, message, std::iter::empty());
        let mut more = Vec::new();
        if content.demands_digest(len) {
            more.push(Component::new("content-digest"));
        }
        if content.demands_type(len) {
            more.push(Component::new("content-type"));
        }
        for line in message.header_lines().iter().filter(|line| profile.steers(line.name)) {
            more.push(Component::new(line.name.to_ascii_lowercase()));
        }
        if profile.bind && order.request.is_some_and(|request| request.value("\"content-digest\"").is_some())
        {
            more.push(Component::new("content-digest").of_request());
        }
        more.extend(order.extra.iter().cloned());
        more
    }

    fn nonce(&self, order: &Order<'_>) -> Result<Option<String>> {
        if order.request.is_some() {
            return Ok(order.nonce.map(str::to_owned));
        }
        if !self.profile.0.nonce {
            return Ok(None);
        }
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes)?;
        Ok(Some(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)))
    }

    fn write_parameters(&self, text: &mut String, key: &SigningKey, nonce: Option<&str>, now: u64) {
        let profile = &*self.profile.0;
        text.push_str(";created=");
        text.push_str(&now.to_string());
        if let Some(lifetime) = profile.expires_in {
            text.push_str(";expires=");
            text.push_str(&now.saturating_add(lifetime).to_string());
        }
        let is_response = key.direction == Some(Direction::Response);
        let tag = profile.rules(is_response).tag.as_deref();
        let alg = profile.emit_alg.then(|| key.suite().name());
        for (name, value) in [("nonce", nonce), ("keyid", Some(&*key.keyid)), ("alg", alg), ("tag", tag)] {
            if let Some(value) = value {
                text.push(';');
                text.push_str(name);
                text.push('=');
                write_string(value, text);
            }
        }
    }

    fn sign_base(&self, key: &SigningKey, base: &[u8], out: &mut String) -> Result<()> {
        let Some(external) = &self.external else {
            return key.material.sign(base, |bytes| base64_simd::STANDARD.encode_append(bytes, out));
        };
        let made = external.sign(base).map_err(|detail| Error::because(Code::ExternalSigner, detail))?;
        if !key.material.verify(base, &made) {
            let detail = "the key in the ring does not verify what the external signer made";
            return Err(Error::because(Code::ExternalSigner, detail).with_kid(key.kid.as_str()));
        }
        base64_simd::STANDARD.encode_append(&made, out);
        Ok(())
    }
}

/// The list of components, as text and as what it stands for.
struct List<'l> {
    text: String,
    items: Vec<(&'l Component<'l>, Range<usize>)>,
}

impl<'l> List<'l> {
    fn add(&mut self, component: &'l Component<'l>) {
        if self.items.iter().any(|(own, _)| *own == component) {
            return;
        }
        if !self.items.is_empty() {
            self.text.push(' ');
        }
        let from = self.text.len();
        component.write_id(&mut self.text);
        self.items.push((component, from..self.text.len()));
    }
}

/// The digest to be added, if one is covered and the message has none; one that it has must be right.
fn digest_of<'c>(
    message: &Message<'_>,
    mut components: impl Iterator<Item = &'c Component<'c>>,
) -> Result<Option<String>> {
    let own =
        |component: &Component<'_>| component.name == "content-digest" && !component.req && !component.tr;
    if !components.any(own) {
        return Ok(None);
    }
    match rules::joined(message, "content-digest") {
        Some(field) => Stated::parse(&field)?.check_bytes(message.body).map(|()| None),
        None => Ok(Some(digest::content_digest(message.body))),
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("profile", &self.profile)
            .field("key", &self.kid)
            .finish_non_exhaustive()
    }
}
