//! What ties a ciphertext to its place: encoded positions and the values of bound members.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use crate::error::{Code, Error, Result};
use crate::fields::encrypt::rule_of;
use crate::ids::Mode;
use crate::json::canonical;
use crate::json::index::Index;
use crate::limits::Limits;
use crate::policy::bind::Below;
use crate::policy::place::Indices;
use crate::policy::select::{Capture, Field, Selection};
use crate::policy::{Bind, Inner, Position};
use crate::token::value::write_prefixed;

/// Bytes of associated data around position and bound: suite, mode and two lengths.
const AROUND: usize = 10;

/// Texts up to this length are made canonical anew for each value; longer ones once for all.
const SHORT: usize = 64;

/// Encodes the bound members of the values of one document.
pub(crate) struct Binder<'s, 't> {
    policy: &'s Inner,
    selection: &'s Selection<'t>,
    limits: &'s Limits,
    /// J of long bound members, by where they begin: each is written once however many values share it.
    long: HashMap<u32, Vec<u8>>,
    /// For each rule that others bind like what its last value was bound to: neighbours mostly share it.
    last: Vec<Last>,
    members: Vec<(Range<usize>, Capture)>,
    positions: Vec<u8>,
}

#[derive(Default)]
struct Last {
    known: bool,
    anchors: Vec<u32>,
    bound: Vec<u8>,
}

