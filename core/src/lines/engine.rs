//! Batches of work on a source, here or on worker threads.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;

use crate::error::Result;
use crate::lines::pool::Pool;
use crate::lines::reader::{Chunk, LineReader};
use crate::lines::{LineOptions, Work};

/// What [`Lines`](crate::Lines) and [`Blocks`](crate::lines::Blocks) are made of.
pub(super) struct Engine<B> {
    state: State<B>,
    /// The error of the source behind the batch that was given last.
    error: Option<io::Error>,
}

enum State<B> {
    /// Everything happens on the calling thread.
    Here {
        reader: LineReader,
        work: Work<B>,
        chunk: Chunk,
    },
    /// Threads are started with the first batch.
    Waiting {
        reader: LineReader,
        work: Work<B>,
        threads: usize,
    },
    Working(Pool<B>),
    Ended,
}

impl<B: Send + 'static> Engine<B> {
    pub(super) fn new(
        source: impl Read + Send + 'static,
        options: LineOptions,
        work: Work<B>,
    ) -> Result<Self> {
        options.check()?;
        let reader = LineReader::new(Box::new(source), options.max_line);
        let state = match options.threads {
            1 => State::Here { reader, work, chunk: Chunk::default() },
            threads => State::Waiting { reader, work, threads },
        };
        Ok(Engine { state, error: None })
    }

    /// Whether the next batch is there already.
    pub(super) fn is_ready(&self) -> bool {
        matches!(&self.state, State::Working(pool) if pool.is_ready())
    }

    /// The next batch; behind the last one the source's error, if it ended with one. A panic of a worker goes on here.
    pub(super) fn pull(&mut self) -> Option<io::Result<B>> {
        if let Some(error) = self.error.take() {
            self.state = State::Ended;
            return Some(Err(error));
        }
        // Whatever unwinds or returns early leaves an engine that has ended.
        let (batch, next) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Here { mut reader, work, mut chunk } => {
                if chunk.is_last() {
                    return None;
                }
                reader.fill(&mut chunk);
                let batch = work(&chunk, &AtomicBool::new(false));
                self.error = chunk.take_error();
                (batch, State::Here { reader, work, chunk })
            }
            State::Waiting { reader, work, threads } => match Pool::start(reader, work, threads) {
                Ok(pool) => self.pull_from(pool)?,
                Err(error) => return Some(Err(error)),
            },
            State::Working(pool) => self.pull_from(pool)?,
            State::Ended => return None,
        };
        self.state = next;
        Some(Ok(batch))
    }

    fn pull_from(&mut self, mut pool: Pool<B>) -> Option<(B, State<B>)> {
        match pool.pull()? {
            Ok((batch, error)) => {
                self.error = error;
                Some((batch, State::Working(pool)))
            }
            Err(panic) => {
                drop(pool);
                resume_unwind(panic)
            }
        }
    }
}
