//! Both jobs in one: encrypt fields, then digest, then sign; and verify, compare the digest, claim the nonce, then decrypt.
//!
//! Who signs and which way a message goes enter the context of the encryption. A partner who signs another's captured
//! content again has a valid signature and content that does not open. Nothing is parsed and no cipher runs here.

pub(crate) mod accept;
mod export;
pub(crate) mod pending;
pub(crate) mod protect;
mod rules;
