//! NDJSON: one operation on each line of a stream, in constant memory, on as many threads as wanted, in order.
//!
//! [`FieldCipher::encrypt_lines`](crate::FieldCipher::encrypt_lines) and
//! [`FieldCipher::decrypt_lines`](crate::FieldCipher::decrypt_lines) are made of [`Lines`], which works for any other
//! operation as well; [`Blocks`] gives many lines as one text, for those who only write them. A line that fails does not end the run: it is told with its number and its error.
//!
//! A line ends with LF or CRLF; the last one may have no line end. Line ends and blank lines are kept as they stood, so
//! that a stream of which no line fails comes back from decryption byte for byte.

mod blocks;
mod engine;
mod pool;
mod reader;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec;

use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use engine::Engine;
use reader::Chunk;

pub use blocks::{Block, Blocks, Failed};

/// What becomes of one line.
#[derive(Clone, Debug)]
pub struct Line<T> {
    /// Number of the line in the source, from 1; blank and failed lines count.
    pub number: u64,
    /// What the operation made of it.
    pub outcome: Outcome<T>,
    /// How the line ended. It is no part of the outcome.
    pub ending: Ending,
}

/// What the operation made of a line.
#[derive(Clone, Debug)]
pub enum Outcome<T> {
    /// The line is empty or holds only spaces, tabs and carriage returns: these bytes. The operation was not called.
    Blank(Vec<u8>),
    /// The operation's result.
    Done(T),
    /// The operation's error, or [`Code::LimitDocument`] for a line that is longer than allowed.
    Failed(Error),
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A line feed.
    Lf,
    /// A carriage return and a line feed.
    CrLf,
    /// The source ended: the last line has no line end.
    None,
}

impl Ending {
    /// The bytes of the line end.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
            Ending::None => b"",
        }
    }
}

/// How lines are worked on.
///
/// ```
/// let mut options = apiseal::LineOptions::default();
/// options.threads = 2;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineOptions {
    /// Worker threads, from 1 to 1024. Default 1: the calling thread does all the work and none is started.
    pub threads: usize,
    /// Bytes that a line may have without its line end, from 1 to 1 GiB. Default 64 MiB, as the document limit. A
    /// longer line fails; the rest of it is read and not kept.
    pub max_line: usize,
}

impl Default for LineOptions {
    fn default() -> Self {
        LineOptions { threads: 1, max_line: Limits::default().document }
    }
}

impl LineOptions {
    fn check(self) -> Result<()> {
        for (name, value, max) in
            [("threads", self.threads, 1024), ("max_line", self.max_line, Limits::MAX_DOCUMENT)]
        {
            if value == 0 || value > max {
                return Err(Error::because(
                    Code::InvalidArgument,
                    format!("option `{name}` must be from 1 to {max}"),
                ));
            }
        }
        Ok(())
    }
}

/// What is done with a chunk. It ends early, with whatever result, once the flag is set.
type Work<B> = Arc<dyn Fn(&Chunk, &AtomicBool) -> B + Send + Sync>;

/// An iterator over the lines of a source, each worked on, in the order of the source.
///
/// Nothing is read before the first call of `next`, and little more than what is pulled: a consumer that stops
/// pulling stops the reading. An error of the source comes behind the lines before it and ends the iteration; a line
/// that it cut is not given.
///
/// **Memory.** One read of 128 KiB more than there are threads. With one thread, the results of one read; with `n`, those
/// that wait for their turn: of `4 n` reads, or of as many as hold `n` times 8 MiB of input. A line that is longer than a
/// read is held whole. The buffers are wiped when the iterator ends; the source should not keep what it gave, as a
/// `BufReader` does.
///
/// **Threads.** The reading is done by the workers as well, one at a time: results that are ready do not wait for a
/// source that has nothing yet. A panic of the operation or of the source goes on in the thread that pulls. Dropping
/// the iterator stops the workers after the line they are at and waits for them, but not for one that waits for the
/// source: that one ends with the read.
///
/// ```
/// use apiseal::{LineOptions, Lines, lines::Outcome};
/// let source = &b"{\"a\":1}\n\n{\"b\":22}"[..];
/// let lengths = Lines::new(source, LineOptions::default(), |line| Ok(line.len()))?;
/// let seen: Vec<(u64, Option<usize>)> = lengths
///     .map(|line| line.map(|line| match line.outcome {
///         Outcome::Done(len) => (line.number, Some(len)),
///         _ => (line.number, None),
///     }))
///     .collect::<Result<_, _>>()
///     .unwrap();
/// assert_eq!(seen, [(1, Some(7)), (2, None), (3, Some(8))]);
/// # Ok::<(), apiseal::Error>(())
/// ```
pub struct Lines<T> {
    engine: Engine<Vec<Line<T>>>,
    current: vec::IntoIter<Line<T>>,
}

impl<T: Send + 'static> Lines<T> {
    /// Lines of `source`, each given to `operation` without its line end.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an option out of its range.
    pub fn new(
        source: impl Read + Send + 'static,
        options: LineOptions,
        operation: impl Fn(&[u8]) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let work = move |chunk: &Chunk, stopped: &AtomicBool| {
            let mut lines = Vec::with_capacity(chunk.len());
            let wanted = |_: &usize| !stopped.load(Ordering::Relaxed);
            lines.extend((0..chunk.len()).take_while(wanted).map_while(|at| chunk.work(at, &operation)));
            lines
        };
        let engine = Engine::new(source, options, Arc::new(work))?;
        Ok(Lines { engine, current: Vec::new().into_iter() })
    }

    /// Whether the next line is there already, so that `next` waits neither for the source nor for a worker. Whoever
    /// collects output before writing it writes when this is false.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.current.len() > 0 || self.engine.is_ready()
    }
}

impl<T: Send + 'static> Iterator for Lines<T> {
    type Item = io::Result<Line<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.current.next() {
                return Some(Ok(line));
            }
            match self.engine.pull()? {
                Ok(lines) => self.current = lines.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T: Send + 'static> std::iter::FusedIterator for Lines<T> {}

impl<T> fmt::Debug for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}
