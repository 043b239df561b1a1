//! From the strings of a sealed document to plaintexts: what every kind of decryption shares.
//!
//! Token bodies are decoded one behind the other and opened in place, so that plaintext exists in one buffer only, which
//! is wiped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::aead::TAG_LEN;
use crate::error::{Code, Error, Result};
use crate::fields::binding::{self, Binder};
use crate::fields::cipher::FieldCipher;
use crate::fields::encrypt::rule_of;
use crate::fields::keychoice::{Chosen, KeyChoice};
use crate::ids::{Mode, Suite};
use crate::json::scan::{self, Check};
use crate::json::text as json_text;
use crate::policy::Rule;
use crate::policy::place::Indices;
use crate::policy::select::{Field, HeaderSpan, Selection};
use crate::token::document::{Header, Opener};
use crate::token::text::{self, Prefix};
use crate::token::value;

/// A decoded token body in the arena, and what opens it.
pub(super) struct Body {
    pub(super) range: Range<usize>,
    /// Index of the field.
    pub(super) field: usize,
    /// Index of the key; in layout D there is one.
    pub(super) key: usize,
}

/// What stands in place of `start..end` of the document: a part of the arena.
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: Range<usize>,
}

impl Piece {
    pub(super) fn of(field: &Field, text: Range<usize>) -> Self {
        Piece { start: field.start as usize, end: field.end as usize, text }
    }
}

/// The string of a token (layout T) or a field (layout D) at the place of a field.
///
/// # Errors
/// [`Code::NotEncrypted`], [`Code::LayoutMismatch`].
pub(super) fn sealed_string<'t>(
    selection: &Selection<'t>,
    field: &Field,
    expected: Prefix,
) -> Result<Cow<'t, [u8]>> {
    let value = selection.value(field);
    if value.first() != Some(&b'"') {
        return Err(Error::new(Code::NotEncrypted));
    }
    let string = json_text::decoded_string(value, 0, value.len());
    match text::prefix(&string) {
        Some(prefix) if prefix == expected => Ok(string),
        Some(_) => Err(Error::new(Code::LayoutMismatch)),
        None => Err(Error::new(Code::NotEncrypted)),
    }
}

/// Reads tokens of layout T and finds their keys.
pub(super) struct TokenReader<'r, 'c> {
    choice: KeyChoice<'r, 'c>,
    max_len: usize,
    body: Vec<u8>,
    pub(super) arena: Arena,
    pub(super) keys: Keys<'r>,
}

impl<'r, 'c> TokenReader<'r, 'c> {
    pub(super) fn new(choice: KeyChoice<'r, 'c>, selection: &Selection<'_>, max_len: usize) -> Self {
        let (arena, body) = (Arena::new(selection), Vec::with_capacity(256));
        TokenReader { choice, max_len, body, arena, keys: Keys::default() }
    }

    /// Reads the token of a field; its key is looked up and judged once for each rule.
    ///
    /// # Errors
    /// [`Code::MalformedToken`], [`Code::ModeMismatch`], [`Code::LimitField`], and those of the key.
    pub(super) fn read(&mut self, string: &[u8], rule: &Rule, field: &Field, at: usize) -> Result<Body> {
        let kid = text::parse_token(string, &mut self.body)?;
        let malformed = |detail: &'static str| Error::because(Code::MalformedToken, detail);
        let (suite, mode) = match self.body.as_slice() {
            [suite, mode, ..] => (Suite::of_token(*suite), *mode),
            _ => (None, 0),
        };
        let suite = suite.ok_or_else(|| malformed("unknown suite"))?;
        if !Mode::is_of_token(mode) {
            return Err(malformed("unknown mode"));
        }
        if mode != rule.position.mode().byte() {
            return Err(Error::new(Code::ModeMismatch));
        }
        if self.body.len() > text::TOKEN_HEAD + self.max_len + TAG_LEN {
            return Err(Error::new(Code::LimitField));
        }
        let choice = &self.choice;
        let choose = || choice.for_decryption(std::iter::once(&rule.keys), kid, suite);
        let key = self.keys.find(field.rule, kid, suite, choose)?;
        Ok(Body { range: self.arena.add(&self.body), field: at, key })
    }
}

/// Opens tokens of layout T that were read.
pub(super) struct TokenOpener<'a, 's, 't> {
    pub(super) cipher: &'a FieldCipher,
    pub(super) selection: &'s Selection<'t>,
    pub(super) binder: Binder<'s, 't>,
    aad: Vec<u8>,
    position: Vec<u8>,
}

impl<'a, 's, 't> TokenOpener<'a, 's, 't> {
    pub(super) fn new(cipher: &'a FieldCipher, selection: &'s Selection<'t>, binder: Binder<'s, 't>) -> Self {
        TokenOpener {
            cipher,
            selection,
            binder,
            aad: Vec::with_capacity(256),
            position: Vec::with_capacity(128),
        }
    }

