//! Both jobs in one: encrypt fields, then sign; and verify, then decrypt.

use std::ffi::c_void;

use apiseal::{Acceptor, Code, Context, Protected, Protector, Verified};

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::cipher::apiseal_cipher;
use crate::context::{self, apiseal_pair};
use crate::error::{Fault, apiseal_error, apiseal_status};
use crate::message::{Parts, apiseal_header, apiseal_message};
use crate::signer::{apiseal_signed, apiseal_signer};
use crate::verified::apiseal_verified;
use crate::verifier::apiseal_verifier;

/// Encrypts the fields of messages and signs them. Immutable, shared by reference. The clock is that of the cipher.
pub struct apiseal_protector(Protector);

/// Verifies messages and decrypts their fields. Immutable, shared by reference. The clock is that of the cipher.
pub struct apiseal_acceptor(Acceptor);

/// What goes out in the place of the clear message.
pub struct apiseal_protected(Protected);

/// Makes the context of what was proved, before anything is decrypted: writes at most `capacity` pairs to `into` and gives
/// their number; 0 refuses the message. What the pairs point to must live until the call that asked returns.
pub type apiseal_make_context = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        verified: *const apiseal_verified,
        into: *mut apiseal_pair,
        capacity: usize,
    ) -> usize,
>;

/// A protector of a cipher and a signer, which stay the caller's. The signer's profile must demand a digest, a nonce and
/// responses that are bound by it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_protector_new(
    cipher: *const apiseal_cipher,
    signer: *const apiseal_signer,
    out: *mut *mut apiseal_protector,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (cipher, signer) = (boundary::object(cipher, "cipher")?, boundary::object(signer, "signer")?);
            out.give(apiseal_protector(Protector::new(cipher.0.clone(), signer.0.0.clone())?));
            Ok(())
        })
    }
}

/// An acceptor of a cipher and a verifier, which stay the caller's. The verifier's profile must demand a digest, a nonce
/// and responses that are bound by it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_acceptor_new(
    cipher: *const apiseal_cipher,
    verifier: *const apiseal_verifier,
    out: *mut *mut apiseal_acceptor,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (cipher, verifier) =
                (boundary::object(cipher, "cipher")?, boundary::object(verifier, "verifier")?);
            out.give(apiseal_acceptor(Acceptor::new(cipher.0.clone(), verifier.0.0.clone())?));
            Ok(())
        })
    }
}

/// Encrypts the fields of a request and signs the result. The principal of the signing key and the direction are added to
/// the context.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_protect(
    protector: *const apiseal_protector,
    message: *const apiseal_message,
    context: *const apiseal_pair,
    context_len: usize,
    out: *mut *mut apiseal_protected,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (protector, parts) = (boundary::object(protector, "protector")?, Parts::read(message)?);
            let context = context::context(context, context_len)?;
            out.give(apiseal_protected(protector.0.protect(&parts.message(), &context)?));
            Ok(())
        })
    }
}

/// The same for the one final response to a verified request.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_protect_response(
    protector: *const apiseal_protector,
    message: *const apiseal_message,
    request: *const apiseal_verified,
    context: *const apiseal_pair,
    context_len: usize,
    out: *mut *mut apiseal_protected,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (protector, parts) = (boundary::object(protector, "protector")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            let context = context::context(context, context_len)?;
            out.give(apiseal_protected(protector.0.protect_response(
                &parts.message(),
                &request.0,
                &context,
            )?));
            Ok(())
        })
    }
}

/// The content to be sent, byte for byte: whoever parses and prints it again breaks the digest. It lives as long as the
/// object.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protected_body(protected: *const apiseal_protected) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe { Some(apiseal_bytes::of(protected.as_ref()?.0.body())) })
}

/// Writes at most `capacity` header lines that belong to it to `into`, and gives their number: at most 5. "content-length",
/// which is there if the clear message has it, takes the place of that line. They live as long as the object.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protected_headers(
    protected: *const apiseal_protected,
    into: *mut apiseal_header,
    capacity: usize,
) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe {
        let protected = protected.as_ref()?;
        Some(crate::message::write_lines(protected.0.headers(), into, capacity))
    })
}

/// The signature, to verify the response by. It belongs to the object: do not free it.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protected_signed(
    protected: *const apiseal_protected,
) -> *const apiseal_signed {
    // SAFETY: the caller keeps the promise above.
    boundary::get(std::ptr::null(), || unsafe {
        // `apiseal_signed` is transparent.
        Some(std::ptr::from_ref(protected.as_ref()?.0.signed()).cast())
    })
}

