//! The rules of a profile, applied to one signature: what it covers, what it states, and the content.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::http::component::Component;
use crate::http::input::{Bounds, Failure, Input, Inputs};
use crate::http::message::{Message, Start, trim};
use crate::keys::signing::SigningKey;
use crate::signing::profile::Data;

/// Methods that carry content (RFC 9110, section 9.3).
const WITH_CONTENT: [&str; 3] = ["POST", "PUT", "PATCH"];

/// Whether a component list covers exactly this name, without parameters.
pub(crate) fn covers<'c>(mut covered: impl Iterator<Item = &'c Component<'c>>, name: &str) -> bool {
    covered.any(|own| own.name == name && is_plain(own))
}

fn is_plain(component: &Component<'_>) -> bool {
    !(component.sf || component.bs || component.tr || component.req || component.key.is_some())
}

/// Every line of a field, joined as one structured field (RFC 9651, section 4.2).
pub(crate) fn joined<'m>(message: &Message<'m>, name: &str) -> Option<Cow<'m, [u8]>> {
    let mut lines = message.lines(name);
    let first = trim(lines.next()?);
    let mut joined = Cow::Borrowed(first);
    for line in lines {
        let all = joined.to_mut();
        all.extend_from_slice(b", ");
        all.extend_from_slice(trim(line));
    }
    Some(joined)
}

/// Reads `Signature-Input`, or a field like it.
pub(crate) fn inputs<'t>(field: &'t [u8], profile: &Data) -> Result<Inputs<'t>> {
    let bounds = Bounds { signatures: profile.limits.signatures, components: profile.limits.components };
    Inputs::parse(field, bounds).map_err(|failure| match failure {
        Failure::Malformed(reason) => Error::because(Code::SignatureMalformed, reason),
        Failure::Limit(reason) => Error::because(Code::LimitMessage, reason),
    })
}

/// Checks that everything is covered that must be, and nothing that may not be. `related` tells whether the request
/// that a response answers had a digest covered.
pub(crate) fn check_coverage<'c>(
    profile: &Data,
    message: &Message<'_>,
    components: impl Iterator<Item = &'c Component<'c>> + Clone,
    request_digest: bool,
) -> Result<()> {
    let is_response = !message.is_request();
    if components.clone().next().is_none() && !profile.allow_empty {
        return Err(not_covered("anything"));
    }
    for component in components.clone() {
        if let Some(reason) = profile.refuses(component, is_response) {
            return Err(Error::because(Code::ComponentNotAllowed, format!("{}: {reason}", component.id())));
        }
        let own_field = !component.is_derived() && !component.req && !component.bs && !component.tr;
        let single = profile.single && own_field && !profile.lists.iter().any(|name| *name == component.name);
        if single && message.lines(&component.name).nth(1).is_some() {
            let detail = format!("there are several lines of `{}`", component.name);
            return Err(Error::because(Code::MalformedMessage, detail));
        }
    }
    let has = |wanted: &Component<'_>| components.clone().any(|own| *own == *wanted);
    if let Some(missing) = profile.rules(is_response).require.iter().find(|required| !has(required)) {
        return Err(not_covered(&missing.id()));
    }
    if is_response && profile.bind && request_digest && !has(&Component::new("content-digest").of_request()) {
        return Err(not_covered("\"content-digest\";req"));
    }
    for line in message.header_lines().iter().filter(|line| profile.if_present.has(line.name)) {
        let own =
            |component: &Component<'_>| is_plain(component) && component.name.eq_ignore_ascii_case(line.name);
        if !components.clone().any(own) {
            return Err(not_covered(line.name));
        }
    }
    Ok(())
}

/// What the content demands of a signature, to be decided when its length is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentRule {
    /// The profile has a word on content.
    demanded: bool,
    /// The digest is demanded even of empty content.
    always: bool,
    typed: bool,
    pub(crate) digest_covered: bool,
    type_covered: bool,
}

