//! `apiseal encrypt` and `apiseal decrypt`.

use std::path::Path;

use apiseal::{Context, FieldCipher, Policy};
use zeroize::Zeroizing;

use crate::args::CryptArgs;
use crate::keyring::load;
use crate::ndjson::{self, Places};
use crate::output::{Failure, Result, print, read_document, read_text, replace};

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

pub(crate) fn run(args: &CryptArgs, direction: Direction) -> Result<()> {
    // What costs nothing is checked before a passphrase is asked for.
    if args.in_place && args.file.as_deref() == Some(Path::new("-")) {
        return Err(Failure::Usage("--in-place needs a file; standard input cannot be replaced".to_owned()));
    }
    let policy = Policy::from_json(&read_text(&args.policy)?)?;
    let context = Context::from_pairs(pairs("--context", &args.context)?)?;
    let cipher = FieldCipher::new(load(&args.keyring)?, policy)?;
    if args.ndjson.ndjson {
        let (input, output) = (args.file.as_deref(), args.output.as_deref());
        let places = Places { input, output, in_place: args.in_place };
        return match direction {
            Direction::Encrypt => ndjson::run(&args.ndjson, &places, |source, options| {
                cipher.encrypt_blocks(source, &context, options)
            }),
            Direction::Decrypt => ndjson::run(&args.ndjson, &places, |source, options| {
                cipher.decrypt_blocks(source, &context, options)
            }),
        };
    }
    let document = read_document(args.file.as_deref())?;
    let output = match direction {
        Direction::Encrypt => Zeroizing::new(cipher.encrypt(&document, &context)?),
        Direction::Decrypt => Zeroizing::new(cipher.decrypt(&document, &context)?.into_unprotected()),
    };
    let written = match (&args.output, &args.file) {
        (Some(path), _) => replace(path, &output),
        (None, Some(path)) if args.in_place => replace(path, &output),
        _ => print(&output),
    };
    // Half a document is no output that anybody had enough of.
    written.map_err(|failure| match failure {
        Failure::ClosedPipe => Failure::CutOff,
        other => other,
    })
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
