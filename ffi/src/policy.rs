//! Policies: which values are encrypted, and what each is bound to.

use apiseal::Policy;

use crate::boundary::{self, Place};
use crate::bytes::apiseal_bytes;
use crate::error::{apiseal_error, apiseal_status};

/// A policy. Immutable, shared by reference.
pub struct apiseal_policy(pub(crate) Policy);

/// Reads a policy (docs/policy.md).
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_policy_from_json(
    json: apiseal_bytes,
    out: *mut *mut apiseal_policy,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            out.give(apiseal_policy(Policy::from_json(json.text("policy")?)?));
            Ok(())
        })
    }
}

/// Id of the policy. It lives as long as the policy.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_policy_id(policy: *const apiseal_policy) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(policy.as_ref()?.0.id().as_bytes()))
    })
}

/// Another reference to the same policy, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_policy_clone(policy: *const apiseal_policy) -> *mut apiseal_policy {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(policy, |policy| apiseal_policy(policy.0.clone())) }
}

/// Frees a policy; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_policy_free(policy: *mut apiseal_policy) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(policy) };
}
