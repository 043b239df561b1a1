//! Verification of content that arrives in pieces: head first, then the content into a sink, which is given back only
//! when the digest holds. Memory does not grow with the content.

use std::io::Write;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::http::digest::Hasher;
use crate::http::message::Message;
use crate::signing::verdict::{Body, Verified};
use crate::signing::verify::{Head, Verifier};

impl Verifier {
    /// Verifies the head of a request and spools its content into `sink`: a buffer, a temporary file. Nobody may read
    /// the sink before [`Spool::finish`] gives it back. The nonce is claimed then, so that a peer who sends a head and
    /// no content burns none.
    ///
    /// # Errors
    /// As [`Verifier::verify`]. The body that was set in `message` is not looked at.
    pub fn spool<W: Write>(&self, message: &Message<'_>, sink: W, clock: &dyn Clock) -> Result<Spool<W>> {
        let head = self.told_failure(self.head(message, None, clock.now()))?;
        let stated = if self.profile().0.strict { message.content_length()? } else { None };
        let hasher = head.digest.as_ref().map(|digest| digest.hasher());
        Ok(Spool { verifier: self.clone(), head, stated, hasher, len: 0, sink })
    }
}

/// Content on its way.
pub struct Spool<W> {
    verifier: Verifier,
    head: Head,
    /// What Content-Length says.
    stated: Option<u64>,
    hasher: Option<Hasher>,
    len: u64,
    sink: W,
}

impl<W: Write> Spool<W> {
    /// Takes a piece of content, as it was received.
    ///
    /// # Errors
    /// [`Code::LimitMessage`] beyond the profile's limit; [`Code::DigestMissing`] if no digest is covered and the
    /// profile demands one; [`Code::MalformedMessage`] beyond Content-Length; [`Code::ContentSink`].
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        let taken = self.take(piece).map_err(|error| self.head.blame(error));
        self.verifier.told_failure(taken)
    }

    fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.len += piece.len() as u64;
        self.head.content.check(self.len)?;
        if self.len > self.verifier.profile().0.limits.content {
            return Err(Error::because(Code::LimitMessage, "the content is too long"));
        }
        if self.stated.is_some_and(|stated| self.len > stated) {
            return Err(Error::because(Code::MalformedMessage, "the content is longer than Content-Length"));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        self.sink
            .write_all(piece)
            .map_err(|error| Error::because(Code::ContentSink, error.kind().to_string()))
    }

    /// Checks the digest, claims the nonce, and gives the sink back.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`], [`Code::SignatureExpired`] if the content took too long, those of the replay store.
    pub fn finish(mut self, clock: &dyn Clock) -> Result<(Verified<'static>, W)> {
        let checked = self.checked().map_err(|error| self.head.blame(error));
        let Spool { verifier, head, sink, .. } = self;
        let verified = checked.and_then(|body| {
            verifier.claim(&head, clock.now())?;
            Ok(head.verified(body))
        });
        verifier.told(verified).map(|verified| (verified, sink))
    }

    fn checked(&mut self) -> Result<Body<'static>> {
        self.head.content.check(self.len)?;
        if self.stated.is_some_and(|stated| stated != self.len) {
            return Err(Error::because(Code::MalformedMessage, "the content is shorter than Content-Length"));
        }
        self.sink.flush().map_err(|error| Error::because(Code::ContentSink, error.kind().to_string()))?;
        match (&self.head.digest, self.hasher.take()) {
            (Some(digest), Some(hasher)) => digest.check(hasher).map(|()| Body::Spooled),
            _ if self.len == 0 => Ok(Body::Spooled),
            _ => Ok(Body::Unproved),
        }
    }
}
