//! HTTP messages as bytes: a borrowed view, structured fields (RFC 9651), the components that a signature covers
//! (RFC 9421, section 2) and the digest of the content (RFC 9530). No framework, no URL type that normalises.

pub(crate) mod component;
pub(crate) mod digest;
pub(crate) mod input;
pub(crate) mod message;
pub(crate) mod plain;
pub(crate) mod sf;
pub(crate) mod target;
