//! Finds what a policy selects in a document: one pass, with the span index only where a rule needs it.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::json::index::{Index, IndexBuilder};
use crate::json::path::eval::{self, Budget};
use crate::json::path::normalized;
use crate::json::scan::{self, Scalar, Visitor};
use crate::json::text::{self, Name};
use crate::limits::Limits;
use crate::policy::program::{Program, Target, Test};
use crate::policy::{Inner, Layout};

/// A value that a rule selects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) rule: u16,
    position_len: u16,
    position: u32,
    anchors: u32,
}

/// A member that values may be bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capture {
    pattern: u16,
    suffix_len: u16,
    anchor: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    suffix: u32,
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
    pub(crate) fields: Vec<Field>,
    /// Ascending by pattern and anchor.
    captures: Vec<Capture>,
    /// Encoded positions of fields, exact, and of captures, from their anchors on.
    positions: Vec<u8>,
    /// For each field the start of each container that its relative binds count from.
    anchors: Vec<u32>,
    root: u32,
    pub(crate) root_is_object: bool,
    pub(crate) header: Option<HeaderSpan>,
    /// Strings outside the fields that begin like a token.
    pub(crate) unselected: Vec<(usize, usize)>,
    /// Whether any string begins with `as1f.`.
    pub(crate) has_field_string: bool,
    /// For each rule, how many elements `each` demands.
    pub(crate) elements: Vec<u64>,
    /// The values without the header, where the policy needs them.
    pub(crate) index: Option<Index<'t>>,
    max_depth: usize,
}

/// No container to count from: the value is not that deep.
const NO_ANCHOR: u32 = u32::MAX;

/// Scans `text` and notes what the rules may select.
///
/// # Errors
/// Faults of the document, [`Code::LimitFields`], [`Code::LimitPosition`], [`Code::LimitAssociatedData`].
pub(crate) fn read<'t>(policy: &Inner, text: &'t [u8], limits: &Limits) -> Result<Selection<'t>> {
    if text.len() > limits.document {
        return Err(Error::new(Code::LimitDocument));
    }
    match policy.program.states() {
        0..=64 => run::<1>(policy, text, limits),
        65..=1024 => run::<16>(policy, text, limits),
        _ => run::<256>(policy, text, limits),
    }
}

impl<'t> Selection<'t> {
    /// Settles the selection: evaluates value-dependent rules and refuses overlaps.
    ///
    /// # Errors
    /// [`Code::LimitVisits`], [`Code::Overlap`], and where `encrypting` [`Code::FilterVisitsProtected`].
    pub(crate) fn settle(&mut self, policy: &Inner, limits: &Limits, encrypting: bool) -> Result<()> {
        let visited = self.narrow(policy, limits, encrypting)?;
        self.check_overlap()?;
        self.check_visits(&visited)?;
        self.keep_outside_strings();
        self.captures.sort_unstable_by_key(|capture| (capture.pattern, capture.anchor));
        Ok(())
    }

    /// The exact encoded position of a field.
    pub(crate) fn position(&self, field: &Field) -> &[u8] {
        slice(&self.positions, field.position, field.position_len)
    }

    /// The encoded position of a bound member, from its anchor on.
    pub(crate) fn suffix(&self, capture: &Capture) -> &[u8] {
        slice(&self.positions, capture.suffix, capture.suffix_len)
    }

