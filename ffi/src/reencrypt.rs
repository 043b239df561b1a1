//! Documents under another key, context or policy.

use apiseal::Reencryption;

use crate::boundary::{self, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::cipher::apiseal_cipher;
use crate::context::{self, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};

/// How a document is encrypted anew. All zero is the strict way.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_reencryption {
    /// Values that the new policy does not protect may stay in clear.
    pub leave_clear: bool,
    /// Values that were in clear may be encrypted.
    pub seal_clear: bool,
}

/// What a re-encryption did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_reencrypted {
    /// Number of values that were decrypted.
    pub opened: u64,
    /// How many of them stayed in clear.
    pub left_clear: u64,
}

/// Decrypts by one cipher and context and encrypts by another, in one step: nothing decrypted leaves but what `options`
/// allow. `options` and `report` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn apiseal_reencrypt(
    from: *const apiseal_cipher,
    from_context: *const apiseal_pair,
    from_context_len: usize,
    to: *const apiseal_cipher,
    to_context: *const apiseal_pair,
    to_context_len: usize,
    options: *const apiseal_reencryption,
    document: apiseal_bytes,
    out: *mut apiseal_buffer,
    report: *mut apiseal_reencrypted,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let (from, to) = (boundary::object(from, "from")?, boundary::object(to, "to")?);
            let from_context = context::context(from_context, from_context_len)?;
            let to_context = context::context(to_context, to_context_len)?;
            let mut work = Reencryption::new(from.0.clone(), to.0.clone());
            if let Some(options) = options.as_ref() {
                work = work.leave_clear(options.leave_clear).seal_clear(options.seal_clear);
            }
            let done = work.run(document.get("document")?, &from_context, &to_context)?;
            if !report.is_null() {
                report.write(apiseal_reencrypted { opened: done.opened, left_clear: done.left_clear });
            }
            out.give_secret(done.bytes);
            Ok(())
        })
    }
}