impl ContentRule {
    /// A response always has a digest, be it that of nothing.
    pub(crate) fn new<'c>(
        profile: &Data,
        message: &Message<'_>,
        covered: impl Iterator<Item = &'c Component<'c>> + Clone,
    ) -> Self {
        ContentRule {
            demanded: profile.content,
            always: match message.start {
                Start::Request { method, .. } => WITH_CONTENT.contains(&method),
                Start::Response { .. } => true,
            },
            typed: message.lines("content-type").next().is_some(),
            digest_covered: covers(covered.clone(), "content-digest"),
            type_covered: covers(covered, "content-type"),
        }
    }

    /// What holds for both of two signatures.
    pub(crate) fn and(self, other: Self) -> Self {
        ContentRule {
            digest_covered: self.digest_covered && other.digest_covered,
            type_covered: self.type_covered && other.type_covered,
            ..self
        }
    }

    pub(crate) fn demands_digest(&self, len: u64) -> bool {
        self.demanded && (len > 0 || self.always)
    }

    pub(crate) fn demands_type(&self, len: u64) -> bool {
        self.demanded && (len > 0 || (self.always && self.typed))
    }

    /// # Errors
    /// [`Code::DigestMissing`], [`Code::NotCovered`].
    pub(crate) fn check(&self, len: u64) -> Result<()> {
        if self.demands_digest(len) && !self.digest_covered {
            return Err(Error::new(Code::DigestMissing));
        }
        if self.demands_type(len) && !self.type_covered {
            return Err(not_covered("content-type"));
        }
        Ok(())
    }
}

/// Checks the parameters, and gives `created`.
///
/// # Errors
/// [`Code::SignatureParameters`], [`Code::SignatureAlgorithm`], [`Code::SignatureExpired`], [`Code::SignatureFuture`].
pub(crate) fn check_parameters(profile: &Data, input: &Input<'_>, key: &SigningKey, now: u64) -> Result<u64> {
    let wrong = |detail: &str| Err(Error::because(Code::SignatureParameters, detail));
    if let Some(reason) = input.parameter_fault {
        return wrong(reason);
    }
    let parameters = &input.parameters;
    let suite = key.suite();
    if parameters.alg.as_deref().is_some_and(|alg| alg != suite.name()) || !profile.suites.contains(&suite) {
        return Err(Error::new(Code::SignatureAlgorithm).with_kid(key.kid.as_str()));
    }
    match &parameters.nonce {
        None if profile.nonce => return wrong("`nonce` is missing"),
        Some(nonce) if profile.nonce_form && !is_nonce(nonce) => {
            return wrong("a nonce has 22 to 64 characters of base64url");
        }
        Some(nonce) if nonce.is_empty() || nonce.len() > 256 => {
            return wrong("the nonce is empty or too long");
        }
        _ => {}
    }
    let Some(created) = parameters.created else { return wrong("`created` is missing") };
    let Ok(created) = u64::try_from(created) else { return wrong("`created` is negative") };
    check_window(profile, created, now)?;
    if let Some(expires) = parameters.expires {
        let Ok(expires) = u64::try_from(expires) else { return wrong("`expires` is negative") };
        if expires <= created || expires - created > profile.max_age {
            return wrong("`expires` must be later than `created`, by `max_age` at most");
        }
        if now >= expires {
            return Err(Error::new(Code::SignatureExpired));
        }
    }
    Ok(created)
}

/// Whether a signature is neither too old nor from the future.
pub(crate) fn check_window(profile: &Data, created: u64, now: u64) -> Result<()> {
    if created > now.saturating_add(profile.skew) {
        return Err(Error::new(Code::SignatureFuture));
    }
    if now.saturating_sub(created) > profile.max_age {
        return Err(Error::new(Code::SignatureExpired));
    }
    Ok(())
}

fn is_nonce(text: &str) -> bool {
    (22..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

pub(crate) fn not_covered(what: &str) -> Error {
    Error::because(Code::NotCovered, what)
}