    /// The place of the value's text in the arena.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(super) fn open(&mut self, arena: &mut Arena, keys: &Keys<'_>, body: &Body) -> Result<Range<usize>> {
        let (field, chosen) = self.associate(keys, body)?;
        let mode = rule_of(self.cipher.policy.inner(), field)?.position.mode();
        let text = value::open(arena.get_mut(&body.range)?, chosen.key_use(), mode, &self.aad)?;
        check_opened(text, self.selection.places.depth(field.place), self.cipher.limits.depth)?;
        let from = body.range.start + text::TOKEN_HEAD;
        Ok(from..from + text.len())
    }

    /// Whether the token commits to its key, context, place and bound members.
    pub(super) fn commits(&mut self, arena: &Arena, keys: &Keys<'_>, body: &Body) -> Result<bool> {
        let (_, chosen) = self.associate(keys, body)?;
        Ok(value::commits(arena.get(&body.range)?, chosen.key_use(), &self.aad))
    }

    /// Writes the associated data of a token.
    fn associate<'k, 'r>(&mut self, keys: &'k Keys<'r>, body: &Body) -> Result<(&'s Field, &'k Chosen<'r>)> {
        let field = self.selection.fields.get(body.field).ok_or_else(internal)?;
        let rule = rule_of(self.cipher.policy.inner(), field)?;
        let chosen = keys.chosen.get(body.key).ok_or_else(internal)?;
        self.position.clear();
        binding::write_position(&mut self.position, &rule.position, self.selection, field);
        self.aad.clear();
        let bound = self.binder.bound(field).map_err(as_rejected)?;
        let mode = rule.position.mode();
        value::write_associated_data(&mut self.aad, chosen.key.suite, mode, &self.position, bound);
        Ok((field, chosen))
    }
}

/// The keys found so far, each looked up and judged once for each rule.
#[derive(Default)]
pub(super) struct Keys<'r> {
    pub(super) chosen: Vec<Chosen<'r>>,
    /// Which of `chosen` serves a rule, while there are few.
    few: Vec<(u16, usize)>,
    many: HashMap<(u16, Suite, String), usize>,
}

impl<'r> Keys<'r> {
    /// More pairs of rule and key than this are looked up by hash.
    const FEW: usize = 16;

    fn find(
        &mut self,
        rule: u16,
        kid: &str,
        suite: Suite,
        choose: impl FnOnce() -> Result<Chosen<'r>>,
    ) -> Result<usize> {
        let same = |at: usize| {
            let chosen = self.chosen.get(at);
            chosen.is_some_and(|chosen| chosen.key.kid.as_str() == kid && chosen.key.suite == suite)
        };
        if let Some((_, at)) = self.few.iter().find(|(own, at)| *own == rule && same(*at)) {
            return Ok(*at);
        }
        let at = self.chosen.len();
        if self.few.len() < Self::FEW {
            self.chosen.push(choose()?);
            self.few.push((rule, at));
            return Ok(at);
        }
        let name = (rule, suite, kid.to_owned());
        if let Some(at) = self.many.get(&name) {
            return Ok(*at);
        }
        self.chosen.push(choose()?);
        self.many.insert(name, at);
        Ok(at)
    }
}

/// The strings of a document of layout D.
pub(super) struct DocumentStrings {
    pub(super) header: Header,
    pub(super) kid: String,
    pub(super) arena: Arena,
    /// Counter and body of each field string, in document order.
    pub(super) fields: Vec<(u32, Body)>,
}

impl DocumentStrings {
    /// The order of the counters, if they are exactly 0 to n − 1 and n is the number of selected positions.
    pub(super) fn order(&self, selection: &Selection<'_>) -> Option<Vec<usize>> {
        if self.header.count as usize != selection.fields.len() || self.fields.len() != selection.fields.len()
        {
            return None;
        }
        let mut order: Vec<Option<usize>> = vec![None; self.fields.len()];
        for (at, (counter, _)) in self.fields.iter().enumerate() {
            match order.get_mut(*counter as usize) {
                Some(slot @ None) => *slot = Some(at),
                _ => return None,
            }
        }
        order.into_iter().collect()
    }

    /// Adds the fields, in the order of their counters, to the MAC.
    pub(super) fn authenticate(
        &self,
        opener: &mut Opener,
        order: &[usize],
        selection: &Selection<'_>,
    ) -> Result<()> {
        let mut position = Vec::with_capacity(128);
        for at in order {
            let (_, body) = self.fields.get(*at).ok_or_else(internal)?;
            let field = selection.fields.get(body.field).ok_or_else(internal)?;
            position.clear();
            selection.places.write(&mut position, field.place, Indices::Exact);
            opener.authenticate(&position, self.arena.get(&(body.range.start + 4..body.range.end))?);
        }
        Ok(())
    }
}

