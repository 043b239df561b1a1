//! What can be told of documents and policies: places, encrypted values, reasons, advice.

use std::ffi::c_void;

use apiseal::{Context, Limits};

use crate::boundary::{self, Answer, Place};
use crate::bytes::apiseal_bytes;
use crate::cipher::apiseal_cipher;
use crate::context::{self, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};
use crate::list::{self, Owner, Texts, apiseal_texts, list};
use crate::options::apiseal_limits;
use crate::policy::apiseal_policy;

/// Where a value stands.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_location {
    /// Normalized path.
    pub path: apiseal_bytes,
    /// Byte offset of the first byte of the value.
    pub start: usize,
    /// Byte offset behind the last one.
    pub end: usize,
}

/// Places in a document, in document order.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_locations {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_location,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_locations of apiseal_location);

/// Frees the places with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_locations_free(list: *mut apiseal_locations) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

/// # Safety
/// `limits` is NULL or valid for reads.
unsafe fn limits_of(limits: *const apiseal_limits) -> Limits {
    // SAFETY: as promised.
    unsafe { limits.as_ref() }.map(apiseal_limits::get).unwrap_or_default()
}

/// Finds values by a JSONPath query (RFC 9535). `limits` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_locate(
    document: apiseal_bytes,
    query: apiseal_bytes,
    limits: *const apiseal_limits,
    out: *mut apiseal_locations,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let (document, query) = (document.get("document")?, query.text("query")?);
            let mut texts = Texts::default();
            let one = |found: apiseal::Location| apiseal_location {
                path: texts.keep(found.path),
                start: found.start,
                end: found.end,
            };
            let items = apiseal::locate(document, query, &limits_of(limits))?.into_iter().map(one).collect();
            out.give_list(Owner::new(items, texts));
            Ok(())
        })
    }
}

/// An encrypted value or a header.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_sighting {
    /// Normalized path.
    pub path: apiseal_bytes,
    /// Byte offset of its first byte.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    /// "token", "field" or "header".
    pub part: apiseal_bytes,
    /// Id of the key; `data` is NULL where the string does not tell it.
    pub key_id: apiseal_bytes,
    /// Suite; `data` is NULL where the string does not tell it.
    pub suite: apiseal_bytes,
    /// Position mode; `data` is NULL where the string does not tell it.
    pub mode: apiseal_bytes,
    /// Characters of the string.
    pub token_len: usize,
    /// It opened under the keys and the context at hand.
    pub authenticated: bool,
}

/// Encrypted values in document order.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_sightings {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_sighting,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_sightings of apiseal_sighting);

/// Frees them with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_sightings_free(list: *mut apiseal_sightings) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

fn sightings(found: Vec<apiseal::Sighting>) -> Owner<apiseal_sighting> {
    let mut texts = Texts::default();
    let one = |own: apiseal::Sighting| apiseal_sighting {
        path: texts.keep(own.path),
        start: own.start,
        end: own.end,
        part: apiseal_bytes::of(own.part.name().as_bytes()),
        key_id: texts.optional(own.kid.map(|kid| kid.as_str().to_owned())),
        suite: apiseal_bytes::of_text(own.suite.map(|suite| suite.name())),
        mode: apiseal_bytes::of_text(own.mode),
        token_len: own.len,
        authenticated: own.authenticated,
    };
    let items = found.into_iter().map(one).collect();
    Owner::new(items, texts)
}

/// Lists what is encrypted and under which key, without a key: a census, no proof. `limits` may be NULL.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_inspect(
    document: apiseal_bytes,
    limits: *const apiseal_limits,
    out: *mut apiseal_sightings,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            out.give_list(sightings(apiseal::inspect(document.get("document")?, &limits_of(limits))?));
            Ok(())
        })
    }
}

/// As apiseal_inspect(), and tells of each whether it opens under this cipher and context.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_cipher_inspect(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_sightings,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            out.give_list(sightings(cipher.0.inspect(document.get("document")?, &context)?));
            Ok(())
        })
    }
}

/// How far one position, or a document of layout "document" as a whole, came.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_finding {
    /// Normalized path; `data` is NULL for the document as a whole.
    pub path: apiseal_bytes,
    /// The key that the string names; `data` is NULL if it names none.
    pub key_id: apiseal_bytes,
    /// "syntax", "key", "commitment", "set", "ciphertext" or "opens".
    pub stage: apiseal_bytes,
    /// What stopped it, where that is public; else 0.
    pub fault: apiseal_status,
    /// Which of the candidate contexts it commits to, from 0; SIZE_MAX if none.
    pub candidate: usize,
}

/// What a diagnosis found. It holds no plaintext.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_findings {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_finding,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_findings of apiseal_finding);

/// Frees the findings with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_findings_free(list: *mut apiseal_findings) {
    // SAFETY: the caller keeps the promise above.
    unsafe { list::free(list) };
}

/// A context to be tried.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_candidate {
    /// Its pairs.
    pub pairs: *const apiseal_pair,
    /// How many.
    pub len: usize,
}

/// Tells the local caller why a document is refused: which position, at which step, and whether it belongs to one of at most
/// 64 candidate contexts. Never for a peer.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_diagnose(
    cipher: *const apiseal_cipher,
    context: *const apiseal_pair,
    context_len: usize,
    candidates: *const apiseal_candidate,
    candidates_len: usize,
    document: apiseal_bytes,
    out: *mut apiseal_findings,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let cipher = boundary::object(cipher, "cipher")?;
            let context = context::context(context, context_len)?;
            let candidates = boundary::array(candidates, candidates_len, "candidates")?;
            let candidates: Vec<Context> =
                candidates.iter().map(|own| context::context(own.pairs, own.len)).collect::<Answer<_>>()?;
            let diagnosis = cipher.0.diagnose(document.get("document")?, &context, &candidates)?;
            let mut texts = Texts::default();
            let one = |own: apiseal::Finding| apiseal_finding {
                path: texts.optional(own.path),
                key_id: texts.optional(own.key_id),
                stage: apiseal_bytes::of(own.stage.name().as_bytes()),
                fault: own.fault.map_or(0, |fault| fault.code().number()),
                candidate: own.candidate.unwrap_or(usize::MAX),
            };
            let items = diagnosis.findings.into_iter().map(one).collect();
            out.give_list(Owner::new(items, texts));
            Ok(())
        })
    }
}

/// Explains, in sentences for a person, what each rule of a policy does to a sample document and which values that look
/// sensitive stay in clear. An empty `sample` stands for none.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_policy_lint(
    policy: *const apiseal_policy,
    sample: apiseal_bytes,
    out: *mut apiseal_texts,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::list(out)?;
            let policy = boundary::object(policy, "policy")?;
            let sample = sample.get("sample")?;
            let lint = policy.0.lint(Some(sample).filter(|sample| !sample.is_empty()), &Limits::default())?;
            out.give_list(list::texts(sentences(&lint)));
            Ok(())
        })
    }
}

fn sentences(lint: &apiseal::Lint) -> Vec<String> {
    let mut sentences = Vec::new();
    for rule in &lint.rules {
        sentences.extend(rule.encrypts.iter().map(|path| format!("{}: encrypts {path}", rule.path)));
        sentences.extend(rule.notes.iter().map(|note| format!("{}: {note}", rule.path)));
    }
    sentences.extend(lint.notes.iter().cloned());
    sentences.extend(lint.clear.iter().map(|(path, why)| format!("{path} stays in clear: {why}")));
    sentences
}
