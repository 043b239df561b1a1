//! Why a message does not verify, for the owner of the keys.

use std::ffi::c_void;

use apiseal::{Clock, Effort, Explainer, Explanation};

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::error::{apiseal_error, apiseal_status};
use crate::list::{self, Owner, Texts, list};
use crate::message::{Parts, apiseal_message};
use crate::signer::apiseal_signed;
use crate::verified::apiseal_verified;
use crate::verifier::apiseal_verifier;

/// What was found. Immutable. It tells values of the message: never for the peer.
pub struct apiseal_explanation(Explanation);

/// A change that makes the message verify.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_change {
    /// What kind of change it is, for example "authority" or "header-merged".
    pub kind: apiseal_bytes,
    /// The component that was changed.
    pub component: apiseal_bytes,
    /// Its value when it was signed; `data` is NULL if it was not there or cannot be told.
    pub signed_value: apiseal_bytes,
    /// Its value as it was received; `data` is NULL if it is not there or cannot be told.
    pub received: apiseal_bytes,
    /// What to do about it, in words.
    pub remedy: apiseal_bytes,
}

/// Changes that make a message verify together, mostly one.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_changes {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_change,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_changes of apiseal_change);

/// Frees the changes with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_changes_free(list: *mut apiseal_changes) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

/// Undoes a content coding ("gzip", "deflate", "br"): writes at most `capacity` bytes to `into` and gives their number; a
/// negative number if it cannot, or if there would be more.
pub type apiseal_decode = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        coding: apiseal_bytes,
        content: apiseal_bytes,
        into: *mut u8,
        capacity: usize,
    ) -> isize,
>;

/// What an explanation may use. All zero: nothing but the message, and the usual budget. It lives for the call only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_explain_options {
    /// Authorities that clients may have used, for example "api.example".
    pub authorities: *const apiseal_bytes,
    /// How many.
    pub authorities_len: usize,
    /// Undoes content codings: the library has no decoder of its own. May be NULL.
    pub decode: apiseal_decode,
    /// Given to `decode`.
    pub data: *mut c_void,
    /// Signatures that may be checked; 0: 2000.
    pub verifications: u32,
    /// Bytes that may be built, read or hashed; 0: 32 MiB.
    pub bytes: u64,
    /// Bytes that `decode` may give; 0: 8 MiB.
    pub decoded: u64,
}

/// The caller's decoder.
struct Decode(
    unsafe extern "C" fn(*mut c_void, apiseal_bytes, apiseal_bytes, *mut u8, usize) -> isize,
    *mut c_void,
);

// SAFETY: the header demands of every callback that its `data` may be used by any thread, and by several at once.
unsafe impl Sync for Decode {}

impl Decode {
    fn run(&self, coding: &str, content: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut into = vec![0; most];
        let (coding, content) = (apiseal_bytes::of(coding.as_bytes()), apiseal_bytes::of(content));
        // SAFETY: the caller gave the two together; coding, content and room live through the call.
        let written = unsafe { (self.0)(self.1, coding, content, into.as_mut_ptr(), most) };
        into.truncate(usize::try_from(written).ok().filter(|len| *len <= most)?);
        Some(into)
    }
}

