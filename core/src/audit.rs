//! What was done with keys: an event for each use, for a log that somebody may have to answer for.
//!
//! Events hold no value, no secret and no context value. The context is told apart by a keyed tag: whoever lacks the
//! key cannot test guesses against it, as a bare hash of a patient's number would let them.

use std::fmt;
use std::sync::Arc;

use crate::error::Code;

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Encryption of a document.
    Encrypt,
    /// Decryption of a whole document.
    Decrypt,
    /// Decryption of the positions that open, or of chosen ones.
    DecryptSome,
    /// A local search for the reason of a refusal.
    Diagnose,
    /// A signature was made.
    Sign,
    /// A signature was verified. The first claim of its nonce is a part of it.
    Verify,
    /// Export of the key of one context. Only `tracing` hears of it: a ring has no hook.
    Export,
}

impl Operation {
    /// The name used in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Operation::Encrypt => "encrypt",
            Operation::Decrypt => "decrypt",
            Operation::DecryptSome => "decrypt_some",
            Operation::Diagnose => "diagnose",
            Operation::Sign => "sign",
            Operation::Verify => "verify",
            Operation::Export => "export",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One use of one key under one rule in one call. Without a key: values that did not open in a call that went on without
/// them, or a call that failed before a key was chosen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What was done.
    pub operation: Operation,
    /// Id of the policy, or of the profile of a signature; empty where there is none.
    pub policy: &'a str,
    /// Path of the rule, as the policy spells it; `None` where a document of layout D has no protected value.
    pub rule: Option<&'a str>,
    /// The key's id.
    pub key_id: Option<&'a str>,
    /// Names of the context's pairs, or of a signing key's scope, ascending; the values are not told.
    pub context_names: &'a [&'a str],
    /// `KDF(K_ctx, "aud", "")[0..8]`: equal for equal keys and contexts. `None` for signatures: their key has one context.
    pub context_tag: Option<[u8; 8]>,
    /// Number of values, or of signatures.
    pub count: u64,
    /// Number of clear values that the rule's `migrate` let through.
    pub accepted_plain: u64,
    /// Why the call, or without a key why these values failed; `None` if it succeeded.
    pub failure: Option<Code>,
}

/// Hears of every use of a key, on the thread that used it and before the call returns.
pub trait Audit: Send + Sync {
    /// Takes note of an event. It cannot stop the operation; a slow hook slows the service.
    fn event(&self, event: &Event<'_>);
}

impl<A: Audit + ?Sized> Audit for Arc<A> {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }
}

/// Tells the hook, and `tracing` subscribers under the target `apiseal`: at level DEBUG, failures at WARN.
pub(crate) fn emit(hook: Option<&dyn Audit>, event: &Event<'_>) {
    if let Some(hook) = hook {
        hook.event(event);
    }
    #[cfg(feature = "tracing")]
    trace(event);
}

/// Whether anybody listens.
pub(crate) fn is_heard(hook: Option<&dyn Audit>) -> bool {
    #[cfg(feature = "tracing")]
    let traced = tracing::enabled!(target: "apiseal", tracing::Level::WARN);
    #[cfg(not(feature = "tracing"))]
    let traced = false;
    hook.is_some() || traced
}

#[cfg(feature = "tracing")]
fn trace(event: &Event<'_>) {
    let tag: String = event.context_tag.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    macro_rules! tell {
        ($level:expr, $text:literal $(, $more:ident = $value:expr)*) => {
            tracing::event!(
                target: "apiseal", $level,
                operation = event.operation.name(), policy = event.policy, rule = event.rule,
                key_id = event.key_id, context_names = ?event.context_names, context_tag = tag,
                count = event.count, accepted_plain = event.accepted_plain, $($more = $value,)* $text
            )
        };
    }
    match event.failure {
        None => tell!(tracing::Level::DEBUG, "key used"),
        Some(code) => tell!(tracing::Level::WARN, "refused", code = code.number(), reason = code.name()),
    }
}
