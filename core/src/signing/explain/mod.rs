//! Why a message does not verify: the one change that makes it, found by trying changes that are known to happen.
//!
//! It runs beside [`Verifier::verify`] and never in place of it: no verdict changes, nothing is claimed in the replay
//! store, and no expected MAC or signature leaves. Only the owner of the ring may see what it says: whoever could ask again
//! and again would learn which guess was right. It works for a known, usable key alone, and within an [`Effort`].

mod advice;
mod change;
mod content;
mod edit;
mod explanation;
mod field;
mod judge;
mod list;
mod origin;
mod target;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::http::digest::Stated;
use crate::http::message::Message;
use crate::signing::debug;
use crate::signing::rules;
use crate::signing::verify::{self, Exchange, Head, Verifier};

pub use change::{Change, ChangeKind, Side};
pub use explanation::Explanation;
use judge::{Found, Judge, Step, View};

/// How much an explanation may cost beyond the verification of the message as it is. Whatever the message, no more is done;
/// targets, headers and lists of more than 16 KiB, JSON of more than 4 MiB, and JSON that would become four times as long
/// are not written again in other ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Signatures that are checked.
    pub verifications: u32,
    /// Bytes of signature bases, headers and content that are built, read or hashed.
    pub bytes: u64,
    /// Bytes of content that a decoder may give.
    pub decoded: u64,
}

impl Default for Effort {
    /// 2000 verifications, 32 MiB, 8 MiB: well below a second with HMAC or Ed25519.
    fn default() -> Self {
        Effort { verifications: 2000, bytes: 32 << 20, decoded: 8 << 20 }
    }
}

/// What an explanation has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Signatures that were checked.
    pub verifications: u32,
    /// Bytes that were built, read or hashed.
    pub bytes: u64,
    /// Bytes that a decoder gave.
    pub decoded: u64,
}

/// Undoes a content coding (`gzip`, `deflate`, `br`): coding, content, and how many bytes it may give at most. `None` if it
/// cannot. The core has no decoder of its own: compressed content from strangers is best read by what the platform keeps up
/// to date.
pub type Decoder<'d> = &'d (dyn Fn(&str, &[u8], usize) -> Option<Vec<u8>> + Sync);

/// Explains messages to the operator of a verifier.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{ChangeKind, Direction, FixedClock, Key, Keyring, Kid, Message, NoReplayCheck, OsRandom, Profile};
/// use apiseal::{Signer, Suite, Verifier};
/// let clock = FixedClock(1_800_000_000);
/// let key = Key::raw(Kid::parse("acme")?, Suite::HmacSha256, &[7; 32], &clock)?.with_direction(Direction::Request);
/// let ring = Keyring::builder().key(key).build()?;
/// let sent = Message::request("GET", "https", "api.example", "/orders?x=1");
/// let signed = Signer::new(ring.clone(), Profile::apiseal_v1()).sign(&sent, &clock)?;
///
/// // A proxy forwards the request to another authority.
/// let received = Message::request("GET", "https", "backend:8080", "/orders?x=1").header("x-forwarded-host", "api.example");
/// let received = signed.headers().fold(received, |message, (name, value)| message.header(name, value));
/// let explanation = Verifier::new(ring, Profile::apiseal_v1(), NoReplayCheck).explain(&received, &clock);
/// assert_eq!(explanation.changes()[0].kind(), ChangeKind::Authority);
/// assert_eq!(
///     explanation.to_string(),
///     "the authority was `api.example` when signed; this message says `backend:8080`: \
///      set the origin map or let the proxy keep Host"
/// );
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Explainer<'v> {
    verifier: &'v Verifier,
    effort: Effort,
    decoder: Option<Decoder<'v>>,
    authorities: Vec<String>,
}

impl Verifier {
    /// Tells why a request does not verify; for the operator, never for the peer. See [`Explainer`].
    #[must_use]
    pub fn explain(&self, message: &Message<'_>, clock: &dyn Clock) -> Explanation {
        self.explainer().explain(message, clock)
    }

    /// The same for a response.
    #[must_use]
    pub fn explain_response<'r>(
        &self,
        message: &Message<'_>,
        request: impl Into<Exchange<'r>>,
        clock: &dyn Clock,
    ) -> Explanation {
        self.explainer().explain_response(message, request, clock)
    }

    /// Starts an explanation with a budget, a decoder or authorities of the caller's.
    #[must_use]
    pub fn explainer(&self) -> Explainer<'_> {
        Explainer { verifier: self, effort: Effort::default(), decoder: None, authorities: Vec::new() }
    }
}

