//! The span index: every value of a document with its byte span, in document order.
//!
//! It is built only where the one pass of the scanner is not enough: for filters, `locate` and canonical text.
//! 16 bytes a value; no text is copied.

use std::borrow::Cow;

use crate::error::Result;
use crate::json::scan::{self, Scalar, Visitor};
use crate::json::text::{self, Name};

/// Number of a value in document order; the root is 0. A container comes before what it holds.
pub(crate) type NodeId = u32;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Offset of the first byte of the member's name; 0 for an element and for the root.
    name: u32,
    start: u32,
    end: u32,
    /// The first node behind this one and all that it holds.
    next: NodeId,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// All values of one document.
#[derive(Debug)]
pub(crate) struct Index<'t> {
    text: &'t [u8],
    nodes: Vec<Node>,
}

impl<'t> Index<'t> {
    /// Scans `text` and indexes it.
    ///
    /// # Errors
    /// Those of [`scan::scan`].
    pub(crate) fn build(text: &'t [u8], max_depth: usize) -> Result<Self> {
        let mut builder = IndexBuilder::new(None);
        scan::scan(text, max_depth, &mut builder)?;
        Ok(builder.finish(text))
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where the value stands: `start..end`, quotes and brackets included.
    pub(crate) fn span(&self, id: NodeId) -> (usize, usize) {
        self.node(id).map_or((0, 0), |node| (node.start as usize, node.end as usize))
    }

    /// The value that begins at this offset.
    pub(crate) fn at(&self, start: usize) -> Option<NodeId> {
        self.nodes.binary_search_by_key(&start, |node| node.start as usize).ok().map(|at| at as NodeId)
    }

    /// The exact text of the value.
    pub(crate) fn raw(&self, id: NodeId) -> &'t [u8] {
        let (start, end) = self.span(id);
        self.text.get(start..end).unwrap_or_default()
    }

    /// What the value is.
    pub(crate) fn kind(&self, id: NodeId) -> NodeKind {
        match self.raw(id).first() {
            Some(b'{') => NodeKind::Object,
            Some(b'[') => NodeKind::Array,
            Some(b'"') => NodeKind::String,
            Some(b't') => NodeKind::True,
            Some(b'f') => NodeKind::False,
            Some(b'n') => NodeKind::Null,
            _ => NodeKind::Number,
        }
    }

    /// The member's name; `None` for an element and for the root.
    pub(crate) fn name(&self, id: NodeId) -> Option<Cow<'t, [u8]>> {
        let start = self.node(id)?.name as usize;
        (start != 0).then(|| text::decoded_name(self.text, start))
    }

    /// The exact text of the member's name with its quotes; empty for an element and for the root.
    pub(crate) fn quoted_name(&self, id: NodeId) -> &'t [u8] {
        let quoted = self.name_span(id).and_then(|(start, len, _)| self.text.get(start - 1..start + len + 1));
        quoted.unwrap_or_default()
    }

    /// Where the raw text of the member's name stands, how long it is, and whether it holds a backslash.
    pub(crate) fn name_span(&self, id: NodeId) -> Option<(usize, usize, bool)> {
        let start = self.node(id)?.name as usize;
        (start != 0).then(|| {
            let (len, escaped) = text::raw_name(self.text, start);
            (start, len, escaped)
        })
    }

    /// The decoded content of a string.
    pub(crate) fn string(&self, id: NodeId) -> Cow<'t, [u8]> {
        let (start, end) = self.span(id);
        text::decoded_string(self.text, start, end)
    }

    /// The decoded content of a string, the exact text of anything else.
    pub(crate) fn string_or_raw(&self, id: NodeId) -> Cow<'t, [u8]> {
        if self.kind(id) == NodeKind::String { self.string(id) } else { Cow::Borrowed(self.raw(id)) }
    }

    /// The members or elements of a container, in document order; nothing for a scalar.
    pub(crate) fn children(&self, id: NodeId) -> Children<'_, 't> {
        Children { index: self, at: id + 1, end: self.next(id) }
    }

    /// The first value behind `id` and all that it holds.
    pub(crate) fn next(&self, id: NodeId) -> NodeId {
        self.node(id).map_or(id + 1, |node| node.next)
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }
}

