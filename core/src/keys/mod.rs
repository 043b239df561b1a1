//! Keys in memory: the ring, what each key may do, and everything derived from a secret.

pub(crate) mod cache;
pub(crate) mod change;
mod check;
pub(crate) mod derive;
pub(crate) mod handle;
pub(crate) mod key;
pub(crate) mod material;
pub(crate) mod ring;
