//! Normalized paths (RFC 9535, section 2.7): one spelling for the place of each value.

use crate::error::{Code, Result};
use crate::json::index::{Index, NodeId};
use crate::json::scan::{self, Scalar, Visitor};
use crate::json::text::{self, Name};

/// The normalized path of each of `nodes`, which may stand in any order and more than once.
pub(crate) fn paths(index: &Index<'_>, nodes: &[NodeId]) -> Vec<String> {
    let mut all = vec![String::new(); nodes.len()];
    let kept = each_path(index, nodes, |position, path| {
        if let Some(slot) = all.get_mut(position) {
            path.clone_into(slot);
        }
        Ok(())
    });
    debug_assert!(kept.is_ok());
    all
}

/// Calls `take` with the position of each node in `nodes` and its normalized path, in document order.
///
/// Time is linear in the index, plus sorting `nodes`; no path is built twice. Together the paths may be much longer
/// than the document: whoever keeps them should charge their lengths.
///
/// # Errors
/// Those of `take`.
pub(crate) fn each_path(
    index: &Index<'_>,
    nodes: &[NodeId],
    mut take: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    let mut order: Vec<(NodeId, usize)> =
        nodes.iter().enumerate().map(|(position, &node)| (node, position)).collect();
    order.sort_unstable();
    let mut path = String::from("$");
    let mut open = vec![Open::new(index, 0, &path)];
    for (target, position) in order {
        while open.last().is_some_and(|container| container.end <= target) && open.len() > 1 {
            open.pop();
        }
        while let Some(container) = open.last_mut() {
            path.truncate(container.path);
            if container.node >= target {
                break;
            }
            let Some(child) = container.child_around(index, target) else { break };
            match index.name(child) {
                Some(name) => push_name(&mut path, &name),
                None => push_index(&mut path, container.ordinal),
            }
            open.push(Open::new(index, child, &path));
        }
        take(position, &path)?;
    }
    Ok(())
}

/// Appends `['name']`.
pub(crate) fn push_name(path: &mut String, name: &[u8]) {
    path.push_str("['");
    for c in String::from_utf8_lossy(name).chars() {
        match c {
            '\u{8}' => path.push_str("\\b"),
            '\t' => path.push_str("\\t"),
            '\n' => path.push_str("\\n"),
            '\u{c}' => path.push_str("\\f"),
            '\r' => path.push_str("\\r"),
            '\'' => path.push_str("\\'"),
            '\\' => path.push_str("\\\\"),
            '\0'..='\x1f' => path.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => path.push(c),
        }
    }
    path.push_str("']");
}

/// Appends `[index]`.
pub(crate) fn push_index(path: &mut String, index: usize) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}

/// The normalized path of the value that starts at byte `offset` of `text`; of the innermost container around the
/// offset if no value starts there. It scans the text again, up to the offset: for messages, not for loops.
pub(crate) fn path_of_offset(text: &[u8], max_depth: usize, offset: usize) -> String {
    let mut finder = Finder { offset, steps: Vec::new() };
    // A fault in the text ends the search like a find does.
    let _ = scan::scan(text, max_depth, &mut finder);
    let mut path = String::from("$");
    for step in &finder.steps {
        match *step {
            Step::Name(start) => push_name(&mut path, &text::decoded_name(text, start)),
            Step::Index(index) => push_index(&mut path, index),
            Step::Before => break,
        }
    }
    path
}

/// A container on the way to the current target.
struct Open {
    node: NodeId,
    /// The first node behind it.
    end: NodeId,
    /// Length of its path.
    path: usize,
    /// The child reached so far, and how many stand before it.
    child: NodeId,
    ordinal: usize,
}

impl Open {
    fn new(index: &Index<'_>, node: NodeId, path: &str) -> Self {
        Open { node, end: index.next(node), path: path.len(), child: node + 1, ordinal: 0 }
    }

    /// Goes on to the child that is or holds `target`.
    fn child_around(&mut self, index: &Index<'_>, target: NodeId) -> Option<NodeId> {
        while self.child < self.end {
            let next = index.next(self.child);
            if target < next {
                return Some(self.child);
            }
            self.child = next;
            self.ordinal += 1;
        }
        None
    }
}

enum Step {
    /// In an object, at the member whose name begins here.
    Name(usize),
    /// In an array, at this element.
    Index(usize),
    /// In a container, before its first child.
    Before,
}

struct Finder {
    offset: usize,
    /// One for each open container.
    steps: Vec<Step>,
}

