//! Keyring files on disk: readable by their owner only, and never seen unfinished. The content is written under a
//! name of its own first, which then replaces the old file or is linked where no file was.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use apiseal_atomic_file::NewFile;
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::keyfile::{KeyringFile, MAX_FILE, Wrap, check_size};
use crate::keys::ring::Keyring;
use crate::rng::hazmat::Random;

impl KeyringFile {
    /// Opens a sealed keyring file.
    ///
    /// # Errors
    /// As [`KeyringFile::open`]; [`Code::KeyringPermissions`] if others may read the file; [`Code::KeyringFile`] if
    /// it cannot be read, is no regular file or has more than 16 MiB.
    pub fn load(path: &Path, name: &str, wrap: &Wrap, min_rev: Option<u64>) -> Result<Keyring> {
        KeyringFile::open(&read(path)?, name, wrap, min_rev)
    }

    /// Writes a sealed keyring file with mode 0600, by rename, so that a reader sees the old or the new one. Of
    /// several that save at once the last one stays: for a file that must not exist yet there is
    /// [`KeyringFile::create`].
    ///
    /// # Errors
    /// As [`KeyringFile::seal`]; [`Code::KeyringFile`] if it cannot be written.
    pub fn save(path: &Path, ring: &Keyring, name: &str, wrap: &Wrap, random: &dyn Random) -> Result<()> {
        write(path, &KeyringFile::seal(ring, name, wrap, random)?, Publish::Replace)
    }

    /// Writes a sealed keyring file as [`KeyringFile::save`] does, but never over anything: of several that create
    /// one path at once, one succeeds. A symbolic link counts as existing, wherever it leads. The file system must
    /// know hard links.
    ///
    /// ```
    /// # fn main() -> apiseal::Result<()> {
    /// use apiseal::{Code, Keyring, KeyringFile, OsRandom, Suite, SystemClock, Wrap};
    /// # let path = std::env::temp_dir().join(format!("apiseal-doc-{}.json", std::process::id()));
    /// let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    /// let wrap = Wrap::raw(&[7; 32]);
    /// KeyringFile::create(&path, &ring, "payments", &wrap, &OsRandom)?;
    /// let again = KeyringFile::create(&path, &ring, "payments", &wrap, &OsRandom);
    /// assert_eq!(again.unwrap_err().code(), Code::KeyringFile);
    /// # let _ = std::fs::remove_file(path);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`KeyringFile::save`]; [`Code::KeyringFile`] if the path exists.
    pub fn create(path: &Path, ring: &Keyring, name: &str, wrap: &Wrap, random: &dyn Random) -> Result<()> {
        write(path, &KeyringFile::seal(ring, name, wrap, random)?, Publish::Create)
    }

    /// Reads a keyring file that is in clear.
    ///
    /// # Errors
    /// As [`KeyringFile::hazmat_read_clear`] and [`KeyringFile::load`].
    pub fn hazmat_load_clear(path: &Path, name: &str, min_rev: Option<u64>) -> Result<Keyring> {
        KeyringFile::hazmat_read_clear(&read(path)?, name, min_rev)
    }

    /// Writes a keyring file in clear: whoever reads it has every key.
    ///
    /// # Errors
    /// As [`KeyringFile::hazmat_write_clear`] and [`KeyringFile::save`].
    pub fn hazmat_save_clear(path: &Path, ring: &Keyring, name: &str) -> Result<()> {
        write(path, &KeyringFile::hazmat_write_clear(ring, name)?, Publish::Replace)
    }

    /// Writes a keyring file in clear where no file is: whoever reads it has every key.
    ///
    /// # Errors
    /// As [`KeyringFile::hazmat_write_clear`] and [`KeyringFile::create`].
    pub fn hazmat_create_clear(path: &Path, ring: &Keyring, name: &str) -> Result<()> {
        write(path, &KeyringFile::hazmat_write_clear(ring, name)?, Publish::Create)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = |error: io::Error| failed(path, "read", &error);
    // Looked at before it is opened, because opening a pipe waits for its writer; and again on what was opened.
    check_regular(path, &fs::metadata(path).map_err(unreadable)?)?;
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check_regular(path, &metadata)?;
    check_permissions(&metadata)?;
    let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    check_size(len)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(len + 1));
    // The length that the system tells may be wrong, or no longer right.
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    check_size(bytes.len())?;
    Ok(bytes)
}

/// What becomes of the finished file.
#[derive(Clone, Copy)]
enum Publish {
    /// It takes the path, whatever was there.
    Replace,
    /// It takes the path if nothing is there, not even a dangling link.
    Create,
}

fn write(path: &Path, bytes: &[u8], publish: Publish) -> Result<()> {
    let written = NewFile::beside(path).and_then(|mut file| {
        file.write_all(bytes)?;
        match publish {
            Publish::Replace => file.replace(),
            Publish::Create => file.create(),
        }
    });
    written.map_err(|error| match (publish, error.kind()) {
        (Publish::Create, ErrorKind::AlreadyExists) => {
            Error::because(Code::KeyringFile, format!("{} exists; it is not overwritten", path.display()))
        }
        _ => failed(path, "written", &error),
    })
}

fn check_regular(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::because(Code::KeyringFile, format!("{} is not a regular file", path.display())))
}

#[cfg(unix)]
fn check_permissions(metadata: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Error::because(Code::KeyringPermissions, "use chmod 600"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &fs::Metadata) -> Result<()> {
    Ok(())
}

pub(super) fn failed(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::because(Code::KeyringFile, format!("{} could not be {what}: {error}", path.display()))
}
