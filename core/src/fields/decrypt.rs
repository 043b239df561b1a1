//! Decryption of a document: every position is authenticated before any plaintext leaves.
//!
//! One fault is reported, by phases: document, policy, token syntax, key, then authentication, whose failures are one
//! code; inside a phase in document order. Token bodies are decoded one behind the other and opened in place; only when
//! all have opened is the output written.

use std::collections::HashMap;
use std::ops::Range;

use crate::aead::TAG_LEN;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::{self, Binder};
use crate::fields::cipher::{Decrypted, FieldCipher};
use crate::fields::encrypt::{check_unselected, rule_of, whole_document};
use crate::fields::keychoice::{Chosen, KeyChoice};
use crate::ids::{Mode, Suite};
use crate::json::scan::{self, Check, skip_space};
use crate::json::text as json_text;
use crate::policy::place::Indices;
use crate::policy::select::{Field, HeaderSpan, Selection, read};
use crate::policy::{Layout, Rule, occurs};
use crate::secret::SecretBytes;
use crate::token::document::{Header, Opener};
use crate::token::text::{self, Prefix};
use crate::token::value;

use zeroize::Zeroizing;

/// `stated` is what the value is bound to where it is the whole document, under a policy of one value.
pub(super) fn decrypt(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    stated: Option<&[u8]>,
) -> Result<Decrypted> {
    context.demand_purpose()?;
    let policy = cipher.policy.inner();
    let mut selection = read(policy, document, &cipher.limits)?;
    match (policy.layout, selection.header) {
        (Layout::Token, _) => {
            selection.settle(policy, &cipher.limits, false)?;
            decrypt_values(cipher, &selection, context, stated)
        }
        (Layout::Document, _) if !selection.root_is_object => Err(Error::new(Code::RootNotObject)),
        (Layout::Document, None) => without_header(cipher, selection),
        (Layout::Document, Some(header)) => {
            selection.settle(policy, &cipher.limits, false)?;
            decrypt_document(cipher, &selection, header, context)
        }
    }
}

/// The first fault of the earliest phase.
#[derive(Default)]
struct Faults {
    policy: Option<Error>,
    syntax: Option<Error>,
    key: Option<Error>,
}

impl Faults {
    /// Notes a fault of one value; the place of a later one is never looked up.
    fn add(&mut self, selection: &Selection<'_>, field: &Field, error: Error) {
        self.note(error, |error| match selection.fault(error.code(), field.start).path() {
            Some(path) => error.with_path(path),
            None => error,
        });
    }

    fn note(&mut self, error: Error, place: impl FnOnce(Error) -> Error) {
        let slot = match error.code() {
            Code::MalformedToken | Code::LimitField => &mut self.syntax,
            Code::NotEncrypted | Code::LayoutMismatch | Code::ModeMismatch => &mut self.policy,
            _ => &mut self.key,
        };
        slot.get_or_insert_with(|| place(error));
    }

    /// `whole` are the policy faults of the document as a whole, which come after those of single values.
    fn raise(self, whole: Result<()>) -> Result<()> {
        let late = self.syntax.or(self.key);
        self.policy.map_or(whole, Err)?;
        late.map_or(Ok(()), Err)
    }
}

/// A decoded token body in the arena, and what opens it.
struct Body {
    range: Range<usize>,
    field: usize,
    key: usize,
}

/// What stands in place of `start..end` of the document: a part of the arena.
struct Piece {
    start: usize,
    end: usize,
    text: Range<usize>,
}

