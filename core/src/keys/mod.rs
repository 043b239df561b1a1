//! Keys in memory: the ring, what each key may do, and everything derived from a secret.

pub(crate) mod cache;
pub(crate) mod derive;
pub(crate) mod key;
pub(crate) mod ring;
