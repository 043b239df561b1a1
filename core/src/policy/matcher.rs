//! Runs a policy's automaton over a document while it is scanned.

use std::borrow::Cow;

use crate::error::{Code, Result};
use crate::json::scan::{Scalar, Visitor};
use crate::json::text::{self, Name};
use crate::limits::Limits;
use crate::policy::place::{Link, Place, Places, Segment};
use crate::policy::program::{Program, Target, Test};
use crate::policy::select::{Capture, HeaderSpan, Selection};
use crate::policy::{Inner, Layout};

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
    segment: Segment,
    /// The way to the container, once a value in it is noted.
    link: Option<Link>,
    /// Length of the container's exact position; kept only where states are alive.
    position: usize,
}

/// How the next value hangs in its container.
#[derive(Clone, Copy)]
enum Hanging {
    Root,
    /// The raw length is that of a member's name.
    By {
        segment: Segment,
        raw_len: u32,
    },
    /// It is the value of the header member, whose name's quote stands here.
    Header {
        name: u32,
    },
}

impl Hanging {
    fn segment(self) -> Segment {
        match self {
            Hanging::By { segment, .. } => segment,
            Hanging::Root | Hanging::Header { .. } => Segment::NONE,
        }
    }
}

/// What waits for a container to end.
enum Unfinished {
    Field(usize),
    /// Pattern, and number among those of the pattern.
    Capture(u16, usize),
    Header,
    /// A field, or a malformed header; strings in it are not looked at.
    Protected,
}

/// Hears a document and notes what the rules select.
pub(super) struct Matcher<'p, 't, const W: usize> {
    policy: &'p Inner,
    program: &'p Program,
    limits: &'p Limits,
    stay: States<W>,
    any: States<W>,
    accept: States<W>,
    frames: Vec<Frame<W>>,
    unfinished: Vec<(usize, Unfinished)>,
    /// Open containers that are fields.
    protected: usize,
    next: States<W>,
    hanging: Hanging,
    selection: Selection<'t>,
}

