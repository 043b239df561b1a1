//! JSONPath (RFC 9535), the whole language, over the span index.
//!
//! A [`Query`] is parsed once, strictly by the grammar, and can be shared between threads. [`eval::select`] applies it
//! to an index within a budget; [`normalized`] writes where the selected values stand.
//!
//! Nesting of filters, parentheses and functions is bounded when the query is parsed, so that nothing later recurses
//! without a bound; the depth of a document never drives a recursion.

mod budget;
mod compare;
pub(crate) mod eval;
mod filter_parse;
mod iregexp;
mod literals;
pub(crate) mod normalized;
mod parse;
mod patterns;
mod translate;

use crate::error::Result;
use iregexp::Regexp;

/// A parsed query from the root.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    text: String,
    segments: Vec<Segment>,
    /// Number of absolute queries inside filters; each has a slot in the evaluator's cache.
    absolutes: usize,
    invalid_pattern: Option<String>,
}

/// One step: selects among the children of each node, or of each node and all that it holds.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) descendant: bool,
    pub(crate) selectors: Vec<Selector>,
}

/// Chooses children of one node.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// The member of this name.
    Name(String),
    /// All children.
    Wildcard,
    /// One element, counted from the end when negative.
    Index(i64),
    /// Elements from `start` to before `end`.
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    /// The children that pass the test.
    Filter(Filter),
}

/// A test of one node, the current node `@`.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    /// The query selects at least one node.
    Exists(FilterQuery),
    Compare(Operand, Comparison, Operand),
    /// `match` (the whole string) or `search` (any part of it).
    Matches {
        input: Operand,
        pattern: Pattern,
        whole: bool,
    },
}

/// A query inside a filter.
#[derive(Clone, Debug)]
pub(crate) struct FilterQuery {
    pub(crate) segments: Vec<Segment>,
    /// Set for `$…`: the number of its slot in the evaluator's cache. `None` is `@…`.
    pub(crate) absolute: Option<usize>,
}

/// What gives a value, or nothing.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Literal(Literal),
    /// A singular query.
    Query(FilterQuery),
    /// `length(value)`
    Length(Box<Operand>),
    /// `count(nodes)`
    Count(FilterQuery),
    /// `value(nodes)`
    Value(FilterQuery),
}

/// A value spelled out in the query.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
}

/// The regular expression of `match` and `search`.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// Compiled with the query; `None` where the literal is no I-Regexp, and never matches.
    Fixed(Option<Regexp>),
    /// Given by the document.
    Computed(Operand),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Query {
    /// Longest query, in bytes.
    pub(crate) const MAX_LEN: usize = 4096;
    /// Filters, parentheses and function calls that may be open at one place: 100 KiB of stack are enough for them.
    pub(crate) const MAX_NESTING: usize = 32;

    /// Parses a query, which must begin with `$`.
    ///
    /// # Errors
    /// [`Code::InvalidPath`](crate::Code::InvalidPath) with the byte offset into `text`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parse::query(text)
    }

    /// The query as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its steps; none for `$`.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it selects at most one node of any document.
    pub(crate) fn is_singular(&self) -> bool {
        self.segments.iter().all(Segment::is_singular)
    }

    /// A literal regular expression that is no I-Regexp. RFC 9535 lets it match nothing in silence; whoever loads
    /// rules should refuse it.
    pub(crate) fn invalid_pattern(&self) -> Option<&str> {
        self.invalid_pattern.as_deref()
    }
}

impl Segment {
    /// Whether it selects at most one child of any node.
    pub(crate) fn is_singular(&self) -> bool {
        !self.descendant && matches!(self.selectors.as_slice(), [Selector::Name(_) | Selector::Index(_)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_knows_whether_it_is_singular() {
        let singular = |text: &str| {
            let query = Query::parse(text).unwrap();
            assert_eq!(query.text(), text);
            query.is_singular()
        };
        assert!(singular("$"));
        assert!(singular("$.a['b'][-1] [0]"));
        assert!(!singular("$..a"));
        assert!(!singular("$['a','b']"));
        assert!(!singular("$.*"));
        assert!(!singular("$[1:2]"));
        assert!(!singular("$.a[0,?@]"));
        assert_eq!(Query::parse("$.a..b").unwrap().segments().len(), 2);
    }

    #[test]
    fn an_invalid_pattern_is_remembered() {
        let pattern = |text: &str| Query::parse(text).unwrap().invalid_pattern().map(str::to_owned);
        assert_eq!(pattern(r"$[?match(@, 'a.*')]"), None);
        assert_eq!(pattern(r"$[?match(@, '\\d+') || search(@, 'a**')]").as_deref(), Some(r"\d+"));
        assert_eq!(pattern(r"$[?match(@, $.pattern)]"), None);
    }

    #[test]
    fn queries_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Query>();
    }
}
