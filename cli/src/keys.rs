//! `apiseal keys`.

use apiseal::{Key, Keyring, KeyringFile, Kid, OsRandom, Purpose, Suite, SystemClock, new_kid};

use crate::args::{KeysCommand, NewArgs};
use crate::crypt::pair;
use crate::keyring::{load, unlock};
use crate::output::{Failure, Result, print, quoted};

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
    if path.exists() {
        return Err(Failure::Usage(format!("{} exists; it is not overwritten", path.display())));
    }
    let suite =
        Suite::from_name(&args.suite).filter(|suite| Purpose::Seal.fits(*suite)).ok_or_else(|| {
            Failure::Usage(format!("unknown suite `{}`; use aes-256-gcm or chacha20-poly1305", args.suite))
        })?;
    let kid = match &args.kid {
        Some(kid) => Kid::parse(kid)?,
        None => new_kid(&OsRandom)?,
    };
    let scope = args.scope.iter().map(|text| pair(text)).collect::<Result<Vec<_>>>()?;
    let key = Key::generate(kid, Purpose::Seal, suite, &SystemClock, &OsRandom)?.with_scope(scope);
    let ring = Keyring::builder().rev(1).primary(key).build()?;
    match unlock(&args.keyring, true)? {
        Some(wrap) => KeyringFile::save(path, &ring, &args.keyring.ring, &wrap, &OsRandom)?,
        None => KeyringFile::hazmat_save_clear(path, &ring, &args.keyring.ring)?,
    }
    let made: Vec<String> = ring.keys().map(|key| describe(&ring, key) + "\n").collect();
    print(made.concat().as_bytes())
}

/// What may be known about a key, as one line of JSON.
fn describe(ring: &Keyring, key: &Key) -> String {
    let scope: Vec<String> =
        key.scope().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    let time = |time: Option<u64>| time.map_or("null".to_owned(), |time| time.to_string());
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
