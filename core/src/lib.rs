//! apiseal encrypts chosen fields of JSON documents and binds each ciphertext to its key, context and place.

#![forbid(unsafe_code)]

pub mod error;
pub mod limits;

mod aead;
mod clock;
mod context;
mod fields;
mod ids;
mod json;
mod keyfile;
mod keys;
mod policy;
mod rng;
mod secret;
mod token;

pub use clock::{Clock, FixedClock, SystemClock};
pub use context::Context;
pub use error::{Code, Error, Kind, Result};
pub use fields::{Decrypted, FieldCipher, FieldCipherBuilder};
pub use ids::{Kid, Purpose, Suite};
pub use keyfile::{KeyringFile, Wrap};
pub use keys::key::{Key, KeyState};
pub use keys::ring::{Keyring, KeyringBuilder, new_kid};
pub use json::locate::{Location, locate};
pub use limits::Limits;
pub use policy::lint::{Lint, RuleReport};
pub use policy::{Layout, Policy};
pub use rng::{OsRandom, hazmat};
pub use secret::SecretBytes;
