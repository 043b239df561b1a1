//! Keyrings: sets of keys that are swapped as a whole.

use apiseal::{Key, Keyring, KeyringHandle, OsRandom, SystemClock};

use crate::boundary::{self, Answer, Place};
use crate::bytes::apiseal_bytes;
use crate::context::{self, apiseal_pair};
use crate::error::{apiseal_error, apiseal_status};
use crate::key::{self, apiseal_key};

/// A keyring. What it holds is replaced as a whole and only by apiseal_keyring_replace(); every cipher, signer and
/// verifier that was made with it uses the new keys from then on.
pub struct apiseal_keyring(pub(crate) KeyringHandle);

impl apiseal_keyring {
    pub(crate) fn of(ring: Keyring) -> Self {
        apiseal_keyring(KeyringHandle::new(ring))
    }
}

/// A key and whether it is the one for new encryptions or signatures of its purpose and scope.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_ring_entry {
    /// The key.
    pub key: *const apiseal_key,
    /// It is primary.
    pub primary: bool,
}

/// A ring with one random key for fields. `suite` is "aes-256-gcm" or "chacha20-poly1305".
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_generate(
    suite_name: apiseal_bytes,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let suite = key::suite(suite_name)?;
            out.give(apiseal_keyring::of(Keyring::generate(suite, &SystemClock, &OsRandom)?));
            Ok(())
        })
    }
}

/// A ring of these keys. `name` may be empty; `rev` is the number of its revision, 0 for a new ring.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_new(
    name: apiseal_bytes,
    rev: u64,
    entries: *const apiseal_ring_entry,
    entries_len: usize,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let mut builder = Keyring::builder();
            if let Some(name) = name.optional("name")? {
                builder = builder.name(name);
            }
            if rev != 0 {
                builder = builder.rev(rev);
            }
            for entry in boundary::array(entries, entries_len, "entries")? {
                let key = Key::clone(&boundary::object(entry.key, "key")?.0);
                builder = if entry.primary { builder.primary(key) } else { builder.key(key) };
            }
            out.give(apiseal_keyring::of(builder.build()?));
            Ok(())
        })
    }
}

/// A ring of the next revision, with one key more, which is not primary.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_with_key(
    ring: *const apiseal_keyring,
    key: *const apiseal_key,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            out.give(apiseal_keyring::of(ring.with_key(Key::clone(&boundary::object(key, "key")?.0))?));
            Ok(())
        })
    }
}

/// A ring of the next revision, in which this key is primary in the place of the one that was.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_promote(
    ring: *const apiseal_keyring,
    key_id: apiseal_bytes,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            out.give(apiseal_keyring::of(ring.promote(key_id.text("key_id")?, &SystemClock)?));
            Ok(())
        })
    }
}

/// A ring of the next revision, in which this key only decrypts or verifies.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_retire(
    ring: *const apiseal_keyring,
    key_id: apiseal_bytes,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            out.give(apiseal_keyring::of(ring.retire(key_id.text("key_id")?)?));
            Ok(())
        })
    }
}

/// A ring of the next revision, in which this key does nothing.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_disable(
    ring: *const apiseal_keyring,
    key_id: apiseal_bytes,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            out.give(apiseal_keyring::of(ring.disable(key_id.text("key_id")?)?));
            Ok(())
        })
    }
}

/// Gives the ring the keys of another one, which must not be of a lower revision. Calls that run go on with the old
/// keys; all that begin later use the new ones. `newer` stays the caller's.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_replace(
    ring: *const apiseal_keyring,
    newer: *const apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let (ring, newer) = (boundary::object(ring, "ring")?, boundary::object(newer, "newer")?);
            Ok(ring.0.replace(newer.0.current())?)
        })
    }
}

/// The key of one context, for a service or partner that shall hold nothing else.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_export_context(
    ring: *const apiseal_keyring,
    key_id: apiseal_bytes,
    context: *const apiseal_pair,
    context_len: usize,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            let context = context::context(context, context_len)?;
            out.give(apiseal_key(ring.export_context(key_id.text("key_id")?, &context)?.into()));
            Ok(())
        })
    }
}

/// The key of the fields in the messages of one principal and one direction ("req" or "res"), by itself: for a partner who is
/// to protect or accept them and to hold nothing else. The context is that of apiseal_protect().
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_export_message_context(
    ring: *const apiseal_keyring,
    key_id: apiseal_bytes,
    context: *const apiseal_pair,
    context_len: usize,
    principal: apiseal_bytes,
    direction: apiseal_bytes,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            let context = context::context(context, context_len)?;
            let (key_id, principal) = (key_id.text("key_id")?, principal.text("principal")?);
            let direction = key::direction(direction)?;
            out.give(apiseal_key(
                ring.export_message_context(key_id, &context, principal, direction)?.into(),
            ));
            Ok(())
        })
    }
}

/// One key of the ring, by its place from 0 to apiseal_keyring_len() - 1.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_key(
    ring: *const apiseal_keyring,
    at: usize,
    out: *mut *mut apiseal_key,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            out.give(apiseal_key(key_at(&ring, at)?.clone().into()));
            Ok(())
        })
    }
}

fn key_at(ring: &Keyring, at: usize) -> Answer<&Key> {
    let none = || crate::error::Fault::new(apiseal::Code::InvalidArgument, "the ring has fewer keys");
    ring.keys().nth(at).ok_or_else(none)
}

/// Number of keys.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_keyring_len(ring: *const apiseal_keyring) -> usize {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(ring.as_ref()?.0.current().keys().count()) })
}

/// Number of the revision.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_keyring_rev(ring: *const apiseal_keyring) -> u64 {
    // SAFETY: the caller keeps the promise above.
    boundary::get(0, || unsafe { Some(ring.as_ref()?.0.current().rev()) })
}

/// Another reference to the same ring, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_keyring_clone(keyring: *const apiseal_keyring) -> *mut apiseal_keyring {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(keyring, |keyring| apiseal_keyring(keyring.0.clone())) }
}

/// Frees a ring; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_keyring_free(keyring: *mut apiseal_keyring) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(keyring) };
}
