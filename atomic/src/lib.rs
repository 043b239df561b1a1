//! Files that appear whole or not at all.
//!
//! A [`NewFile`] is written under a name of its own in the folder of its target, readable by its owner only. It takes
//! the target's place when all of it is on the disk: by rename where it may replace a file, by a hard link where it may
//! not. Until then the target is as it was. A file that never takes its place is removed when it is dropped; a process
//! that is killed leaves it behind as `.apiseal-….new`.
//!
//! Both the library (keyring files) and the command (its output) write this way. It is a crate of its own so that it
//! stands in one place and yet is no part of the library's interface.

#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Names that are tried; even the second one is needed only if somebody plants files.
const ATTEMPTS: u32 = 8;

/// A file that is to take the place of its target.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::Write;
/// use apiseal_atomic_file::NewFile;
/// # let target = std::env::temp_dir().join(format!("apiseal-atomic-doc-{}", std::process::id()));
/// let mut file = NewFile::beside(&target)?;
/// file.write_all(b"whole")?;
/// assert!(!target.exists());
/// file.replace()?;
/// assert_eq!(std::fs::read(&target)?, b"whole");
/// # std::fs::remove_file(&target)
/// # }
/// ```
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    target: PathBuf,
    file: File,
    renamed: bool,
}

impl NewFile {
    /// An empty file in the folder of `target`, with mode 0600. Nobody can guess its name, so nobody can have made it
    /// before. A symbolic link at `target` is not followed: it is what will be replaced.
    ///
    /// # Errors
    /// The folder is missing or may not be written to, or the random source failed.
    pub fn beside(target: &Path) -> io::Result<Self> {
        NewFile::named(target, random_name)
    }

    fn named(target: &Path, mut name: impl FnMut() -> io::Result<String>) -> io::Result<Self> {
        let mut last = ErrorKind::AlreadyExists.into();
        for _ in 0..ATTEMPTS {
            let path = target.with_file_name(name()?);
            match open_new(&path) {
                Ok(file) => return Ok(NewFile { path, target: target.to_owned(), file, renamed: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// The open file, for its owner and permissions.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Flushes the content to the disk and takes the target's place, whatever was there.
    ///
    /// # Errors
    /// The content could not be written, or the file not renamed; the target is as it was.
    pub fn replace(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        self.renamed = true;
        sync_folder(&self.target);
        Ok(())
    }

    /// Flushes the content to the disk and takes the target's place if nothing is there, not even a dangling link. The
    /// file system must know hard links.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if something is there; else as [`NewFile::replace`].
    pub fn create(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::hard_link(&self.path, &self.target)?;
        sync_folder(&self.target);
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn random_name() -> io::Result<String> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!(".apiseal-{random:016x}.new"))
}

#[cfg(unix)]
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Makes the new name outlast a power failure. Not every file system can, and the file is in place already: an error
/// would say that it is not.
#[cfg(unix)]
fn sync_folder(target: &Path) {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for each test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("apiseal-atomic-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn names(&self) -> Vec<String> {
            let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            let mut names: Vec<String> = fs::read_dir(&self.0).unwrap().map(name).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_target_is_replaced_whole_or_left_alone() {
        let folder = Folder::new("replace");
        let target = folder.0.join("target");
        fs::write(&target, "old").unwrap();
        let mut dropped = NewFile::beside(&target).unwrap();
        dropped.write_all(b"half").unwrap();
        assert_eq!(folder.names().len(), 2);
        drop(dropped);
        assert_eq!(
            (folder.names(), fs::read(&target).unwrap()),
            (vec!["target".to_owned()], b"old".to_vec())
        );

        let mut file = NewFile::beside(&target).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        file.replace().unwrap();
        assert_eq!(
            (folder.names(), fs::read(&target).unwrap()),
            (vec!["target".to_owned()], b"new".to_vec())
        );
    }

    #[test]
    fn nothing_is_created_over() {
        let folder = Folder::new("create");
        let target = folder.0.join("target");
        let made = |text: &[u8]| {
            let mut file = NewFile::beside(&target).unwrap();
            file.write_all(text).unwrap();
            file.create()
        };
        made(b"first").unwrap();
        assert_eq!(made(b"second").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(
            (folder.names(), fs::read(&target).unwrap()),
            (vec!["target".to_owned()], b"first".to_vec())
        );
    }

    #[test]
    fn a_name_that_is_taken_is_passed_over_and_never_removed() {
        let folder = Folder::new("taken");
        let (target, taken) = (folder.0.join("target"), folder.0.join("taken"));
        fs::write(&taken, "of somebody else").unwrap();
        let mut names = ["taken", "free"].into_iter();
        let file = NewFile::named(&target, || Ok(names.next().unwrap().to_owned())).unwrap();
        assert_eq!(file.path, folder.0.join("free"));
        drop(file);
        assert_eq!(folder.names(), ["taken"]);

        let error = NewFile::named(&target, || Ok("taken".to_owned())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&taken).unwrap(), b"of somebody else");
        assert_ne!(random_name().unwrap(), random_name().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("mode");
        let file = NewFile::beside(&folder.0.join("target")).unwrap();
        assert_eq!(file.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
