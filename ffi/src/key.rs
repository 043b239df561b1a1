//! Keys, one by one: made, imported, described.

use std::sync::Arc;

use apiseal::{Code, Direction, Key, KeyState, Kid, OsRandom, Purpose, Suite, SystemClock, new_kid};

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::context::{self, apiseal_pair};
use crate::error::{Fault, apiseal_error, apiseal_status};

/// A key with its secret. Immutable, shared by reference.
pub struct apiseal_key(pub(crate) Arc<Key>);

/// What is said of a key beside its secret. All zero leaves it as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_key_options {
    /// "active", "decrypt-only", "verify-only" or "disabled"; empty: as it is.
    pub state: apiseal_bytes,
    /// From when on it is used, in Unix seconds; 0: no limit.
    pub not_before: u64,
    /// From when on it is used no more, in Unix seconds; 0: no limit.
    pub expires: u64,
    /// Pairs that must stand in every context.
    pub scope: *const apiseal_pair,
    /// How many.
    pub scope_len: usize,
    /// Whose signatures it verifies; empty: nobody's.
    pub principal: apiseal_bytes,
    /// Profiles that it serves; empty: apiseal-v1.
    pub profiles: *const apiseal_bytes,
    /// How many.
    pub profiles_len: usize,
    /// "req" or "res" for keys that sign; else empty.
    pub direction: apiseal_bytes,
    /// How messages of a foreign peer call the key; empty: by its id.
    pub external_keyid: apiseal_bytes,
}

/// A value of one of the library's registries, by its name.
fn named<T>(name: &str, find: impl Fn(&str) -> Option<T>, what: &str) -> Answer<T> {
    find(name).ok_or_else(|| Fault::new(Code::InvalidArgument, format!("there is no such {what}")))
}

/// # Safety
/// The bytes are valid.
pub(crate) unsafe fn suite(name: apiseal_bytes) -> Answer<Suite> {
    // SAFETY: as promised.
    named(unsafe { name.text("suite") }?, Suite::from_name, "suite")
}

/// # Safety
/// The bytes are valid.
pub(crate) unsafe fn direction(name: apiseal_bytes) -> Answer<Direction> {
    // SAFETY: as promised.
    named(unsafe { name.text("direction") }?, Direction::from_name, "direction")
}

/// # Safety
/// The bytes are valid.
unsafe fn purpose(name: apiseal_bytes) -> Answer<Purpose> {
    // SAFETY: as promised.
    named(unsafe { name.text("purpose") }?, Purpose::from_name, "purpose")
}

/// # Safety
/// The bytes are valid.
unsafe fn kid(id: apiseal_bytes) -> Answer<Kid> {
    // SAFETY: as promised.
    match unsafe { id.optional("key_id") }? {
        Some(id) => Ok(Kid::parse(id)?),
        None => Ok(new_kid(&OsRandom)?),
    }
}

/// # Safety
/// The bytes are valid.
unsafe fn secret<'a>(bytes: apiseal_bytes) -> Answer<&'a [u8; 32]> {
    // SAFETY: as promised.
    let bytes = unsafe { bytes.get("secret") }?;
    bytes.try_into().map_err(|_| Fault::new(Code::InvalidArgument, "the secret must have 32 bytes"))
}

/// Makes a key with a random secret. `purpose` is "seal" or "sig"; `suite` "aes-256-gcm", "chacha20-poly1305" or
/// "hmac-sha256". An empty `key_id` gives a random one. For `scope`, state and validity see apiseal_key_with().
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_generate(
    key_id: apiseal_bytes,
    purpose_name: apiseal_bytes,
    suite_name: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, purpose, suite) = (kid(key_id)?, purpose(purpose_name)?, suite(suite_name)?);
            out.give(apiseal_key(Arc::new(Key::generate(kid, purpose, suite, &SystemClock, &OsRandom)?)));
            Ok(())
        })
    }
}

