//! Structured fields (RFC 9651), read through `sfv`'s visitors. Unlike the RFC, where the last one wins, a key that
//! stands twice in a dictionary or among parameters is refused: two parsers would see two messages.

use std::collections::HashSet;
use std::fmt;

use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, InnerListVisitor, ItemVisitor, ListVisitor, ParameterVisitor,
};
use sfv::{BareItemFromInput, KeyRef, Parser};

use crate::http::plain;

/// A bare item as it was read.
pub(crate) type Bare<'t> = BareItemFromInput<'t>;

/// Type of a structured field (RFC 9651, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A single item.
    Item,
    /// A list.
    List,
    /// A dictionary.
    Dictionary,
}

/// Why a field was refused; a constant text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

/// What a reader hears, in the order of the text.
pub(crate) trait Events<'t> {
    /// A member of a dictionary (with its key) or of a list begins.
    fn member(&mut self, key: Option<&'t str>) -> Result<(), Refused>;
    /// An inner list begins.
    fn open(&mut self) -> Result<(), Refused>;
    /// An item: of the member, or of the inner list that is open.
    fn item(&mut self, value: Bare<'t>) -> Result<(), Refused>;
    /// An inner list ends; its own parameters follow.
    fn close(&mut self) -> Result<(), Refused>;
    /// A parameter of the last item, or of the inner list that was closed.
    fn parameter(&mut self, key: &'t str, value: Bare<'t>) -> Result<(), Refused>;
    /// The parameters of the last item or inner list end.
    fn finish(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

/// Reads a whole field.
///
/// # Errors
/// The text is not of this type, or the reader refused something in it.
pub(crate) fn read<'t>(text: &'t [u8], kind: FieldType, events: &mut impl Events<'t>) -> Result<(), Refused> {
    let parser = Parser::new(text);
    let mut refused = None;
    let visitor = Visitor { events, refused: &mut refused };
    let result = match kind {
        FieldType::Item => parser.parse_item_with_visitor(visitor),
        FieldType::List => parser.parse_list_with_visitor(visitor),
        FieldType::Dictionary => parser.parse_dictionary_with_visitor(visitor),
    };
    match (result, refused) {
        (Ok(()), None) => Ok(()),
        (_, Some(reason)) => Err(reason),
        (Err(_), None) => Err(Refused("it is not a valid structured field")),
    }
}

/// Passes what the parser sees on to the events, and keeps the reason of a refusal.
struct Visitor<'v, E> {
    events: &'v mut E,
    refused: &'v mut Option<Refused>,
}

impl<E> Visitor<'_, E> {
    fn reborrow(&mut self) -> Visitor<'_, E> {
        Visitor { events: self.events, refused: self.refused }
    }

    fn tell(&mut self, tell: impl FnOnce(&mut E) -> Result<(), Refused>) -> Result<(), Refused> {
        let result = tell(self.events);
        if let Err(reason) = result {
            *self.refused = Some(reason);
        }
        result
    }
}

impl<'t, E: Events<'t>> DictionaryVisitor<'t> for Visitor<'_, E> {
    type Out = ();
    type Error = Refused;

    fn entry(&mut self, key: &'t KeyRef) -> Result<impl EntryVisitor<'t>, Refused> {
        self.tell(|events| events.member(Some(key.as_str())))?;
        Ok(self.reborrow())
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl<'t, E: Events<'t>> ListVisitor<'t> for Visitor<'_, E> {
    type Out = ();
    type Error = Refused;

    fn entry(&mut self) -> Result<impl EntryVisitor<'t>, Refused> {
        self.tell(|events| events.member(None))?;
        Ok(self.reborrow())
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl<'t, E: Events<'t>> EntryVisitor<'t> for Visitor<'_, E> {
    type Error = Refused;

    fn item(self) -> Result<impl ItemVisitor<'t>, Refused> {
        Ok(self)
    }

    fn inner_list(mut self) -> Result<impl InnerListVisitor<'t>, Refused> {
        self.tell(|events| events.open())?;
        Ok(self)
    }
}

impl<'t, E: Events<'t>> InnerListVisitor<'t> for Visitor<'_, E> {
    type Error = Refused;

    fn item(&mut self) -> Result<impl ItemVisitor<'t>, Refused> {
        Ok(self.reborrow())
    }

    fn finish(mut self) -> Result<impl ParameterVisitor<'t>, Refused> {
        self.tell(|events| events.close())?;
        Ok(Parameters { visitor: self, seen: Keys::default() })
    }
}