/// Layout T.
fn decrypt_values(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    stated: Option<&[u8]>,
) -> Result<Decrypted> {
    let policy = cipher.policy.inner();
    let choice = KeyChoice::new(&cipher.ring, context)?;
    let now = cipher.clock.now();
    let mut arena = Arena::new(selection);
    let mut keys = Keys::default();
    let mut bodies: Vec<Body> = Vec::with_capacity(selection.fields.len());
    let mut faults = Faults::default();
    let mut accepted_plain = Vec::new();
    let mut body = Vec::with_capacity(256);
    for (at, field) in selection.fields.iter().enumerate() {
        let rule = rule_of(policy, field)?;
        let string = content(selection, field);
        let string = match string.as_deref().map(|string| (text::prefix(string), string)) {
            Some((Some(Prefix::Token), string)) => string,
            Some((Some(_), _)) => {
                faults.add(selection, field, Error::new(Code::LayoutMismatch));
                continue;
            }
            _ if accepts_plain(rule, selection.value(field), now) => {
                accepted_plain.push(field.start);
                continue;
            }
            _ => {
                faults.add(selection, field, Error::new(Code::NotEncrypted));
                continue;
            }
        };
        match read_token(string, &mut body, rule, field, cipher.limits.field, &choice, &mut keys) {
            Ok(key) => {
                let range = arena.add(&body);
                bodies.push(Body { range, field: at, key });
            }
            Err(error) => faults.add(selection, field, error),
        }
    }
    faults.raise(check_unselected(policy, selection).and_then(|()| occurs::check(policy, selection)))?;

    // Clear values that were let through are not bound to anything.
    let sealed = |field: &Field| accepted_plain.binary_search(&field.start).is_err();
    let mut binder = Binder::new(policy, selection, &cipher.limits).stated(stated);
    binder.check(sealed).map_err(as_rejected)?;
    let (mut aad, mut position) = (Vec::with_capacity(256), Vec::with_capacity(128));
    let mut mismatch = None;
    let mut pieces: Vec<Piece> = Vec::with_capacity(bodies.len());
    for entry in &bodies {
        let field = selection.fields.get(entry.field).ok_or_else(|| Error::new(Code::Internal))?;
        let rule = rule_of(policy, field)?;
        let chosen = keys.chosen.get(entry.key).ok_or_else(|| Error::new(Code::Internal))?;
        let key = chosen.key_use();
        position.clear();
        binding::write_position(&mut position, &rule.position, selection, field);
        aad.clear();
        let bound = binder.bound(field)?;
        value::write_associated_data(&mut aad, key.suite, rule.position.mode(), &position, bound);
        let text = value::open(arena.get_mut(&entry.range)?, key, rule.position.mode(), &aad)?;
        check_opened(text, selection.places.depth(field.place), cipher.limits.depth)?;
        if rule.types.is_some_and(|types| !types.allow(text)) {
            mismatch = mismatch.or(Some(field));
        }
        let from = entry.range.start + text::TOKEN_HEAD;
        pieces.push(Piece {
            start: field.start as usize,
            end: field.end as usize,
            text: from..from + text.len(),
        });
    }
    if let Some(field) = mismatch {
        return Err(selection.fault(Code::TypeMismatch, field.start));
    }
    let accepted_plain = selection.paths(&accepted_plain)?;
    Ok(Decrypted { text: splice(selection.text, &arena, &pieces)?, accepted_plain })
}