impl<'v> Explainer<'v> {
    /// How much it may cost.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Undoes content codings.
    #[must_use]
    pub fn decoder(mut self, decoder: Decoder<'v>) -> Self {
        self.decoder = Some(decoder);
        self
    }

    /// An authority that clients may have used; may be repeated.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.authorities.push(authority.to_owned());
        self
    }

    /// Explains a request.
    #[must_use]
    pub fn explain(&self, message: &Message<'_>, clock: &dyn Clock) -> Explanation {
        self.run(message, None, clock.now())
    }

    /// Explains a response to a request. The request does not count as answered.
    #[must_use]
    pub fn explain_response<'r>(
        &self,
        message: &Message<'_>,
        request: impl Into<Exchange<'r>>,
        clock: &dyn Clock,
    ) -> Explanation {
        self.run(message, Some(request.into()), clock.now())
    }

    fn run(&self, message: &Message<'_>, request: Option<Exchange<'_>>, now: u64) -> Explanation {
        let mut job = Job { own: self, message, request, now, told: Explanation::default() };
        job.told.error = job.check(message).err();
        job.told.remaining = job.told.error.clone();
        if job.told.is_code(&[Code::SignatureExpired, Code::SignatureFuture]) {
            job.try_clock();
        }
        match job.told.remaining.as_ref().map(Error::code) {
            Some(Code::SignatureInvalid | Code::ComponentMissing | Code::OriginUnknown) => job.judge(),
            Some(Code::NotCovered | Code::MalformedMessage | Code::DigestMissing) => job.try_edits(),
            Some(Code::DigestMismatch) => job.try_content(message),
            _ => {}
        }
        job.told
    }
}

/// One explanation in the making.
struct Job<'j> {
    own: &'j Explainer<'j>,
    message: &'j Message<'j>,
    request: Option<Exchange<'j>>,
    now: u64,
    told: Explanation,
}

