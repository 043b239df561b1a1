//! Encryption and decryption of whole documents.

use apiseal::{Decrypted, FieldCipher};

use crate::boundary::{self, Place};
use crate::bytes::{Held, apiseal_buffer, apiseal_bytes};
use crate::context::{self, apiseal_context, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};
use crate::keyring::apiseal_keyring;
use crate::list::{self, apiseal_texts};
use crate::options::{Options, apiseal_options};
use crate::policy::apiseal_policy;

/// Encrypts and decrypts under one policy. Immutable, shared by reference, used by any number of threads at once.
pub struct apiseal_cipher(pub(crate) FieldCipher);

/// A cipher of a ring and a policy, which stay the caller's. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_cipher_new(
    ring: *const apiseal_keyring,
    policy: *const apiseal_policy,
    options: *const apiseal_options,
    out: *mut *mut apiseal_cipher,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let options = Options::take(options);
            let out = Place::object(out)?;
            let (ring, policy) = (boundary::object(ring, "ring")?, boundary::object(policy, "policy")?);
            let mut builder = FieldCipher::builder(ring.0.clone(), policy.0.clone())
                .clock(options.clock)
                .limits(options.limits)
                .hedged_salts(options.hedged_salts);
            if let Some(audit) = options.audit {
                builder = builder.audit(audit);
            }
            out.give(apiseal_cipher(builder.build()?));
            Ok(())
        })
    }
}

/// Encrypts what the policy selects. All other bytes stay as they are.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_encrypt(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            out.give_public(cipher.0.encrypt(document.get("document")?, &context)?);
            Ok(())
        })
    }
}

/// Decrypts what the policy selects, all or nothing. The bytes are those that were encrypted.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_decrypt(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let opened = cipher.0.decrypt(document.get("document")?, &context)?;
            out.give_secret(opened.into_unprotected());
            Ok(())
        })
    }
}

/// As apiseal_encrypt(), for many documents: under a context that was made once, into a buffer whose memory is used again.
/// `buffer` must be empty, which `{0}` is, or hold an earlier result, which is lost. A failure leaves it empty. A document that
/// lies in the buffer is refused, and stays as it is.
///
/// # Safety
/// Each pointer is NULL or valid for its type; the buffer is empty or came from this library.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_encrypt_into(
    cipher: *const apiseal_cipher,
    context: *const apiseal_context,
    document: apiseal_bytes,
    buffer: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (out, mut memory) = Place::used_again(buffer, Held::Public, document)?;
            let (cipher, context) =
                (boundary::object(cipher, "cipher")?, boundary::object(context, "context")?);
            cipher.0.encrypt_into(document.get("document")?, &context.0, &mut memory)?;
            out.give_public(memory);
            Ok(())
        })
    }
}

/// As apiseal_decrypt(), for many documents: under a context that was made once, into a buffer whose memory is used again.
/// `buffer` must be empty, which `{0}` is, or hold an earlier result, which is lost. A failure leaves it empty. A document that
/// lies in the buffer is refused, and stays as it is. What the buffer held before may stay in its memory until that is freed.
///
/// # Safety
/// Each pointer is NULL or valid for its type; the buffer is empty or came from this library.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_decrypt_into(
    cipher: *const apiseal_cipher,
    context: *const apiseal_context,
    document: apiseal_bytes,
    buffer: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (out, memory) = Place::used_again(buffer, Held::Secret, document)?;
            let mut opened = Decrypted::in_memory_of(memory);
            let (cipher, context) =
                (boundary::object(cipher, "cipher")?, boundary::object(context, "context")?);
            cipher.0.decrypt_into(document.get("document")?, &context.0, &mut opened)?;
            out.give_secret(opened.into_unprotected());
            Ok(())
        })
    }
}

/// As apiseal_decrypt(), and tells the paths of clear values that a rule's `migrate` let through: these were not
/// authenticated.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_decrypt_migrating(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_buffer,
    accepted_plain: *mut apiseal_texts,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (out, accepted) = (Place::buffer(out)?, Place::list(accepted_plain)?);
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let opened = cipher.0.decrypt(document.get("document")?, &context)?;
            accepted.give_list(list::texts(opened.accepted_plain().iter().map(|path| path.as_bytes())));
            out.give_secret(opened.into_unprotected());
            Ok(())
        })
    }
}

/// Another reference to the same cipher, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_cipher_clone(cipher: *const apiseal_cipher) -> *mut apiseal_cipher {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(cipher, |cipher| apiseal_cipher(cipher.0.clone())) }
}

/// Frees a cipher; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_cipher_free(cipher: *mut apiseal_cipher) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(cipher) };
}
