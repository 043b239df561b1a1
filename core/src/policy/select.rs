//! Finds what a policy selects in a document: one pass, with the span index only where a rule needs it.

use std::iter::repeat_n;

use crate::error::{Code, Error, Result};
use crate::json::index::{Index, IndexBuilder, NodeId, NodeKind};
use crate::json::path::eval::{self, Budget};
use crate::json::path::normalized;
use crate::json::scan;
use crate::limits::Limits;
use crate::policy::list::List;
use crate::policy::matcher::Matcher;
use crate::policy::place::{Link, Place, Places, Segment};
use crate::policy::{Bind, Inner, Layout};

/// A value that a rule selects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) start: u32,
    pub(crate) end: u32,
    parent: Link,
    segment: Segment,
    position_len: u16,
    pub(crate) rule: u16,
}

impl Field {
    pub(crate) fn place(&self) -> Place {
        Place { parent: self.parent, segment: self.segment, len: self.position_len }
    }
}

/// A member that values may be bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capture {
    /// Where the container begins that its path counts from.
    pub(super) anchor: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// What a rule matched.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) fields: u64,
    /// How many elements `each` demands.
    pub(crate) elements: u64,
}

/// Where layout D's header member stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderSpan {
    /// The opening quote of its name.
    pub(crate) name: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// All that a policy finds in one document.
pub(crate) struct Selection<'t> {
    pub(crate) text: &'t [u8],
    /// In document order, none inside another.
    pub(crate) fields: List<Field>,
    /// By pattern, each ascending by anchor once it is settled.
    captures: Vec<List<Capture>>,
    /// Places of captured members whose pattern does not tell them, by where they begin.
    wandering: List<(u32, Place)>,
    pub(crate) places: Places<'t>,
    pub(super) root: u32,
    pub(crate) root_is_object: bool,
    pub(crate) header: Option<HeaderSpan>,
    /// Strings outside the fields that begin like a token.
    pub(crate) unselected: List<(u32, u32)>,
    /// Whether any string begins with `as1f.`.
    pub(crate) has_field_string: bool,
    /// For each rule.
    pub(crate) tallies: Vec<Tally>,
    /// The values without the header, where the policy needs them.
    pub(crate) index: Option<Index<'t>>,
    max_depth: usize,
}

/// No container to count from: the value is not that deep.
const NO_ANCHOR: u32 = u32::MAX;

/// Scans `text` and notes what the rules may select.
///
/// # Errors
/// Faults of the document, [`Code::LimitFields`], [`Code::LimitPosition`].
pub(crate) fn read<'t>(policy: &Inner, text: &'t [u8], limits: &Limits) -> Result<Selection<'t>> {
    // Places are kept in 30 bits, whatever the limits say.
    if text.len() > limits.document.min(Limits::MAX_DOCUMENT) {
        return Err(Error::new(Code::LimitDocument));
    }
    match policy.program.states() {
        0..=64 => run::<1>(policy, text, limits),
        65..=1024 => run::<16>(policy, text, limits),
        _ => run::<256>(policy, text, limits),
    }
}

impl<'t> Selection<'t> {
    pub(super) fn new(policy: &Inner, text: &'t [u8], limits: &Limits) -> Self {
        Selection {
            text,
            fields: List::with_capacity(16),
            captures: Vec::new(),
            wandering: List::new(),
            places: Places::new(text),
            root: 0,
            root_is_object: false,
            header: None,
            unselected: List::new(),
            has_field_string: false,
            tallies: repeat_n(Tally::default(), policy.rules.len()).collect(),
            index: None,
            max_depth: limits.depth,
        }
    }

    /// Notes a field.
    pub(super) fn add_field(
        &mut self,
        limits: &Limits,
        (start, end): (u32, u32),
        rule: u16,
        place: Place,
    ) -> Result<()> {
        if self.fields.len() >= limits.fields {
            return Err(Error::new(Code::LimitFields));
        }
        let Place { parent, segment, len: position_len } = place;
        if let Some(tally) = self.tallies.get_mut(usize::from(rule)) {
            tally.fields += 1;
        }
        self.fields.push(Field { start, end, parent, segment, position_len, rule });
        Ok(())
    }

