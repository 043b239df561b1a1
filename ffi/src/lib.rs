//! The C ABI of apiseal. `include/apiseal.h` is generated from this crate and is the manual: its opening chapter is
//! `header.txt` in this folder.
//!
//! One file for each C type. Every function goes through `boundary::call`, which catches panics and hands errors over;
//! every pointer is read through `boundary` and `bytes`, which check it for NULL. This crate is the only one of the
//! project with `unsafe` code, and it contains nothing but conversions.

mod boundary;
mod bytes;
mod callbacks;
mod cipher;
mod codes;
mod context;
mod error;
mod explain;
mod key;
mod keyring;
mod keyring_file;
mod lines;
mod list;
mod message;
mod options;
mod pipeline;
mod policy;
mod profile;
mod redactor;
mod reencrypt;
mod replay;
mod report;
mod signer;
mod some;
mod spool;
mod value;
mod verified;
mod verifier;
mod version;

pub use bytes::*;
pub use callbacks::*;
pub use cipher::*;
pub use codes::*;
pub use context::*;
pub use error::*;
pub use explain::*;
pub use key::*;
pub use keyring::*;
pub use keyring_file::*;
pub use lines::*;
pub use list::*;
pub use message::*;
pub use options::*;
pub use pipeline::*;
pub use policy::*;
pub use profile::*;
pub use redactor::*;
pub use reencrypt::*;
pub use replay::*;
pub use report::*;
pub use signer::*;
pub use some::*;
pub use spool::*;
pub use value::*;
pub use verified::*;
pub use verifier::*;
pub use version::*;
