//! From the strings of a sealed document to plaintexts: what every kind of decryption shares.
//!
//! Token bodies are decoded and opened one at a time in one buffer, which is wiped; plaintexts go from there to where
//! they are wanted.

use std::borrow::Cow;
use std::collections::HashMap;

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
use crate::secret::{SecretBytes, Wiped};
use crate::token::document::{Header, Opener};
use crate::token::text::{self, Prefix};
use crate::token::value;

/// A token that was read, and what opens it. Its body is decoded again when it is needed, which costs less than to keep
/// the bodies of a whole document.
pub(super) struct Body {
    /// Index of the field.
    pub(super) field: u32,
    /// Index of the key.
    pub(super) key: u32,
}

/// A field string of layout D that was read.
#[derive(Clone, Copy)]
pub(super) struct Numbered {
    pub(super) field: u32,
    counter: u32,
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
    /// Bytes of the padded texts in all tokens so far.
    pub(super) padded: usize,
    pub(super) keys: Keys<'r>,
}

impl<'r, 'c> TokenReader<'r, 'c> {
    pub(super) fn new(choice: KeyChoice<'r, 'c>, max_len: usize) -> Self {
        TokenReader { choice, max_len, body: Vec::with_capacity(256), padded: 0, keys: Keys::default() }
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
        let key = self.keys.find(field.rule, kid, suite, choose)? as u32;
        self.padded += self.body.len() - text::TOKEN_HEAD - TAG_LEN;
        Ok(Body { field: at as u32, key })
    }
}

/// Opens tokens of layout T that were read.
pub(super) struct TokenOpener<'a, 's, 't> {
    cipher: &'a FieldCipher,
    selection: &'s Selection<'t>,
    binder: Binder<'s, 't>,
    aad: Vec<u8>,
    position: Vec<u8>,
    body: Wiped,
}

impl<'a, 's, 't> TokenOpener<'a, 's, 't> {
    pub(super) fn new(cipher: &'a FieldCipher, selection: &'s Selection<'t>, binder: Binder<'s, 't>) -> Self {
        TokenOpener {
            cipher,
            selection,
            binder,
            aad: Vec::with_capacity(256),
            position: Vec::with_capacity(128),
            body: Wiped::default(),
        }
    }

    /// The value's text.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(super) fn open(&mut self, keys: &Keys<'_>, body: &Body) -> Result<&[u8]> {
        let (field, chosen) = self.associate(keys, body)?;
        let mode = rule_of(self.cipher.policy.inner(), field)?.position.mode();
        let text = value::open(&mut self.body, chosen.key_use(), mode, &self.aad)?;
        check_opened(text, || self.selection.places.depth(field.place()), self.cipher.limits.depth)?;
        Ok(text)
    }

    /// Whether the token commits to its key, context, place and bound members.
    pub(super) fn commits(&mut self, keys: &Keys<'_>, body: &Body) -> Result<bool> {
        let (_, chosen) = self.associate(keys, body)?;
        Ok(value::commits(&self.body, chosen.key_use(), &self.aad))
    }

    /// Decodes the token's body and writes its associated data.
    fn associate<'k, 'r>(&mut self, keys: &'k Keys<'r>, body: &Body) -> Result<(&'s Field, &'k Chosen<'r>)> {
        let field = self.selection.fields.get(body.field as usize).ok_or_else(internal)?;
        let rule = rule_of(self.cipher.policy.inner(), field)?;
        let chosen = keys.chosen.get(body.key as usize).ok_or_else(internal)?;
        self.position.clear();
        binding::write_position(&mut self.position, &rule.position, self.selection, field);
        self.aad.clear();
        let bound = self.binder.bound(field).map_err(as_rejected)?;
        let mode = rule.position.mode();
        value::write_associated_data(&mut self.aad, chosen.key.suite, mode, &self.position, bound);
        let string = sealed_string(self.selection, field, Prefix::Token)?;
        self.body.renew(string.len().max(256));
        text::parse_token(&string, &mut self.body)?;
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

/// Reads a field string of layout D; adds the bytes of its padded text to `padded`. `scratch` is scratch space.
///
/// # Errors
/// [`Code::NotEncrypted`], [`Code::LayoutMismatch`], [`Code::MalformedToken`], [`Code::LimitField`].
pub(super) fn read_field(
    selection: &Selection<'_>,
    field: &Field,
    at: usize,
    max_len: usize,
    (scratch, padded): (&mut Vec<u8>, &mut usize),
) -> Result<Numbered> {
    let counter = text::parse_field(&sealed_string(selection, field, Prefix::Field)?, scratch)?;
    let len = scratch.len() - 4 - TAG_LEN;
    if len > max_len {
        return Err(Error::new(Code::LimitField));
    }
    *padded += len;
    Ok(Numbered { field: at as u32, counter })
}

/// Opens the fields of a document of layout D.
pub(super) struct FieldOpener<'a, 's, 't> {
    cipher: &'a FieldCipher,
    selection: &'s Selection<'t>,
    pub(super) opener: Opener,
    position: Vec<u8>,
    body: Wiped,
}

