//! Where lines come from.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        Ok((Input { file, name, read: Arc::default(), ahead, given: 0 }, size))
    }

    /// Reads so many lines, from 1, and gives the last of them without its line end; `None` if there are fewer whole
    /// lines, or if it is longer than a document may be. To be called before anything else is read.
    pub(crate) fn skip_lines(&mut self, count: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let (mut left, mut line) = (count, Zeroizing::new(Vec::new()));
        let mut chunk = Zeroizing::new(vec![0; 256 << 10]);
        while left > 0 {
            let got = match self.read(&mut chunk) {
                Ok(0) => return Ok(None),
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
                if left == 1 {
                    line.extend_from_slice(piece.unwrap_or_default());
                }
                if line.len() > Limits::default().document + 1 {
                    return Ok(None);
                }
                left -= u64::from(ended);
                rest = after.unwrap_or_default();
            }
            self.ahead = Zeroizing::new(rest.to_vec());
            self.given = 0;
        }
        line.pop_if(|byte| *byte == b'\r');
        Ok(Some(line))
    }
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
        Ok(read)
    }
}
