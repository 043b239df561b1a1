//! Reading, writing, failing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use apiseal::{Code, Error, Kind, Limits};
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
    /// Nobody reads the output any more.
    ClosedPipe,
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
            Failure::Usage(_) => 2,
            Failure::File { .. } => 4,
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
            Failure::Usage(text) => f.write_str(text),
            Failure::ClosedPipe => f.write_str("closed pipe"),
        }
    }
}

/// Tells the user; when even that fails there is nobody left to tell.
pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(io::stderr(), "apiseal: {failure}");
}

/// A document from a file or standard input, at most one byte over the limit, so that the library can refuse it.
pub(crate) fn read_document(file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>> {
    let limit = Limits::default().document as u64 + 1;
    let mut bytes = Zeroizing::new(Vec::new());
    match file.filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let file = File::open(path).map_err(|error| file_failure(path, error))?;
            file.take(limit).read_to_end(&mut bytes).map_err(|error| file_failure(path, error))?;
        }
        None => {
            let stdin = io::stdin().lock();
            stdin
                .take(limit)
                .read_to_end(&mut bytes)
                .map_err(|error| file_failure(Path::new("standard input"), error))?;
        }
    }
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
/// file keeps its permissions, a new one is readable by its owner only.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = create(&temporary).and_then(|mut file| {
        if let Ok(metadata) = fs::metadata(&target) {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        file_failure(path, error)
    })
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
