//! Decryption of single positions: all that open ([`FieldCipher::decrypt_lenient`]), or chosen ones
//! ([`FieldCipher::decrypt_partial`]). Both have result types of their own, so that nobody takes them for a document
//! that was authenticated as a whole.

use std::fmt;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::Binder;
use crate::fields::cipher::FieldCipher;
use crate::fields::decrypt::verify;
use crate::fields::encrypt::rule_of;
use crate::fields::keychoice::KeyChoice;
use crate::fields::opening::{
    FieldOpener, Splice, TokenOpener, TokenReader, as_rejected, has_type, read_field, read_header,
    sealed_string,
};
use crate::fields::uses::Uses;
use crate::json::index::Index;
use crate::json::path::eval::{self, Budget};
use crate::json::path::{Query, normalized};
use crate::policy::Layout;
use crate::policy::select::{Field, Selection, read};
use crate::secret::{SecretBytes, Wiped};
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
        let value = text.map_err(|error| match error.code() {
            Code::Rejected => error,
            _ => error.with_path(path.clone()),
        });
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
    let mut values = Vec::with_capacity(starts.len());
    // A sealed value is longer than its text.
    let mut splice = Splice::new(selection.text, 0, 0, Wiped::default());
    for (path, (at, text)) in selection.paths(&starts)?.into_iter().zip(found.texts) {
        let field = selection.fields.get(at).ok_or_else(internal)?;
        let text = text.map_err(|error| match error.code() {
            Code::Rejected => error,
            _ => error.with_path(path.clone()),
        })?;
        splice.replace(field.start as usize, field.end as usize, &text)?;
        values.push(PartialValue { path, value: text });
    }
    Ok(Partial { values, document: splice.finish()?, bound: found.bound })
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
            if selection.fields.find_by_key(&start, |field| field.start).is_some() {
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
    /// Index of the field, and its text.
    texts: Vec<(usize, Result<SecretBytes>)>,
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
        if let Ok(value) = text
            && !has_type(rule_of(cipher.policy.inner(), field)?, value)
        {
            *text = Err(Error::new(Code::TypeMismatch));
        }
    }
    Ok(found)
}

fn owned(text: &[u8]) -> SecretBytes {
    SecretBytes::new(text.to_vec())
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
    let mut reader = TokenReader::new(KeyChoice::new(&ring, context)?, cipher.limits.field);
    let mut read = Vec::with_capacity(selection.fields.len());
    for (at, field) in selection.fields.iter().enumerate().filter(|(_, field)| concerns(field)) {
        let rule = rule_of(policy, field)?;
        let body = sealed_string(selection, field, Prefix::Token)
            .and_then(|string| reader.read(&string, rule, field, at));
        read.push((at, body));
    }
    let keys = reader.keys;
    uses.note_bodies(selection, &keys, read.iter().filter_map(|(_, body)| body.as_ref().ok()))?;
    let mut opener = TokenOpener::new(cipher, selection, Binder::new(policy, selection, &cipher.limits));
    let texts = read
        .into_iter()
        .map(|(at, body)| (at, body.and_then(|body| opener.open(&keys, &body).map(owned))))
        .collect();
    Ok(Found { texts, bound: true })
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

    let (mut fields, mut faults) = (Vec::new(), Vec::new());
    let (mut scratch, mut padded) = (Vec::with_capacity(256), 0);
    for (at, field) in selection.fields.iter().enumerate() {
        match read_field(selection, field, at, cipher.limits.field, (&mut scratch, &mut padded)) {
            Ok(read) => fields.push(read),
            Err(error) => faults.push((at, error)),
        }
    }
    let mut opener = FieldOpener::new(cipher, selection, Opener::new(chosen.key_use(), &header)?);
    // A field that could not be read is missing from the set.
    let bound = opener.authenticate(&fields, header.count)?
        && match verify(cipher, selection, &mut opener.opener) {
            Ok(()) => true,
            Err(error) if as_rejected(error.clone()).code() == Code::Rejected => false,
            Err(error) => return Err(error),
        };
    if !bound {
        opener.opener.leave_unverified();
    }
    let mut texts: Vec<(usize, Result<SecretBytes>)> =
        faults.into_iter().map(|(at, error)| (at, Err(error))).collect();
    for read in fields {
        let field = selection.fields.get(read.field as usize).ok_or_else(internal)?;
        if concerns(field) {
            texts.push((read.field as usize, opener.open(read).map(owned)));
        }
    }
    texts.retain(|(at, _)| selection.fields.get(*at).is_some_and(&concerns));
    texts.sort_by_key(|(at, _)| *at);
    Ok(Found { texts, bound })
}

fn internal() -> Error {
    Error::new(Code::Internal)
}
