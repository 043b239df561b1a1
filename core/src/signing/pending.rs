//! Verification with a replay store that is asked outside of the call: over a network, by whoever waits for it.

use crate::clock::Clock;
use crate::error::Result;
use crate::http::message::Message;
use crate::signing::replay::{Claim, Outcome};
use crate::signing::verdict::{Body, Verified};
use crate::signing::verify::{Head, Verifier};

impl Verifier {
    /// Verifies a request but for its nonces, which the caller claims where they are kept. The verifier's own store is
    /// not asked.
    ///
    /// ```
    /// # fn main() -> apiseal::Result<()> {
    /// use apiseal::{Claim, Direction, FixedClock, Key, Keyring, Kid, Message, NoReplayCheck, Outcome, Profile};
    /// use apiseal::{Signer, Suite, Verifier};
    /// # let clock = FixedClock(1_800_000_000);
    /// # let key = Key::raw(Kid::parse("acme")?, Suite::HmacSha256, &[7; 32], &clock)?.with_direction(Direction::Request);
    /// # let ring = Keyring::builder().key(key).build()?;
    /// # let sent = Message::request("GET", "https", "api.example", "/");
    /// # let signed = Signer::new(ring.clone(), Profile::apiseal_v1()).sign(&sent, &clock)?;
    /// # let received = signed.headers().fold(sent, |message, (name, value)| message.header(name, value));
    /// let verifier = Verifier::new(ring, Profile::apiseal_v1(), NoReplayCheck);
    /// let pending = verifier.verify_pending(&received, &clock)?;
    /// let mut nonces = Vec::new(); // what a store over the network would be sent
    /// pending.claims(&clock, |claim: &Claim<'_>| nonces.push(claim.nonce.to_owned()))?;
    /// let answers = [Outcome::First]; // and what it would say
    /// assert_eq!(pending.finish(&answers, &clock)?.key_id(), "acme");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Verifier::verify`], but for those of the replay store.
    pub fn verify_pending<'m>(&self, message: &Message<'m>, clock: &dyn Clock) -> Result<Pending<'m>> {
        let made = self.head(message, None, clock.now()).and_then(|head| {
            let body = self.content(message, &head).map_err(|error| head.blame(error))?;
            Ok(Pending { verifier: self.clone(), head, body })
        });
        self.told_failure(made)
    }
}

/// A request of which everything holds, and whose nonces nobody has claimed. Nothing can be read from it: it may be a
/// second copy.
#[must_use]
pub struct Pending<'m> {
    verifier: Verifier,
    head: Head,
    body: Body<'m>,
}

impl<'m> Pending<'m> {
    /// Shows each claim that must be made, in their order. One that is not answered
    /// [`Outcome::First`] ends it: the ones behind it need not be made.
    ///
    /// # Errors
    /// [`Code::SignatureExpired`](crate::Code::SignatureExpired).
    pub fn claims(&self, clock: &dyn Clock, mut see: impl FnMut(&Claim<'_>)) -> Result<()> {
        self.verifier.claim_by(&self.head, clock.now(), |claim| {
            see(claim);
            Outcome::First
        })
    }

    /// The verdict, by what the store answered to each claim. A missing answer is none.
    ///
    /// # Errors
    /// [`Code::Replayed`](crate::Code::Replayed), [`Code::ReplayFull`](crate::Code::ReplayFull),
    /// [`Code::ReplayUnavailable`](crate::Code::ReplayUnavailable);
    /// [`Code::SignatureExpired`](crate::Code::SignatureExpired) if the answers took too long.
    pub fn finish(self, answers: &[Outcome], clock: &dyn Clock) -> Result<Verified<'m>> {
        let Pending { verifier, head, body } = self;
        let mut answers = answers.iter().copied();
        let claimed = verifier.claim_by(&head, clock.now(), |_| answers.next().unwrap_or(Outcome::Unknown));
        verifier.told(claimed.map(|()| head.verified(body)))
    }

    /// The same without the borrowed content, which stays with the caller.
    pub fn detached(self) -> Pending<'static> {
        let Pending { verifier, head, body } = self;
        Pending { verifier, head, body: body.detached() }
    }

    /// The same with content again, which is compared with the digest anew.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`](crate::Code::DigestMismatch).
    pub fn attached(self, content: &[u8]) -> Result<Pending<'_>> {
        let Pending { verifier, head, .. } = self;
        let body = verifier.told_failure(Verifier::proved(content, &head))?;
        Ok(Pending { verifier, head, body })
    }
}

impl std::fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}
