//! Verification of content that arrives in pieces, which the caller keeps until the end.

use std::io::{Sink, sink};
use std::sync::Arc;

use apiseal::{Clock, Code, Spool};

use crate::boundary::{self, Place};
use crate::bytes::apiseal_bytes;
use crate::error::{Fault, apiseal_error, apiseal_status};
use crate::message::{Parts, apiseal_message};
use crate::verified::apiseal_verified;
use crate::verifier::apiseal_verifier;

/// Content on its way. For one thread at a time.
pub struct apiseal_spool(Spool<Sink>, Arc<dyn Clock>);

/// Verifies the head of a request. The content follows by apiseal_spool_write(): keep it where nobody reads it until
/// apiseal_spool_finish() gives its verdict. Nothing is claimed before. `message` has no body.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_spool_begin(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    out: *mut *mut apiseal_spool,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let spool = verifier.0.0.spool(&parts.message(), sink(), &verifier.0.1)?;
            out.give(apiseal_spool(spool, verifier.0.1.clone()));
            Ok(())
        })
    }
}

/// Takes the next piece of the content, as it was received.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_spool_write(
    spool: *mut apiseal_spool,
    piece: apiseal_bytes,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let none = || Fault::new(Code::InvalidArgument, "`spool` is NULL");
            let spool = spool.as_mut().ok_or_else(none)?;
            Ok(spool.0.write(piece.get("piece")?)?)
        })
    }
}

/// Checks the digest and claims the nonce. The spool is freed, whatever comes of it; set your pointer to NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_spool_finish(
    spool: *mut apiseal_spool,
    out: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let spool = boundary::take(spool, "spool")?;
            let out = Place::object(out)?;
            let (verified, _) = spool.0.finish(&*spool.1)?;
            out.give(apiseal_verified(verified));
            Ok(())
        })
    }
}

/// Frees a spool that was not finished; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_spool_free(spool: *mut apiseal_spool) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(spool) };
}
