//! Verification: signature, freshness, content, nonce, in this order; every failure before the nonce burns nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::audit::{Audit, Operation};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::http::component::Source;
use crate::http::digest::Stated;
use crate::http::input::{Input, Inputs};
use crate::http::message::Message;
use crate::http::sf;
use crate::http::target::{self, Origin};
use crate::ids::Direction;
use crate::keys::handle::KeyringHandle;
use crate::keys::ring::Keyring;
use crate::signing::base::{Covered, Related};
use crate::signing::profile::{Data, Profile};
use crate::signing::replay::{Claim, Outcome, ReplayStore};
use crate::signing::rules::{self, ContentRule};
use crate::signing::sign::Signed;
use crate::signing::uses::told;
use crate::signing::verdict::{Body, Proof, Texts, Verified};

/// Verifies messages. Immutable, shared between threads.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Context, Direction, FixedClock, Key, Keyring, Kid, Message, OsRandom, Profile, Purpose, Suite};
/// use apiseal::{MemoryReplay, Signer, Verifier};
/// # let started = FixedClock(1_800_000_000);
/// # let clock = FixedClock(1_800_000_100);
/// let root = Key::generate(Kid::parse("root")?, Purpose::Sig, Suite::HmacSha256, &clock, &OsRandom)?;
/// let context = Context::from_pairs([("partner", "acme"), ("dir", "req")])?;
/// let key = Key::derived(Kid::parse("acme-1")?, &root, context, &clock)?
///     .with_principal("acme")
///     .with_direction(Direction::Request);
/// let ring = Keyring::builder().key(root).primary(key).build()?;
///
/// let signer = Signer::new(ring.clone(), Profile::apiseal_v1());
/// let message = Message::request("POST", "https", "api.example", "/orders?x=1")
///     .header("content-type", "application/json")
///     .body(b"{}");
/// let signed = signer.sign(&message, &clock)?;
///
/// let replay = MemoryReplay::new(100_000, &started);
/// let verifier = Verifier::new(ring, Profile::apiseal_v1(), replay);
/// let received = signed.headers().fold(message, |message, (name, value)| message.header(name, value));
/// let verified = verifier.verify(&received, &clock)?;
/// assert_eq!((verified.principal(), verified.component("@path")), (Some("acme"), Some("/orders")));
/// assert_eq!(verified.body(), Some(&b"{}"[..]));
/// assert!(verifier.verify(&received, &clock).is_err()); // a second copy
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verifier {
    ring: KeyringHandle,
    profile: Profile,
    replay: Arc<dyn ReplayStore>,
    origins: Vec<ExternalOrigin>,
    scope: Vec<(String, String)>,
    audit: Option<Arc<dyn Audit>>,
}

/// An authority as it is received, and the origin that clients know it by.
#[derive(Clone, Debug)]
struct ExternalOrigin {
    received: String,
    scheme: String,
    authority: String,
}

/// The request that a response answers, as the client sent it.
#[derive(Clone, Copy)]
pub enum Exchange<'r> {
    /// A request that was signed here.
    Signed(&'r Signed),
    /// A request that was signed elsewhere, whose signature was verified as it was sent.
    Verified(&'r Verified<'r>),
    /// Any request; only for profiles that do not bind responses by the nonce.
    Message(&'r Message<'r>),
}

impl<'r> From<&'r Signed> for Exchange<'r> {
    fn from(signed: &'r Signed) -> Self {
        Exchange::Signed(signed)
    }
}

impl<'r> From<&'r Verified<'r>> for Exchange<'r> {
    fn from(verified: &'r Verified<'r>) -> Self {
        Exchange::Verified(verified)
    }
}

impl<'r> Exchange<'r> {
    /// What the request covered, and its nonce; nothing of a request without signature.
    pub(crate) fn signed(&self) -> Option<(&'r Covered, Option<&'r str>)> {
        match self {
            Exchange::Signed(signed) => Some((&signed.covered, signed.nonce())),
            Exchange::Verified(verified) => Some((&verified.first.covered, verified.first.nonce())),
            Exchange::Message(_) => None,
        }
    }

    /// Takes the right to have a response; a request without signature has any number.
    fn is_answered(&self) -> bool {
        match self {
            Exchange::Signed(signed) => signed.answered.swap(true, Ordering::AcqRel),
            Exchange::Verified(verified) => verified.received.swap(true, Ordering::AcqRel),
            Exchange::Message(_) => false,
        }
    }
}

