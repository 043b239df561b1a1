//! Documents, policies and peers for the benches.
//!
//! The benches compare three pipelines on the same documents in the same run: the library, a [`naive`] one that is
//! put together from popular crates, and a [`floor`]: the primitives alone on the same number of bytes.

pub mod cases;
pub mod documents;
pub mod floor;
pub mod naive;
pub mod requests;
