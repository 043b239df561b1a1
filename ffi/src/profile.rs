//! Profiles: what a signature must cover and state.

use apiseal::Profile;

use crate::boundary::{self, Place};
use crate::bytes::apiseal_bytes;
use crate::error::{apiseal_error, apiseal_status};
use crate::list::{self, apiseal_texts};
use crate::message::{Parts, apiseal_message};

/// A profile. Immutable, shared by reference.
pub struct apiseal_profile(pub(crate) Profile);

/// The strict default, apiseal-v1.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_profile_v1(
    out: *mut *mut apiseal_profile,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            Place::object(out)?.give(apiseal_profile(Profile::apiseal_v1()));
            Ok(())
        })
    }
}

/// Reads a profile: apiseal-v1 with more, or plain RFC 9421 for a foreign peer.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_profile_from_json(
    json: apiseal_bytes,
    out: *mut *mut apiseal_profile,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            out.give(apiseal_profile(Profile::from_json(json.text("profile")?)?));
            Ok(())
        })
    }
}

/// Tells, in sentences for a person, what a message that is signed under the profile leaves unprotected, and which of its
/// headers proxies are known to change.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_profile_lint(
    profile: *const apiseal_profile,
    message: *const apiseal_message,
    out: *mut apiseal_texts,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let (profile, parts) = (boundary::object(profile, "profile")?, Parts::read(message)?);
            out.give_list(list::texts(profile.0.lint(&parts.message()).iter().map(ToString::to_string)));
            Ok(())
        })
    }
}

/// Id of the profile. It lives as long as the profile.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_profile_id(profile: *const apiseal_profile) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(profile.as_ref()?.0.id().as_bytes()))
    })
}

/// Another reference to the same profile, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_profile_clone(profile: *const apiseal_profile) -> *mut apiseal_profile {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(profile, |profile| apiseal_profile(profile.0.clone())) }
}

/// Frees a profile; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_profile_free(profile: *mut apiseal_profile) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(profile) };
}
