//! Keyrings at rest: sealed under a passphrase or a wrapping key.

use std::path::Path;

use apiseal::{Code, KeyringFile, OsRandom, Wrap};

use crate::boundary::{self, Answer, Place};
use crate::bytes::{apiseal_buffer, apiseal_bytes};
use crate::error::{Fault, apiseal_error, apiseal_status};
use crate::keyring::apiseal_keyring;

/// What a keyring file is sealed under: a passphrase (Argon2id) or a wrapping key of 32 bytes, one of the two.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_wrap {
    /// A passphrase, not empty; or empty.
    pub passphrase: apiseal_bytes,
    /// 32 bytes; or empty.
    pub key: apiseal_bytes,
}

/// # Safety
/// `wrap` is NULL or valid, and so are its bytes.
unsafe fn wrap_of(wrap: *const apiseal_wrap) -> Answer<Wrap> {
    // SAFETY: as promised.
    let (passphrase, key) = unsafe {
        let wrap = boundary::object(wrap, "wrap")?;
        (wrap.passphrase.get("passphrase")?, wrap.key.get("key")?)
    };
    match (passphrase, key.try_into()) {
        ([_, ..], _) if key.is_empty() => Ok(Wrap::passphrase(passphrase)),
        ([], Ok(key)) => Ok(Wrap::raw(key)),
        _ => Err(Fault::new(Code::InvalidArgument, "a wrap is a passphrase or a key of 32 bytes")),
    }
}

/// # Safety
/// The bytes are valid.
unsafe fn path_of<'a>(path: apiseal_bytes) -> Answer<&'a Path> {
    // SAFETY: as promised.
    Ok(Path::new(unsafe { path.text("path") }?))
}

fn min_rev_of(min_rev: u64) -> Option<u64> {
    Some(min_rev).filter(|rev| *rev != 0)
}

/// Opens the bytes of a sealed keyring file. `name` is the name that the ring must have; empty if it has none. A ring of a
/// lower revision than `min_rev` is refused.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_open(
    file: apiseal_bytes,
    name: apiseal_bytes,
    wrap: *const apiseal_wrap,
    min_rev: u64,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (file, name, wrap) = (file.get("file")?, name.text("name")?, wrap_of(wrap)?);
            out.give(apiseal_keyring::of(KeyringFile::open(file, name, &wrap, min_rev_of(min_rev))?));
            Ok(())
        })
    }
}

/// The ring as the bytes of a sealed keyring file.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_seal(
    ring: *const apiseal_keyring,
    name: apiseal_bytes,
    wrap: *const apiseal_wrap,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            let (name, wrap) = (name.text("name")?, wrap_of(wrap)?);
            out.give_public(KeyringFile::seal(&ring, name, &wrap, &OsRandom)?);
            Ok(())
        })
    }
}

/// Opens a sealed keyring file. One that others than its owner can read is refused.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_load(
    path: apiseal_bytes,
    name: apiseal_bytes,
    wrap: *const apiseal_wrap,
    min_rev: u64,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (path, name, wrap) = (path_of(path)?, name.text("name")?, wrap_of(wrap)?);
            out.give(apiseal_keyring::of(KeyringFile::load(path, name, &wrap, min_rev_of(min_rev))?));
            Ok(())
        })
    }
}

/// Writes a sealed keyring file with mode 0600, all or nothing; a file that is there is replaced.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_keyring_save(
    ring: *const apiseal_keyring,
    path: apiseal_bytes,
    name: apiseal_bytes,
    wrap: *const apiseal_wrap,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let ring = boundary::object(ring, "ring")?.0.current();
            let (path, name, wrap) = (path_of(path)?, name.text("name")?, wrap_of(wrap)?);
            Ok(KeyringFile::save(path, &ring, name, &wrap, &OsRandom)?)
        })
    }
}

/// Reads the bytes of a keyring file in clear.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_hazmat_keyring_read_clear(
    file: apiseal_bytes,
    name: apiseal_bytes,
    min_rev: u64,
    out: *mut *mut apiseal_keyring,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::object(out)?;
            let (file, name) = (file.get("file")?, name.text("name")?);
            let ring = KeyringFile::hazmat_read_clear(file, name, min_rev_of(min_rev))?;
            out.give(apiseal_keyring::of(ring));
            Ok(())
        })
    }
}

/// The ring as the bytes of a keyring file in clear: whoever reads them has every key.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_hazmat_keyring_write_clear(
    ring: *const apiseal_keyring,
    name: apiseal_bytes,
    out: *mut apiseal_buffer,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let out = Place::buffer(out)?;
            let ring = boundary::object(ring, "ring")?.0.current();
            let clear = KeyringFile::hazmat_write_clear(&ring, name.text("name")?)?;
            out.give_secret(clear.into_unprotected());
            Ok(())
        })
    }
}