    /// Notes a member that a pattern finds; `wanders` gives its place where the pattern does not tell it. Returns its
    /// number among those of the pattern.
    pub(super) fn add_capture(&mut self, pattern: u16, capture: Capture, wanders: Option<Place>) -> usize {
        if self.captures.len() <= usize::from(pattern) {
            self.captures.resize_with(usize::from(pattern) + 1, List::new);
        }
        if let Some(place) = wanders {
            self.wandering.push((capture.start, place));
        }
        let Some(list) = self.captures.get_mut(usize::from(pattern)) else { return 0 };
        list.push(capture);
        list.len() - 1
    }

    /// Sets the end of a captured container.
    pub(super) fn end_capture(&mut self, pattern: u16, at: usize, end: u32) {
        let list = self.captures.get_mut(usize::from(pattern));
        if let Some(capture) = list.and_then(|list| list.get_mut(at)) {
            capture.end = end;
        }
    }

    /// Settles the selection: evaluates value-dependent rules and refuses overlaps.
    ///
    /// # Errors
    /// [`Code::LimitVisits`], [`Code::LimitFields`], [`Code::LimitPosition`], [`Code::Overlap`], and where `encrypting`
    /// [`Code::FilterVisitsProtected`].
    pub(crate) fn settle(&mut self, policy: &Inner, limits: &Limits, encrypting: bool) -> Result<()> {
        let visited = self.evaluate(policy, limits, encrypting)?;
        self.check_overlap()?;
        self.check_visits(&visited)?;
        self.keep_outside_strings();
        for captures in &mut self.captures {
            captures.sort_by_key(|capture| capture.anchor);
        }
        Ok(())
    }

