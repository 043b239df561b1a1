//! Decryption of single positions: all that open ([`FieldCipher::decrypt_lenient`]), or chosen ones
//! ([`FieldCipher::decrypt_partial`]). Both have result types of their own, so that nobody takes them for a document
//! that was authenticated as a whole.

use std::fmt;
use std::ops::Range;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::Binder;
use crate::fields::cipher::FieldCipher;
use crate::fields::decrypt::{splice, verify};
use crate::fields::encrypt::rule_of;
use crate::fields::keychoice::KeyChoice;
use crate::fields::opening::{
    Arena, DocumentStrings, Piece, TokenOpener, TokenReader, as_rejected, has_type, open_field, read_field,
    read_header, sealed_string,
};
use crate::fields::uses::Uses;
use crate::json::index::Index;
use crate::json::path::eval::{self, Budget};
use crate::json::path::{Query, normalized};
use crate::policy::Layout;
use crate::policy::select::{Field, Selection, read};
use crate::secret::SecretBytes;
use crate::token::document::Opener;
use crate::token::text::Prefix;

/// What lenient decryption found at every protected position. Nothing was put back into the document.
pub struct Lenient {
    /// In document order.
    pub positions: Vec<LenientPosition>,
    bound: bool,
}

/// One protected position.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LenientPosition {
    /// Normalized path.
    pub path: String,
    /// The exact JSON text of the value, or why it does not open.
    pub value: Result<SecretBytes>,
}

/// Chosen positions of a document, decrypted.
pub struct Partial {
    /// In document order.
    pub values: Vec<PartialValue>,
    document: SecretBytes,
    bound: bool,
}

/// One chosen position.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartialValue {
    /// Normalized path.
    pub path: String,
    /// The exact JSON text of the value.
    pub value: SecretBytes,
}

impl Lenient {
    /// Whether the values were authenticated together with what they are bound to. Of layout D this fails to hold where
    /// the set of fields or a bound member was changed, and the values that open are then authenticated each by itself;
    /// every token of layout T is bound by itself.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.bound
    }
}

impl Partial {
    /// As [`Lenient::is_bound`].
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// The document with the chosen values in place and everything else as it was. It cannot be decrypted further.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }
}

impl fmt::Debug for Lenient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lenient").field("positions", &self.positions).field("bound", &self.bound).finish()
    }
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial")
            .field("values", &self.values)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

pub(super) fn lenient(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    uses: &mut Uses,
) -> Result<Lenient> {
    let selection = select(cipher, document, context)?;
    let found = open_each(cipher, &selection, context, |_| true, uses)?;
    let starts: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
    let mut positions = Vec::with_capacity(starts.len());
    for (path, (at, text)) in selection.paths(&starts)?.into_iter().zip(found.texts) {
        if let Err(error) = &text {
            uses.note_failed(selection.fields.get(at).map(|field| field.rule), error.code());
        }
        let value = match text {
            Ok(text) => Ok(SecretBytes::new(found.arena.get(&text)?.to_vec())),
            Err(error) if error.code() == Code::Rejected => Err(error),
            Err(error) => Err(error.with_path(path.clone())),
        };
        positions.push(LenientPosition { path, value });
    }
    Ok(Lenient { positions, bound: found.bound })
}

pub(super) fn partial(
    cipher: &FieldCipher,
    document: &[u8],
    chosen: &[&str],
    context: &Context,
    uses: &mut Uses,
) -> Result<Partial> {
    let selection = select(cipher, document, context)?;
    let starts = chosen_starts(cipher, &selection, chosen)?;
    let found =
        open_each(cipher, &selection, context, |field| starts.binary_search(&field.start).is_ok(), uses)?;
    let (mut values, mut pieces) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
    for (path, (at, text)) in selection.paths(&starts)?.into_iter().zip(found.texts) {
        let field = selection.fields.get(at).ok_or_else(internal)?;
        let text = text.map_err(|error| match error.code() {
            Code::Rejected => error,
            _ => error.with_path(path.clone()),
        })?;
        values.push(PartialValue { path, value: SecretBytes::new(found.arena.get(&text)?.to_vec()) });
        pieces.push(Piece::of(field, text));
    }
    let document = splice(selection.text, &found.arena, &pieces)?;
    Ok(Partial { values, document, bound: found.bound })
}

fn select<'d>(cipher: &FieldCipher, document: &'d [u8], context: &Context) -> Result<Selection<'d>> {
    context.demand_purpose()?;
    let policy = cipher.policy.inner();
    let mut selection = read(policy, document, &cipher.limits)?;
    if policy.layout == Layout::Document && !selection.root_is_object {
        return Err(Error::new(Code::RootNotObject));
    }
    selection.settle(policy, &cipher.limits, false)?;
    Ok(selection)
}

