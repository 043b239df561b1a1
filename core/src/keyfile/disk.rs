//! Keyring files on disk: readable by their owner only, and replaced by rename.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::keyfile::{KeyringFile, Wrap};
use crate::keys::ring::Keyring;
use crate::rng::hazmat::Random;

/// A ring of 4096 keys with long scopes stays far below this.
const MAX_FILE: u64 = 16 << 20;

impl KeyringFile {
    /// Opens a sealed keyring file.
    ///
    /// # Errors
    /// As [`KeyringFile::open`]; [`Code::KeyringPermissions`] if others may read the file; [`Code::KeyringFile`] if
    /// it cannot be read.
    pub fn load(path: &Path, name: &str, wrap: &Wrap, min_rev: Option<u64>) -> Result<Keyring> {
        KeyringFile::open(&read(path)?, name, wrap, min_rev)
    }

    /// Writes a sealed keyring file with mode 0600, by rename, so that a reader sees the old or the new one.
    ///
    /// # Errors
    /// As [`KeyringFile::seal`]; [`Code::KeyringFile`] if it cannot be written.
    pub fn save(path: &Path, ring: &Keyring, name: &str, wrap: &Wrap, random: &dyn Random) -> Result<()> {
        write(path, &KeyringFile::seal(ring, name, wrap, random)?)
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
        write(path, &KeyringFile::hazmat_write_clear(ring, name)?)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path).map_err(|error| failed(path, "read", &error))?;
    let metadata = file.metadata().map_err(|error| failed(path, "read", &error))?;
    check_permissions(&metadata)?;
    if metadata.len() > MAX_FILE {
        return Err(Error::because(Code::KeyringFile, "the file is larger than 16 MiB"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
    file.read_to_end(&mut bytes).map_err(|error| failed(path, "read", &error))?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(path, "written", &error)
    })
}

#[cfg(unix)]
fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
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

fn failed(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::because(Code::KeyringFile, format!("{} could not be {what}: {error}", path.display()))
}