impl<'s, 't> Binder<'s, 't> {
    pub(crate) fn new(policy: &'s Inner, selection: &'s Selection<'t>, limits: &'s Limits) -> Self {
        let mut last = Vec::with_capacity(policy.rules.len());
        last.resize_with(policy.rules.len(), Last::default);
        Binder {
            policy,
            selection,
            limits,
            long: HashMap::new(),
            last,
            members: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// The same for the one value of a policy of one rule, which is bound to what the caller states.
    pub(crate) fn stated(mut self, bound: Option<&[u8]>) -> Self {
        if let (Some(bound), Some(last)) = (bound, self.last.first_mut()) {
            last.bound.extend_from_slice(bound);
        }
        self
    }

    /// Looks at the values of layout T that it `concerns`, so that [`Binder::bound`] gives no error for them.
    ///
    /// # Errors
    /// [`Code::BoundMissing`], [`Code::BoundConflict`], [`Code::LimitBound`], [`Code::LimitAssociatedData`].
    pub(crate) fn check(&mut self, concerns: impl Fn(&Field) -> bool) -> Result<()> {
        let selection = self.selection;
        let mut total = 0;
        for field in selection.fields.iter().filter(|field| concerns(field)) {
            // The position counts in its exact form whatever the mode.
            total += AROUND + usize::from(field.place().len) + self.bound(field)?.len();
            if total > self.limits.associated_data() {
                return Err(Error::new(Code::LimitAssociatedData));
            }
        }
        Ok(())
    }

    /// The bound bytes of a value of layout T.
    ///
    /// # Errors
    /// [`Code::BoundMissing`], [`Code::BoundConflict`], [`Code::LimitBound`].
    pub(crate) fn bound(&mut self, field: &Field) -> Result<&[u8]> {
        let rule = rule_of(self.policy, field)?;
        let at = usize::from(rule.bound_as);
        let selection = self.selection;
        let anchors = || rule.binds.iter().filter_map(|bind| Some(selection.anchor(field, bind.up?)));
        let same = |last: &Last| last.known && anchors().eq(last.anchors.iter().copied());
        let known = self.last.get(at).is_some_and(same);
        if !known && !rule.binds.is_empty() {
            // Nothing is known while it is written: an error leaves it so.
            let mut next = self.last.get_mut(at).map(std::mem::take).unwrap_or_default();
            next.bound.clear();
            self.encode(&mut next.bound, &rule.binds, &rule.position, Some(field))?;
            if next.bound.len() > self.limits.bound {
                return Err(self.selection.fault(Code::LimitBound, field.start));
            }
            next.known = true;
            next.anchors.clear();
            next.anchors.extend(anchors());
            if let Some(last) = self.last.get_mut(at) {
                *last = next;
            }
        }
        self.last.get(at).map(|last| last.bound.as_slice()).ok_or_else(|| Error::new(Code::Internal))
    }

    /// What all values of a document of layout D are bound to; nothing where the whole document is bound, which is
    /// known only with the encrypted strings in place.
    ///
    /// # Errors
    /// [`Code::BoundMissing`], [`Code::BoundConflict`], [`Code::LimitBound`], [`Code::LimitAssociatedData`].
    pub(crate) fn document_bound(&mut self) -> Result<Vec<u8>> {
        let mut bound = Vec::new();
        self.encode(&mut bound, &self.policy.document_binds, &Position::Exact, None)?;
        if bound.len() > self.limits.bound {
            return Err(Error::new(Code::LimitBound));
        }
        let fields = self.selection.fields.iter();
        let positions: usize = fields.map(|field| AROUND + usize::from(field.place().len)).sum();
        if positions + bound.len() > self.limits.associated_data() {
            return Err(Error::new(Code::LimitAssociatedData));
        }
        Ok(bound)
    }

    /// Appends `lp(position) ‖ lp(J)` of each bound member, ascending by position.
    fn encode(
        &mut self,
        out: &mut Vec<u8>,
        binds: &[Bind],
        position: &Position,
        field: Option<&Field>,
    ) -> Result<()> {
        let selection = self.selection;
        let about = |code: Code, detail: String| match field {
            Some(field) => selection.fault(code, field.start).with_detail(detail),
            None => Error::because(code, detail),
        };
        self.members.clear();
        self.positions.clear();
        for bind in binds {
            let capture = selection.capture(bind, field).ok_or_else(|| {
                about(Code::BoundMissing, format!("`{}` is not in the document", bind.text))
            })?;
            if selection.overlaps_field(capture.start, capture.end) {
                let detail = format!("`{}` is, contains or lies inside a protected value", bind.text);
                return Err(about(Code::BoundConflict, detail));
            }
            let from = self.positions.len();
            let indices = if position.mode() == Mode::Elements { Indices::Open } else { Indices::Exact };
            let out = &mut self.positions;
            match (&bind.label, field, bind.up) {
                (Some(label), _, _) => write_label(out, label),
                (None, field, up) => {
                    if let (Some(field), Some(up)) = (field, up) {
                        selection.places.write_part(out, field.place(), up as usize, usize::MAX, indices);
                    }
                    match &bind.below {
                        Below::Known(below) => out.extend_from_slice(below),
                        Below::Wanders(levels) => {
                            let place =
                                selection.wandering(capture).ok_or_else(|| Error::new(Code::Internal))?;
                            selection.places.write_part(out, place, 0, usize::from(*levels), indices);
                        }
                    }
                }
            }
            self.members.push((from..self.positions.len(), *capture));
        }
        let positions = std::mem::take(&mut self.positions);
        let mut members = std::mem::take(&mut self.members);
        let of = |range: &Range<usize>| positions.get(range.clone()).unwrap_or_default();
        if !sort_distinct(&mut members, |a, b| of(&a.0).cmp(of(&b.0))) {
            return Err(about(Code::BoundConflict, TWICE.to_owned()));
        }
        // What a long text needs is known when it is written: most of it may be white space.
        let room = |(range, capture): &(Range<usize>, Capture)| {
            8 + range.len() + SHORT.min((capture.end - capture.start) as usize)
        };
        out.reserve(members.iter().map(room).sum());
        for (range, capture) in &members {
            write_prefixed(out, of(range));
            self.write_value(out, capture)?;
        }
        self.positions = positions;
        self.members = members;
        Ok(())
    }

    /// Appends `lp(J)` of a bound member.
    fn write_value(&mut self, out: &mut Vec<u8>, capture: &Capture) -> Result<()> {
        let raw = self.selection.text.get(capture.start as usize..capture.end as usize);
        let raw = raw.ok_or_else(|| Error::new(Code::Internal))?;
        if raw.len() > SHORT {
            if !self.long.contains_key(&capture.start) {
                self.long.insert(capture.start, canonical(raw, self.limits)?);
            }
            if let Some(value) = self.long.get(&capture.start) {
                write_prefixed(out, value);
            }
            return Ok(());
        }
        match raw.first() {
            Some(b'{' | b'[') => write_prefixed(out, &canonical(raw, self.limits)?),
            _ => {
                let from = out.len();
                out.extend_from_slice(&[0; 4]);
                canonical::write_scalar(out, raw);
                let len = (out.len() - from - 4) as u32;
                if let Some(prefix) = out.get_mut(from..from + 4) {
                    prefix.copy_from_slice(&len.to_be_bytes());
                }
            }
        }
        Ok(())
    }
}

const TWICE: &str = "two bound members have one position";

/// Sorts bound members by position; whether no two are equal.
fn sort_distinct<T>(members: &mut [T], by_position: impl Fn(&T, &T) -> Ordering) -> bool {
    members.sort_unstable_by(&by_position);
    members.windows(2).all(|two| matches!(two, [a, b] if by_position(a, b).is_ne()))
}

/// The bound bytes of a value under a label, from the labels and JSON texts of its bound members.
///
/// # Errors
/// [`Code::BoundConflict`], [`Code::LimitBound`], and the faults of a text.
pub(crate) fn bound_to_labels(own: &str, members: &[(&str, &[u8])], limits: &Limits) -> Result<Vec<u8>> {
    let position = |label: &str| {
        let mut position = Vec::with_capacity(5 + label.len());
        write_label(&mut position, label.as_bytes());
        position
    };
    let mut members: Vec<_> = members.iter().map(|(label, text)| (position(label), *label, *text)).collect();
    if !sort_distinct(&mut members, |a, b| a.0.cmp(&b.0)) {
        return Err(Error::because(Code::BoundConflict, TWICE));
    }
    let mut bound = Vec::new();
    for (position, label, text) in members {
        if label == own {
            return Err(Error::because(Code::BoundConflict, "the label of the protected value itself"));
        }
        if text.len() > limits.document {
            return Err(Error::because(Code::LimitBound, format!("`{label}`")));
        }
        let value = canonical(text, limits)
            .map_err(|error| error.with_detail(format!("the bound value `{label}`")))?;
        write_prefixed(&mut bound, &position);
        write_prefixed(&mut bound, &value);
        if bound.len() > limits.bound {
            return Err(Error::because(Code::LimitBound, format!("`{label}`")));
        }
    }
    Ok(bound)
}

/// J of a value given by its text.
fn canonical(raw: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    canonical::write(&mut out, &Index::build(raw, limits.depth)?, 0, &[]);
    Ok(out)
}

/// Appends the position of a field as its mode encodes it.
pub(crate) fn write_position(
    out: &mut Vec<u8>,
    position: &Position,
    selection: &Selection<'_>,
    field: &Field,
) {
    match position {
        Position::Exact => selection.places.write(out, field.place(), Indices::Exact),
        Position::Elements => selection.places.write(out, field.place(), Indices::Open),
        Position::Named(label) => write_label(out, label),
    }
}

fn write_label(out: &mut Vec<u8>, label: &[u8]) {
    out.push(0x04);
    write_prefixed(out, label);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::policy::select::read;

    #[test]
    fn rules_that_bind_alike_share_what_one_binder_alone_would_write() {
        let policy = Policy::from_json(
            r#"{"apiseal_policy": 1, "id": "t", "rules": [
                {"path": "$..a", "bind": ["1/id", "$.all"]},
                {"path": "$..b", "bind": ["1/id", "$.all"]},
                {"path": "$..c", "bind": ["1/id"]},
                {"path": "$.list[*].d", "bind": ["1/id", "$.all"], "position": "elements"},
                {"path": "$.list[*].e", "bind": ["1/id", "$.all"], "position": "elements"}
            ]}"#,
        );
        let policy = policy.unwrap();
        let alike: Vec<u16> = policy.inner().rules.iter().map(|rule| rule.bound_as).collect();
        assert_eq!(alike, [0, 0, 2, 3, 3]);

        let text = br#"{"id": 1, "all": "x", "a": 0, "list": [
            {"id": 2, "a": 0, "b": 0, "d": 0, "e": 0}, {"b": 0, "id": "3", "e": 0, "c": 0, "d": 0}
        ], "b": 0, "c": 0}"#;
        let limits = Limits::default();
        let mut selection = read(policy.inner(), text, &limits).unwrap();
        selection.settle(policy.inner(), &limits, true).unwrap();
        let fresh = || Binder::new(policy.inner(), &selection, &limits);
        let mut shared = fresh();
        assert_eq!(selection.fields.len(), 11);
        for field in selection.fields.iter() {
            assert_eq!(shared.bound(field).unwrap(), fresh().bound(field).unwrap());
        }
    }

    #[test]
    fn a_bound_member_that_is_mostly_white_space_takes_no_memory_for_it() {
        let rule = r#"{"apiseal_policy": 1, "id": "t", "rules": [{"path": "$.a", "bind": ["$.b"]}]}"#;
        let (policy, limits) = (Policy::from_json(rule).unwrap(), Limits::default());
        let text = format!(r#"{{"a": 0, "b": [{}]}}"#, " ".repeat(1 << 20));
        let mut selection = read(policy.inner(), text.as_bytes(), &limits).unwrap();
        selection.settle(policy.inner(), &limits, true).unwrap();
        let mut binder = Binder::new(policy.inner(), &selection, &limits);
        let field = selection.fields.get(0).unwrap();
        assert!(binder.bound(field).unwrap().ends_with(b"[]"));
        assert!(binder.last[0].bound.capacity() < 1024);
    }
}