impl<'t, E: Events<'t>> ItemVisitor<'t> for Visitor<'_, E> {
    type Out = ();
    type Error = Refused;

    fn bare_item(mut self, item: Bare<'t>) -> Result<impl ParameterVisitor<'t, Out = ()>, Refused> {
        self.tell(|events| events.item(item))?;
        Ok(Parameters { visitor: self, seen: Keys::default() })
    }
}

struct Parameters<'t, 'v, E> {
    visitor: Visitor<'v, E>,
    seen: Keys<'t>,
}

impl<'t, E: Events<'t>> ParameterVisitor<'t> for Parameters<'t, '_, E> {
    type Out = ();
    type Error = Refused;

    fn parameter(&mut self, key: &'t KeyRef, value: Bare<'t>) -> Result<(), Refused> {
        let (seen, key) = (&mut self.seen, key.as_str());
        self.visitor.tell(|events| {
            seen.add(key).map_err(|_| Refused("a parameter stands twice"))?;
            events.parameter(key, value)
        })
    }

    fn finish(mut self) -> Result<(), Refused> {
        self.visitor.tell(|events| events.finish())
    }
}

/// Keys already seen: few, and kept without an allocation; then in a set, so that many of them take linear time.
#[derive(Default)]
pub(crate) struct Keys<'t> {
    few: [&'t str; 6],
    len: usize,
    many: Option<HashSet<&'t str>>,
}

impl<'t> Keys<'t> {
    /// Adds a key, or fails if it was there.
    pub(crate) fn add(&mut self, key: &'t str) -> Result<(), ()> {
        let few = self.few.get(..self.len).unwrap_or_default();
        if few.contains(&key) {
            return Err(());
        }
        match self.few.get_mut(self.len) {
            Some(slot) => {
                *slot = key;
                self.len += 1;
                Ok(())
            }
            None if self.many.get_or_insert_default().insert(key) => Ok(()),
            None => Err(()),
        }
    }
}

/// Serializes a bare item (RFC 9651, section 4.1.3.1).
pub(crate) fn write_bare(value: &Bare<'_>, out: &mut String) {
    if let Bare::String(value) = value {
        return crate::http::component::write_string(value.as_str(), out);
    }
    let text = std::mem::take(out);
    *out = match value {
        Bare::Integer(value) => write(text, *value),
        Bare::Decimal(value) => write(text, *value),
        Bare::Boolean(value) => write(text, *value),
        Bare::Date(value) => write(text, *value),
        Bare::Token(value) => write(text, *value),
        Bare::String(_) => text,
        Bare::ByteSequence(value) => write(text, value.as_slice()),
        Bare::DisplayString(value) => write(text, sfv::RefBareItem::DisplayString(value)),
    };
}

fn write<'b>(mut text: String, value: impl Into<sfv::RefBareItem<'b>>) -> String {
    let _ = sfv::ItemSerializer::with_buffer(&mut text).bare_item(value);
    text
}

/// Serializes a parameter (RFC 9651, section 4.1.1.2).
pub(crate) fn write_parameter(key: &str, value: &Bare<'_>, out: &mut String) {
    out.push(';');
    out.push_str(key);
    if !matches!(value, Bare::Boolean(true)) {
        out.push('=');
        write_bare(value, out);
    }
}

