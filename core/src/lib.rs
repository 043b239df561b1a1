//! apiseal encrypts chosen fields of JSON documents and binds each ciphertext to its key, context and place.
//!
//! - [`Policy`] says which values are encrypted and what each is bound to; [`Policy::lint`] explains it.
//! - [`Keyring`] holds the keys; [`KeyringFile`] keeps it at rest, sealed under a [`Wrap`]; [`KeyringHandle`] lets a
//!   running service take a changed one.
//! - [`Context`] states what an encryption belongs to, on every call.
//! - [`FieldCipher`] encrypts and decrypts: byte for byte, all or nothing.
//! - [`FieldCipher::encrypt_lines`] and [`FieldCipher::decrypt_lines`] do so for NDJSON; see [`lines`].
//! - [`ValueCipher`] does the same for one value by itself: a database column, a header.
//! - [`Redactor`] masks what the policy protects, for logs; it needs no key.
//! - [`inspect`] lists what is encrypted, and under which key; it needs no key either, and proves nothing.
//! - [`Reencryption`] carries documents to another key, context or policy; [`FieldCipher::decrypt_lenient`],
//!   [`FieldCipher::decrypt_partial`] and [`FieldCipher::diagnose`] look at single positions.
//! - [`Audit`] hears of every use of a key.
//! - [`Signer`] and [`Verifier`] sign and verify HTTP messages (RFC 9421) under a [`Profile`]; [`Verified`] tells what was
//!   proved.
//! - [`Protector`] and [`Acceptor`] do both jobs in one: encrypt, digest, sign; and verify, claim, decrypt.
//! - [`Verifier::explain`] tells the operator why a message does not verify, and what to do: an [`Explanation`].
//! - [`locate`] finds values by JSONPath (RFC 9535) with their byte spans.
//!
//! Every failure is an [`Error`] with a stable [`Code`]. Time and randomness come in through [`Clock`] and
//! [`hazmat::Random`]. `docs/format.md` in the repository is the format, byte for byte.

#![forbid(unsafe_code)]

pub mod error;
pub mod limits;
pub mod lines;

mod aead;
mod audit;
mod clock;
mod context;
mod fields;
mod http;
mod ids;
mod json;
mod keyfile;
mod keys;
mod pipeline;
mod policy;
mod rng;
mod secret;
mod signing;
mod token;

pub use audit::{Audit, Event, Operation};
pub use clock::{Clock, FixedClock, SystemClock, parse_full_date};
pub use context::Context;
pub use error::{Code, Error, Kind, Result};
pub use fields::{
    Bound, Part, Redacted, Redactor, Sighting, ValueCipher, ValueCipherBuilder, inspect, max_token_len,
    token_len,
};
pub use fields::{
    Decrypted, Diagnosis, FieldCipher, FieldCipherBuilder, Finding, Lenient, LenientPosition, Partial,
    PartialValue, Reencrypted, Reencryption, Stage,
};
pub use http::message::{Header, Message};
pub use http::sf::FieldType;
pub use ids::{Direction, Kid, Purpose, Suite};
pub use json::locate::{Location, locate};
pub use keyfile::{KeyringFile, Wrap};
pub use keys::handle::KeyringHandle;
pub use keys::key::{Key, KeyState};
pub use keys::ring::{Keyring, KeyringBuilder, new_kid};
pub use keys::sign::ExternalSigner;
pub use limits::Limits;
pub use lines::{LineOptions, Lines};
pub use pipeline::accept::{Accepted, Acceptor};
pub use pipeline::pending::PendingAcceptance;
pub use pipeline::protect::{Protected, Protector};
pub use policy::lint::{Lint, RuleReport};
pub use policy::{Layout, Policy};
pub use rng::{OsRandom, hazmat};
pub use secret::SecretBytes;
pub use signing::explain::{Change, ChangeKind, Decoder, Effort, Explainer, Explanation, Side, Work};
pub use signing::lint::Remark;
pub use signing::pending::Pending;
pub use signing::profile::{Profile, ProfileBuilder};
pub use signing::replay::{Claim, MemoryReplay, NoReplayCheck, Outcome, ReplayStore};
pub use signing::sign::{Signed, Signer};
pub use signing::spool::Spool;
pub use signing::verdict::{Proof, Verified};
pub use signing::verify::{Exchange, Verifier};
pub use token::pad::Padding;

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
