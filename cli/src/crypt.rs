//! `apiseal encrypt` and `apiseal decrypt`.

use apiseal::{Context, FieldCipher, Policy};
use zeroize::Zeroizing;

use crate::args::CryptArgs;
use crate::keyring::load;
use crate::output::{Failure, Result, print, read_document, read_text, replace};

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

pub(crate) fn run(args: &CryptArgs, direction: Direction) -> Result<()> {
    // What costs nothing is checked before a passphrase is asked for.
    let policy = Policy::from_json(&read_text(&args.policy)?)?;
    let pairs = args.context.iter().map(|text| pair(text)).collect::<Result<Vec<_>>>()?;
    let context = Context::from_pairs(pairs)?;
    let cipher = FieldCipher::new(load(&args.keyring)?, policy)?;
    let document = read_document(args.file.as_deref())?;
    let output = match direction {
        Direction::Encrypt => Zeroizing::new(cipher.encrypt(&document, &context)?),
        Direction::Decrypt => Zeroizing::new(cipher.decrypt(&document, &context)?.into_unprotected()),
    };
    match (&args.output, &args.file) {
        (Some(path), _) => replace(path, &output),
        (None, Some(path)) if args.in_place => replace(path, &output),
        _ => print(&output),
    }
}

/// Splits `name=value` at the first `=`.
pub(crate) fn pair(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').ok_or_else(|| Failure::Usage(format!("expected NAME=VALUE, got `{text}`")))
}
