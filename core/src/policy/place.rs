//! Where values stand: one link a container, shared by all that it holds, so that a position costs memory only while
//! it is written.

use std::borrow::Cow;

use crate::json::text;
use crate::policy::list::List;

/// One step down from a container: the index of an element, or the offset of a member's name. Both are less than 2^30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment(u32);

impl Segment {
    const ELEMENT: u32 = 1 << 31;
    const ESCAPED: u32 = 1 << 30;
    /// The root is no step down from anything.
    pub(crate) const NONE: Segment = Segment(u32::MAX);

    /// The member whose name's first byte, behind the quote, is `start`.
    #[inline(always)]
    pub(crate) fn member(start: u32, escaped: bool) -> Self {
        Segment(start | if escaped { Self::ESCAPED } else { 0 })
    }

    #[inline(always)]
    pub(crate) fn element(index: u32) -> Self {
        Segment(Self::ELEMENT | index)
    }

    fn is_element(self) -> bool {
        self.0 & Self::ELEMENT != 0
    }

    fn is_escaped(self) -> bool {
        !self.is_element() && self.0 & Self::ESCAPED != 0
    }

    /// The index, or the offset of the name.
    fn number(self) -> u32 {
        self.0 & (Self::ESCAPED - 1)
    }
}

/// The way to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(u32);

impl Link {
    /// The root needs no way.
    pub(crate) const ROOT: Link = Link(u32::MAX);
}

/// The way to a value: to its container and one step down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) parent: Link,
    pub(crate) segment: Segment,
    /// Bytes of the exact position. Longer ones are refused before they are written.
    pub(crate) len: u16,
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
    links: List<Step>,
}

/// The last step to a container.
#[derive(Clone, Copy, Debug)]
struct Step {
    parent: Link,
    segment: Segment,
    /// Where the container begins.
    start: u32,
    /// Bytes of the container's exact position.
    len: u16,
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Places { text, links: List::new() }
    }

    /// The way to a container that begins at `start`: to its own container and one step down.
    pub(crate) fn link(&mut self, parent: Link, segment: Segment, start: u32, len: usize) -> Link {
        self.links.push(Step { parent, segment, start, len: short(len) });
        Link(self.links.len() as u32 - 1)
    }

    /// The place of a value whose exact position has `len` bytes.
    pub(crate) fn place(parent: Link, segment: Segment, len: usize) -> Place {
        Place { parent, segment, len: short(len) }
    }

    /// Number of containers that are open at the place.
    pub(crate) fn depth(&self, place: Place) -> usize {
        self.up(place).count()
    }

    /// Where the container so many levels above the place begins; the root begins at `root`.
    pub(crate) fn above(&self, place: Place, up: u32, root: u32) -> Option<u32> {
        let mut link = (place.segment != Segment::NONE).then_some(place.parent)?;
        for _ in 1..up {
            link = self.links.get(link.0 as usize)?.parent;
        }
        Some(self.links.get(link.0 as usize).map_or(root, |step| step.start))
    }

    /// Bytes that a step adds to an exact position. `raw_len` is that of a name as it stands in the text.
    pub(crate) fn step_len(&self, segment: Segment, raw_len: usize) -> usize {
        match segment {
            Segment::NONE => 0,
            segment if segment.is_element() => 5,
            segment if segment.is_escaped() => 5 + self.name(segment, raw_len).len(),
            _ => 5 + raw_len,
        }
    }

    /// Appends the encoded position of a place.
    pub(crate) fn write(&self, out: &mut Vec<u8>, place: Place, indices: Indices) {
        match indices {
            Indices::Exact => self.write_backwards(out, usize::from(place.len), indices, self.up(place)),
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
        let len_of = |(segment, len): (Segment, usize)| match indices {
            Indices::Open if segment.is_element() => 1,
            _ => len,
        };
        self.write_backwards(out, steps().map(len_of).sum(), indices, steps());
    }

    /// Appends `len` bytes: steps are found from the inside, so they are written from the end.
    fn write_backwards(
        &self,
        out: &mut Vec<u8>,
        len: usize,
        indices: Indices,
        steps: impl Iterator<Item = (Segment, usize)>,
    ) {
        let from = out.len();
        out.resize(from + len, 0);
        let mut rest = out.get_mut(from..).unwrap_or_default();
        for (segment, len) in steps {
            rest = match (segment.is_element(), indices) {
                (false, _) => {
                    let name = self.name(segment, len - 5);
                    let rest = put(rest, &name);
                    let rest = put(rest, &(name.len() as u32).to_be_bytes());
                    put(rest, &[0x01])
                }
                (true, Indices::Exact) => put(put(rest, &segment.number().to_be_bytes()), &[0x02]),
                (true, Indices::Open) => put(rest, &[0x03]),
            };
        }
    }

    /// The decoded name of a member; one without escapes is `len` bytes long.
    fn name(&self, segment: Segment, len: usize) -> Cow<'t, [u8]> {
        let start = segment.number() as usize;
        if segment.is_escaped() {
            return text::decoded_name(self.text, start);
        }
        Cow::Borrowed(self.text.get(start..start + len).unwrap_or_default())
    }

    /// The steps from the inside, each with the bytes that it adds to the exact position.
    fn up(&self, place: Place) -> impl Iterator<Item = (Segment, usize)> {
        let mut next = (place.segment != Segment::NONE).then_some(place);
        std::iter::from_fn(move || {
            let Place { parent, segment, len } = next?;
            let step = self.links.get(parent.0 as usize);
            let outer = step.map_or(0, |step| step.len);
            next = step.map(|step| Place { parent: step.parent, segment: step.segment, len: step.len });
            Some((segment, usize::from(len - outer)))
        })
    }
}