    /// The exact JSON text of a field.
    pub(crate) fn value(&self, field: &Field) -> &'t [u8] {
        self.text.get(field.start as usize..field.end as usize).unwrap_or_default()
    }

    /// The starts of the containers that the field's relative binds count from.
    pub(crate) fn anchors(&self, policy: &Inner, field: &Field) -> &[u32] {
        let count = policy.rules.get(usize::from(field.rule)).map_or(0, relative_binds);
        self.anchors.get(field.anchors as usize..field.anchors as usize + count).unwrap_or_default()
    }

    /// The member that a pattern finds below an anchor; the root is the anchor of absolute binds.
    pub(crate) fn capture(&self, pattern: u16, anchor: Option<u32>) -> Option<&Capture> {
        let anchor = anchor.unwrap_or(self.root);
        let found = self.captures.binary_search_by_key(&(pattern, anchor), |own| (own.pattern, own.anchor));
        self.captures.get(found.ok()?)
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
        Error::new(code).with_path(normalized::path_of_offset(self.text, self.max_depth, start as usize))
    }

    /// Takes out what value-dependent rules do not really select; returns the spans that their filters looked at.
    fn narrow(&mut self, policy: &Inner, limits: &Limits, record: bool) -> Result<Vec<(u32, u32)>> {
        let mut visited = Vec::new();
        let Some(index) = &self.index else { return Ok(visited) };
        let mut budget = Budget::new(limits.visits(self.text.len()));
        // For each value-dependent rule the starts of what it selects.
        let mut selected: Vec<Option<Vec<u32>>> = Vec::with_capacity(policy.rules.len());
        for rule in &policy.rules {
            if !rule.value_dependent {
                selected.push(None);
                continue;
            }
            let mut visits = Vec::new();
            let nodes = eval::select(&rule.query, index, &mut budget, record.then_some(&mut visits))?;
            let mut starts: Vec<u32> = nodes.iter().map(|&id| index.span(id).0 as u32).collect();
            starts.sort_unstable();
            selected.push(Some(starts));
            visits.sort_unstable();
            visits.dedup();
            let spans = visits.iter().map(|&id| index.span(id));
            visited.extend(spans.map(|(start, end)| (start as u32, end as u32)));
        }
        self.fields.retain(|field| match selected.get(usize::from(field.rule)) {
            Some(Some(starts)) => starts.binary_search(&field.start).is_ok(),
            _ => true,
        });
        Ok(visited)
    }

    fn check_overlap(&mut self) -> Result<()> {
        let mut last_end = 0;
        for field in &self.fields {
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
        let mut strings = std::mem::take(&mut self.unselected);
        strings.retain(|(start, end)| !self.overlaps_field(*start as u32, *end as u32));
        self.unselected = strings;
    }
}

fn slice(arena: &[u8], from: u32, len: u16) -> &[u8] {
    arena.get(from as usize..from as usize + usize::from(len)).unwrap_or_default()
}

fn relative_binds(rule: &crate::policy::Rule) -> usize {
    rule.binds.iter().filter(|bind| bind.up.is_some()).count()
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
    let mut selection = matcher.selection;
    selection.index = index;
    Ok(selection)
}

/// Bit set of states.
type States<const W: usize> = [u64; W];

fn states_of<const W: usize>(list: &[u16]) -> States<W> {
    let mut states = [0; W];
    for &state in list {
        insert(&mut states, state);
    }
    states
}

#[inline(always)]
fn insert<const W: usize>(states: &mut States<W>, state: u16) {
    if let Some(word) = states.get_mut(usize::from(state >> 6)) {
        *word |= 1 << (state & 63);
    }
}

#[inline(always)]
fn contains<const W: usize>(states: &States<W>, state: u16) -> bool {
    states.get(usize::from(state >> 6)).is_some_and(|word| word >> (state & 63) & 1 == 1)
}

/// The states in both sets, ascending.
fn members<const W: usize>(one: &States<W>, other: &States<W>) -> impl Iterator<Item = usize> + use<W> {
    let both: States<W> =
        std::array::from_fn(|at| one.get(at).copied().unwrap_or(0) & other.get(at).copied().unwrap_or(0));
    both.into_iter().enumerate().flat_map(|(at, mut word)| {
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
            word &= word - 1;
            Some(at * 64 + bit)
        })
    })
}

/// An open container.
struct Frame<const W: usize> {
    states: States<W>,
    start: u32,
    /// Number of elements begun.
    elements: u32,
    /// Length of the container's own encoded position.
    position: u32,
}

/// How the next value hangs in its container.
#[derive(Clone, Copy)]
enum Segment {
    Root,
    Member {
        start: u32,
        len: u32,
        escaped: bool,
    },
    Element(u32),
    /// The value of the header member.
    Header {
        name: u32,
    },
}

/// What waits for a container to end.
enum Unfinished {
    Field(usize),
    Capture(usize),
    Header,
    /// A value that certainly is a field, or a malformed header; strings in it are not looked at.
    Protected,
}