/// # Safety
/// The pairs are valid.
unsafe fn stated(
    pairs: *const apiseal_pair,
    len: usize,
) -> Answer<impl FnOnce(&Verified<'_>) -> apiseal::Result<Context>> {
    // SAFETY: as promised.
    let context = unsafe { context::context(pairs, len) }?;
    Ok(move |_: &Verified<'_>| Ok(context))
}

/// # Safety
/// `make` and `data` belong together.
unsafe fn made(
    make: apiseal_make_context,
    data: *mut c_void,
) -> Answer<impl FnOnce(&Verified<'_>) -> apiseal::Result<Context>> {
    let missing = || Fault::new(Code::InvalidArgument, "the function that makes the context is NULL");
    let make = make.ok_or_else(missing)?;
    Ok(move |verified: &Verified<'_>| {
        let none = apiseal_pair { name: apiseal_bytes::EMPTY, value: apiseal_bytes::EMPTY };
        let mut pairs = [none; Context::MAX_PAIRS];
        // `apiseal_verified` is transparent, and lifetimes change no layout.
        let verified = std::ptr::from_ref(verified).cast();
        // SAFETY: the caller gave the two together; all arguments live through the call.
        let len = unsafe { make(data, verified, pairs.as_mut_ptr(), pairs.len()) };
        let pairs = pairs.get(..len).ok_or(Code::ContextTooLong)?;
        // SAFETY: the caller promises that what it wrote lives until the end.
        let context = unsafe { context::context(pairs.as_ptr(), pairs.len()) };
        context.map_err(|fault| match fault {
            Fault::Library(error) => error,
            Fault::Boundary(code, _) => code.into(),
        })
    })
}

/// Hands over what was accepted.
fn give(
    accepted: apiseal::Accepted<'_>,
    document: Place<apiseal_buffer>,
    verified: Place<*mut apiseal_verified>,
) {
    let (verdict, opened) = accepted.into_parts();
    document.give_secret(opened.into_unprotected());
    verified.give(apiseal_verified(verdict.detached()));
}

/// Verifies a request, claims its nonce, and only then decrypts its fields. The principal of the key that signed and the
/// direction are added to the context. `document` is the content as it was before it was protected.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_accept(
    acceptor: *const apiseal_acceptor,
    message: *const apiseal_message,
    context: *const apiseal_pair,
    context_len: usize,
    document: *mut apiseal_buffer,
    verified: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (document, verified) = (Place::buffer(document)?, Place::object(verified)?);
            let (acceptor, parts) = (boundary::object(acceptor, "acceptor")?, Parts::read(message)?);
            let accepted = acceptor.0.accept(&parts.message(), stated(context, context_len)?)?;
            give(accepted, document, verified);
            Ok(())
        })
    }
}

/// The same with a context that `make` makes of what was proved.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_accept_with(
    acceptor: *const apiseal_acceptor,
    message: *const apiseal_message,
    make: apiseal_make_context,
    data: *mut c_void,
    document: *mut apiseal_buffer,
    verified: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (document, verified) = (Place::buffer(document)?, Place::object(verified)?);
            let (acceptor, parts) = (boundary::object(acceptor, "acceptor")?, Parts::read(message)?);
            let accepted = acceptor.0.accept(&parts.message(), made(make, data)?)?;
            give(accepted, document, verified);
            Ok(())
        })
    }
}

/// The same for the response to a request that was signed here, once for each.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_accept_response(
    acceptor: *const apiseal_acceptor,
    message: *const apiseal_message,
    request: *const apiseal_signed,
    context: *const apiseal_pair,
    context_len: usize,
    document: *mut apiseal_buffer,
    verified: *mut *mut apiseal_verified,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (document, verified) = (Place::buffer(document)?, Place::object(verified)?);
            let (acceptor, parts) = (boundary::object(acceptor, "acceptor")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            let accepted =
                acceptor.0.accept_response(&parts.message(), &request.0, stated(context, context_len)?)?;
            give(accepted, document, verified);
            Ok(())
        })
    }
}

/// Another reference to the same protector, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protector_clone(
    protector: *const apiseal_protector,
) -> *mut apiseal_protector {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(protector, |protector| apiseal_protector(protector.0.clone())) }
}

/// Frees a protector; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protector_free(protector: *mut apiseal_protector) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(protector) };
}

/// Another reference to the same acceptor, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_acceptor_clone(acceptor: *const apiseal_acceptor) -> *mut apiseal_acceptor {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(acceptor, |acceptor| apiseal_acceptor(acceptor.0.clone())) }
}

/// Frees an acceptor; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_acceptor_free(acceptor: *mut apiseal_acceptor) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(acceptor) };
}

/// Frees a protected message; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_protected_free(protected: *mut apiseal_protected) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(protected) };
}
