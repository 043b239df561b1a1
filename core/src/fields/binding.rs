//! What ties a ciphertext to its place: encoded positions and the values of bound members.

use crate::error::{Code, Error, Result};
use crate::ids::Mode;
use crate::json::canonical;
use crate::json::index::Index;
use crate::limits::Limits;
use crate::policy::select::{Capture, Field, Selection};
use crate::policy::{Bind, Inner, Position};
use crate::token::value::write_prefixed;

/// The encoded bound members of every field, shared where fields share them.
pub(crate) struct Bounds {
    arena: Vec<u8>,
    of_field: Vec<(u32, u32)>,
}

impl Bounds {
    /// The bound bytes of the field at this place in the selection.
    pub(crate) fn get(&self, field: usize) -> &[u8] {
        let (from, to) = self.of_field.get(field).copied().unwrap_or((0, 0));
        self.arena.get(from as usize..to as usize).unwrap_or_default()
    }
}

/// Encodes the bound members of the fields of a document of layout T, those that it `concerns`.
///
/// # Errors
/// [`Code::BoundMissing`], [`Code::BoundConflict`], [`Code::LimitBound`], [`Code::LimitAssociatedData`].
pub(crate) fn bounds(
    policy: &Inner,
    selection: &Selection<'_>,
    limits: &Limits,
    concerns: impl Fn(&Field) -> bool,
) -> Result<Bounds> {
    let mut bounds = Bounds { arena: Vec::new(), of_field: Vec::new() };
    bounds.of_field.reserve_exact(selection.fields.len());
    // For each rule the last field that was encoded: neighbours mostly share their anchors.
    let mut last: Vec<Option<usize>> = vec![None; policy.rules.len()];
    let mut total = 0usize;
    for (at, field) in selection.fields.iter().enumerate() {
        let Some(rule) = policy.rules.get(usize::from(field.rule)) else { continue };
        if !concerns(field) {
            bounds.of_field.push((0, 0));
            continue;
        }
        let anchors = selection.anchors(policy, field);
        let slot = last.get_mut(usize::from(field.rule)).ok_or_else(|| Error::new(Code::Internal))?;
        let same = slot.filter(|&other| {
            selection.fields.get(other).is_some_and(|other| selection.anchors(policy, other) == anchors)
        });
        let range = match same.and_then(|other| bounds.of_field.get(other).copied()) {
            Some(range) => range,
            None => {
                let from = bounds.arena.len();
                encode(
                    &mut bounds.arena,
                    selection,
                    &rule.binds,
                    &rule.position,
                    Some((field, anchors)),
                    limits,
                )?;
                if bounds.arena.len() - from > limits.bound {
                    return Err(selection.fault(Code::LimitBound, field.start));
                }
                (from as u32, bounds.arena.len() as u32)
            }
        };
        // suite ‖ mode ‖ lp(position) ‖ lp(bound); the position counts in its exact form whatever the mode.
        total += 10 + selection.position(field).len() + (range.1 - range.0) as usize;
        if total > limits.associated_data() {
            return Err(Error::new(Code::LimitAssociatedData));
        }
        *slot = Some(at);
        bounds.of_field.push(range);
    }
    Ok(bounds)
}

/// Encodes the members that a document of layout D is bound to.
///
/// # Errors
/// [`Code::BoundMissing`], [`Code::BoundConflict`], [`Code::LimitBound`], [`Code::LimitAssociatedData`].
pub(crate) fn document_bound(policy: &Inner, selection: &Selection<'_>, limits: &Limits) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode(&mut out, selection, &policy.document_binds, &Position::Exact, None, limits)?;
    if out.len() > limits.bound {
        return Err(Error::new(Code::LimitBound));
    }
    let positions: usize = selection.fields.iter().map(|field| 10 + selection.position(field).len()).sum();
    if positions + out.len() > limits.associated_data() {
        return Err(Error::new(Code::LimitAssociatedData));
    }
    Ok(out)
}

/// Appends the position of a field as its mode encodes it.
pub(crate) fn write_position(out: &mut Vec<u8>, position: &Position, exact: &[u8]) {
    match position {
        Position::Exact => out.extend_from_slice(exact),
        Position::Elements => write_open_indices(out, exact),
        Position::Named(label) => write_label(out, label),
    }
}

/// Number of containers that are open at an exact position.
pub(crate) fn depth(exact: &[u8]) -> usize {
    segments(exact).count()
}