struct Matcher<'p, 't, const W: usize> {
    policy: &'p Inner,
    program: &'p Program,
    limits: &'p Limits,
    stay: States<W>,
    any: States<W>,
    accept: States<W>,
    frames: Vec<Frame<W>>,
    unfinished: Vec<(usize, Unfinished)>,
    /// Open containers that certainly are fields.
    protected: usize,
    next: States<W>,
    segment: Segment,
    /// Encoded position of the innermost container that has states, then of the value at hand.
    position: Vec<u8>,
    selection: Selection<'t>,
}

impl<'p, 't, const W: usize> Matcher<'p, 't, W> {
    fn new(policy: &'p Inner, text: &'t [u8], limits: &'p Limits) -> Self {
        let program = &policy.program;
        let mut accept = [0; W];
        for (state, _) in program.targets.iter().enumerate().filter(|(_, target)| target.is_some()) {
            insert(&mut accept, state as u16);
        }
        Matcher {
            policy,
            program,
            limits,
            stay: states_of(&program.stay),
            any: states_of(&program.any),
            accept,
            frames: Vec::with_capacity(16),
            unfinished: Vec::new(),
            protected: 0,
            next: states_of(&program.start),
            segment: Segment::Root,
            position: Vec::with_capacity(128),
            selection: Selection {
                text,
                fields: Vec::with_capacity(16),
                captures: Vec::with_capacity(4),
                positions: Vec::with_capacity(512),
                anchors: Vec::new(),
                root: 0,
                root_is_object: false,
                header: None,
                unselected: Vec::new(),
                has_field_string: false,
                elements: vec![0; policy.rules.len()],
                index: None,
                max_depth: limits.depth,
            },
        }
    }

    /// The states of a child that passes no test of a name or an index.
    #[inline(always)]
    fn descend(&self, states: &States<W>) -> States<W> {
        let mut next = [0; W];
        let mut carry = 0;
        for (at, to) in next.iter_mut().enumerate() {
            let word = states.get(at).copied().unwrap_or(0);
            let moved = word & self.any.get(at).copied().unwrap_or(0);
            *to = (word & self.stay.get(at).copied().unwrap_or(0)) | (moved << 1) | carry;
            carry = moved >> 63;
        }
        next
    }

    #[inline(always)]
    fn is_accepted(&self) -> bool {
        self.next.iter().zip(&self.accept).any(|(next, accept)| next & accept != 0)
    }

    /// Makes `position` that of the value at hand.
    #[inline(always)]
    fn write_position(&mut self) {
        self.position.truncate(self.frames.last().map_or(0, |frame| frame.position as usize));
        match self.segment {
            Segment::Root | Segment::Header { .. } => {}
            Segment::Member { start, len, escaped } => {
                let raw = self.selection.text.get(start as usize..(start + len) as usize).unwrap_or_default();
                if escaped {
                    write_member(&mut self.position, &text::unescape(raw));
                } else {
                    write_member(&mut self.position, raw);
                }
            }
            Segment::Element(index) => {
                self.position.push(0x02);
                self.position.extend_from_slice(&index.to_be_bytes());
            }
        }
    }

    /// Notes the value at hand for every rule and bind that it is accepted by. `container` values end later.
    #[inline(never)]
    fn accept(&mut self, start: usize, end: usize, container: bool) -> Result<()> {
        let depth = self.frames.len();
        if self.position.len() > self.limits.position {
            return Err(self.selection.fault(Code::LimitPosition, start as u32));
        }
        for state in members(&self.next, &self.accept) {
            let Some(Some(target)) = self.program.targets.get(state) else { continue };
            match *target {
                Target::Each(rule) => {
                    if let Some(count) = self.selection.elements.get_mut(usize::from(rule)) {
                        *count += 1;
                    }
                }
                Target::Rule(rule) => {
                    if self.selection.fields.len() >= self.limits.fields {
                        return Err(Error::new(Code::LimitFields));
                    }
                    let anchors = self.selection.anchors.len() as u32;
                    let binds = self.policy.rules.get(usize::from(rule)).map_or(&[][..], |rule| &rule.binds);
                    for up in binds.iter().filter_map(|bind| bind.up) {
                        let frame = depth.checked_sub(up as usize).and_then(|level| self.frames.get(level));
                        self.selection.anchors.push(frame.map_or(NO_ANCHOR, |frame| frame.start));
                    }
                    if container {
                        let field = Unfinished::Field(self.selection.fields.len());
                        self.unfinished.push((depth, field));
                        if self.is_certain(rule) {
                            self.protected += 1;
                            self.unfinished.push((depth, Unfinished::Protected));
                        }
                    }
                    let (position, position_len) = self.store_position(0)?;
                    let (start, end) = (start as u32, end as u32);
                    self.selection.fields.push(Field { start, end, rule, position_len, position, anchors });
                }
                Target::Bind { pattern, levels } => {
                    let level = depth.saturating_sub(usize::from(levels));
                    let (anchor, prefix) = self
                        .frames
                        .get(level)
                        .map_or((start as u32, 0), |frame| (frame.start, frame.position as usize));
                    let (suffix, suffix_len) = self.store_position(prefix)?;
                    if container {
                        self.unfinished.push((depth, Unfinished::Capture(self.selection.captures.len())));
                    }
                    let (start, end) = (start as u32, end as u32);
                    self.selection.captures.push(Capture { pattern, anchor, start, end, suffix, suffix_len });
                }
            }
        }
        Ok(())
    }