impl Finder {
    fn value(&mut self, start: usize) -> Result<()> {
        if start < self.offset {
            return Ok(());
        }
        if start > self.offset {
            self.steps.pop();
        }
        Err(Code::Internal.into())
    }
}

impl Visitor for Finder {
    fn name(&mut self, name: Name<'_>) -> Result<()> {
        if let Some(step) = self.steps.last_mut() {
            *step = Step::Name(name.start);
        }
        Ok(())
    }

    fn element(&mut self) -> Result<()> {
        if let Some(step) = self.steps.last_mut() {
            *step = Step::Index(if let Step::Index(index) = *step { index + 1 } else { 0 });
        }
        Ok(())
    }

    fn begin(&mut self, start: usize, _: bool) -> Result<()> {
        self.value(start)?;
        self.steps.push(Step::Before);
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<()> {
        if end > self.offset {
            if let Some(step) = self.steps.last_mut() {
                *step = Step::Before;
            }
            return Err(Code::Internal.into());
        }
        self.steps.pop();
        Ok(())
    }

    fn scalar(&mut self, start: usize, end: usize, _: Scalar) -> Result<()> {
        self.value(start)?;
        // Inside a scalar: the path of the scalar itself.
        if end > self.offset { Err(Code::Internal.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let name = |name: &str| {
            let mut path = String::new();
            push_name(&mut path, name.as_bytes());
            path
        };
        assert_eq!(name("a\"é😀/\u{7f}"), "['a\"é😀/\u{7f}']");
        assert_eq!(name("'\\"), r"['\'\\']");
        assert_eq!(name("\u{8}\t\n\u{c}\r\u{b}\u{0}\u{1f}"), r"['\b\t\n\f\r\u000b\u0000\u001f']");
    }

    const TEXT: &[u8] = br#" {"a": [10, {"b'\u000a": []}, [[true]]], "": {"c": {}}} "#;
    const PATHS: &[&str] = &[
        "$",
        "$['a']",
        "$['a'][0]",
        "$['a'][1]",
        r"$['a'][1]['b\'\n']",
        "$['a'][2]",
        "$['a'][2][0]",
        "$['a'][2][0][0]",
        "$['']",
        "$['']['c']",
    ];

    #[test]
    fn paths_of_nodes_in_any_order() {
        let index = Index::build(TEXT, 9).unwrap();
        let all: Vec<NodeId> = (0..index.len() as NodeId).collect();
        assert_eq!(paths(&index, &all), PATHS);
        let some = [7, 0, 7, 9, 2, 4];
        assert_eq!(paths(&index, &some), some.map(|node| PATHS[node as usize]));
        assert!(paths(&index, &[]).is_empty());
    }

    #[test]
    fn paths_of_offsets() {
        let index = Index::build(TEXT, 9).unwrap();
        for node in 0..index.len() as NodeId {
            assert_eq!(path_of_offset(TEXT, 9, index.span(node).0), PATHS[node as usize]);
        }
        let at = |needle: &str| TEXT.windows(needle.len()).position(|w| w == needle.as_bytes()).unwrap();
        assert_eq!(path_of_offset(TEXT, 9, at("rue")), "$['a'][2][0][0]");
        assert_eq!(path_of_offset(TEXT, 9, at("]}, [[")), r"$['a'][1]['b\'\n']");
        assert_eq!(path_of_offset(TEXT, 9, at(", {\"b")), "$['a']");
        assert_eq!(path_of_offset(TEXT, 9, 0), "$");
        assert_eq!(path_of_offset(TEXT, 9, 10_000), "$");
        assert_eq!(path_of_offset(b"{\"a\":[1,", 9, 6), "$['a'][0]");
        assert_eq!(path_of_offset(b"nope", 9, 0), "$");
    }

    #[test]
    fn wide_and_deep_documents_take_linear_time() {
        let wide = format!("[{}]", vec!["{\"a\":[0]}"; 100_000].join(","));
        let index = Index::build(wide.as_bytes(), 9).unwrap();
        let all: Vec<NodeId> = (0..index.len() as NodeId).rev().collect();
        let found = paths(&index, &all);
        assert_eq!(found[0], "$[99999]['a'][0]");
        assert_eq!(found[all.len() - 1], "$");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let index = Index::build(deep.as_bytes(), 100_000).unwrap();
        let found = paths(&index, &[99_999, 1, 50_000]);
        assert_eq!(
            (found[0].len(), found[1].as_str(), found[2].len()),
            (1 + 3 * 99_999, "$[0]", 1 + 3 * 50_000)
        );
        assert_eq!(path_of_offset(deep.as_bytes(), 100_000, 99_999).len(), 1 + 3 * 99_999);
    }
}
