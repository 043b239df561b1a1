//! `apiseal redact`.

use std::borrow::Cow;
use std::path::PathBuf;

use apiseal::{Lines, Policy, Redacted, Redactor};
use clap::Args;

use crate::crypt::{check_in_place, deliver};
use crate::feed::Output;
use crate::ndjson::{self, Keeping, NdjsonArgs, Places};
use crate::output::{Failure, Result, read_document, read_text};

#[derive(Args)]
pub(crate) struct RedactArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Write to this file instead of standard output; it appears whole or not at all. A pipe or device is written to.
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
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
    let redacted = redactor.redact(&read_document(file)?);
    match (redacted.is_unreadable(), args.in_place) {
        // Nothing is lost, and nobody takes the file for a redacted one: the exit code says so.
        (true, true) => Err(Failure::Unreadable("the file stays as it was, with all that it holds")),
        (unreadable, in_place) => {
            deliver(file, args.output.as_deref(), in_place, &redacted)?;
            match unreadable {
                true => Err(Failure::Unreadable("the output is {\"redacted\":\"unreadable\"}")),
                false => Ok(()),
            }
        }
    }
}
