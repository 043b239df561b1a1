//! Unlocking the keyring file.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use apiseal::{Clock, Keyring, KeyringFile, SystemClock, Wrap};
use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::args::KeyringArgs;
use crate::keys::args::NewWrapArgs;
use crate::output::{Failure, Result, complain, file_failure};

/// Loads the ring; asks for the passphrase only if nothing else gives one.
pub(crate) fn load(args: &KeyringArgs) -> Result<Keyring> {
    check_readable(&args.keyring)?;
    let ring = match unlock(args, false)? {
        Some(wrap) => KeyringFile::load(&args.keyring, &args.ring, &wrap, args.min_rev)?,
        None => KeyringFile::hazmat_load_clear(&args.keyring, &args.ring, args.min_rev)?,
    };
    warn_of_expiry(&ring);
    Ok(ring)
}

/// Days before a key's end from which on every use of the ring says so.
const WARN_DAYS: u64 = 30;

pub(crate) fn warn_of_expiry(ring: &Keyring) {
    let now = SystemClock.now();
    for (key, end) in ring.expiring(now, WARN_DAYS * 86_400) {
        let when = match end.checked_sub(now) {
            None | Some(0) => "has expired and encrypts nothing".to_owned(),
            Some(left) => format!("expires in {} days", left.div_ceil(86_400)),
        };
        complain(format_args!("warning: primary key `{}` {when}; add a key and promote it", key.kid()));
    }
}

/// A file that cannot be read is a matter of files (exit code 4), not one of keys as the library has it.
pub(crate) fn check_readable(path: &Path) -> Result<()> {
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
    let sources = Sources {
        wrapping_key_file: args.wrapping_key_file.as_deref(),
        passphrase_file: args.passphrase_file.as_deref(),
        passphrase_fd: args.passphrase_fd,
        wrapping_key_variable: Some("APISEAL_WRAPPING_KEY"),
        passphrase_variable: "APISEAL_PASSPHRASE",
        hint: "the keyring needs --passphrase-file, --wrapping-key-file or APISEAL_PASSPHRASE",
        prompt: "Passphrase of the keyring: ",
        twice: new,
    };
    sources.wrap().map(Some)
}

/// What a file is to be sealed under from now on.
pub(crate) fn unlock_new(args: &NewWrapArgs) -> Result<Wrap> {
    let sources = Sources {
        wrapping_key_file: args.new_wrapping_key_file.as_deref(),
        passphrase_file: args.new_passphrase_file.as_deref(),
        passphrase_fd: args.new_passphrase_fd,
        wrapping_key_variable: None,
        passphrase_variable: "APISEAL_NEW_PASSPHRASE",
        hint: "give the new passphrase with --new-passphrase-file or APISEAL_NEW_PASSPHRASE",
        prompt: "New passphrase: ",
        twice: true,
    };
    sources.wrap()
}

/// Where a passphrase or wrapping key may come from, the first one first.
struct Sources<'a> {
    wrapping_key_file: Option<&'a Path>,
    passphrase_file: Option<&'a Path>,
    passphrase_fd: Option<u32>,
    wrapping_key_variable: Option<&'a str>,
    passphrase_variable: &'a str,
    /// Says how to give one where there is no terminal.
    hint: &'a str,
    prompt: &'a str,
    twice: bool,
}

impl Sources<'_> {
    fn wrap(&self) -> Result<Wrap> {
        if let Some(path) = self.wrapping_key_file {
            return secret_of_file(path, "the wrapping key").map(|key| Wrap::raw(&key));
        }
        if let Some(path) = self.passphrase_file {
            return passphrase(&read_secret(path)?);
        }
        if let Some(descriptor) = self.passphrase_fd {
            return passphrase(&read_secret(Path::new(&format!("/dev/fd/{descriptor}")))?);
        }
        if let Some((name, text)) = self.wrapping_key_variable.and_then(|name| Some((name, variable(name)?)))
        {
            let fault =
                || Failure::Usage(format!("{name} must be 43 characters of base64url: 32 random bytes"));
            return base64url(&text).map(|key| Wrap::raw(&key)).ok_or_else(fault);
        }
        if let Some(text) = variable(self.passphrase_variable) {
            return passphrase(&text);
        }
        if !io::stderr().is_terminal() {
            return Err(Failure::Usage(format!("{}; there is no terminal to ask on", self.hint)));
        }
        let asked = ask(self.prompt)?;
        if self.twice && *asked != *ask("The same again: ")? {
            return Err(Failure::Usage("the passphrases differ".to_owned()));
        }
        passphrase(&Zeroizing::new(asked.as_bytes().to_vec()))
    }
}

fn variable(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    std::env::var_os(name).map(|text| Zeroizing::new(text.into_encoded_bytes()))
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

/// A file of 32 raw bytes, 43 characters of base64url or 64 hexadecimal digits; `what` says what it is for.
pub(crate) fn secret_of_file(path: &Path, what: &str) -> Result<Zeroizing<[u8; 32]>> {
    let bytes = read_secret(path)?;
    if let Ok(raw) = <&[u8; 32]>::try_from(bytes.as_slice()) {
        // Random bytes are never all printable; a password of this length is, and has far too little randomness.
        if bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            return Err(Failure::Usage(format!(
                "{}: 32 bytes of text, not random bytes; {what} in text is 43 characters of base64url or 64 \
                 hexadecimal digits (a passphrase is given with --passphrase-file)",
                path.display()
            )));
        }
        return Ok(Zeroizing::new(*raw));
    }
    let text = bytes.trim_ascii();
    base64url(text).or_else(|| hexadecimal(text)).ok_or_else(|| {
        Failure::Usage(format!(
            "{}: {what} must be 32 raw bytes, 43 characters of base64url or 64 hexadecimal digits",
            path.display()
        ))
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
