//! The `apiseal` command: keys, encryption and decryption of fields, paths and policies on the command line.
//!
//! Standard input and output by default, JSON Lines where a machine reads, messages on standard error, and exit codes
//! that scripts can rely on.

mod args;
mod crypt;
mod explain;
mod feed;
mod http;
mod input;
mod inspect;
mod keyring;
mod keys;
mod ndjson;
mod output;
mod part;
mod progress;
mod protect;
mod redact;
mod reencrypt;
mod sign;
mod sink;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use output::Failure;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Keys(command) => keys::run(command),
        Command::Encrypt(args) => crypt::run(&args, crypt::Direction::Encrypt),
        Command::Decrypt(args) => crypt::run(&args, crypt::Direction::Decrypt),
        Command::Reencrypt(args) => reencrypt::run(&args),
        Command::Diagnose(args) => tools::diagnose(&args),
        Command::Redact(args) => redact::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Verify(args) => sign::verify(&args),
        Command::Protect(args) => protect::protect(&args),
        Command::Accept(args) => protect::accept(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Locate(args) => tools::locate(&args),
        Command::Policy(command) => tools::policy(command),
        Command::Completion { shell } => tools::completion(shell),
        Command::Man => tools::man(),
    };
    match result {
        // Whoever closed the pipe has read enough.
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        // Whoever closed it knows; a script that asks for `pipefail` must know too.
        Err(failure @ Failure::CutOff) => ExitCode::from(failure.exit_code()),
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
