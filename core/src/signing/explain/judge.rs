//! Tries what might have been signed: builds its base, and checks the signature. Every step is counted against a budget,
//! and nothing that the key makes ever leaves.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::http::component::{Component, Source};
use crate::http::digest;
use crate::http::message::{Header, Message, Start};
use crate::http::target::{Origin, Target};
use crate::keys::signing::SigningKey;
use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::{Effort, Work};
use crate::signing::rules;
use crate::signing::verify::{self, Exchange, Verifier};

/// A request or response as it may have been when it was signed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Of the request; for a response, of the request that it answers.
    pub(super) method: String,
    pub(super) scheme: String,
    /// As it stands in the base: in any form.
    pub(super) authority: String,
    pub(super) target: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// The covered components, by their place in the list as received.
    pub(super) order: Vec<usize>,
    /// The line of the parameters, list included.
    pub(super) text: String,
}

impl View {
    /// What it costs to copy and to look through: lines cost something even if they are empty.
    fn len(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| 32 + name.len() + value.len()).sum();
        headers + self.target.len() + self.text.len()
    }

    fn header_lines(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header::new(name, value)).collect()
    }

    /// The values of a header, in their order.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// With these lines in place of the header's own, where the first of them stood, or at the end.
    pub(super) fn with_lines(&self, name: &str, lines: &[Vec<u8>]) -> View {
        let is_own = |(own, _): &(String, Vec<u8>)| own.eq_ignore_ascii_case(name);
        let at = self.headers.iter().position(is_own).unwrap_or(self.headers.len());
        let mut view = self.clone();
        view.headers.retain(|line| !is_own(line));
        let new = lines.iter().map(|line| (name.to_owned(), line.clone()));
        let at = at.min(view.headers.len());
        view.headers.splice(at..at, new);
        view
    }
}

/// One signature that is looked at.
pub(super) struct Suspect {
    pub(super) key: Arc<SigningKey>,
    pub(super) label: String,
    pub(super) nonce: Option<String>,
    signature: Vec<u8>,
    pub(super) components: Vec<Component<'static>>,
    pub(super) ids: Vec<String>,
}

/// What was found.
pub(super) struct Found {
    pub(super) kind: ChangeKind,
    pub(super) view: View,
    pub(super) base: Vec<u8>,
}

/// The search for one signature.
pub(super) struct Judge<'j> {
    pub(super) verifier: &'j Verifier,
    pub(super) message: &'j Message<'j>,
    request: Option<Exchange<'j>>,
    effort: Effort,
    pub(super) suspect: Suspect,
    pub(super) received: View,
    seen: HashSet<u64>,
    hasher: RandomState,
    pub(super) work: Work,
    /// The signature holds for the message as it was received.
    pub(super) holds: bool,
    pub(super) found: Option<Found>,
    pub(super) exhausted: bool,
}

/// The longest target, header value or parameter list that is written again in other ways.
const MAX_TEXT: usize = 16 << 10;

/// Goes on with the search, or ends it: something was found, or the budget is spent.
pub(super) type Step = ControlFlow<()>;