impl<'p, 't, const W: usize> Matcher<'p, 't, W> {
    pub(super) fn new(policy: &'p Inner, text: &'t [u8], limits: &'p Limits) -> Self {
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
            hanging: Hanging::Root,
            selection: Selection::new(policy, text, limits),
        }
    }

    /// What was noted, still to be settled.
    pub(super) fn finish(self) -> Selection<'t> {
        self.selection
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

    /// Bytes of the exact position of the value at hand.
    fn position_len(&self) -> usize {
        let own = match self.hanging {
            Hanging::By { segment, raw_len } => self.selection.places.step_len(segment, raw_len as usize),
            Hanging::Root | Hanging::Header { .. } => 0,
        };
        self.frames.last().map_or(0, |frame| frame.position) + own
    }

    /// The place of the value at hand, whose position has `len` bytes.
    fn place(&mut self, len: usize) -> Place {
        let segment = self.hanging.segment();
        if let Some(Frame { link: Some(parent), .. }) = self.frames.last() {
            return Places::place(*parent, segment, len);
        }
        let unlinked = self.frames.iter().rposition(|frame| frame.link.is_some()).map_or(0, |at| at + 1);
        let mut parent =
            unlinked.checked_sub(1).and_then(|at| self.frames.get(at)?.link).unwrap_or(Link::ROOT);
        for frame in self.frames.iter_mut().skip(unlinked) {
            if frame.segment != Segment::NONE {
                parent = self.selection.places.link(parent, frame.segment, frame.start, frame.position);
            }
            frame.link = Some(parent);
        }
        Places::place(parent, segment, len)
    }

    /// Notes the value at hand for every rule and bind that it is accepted by. `container` values end later.
    #[inline(never)]
    fn accept(&mut self, start: usize, end: usize, container: bool) -> Result<()> {
        let depth = self.frames.len();
        let position = self.position_len();
        if position > self.limits.position {
            return Err(self.selection.fault(Code::LimitPosition, start as u32));
        }
        let place = self.place(position);
        let (start, end) = (start as u32, end as u32);
        for state in members(&self.next, &self.accept) {
            let Some(Some(target)) = self.program.targets.get(state) else { continue };
            match *target {
                Target::Each(rule) => {
                    if let Some(tally) = self.selection.tallies.get_mut(usize::from(rule)) {
                        tally.elements += 1;
                    }
                }
                Target::Rule(rule) => {
                    if container {
                        self.unfinished.push((depth, Unfinished::Field(self.selection.fields.len())));
                        self.protected += 1;
                        self.unfinished.push((depth, Unfinished::Protected));
                    }
                    self.selection.add_field(self.limits, (start, end), rule, place)?;
                }
                Target::Bind { pattern, levels, wanders } => {
                    let level = depth.saturating_sub(usize::from(levels));
                    let anchor = self.frames.get(level).map_or(start, |frame| frame.start);
                    let capture = Capture { anchor, start, end };
                    let at = self.selection.add_capture(pattern, capture, wanders.then_some(place));
                    if container {
                        self.unfinished.push((depth, Unfinished::Capture(pattern, at)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes a string that begins like one of ours, unless a rule has selected it.
    #[inline(always)]
    fn look_at_string(&mut self, start: usize, end: usize, escaped: bool, accepted: bool) {
        if let Some(b'a' | b'\\') = self.selection.text.get(start + 1) {
            self.look_closer(start, end, escaped, accepted);
        }
    }

    #[inline(never)]
    fn look_closer(&mut self, start: usize, end: usize, escaped: bool, accepted: bool) {
        let raw = self.selection.text.get(start + 1..end - 1).unwrap_or_default();
        let content = if escaped { text::beginning(raw, 5) } else { Cow::Borrowed(raw) };
        if !content.starts_with(b"as1") {
            return;
        }
        self.selection.has_field_string |= content.starts_with(b"as1f.");
        let selected =
            accepted && self.selection.fields.last().is_some_and(|field| field.start as usize == start);
        if !selected && self.protected == 0 {
            self.selection.unselected.push((start as u32, end as u32));
        }
    }
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
            self.hanging = Hanging::Header { name: name.start as u32 - 1 };
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
        let segment = Segment::member(name.start as u32, name.escaped);
        self.hanging = Hanging::By { segment, raw_len: name.raw.len() as u32 };
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
        self.hanging = Hanging::By { segment: Segment::element(index), raw_len: 0 };
        Ok(())
    }

    fn begin(&mut self, start: usize, object: bool) -> Result<()> {
        let depth = self.frames.len();
        match self.hanging {
            Hanging::Root => {
                self.selection.root = start as u32;
                self.selection.root_is_object = object;
            }
            Hanging::Header { name } => {
                self.selection.header = Some(HeaderSpan { name: name as usize, start, end: start });
                self.unfinished.push((depth, Unfinished::Header));
                self.protected += 1;
                self.unfinished.push((depth, Unfinished::Protected));
            }
            Hanging::By { .. } => {}
        }
        let mut position = 0;
        if self.next != [0; W] {
            position = self.position_len();
            if self.is_accepted() {
                self.accept(start, start, true)?;
            }
        }
        let segment = self.hanging.segment();
        self.frames.push(Frame {
            states: self.next,
            start: start as u32,
            elements: 0,
            segment,
            link: None,
            position,
        });
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
                Some((_, Unfinished::Capture(pattern, at))) => {
                    self.selection.end_capture(pattern, at, end as u32);
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
        if let Hanging::Header { name } = self.hanging {
            self.selection.header = Some(HeaderSpan { name: name as usize, start, end });
            return Ok(());
        }
        let accepted = self.is_accepted();
        if accepted {
            self.accept(start, end, false)?;
        }
        if let Scalar::String { escaped } = kind {
            self.look_at_string(start, end, escaped, accepted);
        }
        Ok(())
    }
}
