//! Where values stand: one link a container, shared by all that it holds, so that a position costs memory only while
//! it is written.

use std::borrow::Cow;

use crate::json::text;

/// One step down from a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// The member whose name's raw text fills `start..start + len`.
    Member { start: u32, len: u32, escaped: bool },
    /// The element of this index.
    Element(u32),
}

/// The way to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(u32);

impl Link {
    /// The root needs no way.
    pub(crate) const ROOT: Link = Link(u32::MAX);
}

/// The way to a value: to its container and one step down; the root itself has no step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) parent: Link,
    pub(crate) segment: Option<Segment>,
}

/// How array indices are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indices {
    /// `02 ‖ u32(index)`
    Exact,
    /// `03`
    Open,
}

/// All ways of one document.
#[derive(Debug)]
pub(crate) struct Places<'t> {
    text: &'t [u8],
    links: Vec<Step>,
}

/// The last step to a container.
#[derive(Clone, Copy, Debug)]
struct Step {
    parent: Link,
    segment: Segment,
    /// Bytes of the container's exact position.
    len: u32,
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Places { text, links: Vec::with_capacity(8) }
    }

    /// The way to a container: to its own container and one step down.
    pub(crate) fn link(&mut self, parent: Link, segment: Segment) -> Link {
        let len = (self.link_len(parent) + self.segment_len(segment)) as u32;
        self.links.push(Step { parent, segment, len });
        Link(self.links.len() as u32 - 1)
    }

    /// Number of containers that are open at the place.
    pub(crate) fn depth(&self, place: Place) -> usize {
        self.up(place).count()
    }

    /// Bytes of the exact position.
    pub(crate) fn len(&self, place: Place) -> usize {
        self.link_len(place.parent) + place.segment.map_or(0, |segment| self.segment_len(segment))
    }

    fn link_len(&self, link: Link) -> usize {
        self.links.get(link.0 as usize).map_or(0, |step| step.len as usize)
    }

    /// Bytes that a step adds to an exact position.
    pub(crate) fn segment_len(&self, segment: Segment) -> usize {
        match segment {
            Segment::Member { len, escaped: false, .. } => 5 + len as usize,
            Segment::Member { .. } => 5 + self.name(segment).len(),
            Segment::Element(_) => 5,
        }
    }

    /// Appends the encoded position of a place.
    pub(crate) fn write(&self, out: &mut Vec<u8>, place: Place, indices: Indices) {
        match indices {
            Indices::Exact => self.write_backwards(out, self.len(place), indices, self.up(place)),
            Indices::Open => self.write_part(out, place, 0, usize::MAX, indices),
        }
    }

    /// Appends a part of the position: without the innermost `skip` steps, and of the rest the innermost `take`.
    pub(crate) fn write_part(
        &self,
        out: &mut Vec<u8>,
        place: Place,
        skip: usize,
        take: usize,
        indices: Indices,
    ) {
        let steps = || self.up(place).skip(skip).take(take);
        let step_len = |segment| match (segment, indices) {
            (Segment::Element(_), Indices::Open) => 1,
            _ => self.segment_len(segment),
        };
        self.write_backwards(out, steps().map(step_len).sum(), indices, steps());
    }

    /// Appends `len` bytes: steps are found from the inside, so they are written from the end.
    fn write_backwards(
        &self,
        out: &mut Vec<u8>,
        len: usize,
        indices: Indices,
        steps: impl Iterator<Item = Segment>,
    ) {
        let from = out.len();
        out.resize(from + len, 0);
        let mut rest = out.get_mut(from..).unwrap_or_default();
        for segment in steps {
            rest = match (segment, indices) {
                (Segment::Member { .. }, _) => {
                    let name = self.name(segment);
                    let rest = put(rest, &name);
                    let rest = put(rest, &(name.len() as u32).to_be_bytes());
                    put(rest, &[0x01])
                }
                (Segment::Element(index), Indices::Exact) => put(put(rest, &index.to_be_bytes()), &[0x02]),
                (Segment::Element(_), Indices::Open) => put(rest, &[0x03]),
            };
        }
    }

    fn name(&self, segment: Segment) -> Cow<'t, [u8]> {
        let Segment::Member { start, len, escaped } = segment else { return Cow::Borrowed(&[]) };
        let raw = self.text.get(start as usize..(start + len) as usize).unwrap_or_default();
        if escaped { Cow::Owned(text::unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// The steps from the inside.
    fn up(&self, place: Place) -> impl Iterator<Item = Segment> {
        let mut next = place.segment.map(|segment| (place.parent, segment));
        std::iter::from_fn(move || {
            let (parent, segment) = next?;
            next = self.links.get(parent.0 as usize).map(|step| (step.parent, step.segment));
            Some(segment)
        })
    }
}

/// Writes at the end of a buffer and returns what is before.
#[inline(always)]
fn put<'b>(buffer: &'b mut [u8], bytes: &[u8]) -> &'b mut [u8] {
    let (rest, end) = buffer.split_at_mut(buffer.len().saturating_sub(bytes.len()));
    end.copy_from_slice(bytes);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn member(text: &str, name: &str) -> Segment {
        let start = text.find(name).unwrap() as u32;
        Segment::Member { start, len: name.len() as u32, escaped: name.contains('\\') }
    }

    #[test]
    fn vectors_of_positions() {
        let text = r#"{"cards":[{"pan":1}],"é":1,"":2,"\u0030":3}"#;
        let mut places = Places::new(text.as_bytes());
        let cards = places.link(Link::ROOT, member(text, "cards"));
        let first = places.link(cards, Segment::Element(0));
        let pan = Place { parent: first, segment: Some(member(text, "pan")) };
        let written = |place: Place, skip: usize, take: usize, indices: Indices| {
            let mut out = Vec::new();
            places.write_part(&mut out, place, skip, take, indices);
            hex(&out)
        };
        let whole = |place: Place, indices: Indices| written(place, 0, usize::MAX, indices);
        assert_eq!(whole(pan, Indices::Exact), "010000000563617264730200000000010000000370616e");
        assert_eq!(whole(pan, Indices::Open), "0100000005636172647303010000000370616e");
        assert_eq!(written(pan, 1, 1, Indices::Exact), "0200000000");
        assert_eq!(written(pan, 0, 2, Indices::Open), "03010000000370616e");
        assert_eq!((places.depth(pan), places.len(pan)), (3, 23));
        let root = |segment: Option<Segment>| Place { parent: Link::ROOT, segment };
        assert_eq!(whole(root(None), Indices::Exact), "");
        assert_eq!(whole(root(Some(member(text, "é"))), Indices::Exact), "0100000002c3a9");
        let empty = Segment::Member { start: 1, len: 0, escaped: false };
        assert_eq!(whole(root(Some(empty)), Indices::Exact), "0100000000");
        // case_26: a member named "0" is not element 0.
        assert_eq!(whole(root(Some(member(text, r"\u0030"))), Indices::Exact), "010000000130");
        assert_eq!(whole(root(Some(Segment::Element(0))), Indices::Exact), "0200000000");
    }

    #[test]
    fn deep_places_are_written_whole() {
        let mut places = Places::new(b"");
        let mut link = Link::ROOT;
        for index in 0..100 {
            link = places.link(link, Segment::Element(index));
        }
        let mut out = Vec::new();
        places.write(&mut out, Place { parent: link, segment: Some(Segment::Element(100)) }, Indices::Exact);
        let expected: Vec<u8> =
            (0..=100u32).flat_map(|index| [vec![2], index.to_be_bytes().to_vec()].concat()).collect();
        assert_eq!(out, expected);
    }
}