impl Job<'_> {
    /// The whole verification but for the nonce.
    fn check(&mut self, message: &Message<'_>) -> Result<Head> {
        let headers: usize =
            message.header_lines().iter().map(|line| line.name.len() + line.value.len()).sum();
        self.told.work.verifications += 1;
        self.told.work.bytes += (headers + message.body.len()) as u64;
        let head = self.own.verifier.head(message, self.request, self.now)?;
        self.own.verifier.content(message, &head)?;
        Ok(head)
    }

    /// Whether so many bytes more may be read.
    fn may_spend(&mut self, bytes: usize) -> bool {
        let (work, effort) = (self.told.work, self.own.effort);
        let may = work.verifications < effort.verifications
            && work.bytes.saturating_add(bytes as u64) <= effort.bytes;
        self.told.exhausted |= !may;
        may
    }

    /// The time at which the signature says that it was made.
    fn try_clock(&mut self) {
        let Some(created) = self.created() else { return };
        let here = self.now;
        self.now = created;
        let (signed, received) = (Some(created.to_string()), Some(here.to_string()));
        self.told.changes.push(Change { kind: ChangeKind::Clock, what: String::new(), signed, received });
        self.told.remaining = self.check(self.message).err();
    }

    fn created(&self) -> Option<u64> {
        let profile = &*self.own.verifier.profile().0;
        let (input, _) = verify::fields(self.message).ok()?;
        let inputs = rules::inputs(&input, profile).ok()?;
        let mut candidates = verify::candidates(&inputs, profile, !self.message.is_request()).ok()?;
        u64::try_from(candidates.next()?.parameters.created?).ok()
    }

    /// Looks for what was signed in place of what is here.
    fn judge(&mut self) {
        let mut judge = match Judge::new(
            self.own.verifier,
            self.message,
            self.request,
            self.own.effort,
            self.told.work,
        ) {
            Ok(judge) => judge,
            Err(error) => {
                self.told.remaining = Some(error);
                return;
            }
        };
        let received = judge.base(&judge.received).ok();
        if let Some(base) = &received {
            self.told.base = Some(String::from_utf8_lossy(base).into_owned());
            let suspect = &judge.suspect;
            let nonce = suspect.nonce.as_deref();
            let hint = debug::compare(self.message, &suspect.label, &suspect.key.material, nonce, base);
            self.told.hint = hint;
        }
        if !judge.holds {
            let _ = self.search(&mut judge);
        }
        self.told.work = judge.work;
        self.told.exhausted |= judge.exhausted;
        let Some(found) = judge.found.take() else { return };
        self.told.changes.push(change(&judge, received.as_deref(), &found));
        self.told.signed_base = Some(String::from_utf8_lossy(&found.base).into_owned());
        self.told.remaining = None;
        if found.kind != ChangeKind::DigestRemade {
            self.check_content(&found.view);
        }
    }

    fn search(&mut self, judge: &mut Judge<'_>) -> Step {
        if judge.base(&judge.received).is_err() {
            return judge.try_dropped();
        }
        judge.try_origin(&self.own.authorities)?;
        judge.try_method_and_status()?;
        judge.try_target()?;
        judge.try_fields()?;
        judge.try_lists()?;
        judge.try_habits()?;
        if judge.covers(&["content-digest"]) {
            let decoded = self.own.decoded(self.message, &mut judge.work);
            let view = judge.received.clone();
            content::variants(self.message.body, decoded.as_deref(), &mut |_, body| {
                judge.attempt_digests(&view, &body)
            })?;
        }
        Step::Continue(())
    }

    /// After a change that makes the signature hold: whether the content belongs to it.
    fn check_content(&mut self, view: &View) {
        let lines: Vec<_> =
            view.headers.iter().map(|(name, value)| crate::http::message::Header::new(name, value)).collect();
        let message = self.message.clone().headers(&lines);
        let Some(field) = rules::joined(&message, "content-digest") else { return };
        match Stated::parse(&field).and_then(|stated| stated.check_bytes(message.body)) {
            Err(error) if error.code() == Code::DigestMismatch => {
                self.told.remaining = Some(error);
                self.try_content(&message);
            }
            Err(error) => self.told.remaining = Some(error),
            Ok(()) => {}
        }
    }

    /// Looks for content of which the stated digest is.
    fn try_content(&mut self, message: &Message<'_>) {
        let Some(field) = rules::joined(message, "content-digest") else { return };
        let Ok(stated) = Stated::parse(&field) else { return };
        let coding = message
            .lines("content-encoding")
            .next()
            .map(|line| String::from_utf8_lossy(line).trim().to_ascii_lowercase());
        let decoded = self.own.decoded(message, &mut self.told.work);
        let mut found = None;
        let covers_coding = self.told.changes.iter().any(|change| change.what == "\"content-encoding\"")
            || self.covers("content-encoding");
        let body = message.body;
        let _ = content::variants(body, decoded.as_deref(), &mut |kind, variant| {
            if !self.may_spend(variant.len()) {
                return Step::Break(());
            }
            self.told.work.bytes += variant.len() as u64;
            match stated.check_bytes(&variant) {
                Err(_) => Step::Continue(()),
                Ok(()) => {
                    found = Some(kind);
                    Step::Break(())
                }
            }
        });
        let kind = match found {
            // Who signs a coding has applied it before.
            Some(ChangeKind::DigestOfDecoded) if !covers_coding => ChangeKind::ContentEncoded,
            Some(kind) => kind,
            None if coding.is_some_and(|coding| content::lacks_coding(&coding, body)) => {
                // The encoded bytes cannot be made again: this is what the message shows, not a proof.
                let what = "\"content-encoding\"".to_owned();
                let change = Change { kind: ChangeKind::ContentDecoded, what, signed: None, received: None };
                return self.told.changes.push(change);
            }
            None => return,
        };
        self.told.changes.push(Change { kind, what: String::new(), signed: None, received: None });
        self.told.remaining = None;
    }

    fn covers(&self, name: &str) -> bool {
        let profile = &*self.own.verifier.profile().0;
        verify::fields(self.message).ok().is_some_and(|(input, _)| {
            rules::inputs(&input, profile).is_ok_and(|inputs| {
                let all = inputs.list.iter().flat_map(|input| &input.components);
                rules::covers(all.map(|listed| &listed.component), name)
            })
        })
    }
}

/// What differs between the base as received and the one that was signed.
fn change(judge: &Judge<'_>, received: Option<&[u8]>, found: &Found) -> Change {
    let kind = found.kind;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for at in 0..judge.suspect.ids.len() {
        let (signed, own) = (judge.text(&found.view, at), judge.text(&judge.received, at));
        if signed != own {
            let what = judge.suspect.ids.get(at).cloned().unwrap_or_default();
            return Change { kind, what, signed, received: own };
        }
    }
    // The same values: the lines are in another order, or another text.
    let (received, signed) = (text(received.unwrap_or_default()), text(&found.base));
    let differs = received.split('\n').zip(signed.split('\n')).find(|(own, other)| own != other);
    let (own, other) = match differs {
        Some((own, other)) => (Some(own.to_owned()), Some(other.to_owned())),
        None => (None, None),
    };
    Change { kind, what: String::new(), signed: other, received: own }
}