impl<'r> From<&'r Message<'r>> for Exchange<'r> {
    fn from(message: &'r Message<'r>) -> Self {
        Exchange::Message(message)
    }
}

/// A message whose head was verified and whose content was not.
pub(crate) struct Head {
    pub(crate) first: Proof,
    pub(crate) others: Vec<Proof>,
    pub(crate) content: ContentRule,
    pub(crate) digest: Option<Stated>,
}

impl Verifier {
    /// A verifier with the keys of a ring. The replay store is the caller's choice: one in memory, a shared one, or
    /// [`NoReplayCheck`](crate::NoReplayCheck), spelled out.
    #[must_use]
    pub fn new(ring: impl Into<KeyringHandle>, profile: Profile, replay: impl ReplayStore + 'static) -> Self {
        Verifier {
            ring: ring.into(),
            profile,
            replay: Arc::new(replay),
            origins: Vec::new(),
            scope: Vec::new(),
            audit: None,
        }
    }

    /// Says that requests received for `received` were sent by clients to `scheme`://`authority`: for services behind
    /// a proxy. Once one is stated, every other authority is refused. `X-Forwarded-*` and `Forwarded` are never looked
    /// at.
    ///
    /// # Errors
    /// [`Code::MalformedMessage`] if one of them is none.
    pub fn origin(mut self, received: &str, scheme: &str, authority: &str) -> Result<Self> {
        let scheme = target::scheme(scheme)?.into_owned();
        let authority = target::authority(&scheme, authority)?.into_owned();
        // Received authorities are compared without a default port of either scheme.
        let received = target::authority("", received)?.into_owned();
        self.origins.push(ExternalOrigin { received, scheme, authority });
        Ok(self)
    }

    /// Accepts only keys in whose context or scope this pair stands, for example `environment`, `production`.
    #[must_use]
    pub fn demand_scope(mut self, name: &str, value: &str) -> Self {
        self.scope.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Tells `audit` of every signature that holds, and of every message that is refused.
    #[must_use]
    pub fn audit(mut self, audit: impl Audit + 'static) -> Self {
        self.audit = Some(Arc::new(audit));
        self
    }

    /// The ring that the verifier uses, to be replaced while it runs.
    #[must_use]
    pub fn keyring(&self) -> &KeyringHandle {
        &self.ring
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Verifies a request whose content is at hand.
    ///
    /// # Errors
    /// A code from 600 on, or of the key (401–403, 204). Answer the peer with
    /// [`Error::http_status`](crate::Error::http_status) and nothing more.
    pub fn verify<'m>(&self, message: &Message<'m>, clock: &dyn Clock) -> Result<Verified<'m>> {
        let now = clock.now();
        self.told(self.head(message, None, now).and_then(|head| {
            let body = self.content(message, &head).map_err(|error| head.blame(error))?;
            self.claim(&head, now)?;
            Ok(head.verified(body))
        }))
    }

