//! `apiseal redact`.

use std::path::PathBuf;

use apiseal::{Policy, Redactor};
use clap::Args;

use crate::crypt::{check_in_place, deliver};
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
}

pub(crate) fn run(args: &RedactArgs) -> Result<()> {
    let file = args.file.as_deref();
    check_in_place(args.in_place, file)?;
    let redactor = Redactor::new(&Policy::from_json(&read_text(&args.policy)?)?)?;
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
