//! From a stream of lines to its output: many lines at once where only texts are made of them, or one by one.

use std::borrow::Cow;
use std::path::Path;

use apiseal::Lines;
use apiseal::lines::{Block, Blocks, Outcome};

use crate::ndjson::Run;
use crate::output::{Failure, Result, file_failure};

/// Lines that are worked on.
pub(crate) trait Feed {
    /// Writes the output of all lines, up to one with which the run ends. `input` is for messages.
    fn feed(&mut self, run: &mut Run<'_>, input: &Path) -> Result<()>;
}

impl Feed for Blocks {
    fn feed(&mut self, run: &mut Run<'_>, input: &Path) -> Result<()> {
        for block in self {
            let block = block.map_err(|error| file_failure(input, error))?;
            if write_block(run, &block)? {
                break;
            }
        }
        Ok(())
    }
}

/// Writes the lines of a block; true if the run ends with one of them.
fn write_block(run: &mut Run<'_>, block: &Block) -> Result<bool> {
    run.lines += block.lines();
    for failed in block.failed() {
        let number = run.done + failed.number;
        if run.fail(number, &failed.error) {
            run.lines = number;
            run.sink.write_lines(block.text().get(..failed.at).unwrap_or_default())?;
            return Ok(true);
        }
    }
    run.write(block.text()).map(|()| false)
}

/// What an operation made of a line, where the output needs more than its text.
pub(crate) trait Output: Send + 'static {
    /// Whether the output has the lines of the input: blank ones are kept, and every one ends as it did.
    const KEEPS_LINES: bool;
    /// What is written for the line of this number.
    fn bytes(&self, number: u64) -> Cow<'_, [u8]>;
    /// What is wrong with the line although something stands for it.
    fn fault(&self) -> Option<Failure>;
}

impl<T: Output> Feed for Lines<T> {
    fn feed(&mut self, run: &mut Run<'_>, input: &Path) -> Result<()> {
        let mut collected = Vec::new();
        while let Some(line) = self.next() {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    run.write(&collected)?;
                    return Err(file_failure(input, error));
                }
            };
            run.lines = run.done + line.number;
            let ending = if T::KEEPS_LINES { line.ending.as_bytes() } else { b"" };
            match &line.outcome {
                Outcome::Blank(_) if !T::KEEPS_LINES => {}
                Outcome::Blank(text) => collected.extend([text, ending].concat()),
                Outcome::Done(output) => {
                    let fault = output.fault();
                    if fault.is_some_and(|fault| run.mark(run.lines, &fault)) {
                        return run.write(&collected);
                    }
                    collected.extend_from_slice(&output.bytes(run.lines));
                    collected.extend_from_slice(ending);
                }
                Outcome::Failed(error) => {
                    if run.fail(run.lines, error) {
                        return run.write(&collected);
                    }
                }
            }
            if collected.len() > COLLECTED || !self.is_ready() {
                run.write(&collected)?;
                collected.clear();
            }
        }
        run.write(&collected)
    }
}

/// Bytes of output that are collected before they are written. They are redacted or told of any key: nothing is wiped.
const COLLECTED: usize = 256 << 10;
