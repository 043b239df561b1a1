//! Verification of messages.

use std::sync::Arc;

use apiseal::{Clock, Code, Verifier};

use crate::boundary::{self, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::context::{self, apiseal_pair};
use crate::error::{Fault, apiseal_error, apiseal_status};
use crate::keyring::apiseal_keyring;
use crate::message::{Parts, apiseal_message};
use crate::options::{Options, apiseal_options};
use crate::profile::apiseal_profile;
use crate::replay::apiseal_replay;
use crate::signer::apiseal_signed;
use crate::verified::apiseal_verified;

/// Verifies messages. Immutable, shared by reference, used by any number of threads at once.
pub struct apiseal_verifier(pub(crate) Both);

/// A verifier with its clock.
#[derive(Clone)]
pub(crate) struct Both(pub(crate) Verifier, pub(crate) Arc<dyn Clock>);

/// An authority as it is received, and the origin that clients know it by.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_origin {
    /// As the proxy sends it, for example "backend:8080".
    pub received: apiseal_bytes,
    /// "https" or "http".
    pub scheme: apiseal_bytes,
    /// As clients call it, for example "api.example".
    pub authority: apiseal_bytes,
}

/// Settings of a verifier. All zero: messages come straight from clients, and any key of the ring may sign.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_verifier_options {
    /// For services behind a proxy. Once one is stated, every other authority is refused.
    pub origins: *const apiseal_origin,
    /// How many.
    pub origins_len: usize,
    /// Pairs that must stand in the context or scope of a key.
    pub scope: *const apiseal_pair,
    /// How many.
    pub scope_len: usize,
}

/// A verifier of a ring, a profile and a replay store, which stay the caller's. There is no default store.
/// `verifier_options` and `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verifier_new(
    ring: *const apiseal_keyring,
    profile: *const apiseal_profile,
    replay: *const apiseal_replay,
    verifier_options: *const apiseal_verifier_options,
    options: *const apiseal_options,
    out: *mut *mut apiseal_verifier,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let options = Options::take(options);
            let out = Place::object(out)?;
            let (ring, profile) = (boundary::object(ring, "ring")?, boundary::object(profile, "profile")?);
            let replay = boundary::object(replay, "replay")?;
            let mut verifier = Verifier::new(ring.0.clone(), profile.0.clone(), replay.0.clone());
            if let Some(own) = verifier_options.as_ref() {
                for origin in boundary::array(own.origins, own.origins_len, "origins")? {
                    verifier = verifier.origin(
                        origin.received.text("received")?,
                        origin.scheme.text("scheme")?,
                        origin.authority.text("authority")?,
                    )?;
                }
                for (name, value) in context::pairs(own.scope, own.scope_len, "scope")? {
                    verifier = verifier.demand_scope(name, value);
                }
            }
            if let Some(audit) = options.audit {
                verifier = verifier.audit(audit);
            }
            out.give(apiseal_verifier(Both(verifier, options.clock)));
            Ok(())
        })
    }
}

/// Verifies a request whose content is at hand: signature, freshness, content, and last of all its nonce. On failure answer
/// the peer with apiseal_error_http_status() and nothing more.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verify(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    out: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let verified = verifier.0.0.verify(&parts.message(), &verifier.0.1)?;
            out.give(apiseal_verified(verified.detached()));
            Ok(())
        })
    }
}

/// Verifies the response to a request that was signed here, once for each.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verify_response(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    request: *const apiseal_signed,
    out: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            let verified = verifier.0.0.verify_response(&parts.message(), &request.0, &verifier.0.1)?;
            out.give(apiseal_verified(verified.detached()));
            Ok(())
        })
    }
}

/// Verifies the response to a request that was signed elsewhere and verified as it was sent, once for each.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verify_response_to_verified(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    request: *const apiseal_verified,
    out: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            let verified = verifier.0.0.verify_response(&parts.message(), &request.0, &verifier.0.1)?;
            out.give(apiseal_verified(verified.detached()));
            Ok(())
        })
    }
}

/// Verifies the response to any request; only for profiles that do not bind responses by the nonce.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verify_response_unbound(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    request: *const apiseal_message,
    out: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let request = Parts::read(request)?;
            if !request.is_request() {
                return Err(Fault::new(Code::InvalidArgument, "`request` is a response"));
            }
            let verified =
                verifier.0.0.verify_response(&parts.message(), &request.message(), &verifier.0.1)?;
            out.give(apiseal_verified(verified.detached()));
            Ok(())
        })
    }
}

/// The value of an Accept-Signature field that asks for what the profile demands of requests.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_verifier_accept_signature(
    verifier: *const apiseal_verifier,
    label: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let verifier = boundary::object(verifier, "verifier")?;
            out.give_public(verifier.0.0.accept_signature(label.text("label")?).into_bytes());
            Ok(())
        })
    }
}

/// Another reference to the same verifier, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verifier_clone(verifier: *const apiseal_verifier) -> *mut apiseal_verifier {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(verifier, |verifier| apiseal_verifier(verifier.0.clone())) }
}

/// Frees a verifier; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verifier_free(verifier: *mut apiseal_verifier) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(verifier) };
}