/// Reads a token into `body` and finds its key, which is added to `keys` once for each rule.
fn read_token<'r>(
    string: &[u8],
    body: &mut Vec<u8>,
    rule: &Rule,
    field: &Field,
    max_len: usize,
    choice: &KeyChoice<'r, '_>,
    keys: &mut Keys<'r>,
) -> Result<usize> {
    let kid = text::parse_token(string, body)?;
    let malformed = |detail: &'static str| Error::because(Code::MalformedToken, detail);
    let (suite, mode) = match body.as_slice() {
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
    if body.len() > text::TOKEN_HEAD + max_len + TAG_LEN {
        return Err(Error::new(Code::LimitField));
    }
    keys.find(field.rule, kid, suite, || choice.for_decryption(std::iter::once(&rule.keys), kid, suite))
}

/// The keys found so far, each looked up and judged once for each rule.
#[derive(Default)]
struct Keys<'r> {
    chosen: Vec<Chosen<'r>>,
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

/// Layout D.
fn decrypt_document(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    header_span: HeaderSpan,
    context: &Context,
) -> Result<Decrypted> {
    let policy = cipher.policy.inner();
    let rejected = || Error::new(Code::Rejected);

    // Policy, then the syntax of header and fields.
    let mut faults = Faults::default();
    let mut arena = Arena::new(selection);
    let (header, kid) = match read_header(selection, header_span) {
        Ok((header, kid)) => (Some(header), kid),
        Err(error) => {
            faults.note(error, |error| error);
            (None, String::new())
        }
    };
    let removed = header_removal(selection.text, header_span);
    let mut fields: Vec<(u32, Body)> = Vec::with_capacity(selection.fields.len());
    let mut clear_values = false;
    let mut body = Vec::with_capacity(256);
    for (at, field) in selection.fields.iter().enumerate() {
        let string = content(selection, field);
        match string.as_deref().map(|string| (text::prefix(string), string)) {
            Some((Some(Prefix::Field), string)) => match text::parse_field(string, &mut body) {
                Ok(_) if body.len() > 4 + cipher.limits.field + TAG_LEN => {
                    faults.add(selection, field, Error::new(Code::LimitField));
                }
                Ok(counter) => {
                    let range = arena.add(&body);
                    fields.push((counter, Body { range, field: at, key: 0 }));
                }
                Err(error) => faults.add(selection, field, error),
            },
            Some((Some(Prefix::Token), _)) => {
                faults.add(selection, field, Error::new(Code::LayoutMismatch));
            }
            _ => clear_values = true,
        }
    }
    faults.raise(check_unselected(policy, selection))?;
    let header = header.ok_or_else(|| Error::new(Code::Internal))?;

    // Key, then the set as a whole.
    let choice = KeyChoice::new(&cipher.ring, context)?;
    let rules = policy.rules.iter().map(|rule| &rule.keys);
    let chosen = choice.for_decryption(rules, &kid, header.suite)?;
    if clear_values
        || header.count as usize != selection.fields.len()
        || fields.len() != selection.fields.len()
    {
        return Err(rejected());
    }
    let mut order: Vec<Option<usize>> = vec![None; fields.len()];
    for (at, (counter, _)) in fields.iter().enumerate() {
        match order.get_mut(*counter as usize) {
            Some(slot @ None) => *slot = Some(at),
            _ => return Err(rejected()),
        }
    }
    let mut opener = Opener::new(chosen.key_use(), &header)?;
    let mut position = Vec::with_capacity(128);
    for at in order.into_iter().flatten() {
        let (_, entry) = fields.get(at).ok_or_else(|| Error::new(Code::Internal))?;
        let field = selection.fields.get(entry.field).ok_or_else(|| Error::new(Code::Internal))?;
        let sealed = arena.get_mut(&(entry.range.start + 4..entry.range.end))?;
        position.clear();
        selection.places.write(&mut position, field.place, Indices::Exact);
        opener.authenticate(&position, sealed);
    }
    let bound = Binder::new(policy, selection, &cipher.limits).document_bound().map_err(as_rejected)?;
    if policy.whole_document {
        let whole = whole_document(selection, &[], &cipher.limits)?;
        opener.verify(&[&[0; 4], &(whole.len() as u32).to_be_bytes(), &whole])?;
    } else {
        opener.verify(&[&bound])?;
    }

    // Each value.
    let mut mismatch = None;
    let mut pieces = Vec::with_capacity(fields.len() + 1);
    for (counter, entry) in &fields {
        let field = selection.fields.get(entry.field).ok_or_else(|| Error::new(Code::Internal))?;
        position.clear();
        selection.places.write(&mut position, field.place, Indices::Exact);
        let sealed = arena.get_mut(&(entry.range.start + 4..entry.range.end))?;
        let text = opener.open(*counter, &position, sealed)?;
        check_opened(text, selection.places.depth(field.place), cipher.limits.depth)?;
        if rule_of(policy, field)?.types.is_some_and(|types| !types.allow(text)) {
            mismatch = mismatch.or(Some(field));
        }
        let from = entry.range.start + 4;
        pieces.push(Piece {
            start: field.start as usize,
            end: field.end as usize,
            text: from..from + text.len(),
        });
    }
    occurs::check(policy, selection)?;
    if let Some(field) = mismatch {
        return Err(selection.fault(Code::TypeMismatch, field.start));
    }
    // The header goes without a trace.
    let before = pieces.partition_point(|piece| piece.start < removed.0);
    pieces.insert(before, Piece { start: removed.0, end: removed.1, text: 0..0 });
    Ok(Decrypted { text: splice(selection.text, &arena, &pieces)?, accepted_plain: Vec::new() })
}

/// A document of layout D that has no header: clear as a whole, or torn.
fn without_header(cipher: &FieldCipher, mut selection: Selection<'_>) -> Result<Decrypted> {
    let policy = cipher.policy.inner();
    if selection.has_field_string {
        return Err(Error::new(Code::Rejected));
    }
    let now = cipher.clock.now();
    if policy.rules.iter().any(|rule| rule.accept_plain_until.is_none_or(|until| now >= until)) {
        let detail = format!("the document has no member `{}`", policy.header);
        return Err(Error::because(Code::NotEncrypted, detail));
    }
    selection.settle(policy, &cipher.limits, false)?;
    for field in &selection.fields {
        let ours = content(&selection, field).is_some_and(|string| text::prefix(&string).is_some());
        if ours || !accepts_plain(rule_of(policy, field)?, selection.value(field), now) {
            let code = if ours { Code::LayoutMismatch } else { Code::NotEncrypted };
            return Err(selection.fault(code, field.start));
        }
    }
    check_unselected(policy, &selection)?;
    occurs::check(policy, &selection)?;
    let starts: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
    Ok(Decrypted {
        text: SecretBytes::new(selection.text.to_vec()),
        accepted_plain: selection.paths(&starts)?,
    })
}

fn read_header(selection: &Selection<'_>, span: HeaderSpan) -> Result<(Header, String)> {
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

/// The bytes that go with the header: to the comma behind it, else from the comma before it, else the member alone.
fn header_removal(document: &[u8], header: HeaderSpan) -> (usize, usize) {
    let after = skip_space(document, header.end);
    if document.get(after) == Some(&b',') {
        return (header.name, after + 1);
    }
    let before = document.get(..header.name).unwrap_or_default();
    match before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        Some(comma) if before.get(comma) == Some(&b',') => (comma, header.end),
        _ => (header.name, header.end),
    }
}

/// The decoded content of a field that is a string.
fn content<'t>(selection: &Selection<'t>, field: &Field) -> Option<std::borrow::Cow<'t, [u8]>> {
    let value = selection.value(field);
    (value.first() == Some(&b'"')).then(|| json_text::decoded_string(value, 0, value.len()))
}

