//! Changes of a keyring file. Each prints the key concerned as it is now, and is one revision.

use apiseal::{Context, Key, Keyring, KeyringFile, Kid, OsRandom, Purpose, SystemClock};

use crate::args::KeyringArgs;
use crate::crypt::pairs;
use crate::keyring::{check_readable, secret_of_file, unlock, unlock_new, warn_of_expiry};
use crate::keys::args::{AddArgs, ImportArgs, KidArgs, NewWrapArgs, PasswdArgs};
use crate::keys::make::{described, kid, root};
use crate::keys::{describe, show};
use crate::output::{Failure, Result, complain, print};

pub(super) fn add(args: &AddArgs) -> Result<()> {
    let key = match &args.from_root {
        None => Making::Ready(root(&args.key, |kid, purpose, suite| {
            Key::generate(kid, purpose, suite, &SystemClock, &OsRandom)
        })?),
        Some(root) => {
            let context = Context::from_pairs(pairs("--context", &args.context)?)?;
            Making::Derived { kid: kid(&args.key)?, root, context }
        }
    };
    let mut added = String::new();
    let ring = update(&args.keyring, |ring| {
        let key = match key {
            Making::Ready(key) => key,
            Making::Derived { kid, root, context } => {
                let root = ring.key(root).ok_or_else(|| unknown(root))?;
                described(Key::derived(kid, root, context, &SystemClock)?, &args.key)?
            }
        };
        added = key.kid().to_string();
        let ring = ring.with_key(key)?;
        Ok(if args.promote { ring.promote(&added, &SystemClock)? } else { ring })
    })?;
    if args.promote {
        tell_of_scopes(&ring, &added);
    }
    show(&ring, &added)
}

enum Making<'a> {
    Ready(Key),
    /// Its root is known only once the file is open.
    Derived {
        kid: Kid,
        root: &'a str,
        context: Context,
    },
}

pub(super) fn import(args: &ImportArgs) -> Result<()> {
    let secret = secret_of_file(&args.secret_file, "the secret")?;
    let key = root(&args.key, |kid, purpose, suite| Key::import(kid, purpose, suite, &secret, &SystemClock))?;
    let kid = key.kid().to_string();
    show(&update(&args.keyring, |ring| Ok(ring.with_key(key)?))?, &kid)
}

pub(super) fn promote(args: &KidArgs) -> Result<()> {
    let ring = update(&args.keyring, |ring| Ok(ring.promote(&args.kid, &SystemClock)?))?;
    tell_of_scopes(&ring, &args.kid);
    show(&ring, &args.kid)
}

pub(super) fn retire(args: &KidArgs) -> Result<()> {
    show(&update(&args.keyring, |ring| Ok(ring.retire(&args.kid)?))?, &args.kid)
}

pub(super) fn disable(args: &KidArgs) -> Result<()> {
    let ring = update(&args.keyring, |ring| Ok(ring.disable(&args.kid)?))?;
    let stops =
        |key: &&Key| [Some(key.kid()), key.root()].into_iter().flatten().any(|kid| kid.as_str() == args.kid);
    for primary in ring.primaries().filter(stops) {
        complain(format_args!(
            "`{}` is still primary: nothing encrypts in its place until another key is promoted",
            primary.kid()
        ));
    }
    show(&ring, &args.kid)
}

pub(super) fn rewrap(keyring: &KeyringArgs, new: &NewWrapArgs) -> Result<()> {
    check_readable(&keyring.keyring)?;
    let (path, name, revision) = (&keyring.keyring, &keyring.ring, keyring.min_rev);
    let ring = match unlock(keyring, false)? {
        Some(old) => KeyringFile::rewrap(path, name, &old, &unlock_new(new)?, revision, &OsRandom)?,
        None => KeyringFile::hazmat_seal_clear(path, name, &unlock_new(new)?, revision, &OsRandom)?,
    };
    warn_of_expiry(&ring);
    let lines: String = ring.keys().map(|key| describe(&ring, key) + "\n").collect();
    print(lines.as_bytes())
}

pub(super) fn passwd(args: &PasswdArgs) -> Result<()> {
    let new = NewWrapArgs {
        new_passphrase_file: args.new_passphrase_file.clone(),
        new_passphrase_fd: args.new_passphrase_fd,
        new_wrapping_key_file: None,
    };
    rewrap(&args.keyring, &new)
}

/// A rule without "keys" opens what keys of the primary's scope have sealed, and nothing else. The primary of a context is
/// the one of the narrowest scope.
fn tell_of_scopes(ring: &Keyring, promoted: &str) {
    let Some(primary) = ring.key(promoted).filter(|key| key.purpose() == Purpose::Seal) else { return };
    let is_wider = |key: &&Key| {
        key.purpose() == Purpose::Seal
            && key.scope().count() < primary.scope().count()
            && key.scope().all(|pair| primary.scope().any(|own| own == pair))
    };
    for key in ring.keys().filter(is_wider) {
        complain(format_args!(
            "warning: in the scope of `{promoted}`, what `{}` has sealed opens by rules only that list it in \"keys\"",
            key.kid()
        ));
    }
}

/// Changes the ring in its file, under the lock that keeps other changes waiting.
fn update(args: &KeyringArgs, change: impl FnOnce(&Keyring) -> Result<Keyring>) -> Result<Keyring> {
    check_readable(&args.keyring)?;
    // The library passes its own errors through; what this command adds is kept aside.
    let mut own = None;
    let change = |ring: &Keyring| {
        change(ring).map_err(|failure| match failure {
            Failure::Core(error) => error,
            other => {
                own = Some(other);
                apiseal::Error::from(apiseal::Code::InvalidArgument)
            }
        })
    };
    let (path, name) = (&args.keyring, &args.ring);
    let updated = match unlock(args, false)? {
        Some(wrap) => KeyringFile::update(path, name, &wrap, args.min_rev, &OsRandom, change),
        None => KeyringFile::hazmat_update_clear(path, name, args.min_rev, change),
    };
    let ring = updated.map_err(|error| own.unwrap_or(Failure::Core(error)))?;
    warn_of_expiry(&ring);
    Ok(ring)
}

fn unknown(kid: &str) -> Failure {
    Failure::Usage(format!("the keyring has no key `{kid}`; `apiseal keys list` shows its keys"))
}
