//! An output that outlives its process: what a run that was stopped has done, so that the next one goes on behind it.
//!
//! The lines stand in a file beside the target, `TARGET.part`, which only grows and takes the target's place at the
//! end. A process that is killed may leave half a line, which is cut off. `TARGET.part.read` has a hash of each line of
//! the input that was worked on, so that an input that was changed meanwhile is noticed. It is written first: a file
//! without it was left by nobody here, and is not touched.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::input::{Hashes, is_at, is_input};
use crate::output::{Failure, Result, file_failure};
use crate::sink::{regular, take_over};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Bytes of a line's hash.
const HASH: u64 = 8;

pub(crate) struct Part {
    file: File,
    /// Hashes of the lines of the input.
    read: File,
    path: PathBuf,
    read_path: PathBuf,
    target: PathBuf,
    found: Found,
    /// Of lines that were read and not yet written.
    hashes: Hashes,
}

/// What stands in the file already.
#[derive(Default)]
struct Found {
    /// Whole lines.
    lines: u64,
    /// Where they end.
    end: u64,
    /// Number of the last line that is not blank, from 1, and where it begins and ends.
    last: Option<(u64, u64, u64)>,
}

impl Part {
    /// What a run towards `target` has done so far; nothing if there was none. Nothing is changed before
    /// [`Part::go_on`].
    ///
    /// # Errors
    /// The file cannot be read or written, is the input, was not left by a run, or another run is at it.
    pub(crate) fn open(target: &Path, input: Option<&Path>) -> Result<Self> {
        let found = regular(target).map_err(|error| file_failure(target, error))?;
        let target = found.ok_or_else(|| not_a_file(target))?;
        let Some(name) = target.file_name() else {
            return Err(Failure::Usage(format!("{}: not a file name", target.display())));
        };
        let beside = |ending: &str| {
            let mut name = name.to_owned();
            name.push(ending);
            target.with_file_name(name)
        };
        let (path, read_path) = (beside(".part"), beside(".part.read"));
        for own in [&path, &read_path] {
            if is_input(input, own) {
                let detail = "is the input, and where this run would keep what it has done: rename it";
                return Err(Failure::Usage(format!("{} {detail}", own.display())));
            }
        }
        match Part::at(&path, &read_path, target.clone()) {
            Ok(Some(part)) => Ok(part),
            Ok(None) => {
                let detail = "was not made by a run with --resume; move it away";
                Err(Failure::Usage(format!("{} {detail}", path.display())))
            }
            Err(error) => Err(file_failure(&path, error)),
        }
    }

