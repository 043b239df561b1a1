//! `apiseal redact`.

use std::borrow::Cow;
use std::path::PathBuf;

use apiseal::{Lines, Policy, Redacted, Redactor};
use clap::Args;

use crate::args::output_file;
use crate::crypt::{check_in_place, check_output, deliver};
use crate::feed::Output;
use crate::input::is_input;
use crate::ndjson::{self, Keeping, NdjsonArgs, Places};
use crate::output::{Failure, Result, read_document, read_text};

#[derive(Args)]
pub(crate) struct RedactArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Write to this file instead of standard output; it appears whole or not at all. A pipe or device is written to.
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place", value_parser = output_file())]
    output: Option<PathBuf>,
    /// Replace the input file; an unreadable one stays as it was.
    #[arg(long, requires = "file")]
    in_place: bool,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    ndjson: NdjsonArgs,
}

/// An unreadable line is the constant, and counts as failed.
impl Output for Redacted {
    const KEEPS_LINES: bool = true;

    fn bytes(&self, _: u64) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.as_str().as_bytes())
    }

    fn fault(&self) -> Option<Failure> {
        self.is_unreadable().then_some(Failure::Unreadable("the line is {\"redacted\":\"unreadable\"}"))
    }
}

pub(crate) fn run(args: &RedactArgs) -> Result<()> {
    let file = args.file.as_deref();
    check_in_place(args.in_place, file)?;
    check_output(args.output.as_deref(), &[&args.policy])?;
    let redactor = Redactor::new(&Policy::from_json(&read_text(&args.policy)?)?)?;
    if args.ndjson.ndjson {
        let places = Places {
            input: file,
            output: args.output.as_deref(),
            in_place: args.in_place,
            keeping: Keeping::Usual,
        };
        return ndjson::run(&args.ndjson, places, |source, options| {
            Lines::new(source, options, move |line| Ok(redactor.redact(line)))
        });
    }
    let output = args.output.as_deref();
    let redacted = redactor.redact(&read_document(file)?);
    let replaced = args.in_place || output.is_some_and(|output| is_input(file, output));
    if redacted.is_unreadable() && replaced {
        // Nothing is lost, and nobody takes the file for a redacted one: the exit code says so.
        return Err(Failure::Unreadable("the file stays as it was, with all that it holds"));
    }
    deliver(file, output, args.in_place, &redacted)?;
    match redacted.is_unreadable() {
        true => Err(Failure::Unreadable("the output is {\"redacted\":\"unreadable\"}")),
        false => Ok(()),
    }
}
