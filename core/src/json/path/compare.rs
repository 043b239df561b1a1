//! Comparisons (RFC 9535, section 2.3.5.2.2).
//!
//! Numbers are compared as IEEE doubles read from their text, strings by Unicode scalar values, objects without
//! regard to order. Deep equality keeps its own stack and stops at the first difference, so that it costs no more
//! than the smaller of the two values.

use std::borrow::Cow;

use super::Comparison;
use super::eval::Budget;
use crate::error::Result;
use crate::json::index::{Index, NodeId, NodeKind};

/// What an operand of a comparison gives.
#[derive(Clone, Debug)]
pub(super) enum Value<'v> {
    /// No value at all, which equals only itself.
    Nothing,
    Null,
    Boolean(bool),
    Number(f64),
    /// UTF-8.
    Text(Cow<'v, [u8]>),
    /// An object or array of the document.
    Container(NodeId),
}

impl<'v> Value<'v> {
    /// The value of a node.
    pub(super) fn of(index: &'v Index<'_>, node: NodeId, budget: &mut Budget) -> Result<Self> {
        Ok(match index.kind(node) {
            NodeKind::Null => Value::Null,
            NodeKind::True => Value::Boolean(true),
            NodeKind::False => Value::Boolean(false),
            NodeKind::Number => {
                budget.spend_bytes(index.raw(node).len())?;
                Value::Number(number(index.raw(node)))
            }
            NodeKind::String => {
                budget.spend_bytes(index.raw(node).len())?;
                Value::Text(index.string(node))
            }
            NodeKind::Object | NodeKind::Array => Value::Container(node),
        })
    }
}

/// Compares two values.
pub(super) fn compare(
    index: &Index<'_>,
    left: &Value<'_>,
    comparison: Comparison,
    right: &Value<'_>,
    budget: &mut Budget,
) -> Result<bool> {
    Ok(match comparison {
        Comparison::Equal => equal(index, left, right, budget)?,
        Comparison::NotEqual => !equal(index, left, right, budget)?,
        Comparison::Less => less(left, right),
        Comparison::Greater => less(right, left),
        Comparison::LessOrEqual => less(left, right) || equal(index, left, right, budget)?,
        Comparison::GreaterOrEqual => less(right, left) || equal(index, left, right, budget)?,
    })
}

/// The double nearest to a JSON number; infinite where it is too large.
fn number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn less(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left < right,
        // The order of UTF-8 is the order of scalar values.
        (Value::Text(left), Value::Text(right)) => left < right,
        _ => false,
    }
}

fn equal(index: &Index<'_>, left: &Value<'_>, right: &Value<'_>, budget: &mut Budget) -> Result<bool> {
    match (left, right) {
        (Value::Nothing, Value::Nothing) | (Value::Null, Value::Null) => Ok(true),
        (Value::Boolean(left), Value::Boolean(right)) => Ok(left == right),
        (Value::Number(left), Value::Number(right)) => Ok(left == right),
        (Value::Text(left), Value::Text(right)) => Ok(left == right),
        (&Value::Container(left), &Value::Container(right)) => deep_equal(index, left, right, budget),
        _ => Ok(false),
    }
}

