//! Keys and keyring files that did not exist before.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use apiseal::{
    Context, Direction, Key, Keyring, KeyringFile, Kid, OsRandom, Purpose, Suite, SystemClock, new_kid,
    parse_full_date,
};

use crate::crypt::pairs;
use crate::keyring::{load, unlock, unlock_new, warn_of_expiry};
use crate::keys::args::{ExportArgs, NewArgs, NewKeyArgs};
use crate::keys::show;
use crate::output::{Failure, Result, file_failure};

pub(super) fn new(args: &NewArgs) -> Result<()> {
    let path = &args.keyring.keyring;
    check_absent(path)?;
    let key =
        root(&args.key, |kid, purpose, suite| Key::generate(kid, purpose, suite, &SystemClock, &OsRandom))?;
    let kid = key.kid().to_string();
    let ring = Keyring::builder().rev(1).primary(key).build()?;
    match unlock(&args.keyring, true)? {
        Some(wrap) => KeyringFile::create(path, &ring, &args.keyring.ring, &wrap, &OsRandom)?,
        None => KeyringFile::hazmat_create_clear(path, &ring, &args.keyring.ring)?,
    }
    warn_of_expiry(&ring);
    show(&ring, &kid)
}

pub(super) fn export_context(args: &ExportArgs) -> Result<()> {
    check_absent(&args.to)?;
    let context = Context::from_pairs(pairs("--context", &args.context)?)?;
    let direction = args.direction.as_deref().and_then(Direction::from_name);
    let ring = load(&args.keyring)?;
    let key = match (&args.principal, direction) {
        (Some(principal), Some(direction)) => {
            ring.export_message_context(&args.kid, &context, principal, direction)?
        }
        _ => ring.export_context(&args.kid, &context)?,
    };
    let ring = Keyring::builder().rev(1).primary(key).build()?;
    KeyringFile::create(&args.to, &ring, &args.to_ring, &unlock_new(&args.new)?, &OsRandom)?;
    show(&ring, &args.kid)
}

/// A root key as the arguments describe it; `make` gives it its secret.
pub(super) fn root(
    args: &NewKeyArgs,
    make: impl FnOnce(Kid, Purpose, Suite) -> apiseal::Result<Key>,
) -> Result<Key> {
    let (purpose, standard, known) = match args.purpose.as_str() {
        "seal" => (Purpose::Seal, Suite::Aes256Gcm, "aes-256-gcm or chacha20-poly1305"),
        "sig" => (Purpose::Sig, Suite::HmacSha256, "hmac-sha256"),
        other => return Err(Failure::Usage(format!("unknown purpose `{other}`; use seal or sig"))),
    };
    let suite = match &args.suite {
        None => standard,
        Some(name) => Suite::from_name(name)
            .filter(|suite| purpose.fits(*suite))
            .ok_or_else(|| Failure::Usage(format!("unknown suite `{name}`; use {known}")))?,
    };
    let scope = pairs("--scope", &args.scope)?;
    described(make(kid(args)?, purpose, suite)?.with_scope(scope), args)
}

/// The id that was asked for, else a random one.
pub(super) fn kid(args: &NewKeyArgs) -> Result<Kid> {
    match &args.kid {
        Some(kid) => Ok(Kid::parse(kid)?),
        None => Ok(new_kid(&OsRandom)?),
    }
}

/// Adds what every kind of key may have.
pub(super) fn described(key: Key, args: &NewKeyArgs) -> Result<Key> {
    let key = key.with_validity(time("--not-before", &args.not_before)?, time("--expires", &args.expires)?);
    let key = match &args.principal {
        Some(principal) => key.with_principal(principal),
        None => key,
    };
    let key = match args.serves.as_slice() {
        [] => key,
        profiles => key.with_profiles(profiles.iter().map(String::as_str)),
    };
    Ok(match args.direction.as_deref().and_then(Direction::from_name) {
        Some(direction) => key.with_direction(direction),
        None => key,
    })
}

fn time(option: &str, text: &Option<String>) -> Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match seconds.or_else(|| parse_full_date(text)) {
        Some(time) => Ok(Some(time)),
        None => Err(Failure::Usage(format!(
            "{option}: `{text}` is neither a date as 2027-06-30 nor Unix seconds"
        ))),
    }
}

/// Told early, before a passphrase is asked for; the file itself is made in a way that overwrites nothing.
fn check_absent(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => return Err(Failure::Usage(format!("{} exists; it is not overwritten", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(file_failure(path, error)),
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::metadata(folder).map(drop).map_err(|error| file_failure(folder, error)),
        None => Ok(()),
    }
}
