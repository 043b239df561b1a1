//! NDJSON: one document a line, with worker threads and constant memory.

use std::ffi::c_void;

use apiseal::{LineOptions, lines::Blocks};

use crate::boundary::{self, Place};
use crate::bytes::apiseal_bytes;
use crate::callbacks::apiseal_reader;
use crate::cipher::apiseal_cipher;
use crate::context::{self, apiseal_pair};
use crate::error::{Fault, apiseal_error, apiseal_status};
use crate::list::{self, Owner, Texts, list};

/// Lines on their way, read as they are pulled. For one thread at a time.
pub struct apiseal_lines(Blocks);

/// How lines are worked on. 0 stands for the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_line_options {
    /// Worker threads. Default 1: the thread that pulls does all the work.
    pub threads: usize,
    /// Bytes that a line may have without its end. Default 64 MiB.
    pub max_line: usize,
}

/// A line that failed, or a stretch of lines that did not.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_line {
    /// Lines that are done, with their line ends; empty for a line that failed.
    pub text: apiseal_bytes,
    /// Number in the source of the line that failed, from 1; else 0.
    pub number: u64,
    /// 0, or why the line failed.
    pub failure: apiseal_status,
    /// The error in words, without any data of the line; else empty.
    pub message: apiseal_bytes,
}

/// Results of many lines, in the order of the source.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_block {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_line,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_block of apiseal_line);

/// Frees them with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_block_free(list: *mut apiseal_block) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

/// # Safety
/// `options` is NULL or valid.
unsafe fn options_of(options: *const apiseal_line_options) -> LineOptions {
    let mut own = LineOptions::default();
    // SAFETY: as promised.
    if let Some(options) = unsafe { options.as_ref() } {
        if options.threads != 0 {
            own.threads = options.threads;
        }
        if options.max_line != 0 {
            own.max_line = options.max_line;
        }
    }
    own
}

/// Encrypts each line that `reader` gives. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_encrypt_lines(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    options: *const apiseal_line_options,
    reader: apiseal_reader,
    out: *mut *mut apiseal_lines,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let reader = reader.take();
            let out = Place::object(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let missing = || Fault::new(apiseal::Code::InvalidArgument, "the reader has no function");
            let blocks =
                cipher.0.encrypt_blocks(reader.ok_or_else(missing)?, &context, options_of(options))?;
            out.give(apiseal_lines(blocks));
            Ok(())
        })
    }
}

/// Decrypts each line that `reader` gives. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_decrypt_lines(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    options: *const apiseal_line_options,
    reader: apiseal_reader,
    out: *mut *mut apiseal_lines,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let reader = reader.take();
            let out = Place::object(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let missing = || Fault::new(apiseal::Code::InvalidArgument, "the reader has no function");
            let blocks =
                cipher.0.decrypt_blocks(reader.ok_or_else(missing)?, &context, options_of(options))?;
            out.give(apiseal_lines(blocks));
            Ok(())
        })
    }
}

/// The next results, which wait for the reader if they must; no items at the end. A line that fails does not stop the
/// others. APISEAL_E_CONTENT_SINK if the reader failed: that ends the lines.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_lines_next(
    lines: *mut apiseal_lines,
    out: *mut apiseal_block,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let none = || Fault::new(apiseal::Code::InvalidArgument, "`lines` is NULL");
            let lines = lines.as_mut().ok_or_else(none)?;
            for block in &mut lines.0 {
                let block =
                    block.map_err(|error| Fault::new(apiseal::Code::ContentSink, error.to_string()))?;
                let results = split(block);
                // A read that ended within the first line has none.
                if !results.is_empty() {
                    out.give_list(results);
                    return Ok(());
                }
            }
            Ok(())
        })
    }
}

/// The text stays where it is: the block belongs to the list.
fn split(block: apiseal::lines::Block) -> Owner<apiseal_line> {
    let (mut texts, mut items, mut from) = (Texts::default(), Vec::new(), 0);
    let line = |text: &[u8]| apiseal_line {
        text: apiseal_bytes::of(text),
        number: 0,
        failure: 0,
        message: apiseal_bytes::EMPTY,
    };
    let stretch = |from: usize, until: usize| block.text().get(from..until).unwrap_or_default();
    for failed in block.failed() {
        items.push(line(stretch(from, failed.at)));
        from = failed.at;
        items.push(apiseal_line {
            text: apiseal_bytes::EMPTY,
            number: failed.number,
            failure: failed.error.code().number(),
            message: texts.keep(failed.error.to_string()),
        });
    }
    items.push(line(stretch(from, block.text().len())));
    items.retain(|item| item.failure != 0 || item.text.len != 0);
    Owner::new(items, texts).holding(block)
}

/// Frees lines that were pulled to their end or not; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_lines_free(lines: *mut apiseal_lines) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(lines) };
}
