//! What can be typed after `apiseal keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::KeyringArgs;

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a keyring file with one new primary key; an existing file is never overwritten.
    #[command(after_help = "\
Examples:
  apiseal keys new --keyring ring.json                         asks for a passphrase
  apiseal keys new --keyring ring.json --wrapping-key-file kek  32 bytes from a secret store
  apiseal keys new --keyring ring.json --suite chacha20-poly1305 --kid k2026")]
    New(NewArgs),
    /// List the keys, one JSON object a line; secrets are never shown.
    List(KeyringArgs),
    /// Show one key as a JSON object; its secret is never shown.
    Show(KidArgs),
    /// Add a new key, which decrypts at once and encrypts once it is promoted.
    #[command(after_help = "\
Examples:
  apiseal keys add --keyring ring.json --kid k2027
  apiseal keys add --keyring ring.json --kid k2027 --expires 2028-01-01 --promote
  apiseal keys add --keyring ring.json --kid acme --from-root k2027 \\
      --context purpose=orders --context tenant=acme --principal \"ACME Ltd\"    one root, a key for each party
  apiseal keys add --keyring ring.json --kid acme-req --from-root signing \\
      --context partner=acme --context dir=req --principal \"ACME Ltd\" --direction req    a key for its requests")]
    Add(AddArgs),
    /// Add a key whose secret was made elsewhere: 32 random bytes. It needs a scope.
    #[command(after_help = "\
Example:
  apiseal keys import --keyring ring.json --kid acme --secret-file acme.key --scope tenant=acme")]
    Import(ImportArgs),
    /// Let a key encrypt or sign for its purpose and scope, in place of the one that did.
    Promote(KidArgs),
    /// Let a key only decrypt or verify from now on.
    Retire(KidArgs),
    /// Stop a key altogether: what to do when its secret has leaked. What it encrypted stays closed.
    Disable(KidArgs),
    /// Seal the file under another passphrase or wrapping key.
    #[command(after_help = "\
Example:
  apiseal keys rewrap --keyring ring.json --passphrase-file old --new-wrapping-key-file kek
Copies of the old file still open under what sealed them.")]
    Rewrap(RewrapArgs),
    /// Change the passphrase.
    #[command(after_help = "\
Example:
  apiseal keys passwd --keyring ring.json                      asks for the old one once, for the new one twice
Copies of the old file still open under the old passphrase.")]
    Passwd(PasswdArgs),
    /// Write a keyring that holds the key of one context and nothing else, for a party that serves that context.
    #[command(after_help = "\
Example:
  apiseal keys export-context k2027 --keyring ring.json --context purpose=orders --context tenant=acme \\
      --to acme.json --to-ring acme --new-passphrase-file acme.pass")]
    ExportContext(ExportArgs),
}

#[derive(Args)]
pub(crate) struct KidArgs {
    /// The key's id.
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
}

#[derive(Args)]
pub(crate) struct NewArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    #[command(flatten)]
    pub(crate) key: NewKeyArgs,
}

/// What a new root key is to be.
#[derive(Args)]
pub(crate) struct NewKeyArgs {
    /// aes-256-gcm or chacha20-poly1305; of signing keys hmac-sha256.
    #[arg(long)]
    pub(crate) suite: Option<String>,
    /// What the key serves: seal (fields) or sig (signing).
    #[arg(long, default_value = "seal")]
    pub(crate) purpose: String,
    /// The new key's id; random if left out. It is public.
    #[arg(long)]
    pub(crate) kid: Option<String>,
    /// A pair that must stand in every context under which the key is used; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) scope: Vec<String>,
    /// The key encrypts or signs from this moment on: a date as 2027-06-30 (00:00 UTC), or Unix seconds.
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,
    /// The key encrypts or signs before this moment only; it decrypts as long as its state allows.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// The party that the key belongs to; needs a scope or a context.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// What a signing key may sign: req (requests) or res (responses).
    #[arg(long, value_name = "DIRECTION", value_parser = ["req", "res"])]
    pub(crate) direction: Option<String>,
    /// A signing profile that the key serves, if not apiseal-v1; may be repeated.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) serves: Vec<String>,
}

#[derive(Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    #[command(flatten)]
    pub(crate) key: NewKeyArgs,
    /// Derive the key of one context from this root instead of making a secret.
    #[arg(long, value_name = "KID", requires = "context", conflicts_with_all = ["suite", "purpose", "scope"])]
    pub(crate) from_root: Option<String>,
    /// A pair of that context; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", requires = "from_root")]
    pub(crate) context: Vec<String>,
    /// Make it primary at once. Where other services read what this one writes, let them load the key first.
    #[arg(long)]
    pub(crate) promote: bool,
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    #[command(flatten)]
    pub(crate) key: NewKeyArgs,
    /// The secret: 32 raw bytes, 43 characters of base64url or 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,
}

/// What the file is to be sealed under.
#[derive(Args)]
pub(crate) struct NewWrapArgs {
    /// Read the new passphrase from a file (else from APISEAL_NEW_PASSPHRASE, else it is asked for on the terminal).
    #[arg(long, value_name = "FILE", group = "new_wrap")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from an open file descriptor.
    #[arg(long, value_name = "N", group = "new_wrap")]
    pub(crate) new_passphrase_fd: Option<u32>,
    /// Read the new 32-byte wrapping key from a file.
    #[arg(long, value_name = "FILE", group = "new_wrap")]
    pub(crate) new_wrapping_key_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RewrapArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    #[command(flatten)]
    pub(crate) new: NewWrapArgs,
}

#[derive(Args)]
pub(crate) struct PasswdArgs {
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    /// Read the new passphrase from a file (else from APISEAL_NEW_PASSPHRASE, else it is asked for on the terminal).
    #[arg(long, value_name = "FILE", group = "new_wrap")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from an open file descriptor.
    #[arg(long, value_name = "N", group = "new_wrap")]
    pub(crate) new_passphrase_fd: Option<u32>,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Id of the key whose context key is exported.
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
    /// A pair of the context; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", required = true)]
    pub(crate) context: Vec<String>,
    /// The key of fields in the messages of this principal (`protect` and `accept`).
    #[arg(long, value_name = "NAME", requires = "direction")]
    pub(crate) principal: Option<String>,
    /// Of those messages the requests or the responses.
    #[arg(long, value_parser = ["req", "res"], requires = "principal")]
    pub(crate) direction: Option<String>,
    /// The keyring file to make; an existing one is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// The name of the ring in that file.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) to_ring: String,
    #[command(flatten)]
    pub(crate) new: NewWrapArgs,
}