    /// Verifies a response to a request of ours, once for each request. What the request did not cover, the response
    /// cannot be tied to.
    ///
    /// # Errors
    /// As [`Verifier::verify`]; [`Code::ResponseMismatch`] for the response to another request, [`Code::Replayed`] for
    /// a second response.
    pub fn verify_response<'m, 'r>(
        &self,
        message: &Message<'m>,
        request: impl Into<Exchange<'r>>,
        clock: &dyn Clock,
    ) -> Result<Verified<'m>> {
        let request = request.into();
        self.told(self.head(message, Some(request), clock.now()).and_then(|head| {
            let body = self.content(message, &head).map_err(|error| head.blame(error))?;
            if request.is_answered() {
                return Err(head.blame(Error::because(Code::Replayed, "the request has its response")));
            }
            Ok(head.verified(body))
        }))
    }

    /// Tells whoever listens how a verification ended.
    pub(crate) fn told<'m>(&self, result: Result<Verified<'m>>) -> Result<Verified<'m>> {
        told(self.audit.as_ref(), Operation::Verify, &self.profile, result, |verified, tell| {
            verified.proofs().for_each(|proof| tell(&proof.key));
        })
    }

    /// The same for a part of a verification, of which only a failure is told.
    pub(crate) fn told_failure<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Err(error) => told(self.audit.as_ref(), Operation::Verify, &self.profile, Err(error), |_, _| {}),
            done => done,
        }
    }

    /// Signatures, parameters and coverage.
    pub(crate) fn head(
        &self,
        message: &Message<'_>,
        request: Option<Exchange<'_>>,
        now: u64,
    ) -> Result<Head> {
        let profile = &*self.profile.0;
        if message.is_request() == request.is_some() {
            let detail = "a response is verified with its request, and only a response";
            return Err(Error::because(Code::ResponseMismatch, detail));
        }
        message.check(profile.strict, profile.limits.headers)?;
        let (input, signature) = fields(message)?;
        let inputs = rules::inputs(&input, profile)?;
        let ring = self.ring.current();
        let mut head: Option<Head> = None;
        for candidate in candidates(&inputs, profile, !message.is_request())? {
            let job = Job { verifier: self, ring: &ring, message, request, now };
            let (proof, content) = job.one(candidate, &inputs, &signature)?;
            head = Some(match head {
                None => Head { first: proof, others: Vec::new(), content, digest: None },
                Some(mut head) => {
                    head.others.push(proof);
                    head.content = head.content.and(content);
                    head
                }
            });
        }
        let mut head = head.ok_or_else(|| Error::new(Code::SignatureMissing))?;
        head.check_principals(profile)?;
        if head.content.digest_covered {
            let field = rules::joined(message, "content-digest").unwrap_or_default();
            head.digest = Some(Stated::parse(&field)?);
        }
        Ok(head)
    }

    /// Checks content that is at hand.
    pub(crate) fn content<'m>(&self, message: &Message<'m>, head: &Head) -> Result<Body<'m>> {
        let body = message.body;
        let len = body.len() as u64;
        if self.profile.0.strict {
            message.check_length(len)?;
        }
        head.content.check(len)?;
        Verifier::proved(body, head)
    }

    /// Content as far as the digest proves it.
    pub(crate) fn proved<'m>(body: &'m [u8], head: &Head) -> Result<Body<'m>> {
        match &head.digest {
            Some(stated) => stated.check_bytes(body).map(|()| Body::Checked(body)),
            None if body.is_empty() => Ok(Body::Checked(body)),
            None => Ok(Body::Unproved),
        }
    }

    /// Claims the nonces: the last step, so that a message that fails burns nothing.
    pub(crate) fn claim(&self, head: &Head, now: u64) -> Result<()> {
        self.claim_by(head, now, |claim| self.replay.claim(claim))
    }

    /// Claims the nonces where `ask` keeps them.
    pub(crate) fn claim_by(
        &self,
        head: &Head,
        now: u64,
        mut ask: impl FnMut(&Claim<'_>) -> Outcome,
    ) -> Result<()> {
        let profile = &*self.profile.0;
        for proof in head.proofs() {
            // Content may have taken its time: what is over by now could have been forgotten by the store.
            let blame = |error: Error| error.with_kid(proof.key_id());
            rules::check_window(profile, proof.created, now).map_err(blame)?;
            let Some(nonce) = proof.nonce() else { continue };
            let scope = proof.key.replay_scope(self.profile.id());
            let outcome = ask(&Claim {
                scope: &scope,
                nonce,
                principal: proof.principal().unwrap_or_else(|| proof.key_id()),
                created: proof.created,
                skew: profile.skew,
                until: proof.created.saturating_add(profile.max_age).saturating_add(profile.skew),
                now,
            });
            match outcome {
                Outcome::First => {}
                Outcome::Seen => return Err(blame(Error::new(Code::Replayed))),
                Outcome::Full => return Err(blame(Error::new(Code::ReplayFull))),
                Outcome::Unknown => return Err(blame(Error::new(Code::ReplayUnavailable))),
            }
        }
        Ok(())
    }

    /// Every origin of the map: received authority, external scheme, external authority.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.origins.iter().map(|own| (&*own.received, &*own.scheme, &*own.authority))
    }

    /// Scheme and authority as the client saw them.
    pub(crate) fn external<'m>(&'m self, message: &Message<'m>) -> Result<Option<Origin<'m>>> {
        if !message.is_request() {
            return Ok(None);
        }
        let received = message.origin()?;
        if self.origins.is_empty() {
            return Ok(Some(received));
        }
        let found = self.origins.iter().find(|origin| {
            origin.received == received.authority
                || target::authority(&received.scheme, &origin.received)
                    .is_ok_and(|own| own == received.authority)
        });
        let found = found.ok_or_else(|| Error::new(Code::OriginUnknown))?;
        let (scheme, authority) = (found.scheme.as_str().into(), found.authority.as_str().into());
        Ok(Some(Origin { scheme, authority, target: received.target }))
    }
}

