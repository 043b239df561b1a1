//! Changing a keyring file: read, change and replace under one lock, so that of two changes at once none is lost.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::keyfile::disk::failed;
use crate::keyfile::{KeyringFile, Wrap};
use crate::keys::ring::Keyring;
use crate::rng::hazmat::Random;

impl KeyringFile {
    /// Opens a sealed keyring file, changes the ring, and replaces the file as [`KeyringFile::save`] does; a symbolic
    /// link stays one, and the file behind it is changed. Another `update` of a file in the same folder waits; a reader
    /// sees the old file or the new one. If anything fails the
    /// file stays as it was.
    ///
    /// # Errors
    /// As [`KeyringFile::load`] and [`KeyringFile::save`], and those of `change`.
    pub fn update(
        path: &Path,
        name: &str,
        wrap: &Wrap,
        min_rev: Option<u64>,
        random: &dyn Random,
        change: impl FnOnce(&Keyring) -> Result<Keyring>,
    ) -> Result<Keyring> {
        let load = |path: &Path| KeyringFile::load(path, name, wrap, min_rev);
        changed(path, load, change, |path, ring| KeyringFile::save(path, ring, name, wrap, random))
    }

    /// Seals a keyring file under another wrap, as the next revision: with `min_rev` the file that was sealed before
    /// is refused. Copies of the old file still open under the old wrap.
    ///
    /// # Errors
    /// As [`KeyringFile::update`].
    pub fn rewrap(
        path: &Path,
        name: &str,
        wrap: &Wrap,
        new: &Wrap,
        min_rev: Option<u64>,
        random: &dyn Random,
    ) -> Result<Keyring> {
        let load = |path: &Path| KeyringFile::load(path, name, wrap, min_rev);
        changed(path, load, Keyring::renewed, |path, ring| KeyringFile::save(path, ring, name, new, random))
    }

    /// Seals a keyring file that is in clear, as the next revision. Copies of the old file still show every key.
    ///
    /// # Errors
    /// As [`KeyringFile::hazmat_load_clear`] and [`KeyringFile::save`]; [`Code::KeyringFile`] if the revision cannot go
    /// on.
    pub fn hazmat_seal_clear(
        path: &Path,
        name: &str,
        new: &Wrap,
        min_rev: Option<u64>,
        random: &dyn Random,
    ) -> Result<Keyring> {
        let load = |path: &Path| KeyringFile::hazmat_load_clear(path, name, min_rev);
        changed(path, load, Keyring::renewed, |path, ring| KeyringFile::save(path, ring, name, new, random))
    }

    /// As [`KeyringFile::update`] for a file in clear.
    ///
    /// # Errors
    /// As [`KeyringFile::hazmat_load_clear`] and [`KeyringFile::hazmat_save_clear`], and those of `change`.
    pub fn hazmat_update_clear(
        path: &Path,
        name: &str,
        min_rev: Option<u64>,
        change: impl FnOnce(&Keyring) -> Result<Keyring>,
    ) -> Result<Keyring> {
        let load = |path: &Path| KeyringFile::hazmat_load_clear(path, name, min_rev);
        changed(path, load, change, |path, ring| KeyringFile::hazmat_save_clear(path, ring, name))
    }
}

/// Reads, changes and writes a file while other changes wait.
fn changed(
    path: &Path,
    load: impl FnOnce(&Path) -> Result<Keyring>,
    change: impl FnOnce(&Keyring) -> Result<Keyring>,
    save: impl FnOnce(&Path, &Keyring) -> Result<()>,
) -> Result<Keyring> {
    let path = &behind_links(path)?;
    let _lock = lock(path)?;
    let ring = change(&load(path)?)?;
    save(path, &ring)?;
    Ok(ring)
}

/// The file itself: a change through a link is one of the file that others read, and waits for theirs.
fn behind_links(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| failed(path, "read", &error))
}

/// Waits until nobody else changes a keyring in this folder. The lock ends with the process at the latest.
fn lock(path: &Path) -> Result<File> {
    let locked = lock_file(path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| {
        let detail = format!("{} could not be locked for a change: {error}", path.display());
        Error::because(Code::KeyringFile, detail)
    })
}

/// The folder itself: it is there already, and no rename takes it away.
#[cfg(unix)]
fn lock_file(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))
}

/// Folders cannot be locked everywhere: a file beside the keyring, which stays and is empty.
#[cfg(not(unix))]
fn lock_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(path.with_extension("lock"))
}
