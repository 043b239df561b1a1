//! JSON as bytes: one validating pass, spans instead of a tree, JSONPath over the spans, canonical text.

pub(crate) mod canonical;
pub(crate) mod index;
pub(crate) mod locate;
pub(crate) mod path;
pub(crate) mod reader;
pub(crate) mod scan;
pub(crate) mod text;
