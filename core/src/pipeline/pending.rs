//! Accepting with a replay store that is asked outside of the call.

use std::fmt;

use crate::context::Context;
use crate::error::{Code, Result};
use crate::http::message::Message;
use crate::ids::Direction;
use crate::pipeline::accept::{Accepted, Acceptor};
use crate::pipeline::rules;
use crate::signing::pending::Pending;
use crate::signing::replay::{Claim, Outcome};
use crate::signing::verdict::Verified;

impl Acceptor {
    /// Verifies a request but for its nonce, which the caller claims where it is kept. Nothing is decrypted before
    /// [`PendingAcceptance::finish`].
    ///
    /// # Errors
    /// As [`Acceptor::accept`], but for those of the replay store and of decryption.
    pub fn accept_pending<'m>(&self, message: &Message<'m>) -> Result<PendingAcceptance<'m>> {
        rules::check_content(message, Code::MalformedMessage)?;
        let pending = self.verifier().verify_pending(message, &*self.cipher().clock)?;
        Ok(PendingAcceptance { acceptor: self.clone(), pending })
    }
}

/// A request of which everything holds, whose nonce nobody has claimed, and of which nothing was decrypted.
#[must_use]
pub struct PendingAcceptance<'m> {
    acceptor: Acceptor,
    pending: Pending<'m>,
}

impl<'m> PendingAcceptance<'m> {
    /// As [`Pending::claims`].
    ///
    /// # Errors
    /// As [`Pending::claims`].
    pub fn claims(&self, see: impl FnMut(&Claim<'_>)) -> Result<()> {
        self.pending.claims(&*self.acceptor.cipher().clock, see)
    }

    /// As [`Pending::detached`].
    pub fn detached(self) -> PendingAcceptance<'static> {
        PendingAcceptance { acceptor: self.acceptor, pending: self.pending.detached() }
    }

    /// As [`Pending::attached`].
    ///
    /// # Errors
    /// As [`Pending::attached`].
    pub fn attached(self, content: &[u8]) -> Result<PendingAcceptance<'_>> {
        Ok(PendingAcceptance { acceptor: self.acceptor, pending: self.pending.attached(content)? })
    }

    /// Decrypts, if the nonce is ours by what the store answered: as [`Acceptor::accept`].
    ///
    /// # Errors
    /// As [`Pending::finish`] and [`Acceptor::accept`].
    pub fn finish(
        self,
        answers: &[Outcome],
        context: impl FnOnce(&Verified<'_>) -> Result<Context>,
    ) -> Result<Accepted<'m>> {
        let verified = self.pending.finish(answers, &*self.acceptor.cipher().clock)?;
        self.acceptor.open(verified, Direction::Request, context)
    }
}

impl fmt::Debug for PendingAcceptance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingAcceptance")
    }
}