/// The limit of a position is lower than what is cut off here.
fn short(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
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

    /// The way one step down, as a scan finds it.
    fn down(places: &mut Places<'_>, parent: Place, segment: Segment, raw_len: usize) -> Place {
        let link = match parent.segment {
            Segment::NONE => Link::ROOT,
            _ => places.link(parent.parent, parent.segment, 7, parent.len.into()),
        };
        let len = usize::from(parent.len) + places.step_len(segment, raw_len);
        Places::place(link, segment, len)
    }

    const ROOT: Place = Place { parent: Link::ROOT, segment: Segment::NONE, len: 0 };

    #[test]
    fn vectors_of_positions() {
        let text = r#"{"cards":[{"pan":1}],"é":1,"":2,"\u0030":3}"#;
        let mut places = Places::new(text.as_bytes());
        let mut member = |parent: Place, name: &str| {
            let start = text.find(&format!("\"{name}\"")).unwrap() as u32 + 1;
            down(&mut places, parent, Segment::member(start, name.contains('\\')), name.len())
        };
        let cards = member(ROOT, "cards");
        let tops = ["é", "", r"\u0030"].map(|name| member(ROOT, name));
        let first = down(&mut places, cards, Segment::element(0), 0);
        let start = text.find("pan").unwrap() as u32;
        let pan = down(&mut places, first, Segment::member(start, false), 3);
        let element = down(&mut places, ROOT, Segment::element(0), 0);
        let written = |place: Place, skip: usize, take: usize, indices: Indices| {
            let mut out = Vec::new();
            places.write_part(&mut out, place, skip, take, indices);
            hex(&out)
        };
        let whole = |place: Place, indices: Indices| {
            let mut out = Vec::new();
            places.write(&mut out, place, indices);
            assert_eq!(hex(&out), written(place, 0, usize::MAX, indices));
            hex(&out)
        };
        assert_eq!(whole(pan, Indices::Exact), "010000000563617264730200000000010000000370616e");
        assert_eq!(whole(pan, Indices::Open), "0100000005636172647303010000000370616e");
        assert_eq!(written(pan, 1, 1, Indices::Exact), "0200000000");
        assert_eq!(written(pan, 0, 2, Indices::Open), "03010000000370616e");
        assert_eq!((places.depth(pan), pan.len), (3, 23));
        assert_eq!([1, 2, 3, 4].map(|up| places.above(pan, up, 0)), [Some(7), Some(7), Some(0), None]);
        assert_eq!((places.depth(ROOT), places.above(ROOT, 1, 0)), (0, None));
        assert_eq!(whole(ROOT, Indices::Exact), "");
        // case_26: a member named "0" is not element 0.
        let expected = ["0100000002c3a9", "0100000000", "010000000130"];
        assert_eq!(tops.map(|place| whole(place, Indices::Exact)), expected);
        assert_eq!(whole(element, Indices::Exact), "0200000000");
    }

    #[test]
    fn deep_places_are_written_whole() {
        let mut places = Places::new(b"");
        let place = (0..=100).fold(ROOT, |place, index| down(&mut places, place, Segment::element(index), 0));
        let mut out = Vec::new();
        places.write(&mut out, place, Indices::Exact);
        let expected: Vec<u8> =
            (0..=100u32).flat_map(|index| [vec![2], index.to_be_bytes().to_vec()].concat()).collect();
        assert_eq!(out, expected);
    }
}
