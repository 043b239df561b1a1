//! Signing, and what a signature adds to a message.

use std::sync::Arc;

use apiseal::{Clock, Signed, Signer};

use crate::boundary::{self, Place};
use crate::bytes::apiseal_bytes;
use crate::callbacks::apiseal_external_signer;
use crate::error::{apiseal_error, apiseal_status};
use crate::keyring::apiseal_keyring;
use crate::message::{Parts, apiseal_header, apiseal_message, write_lines};
use crate::options::{Options, apiseal_options};
use crate::profile::apiseal_profile;
use crate::verified::apiseal_verified;

/// Signs messages. Immutable, shared by reference, used by any number of threads at once.
pub struct apiseal_signer(pub(crate) Both);

/// A signer with its clock.
#[derive(Clone)]
pub(crate) struct Both(pub(crate) Signer, Arc<dyn Clock>);

/// Which key signs, and under which label. All zero: the only active key that serves the profile, else the primary one;
/// the label "sig".
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_signer_options {
    /// Id of a key; may be empty.
    pub key_id: apiseal_bytes,
    /// Label of the signature; may be empty.
    pub label: apiseal_bytes,
    /// Sends a debug token along, by which the verifier with the same secret names the lines that differ.
    pub debug_token: bool,
    /// Signs in the place of the key, of which the ring has the public part under `key_id`. `sign` may be NULL.
    pub external: apiseal_external_signer,
}

/// A signature: the header lines to be added, and what the response must answer. Immutable, but for the note that a
/// response was accepted: one for each.
// Spelled so, the header keeps it opaque.
#[cfg_attr(all(), repr(transparent))]
pub struct apiseal_signed(pub(crate) Signed);

/// A signer of a ring and a profile, which stay the caller's. `signer_options` and `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_signer_new(
    ring: *const apiseal_keyring,
    profile: *const apiseal_profile,
    signer_options: *const apiseal_signer_options,
    options: *const apiseal_options,
    out: *mut *mut apiseal_signer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let options = Options::take(options);
            let external = signer_options.as_ref().and_then(|own| own.external.take());
            let out = Place::object(out)?;
            let (ring, profile) = (boundary::object(ring, "ring")?, boundary::object(profile, "profile")?);
            let mut signer = Signer::new(ring.0.clone(), profile.0.clone());
            if let Some(own) = signer_options.as_ref() {
                if let Some(kid) = own.key_id.optional("key_id")? {
                    signer = signer.key(kid);
                }
                if let Some(label) = own.label.optional("label")? {
                    signer = signer.label(label)?;
                }
                if own.debug_token {
                    signer = signer.debug_token();
                }
            }
            if let Some(external) = external {
                signer = signer.external(Arc::new(external));
            }
            if let Some(audit) = options.audit {
                signer = signer.audit(audit);
            }
            out.give(apiseal_signer(Both(signer, options.clock)));
            Ok(())
        })
    }
}

/// Signs a request.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_sign(
    signer: *const apiseal_signer,
    message: *const apiseal_message,
    out: *mut *mut apiseal_signed,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (signer, parts) = (boundary::object(signer, "signer")?, Parts::read(message)?);
            out.give(apiseal_signed(signer.0.0.sign(&parts.message(), &signer.0.1)?));
            Ok(())
        })
    }
}

/// Signs a request and covers besides what the value of an Accept-Signature field asks for, as far as the profile allows
/// it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_sign_accepting(
    signer: *const apiseal_signer,
    message: *const apiseal_message,
    accept_signature: apiseal_bytes,
    out: *mut *mut apiseal_signed,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (signer, parts) = (boundary::object(signer, "signer")?, Parts::read(message)?);
            let accept = accept_signature.get("accept_signature")?;
            out.give(apiseal_signed(signer.0.0.sign_accepting(&parts.message(), accept, &signer.0.1)?));
            Ok(())
        })
    }
}

/// Signs the one final response to a verified request.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_sign_response(
    signer: *const apiseal_signer,
    message: *const apiseal_message,
    request: *const apiseal_verified,
    out: *mut *mut apiseal_signed,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (signer, parts) = (boundary::object(signer, "signer")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            out.give(apiseal_signed(signer.0.0.sign_response(&parts.message(), &request.0, &signer.0.1)?));
            Ok(())
        })
    }
}

/// Writes at most `capacity` lines that must be added to the message to `into`, and gives their number: at most 4. They live
/// as long as the signature.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signed_headers(
    signed: *const apiseal_signed,
    into: *mut apiseal_header,
    capacity: usize,
) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe {
        let signed = signed.as_ref()?;
        Some(write_lines(signed.0.headers(), into, capacity))
    })
}

/// The signature base, to see what was signed. It holds header values, and lives as long as the signature.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signed_base(signed: *const apiseal_signed) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe { Some(apiseal_bytes::of(signed.as_ref()?.0.base())) })
}

/// The nonce; `data` is NULL if there is none. It lives as long as the signature.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signed_nonce(signed: *const apiseal_signed) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(signed.as_ref()?.0.nonce()))
    })
}

/// One sentence about what an Accept-Signature field asked for and did not get, by its place from 0; `data` is NULL behind
/// the last one. It lives as long as the signature.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signed_ignored(signed: *const apiseal_signed, at: usize) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(signed.as_ref()?.0.ignored().get(at)?.as_bytes()))
    })
}

/// Frees a signature; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signed_free(signed: *mut apiseal_signed) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(signed) };
}

/// Another reference to the same signer, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signer_clone(signer: *const apiseal_signer) -> *mut apiseal_signer {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(signer, |signer| apiseal_signer(signer.0.clone())) }
}

/// Frees a signer; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_signer_free(signer: *mut apiseal_signer) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(signer) };
}
