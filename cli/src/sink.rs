//! Where output goes: standard output, a pipe or device, or a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use apiseal_atomic_file::NewFile;

use crate::output::{Failure, Result, complain, file_behind, file_failure};
use crate::part::Part;

/// Bytes of one write to a pipe that the system writes whole or not at all (PIPE_BUF).
const PIPE: usize = if cfg!(any(target_os = "linux", target_os = "android")) { 4096 } else { 512 };

pub(crate) struct Sink {
    out: Out,
    /// For messages.
    path: PathBuf,
    /// Bytes that one write should have at most.
    most: usize,
}

enum Out {
    Stream(File),
    New(NewFile),
    Part(Part),
    Nowhere,
}

impl Sink {
    /// Standard output, without the buffer of the standard library, which would keep a piece of the document.
    pub(crate) fn stdout() -> Result<Self> {
        let path = PathBuf::from("standard output");
        match file_behind(io::stdout()) {
            Ok(file) => Ok(Sink::stream(file, path)),
            Err(error) => Err(file_failure(&path, error)),
        }
    }

    /// What stands at `path` from the end on: a reader sees the old content or the new one, never a part. An existing
    /// file keeps its owner, group and permissions, a new one is readable by its owner only; a link stays a link. A pipe
    /// or a device is written to as it is.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let sink = match regular(path) {
            Ok(Some(target)) => NewFile::beside(&target).and_then(|file| {
                if let Ok(old) = fs::metadata(&target) {
                    take_over(file.file(), &old, path)?;
                }
                Ok(Sink::new_file(file, path))
            }),
            Ok(None) => {
                OpenOptions::new().write(true).open(path).map(|file| Sink::stream(file, path.to_owned()))
            }
            Err(error) => Err(error),
        };
        sink.map_err(|error| file_failure(path, error))
    }

    /// Goes on with what an earlier run has done.
    pub(crate) fn part(part: Part) -> Self {
        let path = part.path().to_owned();
        Sink { out: Out::Part(part), path, most: usize::MAX }
    }

    /// Takes everything and keeps nothing.
    pub(crate) fn nowhere() -> Self {
        Sink { out: Out::Nowhere, path: PathBuf::new(), most: usize::MAX }
    }

    fn stream(file: File, path: PathBuf) -> Self {
        let most = if is_pipe(&file) { PIPE } else { usize::MAX };
        Sink { out: Out::Stream(file), path, most }
    }

    fn new_file(file: NewFile, path: &Path) -> Self {
        Sink { out: Out::New(file), path: path.to_owned(), most: usize::MAX }
    }

    /// Whether nothing is seen of the output before [`Sink::finish`].
    pub(crate) fn waits(&self) -> bool {
        matches!(self.out, Out::New(_))
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.out {
            Out::Stream(file) => file.write_all(bytes),
            Out::New(file) => file.write_all(bytes),
            Out::Part(part) => part.write_all(bytes),
            Out::Nowhere => Ok(()),
        };
        written.map_err(|error| self.failure(error))
    }

    /// Writes lines so that a process that is killed leaves as little as possible of half a line: each write ends with
    /// a line, and to a pipe each is small enough to happen whole or not at all, unless the line itself is too long.
    pub(crate) fn write_lines(&mut self, mut lines: &[u8]) -> Result<()> {
        while !lines.is_empty() {
            let (piece, rest) = lines.split_at(whole_lines(lines, self.most));
            self.write(piece)?;
            lines = rest;
        }
        Ok(())
    }

    /// Puts a new file in its place. Without this call it is gone.
    pub(crate) fn finish(self) -> Result<()> {
        match self.out {
            Out::Stream(_) | Out::Nowhere => Ok(()),
            Out::Part(part) => part.finish(),
            Out::New(file) => {
                let old = fs::metadata(&self.path);
                file.replace().map_err(|error| file_failure(&self.path, error))?;
                if let Ok(old) = old {
                    tell_of_other_names(&old, &self.path);
                }
                Ok(())
            }
        }
    }

    fn failure(&self, error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => file_failure(&self.path, error),
        }
    }
}

/// Length of the most lines that fit into `most` bytes; at least one.
fn whole_lines(lines: &[u8], most: usize) -> usize {
    if lines.len() <= most {
        return lines.len();
    }
    let (fitting, rest) = lines.split_at(most);
    let end = |at: usize| at + 1;
    fitting
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map(end)
        .or_else(|| rest.iter().position(|byte| *byte == b'\n').map(|at| end(most + at)))
        .unwrap_or(lines.len())
}

#[cfg(unix)]
fn is_pipe(file: &File) -> bool {
    use std::os::unix::fs::FileTypeExt;
    file.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &File) -> bool {
    false
}

/// The regular file that a path leads to, whether it is there yet or not; `None` for a pipe, a device or a folder.
pub(crate) fn regular(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(old) if !old.is_file() => Ok(None),
        Ok(_) => fs::canonicalize(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => follow(path).map(Some),
        Err(error) => Err(error),
    }
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

/// Another name leads to what this one does not say any more, perhaps in clear.
#[cfg(unix)]
fn tell_of_other_names(old: &fs::Metadata, path: &Path) {
    use std::os::unix::fs::MetadataExt;
    if old.nlink() > 1 {
        complain(format_args!(
            "warning: {} has another name (a hard link), under which the old content stays",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn tell_of_other_names(_: &fs::Metadata, _: &Path) {}

/// Gives a file the owner, group and permissions of the one at `path` that it is to replace. An owner that only the system's
/// administrator could keep is told of.
#[cfg(unix)]
pub(crate) fn take_over(file: &File, old: &fs::Metadata, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let mut mode = old.mode() & 0o7777;
    if fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        // Nobody else's programs are to run as ours.
        mode &= 0o777;
        if fchown(file, None, Some(old.gid())).is_err() {
            // Its group is another one now, which nobody gave any rights.
            mode &= 0o700;
        }
        if file.metadata()?.uid() != old.uid() {
            let path = path.display();
            complain(format_args!("warning: {path} will belong to you: its owner cannot be kept"));
        }
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(crate) fn take_over(file: &File, old: &fs::Metadata, _: &Path) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines() {
        let cases: [(&[u8], usize, &[usize]); 6] = [
            (b"aa\nbb\ncc\n", 100, &[9]),
            (b"aa\nbb\ncc\n", 6, &[6, 3]),
            (b"aa\nbb\ncc\n", 5, &[3, 3, 3]),
            (b"a\nbbbbbbbb\nc\n", 4, &[2, 9, 2]),
            (b"bbbbbbbb\nc", 2, &[9, 1]),
            (b"bbbbbbbb", 2, &[8]),
        ];
        for (mut lines, most, expected) in cases {
            let mut pieces = Vec::new();
            while !lines.is_empty() {
                pieces.push(whole_lines(lines, most));
                lines = lines.split_at(whole_lines(lines, most)).1;
            }
            assert_eq!(pieces, expected);
        }
    }
}
