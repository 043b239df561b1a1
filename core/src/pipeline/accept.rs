//! Verify, then decrypt: the context is made from what was proved, and nothing is decrypted before the nonce is claimed.

use std::fmt;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::{Decrypted, FieldCipher};
use crate::http::message::Message;
use crate::ids::Direction;
use crate::pipeline::rules;
use crate::signing::verdict::Verified;
use crate::signing::verify::{Exchange, Verifier};

/// Verifies messages and decrypts their fields. Immutable, cheap to clone, shared between threads. Clock and limits are
/// those of the cipher.
#[derive(Clone)]
pub struct Acceptor {
    cipher: FieldCipher,
    verifier: Verifier,
}

impl Acceptor {
    /// # Errors
    /// [`Code::ProfileFile`] unless the verifier's profile demands a digest of content, a nonce, responses that are bound
    /// by it, and one signature.
    pub fn new(cipher: FieldCipher, verifier: Verifier) -> Result<Self> {
        rules::check_profile(verifier.profile())?;
        Ok(Acceptor { cipher, verifier })
    }

    /// What decrypts.
    #[must_use]
    pub fn cipher(&self) -> &FieldCipher {
        &self.cipher
    }

    /// What verifies: for messages without content, and for responses that were sent in clear.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Verifies a request, claims its nonce, and only then decrypts its fields, under the context that `context` makes of
    /// what was proved. The principal of the key that signed and the direction are added to it.
    ///
    /// The nonce is claimed even if the content does not open afterwards: a sender signs a new message.
    ///
    /// # Errors
    /// [`Code::MalformedMessage`], before anything is claimed, for content that is not JSON by its `Content-Type`, or is
    /// coded; [`Code::KeyState`] for a key without principal; else as [`Verifier::verify`], `context`, and
    /// [`FieldCipher::decrypt`]. Answer the peer with [`Error::http_status`] and nothing more.
    pub fn accept<'m>(
        &self,
        message: &Message<'m>,
        context: impl FnOnce(&Verified<'_>) -> Result<Context>,
    ) -> Result<Accepted<'m>> {
        rules::check_content(message, Code::MalformedMessage)?;
        let verified = self.verifier.verify(message, &*self.cipher.clock)?;
        self.open(verified, Direction::Request, context)
    }

    /// The same for the response to a request of ours, once for each request.
    ///
    /// # Errors
    /// As [`Acceptor::accept`] and [`Verifier::verify_response`].
    pub fn accept_response<'m, 'r>(
        &self,
        message: &Message<'m>,
        request: impl Into<Exchange<'r>>,
        context: impl FnOnce(&Verified<'_>) -> Result<Context>,
    ) -> Result<Accepted<'m>> {
        rules::check_content(message, Code::MalformedMessage)?;
        let verified = self.verifier.verify_response(message, request, &*self.cipher.clock)?;
        self.open(verified, Direction::Response, context)
    }

    pub(super) fn open<'m>(
        &self,
        verified: Verified<'m>,
        direction: Direction,
        context: impl FnOnce(&Verified<'_>) -> Result<Context>,
    ) -> Result<Accepted<'m>> {
        let context = context(&verified)?.of_message(rules::principal(&verified.key)?, direction)?;
        let body = verified.body().ok_or_else(|| Error::new(Code::DigestMissing))?;
        let document = self.cipher.decrypt(body, &context)?;
        Ok(Accepted { verified, document })
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("cipher", &self.cipher)
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// A message that was verified and whose fields opened.
#[derive(Debug)]
pub struct Accepted<'m> {
    verified: Verified<'m>,
    document: Decrypted,
}

impl<'m> Accepted<'m> {
    /// The content as it was before it was protected, byte for byte.
    #[must_use]
    pub fn document(&self) -> &Decrypted {
        &self.document
    }

    /// What was proved. Its body is the content as it travelled.
    #[must_use]
    pub fn verified(&self) -> &Verified<'m> {
        &self.verified
    }

    /// Both by themselves.
    #[must_use]
    pub fn into_parts(self) -> (Verified<'m>, Decrypted) {
        (self.verified, self.document)
    }
}
