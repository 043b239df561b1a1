//! The census: what is encrypted in a document, and under which key, as the text of the tokens says it.

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::cipher::FieldCipher;
use crate::ids::{Kid, Mode, Suite};
use crate::json::index::{Index, NodeId, NodeKind};
use crate::json::path::eval::Budget;
use crate::json::path::normalized;
use crate::json::text as json_text;
use crate::limits::Limits;
use crate::policy::Layout;
use crate::policy::select::read;
use crate::token::text::{self, Prefix};

/// What a string of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// A value of layout T.
    Token,
    /// The header of a document of layout D.
    Header,
    /// A value of layout D.
    Field,
}

impl Part {
    /// The layout that it belongs to.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Part::Token => Layout::Token,
            Part::Header | Part::Field => Layout::Document,
        }
    }

    /// The word for it: `token`, `header` or `field`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Token => "token",
            Part::Header => "header",
            Part::Field => "field",
        }
    }
}

/// A token, header or field string in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sighting {
    /// Normalized path (RFC 9535, section 2.7). Names stand in it as the document has them: escape it where it is shown.
    pub path: String,
    /// Offset of the value's first byte, the quote.
    pub start: usize,
    /// Offset of the first byte behind the value.
    pub end: usize,
    /// What it is.
    pub part: Part,
    /// The key that it names. Field strings name none: it is the one of the header, if exactly one member of the root
    /// is a header, else nothing.
    pub kid: Option<Kid>,
    /// The suite that it names, found as the key is; nothing if no suite of tokens has this byte.
    pub suite: Option<Suite>,
    /// `exact`, `elements`, `named` or `document`, found as the key is; nothing for other modes.
    pub mode: Option<&'static str>,
    /// Characters of the string itself, without quotes and escapes.
    pub len: usize,
    /// Whether it was decrypted: never by [`inspect`], only by [`FieldCipher::inspect`].
    pub authenticated: bool,
}

/// Lists every string that is completely a token, a header or a field string, in document order, wherever it stands.
/// Needs no key and no policy. Time and memory are linear in the document.
///
/// **Nothing is authenticated.** Whoever can write the document can make it name any key, or hide a ciphertext by
/// breaking it, and what lies inside an encrypted value is not seen. Before a key is disabled because no document names
/// it, count with [`FieldCipher::inspect`], which decrypts, or keep the key as decrypt-only for a while.
///
/// ```
/// let document = br#"{"a": "not a token", "b": ["as1.k1.AQFAQUJDREVGR0hJSktMTU5PUFFSU1RVVldWea7Czcu4mkmquPfkjsspMirLrWX_qdfjZ6l-nNIz8J2MmG619XhOtpH-aR_GNeVY95l6C1lqBeA1MwFW"]}"#;
/// let found = apiseal::inspect(document, &apiseal::Limits::default())?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].path, "$['b'][0]");
/// assert_eq!(found[0].kid.as_ref().map(|kid| kid.as_str()), Some("k1"));
/// # Ok::<(), apiseal::Error>(())
/// ```
///
/// # Errors
/// [`Code::InvalidArgument`] for the limits; faults of the document (300–311); [`Code::LimitVisits`] if the paths are too
/// long together.
pub fn inspect(document: &[u8], limits: &Limits) -> Result<Vec<Sighting>> {
    limits.check()?;
    if document.len() > limits.document {
        return Err(Error::new(Code::LimitDocument));
    }
    let index = Index::build(document, limits.depth)?;
    let mut body = Vec::new();
    let mut nodes = Vec::new();
    let mut sightings = Vec::new();
    for id in (0..index.len() as NodeId).filter(|&id| index.kind(id) == NodeKind::String) {
        if let Some(sighting) = sighting(&index, id, &mut body) {
            nodes.push(id);
            sightings.push(sighting);
        }
    }
    lend_header(&index, &nodes, &mut sightings);
    let mut budget = Budget::new(limits.visits(document.len()));
    normalized::each_path(&index, &nodes, |position, path| {
        budget.spend_bytes(path.len())?;
        if let Some(sighting) = sightings.get_mut(position) {
            path.clone_into(&mut sighting.path);
        }
        Ok(())
    })?;
    Ok(sightings)
}

impl FieldCipher {
    /// As [`inspect`], but the document is decrypted first: all or nothing. What the policy selects is then marked as
    /// authenticated, and the header too. Where the policy says `"unselected": "keep"`, other tokens may follow that
    /// are not.
    ///
    /// # Errors
    /// Those of [`FieldCipher::decrypt`] and of [`inspect`].
    pub fn inspect(&self, document: &[u8], context: &Context) -> Result<Vec<Sighting>> {
        drop(self.decrypt(document, context)?);
        let policy = self.policy.inner();
        let mut selection = read(policy, document, &self.limits)?;
        selection.settle(policy, &self.limits, false)?;
        let header = selection.header.map(|header| header.start);
        let mut sightings = inspect(document, &self.limits)?;
        for sighting in &mut sightings {
            let found = selection.fields.find_by_key(&sighting.start, |field| field.start as usize);
            sighting.authenticated = found.is_some() || header == Some(sighting.start);
        }
        Ok(sightings)
    }
}

/// What the string says of itself, if it is one of ours; the path comes later.
fn sighting(index: &Index<'_>, id: NodeId, body: &mut Vec<u8>) -> Option<Sighting> {
    // Most strings are told apart by their first bytes, without being decoded.
    let raw = index.raw(id);
    if !matches!(raw, [b'"', b'a' | b'\\', ..]) {
        return None;
    }
    text::prefix(&json_text::beginning(raw.get(1..raw.len() - 1)?, 5))?;
    let string = index.string(id);
    let (part, kid) = match text::prefix(&string)? {
        Prefix::Token => (Part::Token, Some(text::parse_token(&string, body).ok()?)),
        Prefix::Header => (Part::Header, Some(text::parse_header(&string, body).ok()?)),
        Prefix::Field => (Part::Field, text::parse_field(&string, body).ok().map(|_| None)?),
        Prefix::Wrap => return None,
    };
    let (suite, mode) = match (part, body.as_slice()) {
        (Part::Token | Part::Header, [suite, mode, ..]) => (Suite::of_token(*suite), Mode::name_of(*mode)),
        _ => (None, None),
    };
    let (start, end) = index.span(id);
    Some(Sighting {
        path: String::new(),
        start,
        end,
        part,
        kid: kid.and_then(|kid| Kid::parse(kid).ok()),
        suite,
        mode,
        len: string.len(),
        authenticated: false,
    })
}

/// Field strings belong to the only header among the members of the root.
fn lend_header(index: &Index<'_>, nodes: &[NodeId], sightings: &mut [Sighting]) {
    if index.kind(0) != NodeKind::Object {
        return;
    }
    let mut headers = Vec::new();
    let mut members = index.children(0).peekable();
    for (node, sighting) in nodes.iter().zip(sightings.iter()) {
        while members.next_if(|member| member < node).is_some() {}
        if sighting.part == Part::Header && members.peek() == Some(node) {
            headers.push(sighting.clone());
        }
    }
    if let [only] = headers.as_slice() {
        for field in sightings.iter_mut().filter(|sighting| sighting.part == Part::Field) {
            field.kid.clone_from(&only.kid);
            field.suite = only.suite;
            field.mode = only.mode;
        }
    }
}
