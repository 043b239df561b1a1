//! Many lines as one text.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::lines::engine::Engine;
use crate::lines::reader::Chunk;
use crate::lines::{Line, LineOptions, Outcome};
use crate::secret::SecretBytes;

/// Buffers that are kept for the next block.
const SPARES: usize = 16;

/// A buffer that a long line made larger than this is not kept.
const LARGE: usize = 1 << 20;

/// The lines of about one read of the source, ready to be written.
pub struct Block {
    text: SecretBytes,
    failed: Vec<Failed>,
    lines: u64,
    spares: Arc<Spares>,
}

impl Block {
    /// Results and blank lines with their line ends, one behind the other. A failed line is left out with its line end.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The lines that failed, in order.
    #[must_use]
    pub fn failed(&self) -> &[Failed] {
        &self.failed
    }

    /// Number of lines, those that failed included.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.spares.keep(std::mem::take(&mut self.text));
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("text", &self.text)
            .field("failed", &self.failed)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

/// Texts of blocks that are gone, for those to come: neither allocated nor wiped for each block, but wiped at the end.
#[derive(Default)]
struct Spares(Mutex<Vec<SecretBytes>>);

impl Spares {
    fn keep(&self, mut text: SecretBytes) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES && text.capacity() <= LARGE {
            text.clear();
            spares.push(text);
        }
    }

    fn take(&self) -> SecretBytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

/// A line that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its number in the source, from 1.
    pub number: u64,
    /// The operation's error.
    pub error: Error,
    /// Where in the block's text it would stand: what is before it is the lines before it.
    pub at: usize,
}

/// An iterator over the lines of a source as [`Lines`](crate::Lines), but with many lines in one text. The text is put
/// together by the threads that do the work, so that they scale better. Buffers are used again, and wiped at the end.
///
/// ```
/// use apiseal::{LineOptions, lines::Blocks};
/// let source = &b"{\"a\":1}\n\n{\"b\":2}"[..];
/// let mut out = Vec::new();
/// for block in Blocks::new(source, LineOptions::default(), |line| Ok(line.to_ascii_uppercase()))? {
///     out.extend_from_slice(block.unwrap().text());
/// }
/// assert_eq!(out, b"{\"A\":1}\n\n{\"B\":2}");
/// # Ok::<(), apiseal::Error>(())
/// ```
pub struct Blocks(Engine<Block>);

impl Blocks {
    /// Lines of `source`, each given to `operation` without its line end.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) for an option out of its range.
    pub fn new<T: AsRef<[u8]>>(
        source: impl Read + Send + 'static,
        options: LineOptions,
        operation: impl Fn(&[u8]) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let spares = Arc::<Spares>::default();
        let work = move |chunk: &Chunk, stopped: &AtomicBool| block(chunk, stopped, &operation, &spares);
        Engine::new(source, options, Arc::new(work)).map(Blocks)
    }
}

impl Iterator for Blocks {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pull()
    }
}

impl std::iter::FusedIterator for Blocks {}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocks")
    }
}

fn block<T: AsRef<[u8]>>(
    chunk: &Chunk,
    stopped: &AtomicBool,
    operation: &dyn Fn(&[u8]) -> Result<T>,
    spares: &Arc<Spares>,
) -> Block {
    let mut text = Text(spares.take());
    let mut failed = Vec::new();
    let wanted = |_: &usize| !stopped.load(Ordering::Relaxed);
    for line in (0..chunk.len()).take_while(wanted).map_while(|at| chunk.work(at, operation)) {
        let Line { number, outcome, ending } = line;
        match outcome {
            Outcome::Blank(blank) => text.push(&blank, ending.as_bytes(), chunk.weight()),
            Outcome::Done(done) => text.push(done.as_ref(), ending.as_bytes(), chunk.weight()),
            Outcome::Failed(error) => failed.push(Failed { number, error, at: text.0.len() }),
        }
    }
    Block { text: text.0, failed, lines: chunk.len() as u64, spares: Arc::clone(spares) }
}

/// A text that grows without leaving anything behind that is not wiped.
struct Text(SecretBytes);

impl Text {
    /// `expected` bytes of input are in the chunk: most outputs are not much longer.
    fn push(&mut self, line: &[u8], ending: &[u8], expected: usize) {
        let len = self.0.len() + line.len() + ending.len();
        if self.0.capacity() < len {
            let mut larger =
                SecretBytes::with_capacity(len.max(2 * self.0.capacity()).max(expected + expected / 2));
            larger.extend(&self.0);
            self.0 = larger;
        }
        self.0.extend(line);
        self.0.extend(ending);
    }
}