impl<'j> Judge<'j> {
    /// Looks for the first signature of the profile that does not hold.
    ///
    /// # Errors
    /// Whatever keeps a base from being built; a key that is not known ends it before anything is computed.
    pub(super) fn new(
        verifier: &'j Verifier,
        message: &'j Message<'j>,
        request: Option<Exchange<'j>>,
        effort: Effort,
        work: Work,
    ) -> Result<Self> {
        let profile = &*verifier.profile().0;
        let (input, signature) = verify::fields(message)?;
        let inputs = rules::inputs(&input, profile)?;
        let ring = verifier.keyring().current();
        let received = received(verifier, message, request)?;
        let mut last = None;
        for input in verify::candidates(&inputs, profile, !message.is_request())? {
            let keyid = input.parameters.keyid.as_deref().unwrap_or_default();
            let key = Arc::clone(ring.signing()?.get(keyid)?);
            let text = verify::signature_of(input.label, &signature, profile)?;
            let suspect = Suspect {
                key,
                label: input.label.to_owned(),
                nonce: input.parameters.nonce.as_deref().map(str::to_owned),
                signature: verify::decoded(text, <[u8]>::to_vec)?,
                components: input
                    .components
                    .iter()
                    .map(|listed| listed.component.clone().into_owned())
                    .collect(),
                ids: input
                    .components
                    .iter()
                    .map(|listed| inputs.text.get(listed.span.clone()).unwrap_or_default().to_owned())
                    .collect(),
            };
            let received = View {
                order: (0..suspect.ids.len()).collect(),
                text: inputs.text.get(input.span.clone()).unwrap_or_default().to_owned(),
                ..received.clone()
            };
            let mut judge = Judge {
                verifier,
                message,
                request,
                effort,
                suspect,
                received,
                seen: HashSet::new(),
                hasher: RandomState::new(),
                work: last.as_ref().map_or(work, |judge: &Judge<'_>| judge.work),
                holds: false,
                found: None,
                exhausted: false,
            };
            judge.holds = judge.base(&judge.received).is_ok_and(|base| judge.try_base(&base) == Some(true));
            if !judge.holds {
                return Ok(judge);
            }
            last = Some(judge);
        }
        last.ok_or_else(|| Error::new(Code::SignatureMissing))
    }

    /// Whether a component of this name is covered, of the message or of its request.
    pub(super) fn covers(&self, names: &[&str]) -> bool {
        self.suspect.components.iter().any(|own| names.contains(&&*own.name))
    }

    /// The base of a view.
    ///
    /// # Errors
    /// [`Code::ComponentMissing`].
    pub(super) fn base(&self, view: &View) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(1024);
        let lines = view.header_lines();
        for at in &view.order {
            let (Some(component), Some(id)) = (self.suspect.components.get(*at), self.suspect.ids.get(*at))
            else {
                continue;
            };
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(b": ");
            self.value(view, &lines, component, &mut out)?;
            out.push(b'\n');
        }
        out.extend_from_slice(b"\"@signature-params\": ");
        out.extend_from_slice(view.text.as_bytes());
        Ok(out)
    }