    /// The exact JSON text of a field.
    pub(crate) fn value(&self, field: &Field) -> &'t [u8] {
        self.text.get(field.start as usize..field.end as usize).unwrap_or_default()
    }

    /// Where the container begins that is so many levels above the field.
    pub(crate) fn anchor(&self, field: &Field, up: u32) -> u32 {
        self.places.above(field.place(), up, self.root).unwrap_or(NO_ANCHOR)
    }

    /// The member that a value is bound to; a document's binds count from the root as absolute ones do.
    pub(crate) fn capture(&self, bind: &Bind, field: Option<&Field>) -> Option<&Capture> {
        let anchor = match (bind.up, field) {
            (Some(up), Some(field)) => self.anchor(field, up),
            _ => self.root,
        };
        self.captures.get(usize::from(bind.pattern))?.find_by_key(&anchor, |capture| capture.anchor)
    }

    /// The place of a captured member whose pattern does not tell it.
    pub(crate) fn wandering(&self, capture: &Capture) -> Option<Place> {
        self.wandering.find_by_key(&capture.start, |own| own.0).map(|own| own.1)
    }

    /// Whether `start..end` is, contains or lies inside a field.
    pub(crate) fn overlaps_field(&self, start: u32, end: u32) -> bool {
        let after = self.fields.partition_point(|field| field.end <= start);
        self.fields.get(after).is_some_and(|field| field.start < end)
    }

    /// Normalized paths of values that begin at these places, in one pass for all.
    pub(crate) fn paths(&self, starts: &[u32]) -> Result<Vec<String>> {
        if starts.is_empty() {
            return Ok(Vec::new());
        }
        let index = Index::build(self.text, self.max_depth)?;
        let nodes: Vec<_> = starts.iter().filter_map(|&start| index.at(start as usize)).collect();
        Ok(normalized::paths(&index, &nodes))
    }

    /// An error about the value that begins at `start`. It scans the document again: for one error only.
    pub(crate) fn fault(&self, code: Code, start: u32) -> Error {
        Error::new(code).with_path(self.path(start))
    }

    /// The normalized path of the value that begins at `start`. It scans the document again: for one value only.
    pub(crate) fn path(&self, start: u32) -> String {
        normalized::path_of_offset(self.text, self.max_depth, start as usize)
    }

    /// Adds what value-dependent rules select; returns the spans that their filters looked at.
    fn evaluate(&mut self, policy: &Inner, limits: &Limits, record: bool) -> Result<Vec<(u32, u32)>> {
        let mut visited = Vec::new();
        if policy.rules.iter().all(|rule| !rule.value_dependent) {
            return Ok(visited);
        }
        let Some(index) = self.index.take() else { return Err(Error::new(Code::Internal)) };
        let mut budget = Budget::new(limits.visits(self.text.len()));
        let mut selected: Vec<(NodeId, u16)> = Vec::new();
        for (at, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| rule.value_dependent) {
            let mut visits = Vec::new();
            let nodes = eval::select(&rule.query, &index, &mut budget, record.then_some(&mut visits))?;
            selected.extend(nodes.into_iter().map(|id| (id, at as u16)));
            visits.sort_unstable();
            visits.dedup();
            let spans = visits.iter().map(|&id| index.span(id));
            visited.extend(spans.map(|(start, end)| (start as u32, end as u32)));
        }
        selected.sort_unstable();
        selected.dedup();
        let added = self.add_nodes(limits, &index, &selected);
        self.index = Some(index);
        added?;
        self.fields.sort_by_key(|field| field.start);
        Ok(visited)
    }

    /// Adds nodes of the index as fields, in one pass over the values before the last of them.
    fn add_nodes(&mut self, limits: &Limits, index: &Index<'_>, selected: &[(NodeId, u16)]) -> Result<()> {
        let mut selected = selected.iter().peekable();
        let mut open: Vec<Open> = Vec::new();
        let mut id = 0;
        while let Some((next, _)) = selected.peek() {
            debug_assert!(id <= *next);
            while open.last().is_some_and(|container| container.end <= id) {
                open.pop();
            }
            let (segment, raw_len) = match open.last_mut() {
                None => (Segment::NONE, 0),
                Some(container) if container.object => {
                    let (start, len, escaped) = index.name_span(id).unwrap_or_default();
                    (Segment::member(start as u32, escaped), len)
                }
                Some(container) => {
                    container.elements += 1;
                    (Segment::element(container.elements - 1), 0)
                }
            };
            let outer = open.last().map_or(0, |container| container.position);
            let position = outer + self.places.step_len(segment, raw_len);
            let span = index.span(id);
            while let Some((_, rule)) = selected.next_if(|(next, _)| *next == id) {
                if position > limits.position {
                    return Err(self.fault(Code::LimitPosition, span.0 as u32));
                }
                let place = Places::place(self.link(&mut open), segment, position);
                self.add_field(limits, (span.0 as u32, span.1 as u32), *rule, place)?;
            }
            if let kind @ (NodeKind::Object | NodeKind::Array) = index.kind(id) {
                let (end, object, start) = (index.next(id), kind == NodeKind::Object, span.0 as u32);
                open.push(Open { end, start, object, elements: 0, segment, position, link: None });
            }
            id += 1;
        }
        Ok(())
    }

    /// The way to the innermost open container.
    fn link(&mut self, open: &mut [Open]) -> Link {
        let mut parent = Link::ROOT;
        for container in open {
            parent = match (container.link, container.segment) {
                (Some(link), _) => link,
                (None, Segment::NONE) => Link::ROOT,
                (None, segment) => self.places.link(parent, segment, container.start, container.position),
            };
            container.link = Some(parent);
        }
        parent
    }

    fn check_overlap(&mut self) -> Result<()> {
        let mut last_end = 0;
        for field in self.fields.iter() {
            if field.start < last_end {
                return Err(self.fault(Code::Overlap, field.start));
            }
            last_end = field.end;
        }
        Ok(())
    }

    fn check_visits(&self, visited: &[(u32, u32)]) -> Result<()> {
        match visited.iter().find(|(start, end)| self.overlaps_field(*start, *end)) {
            Some((start, _)) => Err(self.fault(Code::FilterVisitsProtected, *start)),
            None => Ok(()),
        }
    }

    fn keep_outside_strings(&mut self) {
        if self.unselected.iter().any(|(start, end)| self.overlaps_field(*start, *end)) {
            let strings = std::mem::replace(&mut self.unselected, List::new());
            for &(start, end) in strings.iter() {
                if !self.overlaps_field(start, end) {
                    self.unselected.push((start, end));
                }
            }
        }
    }
}

