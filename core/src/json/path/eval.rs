//! The evaluator: a query against an index, within a budget.
//!
//! Nodes are numbered in document order, so a value and all that it holds are one range of numbers: descendants
//! need no stack, however deep the document is. Filters recurse with the nesting of the query, which the parser bounds.

use std::borrow::Cow;

pub(crate) use super::budget::Budget;
use super::compare::{self, Value};
use super::iregexp::Regexp;
use super::patterns::Patterns;
use super::{Filter, FilterQuery, Literal, Operand, Pattern, Query, Segment, Selector};
use crate::error::Result;
use crate::json::index::{Index, NodeId, NodeKind};

const ROOT: NodeId = 0;

/// The nodes that `query` selects, in the order and with the duplicates of RFC 9535.
///
/// `visits` takes the nodes that the result of any filter can depend on: all those that a query inside a filter
/// selects, nested ones included. Values are compared as wholes: a recorded node stands for all that it holds.
///
/// # Errors
/// [`Code::LimitVisits`](crate::Code::LimitVisits).
pub(crate) fn select(
    query: &Query,
    index: &Index<'_>,
    budget: &mut Budget,
    visits: Option<&mut Vec<NodeId>>,
) -> Result<Vec<NodeId>> {
    let cache = vec![None; query.absolutes];
    let mut run = Run { index, budget, visits, cache, patterns: Patterns::default() };
    run.nodes(&query.segments, ROOT)
}

/// What filters need to know of a nodelist.
#[derive(Clone, Copy)]
struct Found {
    count: usize,
    first: Option<NodeId>,
}

impl Found {
    fn only(self) -> Option<NodeId> {
        self.first.filter(|_| self.count == 1)
    }
}

struct Run<'r, 't, 'b> {
    index: &'r Index<'t>,
    budget: &'b mut Budget,
    visits: Option<&'b mut Vec<NodeId>>,
    /// Results of the absolute queries in filters: they are the same for every current node.
    cache: Vec<Option<Found>>,
    patterns: Patterns,
}

impl<'r> Run<'r, '_, '_> {
    fn nodes(&mut self, segments: &'r [Segment], start: NodeId) -> Result<Vec<NodeId>> {
        self.budget.spend(1)?;
        let mut nodes = vec![start];
        for segment in segments {
            let mut found = Vec::new();
            for &node in &nodes {
                if segment.descendant {
                    for inner in node..self.index.next(node) {
                        self.budget.spend(1)?;
                        self.children(segment, inner, &mut found)?;
                    }
                } else {
                    self.children(segment, node, &mut found)?;
                }
            }
            nodes = found;
        }
        Ok(nodes)
    }

