//! Audit events of signing and verification: one for each signature, or one for a call that failed.

use std::sync::Arc;

use crate::audit::{self, Audit, Event, Operation};
use crate::error::{Error, Result};
use crate::keys::signing::SigningKey;
use crate::signing::profile::Profile;

/// Tells whoever listens whose keys an operation used, and how it ended;
/// `keys` hands over each key of what was done.
pub(crate) fn told<T>(
    hook: Option<&Arc<dyn Audit>>,
    operation: Operation,
    profile: &Profile,
    result: Result<T>,
    keys: impl FnOnce(&T, &mut dyn FnMut(&SigningKey)),
) -> Result<T> {
    let hook = hook.map(|hook| &**hook);
    if !audit::is_heard(hook) {
        return result;
    }
    let failed = Event {
        operation,
        policy: profile.id(),
        rule: None,
        key_id: result.as_ref().err().and_then(Error::key_id),
        context_names: &[],
        context_tag: None,
        count: 0,
        accepted_plain: 0,
        failure: result.as_ref().err().map(Error::code),
    };
    match &result {
        Err(_) => audit::emit(hook, &failed),
        Ok(done) => keys(done, &mut |key| {
            let context_names: Vec<&str> = key.scope.iter().map(|(name, _)| name.as_str()).collect();
            let key_id = Some(key.kid.as_str());
            audit::emit(hook, &Event { key_id, context_names: &context_names, count: 1, ..failed });
        }),
    }
    result
}
