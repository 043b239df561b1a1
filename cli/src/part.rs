//! An output that outlives its process: what a run that was stopped has done, so that the next one goes on behind it.
//!
//! The lines stand in a file beside the target, `TARGET.part`, which only grows and takes the target's place at the
//! end. A process that is killed may leave half a line, which is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::output::{Failure, Result, file_failure};
use crate::sink::take_over;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

pub(crate) struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    /// Whole lines that were there already.
    pub(crate) lines: u64,
    /// The last of them, without its line end.
    pub(crate) last: Vec<u8>,
}

impl Part {
    /// What a run towards `target` has done so far; nothing if there was none.
    ///
    /// # Errors
    /// The file cannot be read or written, is no regular file, or another run is at it.
    pub(crate) fn open(target: &Path) -> Result<Self> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let Some(name) = target.file_name() else {
            return Err(Failure::Usage(format!("{}: not a file name", target.display())));
        };
        let mut name = name.to_owned();
        name.push(".part");
        let path = target.with_file_name(name);
        Part::at(&path, target).map_err(|error| file_failure(&path, error))
    }

    fn at(path: &Path, target: PathBuf) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => return Err(io::Error::other("not a regular file")),
            _ => {}
        }
        let mut file = open_private(path)?;
        file.try_lock().map_err(|_| io::Error::other("another run is writing it"))?;
        let (lines, last, end) = whole_lines(&mut file)?;
        file.set_len(end)?;
        let from = file.seek(SeekFrom::Start(last))?;
        let mut line = vec![0; usize::try_from(end - from).map_err(io::Error::other)?];
        file.read_exact(&mut line)?;
        line.pop_if(|byte| *byte == b'\n');
        line.pop_if(|byte| *byte == b'\r');
        Ok(Part { file, path: path.to_owned(), target, lines, last: line })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Puts the lines in the target's place.
    pub(crate) fn finish(self) -> io::Result<()> {
        if let Ok(old) = fs::metadata(&self.target) {
            take_over(&self.file, &old)?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)
    }
}

/// Number of whole lines, where the last of them begins, and where it ends.
fn whole_lines(file: &mut File) -> io::Result<(u64, u64, u64)> {
    let (mut lines, mut last, mut end, mut read) = (0, 0, 0, 0_u64);
    let mut chunk = vec![0; CHUNK];
    loop {
        let got = match file.read(&mut chunk) {
            Ok(0) => return Ok((lines, last, end)),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for (at, _) in chunk.iter().take(got).enumerate().filter(|(_, byte)| **byte == b'\n') {
            (lines, last, end) = (lines + 1, end, read + at as u64 + 1);
        }
        read += got as u64;
    }
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn half_lines_are_cut_off_and_the_last_whole_one_is_known() {
        let folder = std::env::temp_dir().join(format!("apiseal-part-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (target, path) = (folder.join("out"), folder.join("out.part"));
        let long = "x".repeat(3 * CHUNK);
        for (content, lines, last, kept) in [
            ("", 0, "", ""),
            ("half", 0, "", ""),
            ("one\n", 1, "one", "one\n"),
            ("one\r\ntwo\r\nhal", 2, "two", "one\r\ntwo\r\n"),
            ("one\n\n", 2, "", "one\n\n"),
            (&format!("{long}\n{long}\n{long}"), 2, long.as_str(), &format!("{long}\n{long}\n")),
        ] {
            fs::write(&path, content).unwrap();
            let mut part = Part::open(&target).map_err(|failure| failure.to_string()).unwrap();
            assert_eq!((part.lines, part.last.as_slice()), (lines, last.as_bytes()));
            // Nobody else writes it meanwhile.
            assert!(Part::open(&target).is_err());
            part.write_all(b"more\n").unwrap();
            part.finish().unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), format!("{kept}more\n"));
            assert!(!path.exists());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