fn deep_equal(index: &Index<'_>, left: NodeId, right: NodeId, budget: &mut Budget) -> Result<bool> {
    let mut pairs = vec![(left, right)];
    while let Some((left, right)) = pairs.pop() {
        budget.spend(1)?;
        if left == right {
            continue;
        }
        let same = match (index.kind(left), index.kind(right)) {
            (left_kind, right_kind) if left_kind != right_kind => false,
            (NodeKind::Array, _) => push_elements(index, left, right, &mut pairs, budget)?,
            (NodeKind::Object, _) => push_members(index, left, right, &mut pairs, budget)?,
            (NodeKind::Number | NodeKind::String, _) => {
                let left = Value::of(index, left, budget)?;
                let right = Value::of(index, right, budget)?;
                equal(index, &left, &right, budget)?
            }
            _ => true,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

type Pairs = Vec<(NodeId, NodeId)>;

/// Pairs the elements of two arrays; `false` if their numbers differ.
fn push_elements(
    index: &Index<'_>,
    left: NodeId,
    right: NodeId,
    pairs: &mut Pairs,
    budget: &mut Budget,
) -> Result<bool> {
    let (mut left, mut right) = (index.children(left), index.children(right));
    loop {
        budget.spend(1)?;
        match (left.next(), right.next()) {
            (Some(left), Some(right)) => pairs.push((left, right)),
            (None, None) => return Ok(true),
            _ => return Ok(false),
        }
    }
}

/// Pairs the members of two objects by name; `false` if the names differ.
fn push_members(
    index: &Index<'_>,
    left: NodeId,
    right: NodeId,
    pairs: &mut Pairs,
    budget: &mut Budget,
) -> Result<bool> {
    let first = pairs.len();
    if !push_elements(index, left, right, pairs, budget)? {
        return Ok(false);
    }
    let added = pairs.get_mut(first..).unwrap_or_default();
    for &(left, right) in added.iter() {
        let names =
            index.name(left).map_or(0, |name| name.len()) + index.name(right).map_or(0, |name| name.len());
        budget.spend_bytes(names)?;
    }
    if added.iter().all(|&(left, right)| index.name(left) == index.name(right)) {
        return Ok(true);
    }
    let mut lefts: Vec<_> = added.iter().map(|&(left, _)| (index.name(left), left)).collect();
    let mut rights: Vec<_> = added.iter().map(|&(_, right)| (index.name(right), right)).collect();
    lefts.sort_unstable();
    rights.sort_unstable();
    for ((pair, (left_name, left)), (right_name, right)) in added.iter_mut().zip(lefts).zip(rights) {
        if left_name != right_name {
            return Ok(false);
        }
        *pair = (left, right);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};

    /// Compares the first two elements of an array.
    fn check(document: &str, comparison: Comparison) -> bool {
        let index = Index::build(document.as_bytes(), 1 << 20).unwrap();
        let mut budget = Budget::new(document.len() as u64 * 16 + 100);
        let children: Vec<_> = index.children(0).collect();
        let left = Value::of(&index, children[0], &mut budget).unwrap();
        let right = Value::of(&index, children[1], &mut budget).unwrap();
        compare(&index, &left, comparison, &right, &mut budget).unwrap()
    }

    #[test]
    fn equality() {
        for document in [
            "[1,1.0]",
            "[100,1e2]",
            "[0,-0]",
            "[-0.0,0e5]",
            "[1e400,1E999]",
            "[9007199254740993,9007199254740992]",
            "[0.1,0.10000000000000000555]",
            r#"["a\u00e9","aé"]"#,
            r#"["",""]"#,
            "[null,null]",
            "[[],[]]",
            "[{},{}]",
            r#"[{"a":1,"b":[1,{"c":null}]},{"b":[1.0,{"\u0063":null}],"a":1}]"#,
            "[true,true]",
            "[1e-400,0]",
        ] {
            assert!(check(document, Equal) && !check(document, NotEqual), "{document}");
            assert!(check(document, LessOrEqual) && check(document, GreaterOrEqual), "{document}");
            assert!(!check(document, Less) && !check(document, Greater), "{document}");
        }
        for document in [
            "[1,\"1\"]",
            "[null,false]",
            "[true,false]",
            "[[],{}]",
            "[[1],[1,2]]",
            "[[1,2],[2,1]]",
            "[\"a\",\"A\"]",
            "[0,null]",
            r#"[{"a":1},{"a":1,"b":2}]"#,
            r#"[{"a":1},{"b":1}]"#,
            r#"[{"a":1,"b":2},{"a":2,"b":1}]"#,
            "[1e400,-1e400]",
            r#"["\u00e9","e\u0301"]"#,
            r#"[{"a":[[]]},{"a":[{}]}]"#,
            "[\"\",[]]",
        ] {
            assert!(!check(document, Equal) && check(document, NotEqual), "{document}");
        }
    }

    #[test]
    fn order() {
        for document in [
            "[1,2]",
            "[-1,0.5]",
            "[1e308,1e400]",
            "[-1e400,0]",
            r#"["","a"]"#,
            r#"["Z","a"]"#,
            r#"["a","aa"]"#,
        ] {
            assert!(
                check(document, Less) && check(document, LessOrEqual) && !check(document, Greater),
                "{document}"
            );
        }
        // UTF-16 would order these the other way round.
        assert!(check(r#"["\uffff","\ud83d\ude00"]"#, Less));
        for document in ["[1,\"2\"]", "[null,1]", "[false,true]", "[[1],[2]]", "[{},{\"a\":1}]"] {
            assert!(
                [Less, LessOrEqual, Greater, GreaterOrEqual].iter().all(|&c| !check(document, c)),
                "{document}"
            );
        }
    }

    #[test]
    fn nothing_equals_nothing_only() {
        let index = Index::build(b"[null]", 9).unwrap();
        let mut budget = Budget::new(9);
        let mut test =
            |left: &Value<'_>, c, right: &Value<'_>| compare(&index, left, c, right, &mut budget).unwrap();
        assert!(
            test(&Value::Nothing, Equal, &Value::Nothing)
                && test(&Value::Nothing, LessOrEqual, &Value::Nothing)
        );
        assert!(
            !test(&Value::Nothing, Equal, &Value::Null) && !test(&Value::Nothing, Less, &Value::Number(1.0))
        );
    }

    #[test]
    fn wide_and_deep_values_cost_their_size() {
        let members = |order: &mut dyn Iterator<Item = usize>| {
            order.map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",")
        };
        let n = 50_000;
        assert!(check(&format!("[{{{}}},{{{}}}]", members(&mut (0..n)), members(&mut (0..n).rev())), Equal));
        let deep = |core: &str| format!("{}{core}{}", "{\"a\":[".repeat(50_000), "]}".repeat(50_000));
        assert!(check(&format!("[{},{}]", deep("1"), deep("1.0")), Equal));
        assert!(check(&format!("[{},{}]", deep("1"), deep("2")), NotEqual));
    }
}
