//! Documents for logs, without what the policy protects.

use apiseal::Redactor;

use crate::boundary::{self, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::error::{apiseal_error, apiseal_status};
use crate::policy::apiseal_policy;

/// Masks what a policy protects. Immutable, shared by reference. It needs no key.
pub struct apiseal_redactor(Redactor);

/// A redactor of a policy, which stays the caller's.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_redactor_new(
    policy: *const apiseal_policy,
    out: *mut *mut apiseal_redactor,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            out.give(apiseal_redactor(Redactor::new(&boundary::object(policy, "policy")?.0)?));
            Ok(())
        })
    }
}

/// Masks the protected values of a clear or encrypted document. Of a document that cannot be read nothing is shown:
/// `unreadable` is set then, if it is not NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_redact(
    redactor: *const apiseal_redactor,
    document: apiseal_bytes,
    out: *mut apiseal_buffer,
    unreadable: *mut bool,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let redactor = boundary::object(redactor, "redactor")?;
            let redacted = redactor.0.redact(document.get("document")?);
            if !unreadable.is_null() {
                unreadable.write(redacted.is_unreadable());
            }
            out.give_public(redacted.into_string().into_bytes());
            Ok(())
        })
    }
}

/// Another reference to the same redactor, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_redactor_clone(redactor: *const apiseal_redactor) -> *mut apiseal_redactor {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(redactor, |redactor| apiseal_redactor(redactor.0.clone())) }
}

/// Frees a redactor; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_redactor_free(redactor: *mut apiseal_redactor) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(redactor) };
}
