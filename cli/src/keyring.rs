//! Unlocking the keyring file.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use apiseal::{Keyring, KeyringFile, Wrap};
use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::args::KeyringArgs;
use crate::output::{Failure, Result, file_failure};

/// Loads the ring; asks for the passphrase only if nothing else gives one.
pub(crate) fn load(args: &KeyringArgs) -> Result<Keyring> {
    check_readable(&args.keyring)?;
    let ring = match unlock(args, false)? {
        Some(wrap) => KeyringFile::load(&args.keyring, &args.ring, &wrap, args.min_rev)?,
        None => KeyringFile::hazmat_load_clear(&args.keyring, &args.ring, args.min_rev)?,
    };
    Ok(ring)
}

/// A file that cannot be read is a matter of files (exit code 4), not one of keys as the library has it.
fn check_readable(path: &Path) -> Result<()> {
    let failure = |error| file_failure(path, error);
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failure)?.is_file() {
        return Err(failure(io::Error::other("not a regular file")));
    }
    File::open(path).map(drop).map_err(failure)
}

/// What seals the file, or `None` where the user said `--unsealed`. A new passphrase is asked for twice.
pub(crate) fn unlock(args: &KeyringArgs, new: bool) -> Result<Option<Wrap>> {
    if args.unsealed {
        return Ok(None);
    }
    if let Some(path) = &args.wrapping_key_file {
        return wrapping_key_of_file(&read_secret(path)?).map(Some);
    }
    if let Some(path) = &args.passphrase_file {
        return passphrase(&read_secret(path)?).map(Some);
    }
    if let Some(descriptor) = args.passphrase_fd {
        return passphrase(&read_secret(Path::new(&format!("/dev/fd/{descriptor}")))?).map(Some);
    }
    if let Some(text) = std::env::var_os("APISEAL_WRAPPING_KEY") {
        let text = Zeroizing::new(text.into_encoded_bytes());
        let key = base64url(&text).ok_or_else(|| {
            Failure::Usage(
                "APISEAL_WRAPPING_KEY must be 43 characters of base64url: 32 random bytes".to_owned(),
            )
        })?;
        return Ok(Some(Wrap::raw(&key)));
    }
    if let Some(text) = std::env::var_os("APISEAL_PASSPHRASE") {
        return passphrase(&Zeroizing::new(text.into_encoded_bytes())).map(Some);
    }
    if !io::stderr().is_terminal() {
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

/// 32 raw bytes, 43 characters of base64url or 64 hexadecimal digits.
fn wrapping_key_of_file(bytes: &[u8]) -> Result<Wrap> {
    if let Ok(raw) = <&[u8; 32]>::try_from(bytes) {
        // Random bytes are never all printable; a password of this length is, and has far too little randomness.
        if bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            return Err(Failure::Usage(
                "the wrapping key file holds 32 bytes of text, not random bytes: give a passphrase with \
                 --passphrase-file, a key in text as 43 characters of base64url or 64 hexadecimal digits"
                    .to_owned(),
            ));
        }
        return Ok(Wrap::raw(raw));
    }
    let text = bytes.trim_ascii();
    base64url(text).or_else(|| hexadecimal(text)).map(|key| Wrap::raw(&key)).ok_or_else(|| {
        Failure::Usage(
            "the wrapping key must be 32 raw bytes, 43 characters of base64url or 64 hexadecimal digits"
                .to_owned(),
        )
    })
}

fn base64url(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let decoded = text.len() == 43 && URL_SAFE_NO_PAD.decode(text, key[..].as_out()).is_ok();
    decoded.then_some(key)
}

fn hexadecimal(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, digits) in key.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = digits else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(key)
}

fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4097));
    let file = File::open(path).map_err(|error| file_failure(path, error))?;
    file.take(4097).read_to_end(&mut bytes).map_err(|error| file_failure(path, error))?;
    if bytes.len() > 4096 {
        return Err(Failure::Usage(format!("{}: longer than 4096 bytes", path.display())));
    }
    Ok(bytes)
}
