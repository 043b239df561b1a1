//! What to encrypt, how each value is tied to its place, and which keys may serve.

pub(crate) mod bind;
mod file;

pub(crate) mod lint;
pub(crate) mod list;
mod matcher;
mod members;
pub(crate) mod occurs;
pub(crate) mod place;
mod program;
pub(crate) mod select;
pub(crate) mod single;
mod wide;

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::ids::{Kid, Mode};
use crate::json::path::Query;
use crate::policy::bind::Below;
use crate::policy::program::Program;

/// A checked policy, immutable and cheap to clone. It is written as JSON; `docs/policy.md` tells every member.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// let policy = apiseal::Policy::from_json(r#"{
///     "apiseal_policy": 1, "id": "orders.v1",
///     "rules": [{"path": "$.card.number", "bind": ["$.id"], "types": ["string"]}]
/// }"#)?;
/// assert_eq!(policy.id(), "orders.v1");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: String,
    pub(crate) layout: Layout,
    /// Name of layout D's header member.
    pub(crate) header: String,
    /// Whether tokens that no rule selects stay where they are.
    pub(crate) keep_unselected: bool,
    pub(crate) rules: Vec<Rule>,
    /// What all values of a document of layout D are bound to.
    pub(crate) document_binds: Vec<Bind>,
    /// Layout D binds the whole document instead.
    pub(crate) whole_document: bool,
    pub(crate) program: Program,
}

/// How encrypted values stand in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Layout T: each value is a token of its own.
    Token,
    /// Layout D: one header for the document, short field strings, a MAC over all.
    Document,
}

impl Layout {
    /// The name used in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layout::Token => "token",
            Layout::Document => "document",
        }
    }
}

/// One rule, as checked.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) query: Query,
    pub(crate) position: Position,
    /// Whether the selection depends on values or array lengths, so that it needs the span index.
    pub(crate) value_dependent: bool,
    pub(crate) occurs: Occurs,
    pub(crate) binds: Vec<Bind>,
    /// The first rule that binds the same members in the same way: what its values are bound to serves this one's too.
    pub(crate) bound_as: u16,
    pub(crate) types: Option<Types>,
    pub(crate) keys: Keys,
    pub(crate) padding: PaddingRule,
    pub(crate) mask: Mask,
    pub(crate) nested: bool,
    /// Until when a clear value passes on decryption, in Unix seconds.
    pub(crate) accept_plain_until: Option<u64>,
}

/// How a token of layout T is tied to its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Exact,
    Elements,
    Named(Vec<u8>),
}

impl Position {
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Position::Exact => Mode::Exact,
            Position::Elements => Mode::Elements,
            Position::Named(_) => Mode::Named,
        }
    }
}

/// How many values a rule must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurs {
    Required,
    Optional,
    Exactly(u64),
    AtLeast(u64),
    /// Every element of the last wildcard has the rest of the path.
    Each,
}

/// A clear member that a value is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bind {
    /// As the policy spells it.
    pub(crate) text: String,
    /// Which pattern of the program finds it.
    pub(crate) pattern: u16,
    /// Levels up from the value; `None` counts from the root.
    pub(crate) up: Option<u32>,
    /// Its position below what its levels are counted from.
    pub(crate) below: Below,
    /// Stands for its position in named mode.
    pub(crate) label: Option<Vec<u8>>,
}

/// Set of JSON types that a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    const NAMES: [&'static str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];

    fn bit(name: &str) -> Option<u8> {
        Self::NAMES.iter().position(|own| *own == name).map(|at| 1 << at)
    }

    /// Whether the value with this exact text has an allowed type.
    pub(crate) fn allow(self, text: &[u8]) -> bool {
        let name = match text.first() {
            Some(b'"') => "string",
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            _ if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => "integer",
            _ => "number",
        };
        let number = if name == "integer" { Self::bit("number") } else { None };
        let bits = Self::bit(name).unwrap_or(0) | number.unwrap_or(0);
        self.0 & bits != 0
    }

    pub(crate) fn names(self) -> Vec<&'static str> {
        Self::NAMES.into_iter().filter(|name| Self::bit(name).is_some_and(|bit| self.0 & bit != 0)).collect()
    }
}

/// Which keys a rule allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Those whose scope equals the primary's.
    LikePrimary,
    /// All that their own scope admits.
    Any,
    Listed(Vec<Kid>),
}

/// How plaintexts are padded; the format's own rule is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaddingRule {
    Default,
    None,
    Multiple(usize),
}

/// What stands for the value where a document is redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    /// A constant.
    Remove,
    /// The last characters of a text that is long enough.
    KeepLast(usize),
}

impl Policy {
    /// Most rules a policy may have.
    pub const MAX_RULES: usize = 1024;

    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// [`Code::PolicyFile`](crate::Code::PolicyFile) with the place in the file and what to change.
    pub fn from_json(text: &str) -> Result<Self> {
        file::read(text.as_bytes()).map(|inner| Policy(Arc::new(inner)))
    }

    /// The policy's own name for itself.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The layout that encryption writes and decryption demands.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.0.layout
    }

    /// The paths of the rules, in file order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.rules.iter().map(|rule| rule.query.text())
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("id", &self.0.id)
            .field("layout", &self.0.layout)
            .field("paths", &self.paths().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart() {
        let allow = |names: &[&str], text: &str| {
            Types(names.iter().filter_map(|name| Types::bit(name)).fold(0, |all, bit| all | bit))
                .allow(text.as_bytes())
        };
        assert!(allow(&["number"], "1") && allow(&["number"], "1.0") && allow(&["number"], "-1e5"));
        assert!(allow(&["integer"], "-12") && !allow(&["integer"], "1.0") && !allow(&["integer"], "1e5"));
        assert!(allow(&["string", "null"], "null") && allow(&["string", "null"], "\"x\""));
        assert!(!allow(&["string"], "true") && allow(&["boolean"], "false"));
        assert!(allow(&["object"], "{}") && allow(&["array"], "[]") && !allow(&["array"], "{}"));
    }
}
