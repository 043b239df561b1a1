//! Error objects: a code, a sentence, and where it applies a place.

use std::ffi::{CString, c_char};
use std::ptr;

use apiseal::{Code, Error};

use crate::boundary::{self, get};

/// 0, or one of the codes APISEAL_E_…, which are for ever. docs/errors.md explains each.
pub type apiseal_status = u32;

/// What went wrong and where. It holds no text of a document beyond member names in the path, and no secret.
pub struct apiseal_error {
    code: u32,
    http_status: u16,
    message: CString,
    name: CString,
    path: Option<CString>,
    key_id: Option<CString>,
    offset: Option<u64>,
}

/// A failure on its way to the caller.
pub(crate) enum Fault {
    Library(Error),
    Boundary(Code, String),
}

impl Fault {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Fault::Boundary(code, detail.into())
    }

    pub(crate) fn status(&self) -> apiseal_status {
        match self {
            Fault::Library(error) => error.code().number(),
            Fault::Boundary(code, _) => code.number(),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Library(error)
    }
}

impl From<Fault> for apiseal_error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Library(error) => apiseal_error::of(&error),
            Fault::Boundary(code, detail) => apiseal_error {
                message: text(&format!("{}: {detail}", code.sentence())),
                ..apiseal_error::of(&Error::from(code))
            },
        }
    }
}

impl apiseal_error {
    pub(crate) fn of(error: &Error) -> Self {
        apiseal_error {
            code: error.code().number(),
            http_status: error.http_status(),
            message: text(&error.to_string()),
            name: text(error.code().name()),
            path: error.path().map(text),
            key_id: error.key_id().map(text),
            offset: error.offset(),
        }
    }
}

/// Texts of the library hold no NUL; if one ever did, it would be cut there.
fn text(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// Frees an error; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_free(error: *mut apiseal_error) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(error) };
}

/// The code; 0 if the error is NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_error_code(error: *const apiseal_error) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    get(0, || unsafe { error.as_ref() }.map(|error| error.code))
}

/// Name of the code, for example "NoMatch"; never NULL but for a NULL error. The text lives as long as the error.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_name(error: *const apiseal_error) -> *const c_char {
    // SAFETY: the caller keeps the promise above.
    get(ptr::null(), || unsafe { error.as_ref() }.map(|error| error.name.as_ptr()))
}

/// One sentence for a log: what is wrong, where, and what to change. Never for a peer. The text lives as long as the
/// error.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_message(error: *const apiseal_error) -> *const c_char {
    // SAFETY: the caller keeps the promise above.
    get(ptr::null(), || unsafe { error.as_ref() }.map(|error| error.message.as_ptr()))
}

/// Normalized path (RFC 9535) of the value concerned, or NULL. The text lives as long as the error.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_path(error: *const apiseal_error) -> *const c_char {
    // SAFETY: the caller keeps the promise above.
    get(ptr::null(), || unsafe { error.as_ref() }?.path.as_ref().map(|path| path.as_ptr()))
}

/// Id of the key concerned, or NULL. The text lives as long as the error.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_key_id(error: *const apiseal_error) -> *const c_char {
    // SAFETY: the caller keeps the promise above.
    get(ptr::null(), || unsafe { error.as_ref() }?.key_id.as_ref().map(|key_id| key_id.as_ptr()))
}

/// Byte offset into the text that was given, or UINT64_MAX if there is none.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_offset(error: *const apiseal_error) -> u64 {
    // SAFETY: the caller keeps the promise above.
    get(u64::MAX, || unsafe { error.as_ref() }?.offset)
}

/// What to answer a peer whose message was refused: 401 and nothing more, 503 where the replay store cannot decide, 500
/// where the service itself failed. 0 if the error is NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_error_http_status(error: *const apiseal_error) -> u16 {
    // SAFETY: the caller keeps the promise above.
    get(0, || unsafe { error.as_ref() }.map(|error| error.http_status))
}
