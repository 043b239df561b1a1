//! The context of an encryption: pairs that are stated on every call.

use apiseal::Context;

use crate::boundary::{self, Answer, Place};
use crate::bytes::apiseal_bytes;
use crate::error::{apiseal_error, apiseal_status};

/// A name and a value, UTF-8 each. A context has 1 to 32 pairs; encryption and decryption demand the name "purpose".
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_pair {
    /// 1 to 1024 bytes.
    pub name: apiseal_bytes,
    /// At most 1024 bytes.
    pub value: apiseal_bytes,
}

/// A context that is made once and used many times. Immutable.
pub struct apiseal_context(pub(crate) Context);

/// Makes a context of names and values, which are copied.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_context_new(
    pairs: *const apiseal_pair,
    pairs_len: usize,
    out: *mut *mut apiseal_context,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            out.give(apiseal_context(context(pairs, pairs_len)?));
            Ok(())
        })
    }
}

/// A copy of a context, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_context_clone(context: *const apiseal_context) -> *mut apiseal_context {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(context, |context| apiseal_context(context.0.clone())) }
}

/// Frees a context; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_context_free(context: *mut apiseal_context) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(context) };
}

impl apiseal_pair {
    /// # Safety
    /// Name and value hold valid bytes during `'a`.
    unsafe fn texts<'a>(&self, name: &str) -> Answer<(&'a str, &'a str)> {
        // SAFETY: as promised.
        unsafe { Ok((self.name.text(name)?, self.value.text(name)?)) }
    }
}

/// Reads names and values.
///
/// # Safety
/// `pairs` is NULL or valid for reads of `len` pairs, and each holds valid bytes.
pub(crate) unsafe fn pairs<'a>(
    pairs: *const apiseal_pair,
    len: usize,
    name: &str,
) -> Answer<Vec<(&'a str, &'a str)>> {
    // SAFETY: as promised.
    let pairs = unsafe { boundary::array(pairs, len, name) }?;
    // SAFETY: as promised.
    pairs.iter().map(|pair| unsafe { pair.texts(name) }).collect()
}

/// Reads a context, without a list in between: this runs on every call.
///
/// # Safety
/// As [`pairs`].
pub(crate) unsafe fn context(items: *const apiseal_pair, len: usize) -> Answer<Context> {
    // SAFETY: as promised.
    let items = unsafe { boundary::array(items, len, "context") }?;
    let mut fault = None;
    let pairs = items.iter().map_while(|pair| {
        // SAFETY: as promised.
        let texts = unsafe { pair.texts("context") };
        texts.map_err(|error| fault = Some(error)).ok()
    });
    let context = Context::from_pairs(pairs);
    fault.map_or(Ok(()), Err)?;
    if context.is_err() {
        // What is no text at all is told first, wherever it stands.
        // SAFETY: as promised.
        items.iter().try_for_each(|pair| unsafe { pair.texts("context") }.map(drop))?;
    }
    Ok(context?)
}
