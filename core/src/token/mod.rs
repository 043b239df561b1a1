//! Tokens: their text, and the sealing of one value (layout T) or of one document's values (layout D).

pub(crate) mod document;
pub(crate) mod pad;
pub(crate) mod text;
pub(crate) mod value;