fn accepts_plain(rule: &Rule, value: &[u8], now: u64) -> bool {
    rule.accept_plain_until.is_some_and(|until| now < until)
        && rule.types.is_some_and(|types| types.allow(value))
}

/// A bound member that is gone or has become something else was altered after encryption.
fn as_rejected(error: Error) -> Error {
    match error.code() {
        Code::BoundMissing | Code::BoundConflict => Error::new(Code::Rejected),
        _ => error,
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

/// Decoded token bodies, one behind the other; plaintexts once they are opened.
struct Arena(Zeroizing<Vec<u8>>);

impl Arena {
    /// Base64 takes four characters for three bytes, so that this never reallocates and leaves nothing behind.
    fn new(selection: &Selection<'_>) -> Self {
        let len = selection.fields.iter().map(|field| (field.end - field.start) as usize * 3 / 4).sum();
        Arena(Zeroizing::new(Vec::with_capacity(len)))
    }

    fn add(&mut self, body: &[u8]) -> Range<usize> {
        let from = self.0.len();
        self.0.extend_from_slice(body);
        from..self.0.len()
    }

    fn get_mut(&mut self, range: &Range<usize>) -> Result<&mut [u8]> {
        self.0.get_mut(range.clone()).ok_or_else(|| Error::new(Code::Internal))
    }
}

/// The document with each piece, in document order, in its place.
fn splice(document: &[u8], arena: &Arena, pieces: &[Piece]) -> Result<SecretBytes> {
    let internal = || Error::new(Code::Internal);
    let taken: usize = pieces.iter().map(|piece| piece.end - piece.start).sum();
    let put: usize = pieces.iter().map(|piece| piece.text.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(document.len() - taken + put));
    let mut copied = 0;
    for piece in pieces {
        out.extend_from_slice(document.get(copied..piece.start).ok_or_else(internal)?);
        out.extend_from_slice(arena.0.get(piece.text.clone()).ok_or_else(internal)?);
        copied = piece.end;
    }
    out.extend_from_slice(document.get(copied..).ok_or_else(internal)?);
    Ok(SecretBytes::new(std::mem::take(&mut *out)))
}
