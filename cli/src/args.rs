//! What can be typed.

use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::explain::ExplainArgs;
use crate::inspect::InspectArgs;
use crate::keys::args::KeysCommand;
use crate::ndjson::NdjsonArgs;
use crate::protect::{AcceptArgs, ProtectArgs};
use crate::redact::RedactArgs;
use crate::reencrypt::ReencryptArgs;
use crate::sign::{SignArgs, VerifyArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused: rejected, not encrypted, or the document does not fit the policy
  2  usage, policy, context or key configuration
  3  malformed input, or a limit
  4  input or output
  5  internal error
With --ndjson the code of the gravest failed line: 5, 1, 2, 3 in this order.";

/// Where output may go. As input `-` is a stream, so that a file of this name is nothing that anybody means.
pub(crate) fn output_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path == Path::new("-") {
        true => Err("leave -o out for standard output; a file of this name is `./-`"),
        false => Ok(path),
    })
}

/// Encrypts chosen fields of JSON documents and binds each to its key, context and place.
#[derive(Parser)]
#[command(name = "apiseal", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make, look at and change keyrings.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Encrypt the values that a policy selects; every other byte stays as it is.
    #[command(after_help = "\
Examples:
  apiseal encrypt --keyring ring.json --policy orders.json \\
      --context purpose=orders --context tenant=acme < order.json > sealed.json
  apiseal encrypt --keyring ring.json --policy orders.json --context purpose=orders --in-place order.json
  apiseal encrypt --keyring ring.json --policy orders.json --context purpose=orders \\
      --ndjson -o sealed.ndjson orders.ndjson")]
    Encrypt(CryptArgs),
    /// Give back the document that was encrypted, byte for byte, or nothing.
    #[command(after_help = "\
Examples:
  apiseal decrypt --keyring ring.json --policy orders.json \\
      --context purpose=orders --context tenant=acme < sealed.json > order.json
  apiseal decrypt --keyring ring.json --policy orders.json --context purpose=orders \\
      --ndjson --on-error stop sealed.ndjson | head -1")]
    Decrypt(CryptArgs),
    /// Decrypt and encrypt anew in one step: under the primary key, another context or another policy.
    #[command(after_help = "\
Examples:
  apiseal reencrypt --keyring ring.json --policy orders.json --context purpose=orders --in-place order.json
      after `keys promote`: what is stored goes to the new primary key
  apiseal reencrypt --keyring ring.json --from-policy tokens.json --to-policy document.json \\
      --context purpose=orders --ndjson --dry-run sealed.ndjson
  apiseal reencrypt --keyring ring.json --policy orders.json --context purpose=orders \\
      --ndjson --resume -o new.ndjson sealed.ndjson      goes on where a run that was stopped has ended")]
    Reencrypt(ReencryptArgs),
    /// Tell why a document does not open: how far each position comes, one JSON object a line. For the owner of the keys
    /// only: whoever can ask again and again learns which part of a forgery was right.
    #[command(after_help = "\
Example:
  apiseal diagnose --keyring ring.json --policy orders.json --context purpose=orders --context tenant=acme \\
      --candidate purpose=orders,tenant=other sealed.json")]
    Diagnose(DiagnoseArgs),
    /// Mask what a policy protects, for logs and screens; works on clear and on encrypted documents, needs no key.
    #[command(after_help = "\