/// Opens one field of layout D; `position` is scratch space.
///
/// # Errors
/// [`Code::Rejected`].
pub(super) fn open_field(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    opener: &mut Opener,
    arena: &mut Arena,
    (counter, body): &(u32, Body),
    position: &mut Vec<u8>,
) -> Result<Range<usize>> {
    let field = selection.fields.get(body.field).ok_or_else(internal)?;
    position.clear();
    selection.places.write(position, field.place, Indices::Exact);
    let from = body.range.start + 4;
    let text = opener.open(*counter, position, arena.get_mut(&(from..body.range.end))?)?;
    check_opened(text, selection.places.depth(field.place), cipher.limits.depth)?;
    Ok(from..from + text.len())
}

/// Decodes a field string of layout D into the arena.
///
/// # Errors
/// [`Code::MalformedToken`], [`Code::LimitField`].
pub(super) fn read_field(
    string: &[u8],
    scratch: &mut Vec<u8>,
    arena: &mut Arena,
    max_len: usize,
    at: usize,
) -> Result<(u32, Body)> {
    let counter = text::parse_field(string, scratch)?;
    if scratch.len() > 4 + max_len + TAG_LEN {
        return Err(Error::new(Code::LimitField));
    }
    Ok((counter, Body { range: arena.add(scratch), field: at, key: 0 }))
}

/// The header of layout D, and the id of its key.
///
/// # Errors
/// [`Code::MalformedToken`].
pub(super) fn read_header(selection: &Selection<'_>, span: HeaderSpan) -> Result<(Header, String)> {
    let malformed =
        || Error::because(Code::MalformedToken, "the header is not a string").with_offset(span.start);
    if selection.text.get(span.start) != Some(&b'"') {
        return Err(malformed());
    }
    let string = json_text::decoded_string(selection.text, span.start, span.end);
    let mut body = Vec::new();
    let kid =
        text::parse_header(&string, &mut body).map_err(|error| error.with_offset(span.start))?.to_owned();
    let header = Header::parse(&body).map_err(|error| error.with_offset(span.start))?;
    Ok((header, kid))
}

/// Whether the opened text has a type that the rule allows.
pub(super) fn has_type(rule: &Rule, arena: &Arena, text: &Range<usize>) -> Result<bool> {
    match rule.types {
        None => Ok(true),
        Some(types) => Ok(types.allow(arena.get(text)?)),
    }
}

/// A bound member that is gone or has become something else was altered after encryption.
pub(super) fn as_rejected(error: Error) -> Error {
    match error.code() {
        Code::BoundMissing | Code::BoundConflict => Error::new(Code::Rejected),
        _ => error,
    }
}

/// Decoded token bodies, one behind the other; plaintexts once they are opened.
pub(super) struct Arena(Zeroizing<Vec<u8>>);

impl Arena {
    /// Base64 takes four characters for three bytes, so that this never reallocates and leaves nothing behind.
    pub(super) fn new(selection: &Selection<'_>) -> Self {
        let len = selection.fields.iter().map(|field| (field.end - field.start) as usize * 3 / 4).sum();
        Arena(Zeroizing::new(Vec::with_capacity(len)))
    }

    fn add(&mut self, body: &[u8]) -> Range<usize> {
        let from = self.0.len();
        self.0.extend_from_slice(body);
        from..self.0.len()
    }

    pub(super) fn get(&self, range: &Range<usize>) -> Result<&[u8]> {
        self.0.get(range.clone()).ok_or_else(internal)
    }

    fn get_mut(&mut self, range: &Range<usize>) -> Result<&mut [u8]> {
        self.0.get_mut(range.clone()).ok_or_else(internal)
    }
}

/// What was opened must be exactly one JSON value that fits where it lands.
fn check_opened(text: &[u8], depth: usize, max_depth: usize) -> Result<()> {
    let space = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let fits = is_plain_string(text)
        || (!space(text.first())
            && !space(text.last())
            && scan::scan(text, max_depth.saturating_sub(depth), &mut Check).is_ok());
    if fits { Ok(()) } else { Err(Error::new(Code::Rejected)) }
}

/// Whether the text is a string without escapes: most values are, and need no scanner.
fn is_plain_string(text: &[u8]) -> bool {
    text.len() > 1
        && text.first() == Some(&b'"')
        && json_text::skip_plain(text, 1) == text.len() - 1
        && text.last() == Some(&b'"')
        && std::str::from_utf8(text).is_ok()
}

/// A span that is not there would be a mistake of ours: never an empty text in its place.
fn internal() -> Error {
    Error::new(Code::Internal)
}
