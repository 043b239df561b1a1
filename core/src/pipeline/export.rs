//! Keys for a partner who is to protect or accept messages, and to hold nothing else.

use crate::context::Context;
use crate::error::Result;
use crate::ids::Direction;
use crate::keys::key::Key;
use crate::keys::ring::Keyring;

impl Keyring {
    /// The key of the fields in one principal's messages of one direction, by itself: as [`Keyring::export_context`], for
    /// the context that [`Protector`](crate::Protector) and [`Acceptor`](crate::Acceptor) make of `context`. Its holder can
    /// neither read nor make the fields of other principals. Keys of both directions share their id and belong into
    /// rings of their own.
    ///
    /// # Errors
    /// As [`Keyring::export_context`]; [`Code::ContextTooLong`](crate::Code::ContextTooLong).
    pub fn export_message_context(
        &self,
        kid: &str,
        context: &Context,
        principal: &str,
        direction: Direction,
    ) -> Result<Key> {
        self.export_context(kid, &context.of_message(principal, direction)?)
    }
}
