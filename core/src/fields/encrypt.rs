//! Encryption of a document: select, check, choose keys, and only then write.

use std::iter::repeat_n;
use std::ops::Range;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::{self, Binder};
use crate::fields::cipher::FieldCipher;
use crate::fields::keychoice::{Chosen, KeyChoice};
use crate::fields::uses::Uses;
use crate::json::canonical;
use crate::json::scan::skip_space;
use crate::json::text as json_text;
use crate::keys::derive::Label;
use crate::limits::Limits;
use crate::policy::place::Indices;
use crate::policy::select::{Field, Selection, read};
use crate::policy::{Inner, Layout, PaddingRule, Rule, occurs};
use crate::secret::Wiped;
use crate::token::document::Sealer;
use crate::token::pad::Padding;
use crate::token::text::{self, SALT_LEN};
use crate::token::value::{self, Sealing, write_prefixed};

/// Where the clear document comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'v> {
    /// Spans of values that have just come out of decryption, in document order.
    pub(super) opened: &'v [(u32, u32)],
    /// Whether such a value may stay in clear.
    pub(super) leave_clear: bool,
    /// Whether anything else may be sealed: of a document that was never encrypted, all of it.
    pub(super) seal_clear: bool,
    /// What the value is bound to where it is the whole document, under a policy of one value.
    pub(super) stated: Option<&'v [u8]>,
}

impl Origin<'_> {
    /// A document that a caller encrypts.
    pub(super) const CLEAR: Origin<'static> =
        Origin { opened: &[], leave_clear: false, seal_clear: true, stated: None };
}

/// Appends the encrypted document; returns how many values that came out of decryption stay in clear.
pub(super) fn encrypt(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    origin: Origin<'_>,
    out: &mut Vec<u8>,
    uses: &mut Uses,
) -> Result<u64> {
    context.demand_purpose()?;
    let policy = cipher.policy.inner();
    let mut selection = read(policy, document, &cipher.limits)?;
    if policy.layout == Layout::Document {
        if !selection.root_is_object {
            return Err(Error::new(Code::RootNotObject));
        }
        if selection.header.is_some() {
            return Err(Error::because(Code::HeaderPresent, format!("`{}`", policy.header)));
        }
    }
    selection.settle(policy, &cipher.limits, true)?;
    occurs::check(policy, &selection)?;
    for field in selection.fields.iter() {
        check_value(policy, &selection, field, cipher.limits.field)?;
    }
    check_unselected(policy, &selection, origin.opened)?;
    let left_clear = left_clear(&selection, origin)?;
    check_laundering(&selection, origin)?;
    match policy.layout {
        Layout::Token => encrypt_values(cipher, &selection, context, origin.stated, out, uses),
        Layout::Document => encrypt_document(cipher, &selection, context, out, uses),
    }?;
    Ok(left_clear)
}

/// What comes out of re-encryption is trusted like what went in: nobody vouched for a clear value, or for what stands
/// around a decrypted one.
fn check_laundering(selection: &Selection<'_>, origin: Origin<'_>) -> Result<()> {
    if origin.seal_clear {
        return Ok(());
    }
    for field in selection.fields.iter() {
        let after = origin.opened.partition_point(|value| value.1 < field.end);
        if origin.opened.get(after).is_none_or(|value| value.0 > field.start) {
            let detail = "re-encryption seals no clear value; encrypt it, or say that it may be sealed";
            return Err(selection.fault(Code::NotEncrypted, field.start).with_detail(detail));
        }
    }
    Ok(())
}

/// Counts the decrypted values that no field contains whole.
fn left_clear(selection: &Selection<'_>, origin: Origin<'_>) -> Result<u64> {
    let mut left = 0;
    for (start, end) in origin.opened {
        let after = selection.fields.partition_point(|field| field.end < *end);
        if selection.fields.get(after).is_some_and(|field| field.start <= *start) {
            continue;
        }
        if !origin.leave_clear {
            return Err(selection.fault(Code::LeftClear, *start));
        }
        left += 1;
    }
    Ok(left)
}