/// One verification.
struct Job<'j, 'm> {
    verifier: &'j Verifier,
    ring: &'j Keyring,
    message: &'j Message<'m>,
    request: Option<Exchange<'j>>,
    now: u64,
}

impl Job<'_, '_> {
    /// Verifies one signature.
    fn one(&self, input: &Input<'_>, inputs: &Inputs<'_>, signatures: &[u8]) -> Result<(Proof, ContentRule)> {
        let profile = &*self.verifier.profile.0;
        if let Some(reason) = input.fault {
            return Err(Error::because(Code::SignatureMalformed, reason));
        }
        let keyid = input.parameters.keyid.as_deref();
        let missing = || Error::because(Code::SignatureParameters, "`keyid` is missing");
        let keyid = input.parameter_fault.map_or_else(
            || keyid.ok_or_else(missing),
            |reason| Err(Error::because(Code::SignatureParameters, reason)),
        )?;
        let key = self.ring.signing()?.get(keyid)?;
        let direction = if self.message.is_request() { Direction::Request } else { Direction::Response };
        key.check_verify(self.verifier.profile.id(), direction, self.now)?;
        let pair =
            |(name, value): &&(String, String)| key.scope.iter().any(|own| own.0 == *name && own.1 == *value);
        if let Some((name, _)) = self.verifier.scope.iter().find(|demanded| !pair(demanded)) {
            let detail = format!("the key has another `{name}` than is demanded");
            return Err(Error::because(Code::ContextScope, detail).with_kid(key.kid.as_str()));
        }
        let created = rules::check_parameters(profile, input, key, self.now)?;
        let nonce = input.parameters.nonce.as_deref();
        let request_digest = self.check_request(nonce)?;
        let components = input.components.iter().map(|listed| &listed.component);
        rules::check_coverage(profile, self.message, components.clone(), request_digest)?;
        let content = ContentRule::new(profile, self.message, components);
        let covered = self.build(input, inputs)?;
        let text = signature_of(input.label, signatures, profile)?;
        if !decoded(text, |bytes| key.material.verify(covered.base(), bytes))? {
            return Err(Error::new(Code::SignatureInvalid).with_kid(key.kid.as_str()));
        }
        let proof = Proof {
            key: Arc::clone(key),
            texts: Texts::new(input.label, input.parameters.tag.as_deref(), nonce),
            created,
            covered,
        };
        Ok((proof, content))
    }

    fn build(&self, input: &Input<'_>, inputs: &Inputs<'_>) -> Result<Covered> {
        let fields = &self.verifier.profile.0.fields;
        let source = Source {
            message: self.message,
            origin: self.verifier.external(self.message)?,
            fields,
            digest: None,
        };
        let text = |span: &std::ops::Range<usize>| inputs.text.get(span.clone()).unwrap_or_default();
        let components = input.components.iter().map(|listed| (&listed.component, text(&listed.span)));
        let build =
            |related: Option<&Related<'_>>| Covered::build(components, text(&input.span), &source, related);
        match self.request {
            None => build(None),
            Some(Exchange::Message(request)) => {
                let request =
                    Source { message: request, origin: Some(request.origin()?), fields, digest: None };
                build(Some(&Related::Message(&request)))
            }
            Some(exchange) => {
                let (covered, _) = exchange.signed().ok_or_else(|| Error::new(Code::Internal))?;
                build(Some(&Related::Covered(covered)))
            }
        }
    }

    /// Whether the response answers this request; tells whether the request covers a digest.
    fn check_request(&self, nonce: Option<&str>) -> Result<bool> {
        let bind = self.verifier.profile.0.bind;
        let Some(exchange) = self.request else { return Ok(false) };
        match exchange.signed() {
            Some((_, own)) if bind && nonce != own => {
                Err(Error::because(Code::ResponseMismatch, "it has the nonce of another request"))
            }
            None if bind => {
                Err(Error::because(Code::ResponseMismatch, "the profile binds responses to signed requests"))
            }
            Some((covered, _)) => Ok(covered.value("\"content-digest\"").is_some()),
            None => Ok(false),
        }
    }
}

