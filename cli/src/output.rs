//! Reading, writing, failing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use apiseal::hazmat::Random;
use apiseal::{Code, Error, Kind, Limits, OsRandom};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Why the command ends early.
pub(crate) enum Failure {
    Core(Error),
    /// A file could not be read or written.
    File {
        path: String,
        error: io::Error,
    },
    Usage(String),
    /// The answer that was asked for is no.
    Refused(String),
    /// A document to redact could not be read; why is not said, because it may hold pieces of it.
    Unreadable(&'static str),
    /// Nobody reads the output any more, and has read enough.
    ClosedPipe,
    /// Nobody reads the output any more, and what was read is a part of a document.
    CutOff,
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::ClosedPipe => 0,
            Failure::Refused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreadable(_) => 3,
            Failure::File { .. } | Failure::CutOff => 4,
            Failure::Core(error) => match (error.kind(), error.code()) {
                (Kind::Policy, Code::PolicyFile) => 2,
                (Kind::Policy | Kind::Rejected, _) => 1,
                (Kind::Argument | Kind::Context | Kind::Key, _) => 2,
                (Kind::Document | Kind::Token, _) => 3,
                _ => 5,
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Core(error) => error.fmt(f),
            Failure::File { path, error } => write!(f, "{path}: {error}"),
            Failure::Usage(text) | Failure::Refused(text) => f.write_str(text),
            Failure::Unreadable(what) => write!(f, "the document is malformed or over a limit; {what}"),
            Failure::ClosedPipe | Failure::CutOff => f.write_str("closed pipe"),
        }
    }
}

/// Tells the user; when even that fails there is nobody left to tell.
pub(crate) fn complain(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "apiseal: {message}");
}

/// A document from a file or standard input, at most one byte over the limit, so that the library can refuse it.
pub(crate) fn read_document(file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>> {
    let read = |file: File| {
        let len = file.metadata().ok().and_then(|metadata| usize::try_from(metadata.len()).ok());
        read_wiped(file, len.unwrap_or(0), Limits::default().document + 1)
    };
    match file.filter(|path| *path != Path::new("-")) {
        Some(path) => File::open(path).and_then(read).map_err(|error| file_failure(path, error)),
        None => {
            if io::stdin().is_terminal() {
                complain("reading the document from the terminal; end it with Ctrl-D on a line of its own");
            }
            unbuffered_stdin()
                .and_then(read)
                .map_err(|error| file_failure(Path::new("standard input"), error))
        }
    }
}

/// The file behind standard input: the buffer of the standard library would keep a piece of the document.
#[cfg(unix)]
fn unbuffered_stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn unbuffered_stdin() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

/// Reads all, but no more than `limit` bytes. The room is taken for `expected` bytes at once; where more come, each
/// buffer that becomes too small is wiped.
fn read_wiped(mut source: impl Read, expected: usize, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // One byte more, to see the end without growing.
    let mut bytes = Zeroizing::new(vec![0; expected.saturating_add(1).clamp(1, limit)]);
    let mut filled = 0;
    while filled < limit {
        if filled == bytes.len() {
            let room = bytes.len().saturating_mul(2).max(64 << 10).min(limit);
            let mut larger = Zeroizing::new(vec![0; room]);
            for (to, from) in larger.iter_mut().zip(bytes.iter()) {
                *to = *from;
            }
            bytes = larger;
        }
        match source.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A small text file, such as a policy.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| file_failure(path, error))
}

pub(crate) fn file_failure(path: &Path, error: io::Error) -> Failure {
    Failure::File { path: path.display().to_string(), error }
}

/// Writes to standard output.
pub(crate) fn print(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
        Err(error) => Err(file_failure(Path::new("standard output"), error)),
    }
}

/// Makes `path` hold `bytes`, by rename: a reader sees the old content or the new one, never a part. An existing
/// file keeps its owner, group and permissions, a new one is readable by its owner only. A pipe or a device is
/// written to as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = match fs::metadata(path) {
        Ok(old) if old.is_file() => {
            // A link stays a link: what it points to is replaced.
            fs::canonicalize(path).and_then(|target| replace_file(&target, bytes, Some(&old)))
        }
        Ok(_) => OpenOptions::new().write(true).open(path).and_then(|mut out| {
            out.write_all(bytes)?;
            out.flush()
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            follow(path).and_then(|target| replace_file(&target, bytes, None))
        }
        Err(error) => Err(error),
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => file_failure(path, error),
    })
}

/// The path that does not exist behind links that do.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(link) => target = target.parent().unwrap_or_else(|| Path::new("")).join(link),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn replace_file(target: &Path, bytes: &[u8], old: Option<&fs::Metadata>) -> io::Result<()> {
    let mut temporary = Temporary::beside(target)?;
    if let Some(old) = old {
        take_over(&temporary.file, old)?;
    }
    temporary.file.write_all(bytes)?;
    temporary.file.sync_all()?;
    fs::rename(&temporary.path, target)?;
    temporary.renamed = true;
    sync_folder(target);
    Ok(())
}

/// A file that this command made; it is removed at the end unless it took its place.
struct Temporary {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Temporary {
    /// An empty file in the folder of `target`, under a name that nobody can guess.
    fn beside(target: &Path) -> io::Result<Self> {
        let mut attempts = 8;
        loop {
            let mut bytes = [0; 8];
            OsRandom.fill(&mut bytes).map_err(io::Error::other)?;
            let name = format!(".apiseal-{}.new", URL_SAFE_NO_PAD.encode_to_string(bytes));
            let path = target.with_file_name(name);
            match create(&path) {
                Ok(file) => return Ok(Temporary { path, file, renamed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts > 0 => attempts -= 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Gives a file the owner, group and permissions of the one it is to replace.
#[cfg(unix)]
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let mut mode = old.mode() & 0o7777;
    if fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        // Its group is another one now, which nobody gave any rights.
        mode &= 0o700;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// Makes the new name outlast a power failure. Not every file system can, and the file is in place already.
#[cfg(unix)]
fn sync_folder(target: &Path) {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A JSON string without anything that steers a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as pipes do.
    struct Trickle<'t>(&'t [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = out.len().min(1000);
            self.0.read(out.get_mut(..len).unwrap())
        }
    }

    #[test]
    fn documents_are_read_whole_and_without_growing_where_the_length_is_known() {
        let text: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
        for expected in [0, 1, 299_999, 300_000, 400_000] {
            assert_eq!(*read_wiped(Trickle(&text), expected, 1 << 20).unwrap(), text, "{expected}");
        }
        // The very buffer that was made first.
        assert_eq!(read_wiped(Trickle(&text), 300_000, 1 << 20).unwrap().capacity(), 300_001);
        for limit in [1, 65_536, 299_999] {
            assert_eq!(*read_wiped(Trickle(&text), 0, limit).unwrap(), text[..limit], "{limit}");
        }
        assert!(read_wiped(Trickle(b""), 0, 1 << 20).unwrap().is_empty());
    }
}