/// A token that no rule selects would be taken for clear text by this policy, and for a token by another. Values that
/// have just come out of decryption are no tokens, whatever they begin with.
pub(super) fn check_unselected(
    policy: &Inner,
    selection: &Selection<'_>,
    opened: &[(u32, u32)],
) -> Result<()> {
    if policy.keep_unselected {
        return Ok(());
    }
    for &(start, end) in selection.unselected.iter() {
        let after = opened.partition_point(|value| value.1 < end);
        if opened.get(after).is_some_and(|value| value.0 <= start) {
            continue;
        }
        if text::is_complete(&json_text::decoded_string(selection.text, start as usize, end as usize)) {
            return Err(selection.fault(Code::UnselectedToken, start));
        }
    }
    Ok(())
}

pub(super) fn rule_of<'p>(policy: &'p Inner, field: &Field) -> Result<&'p Rule> {
    policy.rules.get(usize::from(field.rule)).ok_or_else(|| Error::new(Code::Internal))
}

fn check_value(policy: &Inner, selection: &Selection<'_>, field: &Field, max_len: usize) -> Result<()> {
    let rule = rule_of(policy, field)?;
    let value = selection.value(field);
    if rule.types.is_some_and(|types| !types.allow(value)) {
        return Err(selection.fault(Code::TypeMismatch, field.start));
    }
    let begins_like_ours = |value: &[u8]| {
        matches!(value, [b'"', b'a' | b'\\', ..])
            && text::prefix(&json_text::beginning(value.get(1..value.len() - 1).unwrap_or_default(), 5))
                .is_some()
    };
    if !rule.nested && begins_like_ours(value) {
        return Err(selection.fault(Code::AlreadyEncrypted, field.start));
    }
    if padding(rule).padded_len(value.len()) > max_len {
        return Err(selection.fault(Code::LimitField, field.start));
    }
    Ok(())
}

fn padding(rule: &Rule) -> Padding {
    match rule.padding {
        PaddingRule::Default => Padding::Default,
        PaddingRule::None => Padding::None,
        PaddingRule::Multiple(of) => Padding::Multiple(of),
    }
}

/// Refuses an output that could not be decrypted again under the same limits.
fn check_output(cipher: &FieldCipher, len: usize) -> Result<()> {
    if len > cipher.limits.document {
        return Err(Error::because(
            Code::LimitDocument,
            "the encrypted document would be larger than the limit",
        ));
    }
    Ok(())
}

/// Layout T: a token for each value.
fn encrypt_values(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    stated: Option<&[u8]>,
    out: &mut Vec<u8>,
    uses: &mut Uses,
) -> Result<()> {
    let policy = cipher.policy.inner();
    let mut binder = Binder::new(policy, selection, &cipher.limits).stated(stated);
    binder.check(|_| true)?;
    let ring = cipher.ring.current();
    let choice = KeyChoice::new(&ring, context)?;
    let now = cipher.clock.now();
    let mut keys: Vec<Option<Chosen<'_>>> = Vec::with_capacity(policy.rules.len());
    keys.resize_with(policy.rules.len(), || None);
    let tallies = selection.tallies.iter();
    for (at, ((rule, tally), slot)) in policy.rules.iter().zip(tallies).zip(&mut keys).enumerate() {
        if tally.fields > 0 {
            let chosen = choice.for_encryption(std::iter::once(&rule.keys), now)?;
            uses.note(Some(at as u16), &chosen, tally.fields);
            *slot = Some(chosen);
        }
    }
    let mut len = selection.text.len();
    for field in selection.fields.iter() {
        let rule = rule_of(policy, field)?;
        let chosen = keys
            .get(usize::from(field.rule))
            .and_then(Option::as_ref)
            .ok_or_else(|| Error::new(Code::Internal))?;
        let value = selection.value(field).len();
        len += text::token_len(&chosen.key.kid, padding(rule).padded_len(value)) - value;
    }
    check_output(cipher, len)?;

    let mut salts = Salts::new(cipher, selection.fields.len())?;
    out.reserve_exact(len);
    let mut work = Wiped::with_capacity(256);
    let (mut aad, mut position) = (Vec::with_capacity(256), Vec::with_capacity(128));
    let mut copied = 0;
    for field in selection.fields.iter() {
        let rule = rule_of(policy, field)?;
        let chosen = keys
            .get(usize::from(field.rule))
            .and_then(Option::as_ref)
            .ok_or_else(|| Error::new(Code::Internal))?;
        let key = chosen.key_use();
        position.clear();
        binding::write_position(&mut position, &rule.position, selection, field);
        aad.clear();
        let bound = binder.bound(field)?;
        value::write_associated_data(&mut aad, key.suite, rule.position.mode(), &position, bound);
        out.extend_from_slice(selection.text.get(copied..field.start as usize).ok_or_else(internal)?);
        let text = selection.value(field);
        let padding = padding(rule);
        let salt = salts.next(|random, salt| {
            let padded = padded(text, padding);
            key.context_key.expand(Label::Hdg, &[random, &aad, &padded], salt);
        })?;
        let sealing = Sealing { key, mode: rule.position.mode(), salt: &salt, aad: &aad, padding };
        sealing.seal(out, &mut work, text)?;
        copied = field.end as usize;
    }
    out.extend_from_slice(selection.text.get(copied..).ok_or_else(internal)?);
    Ok(())
}

