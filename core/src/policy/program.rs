//! The paths of a policy as one automaton, run by the scanner's single pass.
//!
//! Each step of each path is a state, and the states alive at a container are a bit set. Going down to a child keeps
//! the states of descendant steps and moves on those whose test the child passes. Names are looked up once for all
//! rules, by the hash that the scanner has anyway. Rules that depend on values or on array lengths (filters, negative
//! indices) are evaluated over the span index instead; in paths of bound members such a step is widened to any child.

use crate::json::path::{Query, Selector};
use crate::json::text::name_hash;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whether it looks at all depths below.
    pub(crate) descend: bool,
    /// A child passes if it passes any of these.
    pub(crate) tests: Vec<Test>,
}

/// What a child must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Name(Vec<u8>),
    Index(u64),
    Slice { start: u64, end: u64, step: u64 },
    AnyElement,
    Any,
}

/// The steps of a query, and whether its selection depends on values or array lengths, so that they are too wide.
pub(crate) fn widen(query: &Query) -> (Vec<Step>, bool) {
    let mut value_dependent = false;
    let mut dependent = |test: Test| {
        value_dependent = true;
        test
    };
    let steps = query.segments().iter().map(|segment| {
        let tests = segment.selectors.iter().map(|selector| match selector {
            Selector::Name(name) => Test::Name(name.clone().into_bytes()),
            Selector::Wildcard => Test::Any,
            Selector::Index(at) => {
                u64::try_from(*at).map_or_else(|_| dependent(Test::AnyElement), Test::Index)
            }
            Selector::Slice { start, end, step } => {
                let (from, to) = (start.unwrap_or(0), end.unwrap_or(i64::MAX));
                match (u64::try_from(from), u64::try_from(to), u64::try_from(*step)) {
                    (Ok(start), Ok(end), Ok(step)) => Test::Slice { start, end, step },
                    _ => dependent(Test::AnyElement),
                }
            }
            Selector::Filter(_) => dependent(Test::Any),
        });
        Step { descend: segment.descendant, tests: tests.collect() }
    });
    let steps = steps.collect();
    (steps, value_dependent)
}

/// Whether everything that `inner` selects is selected by `outer` or lies inside a value that `outer` selects.
pub(crate) fn covers(outer: &[Step], inner: &[Step]) -> bool {
    // reached[j]: the steps of `outer` so far may have consumed the first j steps of `inner`.
    let mut reached = vec![false; inner.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for step in outer {
        let mut next = vec![false; inner.len() + 1];
        let mut carried = false;
        for (at, below) in inner.iter().enumerate() {
            carried = reached.get(at).copied().unwrap_or(false) || (carried && step.descend);
            let passes = step.descend || !below.descend;
            if carried
                && passes
                && below.tests.iter().all(|test| step.tests.iter().any(|own| own.covers(test)))
                && let Some(slot) = next.get_mut(at + 1)
            {
                *slot = true;
            }
        }
        reached = next;
    }
    reached.contains(&true)
}

impl Test {
    fn covers(&self, other: &Test) -> bool {
        match (self, other) {
            (Test::Any, _) | (Test::AnyElement, Test::AnyElement | Test::Index(_) | Test::Slice { .. }) => {
                true
            }
            (Test::Slice { .. }, Test::Index(at)) => self.passes(*at),
            (own, other) => own == other,
        }
    }

    /// Whether the element at `index` passes.
    pub(crate) fn passes(&self, index: u64) -> bool {
        match self {
            Test::Name(_) => false,
            Test::Index(at) => *at == index,
            Test::Slice { start, end, step } => {
                index >= *start
                    && index < *end
                    && index.checked_sub(*start).and_then(|off| off.checked_rem(*step)) == Some(0)
            }
            Test::AnyElement | Test::Any => true,
        }
    }
}

/// What reaching a state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The rule selects the value.
    Rule(u16),
    /// The value may be bound; the pattern ends this many levels below its anchor. Where it wanders, the pattern does not
    /// tell its position.
    Bind { pattern: u16, levels: u16, wanders: bool },
    /// An element that must have the rest of the rule's path.
    Each(u16),
}

/// The compiled automaton.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// States alive at the root.
    pub(crate) start: Vec<u16>,
    /// States that stay alive on the way down.
    pub(crate) stay: Vec<u16>,
    /// States that any child moves on.
    pub(crate) any: Vec<u16>,
    /// States that elements move on, by index.
    pub(crate) elements: Vec<(u16, Test)>,
    pub(crate) names: NameTable,
    /// By state.
    pub(crate) targets: Vec<Option<Target>>,
}

impl Program {
    /// More states than this are refused: it bounds the work for each member.
    pub(crate) const MAX_STATES: usize = 256 * 64;

