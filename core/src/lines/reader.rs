//! Lines out of a source of bytes, a chunk of whole lines at a time.
//!
//! The buffers are the reader's own, because those of the standard library keep what they held: each is wiped when it
//! is dropped. What follows the last line end of a chunk goes to the front of the next one.

use std::io::{self, ErrorKind, Read};

use crate::error::{Code, Error, Result};
use crate::lines::{Ending, Line, Outcome};
use crate::secret::Wiped;

/// Bytes that one read asks for at most: enough lines to make the hand-over between threads cheap.
const MOST: usize = 128 << 10;

/// Bytes that one read asks for where lines are very short, so that a chunk has no more than so many lines.
const LEAST: usize = 4 << 10;

/// Lines that a chunk aims at.
const LINES: usize = 256;

/// Whole lines in the order of the source, and whether the source ended behind them.
#[derive(Default)]
pub(super) struct Chunk {
    bytes: Wiped,
    filled: usize,
    first: u64,
    spans: Vec<Span>,
    end: Option<io::Result<()>>,
}

struct Span {
    start: usize,
    end: usize,
    ending: Ending,
    /// The line had more bytes than it may have; they are not here.
    too_long: bool,
}

impl Chunk {
    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Bytes that were read for these lines and are still here.
    pub(super) fn weight(&self) -> usize {
        self.filled
    }

    /// Whether nothing comes behind this chunk.
    pub(super) fn is_last(&self) -> bool {
        self.end.is_some()
    }

    /// Why nothing comes behind this chunk, if it is an error.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.end.as_mut().and_then(|end| std::mem::replace(end, Ok(())).err())
    }

    /// The line at `at`, worked on.
    pub(super) fn work<T>(&self, at: usize, operation: &dyn Fn(&[u8]) -> Result<T>) -> Option<Line<T>> {
        let span = self.spans.get(at)?;
        let text = self.bytes.get(span.start..span.end)?;
        let outcome = if span.too_long {
            Outcome::Failed(Error::because(Code::LimitDocument, "the line"))
        } else if text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            Outcome::Blank(text.to_vec())
        } else {
            operation(text).map_or_else(Outcome::Failed, Outcome::Done)
        };
        Some(Line { number: self.first + at as u64, outcome, ending: span.ending })
    }

    /// Empties it for another use. A buffer that a long line made large is given back once lines are short again.
    fn reset(&mut self) {
        if self.bytes.len() > 8 * MOST && self.filled < self.bytes.len() / 8 {
            self.bytes = Wiped::default();
        }
        self.filled = 0;
        self.spans.clear();
        self.end = None;
    }

    /// Makes room for at least half a read behind what is filled, if `most` bytes allow it.
    fn make_room(&mut self, read: usize, most: usize) {
        let len = self.bytes.len();
        if len - self.filled < read / 2 && len < most {
            let mut larger = Wiped::new(vec![0; (2 * len).clamp(read, most)]);
            copy(&mut larger, self.bytes.get(..self.filled).unwrap_or_default());
            self.bytes = larger;
        }
    }

    fn push(&mut self, start: usize, end: usize, ending: Ending, too_long: bool) {
        self.spans.push(Span { start, end, ending, too_long });
    }
}

/// Cuts a source into lines.
pub(super) struct LineReader {
    source: Box<dyn Read + Send>,
    max_line: usize,
    /// Holds, at its front, the beginning of a line whose end was not read yet.
    next: Chunk,
    next_number: u64,
    /// Set while the rest of a line that is too long passes by: the last byte of it that was read.
    skipping: Option<u8>,
    read: usize,
}

impl LineReader {
    pub(super) fn new(source: Box<dyn Read + Send>, max_line: usize) -> Self {
        LineReader { source, max_line, next: Chunk::default(), next_number: 1, skipping: None, read: MOST }
    }

    /// Replaces `chunk` by the next one: what one read completes, and no read is begun while there is a line to give.
    /// Only the last chunk may be without lines; behind it there is nothing to read.
    pub(super) fn fill(&mut self, chunk: &mut Chunk) {
        chunk.reset();
        std::mem::swap(&mut self.next, chunk);
        chunk.first = self.next_number;
        loop {
            // A carriage return may still be a part of the line end.
            if self.skipping.is_some() || chunk.filled > self.max_line.saturating_add(1) {
                let last = chunk.filled.checked_sub(1).and_then(|last| chunk.bytes.get(last));
                self.skipping = last.copied().or(self.skipping);
                chunk.filled = 0;
            }
            let (searched, read) = (chunk.filled, self.read);
            // There is room for at least one byte: a source that is asked for none would seem to have ended.
            chunk.make_room(read, self.max_line.saturating_add(2).max(read));
            let end = chunk.bytes.len().min(chunk.filled + read);
            let room = chunk.bytes.get_mut(chunk.filled..end).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => {
                    chunk.end = Some(Ok(()));
                    self.last_line(chunk);
                    break;
                }
                Ok(more) if more > room.len() => {
                    chunk.end =
                        Some(Err(io::Error::other("the source tells more bytes than it was asked for")));
                    break;
                }
                Ok(more) => chunk.filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    chunk.end = Some(Err(error));
                    break;
                }
            }
            let rest = self.split(chunk, searched);
            if chunk.len() > 0 {
                self.keep(chunk, rest);
                break;
            }
        }
        self.next_number += chunk.len() as u64;
    }

    /// Notes the lines that end behind `searched`; returns where the line begins that does not end.
    fn split(&mut self, chunk: &mut Chunk, mut searched: usize) -> usize {
        let mut start = 0;
        while let Some(at) = line_feed(chunk.bytes.get(searched..chunk.filled).unwrap_or_default()) {
            let feed = searched + at;
            let before = if feed > start { chunk.bytes.get(feed - 1).copied() } else { self.skipping };
            let (end, ending) = match before {
                Some(b'\r') => (feed.saturating_sub(1).max(start), Ending::CrLf),
                _ => (feed, Ending::Lf),
            };
            let too_long = self.skipping.take().is_some() || end - start > self.max_line;
            chunk.push(start, end, ending, too_long);
            start = feed + 1;
            searched = start;
        }
        start
    }

    /// Moves what begins at `rest` to the front of the next chunk.
    fn keep(&mut self, chunk: &mut Chunk, rest: usize) {
        let begun = chunk.bytes.get(rest..chunk.filled).unwrap_or_default();
        self.read = (chunk.filled / chunk.spans.len().max(1) * LINES).clamp(LEAST, MOST);
        self.next.make_room(self.read.max(2 * begun.len()), usize::MAX);
        copy(&mut self.next.bytes, begun);
        self.next.filled = begun.len();
    }

    /// What stands behind the last line end of the source.
    fn last_line(&mut self, chunk: &mut Chunk) {
        let too_long = self.skipping.take().is_some() || chunk.filled > self.max_line;
        if too_long || chunk.filled > 0 {
            chunk.push(0, chunk.filled, Ending::None, too_long);
        }
    }
}

/// Puts `from` to the front of `to`, which is long enough.
fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Place of the first line feed. Blocks are compared whole, which compilers turn into vector code.
fn line_feed(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<64>();
    let found = |block: &[u8; 64]| block.iter().fold(false, |found, byte| found | (*byte == b'\n'));
    let passed = 64 * blocks.iter().position(found).unwrap_or(blocks.len());
    let rest = bytes.get(passed..)?;
    rest.iter().position(|byte| *byte == b'\n').map(|at| passed + at)
}
