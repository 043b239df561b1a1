//! The policy of one value that stands by itself: the value is the whole document, and a label is its place.

use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::json::path::Query;
use crate::policy::program::{Program, Target};
use crate::policy::{Inner, Keys, Layout, Mask, Occurs, PaddingRule, Policy, Position, Rule};

/// Bytes that a label may have.
const LABEL: std::ops::RangeInclusive<usize> = 1..=1024;

impl Policy {
    /// A policy whose only rule protects the root under `label`. What it is bound to is stated on each call.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for the label or the padding.
    pub(crate) fn single(label: &str, keys: Keys, padding: PaddingRule, nested: bool) -> Result<Self> {
        check_label(label)?;
        if let PaddingRule::Multiple(of) = padding
            && !(2..=65536).contains(&of)
        {
            return Err(Error::because(Code::InvalidArgument, "a padding multiple is from 2 to 65536"));
        }
        let mut program = Program::default();
        program.add(&[], Target::Rule(0), None);
        program.finish();
        let rule = Rule {
            query: Query::parse("$")?,
            position: Position::Named(label.as_bytes().to_vec()),
            value_dependent: false,
            occurs: Occurs::Required,
            binds: Vec::new(),
            bound_as: 0,
            types: None,
            keys,
            padding,
            mask: Mask::Remove,
            nested,
            accept_plain_until: None,
        };
        Ok(Policy(Arc::new(Inner {
            id: label.to_owned(),
            layout: Layout::Token,
            header: String::new(),
            keep_unselected: false,
            rules: vec![rule],
            document_binds: Vec::new(),
            whole_document: false,
            program,
        })))
    }
}

/// # Errors
/// [`Code::InvalidArgument`].
pub(crate) fn check_label(label: &str) -> Result<()> {
    if LABEL.contains(&label.len()) {
        return Ok(());
    }
    Err(Error::because(Code::InvalidArgument, "a label has 1 to 1024 bytes"))
}
