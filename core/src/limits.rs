//! Every limit in one place, with its default.

use crate::error::{Code, Error, Result};

/// Limits of the work on one document. All are inclusive upper bounds; every default is the recommended value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a document, clear or encrypted. Default 64 MiB, at most 1 GiB.
    pub document: usize,
    /// Bytes of the padded JSON text of one protected value. Default 16 MiB, at most the document limit.
    pub field: usize,
    /// Open containers (objects and arrays) at any place. Default 128.
    pub depth: usize,
    /// Protected values in a document. Default and maximum 2^20.
    pub fields: usize,
    /// Bytes of an encoded position. Default 4 KiB, at most 64 KiB - 1.
    pub position: usize,
    /// Bytes of the encoded bound members of one value (whole-document binding: the document limit). Default 64 KiB.
    pub bound: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            document: 64 << 20,
            field: 16 << 20,
            depth: 128,
            fields: 1 << 20,
            position: 4 << 10,
            bound: 64 << 10,
        }
    }
}

impl Limits {
    /// Largest document limit that can be set: offsets are kept in 32 bits.
    pub const MAX_DOCUMENT: usize = 1 << 30;

    /// Checks that each limit is within its own range.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] names the limit that is not.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("document", self.document, Self::MAX_DOCUMENT),
            ("field", self.field, self.document),
            ("depth", self.depth, 1 << 20),
            ("fields", self.fields, 1 << 20),
            ("position", self.position, (64 << 10) - 1),
            ("bound", self.bound, self.document),
        ];
        for (name, value, max) in ranges {
            if value == 0 || value > max {
                return Err(Error::because(
                    Code::InvalidArgument,
                    format!("limit `{name}` must be from 1 to {max}"),
                ));
            }
        }
        Ok(())
    }

    /// Bytes of associated data that all values of one document may have together.
    pub(crate) fn associated_data(&self) -> usize {
        self.document.saturating_mul(8)
    }

    /// Nodes that filters and queries may visit in a document of `len` bytes: linear in the document.
    pub(crate) fn visits(&self, len: usize) -> u64 {
        (len as u64).saturating_mul(16).saturating_add(1 << 16)
    }
}