    /// Keeps the position of the value at hand from byte `from` on; returns where, and how long it is.
    fn store_position(&mut self, from: usize) -> Result<(u32, u16)> {
        let position = self.position.get(from..).unwrap_or_default();
        let arena = &mut self.selection.positions;
        if arena.len() + position.len() > self.limits.associated_data().min(u32::MAX as usize) {
            return Err(Error::new(Code::LimitAssociatedData));
        }
        let at = arena.len() as u32;
        arena.extend_from_slice(position);
        Ok((at, position.len() as u16))
    }

    fn is_certain(&self, rule: u16) -> bool {
        self.policy.rules.get(usize::from(rule)).is_some_and(|rule| !rule.value_dependent)
    }

    /// Notes a string that begins like one of ours, unless a rule certainly selects it.
    #[inline(always)]
    fn look_at_string(&mut self, start: usize, end: usize, escaped: bool, accepted: bool) {
        if let Some(b'a' | b'\\') = self.selection.text.get(start + 1) {
            self.look_closer(start, end, escaped, accepted);
        }
    }

    #[inline(never)]
    fn look_closer(&mut self, start: usize, end: usize, escaped: bool, accepted: bool) {
        let raw = self.selection.text.get(start + 1..end - 1).unwrap_or_default();
        let content = if escaped { Cow::Owned(text::unescape(raw)) } else { Cow::Borrowed(raw) };
        if !content.starts_with(b"as1") {
            return;
        }
        self.selection.has_field_string |= content.starts_with(b"as1f.");
        let selected = accepted
            && self.selection.fields.last().is_some_and(|field| field.start as usize == start)
            && self.selection.fields.last().is_some_and(|field| self.is_certain(field.rule));
        if !selected && self.protected == 0 {
            self.selection.unselected.push((start, end));
        }
    }
}

/// Appends a member's segment: `01 ‖ lp(name)`.
pub(crate) fn write_member(out: &mut Vec<u8>, name: &[u8]) {
    out.push(0x01);
    out.extend_from_slice(&(name.len() as u32).to_be_bytes());
    out.extend_from_slice(name);
}

impl<const W: usize> Visitor for Matcher<'_, '_, W> {
    #[inline(always)]
    fn name(&mut self, name: Name<'_>) -> Result<()> {
        if self.frames.len() == 1
            && self.policy.layout == Layout::Document
            && self.policy.header.len() == name.decoded().len()
            && *name.decoded() == *self.policy.header.as_bytes()
        {
            self.next = [0; W];
            self.segment = Segment::Header { name: name.start as u32 - 1 };
            return Ok(());
        }
        let Some(frame) = self.frames.last() else { return Ok(()) };
        self.next = self.descend(&frame.states);
        if frame.states != [0; W] {
            for &state in self.program.names.get(name.hash, || name.decoded()) {
                if contains(&frame.states, state) {
                    insert(&mut self.next, state + 1);
                }
            }
        }
        self.segment =
            Segment::Member { start: name.start as u32, len: name.raw.len() as u32, escaped: name.escaped };
        Ok(())
    }