    /// Adds a path; `each` names the step, not the last, after which an element is counted.
    pub(crate) fn add(&mut self, steps: &[Step], target: Target, each: Option<(usize, u16)>) {
        let base = self.targets.len();
        self.start.push(base as u16);
        for (at, step) in steps.iter().enumerate() {
            let state = (base + at) as u16;
            if step.descend {
                self.stay.push(state);
            }
            if step.tests.contains(&Test::Any) {
                self.any.push(state);
                continue;
            }
            for test in &step.tests {
                match test {
                    Test::Name(name) => self.names.add(name, state),
                    _ => self.elements.push((state, test.clone())),
                }
            }
        }
        self.targets.resize(base + steps.len(), None);
        self.targets.push(Some(target));
        if let Some((step, rule)) = each
            && let Some(slot) = self.targets.get_mut(base + step + 1)
        {
            *slot = Some(Target::Each(rule));
        }
    }

    pub(crate) fn states(&self) -> usize {
        self.targets.len()
    }

    /// Makes the names ready to be looked up.
    pub(crate) fn finish(&mut self) {
        self.names.finish();
    }
}

/// Names and the states that each moves on: open addressing by the scanner's hash.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    entries: Vec<NameEntry>,
    /// Index into `entries` plus one; 0 is free. The length is a power of two, at most half full.
    slots: Vec<u32>,
}

#[derive(Debug)]
struct NameEntry {
    hash: u32,
    name: Vec<u8>,
    states: Vec<u16>,
}

impl NameTable {
    fn add(&mut self, name: &[u8], state: u16) {
        match self.entries.iter_mut().find(|entry| entry.name == name) {
            Some(entry) if entry.states.contains(&state) => {}
            Some(entry) => entry.states.push(state),
            None => {
                self.entries.push(NameEntry {
                    hash: name_hash(name),
                    name: name.to_vec(),
                    states: vec![state],
                });
            }
        }
    }

    fn finish(&mut self) {
        let len = (self.entries.len() * 2).next_power_of_two().max(2);
        self.slots = vec![0; len];
        for (at, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (len - 1);
            while self.slots.get(slot).is_some_and(|&taken| taken != 0) {
                slot = (slot + 1) & (len - 1);
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = at as u32 + 1;
            }
        }
    }

    /// The states that a member moves on; `decoded` is asked only if a hash fits.
    #[inline(always)]
    pub(crate) fn get<'n>(&self, hash: u32, decoded: impl Fn() -> std::borrow::Cow<'n, [u8]>) -> &[u16] {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(at) = self.slots.get(slot).and_then(|&taken| (taken as usize).checked_sub(1)) {
            if let Some(entry) = self.entries.get(at)
                && entry.hash == hash
                && entry.name == *decoded()
            {
                return &entry.states;
            }
            slot = (slot + 1) & mask;
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Vec<Step> {
        widen(&Query::parse(path).unwrap()).0
    }

    #[test]
    fn value_dependence_is_seen() {
        let dependent = |path: &str| widen(&Query::parse(path).unwrap()).1;
        for path in ["$", "$.a", "$..a", "$[*]", "$[0]", "$[1:5:2]", "$[::]", "$[2:]", "$['a',0]"] {
            assert!(!dependent(path), "{path}");
        }
        for path in ["$[-1]", "$[:-1]", "$[::-1]", "$[-2:]", "$[?@.a]", "$['a',?@]", "$..[?@>1].b"] {
            assert!(dependent(path), "{path}");
        }
    }

    #[test]
    fn covering_is_proved_or_denied() {
        let covers = |outer: &str, inner: &str| covers(&steps(outer), &steps(inner));
        for (outer, inner) in [
            ("$", "$.a"),
            ("$.a", "$.a"),
            ("$.a", "$.a.b"),
            ("$.a[*]", "$.a[0]"),
            ("$..pan", "$.card.pan"),
            ("$..pan", "$.x[*].pan.y"),
            ("$.*", "$.a"),
            ("$..*", "$..a"),
            ("$.a..b", "$.a.c.b"),
            ("$[0:4]", "$[2]"),
            ("$['a','b']", "$.a"),
            ("$..a.b", "$..a.b"),
        ] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [
            ("$.a.b", "$.a"),
            ("$.a", "$.b"),
            ("$.card.pan", "$..pan"),
            ("$[0]", "$[*]"),
            ("$[0:4]", "$[4]"),
            ("$.a", "$['a','b']"),
            ("$[0]", "$['0']"),
            ("$..a.b", "$..a"),
        ] {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
    }

    #[test]
    fn names_are_found() {
        let mut table = NameTable::default();
        for (at, name) in ["a", "b", "a", "long name of a member", ""].iter().enumerate() {
            table.add(name.as_bytes(), at as u16);
        }
        table.finish();
        let get =
            |name: &'static str| table.get(name_hash(name.as_bytes()), || name.as_bytes().into()).to_vec();
        assert_eq!((get("a"), get("b"), get("c")), (vec![0, 2], vec![1], vec![]));
        assert_eq!((get("long name of a member"), get("")), (vec![3], vec![4]));
    }
}