impl Head {
    pub(crate) fn proofs(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Names the key of a message that fails after its signature held.
    pub(crate) fn blame(&self, error: Error) -> Error {
        error.with_kid(self.first.key_id())
    }

    pub(crate) fn verified(self, body: Body<'_>) -> Verified<'_> {
        let (answered, received) = (AtomicBool::new(false), AtomicBool::new(false));
        Verified { first: self.first, others: self.others, body, answered, received }
    }

    /// Each principal that the profile names has signed, and with it nobody else: their numbers are equal.
    fn check_principals(&self, profile: &Data) -> Result<()> {
        let signed = |wanted: &String| self.proofs().any(|proof| proof.principal() == Some(wanted));
        match profile.principals.iter().find(|wanted| !signed(wanted)) {
            Some(_) => Err(Error::because(
                Code::SignatureMissing,
                "a principal that the profile names has not signed",
            )),
            None => Ok(()),
        }
    }
}

/// `Signature-Input` and `Signature`, each joined from all its lines.
pub(crate) type Fields<'m> = (std::borrow::Cow<'m, [u8]>, std::borrow::Cow<'m, [u8]>);

pub(crate) fn fields<'m>(message: &Message<'m>) -> Result<Fields<'m>> {
    let field = |name: &'static str| {
        let detail = || Error::because(Code::SignatureMissing, format!("there is no `{name}`"));
        rules::joined(message, name).ok_or_else(detail)
    };
    Ok((field("signature-input")?, field("signature")?))
}

/// The base64 text of the signature under this label.
pub(crate) fn signature_of<'t>(wanted: &str, field: &'t [u8], profile: &Data) -> Result<&'t [u8]> {
    let (mut count, mut found) = (0, None);
    let result = sf::byte_sequences(field, |label, value| {
        count += 1;
        if label == wanted {
            found = Some(value);
        }
        if count > profile.limits.signatures { Err(sf::Refused("too many signatures")) } else { Ok(()) }
    });
    match result {
        Err(sf::Refused(reason)) if count > profile.limits.signatures => {
            Err(Error::because(Code::LimitMessage, reason))
        }
        Err(sf::Refused(reason)) => Err(Error::because(Code::SignatureMalformed, reason)),
        Ok(()) => match found {
            None => Err(Error::because(Code::SignatureMissing, "`Signature` lacks the label")),
            Some(None) => Err(Error::because(Code::SignatureMalformed, "the signature is no byte sequence")),
            Some(Some(text)) => Ok(text),
        },
    }
}

/// The signatures that the profile is about. All others are ignored, not trusted.
pub(crate) fn candidates<'i, 't>(
    inputs: &'i Inputs<'t>,
    profile: &'i Data,
    is_response: bool,
) -> Result<impl Iterator<Item = &'i Input<'t>>> {
    let tag = profile.rules(is_response).tag.as_deref();
    let fits = move |input: &&Input<'_>| match (tag, &profile.label) {
        (Some(tag), _) => input.parameters.tag.as_deref() == Some(tag),
        (None, Some(label)) => input.label == label,
        (None, None) => true,
    };
    let found = inputs.list.iter().filter(fits);
    let wanted = profile.principals.len().max(1);
    match found.clone().count() {
        len if len < wanted => Err(Error::new(Code::SignatureMissing)),
        len if len > wanted => Err(Error::new(Code::SignatureAmbiguous)),
        _ => Ok(found),
    }
}

/// Hands over the bytes of a signature, which must be in the one spelling that base64 has for them. Those of RSA alone
/// are too long for the stack.
pub(crate) fn decoded<T>(text: &[u8], with: impl FnOnce(&[u8]) -> T) -> Result<T> {
    let malformed = |_| Error::because(Code::SignatureMalformed, "the signature is not base64");
    let mut buffer = [0; 96];
    if base64_simd::STANDARD.decoded_length(text).map_err(malformed)? <= buffer.len() {
        let bytes = base64_simd::STANDARD.decode(text, base64_simd::Out::from_slice(&mut buffer));
        return bytes.map(|bytes| with(bytes)).map_err(malformed);
    }
    base64_simd::STANDARD.decode_to_vec(text).map(|bytes| with(&bytes)).map_err(malformed)
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("profile", &self.profile)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}