/// Serializes a field strictly (RFC 9421, section 2.1.1), or one member of a dictionary (section 2.1.2).
///
/// # Errors
/// The text is not of this type, a key stands twice, or the dictionary has no such member.
pub(crate) fn canonical(text: &[u8], kind: FieldType, member: Option<&str>) -> Result<String, Refused> {
    let mut writer = Writer { member, ..Writer::default() };
    read(text, kind, &mut writer)?;
    if member.is_some() && !writer.found {
        return Err(Refused("the dictionary has no such member"));
    }
    Ok(writer.out)
}

/// Writes what it hears.
#[derive(Default)]
struct Writer<'w, 't> {
    member: Option<&'w str>,
    found: bool,
    /// Whether the member at hand is to be written.
    on: bool,
    members: usize,
    inside: bool,
    first: bool,
    keys: Keys<'t>,
    /// The key waits for its value: a member that is true has none.
    key: Option<&'t str>,
    out: String,
}

impl<'t> Writer<'_, 't> {
    fn write_key(&mut self, is_true: bool) {
        if let Some(key) = self.key.take()
            && self.member.is_none()
        {
            self.out.push_str(key);
            if !is_true {
                self.out.push('=');
            }
        }
    }
}

impl<'t> Events<'t> for Writer<'_, 't> {
    fn member(&mut self, key: Option<&'t str>) -> Result<(), Refused> {
        if let Some(key) = key {
            self.keys.add(key).map_err(|()| Refused("a key stands twice"))?;
        }
        self.on = self.member.is_none() || self.member == key;
        self.found |= self.on;
        self.key = key;
        if self.member.is_none() && self.members > 0 {
            self.out.push_str(", ");
        }
        self.members += 1;
        Ok(())
    }

    fn open(&mut self) -> Result<(), Refused> {
        (self.inside, self.first) = (true, true);
        if self.on {
            self.write_key(false);
            self.out.push('(');
        }
        Ok(())
    }

    fn item(&mut self, value: Bare<'t>) -> Result<(), Refused> {
        // A field that is one item has no member.
        self.on |= self.members == 0;
        if !self.on {
            return Ok(());
        }
        if self.inside {
            if !std::mem::take(&mut self.first) {
                self.out.push(' ');
            }
            write_bare(&value, &mut self.out);
            return Ok(());
        }
        let is_true = matches!(value, Bare::Boolean(true)) && self.key.is_some() && self.member.is_none();
        self.write_key(is_true);
        if !is_true {
            write_bare(&value, &mut self.out);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refused> {
        self.inside = false;
        if self.on {
            self.out.push(')');
        }
        Ok(())
    }

    fn parameter(&mut self, key: &'t str, value: Bare<'t>) -> Result<(), Refused> {
        if self.on {
            write_parameter(key, &value, &mut self.out);
        }
        Ok(())
    }
}

/// A dictionary of byte sequences: `Signature`, `Content-Digest`. Each value is handed over as it stands between the
/// colons, and its parameters are left aside (RFC 9651, section 2: unknown ones are ignored).
///
/// # Errors
/// No dictionary, or a key stands twice. A member of another type has the value `None`.
pub(crate) fn byte_sequences<'t>(
    text: &'t [u8],
    mut each: impl FnMut(&'t str, Option<&'t [u8]>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    match plain::byte_sequences(text) {
        Some((members, len)) => {
            members.into_iter().take(len).try_for_each(|(key, value)| each(key, Some(value)))
        }
        None => any_byte_sequences(text, each),
    }
}

/// The same for every spelling.
pub(crate) fn any_byte_sequences<'t>(
    text: &'t [u8],
    each: impl FnMut(&'t str, Option<&'t [u8]>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut reader = ByteSequences { text, each, keys: Keys::default(), key: "", inside: false };
    read(text, FieldType::Dictionary, &mut reader)
}

struct ByteSequences<'t, F> {
    text: &'t [u8],
    each: F,
    keys: Keys<'t>,
    key: &'t str,
    inside: bool,
}

impl<'t, F: FnMut(&'t str, Option<&'t [u8]>) -> Result<(), Refused>> Events<'t> for ByteSequences<'t, F> {
    fn member(&mut self, key: Option<&'t str>) -> Result<(), Refused> {
        self.key = key.unwrap_or_default();
        self.keys.add(self.key).map_err(|()| Refused("a key stands twice"))
    }