/// Explains with what the caller states.
///
/// # Safety
/// `options` is NULL or valid with all it points to.
unsafe fn explained(
    verifier: &apiseal_verifier,
    options: *const apiseal_explain_options,
    work: impl FnOnce(Explainer<'_>, &dyn Clock) -> Explanation,
) -> Answer<apiseal_explanation> {
    let (mut explainer, clock) = (verifier.0.0.explainer(), &verifier.0.1);
    // SAFETY: as promised.
    let Some(own) = (unsafe { options.as_ref() }) else {
        return Ok(apiseal_explanation(work(explainer, clock)));
    };
    // SAFETY: as promised.
    for authority in unsafe { boundary::array(own.authorities, own.authorities_len, "authorities") }? {
        // SAFETY: as promised.
        explainer = explainer.authority(unsafe { authority.text("authorities") }?);
    }
    let mut effort = Effort::default();
    if own.verifications != 0 {
        effort.verifications = own.verifications;
    }
    if own.bytes != 0 {
        effort.bytes = own.bytes;
    }
    if own.decoded != 0 {
        effort.decoded = own.decoded;
    }
    let explainer = explainer.effort(effort);
    Ok(apiseal_explanation(match own.decode.map(|decode| Decode(decode, own.data)) {
        None => work(explainer, clock),
        Some(decode) => {
            let decode = |coding: &str, content: &[u8], most: usize| decode.run(coding, content, most);
            work(explainer.decoder(&decode), clock)
        }
    }))
}

/// Finds the change, of those that are known to happen on the way, that makes a request verify. It tries nothing for an
/// unknown key, keeps to a budget, claims no nonce and changes no verdict. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_explain(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    options: *const apiseal_explain_options,
    out: *mut *mut apiseal_explanation,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            out.give(explained(verifier, options, |explainer, clock| {
                explainer.explain(&parts.message(), clock)
            })?);
            Ok(())
        })
    }
}

/// The same for the response to a request that was signed here. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_explain_response(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    request: *const apiseal_signed,
    options: *const apiseal_explain_options,
    out: *mut *mut apiseal_explanation,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            out.give(explained(verifier, options, |explainer, clock| {
                explainer.explain_response(&parts.message(), &request.0, clock)
            })?);
            Ok(())
        })
    }
}

/// The same for the response to a request that was verified as it was sent. `options` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_explain_response_to_verified(
    verifier: *const apiseal_verifier,
    message: *const apiseal_message,
    request: *const apiseal_verified,
    options: *const apiseal_explain_options,
    out: *mut *mut apiseal_explanation,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (verifier, parts) = (boundary::object(verifier, "verifier")?, Parts::read(message)?);
            let request = boundary::object(request, "request")?;
            out.give(explained(verifier, options, |explainer, clock| {
                explainer.explain_response(&parts.message(), &request.0, clock)
            })?);
            Ok(())
        })
    }
}

/// What was found and what to do, in a sentence or two.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_explanation_text(
    explanation: *const apiseal_explanation,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let explanation = boundary::object(explanation, "explanation")?;
            out.give_public(explanation.0.to_string().into_bytes());
            Ok(())
        })
    }
}

/// The changes; none if the message verifies as it is, or no known change makes it verify.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_explanation_changes(
    explanation: *const apiseal_explanation,
    out: *mut apiseal_changes,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let explanation = boundary::object(explanation, "explanation")?;
            let mut texts = Texts::default();
            let one = |change: &apiseal::Change| apiseal_change {
                kind: texts.keep(change.kind().name()),
                component: texts.keep(change.component()),
                signed_value: texts.optional(change.signed()),
                received: texts.optional(change.received()),
                remedy: texts.keep(change.remedy()),
            };
            let items = explanation.0.changes().iter().map(one).collect();
            out.give_list(Owner::new(items, texts));
            Ok(())
        })
    }
}

/// Whether the message verifies as it is, its nonce left aside.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_verifies(explanation: *const apiseal_explanation) -> bool {
    // SAFETY: the caller keeps the promise above.
    boundary::get(false, || unsafe { Some(explanation.as_ref()?.0.verifies()) })
}

/// Why the message does not verify; 0 if it does.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_code(explanation: *const apiseal_explanation) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(explanation.as_ref()?.0.error()?.code().number()) })
}

/// Why the message would not verify even with the changes; 0 if it would.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_remaining(
    explanation: *const apiseal_explanation,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(explanation.as_ref()?.0.remaining()?.code().number()) })
}

/// The signature base of the message as it was received; `data` is NULL if the signature was not looked at. It holds
/// header values, and lives as long as the explanation.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_base(explanation: *const apiseal_explanation) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(explanation.as_ref()?.0.base()))
    })
}

/// The signature base with the change; `data` is NULL if none was found. It lives as long as the explanation.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_signed_base(
    explanation: *const apiseal_explanation,
) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(explanation.as_ref()?.0.signed_base()))
    })
}

/// Frees an explanation; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_explanation_free(explanation: *mut apiseal_explanation) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(explanation) };
}