    #[inline(always)]
    fn element(&mut self) -> Result<()> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let index = frame.elements;
        frame.elements += 1;
        let states = frame.states;
        self.next = self.descend(&states);
        if states != [0; W] {
            for (state, test) in &self.program.elements {
                if contains(&states, *state) && Test::passes(test, u64::from(index)) {
                    insert(&mut self.next, *state + 1);
                }
            }
        }
        self.segment = Segment::Element(index);
        Ok(())
    }

    fn begin(&mut self, start: usize, object: bool) -> Result<()> {
        let depth = self.frames.len();
        match self.segment {
            Segment::Root => {
                self.selection.root = start as u32;
                self.selection.root_is_object = object;
            }
            Segment::Header { name } => {
                self.selection.header = Some(HeaderSpan { name: name as usize, start, end: start });
                self.unfinished.push((depth, Unfinished::Header));
                self.protected += 1;
                self.unfinished.push((depth, Unfinished::Protected));
            }
            _ => {}
        }
        if self.next != [0; W] {
            self.write_position();
            if self.is_accepted() {
                self.accept(start, start, true)?;
            }
        }
        let position = self.position.len() as u32;
        self.frames.push(Frame { states: self.next, start: start as u32, elements: 0, position });
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<()> {
        self.frames.pop();
        let depth = self.frames.len();
        while self.unfinished.last().is_some_and(|(own, _)| *own == depth) {
            match self.unfinished.pop() {
                Some((_, Unfinished::Field(at))) => {
                    if let Some(field) = self.selection.fields.get_mut(at) {
                        field.end = end as u32;
                    }
                }
                Some((_, Unfinished::Capture(at))) => {
                    if let Some(capture) = self.selection.captures.get_mut(at) {
                        capture.end = end as u32;
                    }
                }
                Some((_, Unfinished::Header)) => {
                    if let Some(header) = &mut self.selection.header {
                        header.end = end;
                    }
                }
                Some((_, Unfinished::Protected)) => self.protected -= 1,
                None => break,
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn scalar(&mut self, start: usize, end: usize, kind: Scalar) -> Result<()> {
        if let Segment::Header { name } = self.segment {
            self.selection.header = Some(HeaderSpan { name: name as usize, start, end });
            return Ok(());
        }
        let accepted = self.is_accepted();
        if accepted {
            self.write_position();
            self.accept(start, end, false)?;
        }
        if let Scalar::String { escaped } = kind {
            self.look_at_string(start, end, escaped, accepted);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::index::NodeId;
    use crate::json::path::Query;
    use crate::policy::Policy;
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
            for field in &selection.fields {
                let id = (0..index.len() as NodeId).find(|&id| index.span(id).0 as u32 == field.start).unwrap();
                prop_assert_eq!(field.end as usize, index.span(id).1);
                // The position is the normalized path in bytes.
                let mut position = Vec::new();
                let path = normalized::paths(&index, &[id]).remove(0);
                for segment in path[1..].split(']').filter(|segment| !segment.is_empty()) {
                    match segment.strip_prefix("['") {
                        Some(name) => write_member(&mut position, name.trim_end_matches('\'').as_bytes()),
                        None => {
                            position.push(2);
                            position.extend_from_slice(&segment[1..].parse::<u32>().unwrap().to_be_bytes());
                        }
                    }
                }
                prop_assert_eq!(selection.position(field), position);
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
            for field in &selection.fields {
                let anchor = selection.anchors(policy.inner(), field)[0];
                let found = selection.capture(policy.inner().rules[0].binds[0].pattern, Some(anchor));
                let own = normalized::path_of_offset(text.as_bytes(), 64, field.start as usize);
                let segments: Vec<&str> = own[1..].split_inclusive(']').collect();
                let expected = segments.len().checked_sub(up as usize).map(|kept| {
                    evaluated(&text, &format!("${}['id']", segments[..kept].concat()))
                });
                let expected = expected.and_then(|starts| starts.first().copied());
                prop_assert_eq!(found.map(|capture| capture.start), expected, "{} {}", own, anchor);
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
                let anchor = selection.anchors(policy.inner(), field)[0];
                let pattern = policy.inner().rules[at].binds[0].pattern;
                let capture = selection.capture(pattern, Some(anchor)).unwrap();
                assert_eq!(&text[capture.start as usize..capture.end as usize], at.to_string());
            }
        }
    }
}