    /// `None` if no run has left this.
    fn at(path: &Path, read_path: &Path, target: PathBuf) -> io::Result<Option<Self>> {
        for own in [path, read_path] {
            match fs::symlink_metadata(own) {
                Ok(found) if !found.is_file() => return Err(io::Error::other("not a regular file")),
                _ => {}
            }
        }
        let len = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        if len(path) > 0 && len(read_path) < HASH {
            return Ok(None);
        }
        let read = open_private(read_path)?;
        let mut file = open_private(path)?;
        file.try_lock().map_err(|_| io::Error::other("another run is writing it"))?;
        // Between the two the file may have taken the target's place.
        if !is_at(&file, path) {
            return Err(io::Error::other("another run has just come to its end"));
        }
        let found = whole_lines(&mut file)?;
        if found.lines > read.metadata()?.len() / HASH {
            return Ok(None);
        }
        let (path, read_path) = (path.to_owned(), read_path.to_owned());
        Ok(Some(Part { file, read, path, read_path, target, found, hashes: Hashes::default() }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whole lines that were there already.
    pub(crate) fn lines(&self) -> u64 {
        self.found.lines
    }

    /// The last of them that is not blank: its number, and its text without its line end.
    pub(crate) fn last(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let Some((number, from, end)) = self.found.last else { return Ok(None) };
        self.file.seek(SeekFrom::Start(from))?;
        let mut line = vec![0; usize::try_from(end - from).map_err(io::Error::other)?];
        self.file.read_exact(&mut line)?;
        line.pop_if(|byte| *byte == b'\n');
        line.pop_if(|byte| *byte == b'\r');
        Ok(Some((number, line)))
    }

    /// Hashes of the lines of the input that were worked on, the first one first.
    pub(crate) fn hashes(&self) -> io::Result<impl FnMut() -> io::Result<u64>> {
        let mut read = BufReader::new(self.read.try_clone()?);
        read.seek(SeekFrom::Start(0))?;
        Ok(move || {
            let mut hash = [0; HASH as usize];
            read.read_exact(&mut hash).map(|()| u64::from_le_bytes(hash))
        })
    }

    /// Cuts off what is not whole. From now on each line that is written takes the next of `hashes`.
    pub(crate) fn go_on(&mut self, hashes: Hashes) -> io::Result<()> {
        self.hashes = hashes;
        self.file.set_len(self.found.end)?;
        self.file.seek(SeekFrom::End(0))?;
        self.read.set_len(self.found.lines * HASH)?;
        self.read.seek(SeekFrom::End(0)).map(drop)
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let hashes = self.hashes.take(lines).ok_or_else(|| io::Error::other("more lines than were read"))?;
        self.read.write_all(&hashes)?;
        self.file.write_all(bytes)
    }

    /// Puts the lines in the target's place.
    pub(crate) fn finish(self) -> Result<()> {
        match fs::metadata(&self.target) {
            Ok(old) if !old.is_file() => return Err(not_a_file(&self.target)),
            Ok(old) => take_over(&self.file, &old, &self.target),
            Err(_) => Ok(()),
        }
        .and_then(|()| self.file.sync_all())
        .and_then(|()| fs::rename(&self.path, &self.target))
        .and_then(|()| fs::remove_file(&self.read_path))
        .map_err(|error| file_failure(&self.path, error))
    }
}

/// A device, pipe or folder would give its name away to the lines.
fn not_a_file(target: &Path) -> Failure {
    Failure::Usage(format!("{}: --resume needs a regular file as its output", target.display()))
}

/// What whole lines a file has, from its beginning.
fn whole_lines(file: &mut File) -> io::Result<Found> {
    let (mut found, mut blank, mut read) = (Found::default(), true, 0_u64);
    let mut chunk = vec![0; CHUNK];
    loop {
        let got = match file.read(&mut chunk) {
            Ok(0) => return Ok(found),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for (at, byte) in chunk.iter().take(got).enumerate() {
            if *byte == b'\n' {
                let (start, end) = (found.end, read + at as u64 + 1);
                (found.lines, found.end) = (found.lines + 1, end);
                if !blank {
                    found.last = Some((found.lines, start, end));
                }
                blank = true;
            } else {
                blank &= matches!(byte, b' ' | b'\t' | b'\r');
            }
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
    fn half_lines_are_cut_off_and_the_last_one_that_says_something_is_known() {
        let folder = std::env::temp_dir().join(format!("apiseal-part-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (target, path) = (folder.join("out"), folder.join("out.part"));
        let long = "x".repeat(3 * CHUNK);
        for (content, lines, last, kept) in [
            ("", 0, None, ""),
            ("half", 0, None, ""),
            ("one\n", 1, Some((1, "one")), "one\n"),
            ("one\r\ntwo\r\nhal", 2, Some((2, "two")), "one\r\ntwo\r\n"),
            ("one\n\n \r\n", 3, Some((1, "one")), "one\n\n \r\n"),
            ("\n", 1, None, "\n"),
            (&format!("{long}\n{long}\n{long}"), 2, Some((2, long.as_str())), &format!("{long}\n{long}\n")),
        ] {
            let open = || Part::open(&target, None).map_err(|failure| failure.to_string());
            fs::write(&path, content).unwrap();
            if !content.is_empty() {
                assert!(open().is_err(), "nobody has left this");
                // One hash too few, and as many as are needed.
                fs::write(
                    folder.join("out.part.read"),
                    vec![0; 8 * lines as usize - 8 * lines.min(1) as usize],
                )
                .unwrap();
                assert!(open().is_err());
                fs::write(folder.join("out.part.read"), vec![0; 8 * lines as usize + 12]).unwrap();
            }
            let mut part = open().unwrap();
            let expected = last.map(|(number, line)| (number, line.as_bytes().to_vec()));
            assert_eq!((part.lines(), part.last().unwrap()), (lines, expected));
            // Nobody else writes it meanwhile.
            assert!(open().is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            let hashes = Hashes::default();
            hashes.add(b"a line\n");
            part.go_on(hashes).unwrap();
            part.write_all(b"more\n").unwrap();
            assert_eq!(fs::metadata(folder.join("out.part.read")).unwrap().len(), 8 * lines + 8);
            assert!(part.write_all(b"a line that was never read\n").is_err());
            part.finish().map_err(|failure| failure.to_string()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), format!("{kept}more\n"));
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