/// A key that is derived from the root for one context: the one that a partner or a service for one tenant holds. The
/// root must be in the ring as well.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_derived(
    key_id: apiseal_bytes,
    root: *const apiseal_key,
    context: *const apiseal_pair,
    context_len: usize,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let root = boundary::object(root, "root")?;
            let context = context::context(context, context_len)?;
            out.give(apiseal_key(Arc::new(Key::derived(kid(key_id)?, &root.0, context, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A root key with a secret of 32 bytes that came from elsewhere: random bytes, never a password.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_import(
    key_id: apiseal_bytes,
    purpose_name: apiseal_bytes,
    suite_name: apiseal_bytes,
    secret_bytes: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, purpose, suite) = (kid(key_id)?, purpose(purpose_name)?, suite(suite_name)?);
            let secret = secret(secret_bytes)?;
            out.give(apiseal_key(Arc::new(Key::import(kid, purpose, suite, secret, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A key for messages that is used as it is: an HMAC secret of 32 to 64 bytes, or the secret of an Ed25519 or ECDSA
/// key. It needs a direction (see apiseal_key_with()).
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_raw(
    key_id: apiseal_bytes,
    suite_name: apiseal_bytes,
    secret_bytes: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, suite) = (kid(key_id)?, suite(suite_name)?);
            let secret = secret_bytes.get("secret")?;
            out.give(apiseal_key(Arc::new(Key::raw(kid, suite, secret, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A public key that only verifies, as its raw bytes. It needs a direction (see apiseal_key_with()).
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_raw_public(
    key_id: apiseal_bytes,
    suite_name: apiseal_bytes,
    public_bytes: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, suite) = (kid(key_id)?, suite(suite_name)?);
            let public = public_bytes.get("public key")?;
            out.give(apiseal_key(Arc::new(Key::raw_public(kid, suite, public, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A public key in PEM (SubjectPublicKeyInfo).
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_from_pem(
    key_id: apiseal_bytes,
    suite_name: apiseal_bytes,
    pem: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, suite) = (kid(key_id)?, suite(suite_name)?);
            out.give(apiseal_key(Arc::new(Key::from_pem(kid, suite, pem.text("pem")?, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A public key as a JWK (RFC 7517).
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_from_jwk(
    key_id: apiseal_bytes,
    suite_name: apiseal_bytes,
    jwk: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, suite) = (kid(key_id)?, suite(suite_name)?);
            out.give(apiseal_key(Arc::new(Key::from_jwk(kid, suite, jwk.text("jwk")?, &SystemClock)?)));
            Ok(())
        })
    }
}

/// The public key of a JWK set whose "kid" is `external`; messages call it so.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_from_jwks(
    key_id: apiseal_bytes,
    suite_name: apiseal_bytes,
    jwks: apiseal_bytes,
    external: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, suite) = (kid(key_id)?, suite(suite_name)?);
            let (jwks, external) = (jwks.text("jwks")?, external.text("external")?);
            out.give(apiseal_key(Arc::new(Key::from_jwks(kid, suite, jwks, external, &SystemClock)?)));
            Ok(())
        })
    }
}

/// A key with a stated secret and no date of creation, for test vectors. Other keys are made by apiseal_key_import().
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_hazmat_key_from_secret(
    key_id: apiseal_bytes,
    purpose_name: apiseal_bytes,
    suite_name: apiseal_bytes,
    secret_bytes: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (kid, purpose, suite) = (kid(key_id)?, purpose(purpose_name)?, suite(suite_name)?);
            let secret = secret(secret_bytes)?;
            out.give(apiseal_key(Arc::new(Key::hazmat_from_secret(kid, purpose, suite, secret)?)));
            Ok(())
        })
    }
}

/// The same key with another state, validity, scope, principal, profiles, direction or external id.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_with(
    key: *const apiseal_key,
    options: *const apiseal_key_options,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let mut key = Key::clone(&boundary::object(key, "key")?.0);
            let options = boundary::object(options, "options")?;
            if let Some(state) = options.state.optional("state")? {
                key = key.with_state(named(state, KeyState::from_name, "state")?);
            }
            if options.not_before != 0 || options.expires != 0 {
                let some = |time: u64| Some(time).filter(|time| *time != 0);
                key = key.with_validity(some(options.not_before), some(options.expires));
            }
            if options.scope_len != 0 {
                key = key.with_scope(context::pairs(options.scope, options.scope_len, "scope")?);
            }
            if let Some(principal) = options.principal.optional("principal")? {
                key = key.with_principal(principal);
            }
            if options.profiles_len != 0 {
                let profiles = boundary::array(options.profiles, options.profiles_len, "profiles")?;
                let profiles: Vec<&str> =
                    profiles.iter().map(|profile| profile.text("profiles")).collect::<Answer<_>>()?;
                key = key.with_profiles(profiles);
            }
            if options.direction.len != 0 {
                key = key.with_direction(direction(options.direction)?);
            }
            if let Some(keyid) = options.external_keyid.optional("external_keyid")? {
                key = key.with_external_keyid(keyid);
            }
            out.give(apiseal_key(Arc::new(key)));
            Ok(())
        })
    }
}

/// Id of the key. It lives as long as the key.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_id(key: *const apiseal_key) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(key.as_ref()?.0.kid().as_str().as_bytes()))
    })
}

/// Purpose of the key: "seal", "sig", "sig-raw" and others. It lives for ever.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_purpose(key: *const apiseal_key) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(key.as_ref()?.0.purpose().name().as_bytes()))
    })
}

/// Suite or algorithm of the key. It lives for ever.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_suite(key: *const apiseal_key) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(key.as_ref()?.0.suite().name().as_bytes()))
    })
}

/// State of the key. It lives for ever.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_state(key: *const apiseal_key) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of(key.as_ref()?.0.state().name().as_bytes()))
    })
}

/// Principal of the key; `data` is NULL if it has none. It lives as long as the key.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_principal(key: *const apiseal_key) -> apiseal_bytes {
    // SAFETY: the caller keeps the promise above.
    boundary::get(apiseal_bytes::EMPTY, || unsafe {
        Some(apiseal_bytes::of_text(key.as_ref()?.0.principal()))
    })
}

/// When the key was made, in Unix seconds.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_created(key: *const apiseal_key) -> u64 {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(key.as_ref()?.0.created()) })
}

/// When the key ends, in Unix seconds; 0 if it does not.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_expires(key: *const apiseal_key) -> u64 {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { key.as_ref()?.0.expires() })
}

/// The public key as a JWK, for the peer.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_key_to_jwk(
    key: *const apiseal_key,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let key = boundary::object(key, "key")?;
            let none = || Fault::new(Code::InvalidArgument, "the key has no public part");
            out.give_public(key.0.to_jwk().ok_or_else(none)?.into_bytes());
            Ok(())
        })
    }
}

/// Another reference to the same key, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_clone(key: *const apiseal_key) -> *mut apiseal_key {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(key, |key| apiseal_key(key.0.clone())) }
}

/// Frees a key; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_key_free(key: *mut apiseal_key) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(key) };
}
