//! Where lines come from.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, IsTerminal, Read, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use apiseal::Limits;
use zeroize::Zeroizing;

use crate::output::{Result, complain, file_behind, file_failure};

/// A file or standard input, which counts what was read.
pub(crate) struct Input {
    file: File,
    pub(crate) name: String,
    pub(crate) read: Arc<AtomicU64>,
    /// What was read behind the skipped lines, and how much of it was given.
    ahead: Zeroizing<Vec<u8>>,
    given: usize,
    /// Takes note of the lines, if somebody asks.
    hashes: Option<Hashes>,
}

/// What became of lines that were to be skipped.
pub(crate) enum Skipped {
    /// The line that was wanted, without its line end.
    Line(Zeroizing<Vec<u8>>),
    /// The line of this number has another hash.
    Differs(u64),
    /// There are fewer whole lines, or the one that was wanted is longer than a document may be.
    Ended,
}

impl Input {
    /// The input, and how many bytes it will give if that is known.
    pub(crate) fn open(path: Option<&Path>) -> Result<(Self, Option<u64>)> {
        let path = path.filter(|path| *path != Path::new("-"));
        let name = path.unwrap_or_else(|| Path::new("standard input"));
        let opened = match path {
            Some(path) => File::open(path),
            None => file_behind(io::stdin()),
        };
        let measured = opened.and_then(|mut file| {
            let metadata = file.metadata()?;
            let read_before = if metadata.is_file() { file.stream_position()? } else { 0 };
            Ok((file, metadata.is_file().then(|| metadata.len().saturating_sub(read_before))))
        });
        let (file, size) = measured.map_err(|error| file_failure(name, error))?;
        if path.is_none() && file.is_terminal() {
            complain("reading lines from the terminal; end them with Ctrl-D on a line of its own");
        }
        let name = name.display().to_string();
        let ahead = Zeroizing::new(Vec::new());
        Ok((Input { file, name, read: Arc::default(), ahead, given: 0, hashes: None }, size))
    }

    /// The hashes of all lines from now on.
    pub(crate) fn hashes(&mut self) -> Hashes {
        self.hashes.get_or_insert_default().clone()
    }

    /// Reads so many lines, which must have the hashes that `expected` gives, and keeps the one numbered `wanted`, from
    /// 1. To be called behind [`Input::hashes`] and before anything else is read.
    pub(crate) fn skip_lines(
        &mut self,
        count: u64,
        wanted: u64,
        mut expected: impl FnMut() -> io::Result<u64>,
    ) -> io::Result<Skipped> {
        let hashes = self.hashes();
        let (mut left, mut line) = (count, Zeroizing::new(Vec::new()));
        let mut chunk = Zeroizing::new(vec![0; 256 << 10]);
        while left > 0 {
            let got = match self.read(&mut chunk) {
                Ok(0) => return Ok(Skipped::Ended),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut rest = chunk.get(..got).unwrap_or_default();
            while left > 0 && !rest.is_empty() {
                let (piece, after, ended) = match rest.iter().position(|byte| *byte == b'\n') {
                    Some(at) => (rest.get(..at), rest.get(at + 1..), true),
                    None => (Some(rest), None, false),
                };
                let number = count - left + 1;
                if number == wanted {
                    line.extend_from_slice(piece.unwrap_or_default());
                }
                if line.len() > Limits::default().document + 1 {
                    return Ok(Skipped::Ended);
                }
                if ended && hashes.take(1) != Some(expected()?.to_le_bytes().to_vec()) {
                    return Ok(Skipped::Differs(number));
                }
                left -= u64::from(ended);
                rest = after.unwrap_or_default();
            }
            self.ahead = Zeroizing::new(rest.to_vec());
            self.given = 0;
        }
        line.pop_if(|byte| *byte == b'\r');
        Ok(Skipped::Line(line))
    }
}

/// Hashes of the lines that were read, to be taken in order; clones share them. They tell lines apart that somebody
/// changed by mistake: they are no protection against one who wants two lines to have one hash.
#[derive(Clone, Default)]
pub(crate) struct Hashes(Arc<Mutex<Hashing>>);

#[derive(Default)]
struct Hashing {
    /// Of the line whose end was not read yet.
    begun: DefaultHasher,
    lines: VecDeque<u64>,
}

impl Hashes {
    /// Takes note of what was read.
    pub(crate) fn add(&self, bytes: &[u8]) {
        let mut hashing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            hashing.begun.write(piece);
            if piece.last() == Some(&b'\n') {
                let line = std::mem::take(&mut hashing.begun).finish();
                hashing.lines.push_back(line);
            }
        }
    }

    /// The next hashes as bytes, unless there are fewer.
    pub(crate) fn take(&self, count: usize) -> Option<Vec<u8>> {
        let mut hashing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (hashing.lines.len() >= count)
            .then(|| hashing.lines.drain(..count).flat_map(u64::to_le_bytes).collect())
    }
}

/// Whether the input and what stands at `path` are one file, under whatever names.
pub(crate) fn is_input(input: Option<&Path>, path: &Path) -> bool {
    let input = match input.filter(|path| *path != Path::new("-")) {
        Some(input) => fs::metadata(input),
        None => file_behind(io::stdin()).and_then(|file| file.metadata()),
    };
    matches!((input, fs::metadata(path)), (Ok(input), Ok(other)) if is_same(&input, &other))
}

/// Whether the open file is what stands at `path`, where that can be told.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    cfg!(not(unix))
        || matches!((file.metadata(), fs::metadata(path)), (Ok(own), Ok(found)) if is_same(&own, &found))
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ahead = self.ahead.get(self.given..).unwrap_or_default();
        if !ahead.is_empty() {
            let mut ahead = ahead;
            let given = ahead.read(out)?;
            self.given += given;
            return Ok(given);
        }
        let read = self.file.read(out)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        if let Some(hashes) = &self.hashes {
            hashes.add(out.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}
