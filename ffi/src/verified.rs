//! What a verification proved.

use apiseal::{Proof, Verified};

use crate::boundary;
use crate::bytes::apiseal_bytes;
use crate::message::{apiseal_header, write_lines};

/// A message whose signature, freshness, digest and nonce hold. It holds what was covered, not the content, which stays
/// with the caller. Immutable, but for the note that it was answered.
// Spelled so, the header keeps it opaque.
#[cfg_attr(all(), repr(transparent))]
pub struct apiseal_verified(pub(crate) Verified<'static>);

impl apiseal_verified {
    /// One of its proofs: most profiles demand one signature.
    fn proof(&self, at: usize) -> Option<&Proof> {
        self.0.proofs().nth(at)
    }
}

/// Number of signatures that the profile demanded; the functions below take their place, from 0.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_len(verified: *const apiseal_verified) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(verified.as_ref()?.0.proofs().count()) })
}

/// Whether every byte of the content that was verified is covered by a digest that holds, or there was none. If not, nobody
/// vouches for it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_body_proved(verified: *const apiseal_verified) -> bool {
    // SAFETY: the caller keeps the promise above.
    boundary::get(false, || unsafe { Some(verified.as_ref()?.0.is_body_proved()) })
}

/// Id of the key in our ring. Like all texts here it lives as long as the verdict.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_key_id(
    verified: *const apiseal_verified,
    at: usize,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(verified.as_ref()?.proof(at)?.key_id().as_bytes()))
    })
}

/// Whose key it is; `data` is NULL if nobody's. That this principal may do what the message asks for is for the
/// application to check.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_principal(
    verified: *const apiseal_verified,
    at: usize,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(verified.as_ref()?.proof(at)?.principal()))
    })
}

/// The label of the signature, which carries no meaning.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_label(
    verified: *const apiseal_verified,
    at: usize,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(verified.as_ref()?.proof(at)?.label().as_bytes()))
    })
}

/// The tag; `data` is NULL if there is none.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_tag(verified: *const apiseal_verified, at: usize) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(verified.as_ref()?.proof(at)?.tag()))
    })
}

/// The nonce; `data` is NULL if there is none.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_nonce(
    verified: *const apiseal_verified,
    at: usize,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(verified.as_ref()?.proof(at)?.nonce()))
    })
}

/// The signature base, for a log that explains what was signed. It holds header values.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_base(
    verified: *const apiseal_verified,
    at: usize,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(verified.as_ref()?.proof(at)?.base()))
    })
}

/// When the signature was created, in Unix seconds.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_created(verified: *const apiseal_verified, at: usize) -> u64 {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(verified.as_ref()?.proof(at)?.created()) })
}

/// The value of a covered component: a name, for example "@method", or an identifier with parameters, for example
/// ""@query-param";name="id"". `data` is NULL if nobody vouches for it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_component(
    verified: *const apiseal_verified,
    at: usize,
    id: apiseal_bytes,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        let id = id.text("id").ok()?;
        let value = verified.as_ref()?.proof(at)?.component(id);
        // A component that is there and empty is not absent.
        Some(value.map_or(apiseal_bytes::EMPTY, |value| apiseal_bytes::of(value.as_bytes())))
    })
}

/// Writes at most `capacity` covered components with their values to `into`, and gives how many there are.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_components(
    verified: *const apiseal_verified,
    at: usize,
    into: *mut apiseal_header,
    capacity: usize,
) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe {
        let proof = verified.as_ref()?.proof(at)?;
        Some(write_lines(proof.components(), into, capacity))
    })
}

/// Writes at most `capacity` pairs of the key's context or scope to `into`, and gives how many there are.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_scope(
    verified: *const apiseal_verified,
    at: usize,
    into: *mut apiseal_header,
    capacity: usize,
) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe {
        let proof = verified.as_ref()?.proof(at)?;
        Some(write_lines(proof.scope(), into, capacity))
    })
}

/// Frees a verdict; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_verified_free(verified: *mut apiseal_verified) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(verified) };
}