/// Layout D: a field string for each value, and the header as the root's first member.
fn encrypt_document(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    out: &mut Vec<u8>,
    uses: &mut Uses,
) -> Result<()> {
    let policy = cipher.policy.inner();
    let document = selection.text;
    let bound = Binder::new(policy, selection, &cipher.limits).document_bound()?;
    let ring = cipher.ring.current();
    let choice = KeyChoice::new(&ring, context)?;
    let chosen = choice.for_encryption(policy.rules.iter().map(|rule| &rule.keys), cipher.clock.now())?;
    uses.note_document(selection, &chosen);
    let key = chosen.key_use();

    let mut name = Vec::new();
    json_text::write_string(&mut name, policy.header.as_bytes());
    let inside = skip_space(document, 0) + 1;
    let others = document.get(skip_space(document, inside)) != Some(&b'}');
    let header_len = text::header_len(key.kid);
    let mut len = document.len() + name.len() + 1 + header_len + usize::from(others);
    for field in selection.fields.iter() {
        let value = selection.value(field).len();
        len += text::field_len(padding(rule_of(policy, field)?).padded_len(value)) - value;
    }
    check_output(cipher, len)?;

    let salt = Salts::new(cipher, 1)?.next(|random, salt| {
        // Reserved whole: what a reallocation leaves behind is not wiped.
        let mut content = Wiped::with_capacity(hedged_len(policy, selection));
        let mut position = Vec::new();
        for field in selection.fields.iter() {
            let padding = rule_of(policy, field).map_or(Padding::None, padding);
            position.clear();
            selection.places.write(&mut position, field.place(), Indices::Exact);
            write_prefixed(&mut content, &position);
            write_prefixed(&mut content, &padded(selection.value(field), padding));
        }
        key.context_key.expand(Label::Hdg, &[random, &content], salt);
    })?;
    let mut sealer = Sealer::new(key, salt, selection.fields.len() as u32)?;
    out.reserve_exact(len);
    out.extend_from_slice(document.get(..inside).ok_or_else(internal)?);
    out.extend_from_slice(&name);
    out.push(b':');
    // The header comes first but is known last.
    let header_at = out.len();
    out.resize(header_at + header_len, 0);
    if others {
        out.push(b',');
    }
    let (mut copied, mut position) = (inside, Vec::with_capacity(128));
    let mut strings: Vec<(usize, Range<usize>)> = Vec::new();
    for field in selection.fields.iter() {
        out.extend_from_slice(document.get(copied..field.start as usize).ok_or_else(internal)?);
        let from = out.len();
        position.clear();
        selection.places.write(&mut position, field.place(), Indices::Exact);
        sealer.seal(out, &position, selection.value(field), padding(rule_of(policy, field)?))?;
        if policy.whole_document {
            strings.push((field.start as usize, from..out.len()));
        }
        copied = field.end as usize;
    }
    out.extend_from_slice(document.get(copied..).ok_or_else(internal)?);

    let mut header = Vec::with_capacity(header_len);
    if policy.whole_document {
        let mut overrides: Vec<(usize, &[u8])> = Vec::with_capacity(strings.len());
        for (start, range) in strings {
            overrides.push((start, out.get(range).ok_or_else(internal)?));
        }
        let whole = whole_document(selection, &overrides, &cipher.limits)?;
        sealer.finish(&mut header, &[&[0; 4], &(whole.len() as u32).to_be_bytes(), &whole]);
    } else {
        sealer.finish(&mut header, &[&bound]);
    }
    match out.get_mut(header_at..header_at + header.len()) {
        Some(place) => place.copy_from_slice(&header),
        None => return Err(Error::new(Code::Internal)),
    }
    Ok(())
}

