//! Documents of which not everything opens, or not everything is wanted.

use std::ffi::c_void;

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::cipher::apiseal_cipher;
use crate::context::{self, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};
use crate::list::{self, Owner, Texts, list};

/// One protected position.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_opened {
    /// Normalized path.
    pub path: apiseal_bytes,
    /// The exact JSON text of the value; `data` is NULL if it does not open.
    pub value: apiseal_bytes,
    /// 0, or why it does not open.
    pub failure: apiseal_status,
}

/// Protected positions in document order.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_opened_list {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_opened,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_opened_list of apiseal_opened);

/// Frees the positions with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_opened_list_free(list: *mut apiseal_opened_list) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

/// Tries every protected position. `is_bound` (may be NULL) tells whether the values were authenticated together with what
/// they are bound to.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_decrypt_lenient(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_opened_list,
    is_bound: *mut bool,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let lenient = cipher.0.decrypt_lenient(document.get("document")?, &context)?;
            if !is_bound.is_null() {
                is_bound.write(lenient.is_bound());
            }
            let mut texts = Texts::default();
            let one = |position: apiseal::LenientPosition| {
                let path = texts.keep(position.path);
                match position.value {
                    Ok(value) => {
                        apiseal_opened { path, value: texts.keep(value.into_unprotected()), failure: 0 }
                    }
                    Err(error) => {
                        apiseal_opened { path, value: apiseal_bytes::EMPTY, failure: error.code().number() }
                    }
                }
            };
            let items = lenient.positions.into_iter().map(one).collect();
            out.give_list(Owner::new(items, texts));
            Ok(())
        })
    }
}

/// Decrypts only the positions that these queries select; each query must select at least one. `document_out` gets the
/// document with these values in place; it cannot be decrypted further. `is_bound` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn apiseal_decrypt_partial(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    paths: *const apiseal_bytes,
    paths_len: usize,
    document: apiseal_bytes,
    document_out: *mut apiseal_buffer,
    out: *mut apiseal_opened_list,
    is_bound: *mut bool,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (document_out, out) = (Place::buffer(document_out)?, Place::list(out)?);
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let paths = boundary::array(paths, paths_len, "paths")?;
            let paths: Vec<&str> = paths.iter().map(|path| path.text("paths")).collect::<Answer<_>>()?;
            let partial = cipher.0.decrypt_partial(document.get("document")?, &paths, &context)?;
            if !is_bound.is_null() {
                is_bound.write(partial.is_bound());
            }
            document_out.give_secret(partial.document().to_vec());
            let mut texts = Texts::default();
            let one = |value: apiseal::PartialValue| apiseal_opened {
                path: texts.keep(value.path),
                value: texts.keep(value.value.into_unprotected()),
                failure: 0,
            };
            let items = partial.values.into_iter().map(one).collect();
            out.give_list(Owner::new(items, texts));
            Ok(())
        })
    }
}