A malformed or too large document becomes {\"redacted\":\"unreadable\"}, with exit code 3.

Example:
  apiseal redact --policy orders.json < order.json")]
    Redact(RedactArgs),
    /// List what is encrypted and under which key: one JSON object a line. Needs no key; without --verify nothing is
    /// authenticated.
    #[command(after_help = "\
Whoever can write a document can make it name any key. Before you disable a key, count with --verify.

Examples:
  apiseal inspect order.json
  apiseal inspect --summary --fail-if-kid k2025 order.json
  apiseal inspect --verify --keyring ring.json --policy orders.json --context purpose=orders order.json")]
    Inspect(InspectArgs),
    /// Sign an HTTP message (RFC 9421): start line, headers, blank line, content, as text. The message comes out with the
    /// header lines of its signature.
    #[command(after_help = "\
Examples:
  apiseal sign --keyring ring.json < request.http > signed.http
  apiseal sign --keyring ring.json --request signed.http response.http      answers a verified request")]
    Sign(SignArgs),
    /// Verify a signed HTTP message, and print what was proved: one JSON object with key, principal and exactly the covered
    /// components.
    #[command(after_help = "\
One run remembers no nonces, which has to be said: a service keeps a replay store.

Examples:
  apiseal verify --keyring ring.json --no-replay-check signed.http
  apiseal verify --keyring ring.json --no-replay-check --origin backend:8080=https://api.example signed.http
  apiseal verify --keyring ring.json --request signed.http response.http")]
    Verify(VerifyArgs),
    /// Encrypt the fields of an HTTP message and sign it: `encrypt` and `sign` in one. Who signs and which way the message
    /// goes enter the context, so that the content is of no use in another's message.
    #[command(after_help = "\
Examples:
  apiseal protect --keyring ring.json --policy orders.json --context purpose=orders < request.http > protected.http
  apiseal protect --keyring ring.json --policy orders.json --context purpose=orders \\
      --request protected.http response.http      answers a verified request")]
    Protect(ProtectArgs),
    /// Verify an HTTP message and decrypt its fields: `verify` and `decrypt` in one. Prints the clear content; nothing is
    /// decrypted of a message that does not verify.
    #[command(after_help = "\
One run remembers no nonces, which has to be said: a service keeps a replay store.

Examples:
  apiseal accept --keyring ring.json --policy orders.json --context purpose=orders --no-replay-check protected.http
  apiseal accept --keyring ring.json --policy orders.json --context purpose=orders --no-replay-check \\
      --proof proof.json protected.http
  apiseal accept --keyring ring.json --policy orders.json --context purpose=orders \\
      --request protected.http response.http")]
    Accept(AcceptArgs),
    /// Tell why a signed HTTP message does not verify: the one change, of those that happen on the way, that makes it verify,
    /// and what to do. For the owner of the keys only, never for the sender.
    #[command(after_help = "\
Exits with 0 if the message verifies as it is, and with 1 if not, whatever was found; the explanation is on standard output.
No nonce is remembered. Lines with - are as received, with + as signed.

Examples:
  apiseal explain --keyring ring.json received.http
  apiseal explain --keyring ring.json --at 1800000100 --authority api.example received.http
  apiseal explain --keyring ring.json --json --base received.http
  apiseal explain --keyring ring.json --request signed.http response.http")]
    Explain(ExplainArgs),
    /// Show where a JSONPath (RFC 9535) selects values: one JSON object a line with path, start and end.
    #[command(after_help = "Example:\n  apiseal locate '$..ssn' order.json")]
    Locate(LocateArgs),
    /// Check and explain policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  apiseal completion bash > /etc/bash_completion.d/apiseal")]
    Completion {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// How the keyring file is found and unlocked.
#[derive(Args)]
pub(crate) struct KeyringArgs {
    /// The keyring file.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: PathBuf,
    /// The ring's name, which the file is bound to.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) ring: String,
    /// Refuse a keyring of a lower revision.
    #[arg(long, value_name = "N")]
    pub(crate) min_rev: Option<u64>,
    /// Read the passphrase from a file (else from APISEAL_PASSPHRASE, else it is asked for on the terminal).
    #[arg(long, value_name = "FILE", group = "unlock")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read the passphrase from an open file descriptor.
    #[arg(long, value_name = "N", group = "unlock")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Read a 32-byte wrapping key from a file, as raw bytes, 43 characters of base64url or 64 hexadecimal digits
    /// (else from APISEAL_WRAPPING_KEY, as base64url).
    #[arg(long, value_name = "FILE", group = "unlock")]
    pub(crate) wrapping_key_file: Option<PathBuf>,
    /// The keyring file holds its secrets in clear.
    #[arg(long, group = "unlock")]
    pub(crate) unsealed: bool,
}

#[derive(Args)]
pub(crate) struct CryptArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// A pair of the context; may be repeated. `purpose` is required.
    #[arg(long, value_name = "NAME=VALUE", required = true)]
    pub(crate) context: Vec<String>,
    /// Write to this file instead of standard output; it appears whole or not at all. A pipe or device is written to.
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place", value_parser = output_file())]
    pub(crate) output: Option<PathBuf>,
    /// Replace the input file; on any failure it stays as it was.
    #[arg(long, requires = "file")]
    pub(crate) in_place: bool,
    /// Only `decrypt`: open the protected values that this JSONPath selects and leave the others closed; may be repeated.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["ndjson", "in_place"])]
    pub(crate) only: Vec<String>,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ndjson: NdjsonArgs,
}

#[derive(Args)]
pub(crate) struct DiagnoseArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// A pair of the context; may be repeated. `purpose` is required.
    #[arg(long, value_name = "NAME=VALUE", required = true)]
    pub(crate) context: Vec<String>,
    /// A whole other context that the document may have been encrypted under; may be repeated, at most 64 times.
    #[arg(long, value_name = "NAME=VALUE,NAME=VALUE…")]
    pub(crate) candidate: Vec<String>,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct LocateArgs {
    /// A JSONPath query.
    pub(crate) path: String,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy; say what each rule does to a sample, what stays movable, and what stays in clear.
    #[command(after_help = "Example:\n  apiseal policy lint orders.json order.json")]
    Lint {
        /// The policy file.
        policy: PathBuf,
        /// A document to try it on.
        sample: Option<PathBuf>,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}