/// J of the document without its header, encrypted strings in place.
///
/// # Errors
/// [`Code::LimitBound`]: it is longer than a document may be.
pub(super) fn whole_document(
    selection: &Selection<'_>,
    strings: &[(usize, &[u8])],
    limits: &Limits,
) -> Result<Vec<u8>> {
    let index = selection.index.as_ref().ok_or_else(|| Error::new(Code::Internal))?;
    let mut whole = Vec::with_capacity(selection.text.len());
    canonical::write(&mut whole, index, 0, strings);
    if whole.len() > limits.document {
        return Err(Error::because(Code::LimitBound, "the canonical text of the whole document"));
    }
    Ok(whole)
}

/// Bytes that the salt of a document is hedged with.
fn hedged_len(policy: &Inner, selection: &Selection<'_>) -> usize {
    let field = |field: &Field| {
        let padding = rule_of(policy, field).map_or(Padding::None, padding);
        8 + usize::from(field.place().len) + padding.padded_len(selection.value(field).len())
    };
    selection.fields.iter().map(field).sum()
}

/// A span that is not there would be a mistake of ours: never an empty text in its place.
fn internal() -> Error {
    Error::new(Code::Internal)
}

fn padded(text: &[u8], padding: Padding) -> Wiped {
    let len = padding.padded_len(text.len());
    let mut padded = Wiped::with_capacity(len);
    padded.extend_from_slice(text);
    padded.resize(len, 0);
    padded
}

/// Fresh salts: one request to the random source for a whole document.
struct Salts {
    random: Vec<u8>,
    taken: usize,
    hedged: bool,
}

impl Salts {
    fn new(cipher: &FieldCipher, count: usize) -> Result<Self> {
        let each = if cipher.hedged_salts { 32 } else { SALT_LEN };
        // Of zeros the compiler would make a `calloc`, for which glibc takes the long way.
        let mut random: Vec<u8> = repeat_n(0xff, each * count).collect();
        cipher.random.fill(&mut random)?;
        Ok(Salts { random, taken: 0, hedged: cipher.hedged_salts })
    }

    /// The next salt; where salts are hedged, `hedge` turns 32 random bytes into 32 of which the first 24 serve.
    fn next(&mut self, hedge: impl FnOnce(&[u8], &mut [u8; 32])) -> Result<[u8; SALT_LEN]> {
        let each = if self.hedged { 32 } else { SALT_LEN };
        let random =
            self.random.get(self.taken..self.taken + each).ok_or_else(|| Error::new(Code::Internal))?;
        self.taken += each;
        let mut mixed = [0; 32];
        let source = if self.hedged {
            hedge(random, &mut mixed);
            &mixed
        } else {
            random
        };
        source.first_chunk::<SALT_LEN>().copied().ok_or_else(|| Error::new(Code::Internal))
    }
}
