//! `apiseal encrypt` and `apiseal decrypt`.

use std::path::Path;

use apiseal::{Context, FieldCipher, Policy};
use zeroize::Zeroizing;

use crate::args::CryptArgs;
use crate::input::is_input;
use crate::keyring::load;
use crate::ndjson::{self, Keeping, Places};
use crate::output::{Failure, Result, complain, print_whole, read_document, read_text, replace};

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

pub(crate) fn run(args: &CryptArgs, direction: Direction) -> Result<()> {
    // What costs nothing is checked before a passphrase is asked for.
    check_in_place(args.in_place, args.file.as_deref())?;
    check_output(args.output.as_deref(), &[&args.keyring.keyring, &args.policy])?;
    if !args.only.is_empty() && matches!(direction, Direction::Encrypt) {
        let hint = "a policy with fewer rules encrypts fewer values";
        return Err(Failure::Usage(format!("--only is for decrypt; {hint}")));
    }
    let policy = Policy::from_json(&read_text(&args.policy)?)?;
    let context = Context::from_pairs(pairs("--context", &args.context)?)?;
    let cipher = FieldCipher::new(load(&args.keyring)?, policy)?;
    if args.ndjson.ndjson {
        let (input, output) = (args.file.as_deref(), args.output.as_deref());
        let places = Places { input, output, in_place: args.in_place, keeping: Keeping::Usual };
        return match direction {
            Direction::Encrypt => ndjson::run(&args.ndjson, places, |source, options| {
                cipher.encrypt_blocks(source, &context, options)
            }),
            Direction::Decrypt => ndjson::run(&args.ndjson, places, |source, options| {
                cipher.decrypt_blocks(source, &context, options)
            }),
        };
    }
    let document = read_document(args.file.as_deref())?;
    let output = match direction {
        Direction::Encrypt => Zeroizing::new(cipher.encrypt(&document, &context)?),
        Direction::Decrypt if !args.only.is_empty() => {
            Zeroizing::new(some(&cipher, &document, &args.only, &context)?)
        }
        Direction::Decrypt => Zeroizing::new(cipher.decrypt(&document, &context)?.into_unprotected()),
    };
    deliver(args.file.as_deref(), args.output.as_deref(), args.in_place, &output)
}

pub(crate) fn check_in_place(in_place: bool, file: Option<&Path>) -> Result<()> {
    if in_place && file == Some(Path::new("-")) {
        return Err(Failure::Usage("--in-place needs a file; standard input cannot be replaced".to_owned()));
    }
    Ok(())
}

/// Output is not to take the place of what it is made by.
pub(crate) fn check_output(target: Option<&Path>, needed: &[&Path]) -> Result<()> {
    match target.filter(|target| needed.iter().any(|own| is_input(Some(own), target))) {
        Some(target) => {
            let path = target.display();
            Err(Failure::Usage(format!("{path} is the keyring or a policy, and would be written over")))
        }
        None => Ok(()),
    }
}

/// Writes a document to the output file, over the input file, or to standard output.
pub(crate) fn deliver(
    file: Option<&Path>,
    output: Option<&Path>,
    in_place: bool,
    document: &[u8],
) -> Result<()> {
    match (output, file) {
        (Some(path), _) => replace(path, document),
        (None, Some(path)) if in_place => replace(path, document),
        _ => print_whole(document),
    }
}

/// The document with the chosen values open and the others closed.
fn some(cipher: &FieldCipher, document: &[u8], chosen: &[String], context: &Context) -> Result<Vec<u8>> {
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let opened = cipher.decrypt_partial(document, &chosen, context)?;
    if !opened.is_bound() {
        complain(
            "warning: the set of protected values or a bound member was changed; each value that is shown is \
             authenticated by itself only",
        );
    }
    Ok(opened.document().to_vec())
}

/// Splits each `name=value` at the first `=`. A text without one may be a secret in the wrong place: it is not shown.
pub(crate) fn pairs<'t>(option: &str, texts: &'t [String]) -> Result<Vec<(&'t str, &'t str)>> {
    let pair = |(at, text): (usize, &'t String)| {
        text.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "{option}: the value must be NAME=VALUE, but number {} has no `=`",
                at + 1
            ))
        })
    };
    texts.iter().enumerate().map(pair).collect()
}