    /// The value of a component, by its place in the list.
    pub(super) fn text(&self, view: &View, at: usize) -> Option<String> {
        let mut out = Vec::new();
        let component = self.suspect.components.get(at)?;
        self.value(view, &view.header_lines(), component, &mut out).ok()?;
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    fn value(
        &self,
        view: &View,
        lines: &[Header<'_>],
        component: &Component<'_>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let plain = Component { req: false, ..component.clone() };
        if component.req && !component.is_derived() {
            return self.related_field(&plain, out);
        }
        let of_response = !self.message.is_request() && !component.req;
        let start = match of_response {
            true => Start::Response { status: view.status },
            false => Start::Request {
                method: &view.method,
                scheme: &view.scheme,
                authority: &view.authority,
                target: &view.target,
            },
        };
        let mut message = self.message.clone().headers(lines);
        message.start = start;
        let origin = match of_response {
            true => None,
            false => Some(Origin {
                scheme: view.scheme.as_str().into(),
                authority: view.authority.as_str().into(),
                target: Target::parse(&view.method, &view.target)?,
            }),
        };
        let fields = &self.verifier.profile().0.fields;
        Source { message: &message, origin, fields, digest: None }.write(&plain, out)
    }

    /// The value of a field of the request, which no view changes.
    fn related_field(&self, component: &Component<'_>, out: &mut Vec<u8>) -> Result<()> {
        let missing = || Error::because(Code::ComponentMissing, component.id());
        match self.request {
            Some(Exchange::Message(request)) => {
                let fields = &self.verifier.profile().0.fields;
                let origin = Some(request.origin()?);
                Source { message: request, origin, fields, digest: None }.write(component, out)
            }
            Some(exchange) => {
                let (covered, _) = exchange.signed().ok_or_else(missing)?;
                out.extend_from_slice(covered.get(component).ok_or_else(missing)?);
                Ok(())
            }
            None => Err(missing()),
        }
    }

    /// Tries a view under the name of a change.
    pub(super) fn attempt(&mut self, kind: ChangeKind, view: View) -> Step {
        // A base looks through all names for each of its components.
        self.spend(0, view.len() + view.headers.len() * view.order.len())?;
        match self.base(&view) {
            Ok(base) => self.attempt_base(kind, view, base),
            Err(_) => Step::Continue(()),
        }
    }

    /// Tries the digests of other content.
    pub(super) fn attempt_digests(&mut self, view: &View, content: &[u8]) -> Step {
        self.spend(0, 2 * content.len())?;
        for digest in digest::all_digests(content) {
            self.attempt(
                ChangeKind::DigestRemade,
                view.with_lines("content-digest", &[digest.into_bytes()]),
            )?;
        }
        Step::Continue(())
    }

    /// Tries a base that does not follow from the view alone.
    pub(super) fn attempt_base(&mut self, kind: ChangeKind, view: View, base: Vec<u8>) -> Step {
        match self.try_base(&base) {
            None => Step::Break(()),
            Some(false) => Step::Continue(()),
            Some(true) => {
                self.found = Some(Found { kind, view, base });
                Step::Break(())
            }
        }
    }

    /// Whether the signature is that of the base; `None` when the budget is spent. A base is tried once.
    fn try_base(&mut self, base: &[u8]) -> Option<bool> {
        if !self.seen.insert(self.hasher.hash_one(base)) {
            return Some(false);
        }
        match self.spend(1, base.len()) {
            Step::Break(()) => None,
            Step::Continue(()) => Some(self.suspect.key.material.verify(base, &self.suspect.signature)),
        }
    }

    /// Whether a text is short enough to be written again in many ways; one that is not is left aside.
    pub(super) fn is_short(&mut self, len: usize) -> bool {
        self.exhausted |= len > MAX_TEXT;
        len <= MAX_TEXT
    }

    /// Takes from the budget.
    pub(super) fn spend(&mut self, verifications: u32, bytes: usize) -> Step {
        let bytes = self.work.bytes.saturating_add(bytes as u64);
        let verifications = self.work.verifications + verifications;
        if bytes > self.effort.bytes || verifications > self.effort.verifications {
            self.exhausted = true;
            return Step::Break(());
        }
        self.work = Work { bytes, verifications, ..self.work };
        Step::Continue(())
    }
}

/// The message as it was received, with the external origin where there is a map.
fn received(verifier: &Verifier, message: &Message<'_>, request: Option<Exchange<'_>>) -> Result<View> {
    let headers = message.header_lines().iter().map(|line| (line.name.to_owned(), line.value.to_vec()));
    let mut view = View {
        method: String::new(),
        scheme: "https".to_owned(),
        authority: String::new(),
        target: "/".to_owned(),
        status: 0,
        headers: headers.collect(),
        order: Vec::new(),
        text: String::new(),
    };
    match (message.start, request) {
        (Start::Request { .. }, _) => {
            // An authority that is not in the map is what has to be explained.
            let origin = match verifier.external(message) {
                Ok(origin) => origin,
                Err(error) if error.code() == Code::OriginUnknown => Some(message.origin()?),
                Err(error) => return Err(error),
            };
            take(&mut view, message, origin.as_ref());
        }
        (Start::Response { status }, exchange) => {
            view.status = status;
            match exchange {
                Some(Exchange::Message(request)) => take(&mut view, request, Some(&request.origin()?)),
                Some(exchange) => take_covered(&mut view, exchange),
                None => return Err(Error::because(Code::ResponseMismatch, "no request is at hand")),
            }
        }
    }
    Ok(view)
}

fn take(view: &mut View, message: &Message<'_>, origin: Option<&Origin<'_>>) {
    if let (Start::Request { method, target, .. }, Some(origin)) = (message.start, origin) {
        view.method = method.to_owned();
        view.target = target.to_owned();
        view.scheme = origin.scheme.clone().into_owned();
        view.authority = origin.authority.clone().into_owned();
    }
}

/// What a signature over the request tells about it.
fn take_covered(view: &mut View, exchange: Exchange<'_>) {
    let Some((covered, _)) = exchange.signed() else { return };
    let get = |name: &str| {
        let value = covered.value(&format!("\"{name}\""))?;
        std::str::from_utf8(value).ok().map(str::to_owned)
    };
    let uri = get("@target-uri").and_then(|uri| {
        let (scheme, rest) = uri.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        Some((scheme.to_owned(), authority.to_owned(), target.to_owned()))
    });
    if let Some((scheme, authority, target)) = uri {
        (view.scheme, view.authority, view.target) = (scheme, authority, target);
    }
    let parts = get("@path")
        .map(|path| path + get("@query").filter(|query| query != "?").as_deref().unwrap_or_default());
    for (to, value) in [
        (&mut view.method, get("@method")),
        (&mut view.scheme, get("@scheme")),
        (&mut view.authority, get("@authority")),
        (&mut view.target, get("@request-target").or(parts)),
    ] {
        if let Some(value) = value {
            *to = value;
        }
    }
}