    /// Applies the selectors of a segment to one node.
    fn children(&mut self, segment: &'r Segment, node: NodeId, found: &mut Vec<NodeId>) -> Result<()> {
        let index = self.index;
        let kind = index.kind(node);
        if !matches!(kind, NodeKind::Object | NodeKind::Array) {
            return Ok(());
        }
        for selector in &segment.selectors {
            match selector {
                Selector::Name(name) if kind == NodeKind::Object => found.extend(self.member(node, name)?),
                Selector::Index(at) if kind == NodeKind::Array => found.extend(self.element(node, *at)?),
                Selector::Slice { start, end, step } if kind == NodeKind::Array => {
                    self.slice(node, (*start, *end, *step), found)?;
                }
                Selector::Name(_) | Selector::Index(_) | Selector::Slice { .. } => self.budget.spend(1)?,
                Selector::Wildcard => {
                    for child in index.children(node) {
                        self.budget.spend(1)?;
                        found.push(child);
                    }
                }
                Selector::Filter(filter) => {
                    for child in index.children(node) {
                        self.budget.spend(1)?;
                        if self.test(filter, child)? {
                            found.push(child);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn member(&mut self, object: NodeId, name: &str) -> Result<Option<NodeId>> {
        for child in self.index.children(object) {
            self.budget.spend(1)?;
            if self.index.name(child).is_some_and(|found| found.as_ref() == name.as_bytes()) {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn element(&mut self, array: NodeId, at: i64) -> Result<Option<NodeId>> {
        let mut left = if at < 0 { at + self.count(array)? } else { at };
        if left < 0 {
            return Ok(None);
        }
        for child in self.index.children(array) {
            self.budget.spend(1)?;
            if left == 0 {
                return Ok(Some(child));
            }
            left -= 1;
        }
        Ok(None)
    }

    fn count(&mut self, container: NodeId) -> Result<i64> {
        let mut count = 0;
        for _ in self.index.children(container) {
            self.budget.spend(1)?;
            count += 1;
        }
        Ok(count)
    }

    /// RFC 9535, section 2.3.4.2.2.
    fn slice(
        &mut self,
        array: NodeId,
        (start, end, step): (Option<i64>, Option<i64>, i64),
        found: &mut Vec<NodeId>,
    ) -> Result<()> {
        let mut elements = Vec::new();
        for child in self.index.children(array) {
            self.budget.spend(1)?;
            elements.push(child);
        }
        let len = i64::try_from(elements.len()).unwrap_or(i64::MAX);
        let from_start = |at: i64| if at >= 0 { at } else { len + at };
        let mut next;
        let stop;
        if step >= 0 {
            next = from_start(start.unwrap_or(0)).clamp(0, len);
            stop = from_start(end.unwrap_or(len)).clamp(0, len);
        } else {
            next = from_start(start.unwrap_or(len - 1)).clamp(-1, len - 1);
            stop = from_start(end.unwrap_or(-len - 1)).clamp(-1, len - 1);
        }
        while (step > 0 && next < stop) || (step < 0 && next > stop) {
            self.budget.spend(1)?;
            found.extend(usize::try_from(next).ok().and_then(|at| elements.get(at)));
            next += step;
        }
        Ok(())
    }

    /// Whether `current` passes the filter.
    fn test(&mut self, filter: &'r Filter, current: NodeId) -> Result<bool> {
        match filter {
            Filter::Or(choices) => {
                for choice in choices {
                    if self.test(choice, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::And(parts) => {
                for part in parts {
                    if !self.test(part, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(inner) => Ok(!self.test(inner, current)?),
            Filter::Exists(query) => Ok(self.found(query, current)?.first.is_some()),
            Filter::Compare(left, comparison, right) => {
                self.budget.spend(1)?;
                let left = self.value(left, current)?;
                let right = self.value(right, current)?;
                compare::compare(self.index, &left, *comparison, &right, self.budget)
            }
            Filter::Matches { input, pattern, whole } => {
                self.budget.spend(1)?;
                let input = self.value(input, current)?;
                match pattern {
                    Pattern::Fixed(regexp) => self.run_regexp(regexp.as_ref(), &input),
                    Pattern::Computed(pattern) => match self.value(pattern, current)? {
                        Value::Text(text) => {
                            let regexp = self.patterns.compiled(&text, *whole, self.budget)?;
                            self.run_regexp(regexp.as_ref(), &input)
                        }
                        _ => Ok(false),
                    },
                }
            }
        }
    }

    fn run_regexp(&mut self, regexp: Option<&Regexp>, input: &Value<'_>) -> Result<bool> {
        match (regexp, input) {
            (Some(regexp), Value::Text(text)) => {
                self.budget.spend(regexp.cost(text.len()))?;
                Ok(regexp.is_match(text))
            }
            _ => Ok(false),
        }
    }

    /// The nodelist of a query inside a filter.
    fn found(&mut self, query: &'r FilterQuery, current: NodeId) -> Result<Found> {
        if let Some(found) = query.absolute.and_then(|slot| self.cache.get(slot).copied().flatten()) {
            return Ok(found);
        }
        let start = if query.absolute.is_some() { ROOT } else { current };
        let found = match self.walk(&query.segments, start)? {
            Walk::End(first) => {
                if let (Some(visits), Some(node)) = (self.visits.as_deref_mut(), first) {
                    visits.push(node);
                }
                Found { count: usize::from(first.is_some()), first }
            }
            Walk::Branches => {
                let nodes = self.nodes(&query.segments, start)?;
                if let Some(visits) = self.visits.as_deref_mut() {
                    visits.extend_from_slice(&nodes);
                }
                Found { count: nodes.len(), first: nodes.first().copied() }
            }
        };
        if let Some(slot) = query.absolute.and_then(|slot| self.cache.get_mut(slot)) {
            *slot = Some(found);
        }
        Ok(found)
    }

    /// Follows a singular query without making lists.
    fn walk(&mut self, segments: &'r [Segment], start: NodeId) -> Result<Walk> {
        if !segments.iter().all(Segment::is_singular) {
            return Ok(Walk::Branches);
        }
        self.budget.spend(1)?;
        let mut node = start;
        for selector in segments.iter().flat_map(|segment| &segment.selectors) {
            let next = match (selector, self.index.kind(node)) {
                (Selector::Name(name), NodeKind::Object) => self.member(node, name)?,
                (Selector::Index(at), NodeKind::Array) => self.element(node, *at)?,
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return Ok(Walk::End(None)),
            }
        }
        Ok(Walk::End(Some(node)))
    }

    fn value(&mut self, operand: &'r Operand, current: NodeId) -> Result<Value<'r>> {
        match operand {
            Operand::Literal(literal) => Ok(match literal {
                Literal::Null => Value::Null,
                Literal::Boolean(value) => Value::Boolean(*value),
                Literal::Number(value) => Value::Number(*value),
                Literal::Text(text) => Value::Text(Cow::Borrowed(text.as_bytes())),
            }),
            Operand::Query(query) | Operand::Value(query) => match self.found(query, current)?.only() {
                Some(node) => Value::of(self.index, node, self.budget),
                None => Ok(Value::Nothing),
            },
            Operand::Count(query) => Ok(Value::Number(self.found(query, current)?.count as f64)),
            Operand::Length(operand) => Ok(match self.value(operand, current)? {
                Value::Text(text) => {
                    self.budget.spend_bytes(text.len())?;
                    // Continuation bytes begin no scalar value.
                    Value::Number(text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as f64)
                }
                Value::Container(node) => Value::Number(self.count(node)? as f64),
                _ => Value::Nothing,
            }),
        }
    }
}

enum Walk {
    /// The query is singular and ends here.
    End(Option<NodeId>),
    /// The query is not singular.
    Branches,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn run(document: &str, query: &str) -> (Vec<NodeId>, Vec<NodeId>) {
        let index = Index::build(document.as_bytes(), 99).unwrap();
        let mut visits = Vec::new();
        let query = Query::parse(query).unwrap();
        let found = select(&query, &index, &mut Budget::new(1000), Some(&mut visits)).unwrap();
        visits.sort_unstable();
        visits.dedup();
        (found, visits)
    }

    #[test]
    fn visits_are_all_that_a_filter_depends_on() {
        //                  0123      4      5     6     7         8 9
        let document = r#"[{"a":{"b":1,"c":[2]},"d":3},{"a":4,"p":[5]}]"#;
        // Nodes: 0 [, 1 {, 2 a{, 3 b, 4 c[, 5 2, 6 d, 7 {, 8 a, 9 p[, 10 5.
        for (query, found, visits) in [
            ("$[*].a", vec![2, 8], vec![]),
            ("$[?@.a]", vec![1, 7], vec![2, 8]),
            ("$[?@.a.b==1]", vec![1], vec![3]),
            ("$[?@.x]", vec![], vec![]),
            ("$[?@.a==4 && @.p]", vec![7], vec![2, 8, 9]),
            ("$[?@.a || @.d]", vec![1, 7], vec![2, 8]),
            ("$[?@.d || @.a]", vec![1, 7], vec![6, 8]),
            ("$[?count(@.*)==2]", vec![1, 7], vec![2, 6, 8, 9]),
            ("$[?length(value(@.p))==1]", vec![7], vec![9]),
            ("$[?@[?@[0]==5]]", vec![7], vec![9, 10]),
            ("$[?@..c]", vec![1], vec![4]),
            ("$[?$[1].p[0]==5]", vec![1, 7], vec![10]),
            ("$[?match(@.d,$[0].a.b)]", vec![], vec![3, 6]),
            ("$[?!match(@.d,'[')]", vec![1, 7], vec![6]),
            ("$[?@.a==$[0].a].d", vec![6], vec![2, 8]),
        ] {
            assert_eq!(run(document, query), (found, visits), "{query}");
        }
    }

    #[test]
    fn absolute_queries_are_evaluated_once() {
        let document = format!("[{}]", vec!["[1,2,3]"; 2000].join(","));
        let index = Index::build(document.as_bytes(), 9).unwrap();
        for query in
            ["$[?count($..*)>@[0]]", "$[?$[1999][2]==@[2]]", "$[?@[?$[?@==1] || $[1][1]==@]]", "$[?$[-1]]"]
        {
            let query = Query::parse(query).unwrap();
            let mut visits = Vec::new();
            let found = select(&query, &index, &mut Budget::new(80_000), Some(&mut visits)).unwrap();
            assert_eq!(found.len(), 2000, "{}", query.text());
            assert!(visits.len() <= 20_000, "{}: {}", query.text(), visits.len());
        }
    }

    #[test]
    fn every_kind_of_work_is_charged() {
        let document = format!(
            r#"{{"s":"{0}","l":[{1}0],"o":{{{2}"z":0}},"m":[{1}0],"t":"{0}"}}"#,
            "a".repeat(8000),
            "1,".repeat(1000),
            (0..1000).map(|i| format!(r#""k{i}":[],"#)).collect::<String>(),
        );
        let index = Index::build(document.as_bytes(), 9).unwrap();
        for query in [
            "$..*",
            "$.o.z",
            "$.l[-1]",
            "$.l[999]",
            "$.l[::-1]",
            "$.l[?@]",
            "$[?@.z==0]",
            "$[?$.s==$.t]",
            "$[?$.l==$.m]",
            "$[?length($.l)==1]",
            "$[?count($.l[*])==1]",
            "$[?match($.s,'a+')]",
            "$[?match('a','a') && search($.s,$.t)]",
            "$[?length($.s)==0]",
        ] {
            let query = Query::parse(query).unwrap();
            let error = select(&query, &index, &mut Budget::new(900), None).expect_err(query.text());
            assert_eq!(error.code(), Code::LimitVisits);
        }
    }
}
