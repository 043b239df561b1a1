//! `--ndjson`: one operation on each line of a stream, in constant memory.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use apiseal::{Code, Error, Kind, LineOptions};
use clap::{Args, ValueEnum};

use crate::feed::Feed;
use crate::input::{Input, Skipped, is_input};
use crate::output::{Failure, Result, complain, file_failure};
use crate::part::Part;
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
    /// End with it. Standard output has got the lines before it; a file stays as it was.
    Stop,
}

/// Where lines come from and go to.
pub(crate) struct Places<'a> {
    /// `None` and `-` are standard input.
    pub(crate) input: Option<&'a Path>,
    /// `None` is standard output, unless the input is replaced.
    pub(crate) output: Option<&'a Path>,
    pub(crate) in_place: bool,
    pub(crate) keeping: Keeping<'a>,
}

/// What is kept of the output before the end.
pub(crate) enum Keeping<'a> {
    /// What the sink keeps by itself.
    Usual,
    /// Nothing at all, also not at the end.
    Nothing,
    /// What an earlier run has done; the run goes on behind it.
    Part(Part, &'a Same<'a>),
}

/// Whether a line of the output was made of this line of the input; line ends are no part of either.
pub(crate) type Same<'a> = dyn Fn(&[u8], &[u8]) -> Result<bool> + 'a;

/// Reads, works, writes.
///
/// # Errors
/// If lines failed, with the exit code of the gravest; if a file could not be read or written.
pub(crate) fn run<F: Feed>(
    args: &NdjsonArgs,
    places: Places<'_>,
    start: impl FnOnce(Input, LineOptions) -> apiseal::Result<F>,
) -> Result<()> {
    let (mut input, size) = Input::open(places.input)?;
    let (name, read) = (input.name.clone(), Arc::clone(&input.read));
    let target = places.output.or_else(|| places.input.filter(|_| places.in_place));
    // Lines that are left out would be lost where the output will stand in the input's place.
    let replaced = target.filter(|target| target.is_file() && is_input(places.input, target));
    if places.in_place && replaced.is_none() {
        return Err(Failure::Usage("--in-place with --ndjson needs a regular file".to_owned()));
    }
    let mut options = LineOptions::default();
    options.threads = args.threads.map_or_else(threads, usize::from);
    let (mut done, mut kept) = (0, None);
    let sink = match places.keeping {
        Keeping::Usual => target.map_or_else(Sink::stdout, Sink::at)?,
        Keeping::Nothing => Sink::nowhere(),
        Keeping::Part(mut part, same) => {
            (done, kept) = (part.lines(), Some(part.path().display().to_string()));
            go_on(&mut input, &mut part, same)?;
            Sink::part(part)
        }
    };
    let mut feed = start(input, options)?;
    let on_terminal = target.is_none() && io::stdout().is_terminal();
    let progress = Progress::new(!args.quiet && (args.progress || !on_terminal), args.progress, read, size);
    let mut run =
        Run { args, sink, progress, done, lines: done, kept, wrote: false, tally: Tally::default() };
    let ended = feed.feed(&mut run, Path::new(&name));
    // The threads have ended when the outcome is told.
    drop(feed);
    run.progress.end(run.lines, run.tally.failed);
    match ended {
        Ok(()) | Err(Failure::ClosedPipe) if run.tally.failed > 0 => {}
        other => return other.and_then(|()| run.sink.finish()),
    }
    if let Some(path) = &run.kept {
        return Err(run.tally.failure_kept(run.lines, path));
    }
    // What was to replace its input must have lost nothing; what had to stop is not whole; nothing is not worth a file.
    let spared = replaced.is_some() || run.tally.stopped || !run.wrote;
    let spared = target.filter(|_| spared && run.sink.waits());
    let failure = run.tally.failure(run.lines, spared);
    if spared.is_none() {
        run.sink.finish()?;
    }
    Err(failure)
}

