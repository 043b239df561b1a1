//! NDJSON: one operation on each line of a stream, in constant memory, on as many threads as wanted, in order.
//!
//! [`FieldCipher::encrypt_lines`](crate::FieldCipher::encrypt_lines) and
//! [`FieldCipher::decrypt_lines`](crate::FieldCipher::decrypt_lines) are made of [`Lines`], which works for any other
//! operation as well. A line that fails does not end the run: it is told with its number and its error.
//!
//! A line ends with LF or CRLF; the last one may have no line end. Line ends and blank lines are kept as they stood, so
//! that a stream of which no line fails comes back from decryption byte for byte.

mod pool;
mod reader;

use std::fmt;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use pool::Pool;
use reader::{Chunk, LineReader};

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

/// What is done with a line.
type Operation<T> = Arc<dyn Fn(&[u8]) -> Result<T> + Send + Sync>;

/// An iterator over the lines of a source, each worked on, in the order of the source.
///
/// Nothing is read before the first call of `next`, and little more than what is pulled: a consumer that stops
/// pulling stops the reading. An error of the source comes behind the lines before it and ends the iteration; a line
/// that it cut is not given.
///
/// **Memory.** One read of 128 KiB more than there are threads. With one thread, one result; with `n`, those that wait
/// for their turn: of `4 n` reads, or of as many as hold `n` times 8 MiB of input. A line that is longer than a read is
/// held whole. The buffers are wiped when the iterator ends; the source should not keep what it gave, as a `BufReader`
/// does.
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
pub struct Lines<T>(State<T>);

enum State<T> {
    /// Everything happens on the calling thread.
    Here {
        reader: LineReader,
        operation: Operation<T>,
        chunk: Chunk,
        at: usize,
    },
    /// Threads are started by the first call of `next`.
    Waiting {
        reader: LineReader,
        operation: Operation<T>,
        threads: usize,
    },
    Working(Pool<T>),
    Ended,
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
        options.check()?;
        let reader = LineReader::new(Box::new(source), options.max_line);
        let operation: Operation<T> = Arc::new(operation);
        Ok(Lines(match options.threads {
            1 => State::Here { reader, operation, chunk: Chunk::default(), at: 0 },
            threads => State::Waiting { reader, operation, threads },
        }))
    }

    /// Whether the next line is there already, so that `next` waits neither for the source nor for a worker. Whoever
    /// collects output before writing it writes when this is false.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.0 {
            State::Here { chunk, at, .. } => *at < chunk.len(),
            State::Working(pool) => pool.is_ready(),
            State::Waiting { .. } | State::Ended => false,
        }
    }

    fn pull(&mut self) -> Option<io::Result<Line<T>>> {
        if let State::Waiting { .. } = self.0
            && let State::Waiting { reader, operation, threads } =
                std::mem::replace(&mut self.0, State::Ended)
        {
            match Pool::start(reader, operation, threads) {
                Ok(pool) => self.0 = State::Working(pool),
                Err(error) => return Some(Err(error)),
            }
        }
        match &mut self.0 {
            State::Here { reader, operation, chunk, at } => loop {
                *at += 1;
                if let Some(line) = chunk.work(*at - 1, operation.as_ref()) {
                    return Some(Ok(line));
                }
                if chunk.is_last() {
                    return chunk.take_error().map(Err);
                }
                reader.fill(chunk);
                *at = 0;
            },
            State::Working(pool) => match pool.pull()? {
                Ok(line) => Some(line),
                Err(panic) => {
                    self.0 = State::Ended;
                    resume_unwind(panic)
                }
            },
            State::Waiting { .. } | State::Ended => None,
        }
    }
}

impl<T: Send + 'static> Iterator for Lines<T> {
    type Item = io::Result<Line<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.pull();
        if !matches!(next, Some(Ok(_))) {
            // Buffers and threads are given back at once.
            self.0 = State::Ended;
        }
        next
    }
}

impl<T: Send + 'static> std::iter::FusedIterator for Lines<T> {}

impl<T> fmt::Debug for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}