    fn open(&mut self) -> Result<(), Refused> {
        self.inside = true;
        (self.each)(self.key, None)
    }

    fn item(&mut self, value: Bare<'t>) -> Result<(), Refused> {
        if self.inside {
            return Ok(());
        }
        let spelled = matches!(value, Bare::ByteSequence(_)).then(|| self.spelled()).flatten();
        (self.each)(self.key, spelled)
    }

    fn close(&mut self) -> Result<(), Refused> {
        self.inside = false;
        Ok(())
    }

    fn parameter(&mut self, _: &'t str, _: Bare<'t>) -> Result<(), Refused> {
        Ok(())
    }
}

impl<'t, F> ByteSequences<'t, F> {
    /// The base64 text after the key at hand. The parser decodes leniently and hides the spelling; the key is a part
    /// of the text, so its address tells where the value begins.
    fn spelled(&self) -> Option<&'t [u8]> {
        let from = (self.key.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)? + self.key.len();
        let value = self.text.get(from..)?.strip_prefix(b"=:")?;
        value.split(|byte| *byte == b':').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(text: &str, member: Option<&str>) -> Option<String> {
        canonical(text.as_bytes(), FieldType::Dictionary, member).ok()
    }

    #[test]
    fn lesson_s16_keys_that_stand_twice_are_refused() {
        for text in
            ["a=1, a=2", "a;x;x", "a=(1 2;y=1;y=1)", "a=();z=1;z=1", "a, b, c, d, e, f, g, h, i, j, j"]
        {
            assert_eq!(dictionary(text, None), None, "{text}");
        }
        let many: Vec<String> = (0..500).map(|at| format!("k{at}")).collect();
        assert!(dictionary(&many.join(","), None).is_some());
        assert!(dictionary(&format!("{},k499", many.join(",")), None).is_none());
    }

    #[test]
    fn canonical_forms() {
        let text = "  a=1,    b=2;x=1;y=2,   c=(a   b   c), d, e=?1, f=?0;q=\"\\\"\", g=:AA==:  ";
        let expected = "a=1, b=2;x=1;y=2, c=(a b c), d, e, f=?0;q=\"\\\"\", g=:AA==:";
        assert_eq!(dictionary(text, None).unwrap(), expected);
        for (member, value) in [("a", "1"), ("b", "2;x=1;y=2"), ("c", "(a b c)"), ("d", "?1"), ("e", "?1")] {
            assert_eq!(dictionary(text, Some(member)).as_deref(), Some(value), "{member}");
        }
        assert_eq!(dictionary(text, Some("z")), None);
        assert_eq!(canonical(b" 1.50 ", FieldType::Item, None).unwrap(), "1.5");
        assert_eq!(canonical(b"a ,(b  c);x", FieldType::List, None).unwrap(), "a, (b c);x");
        assert!(canonical(b"a b", FieldType::Item, None).is_err());
    }

    #[test]
    fn byte_sequences_keep_their_spelling() {
        let mut seen = Vec::new();
        let text = b"a=:AA==:;x=\":b:\", b=1, c=(:AA:), d=:AB=:, e=::";
        byte_sequences(text, |key, value| {
            seen.push((key, value.map(|value| std::str::from_utf8(value).unwrap())));
            Ok(())
        })
        .unwrap();
        let expected = [("a", Some("AA==")), ("b", None), ("c", None), ("d", Some("AB=")), ("e", Some(""))];
        assert_eq!(seen, expected);
    }
}
