//! Encrypting and decrypting the values that a policy selects in a JSON document.
//!
//! Nothing is parsed and no cipher runs here: `policy` finds the values, `token` seals and opens them, and this module
//! ties them to keys, context and place. Every operation is all or nothing.

pub(crate) mod binding;
mod cipher;
#[cfg(test)]
mod crafted;
mod decrypt;
mod diagnose;
mod encrypt;
mod inspect;
mod keychoice;
mod lines;
mod opening;
mod redact;
mod reencrypt;
mod single;
mod some;
mod uses;

pub use cipher::{Decrypted, FieldCipher, FieldCipherBuilder};
pub use diagnose::{Diagnosis, Finding, Stage};
pub use inspect::{Part, Sighting, inspect};
pub use redact::{Redacted, Redactor};
pub use reencrypt::{Reencrypted, Reencryption};
pub use single::{Bound, ValueCipher, ValueCipherBuilder, max_token_len, token_len};
pub use some::{Lenient, LenientPosition, Partial, PartialValue};