/// Skips what is done already, if it was made of this input.
fn go_on(input: &mut Input, part: &mut Part, same: &Same<'_>) -> Result<()> {
    let hashes = input.hashes();
    if part.lines() > 0 {
        let path = part.path().to_owned();
        let of_part = |error| file_failure(&path, error);
        let last = part.last().map_err(of_part)?;
        let wanted = last.as_ref().map_or_else(|| part.lines(), |(number, _)| *number);
        let skipped = input.skip_lines(part.lines(), wanted, part.hashes().map_err(of_part)?);
        let fault = match skipped.map_err(|error| file_failure(Path::new(&input.name), error))? {
            Skipped::Differs(number) => Some(format!("line {number} is another one")),
            Skipped::Ended => Some("it is shorter".to_owned()),
            Skipped::Line(line) => match &last {
                Some((number, last)) if !same(&line, last)? => {
                    Some(format!("line {number} does not open to the same by these policies and contexts"))
                }
                _ => None,
            },
        };
        if let Some(fault) = fault {
            let detail = "was not made of this input; remove it to begin anew";
            return Err(Failure::Usage(format!("{} {detail} ({fault})", path.display())));
        }
        complain(format_args!("going on behind line {}", part.lines()));
    }
    part.go_on(hashes).map_err(|error| file_failure(part.path(), error))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}

/// A run over lines, and how far it has come.
pub(crate) struct Run<'a> {
    args: &'a NdjsonArgs,
    pub(crate) sink: Sink,
    progress: Progress,
    /// Lines that an earlier run has done.
    pub(crate) done: u64,
    pub(crate) lines: u64,
    /// Where the lines that are done wait for the next run; the first line that fails ends this one.
    kept: Option<String>,
    /// Whether anything but blank lines was written.
    wrote: bool,
    tally: Tally,
}

impl Run<'_> {
    /// Writes whole lines.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<()> {
        let written = self.sink.write_lines(lines);
        self.wrote = self.wrote || lines.iter().any(|byte| !byte.is_ascii_whitespace());
        self.progress.tick(self.lines, self.tally.failed);
        written
    }

    /// Notes a line that failed and is left out; true if the run ends with it.
    pub(crate) fn fail(&mut self, number: u64, error: &Error) -> bool {
        let stops =
            self.args.on_error == Some(OnError::Stop) || self.kept.is_some() || concerns_every_line(error);
        self.note(number, &Failure::Core(error.clone()), stops);
        self.tally.stopped = stops;
        stops
    }

    /// Notes a line that failed although something stands for it; true if the run ends with it.
    pub(crate) fn mark(&mut self, number: u64, failure: &Failure) -> bool {
        let stops = self.args.on_error == Some(OnError::Stop);
        self.tally.marked += 1;
        self.note(number, failure, stops);
        self.tally.stopped = stops;
        stops
    }

    fn note(&mut self, number: u64, failure: &Failure, loudly: bool) {
        if !self.args.quiet || loudly {
            self.progress.clear();
            complain(format_args!("line {number}: {failure}"));
        }
        self.tally.add(failure.exit_code());
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
    /// Failed lines for which something stands in the output.
    marked: u64,
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

    fn failure_kept(&self, lines: u64, path: &str) -> Failure {
        let text =
            format!("stopped at line {lines}; {path} keeps what is done for the next run with --resume");
        Failure::Lines { exit_code: self.exit_code, text }
    }

    fn failure(&self, lines: u64, spared: Option<&Path>) -> Failure {
        let (failed, path) = (self.failed, spared.map(|path| path.display().to_string()));
        let text = match (path, self.stopped) {
            (Some(path), true) => format!("stopped at line {lines}; {path} stays as it was"),
            (Some(path), false) => format!("{failed} of {lines} lines failed; {path} stays as it was"),
            (None, true) => format!("stopped at line {lines}"),
            (None, false) if self.marked == failed => format!("{failed} of {lines} lines failed"),
            (None, false) => format!("{failed} of {lines} lines failed and are left out"),
        };
        Failure::Lines { exit_code: self.exit_code, text }
    }
}
