//! Signing: the profile says what is covered, the ring says by which key.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::audit::{Audit, Operation};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::http::component::{Component, Source, write_string};
use crate::http::digest::{self, Stated};
use crate::http::message::{Message, Start};
use crate::ids::Direction;
use crate::keys::handle::KeyringHandle;
use crate::keys::sign::ExternalSigner;
use crate::keys::signing::SigningKey;
use crate::rng::{OsRandom, hazmat::Random};
use crate::signing::base::{Covered, Related};
use crate::signing::debug;
use crate::signing::profile::Profile;
use crate::signing::rules::{self, ContentRule};
use crate::signing::uses::told;
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
    audit: Option<Arc<dyn Audit>>,
}

/// The header lines that make a message a signed one, and what the response must answer.
pub struct Signed {
    /// All texts one after the other: one allocation, where every message costs one.
    text: String,
    input: Range<usize>,
    signature: Range<usize>,
    digest: Option<Range<usize>>,
    nonce: Option<Range<usize>>,
    debug: Option<Range<usize>>,
    pub(crate) covered: Covered,
    pub(crate) answered: AtomicBool,
    pub(crate) ignored: Vec<String>,
}

impl Signed {
    /// The lines to be added to the message: `content-digest` if the message had none and needs one, `signature-input`
    /// and `signature`, and `signature-debug` if the signer was told so.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let digest = self.digest.as_ref().map(|span| ("content-digest", self.part(span)));
        let own = [("signature-input", self.part(&self.input)), ("signature", self.part(&self.signature))];
        let debug = self.debug.as_ref().map(|span| (debug::FIELD, self.part(span)));
        digest.into_iter().chain(own).chain(debug)
    }

    /// The nonce, which the response must repeat.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_ref().map(|span| self.part(span))
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

    fn part(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("input", &self.part(&self.input)).finish_non_exhaustive()
    }
}

/// The longest label.
const MAX_LABEL: usize = 64;

/// The largest integer of structured fields (RFC 9651, section 3.3.1).
const LATEST: u64 = 999_999_999_999_999;

/// What one signature is about, beside the message.
#[derive(Default)]
pub(crate) struct Order<'o> {
    /// The request that is answered.
    pub(crate) request: Option<&'o Verified<'o>>,
    /// More components than the profile demands.
    pub(crate) extra: Vec<Component<'o>>,
    pub(crate) label: Option<&'o str>,
    /// The key, where it had to be known before the content was.
    pub(crate) key: Option<Arc<SigningKey>>,
}

impl<'o> Order<'o> {
    /// The nonce of the request; else one is made.
    fn nonce(&self) -> Option<&'o str> {
        self.request.and_then(|request| request.first.nonce())
    }

    /// Whether the request has a digest that the response must cover.
    fn demands_digest(&self) -> bool {
        self.request.is_some_and(|request| request.first.covered.value("\"content-digest\"").is_some())
    }
}

impl Signer {
    /// A signer with the keys of a ring: the only active one that serves the profile, else the primary one.
    #[must_use]
    pub fn new(ring: impl Into<KeyringHandle>, profile: Profile) -> Self {
        Signer {
            ring: ring.into(),
            profile,
            kid: None,
            external: None,
            debug: false,
            label: "sig".to_owned(),
            random: Arc::new(OsRandom),
            audit: None,
        }
    }

    /// Signs with this key of the ring.
    #[must_use]
    pub fn key(mut self, kid: &str) -> Self {
        self.kid = Some(kid.to_owned());
        self
    }

