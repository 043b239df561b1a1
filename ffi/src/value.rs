//! Single values: a database column, a header.

use apiseal::{Bound, Padding, ValueCipher};

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::context::{self, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};
use crate::keyring::apiseal_keyring;
use crate::options::{Options, apiseal_options};

/// Encrypts single values under a label, for example "users.email". Immutable, shared by reference.
pub struct apiseal_value_cipher(ValueCipher);

/// A clear value beside a protected one, which must be the same on decryption: what identifies the row.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_bound {
    /// 1 to 1024 bytes.
    pub label: apiseal_bytes,
    /// The JSON text of the value, for example 42 or "a" with its quotes; with `is_text` the text itself.
    pub value: apiseal_bytes,
    /// `value` is a text as it is, not JSON.
    pub is_text: bool,
}

/// # Safety
/// `items` is NULL or valid for reads of `len` items with valid bytes.
unsafe fn bound<'a>(items: *const apiseal_bound, len: usize) -> Answer<Vec<Bound<'a>>> {
    // SAFETY: as promised.
    let items = unsafe { boundary::array(items, len, "bound") }?;
    let one = |own: &apiseal_bound| {
        // SAFETY: as promised.
        unsafe {
            let label = own.label.text("bound")?;
            Ok(match own.is_text {
                true => Bound::text(label, own.value.text("bound")?),
                false => Bound::json(label, own.value.get("bound")?),
            })
        }
    };
    items.iter().map(one).collect()
}

/// A cipher for a label of 1 to 1024 bytes. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_value_cipher_new(
    ring: *const apiseal_keyring,
    label: apiseal_bytes,
    options: *const apiseal_options,
    out: *mut *mut apiseal_value_cipher,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let options = Options::take(options);
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?;
            let mut builder = ValueCipher::builder(ring.0.clone(), label.text("label")?)?
                .clock(options.clock)
                .limits(options.limits)
                .hedged_salts(options.hedged_salts);
            if let Some(audit) = options.audit {
                builder = builder.audit(audit);
            }
            out.give(apiseal_value_cipher(builder.build()?));
            Ok(())
        })
    }
}

/// Encrypts a JSON value, given by its text, to a token.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_value_encrypt(
    cipher: *const apiseal_value_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    bound_values: *const apiseal_bound,
    bound_len: usize,
    value: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let bound = bound(bound_values, bound_len)?;
            out.give_public(cipher.0.encrypt(value.get("value")?, &bound, &context)?.into_bytes());
            Ok(())
        })
    }
}

/// Encrypts a text, given as it is, to a token.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_value_encrypt_text(
    cipher: *const apiseal_value_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    bound_values: *const apiseal_bound,
    bound_len: usize,
    text: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let bound = bound(bound_values, bound_len)?;
            out.give_public(cipher.0.encrypt_text(text.text("text")?, &bound, &context)?.into_bytes());
            Ok(())
        })
    }
}

/// Decrypts a token to the exact JSON text of the value.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_value_decrypt(
    cipher: *const apiseal_value_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    bound_values: *const apiseal_bound,
    bound_len: usize,
    token: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let bound = bound(bound_values, bound_len)?;
            out.give_secret(cipher.0.decrypt(token.text("token")?, &bound, &context)?.into_unprotected());
            Ok(())
        })
    }
}

/// Decrypts a token of a text to the text.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_value_decrypt_text(
    cipher: *const apiseal_value_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    bound_values: *const apiseal_bound,
    bound_len: usize,
    token: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let bound = bound(bound_values, bound_len)?;
            out.give_secret(
                cipher.0.decrypt_text(token.text("token")?, &bound, &context)?.into_unprotected(),
            );
            Ok(())
        })
    }
}

/// Most characters that the token of a value of `value_len` bytes has under the default padding, whatever the key id: the
/// size of a database column. Strings count with quotes and escapes.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_max_token_len(
    value_len: usize,
    out: *mut usize,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::new(out, 0)?;
            out.set(apiseal::max_token_len(Padding::Default, value_len)?);
            Ok(())
        })
    }
}

/// Another reference to the same cipher, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_value_cipher_clone(
    value_cipher: *const apiseal_value_cipher,
) -> *mut apiseal_value_cipher {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(value_cipher, |value_cipher| apiseal_value_cipher(value_cipher.0.clone())) }
}

/// Frees a cipher; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_value_cipher_free(value_cipher: *mut apiseal_value_cipher) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(value_cipher) };
}