/// An open container while nodes are added.
struct Open {
    /// The first node behind it.
    end: NodeId,
    start: u32,
    object: bool,
    /// Number of elements begun.
    elements: u32,
    segment: Segment,
    /// Bytes of its exact position.
    position: usize,
    link: Option<Link>,
}

fn run<'t, const W: usize>(policy: &Inner, text: &'t [u8], limits: &Limits) -> Result<Selection<'t>> {
    let mut matcher = Matcher::<W>::new(policy, text, limits);
    let needs_index = policy.whole_document || policy.rules.iter().any(|rule| rule.value_dependent);
    let index = if needs_index {
        let header = (policy.layout == Layout::Document).then_some(policy.header.as_bytes());
        let mut builder = IndexBuilder::new(header);
        scan::scan(text, limits.depth, &mut (&mut matcher, &mut builder))?;
        Some(builder.finish(text))
    } else {
        scan::scan(text, limits.depth, &mut matcher)?;
        None
    };
    let mut selection = matcher.finish();
    selection.index = index;
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::path::Query;
    use crate::policy::Policy;
    use crate::policy::place::Indices;
    use proptest::prelude::*;

    fn document() -> impl Strategy<Value = String> {
        let scalar = prop::sample::select(&["1", "\"x\"", "null", "\"as1.x\""][..]).prop_map(str::to_owned);
        scalar.prop_recursive(5, 80, 5, |inner| {
            let list =
                prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(",")));
            let names = prop::sample::subsequence(&["a", "b", "id", "0", "\\u0063"][..], 0..5);
            let object = (names, prop::collection::vec(inner, 5)).prop_map(|(names, values)| {
                let members = names.iter().zip(values).map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            });
            prop_oneof![list, object]
        })
    }

    fn path() -> impl Strategy<Value = String> {
        const SELECTORS: &[&str] = &[
            ".a",
            ".b",
            ".id",
            "['0']",
            ".c",
            "[*]",
            "[0]",
            "[1]",
            "[1:3]",
            "[::2]",
            "['a','id']",
            "[0,2]",
            "['a',1]",
            "..a",
            "..*",
            "..[0]",
            "..['b','c']",
            "..id",
            "[0:0]",
        ];
        prop::collection::vec(prop::sample::select(SELECTORS).prop_map(str::to_owned), 1..4)
            .prop_map(|steps| format!("${}", steps.concat()))
    }

    fn policy(path: &str, bind: &str) -> Policy {
        let rule = format!(r#"{{"path":"{path}","bind":[{bind}]}}"#);
        Policy::from_json(&format!(r#"{{"apiseal_policy":1,"id":"t","rules":[{rule}]}}"#)).unwrap()
    }

    /// The starts of all values that the evaluator selects.
    fn evaluated(text: &str, path: &str) -> Vec<u32> {
        let index = Index::build(text.as_bytes(), 64).unwrap();
        let query = Query::parse(path).unwrap();
        let nodes: Vec<NodeId> = eval::select(&query, &index, &mut Budget::new(1 << 40), None).unwrap();
        let mut starts: Vec<u32> = nodes.iter().map(|&id| index.span(id).0 as u32).collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn the_automaton_selects_what_the_evaluator_selects(text in document(), path in path()) {
            let policy = policy(&path, "");
            let selection = read(policy.inner(), text.as_bytes(), &Limits::default()).unwrap();
            let found: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
            prop_assert_eq!(&found, &evaluated(&text, &path));
            let index = Index::build(text.as_bytes(), 64).unwrap();
            for field in selection.fields.iter() {
                let id = (0..index.len() as NodeId).find(|&id| index.span(id).0 as u32 == field.start).unwrap();
                prop_assert_eq!(field.end as usize, index.span(id).1);
                // The position is the normalized path in bytes.
                let mut position = Vec::new();
                let path = normalized::paths(&index, &[id]).remove(0);
                for segment in path[1..].split(']').filter(|segment| !segment.is_empty()) {
                    match segment.strip_prefix("['") {
                        Some(name) => {
                            let name = name.trim_end_matches('\'').as_bytes();
                            position.push(1);
                            position.extend_from_slice(&(name.len() as u32).to_be_bytes());
                            position.extend_from_slice(name);
                        },
                        None => {
                            position.push(2);
                            position.extend_from_slice(&segment[1..].parse::<u32>().unwrap().to_be_bytes());
                        }
                    }
                }
                let mut written = Vec::new();
                selection.places.write(&mut written, field.place(), Indices::Exact);
                prop_assert_eq!(written, position);
            }
        }

        #[test]
        fn relative_binds_find_the_member_above(text in document(), path in path(), up in 1u32..4) {
            let rule = format!(r#"{{"path":"{path}","bind":["{up}/id"]}}"#);
            let policy = format!(r#"{{"apiseal_policy":1,"id":"t","rules":[{rule}]}}"#);
            // A path that is never that deep does not load.
            let Ok(policy) = Policy::from_json(&policy) else { return Ok(()) };
            let mut selection = read(policy.inner(), text.as_bytes(), &Limits::default()).unwrap();
            if selection.settle(policy.inner(), &Limits::default(), true).is_err() {
                return Ok(());
            }
            for field in selection.fields.iter() {
                let found = selection.capture(&policy.inner().rules[0].binds[0], Some(field));
                let own = normalized::path_of_offset(text.as_bytes(), 64, field.start as usize);
                let segments: Vec<&str> = own[1..].split_inclusive(']').collect();
                let expected = segments.len().checked_sub(up as usize).map(|kept| {
                    evaluated(&text, &format!("${}['id']", segments[..kept].concat()))
                });
                let expected = expected.and_then(|starts| starts.first().copied());
                prop_assert_eq!(found.map(|capture| capture.start), expected, "{}", own);
            }
        }
    }

    #[test]
    fn many_rules_use_wider_sets() {
        for rules in [10, 200, 1024] {
            let list: Vec<String> =
                (0..rules).map(|at| format!(r#"{{"path":"$.m{at}.a.b","bind":["1/id"]}}"#)).collect();
            let policy = format!(r#"{{"apiseal_policy":1,"id":"t","rules":[{}]}}"#, list.join(","));
            let policy = Policy::from_json(&policy).unwrap();
            let members: Vec<String> =
                (0..rules).map(|at| format!(r#""m{at}":{{"a":{{"b":1,"id":{at}}}}}"#)).collect();
            let text = format!("{{{}}}", members.join(","));
            let mut selection = read(policy.inner(), text.as_bytes(), &Limits::default()).unwrap();
            selection.settle(policy.inner(), &Limits::default(), true).unwrap();
            assert_eq!(selection.fields.len(), rules);
            for (at, field) in selection.fields.iter().enumerate() {
                assert_eq!(usize::from(field.rule), at);
                let capture = selection.capture(&policy.inner().rules[at].binds[0], Some(field)).unwrap();
                assert_eq!(&text[capture.start as usize..capture.end as usize], at.to_string());
            }
        }
    }
}