    /// Signs outside of this process, by the private part of a key of which the ring holds the public one; a signature that
    /// it does not verify is not sent. Shared secrets are not for it: whoever verifies holds them anyway.
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
        if !start || label.len() > MAX_LABEL || !label.bytes().all(legal) {
            return Err(Error::because(Code::InvalidArgument, "use 1 to 64 characters of a-z 0-9 _ - . *"));
        }
        self.label = label.to_owned();
        Ok(self)
    }

    /// Tells `audit` of every use of a key.
    #[must_use]
    pub fn audit(mut self, audit: impl Audit + 'static) -> Self {
        self.audit = Some(Arc::new(audit));
        self
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
            true => self.tell(message, order, clock),
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
        self.response(message, request, None, clock)
    }

    pub(crate) fn response(
        &self,
        message: &Message<'_>,
        request: &Verified<'_>,
        key: Option<Arc<SigningKey>>,
        clock: &dyn Clock,
    ) -> Result<Signed> {
        match message.start {
            Start::Response { status } if status >= 200 => {}
            _ => return Err(Error::because(Code::NotSignable, "only a final response is signed")),
        }
        self.tell(message, Order { request: Some(request), key, ..Order::default() }, clock)
    }

    fn tell(&self, message: &Message<'_>, order: Order<'_>, clock: &dyn Clock) -> Result<Signed> {
        let made = self.compose(message, &order, clock);
        let made =
            told(self.audit.as_ref(), Operation::Sign, &self.profile, made, |made, tell| tell(&made.1));
        made.map(|(signed, _)| signed)
    }

    fn compose(
        &self,
        message: &Message<'_>,
        order: &Order<'_>,
        clock: &dyn Clock,
    ) -> Result<(Signed, Arc<SigningKey>)> {
        let profile = &*self.profile.0;
        message.check(profile.strict, profile.limits.headers)?;
        if profile.strict {
            message.check_length(message.body.len() as u64)?;
        }
        let label = order.label.unwrap_or(&self.label);
        self.check_label(message, label)?;
        let now = clock.now();
        if now > LATEST {
            return Err(Error::because(
                Code::NotSignable,
                "the clock tells a time that no signature can state",
            ));
        }
        let direction = if message.is_request() { Direction::Request } else { Direction::Response };
        let key = match &order.key {
            Some(key) => Arc::clone(key),
            None => self.choose(direction, now)?,
        };
        if !profile.suites.contains(&key.suite()) {
            return Err(Error::new(Code::SignatureAlgorithm).with_kid(key.kid.as_str()));
        }

        let more = self.more_components(message, order);
        let mut list = List { text: String::with_capacity(512), items: Vec::with_capacity(12) };
        list.text.push_str(label);
        list.text.push('=');
        let list_from = list.text.len();
        list.text.push('(');
        profile
            .rules(!message.is_request())
            .require
            .iter()
            .chain(&more)
            .for_each(|component| list.add(component));
        list.text.push(')');
        let List { mut text, items } = list;
        let components = items.iter().map(|(component, _)| *component);
        if items.len() > profile.limits.components {
            return Err(Error::because(Code::LimitMessage, "too many components"));
        }
        rules::check_coverage(profile, message, components.clone(), order.demands_digest())?;

        let own_nonce = self.write_parameters(&mut text, &key, order, now)?;
        let input = 0..text.len();
        let digest = write_digest(message, components, &mut text)?;
        let part = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        let origin = if message.is_request() { Some(message.origin()?) } else { None };
        let source = Source { message, origin, fields: &profile.fields, digest: digest.as_ref().map(part) };
        let components = items.iter().map(|(component, span)| (*component, part(span)));
        let parameters = part(&(list_from..input.end));
        let related = order.request.map(|request| Related::Covered(&request.first.covered));
        let covered = Covered::build(components, parameters, &source, related.as_ref())?;

        let signature_from = text.len();
        text.push_str(label);
        text.push_str("=:");
        self.sign_base(&key, covered.base(), &mut text)?;
        text.push(':');
        let signature = signature_from..text.len();
        let nonce = own_nonce.or_else(|| {
            // The one of the request, without the escapes that a parameter may need.
            let from = text.len();
            order.nonce().map(|nonce| text.push_str(nonce)).map(|()| from..text.len())
        });
        let debug = match self.debug {
            true => {
                let from = text.len();
                let nonce = nonce.as_ref().and_then(|span| text.get(span.clone()));
                let field = debug::field(label, &key.material, nonce, covered.base())?;
                text.push_str(&field);
                Some(from..text.len())
            }
            false => None,
        };
        let answered = AtomicBool::new(false);
        // The last step, so that a response that cannot be signed leaves the right to another one.
        order.request.map_or(Ok(()), Verified::answer)?;
        let signed =
            Signed { text, input, signature, digest, nonce, debug, covered, answered, ignored: Vec::new() };
        Ok((signed, key))
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

    /// Whether a signature under a label that somebody else chose can be told apart, and is not long for nothing.
    pub(crate) fn can_be_labelled(&self, message: &Message<'_>, label: &str) -> bool {
        label.len() <= MAX_LABEL && self.check_label(message, label).is_ok()
    }

    /// The key that signs now.
    pub(crate) fn choose(&self, direction: Direction, now: u64) -> Result<Arc<SigningKey>> {
        let ring = self.ring.current();
        let id = self.profile.id();
        let able = |key: &SigningKey| match self.external {
            Some(_) => !key.material.is_shared(),
            None => key.material.can_sign(),
        };
        let keys = ring.signing()?;
        let chosen = match &self.kid {
            Some(kid) => {
                let found = keys.by_kid(kid).ok_or_else(|| Error::new(Code::UnknownKey).with_kid(kid))?;
                if !able(found) {
                    let shared = "an external signer is for keys with a public part, not for shared secrets";
                    let detail = if self.external.is_some() { shared } else { "the key only verifies" };
                    return Err(Error::because(Code::NotSignable, detail).with_kid(kid));
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
    pub(crate) fn more_components<'c>(&self, message: &Message<'_>, order: &Order<'c>) -> Vec<Component<'c>> {
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
        for line in message.header_lines().iter().filter(|line| profile.if_present.has(line.name)) {
            more.push(Component::new(line.name.to_ascii_lowercase()));
        }
        if profile.bind && order.demands_digest() {
            more.push(Component::new("content-digest").of_request());
        }
        more.extend(order.extra.iter().cloned());
        more
    }

    /// Writes the parameters, and tells where the nonce stands if it was made here.
    fn write_parameters(
        &self,
        text: &mut String,
        key: &SigningKey,
        order: &Order<'_>,
        now: u64,
    ) -> Result<Option<Range<usize>>> {
        let profile = &*self.profile.0;
        // A `String` takes whatever is written.
        let _ = write!(text, ";created={now}");
        if let Some(lifetime) = profile.expires_in {
            let _ = write!(text, ";expires={}", now.saturating_add(lifetime));
        }
        let mut own = None;
        match (order.request, order.nonce()) {
            (Some(_), Some(nonce)) => write_parameter("nonce", nonce, text),
            (None, _) if profile.nonce => {
                let mut bytes = [0; 16];
                self.random.fill(&mut bytes)?;
                text.push_str(";nonce=\"");
                let from = text.len();
                base64_simd::URL_SAFE_NO_PAD.encode_append(bytes, text);
                own = Some(from..text.len());
                text.push('"');
            }
            _ => {}
        }
        write_parameter("keyid", &key.keyid, text);
        if profile.emit_alg {
            write_parameter("alg", key.suite().name(), text);
        }
        if let Some(tag) = &profile.rules(key.direction == Some(Direction::Response)).tag {
            write_parameter("tag", tag, text);
        }
        Ok(own)
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

/// Writes the digest to be added, if one is covered and the message has none; one that it has must be right.
fn write_digest<'c>(
    message: &Message<'_>,
    mut components: impl Iterator<Item = &'c Component<'c>>,
    text: &mut String,
) -> Result<Option<Range<usize>>> {
    let own =
        |component: &Component<'_>| component.name == "content-digest" && !component.req && !component.tr;
    if !components.any(own) {
        return Ok(None);
    }
    match rules::joined(message, "content-digest") {
        Some(field) => Stated::parse(&field)?.check_bytes(message.body).map(|()| None),
        None => {
            let from = text.len();
            digest::write_content_digest(message.body, text);
            Ok(Some(from..text.len()))
        }
    }
}

fn write_parameter(name: &str, value: &str, text: &mut String) {
    text.push(';');
    text.push_str(name);
    text.push('=');
    write_string(value, text);
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("profile", &self.profile)
            .field("key", &self.kid)
            .finish_non_exhaustive()
    }
}