/// Iterator over the children of a container.
pub(crate) struct Children<'i, 't> {
    index: &'i Index<'t>,
    at: NodeId,
    end: NodeId,
}

impl Iterator for Children<'_, '_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.at >= self.end {
            return None;
        }
        let id = self.at;
        self.at = self.index.next(id);
        Some(id)
    }
}

/// Builds an index while a text is scanned.
pub(crate) struct IndexBuilder<'s> {
    nodes: Vec<Node>,
    open: Vec<NodeId>,
    name: u32,
    /// Name of a root member to leave out, as if it were not in the document.
    without: Option<&'s [u8]>,
    /// Number of open containers when a left-out value began.
    leaving_out: Option<usize>,
    depth: usize,
}

impl<'s> IndexBuilder<'s> {
    pub(crate) fn new(without: Option<&'s [u8]>) -> Self {
        IndexBuilder { nodes: Vec::new(), open: Vec::new(), name: 0, without, leaving_out: None, depth: 0 }
    }

    pub(crate) fn finish(self, text: &[u8]) -> Index<'_> {
        Index { text, nodes: self.nodes }
    }

    fn push(&mut self, start: usize, end: usize) {
        let next = self.nodes.len() as NodeId + 1;
        self.nodes.push(Node { name: self.name, start: start as u32, end: end as u32, next });
    }
}

impl Visitor for IndexBuilder<'_> {
    fn name(&mut self, name: Name<'_>) -> Result<()> {
        self.name = name.start as u32;
        if self.depth == 1 && self.without.is_some_and(|without| name.decoded().as_ref() == without) {
            self.leaving_out = Some(self.depth);
        }
        Ok(())
    }

    fn element(&mut self) -> Result<()> {
        self.name = 0;
        Ok(())
    }

    fn begin(&mut self, start: usize, _: bool) -> Result<()> {
        self.depth += 1;
        if self.leaving_out.is_none() {
            self.open.push(self.nodes.len() as NodeId);
            self.push(start, start);
        }
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<()> {
        self.depth -= 1;
        match self.leaving_out {
            Some(depth) if depth == self.depth => self.leaving_out = None,
            Some(_) => {}
            None => {
                let next = self.nodes.len() as NodeId;
                if let Some(node) = self.open.pop().and_then(|id| self.nodes.get_mut(id as usize)) {
                    node.end = end as u32;
                    node.next = next;
                }
            }
        }
        Ok(())
    }

    fn scalar(&mut self, start: usize, end: usize, _: Scalar) -> Result<()> {
        match self.leaving_out {
            Some(depth) if depth == self.depth => self.leaving_out = None,
            Some(_) => {}
            None => self.push(start, end),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_follow_the_document() {
        let text = br#" {"a": [1, {"b":null}], "\u0063": "x\n"} "#;
        let index = Index::build(text, 9).unwrap();
        let kinds: Vec<_> = (0..index.len() as u32).map(|id| index.kind(id)).collect();
        use NodeKind::{Array, Null, Number, Object, String};
        assert_eq!(kinds, [Object, Array, Number, Object, Null, String]);
        assert_eq!(index.children(0).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(index.children(1).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(index.children(2).count(), 0);
        assert_eq!(index.raw(3), br#"{"b":null}"#);
        assert_eq!(index.name(5).unwrap().as_ref(), b"c");
        assert_eq!(index.name(2), None);
        assert_eq!(index.string(5).as_ref(), b"x\n");
    }

    #[test]
    fn a_root_member_can_be_left_out() {
        let text = br#"{"h":{"h":[1]},"a":{"h":2},"b":3}"#;
        let mut builder = IndexBuilder::new(Some(b"h"));
        scan::scan(text, 9, &mut builder).unwrap();
        let index = builder.finish(text);
        let names: Vec<_> =
            (0..index.len() as u32).map(|id| index.name(id).map(|n| n.into_owned())).collect();
        assert_eq!(names, [None, Some(b"a".to_vec()), Some(b"h".to_vec()), Some(b"b".to_vec())]);
        assert_eq!(index.raw(3), b"3");
    }
}