impl<'a, 's, 't> FieldOpener<'a, 's, 't> {
    pub(super) fn new(cipher: &'a FieldCipher, selection: &'s Selection<'t>, opener: Opener) -> Self {
        let (position, body) = (Vec::with_capacity(128), Wiped::default());
        FieldOpener { cipher, selection, opener, position, body }
    }

    /// Adds the fields to the MAC, in the order of their counters. Whether these are exactly 0 to n − 1, and both n and
    /// the `count` of the header are the number of selected positions; if not, nothing is added.
    pub(super) fn authenticate(&mut self, fields: &[Numbered], count: u32) -> Result<bool> {
        let selected = self.selection.fields.len();
        if count as usize != selected || fields.len() != selected {
            return Ok(false);
        }
        let in_order = fields.iter().zip(0..).all(|(field, number)| field.counter == number);
        if in_order {
            fields.iter().try_for_each(|field| self.add(*field))?;
            return Ok(true);
        }
        const FREE: u32 = u32::MAX;
        let mut order = vec![FREE; fields.len()];
        for (at, field) in fields.iter().enumerate() {
            match order.get_mut(field.counter as usize) {
                Some(slot) if *slot == FREE => *slot = at as u32,
                _ => return Ok(false),
            }
        }
        for at in order {
            self.add(*fields.get(at as usize).ok_or_else(internal)?)?;
        }
        Ok(true)
    }

    fn add(&mut self, field: Numbered) -> Result<()> {
        self.decode(field)?;
        self.opener.authenticate(&self.position, self.body.get(4..).ok_or_else(internal)?);
        Ok(())
    }

    /// The value's text.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(super) fn open(&mut self, numbered: Numbered) -> Result<&[u8]> {
        let field = self.decode(numbered)?;
        let sealed = self.body.get_mut(4..).ok_or_else(internal)?;
        let text = self.opener.open(numbered.counter, &self.position, sealed)?;
        check_opened(text, || self.selection.places.depth(field.place()), self.cipher.limits.depth)?;
        Ok(text)
    }

    /// Decodes a field's body and writes its position.
    fn decode(&mut self, numbered: Numbered) -> Result<&'s Field> {
        let field = self.selection.fields.get(numbered.field as usize).ok_or_else(internal)?;
        self.position.clear();
        self.selection.places.write(&mut self.position, field.place(), Indices::Exact);
        let string = sealed_string(self.selection, field, Prefix::Field)?;
        self.body.renew(string.len().max(256));
        text::parse_field(&string, &mut self.body)?;
        Ok(field)
    }
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
pub(super) fn has_type(rule: &Rule, text: &[u8]) -> bool {
    rule.types.is_none_or(|types| types.allow(text))
}

/// A bound member that is gone or has become something else was altered after encryption.
pub(super) fn as_rejected(error: Error) -> Error {
    match error.code() {
        Code::BoundMissing | Code::BoundConflict => Error::new(Code::Rejected),
        _ => error,
    }
}

/// A document while values are put into it, in document order. It never reallocates, so that it leaves nothing behind,
/// and is wiped unless it is finished.
pub(super) struct Splice<'t> {
    document: &'t [u8],
    copied: usize,
    text: Wiped,
}

impl<'t> Splice<'t> {
    /// `put` is at least the length of what takes the place of `taken` bytes. The memory of `text` is used again.
    pub(super) fn new(document: &'t [u8], taken: usize, put: usize, mut text: Wiped) -> Self {
        text.renew(document.len() - taken + put);
        Splice { document, copied: 0, text }
    }

    /// Puts `by` into the place of `start..end`; returns where it stands now.
    pub(super) fn replace(&mut self, start: usize, end: usize, by: &[u8]) -> Result<(u32, u32)> {
        self.text.extend_from_slice(self.document.get(self.copied..start).ok_or_else(internal)?);
        let from = self.text.len() as u32;
        self.text.extend_from_slice(by);
        self.copied = end;
        Ok((from, self.text.len() as u32))
    }

    pub(super) fn finish(mut self) -> Result<SecretBytes> {
        self.text.extend_from_slice(self.document.get(self.copied..).ok_or_else(internal)?);
        Ok(SecretBytes::from(self.text))
    }
}

/// What was opened must be exactly one JSON value that fits where it lands.
fn check_opened(text: &[u8], depth: impl FnOnce() -> usize, max_depth: usize) -> Result<()> {
    let space = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let fits = is_plain_string(text)
        || (!space(text.first())
            && !space(text.last())
            && scan::scan(text, max_depth.saturating_sub(depth()), &mut Check).is_ok());
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
