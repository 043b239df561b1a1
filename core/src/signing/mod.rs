//! HTTP message signatures (RFC 9421): profiles, signing, and verification that tells what was proved.

pub(crate) mod accept;
pub(crate) mod base;
pub(crate) mod debug;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod lint;
pub(crate) mod pending;
pub(crate) mod profile;
pub(crate) mod profile_file;
pub(crate) mod replay;
pub(crate) mod rules;
pub(crate) mod sign;
pub(crate) mod spool;
pub(crate) mod steering;
pub(crate) mod uses;
pub(crate) mod verdict;
pub(crate) mod verify;
