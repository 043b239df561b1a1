//! Reading, writing, failing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use apiseal::{Code, Error, Kind, Limits};
use zeroize::Zeroizing;

use crate::sink::Sink;

/// Why the command ends early.
pub(crate) enum Failure {
    Core(Error),
    /// A file could not be read or written.
    File {
        path: String,
        error: io::Error,
    },
    Usage(String),
    /// Lines of a stream failed; each was reported.
    Lines {
        exit_code: u8,
        text: String,
    },
    /// The input is not what it should be.
    Malformed(String),
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
            Failure::Lines { exit_code, .. } => *exit_code,
            Failure::Refused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreadable(_) | Failure::Malformed(_) => 3,
            Failure::File { .. } | Failure::CutOff => 4,
            Failure::Core(error) => match (error.kind(), error.code()) {
                (Kind::Policy, Code::PolicyFile) | (Kind::Signature, Code::ProfileFile) => 2,
                (Kind::Policy | Kind::Rejected | Kind::Signature, _) => 1,
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
            Failure::Usage(text)
            | Failure::Lines { text, .. }
            | Failure::Malformed(text)
            | Failure::Refused(text) => f.write_str(text),
            Failure::Unreadable(what) => write!(f, "the document is malformed or over a limit; {what}"),
            Failure::ClosedPipe | Failure::CutOff => f.write_str("closed pipe"),
        }
    }
}

/// Tells the user in one write, so that messages of several processes do not mix; when even that fails there is nobody
/// left to tell.
pub(crate) fn complain(message: impl fmt::Display) {
    let _ = io::stderr().write_all(format!("apiseal: {}\n", steady(&message.to_string())).as_bytes());
}

/// A text in which nothing steers a terminal, whatever a document calls its members.
pub(crate) fn steady(text: &str) -> String {
    let steers = |one: char| {
        one.is_control() && one != '\n'
            || ('\u{202a}'..='\u{202e}').contains(&one)
            || ('\u{2066}'..='\u{2069}').contains(&one)
    };
    text.chars().map(|one| if steers(one) { '\u{fffd}' } else { one }).collect()
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
            file_behind(io::stdin())
                .and_then(read)
                .map_err(|error| file_failure(Path::new("standard input"), error))
        }
    }
}

/// The file behind a standard stream: the buffers of the standard library would keep a piece of the document.
#[cfg(unix)]
pub(crate) fn file_behind(stream: impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
pub(crate) fn file_behind(stream: impl std::os::windows::io::AsHandle) -> io::Result<File> {
    stream.as_handle().try_clone_to_owned().map(File::from)
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

/// Writes a document or message to standard output. Half of it is nothing that anybody had enough of.
pub(crate) fn print_whole(bytes: &[u8]) -> Result<()> {
    print(bytes).map_err(|failure| match failure {
        Failure::ClosedPipe => Failure::CutOff,
        other => other,
    })
}

/// Makes `path` hold `bytes`, as [`Sink::at`] says.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut sink = Sink::at(path)?;
    sink.write(bytes)?;
    sink.finish()
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
