//! Unlocking the keyring file.

use std::io::{IsTerminal, Read};
use std::path::Path;

use apiseal::{Keyring, KeyringFile, Wrap};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::args::KeyringArgs;
use crate::output::{Failure, Result, file_failure};

/// Loads the ring; asks for the passphrase only if nothing else gives one.
pub(crate) fn load(args: &KeyringArgs) -> Result<Keyring> {
    let ring = match unlock(args, false)? {
        Some(wrap) => KeyringFile::load(&args.keyring, &args.ring, &wrap, args.min_rev)?,
        None => KeyringFile::hazmat_load_clear(&args.keyring, &args.ring, args.min_rev)?,
    };
    Ok(ring)
}

/// What seals the file, or `None` where the user said `--unsealed`. A new passphrase is asked for twice.
pub(crate) fn unlock(args: &KeyringArgs, new: bool) -> Result<Option<Wrap>> {
    if args.unsealed {
        return Ok(None);
    }
    if let Some(path) = &args.wrapping_key_file {
        return wrapping_key(&read_secret(path)?).map(Some);
    }
    if let Some(path) = &args.passphrase_file {
        return passphrase(&read_secret(path)?).map(Some);
    }
    if let Some(descriptor) = args.passphrase_fd {
        return passphrase(&read_secret(Path::new(&format!("/dev/fd/{descriptor}")))?).map(Some);
    }
    if let Ok(text) = std::env::var("APISEAL_WRAPPING_KEY") {
        return wrapping_key(&Zeroizing::new(text.into_bytes())).map(Some);
    }
    if let Ok(text) = std::env::var("APISEAL_PASSPHRASE") {
        return passphrase(&Zeroizing::new(text.into_bytes())).map(Some);
    }
    if !std::io::stderr().is_terminal() {
        return Err(Failure::Usage(
            "the keyring needs --passphrase-file, --wrapping-key-file or APISEAL_PASSPHRASE; there is no terminal to \
             ask on"
                .to_owned(),
        ));
    }
    let asked = ask("Passphrase of the keyring: ")?;
    if new && *asked != *ask("The same again: ")? {
        return Err(Failure::Usage("the passphrases differ".to_owned()));
    }
    passphrase(&Zeroizing::new(asked.as_bytes().to_vec())).map(Some)
}

fn ask(prompt: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| file_failure(Path::new("terminal"), error))
}

fn passphrase(bytes: &[u8]) -> Result<Wrap> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::Usage("the passphrase is empty".to_owned()));
    }
    Ok(Wrap::passphrase(bytes))
}

fn wrapping_key(bytes: &[u8]) -> Result<Wrap> {
    if let Ok(raw) = <&[u8; 32]>::try_from(bytes) {
        return Ok(Wrap::raw(raw));
    }
    let decoded = URL_SAFE_NO_PAD.decode_to_vec(bytes.trim_ascii()).map(Zeroizing::new);
    match decoded.as_deref().map(|bytes| <&[u8; 32]>::try_from(bytes.as_slice())) {
        Ok(Ok(key)) => Ok(Wrap::raw(key)),
        _ => Err(Failure::Usage(
            "the wrapping key must be 32 raw bytes or 43 characters of base64url".to_owned(),
        )),
    }
}

fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4097));
    let file = std::fs::File::open(path).map_err(|error| file_failure(path, error))?;
    file.take(4097).read_to_end(&mut bytes).map_err(|error| file_failure(path, error))?;
    if bytes.len() > 4096 {
        return Err(Failure::Usage(format!("{}: longer than 4096 bytes", path.display())));
    }
    Ok(bytes)
}
