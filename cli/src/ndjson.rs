//! `--ndjson`: one operation on each line of a stream, in constant memory.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use apiseal::lines::{Block, Blocks};
use apiseal::{Code, Error, Kind, LineOptions};
use clap::{Args, ValueEnum};

use crate::output::{Failure, Result, complain, file_behind, file_failure};
use crate::progress::Progress;
use crate::sink::Sink;

#[derive(Args)]
#[command(next_help_heading = "NDJSON")]
pub(crate) struct NdjsonArgs {
    /// The input is NDJSON: each line is a document of its own. Blank lines and line ends are kept. A line that fails
    /// is left out of the output and reported on standard error with its number.
    #[arg(long)]
    pub(crate) ndjson: bool,
    /// Worker threads; the lines stay in order. As many as there are cores if left out, at most 8.
    #[arg(long, value_name = "N", requires = "ndjson", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Whether to go on behind a line that failed; `skip` if left out.
    #[arg(long, value_name = "WHAT", requires = "ndjson")]
    on_error: Option<OnError>,
    /// Show lines, rate, errors and the time left even if standard error is no terminal.
    #[arg(long, requires = "ndjson")]
    progress: bool,
    /// Show no progress and do not report single lines; their number is still told at the end.
    #[arg(long, requires = "ndjson", conflicts_with = "progress")]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnError {
    /// Leave the line out and go on.
    Skip,
    /// Write the lines before it and end.
    Stop,
}

/// Where lines come from and go to.
pub(crate) struct Places<'a> {
    /// `None` and `-` are standard input.
    pub(crate) input: Option<&'a Path>,
    /// `None` is standard output, unless the input is replaced.
    pub(crate) output: Option<&'a Path>,
    pub(crate) in_place: bool,
}

/// Reads, works, writes.
///
/// # Errors
/// If lines failed, with the exit code of the gravest; if a file could not be read or written.
pub(crate) fn run(
    args: &NdjsonArgs,
    places: &Places<'_>,
    start: impl FnOnce(Input, LineOptions) -> apiseal::Result<Blocks>,
) -> Result<()> {
    let (input, size) = Input::open(places.input)?;
    let (name, read) = (input.name.clone(), Arc::clone(&input.read));
    let target = places.output.or_else(|| places.input.filter(|_| places.in_place));
    let replaced = target.filter(|target| replaces(places.input, target));
    if places.in_place && replaced.is_none() {
        return Err(Failure::Usage("--in-place with --ndjson needs a regular file".to_owned()));
    }
    let mut options = LineOptions::default();
    options.threads = args.threads.map_or_else(threads, usize::from);
    let mut blocks = start(input, options)?;
    let sink = target.map_or_else(Sink::stdout, Sink::at)?;
    let on_terminal = target.is_none() && io::stdout().is_terminal();
    let progress = Progress::new(!args.quiet && (args.progress || !on_terminal), args.progress, read, size);
    let mut run = Run { args, sink, progress, lines: 0, tally: Tally::default() };
    let ended = run.all(&mut blocks, Path::new(&name));
    // The threads have ended when the outcome is told.
    drop(blocks);
    run.progress.end(run.lines, run.tally.failed);
    match ended {
        Ok(()) | Err(Failure::ClosedPipe) if run.tally.failed > 0 => {}
        other => return other.and_then(|()| run.sink.finish()),
    }
    let failure = run.tally.failure(run.lines, replaced);
    // What was to replace its input must have lost nothing; what had to stop is not whole.
    if replaced.is_none() && !run.tally.stopped {
        run.sink.finish()?;
    }
    Err(failure)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}

/// Whether the output will stand where the input is: lines that are left out would be lost.
fn replaces(input: Option<&Path>, output: &Path) -> bool {
    let file = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    input.and_then(file).is_some_and(|input| file(output) == Some(input))
}

struct Run<'a> {
    args: &'a NdjsonArgs,
    sink: Sink,
    progress: Progress,
    lines: u64,
    tally: Tally,
}

impl Run<'_> {
    fn all(&mut self, blocks: &mut Blocks, input: &Path) -> Result<()> {
        for block in blocks {
            let block = block.map_err(|error| file_failure(input, error))?;
            if self.block(&block)? {
                break;
            }
        }
        Ok(())
    }

    /// Writes the lines of a block; true if the run ends with one of them.
    fn block(&mut self, block: &Block) -> Result<bool> {
        self.lines += block.lines();
        for failed in block.failed() {
            if self.fail(failed.number, &failed.error) {
                self.lines = failed.number;
                self.sink.write_lines(block.text().get(..failed.at).unwrap_or_default())?;
                return Ok(true);
            }
        }
        let written = self.sink.write_lines(block.text());
        self.progress.tick(self.lines, self.tally.failed);
        written.map(|()| false)
    }

    /// Notes a failed line; true if the run ends with it.
    fn fail(&mut self, number: u64, error: &Error) -> bool {
        let stops = self.args.on_error == Some(OnError::Stop) || concerns_every_line(error);
        if !self.args.quiet || stops {
            self.progress.clear();
            complain(format_args!("line {number}: {error}"));
        }
        self.tally.add(Failure::Core(error.clone()).exit_code());
        self.tally.stopped = stops;
        stops
    }
}

/// Whether the next line would fail the same way, so that skipping is no use.
fn concerns_every_line(error: &Error) -> bool {
    match error.kind() {
        Kind::Argument | Kind::Internal => true,
        // A token may name a key of another scope.
        Kind::Context => error.code() != Code::ContextScope,
        _ => error.code() == Code::NoPrimary,
    }
}

/// Failed lines.
#[derive(Default)]
struct Tally {
    failed: u64,
    exit_code: u8,
    stopped: bool,
}

impl Tally {
    /// A refused line is not hidden behind a malformed one, which anybody can make.
    fn add(&mut self, exit_code: u8) {
        let gravity = |code: u8| [0, 3, 2, 1, 5].iter().position(|known| *known == code);
        self.failed += 1;
        if gravity(exit_code) > gravity(self.exit_code) {
            self.exit_code = exit_code;
        }
    }

    fn failure(&self, lines: u64, replaced: Option<&Path>) -> Failure {
        let (failed, path) = (self.failed, replaced.map(|path| path.display().to_string()));
        let text = match (path, self.stopped) {
            (Some(path), true) => format!("stopped at line {lines}; {path} stays as it was"),
            (Some(path), false) => format!("{failed} of {lines} lines failed; {path} stays as it was"),
            (None, true) => format!("stopped at line {lines}"),
            (None, false) => format!("{failed} of {lines} lines failed and are left out"),
        };
        Failure::Lines { exit_code: self.exit_code, text }
    }
}

/// A file or standard input, which counts what was read.
pub(crate) struct Input {
    file: File,
    name: String,
    read: Arc<AtomicU64>,
}

impl Input {
    /// The input, and how many bytes it will give if that is known.
    fn open(path: Option<&Path>) -> Result<(Self, Option<u64>)> {
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
        Ok((Input { file, name: name.display().to_string(), read: Arc::default() }, size))
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
