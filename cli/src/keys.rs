//! `apiseal keys`.

use std::fs;
use std::io::ErrorKind;

use apiseal::{Key, Keyring, KeyringFile, Kid, OsRandom, Purpose, Suite, SystemClock, new_kid};

use crate::args::{KeysCommand, NewArgs};
use crate::crypt::pairs;
use crate::keyring::{load, unlock};
use crate::output::{Failure, Result, file_failure, print, quoted};

pub(crate) fn run(command: KeysCommand) -> Result<()> {
    match command {
        KeysCommand::New(args) => new(&args),
        KeysCommand::List(args) => {
            let ring = load(&args)?;
            let lines: String = ring.keys().map(|key| describe(&ring, key) + "\n").collect();
            print(lines.as_bytes())
        }
        KeysCommand::Show { kid, keyring } => {
            let ring = load(&keyring)?;
            match ring.key(&kid) {
                Some(key) => print((describe(&ring, key) + "\n").as_bytes()),
                None => Err(Failure::Usage(format!("the keyring has no key `{kid}`"))),
            }
        }
    }
}

fn new(args: &NewArgs) -> Result<()> {
    let path = &args.keyring.keyring;
    // Told early, before a passphrase is asked for; the file itself is made in a way that overwrites nothing.
    match fs::symlink_metadata(path) {
        Ok(_) => return Err(Failure::Usage(format!("{} exists; it is not overwritten", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(file_failure(path, error)),
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::metadata(folder).map_err(|error| file_failure(folder, error))?;
    }
    let suite =
        Suite::from_name(&args.suite).filter(|suite| Purpose::Seal.fits(*suite)).ok_or_else(|| {
            Failure::Usage(format!("unknown suite `{}`; use aes-256-gcm or chacha20-poly1305", args.suite))
        })?;
    let kid = match &args.kid {
        Some(kid) => Kid::parse(kid)?,
        None => new_kid(&OsRandom)?,
    };
    let scope = pairs("--scope", &args.scope)?;
    let key = Key::generate(kid, Purpose::Seal, suite, &SystemClock, &OsRandom)?.with_scope(scope);
    let ring = Keyring::builder().rev(1).primary(key).build()?;
    match unlock(&args.keyring, true)? {
        Some(wrap) => KeyringFile::create(path, &ring, &args.keyring.ring, &wrap, &OsRandom)?,
        None => KeyringFile::hazmat_create_clear(path, &ring, &args.keyring.ring)?,
    }
    let made: Vec<String> = ring.keys().map(|key| describe(&ring, key) + "\n").collect();
    print(made.concat().as_bytes())
}

/// What may be known about a key, as one line of JSON.
fn describe(ring: &Keyring, key: &Key) -> String {
    let scope: Vec<String> =
        key.scope().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    let time = |time: Option<u64>| time.map_or_else(|| "null".to_owned(), |time| time.to_string());
    format!(
        r#"{{"kid":"{}","purpose":"{}","suite":"{}","state":"{}","primary":{},"created":{},"not_before":{},"expires":{},"scope":{{{}}},"rev":{}}}"#,
        key.kid(),
        key.purpose(),
        key.suite(),
        key.state().name(),
        ring.primaries().any(|primary| primary.kid() == key.kid()),
        key.created(),
        time(key.not_before()),
        time(key.expires()),
        scope.join(","),
        ring.rev(),
    )
}