/// Where the protected values begin that the queries choose, ascending.
fn chosen_starts(cipher: &FieldCipher, selection: &Selection<'_>, chosen: &[&str]) -> Result<Vec<u32>> {
    let index = Index::build(selection.text, cipher.limits.depth)?;
    let mut budget = Budget::new(cipher.limits.visits(selection.text.len()));
    let mut starts = Vec::new();
    for path in chosen {
        let nodes = eval::select(&Query::parse(path)?, &index, &mut budget, None)?;
        let before = starts.len();
        for start in nodes.iter().map(|node| index.span(*node).0 as u32) {
            if selection.fields.binary_search_by_key(&start, |field| field.start).is_ok() {
                starts.push(start);
            }
        }
        if starts.len() == before {
            let detail = match nodes.first() {
                None => format!("`{path}` selects nothing"),
                Some(first) => format!(
                    "`{path}` selects no protected value, but {}",
                    normalized::paths(&index, &[*first]).concat()
                ),
            };
            return Err(Error::because(Code::NoMatch, detail));
        }
    }
    starts.sort_unstable();
    starts.dedup();
    Ok(starts)
}

/// The concerned fields, each opened by itself.
struct Found {
    arena: Arena,
    /// Index of the field, and where its text stands in the arena.
    texts: Vec<(usize, Result<Range<usize>>)>,
    bound: bool,
}

fn open_each(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    concerns: impl Fn(&Field) -> bool,
    uses: &mut Uses,
) -> Result<Found> {
    let mut found = match cipher.policy.inner().layout {
        Layout::Token => open_tokens(cipher, selection, context, concerns, uses),
        Layout::Document => open_fields(cipher, selection, context, concerns, uses),
    }?;
    for (at, text) in &mut found.texts {
        let field = selection.fields.get(*at).ok_or_else(internal)?;
        if let Ok(range) = text
            && !has_type(rule_of(cipher.policy.inner(), field)?, &found.arena, range)?
        {
            *text = Err(Error::new(Code::TypeMismatch));
        }
    }
    Ok(found)
}

fn open_tokens(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    concerns: impl Fn(&Field) -> bool,
    uses: &mut Uses,
) -> Result<Found> {
    let policy = cipher.policy.inner();
    let ring = cipher.ring.current();
    let mut reader = TokenReader::new(KeyChoice::new(&ring, context)?, selection, cipher.limits.field);
    let mut read = Vec::with_capacity(selection.fields.len());
    for (at, field) in selection.fields.iter().enumerate().filter(|(_, field)| concerns(field)) {
        let rule = rule_of(policy, field)?;
        let body = sealed_string(selection, field, Prefix::Token)
            .and_then(|string| reader.read(&string, rule, field, at));
        read.push((at, body));
    }
    let TokenReader { mut arena, keys, .. } = reader;
    uses.note_bodies(selection, &keys, read.iter().filter_map(|(_, body)| body.as_ref().ok()))?;
    let mut opener = TokenOpener::new(cipher, selection, Binder::new(policy, selection, &cipher.limits));
    let texts = read
        .into_iter()
        .map(|(at, body)| (at, body.and_then(|body| opener.open(&mut arena, &keys, &body))))
        .collect();
    Ok(Found { arena, texts, bound: true })
}

fn open_fields(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    concerns: impl Fn(&Field) -> bool,
    uses: &mut Uses,
) -> Result<Found> {
    let policy = cipher.policy.inner();
    let Some(span) = selection.header else {
        if selection.has_field_string {
            return Err(Error::new(Code::Rejected));
        }
        let detail = format!("the document has no member `{}`", policy.header);
        return Err(Error::because(Code::NotEncrypted, detail));
    };
    let (header, kid) = read_header(selection, span)?;
    let ring = cipher.ring.current();
    let choice = KeyChoice::new(&ring, context)?;
    let chosen = choice.for_decryption(policy.rules.iter().map(|rule| &rule.keys), &kid, header.suite)?;
    uses.note_document(selection, &chosen);

    let mut strings = DocumentStrings { header, kid, arena: Arena::new(selection), fields: Vec::new() };
    let mut faults = Vec::new();
    let mut scratch = Vec::with_capacity(256);
    for (at, field) in selection.fields.iter().enumerate() {
        let read = sealed_string(selection, field, Prefix::Field).and_then(|string| {
            read_field(&string, &mut scratch, &mut strings.arena, cipher.limits.field, at)
        });
        match read {
            Ok(read) => strings.fields.push(read),
            Err(error) => faults.push((at, error)),
        }
    }
    let mut opener = Opener::new(chosen.key_use(), &strings.header)?;
    let bound = match strings.order(selection) {
        Some(order) if faults.is_empty() => {
            strings.authenticate(&mut opener, &order, selection)?;
            match verify(cipher, selection, &mut opener) {
                Ok(()) => true,
                Err(error) if as_rejected(error.clone()).code() == Code::Rejected => false,
                Err(error) => return Err(error),
            }
        }
        _ => false,
    };
    if !bound {
        opener.leave_unverified();
    }
    let mut texts: Vec<(usize, Result<Range<usize>>)> =
        faults.into_iter().map(|(at, error)| (at, Err(error))).collect();
    let mut position = Vec::with_capacity(128);
    for read in &strings.fields {
        let field = selection.fields.get(read.1.field).ok_or_else(internal)?;
        if concerns(field) {
            let text = open_field(cipher, selection, &mut opener, &mut strings.arena, read, &mut position);
            texts.push((read.1.field, text));
        }
    }
    texts.retain(|(at, _)| selection.fields.get(*at).is_some_and(&concerns));
    texts.sort_by_key(|(at, _)| *at);
    Ok(Found { arena: strings.arena, texts, bound })
}

fn internal() -> Error {
    Error::new(Code::Internal)
}