/// Appends `lp(position) ‖ lp(J)` of each bound member, ascending by position.
fn encode(
    out: &mut Vec<u8>,
    selection: &Selection<'_>,
    binds: &[Bind],
    position: &Position,
    field: Option<(&Field, &[u32])>,
    limits: &Limits,
) -> Result<()> {
    let mut members: Vec<(Vec<u8>, &Capture)> = Vec::with_capacity(binds.len());
    let mut anchors = field.map_or(&[][..], |(_, anchors)| anchors).iter();
    let about = |error: Error| match field {
        Some((field, _)) => {
            let path = selection.fault(error.code(), field.start);
            path.with_detail(error.detail().unwrap_or_default())
        }
        None => error,
    };
    for bind in binds {
        let anchor = bind.up.and_then(|_| anchors.next()).copied();
        let capture = selection.capture(bind.pattern, anchor).ok_or_else(|| {
            about(Error::because(Code::BoundMissing, format!("`{}` is not in the document", bind.text)))
        })?;
        if selection.overlaps_field(capture.start, capture.end) {
            let detail = format!("`{}` is, contains or lies inside a protected value", bind.text);
            return Err(about(Error::because(Code::BoundConflict, detail)));
        }
        let exact = match (field, bind.up) {
            (Some((field, _)), Some(up)) => {
                [ancestor(selection.position(field), up), selection.suffix(capture)].concat()
            }
            _ => selection.suffix(capture).to_vec(),
        };
        let mut encoded = Vec::with_capacity(exact.len());
        match (&bind.label, position.mode()) {
            (Some(label), _) => write_label(&mut encoded, label),
            (None, Mode::Elements) => write_open_indices(&mut encoded, &exact),
            (None, _) => encoded.extend_from_slice(&exact),
        }
        members.push((encoded, capture));
    }
    members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if members.windows(2).any(|two| matches!(two, [a, b] if a.0 == b.0)) {
        return Err(about(Error::because(Code::BoundConflict, "two bound members have one position")));
    }
    for (encoded, capture) in members {
        write_prefixed(out, &encoded);
        let from = out.len();
        out.extend_from_slice(&[0; 4]);
        write_value(out, selection, capture, limits)?;
        let len = (out.len() - from - 4) as u32;
        if let Some(prefix) = out.get_mut(from..from + 4) {
            prefix.copy_from_slice(&len.to_be_bytes());
        }
    }
    Ok(())
}

/// Appends J of a bound member.
fn write_value(
    out: &mut Vec<u8>,
    selection: &Selection<'_>,
    capture: &Capture,
    limits: &Limits,
) -> Result<()> {
    let raw = selection.text.get(capture.start as usize..capture.end as usize).unwrap_or_default();
    if let Some(b'{' | b'[') = raw.first() {
        let index = Index::build(raw, limits.depth)?;
        canonical::write(out, &index, 0, &[]);
    } else {
        canonical::write_scalar(out, raw);
    }
    Ok(())
}

fn write_label(out: &mut Vec<u8>, label: &[u8]) {
    out.push(0x04);
    write_prefixed(out, label);
}

/// Appends the position with each array index `02 ‖ u32` written as `03`.
fn write_open_indices(out: &mut Vec<u8>, exact: &[u8]) {
    for segment in segments(exact) {
        match segment.first() {
            Some(0x02) => out.push(0x03),
            _ => out.extend_from_slice(segment),
        }
    }
}

/// The position `up` levels above an exact position.
fn ancestor(exact: &[u8], up: u32) -> &[u8] {
    let kept = depth(exact).saturating_sub(up as usize);
    let len = segments(exact).take(kept).map(<[u8]>::len).sum();
    exact.get(..len).unwrap_or_default()
}

/// The segments of an exact position.
fn segments(exact: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = exact;
    std::iter::from_fn(move || {
        let (tag, number) = (rest.first()?, rest.get(1..)?.first_chunk::<4>()?);
        let len = if *tag == 0x01 { u32::from_be_bytes(*number) as usize } else { 0 };
        let (segment, after) = rest.split_at_checked(5 + len)?;
        rest = after;
        Some(segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn vectors_of_positions() {
        let mut exact = Vec::new();
        crate::policy::select::write_member(&mut exact, b"cards");
        exact.extend_from_slice(&[2, 0, 0, 0, 0]);
        crate::policy::select::write_member(&mut exact, b"pan");
        assert_eq!(hex(&exact), "010000000563617264730200000000010000000370616e");
        assert_eq!(depth(&exact), 3);
        let written = |position: &Position, exact: &[u8]| {
            let mut out = Vec::new();
            write_position(&mut out, position, exact);
            hex(&out)
        };
        assert_eq!(written(&Position::Elements, &exact), "0100000005636172647303010000000370616e");
        assert_eq!(written(&Position::Named(b"ssn".to_vec()), &exact), "040000000373736e");
        assert_eq!(written(&Position::Exact, &[]), "");
        let mut name = Vec::new();
        crate::policy::select::write_member(&mut name, "é".as_bytes());
        assert_eq!(hex(&name), "0100000002c3a9");
        // case_26: a member named "0" is not element 0.
        let mut member = Vec::new();
        crate::policy::select::write_member(&mut member, b"0");
        assert_ne!(member, [2, 0, 0, 0, 0]);
    }
}
