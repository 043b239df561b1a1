//! Decryption of a document: every position is authenticated before any plaintext leaves.
//!
//! One fault is reported, by phases: document, policy, token syntax, key, then authentication, whose failures are one
//! code; inside a phase in document order. No output leaves unless every value has opened.

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::Binder;
use crate::fields::cipher::{Decrypted, FieldCipher};
use crate::fields::encrypt::{check_unselected, rule_of, whole_document};
use crate::fields::keychoice::KeyChoice;
use crate::fields::opening::{
    Body, FieldOpener, Numbered, Splice, TokenOpener, TokenReader, as_rejected, has_type, read_field,
    read_header, sealed_string,
};
use crate::fields::uses::Uses;
use crate::json::scan::skip_space;
use crate::json::text as json_text;
use crate::policy::select::{Field, HeaderSpan, Selection, read};
use crate::policy::{Layout, Rule, occurs};
use crate::secret::{SecretBytes, Wiped};
use crate::token::document::Opener;
use crate::token::text::{self, Prefix};

pub(super) fn decrypt(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    memory: Wiped,
    uses: &mut Uses,
) -> Result<Decrypted> {
    let manner = Manner { plain: Plain::AsRules, stated: None, memory };
    let opened = open(cipher, document, context, manner, uses)?;
    Ok(Decrypted { text: opened.text, accepted_plain: opened.accepted_plain })
}

/// What happens to clear values where tokens must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// They pass where a rule's `migrate` says so.
    AsRules,
    /// They never pass. Where the decrypted values stand is noted, for whoever encrypts them again.
    Never,
}

/// How a document is opened.
pub(super) struct Manner<'v> {
    pub(super) plain: Plain,
    /// What the value is bound to where it is the whole document, under a policy of one value.
    pub(super) stated: Option<&'v [u8]>,
    /// Memory to be used again.
    pub(super) memory: Wiped,
}

/// A decrypted document.
pub(super) struct Opened {
    pub(super) text: SecretBytes,
    /// Where the decrypted values stand in the text, in document order; empty unless that is noted.
    pub(super) values: Vec<(u32, u32)>,
    pub(super) accepted_plain: Vec<String>,
}

pub(super) fn open(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    manner: Manner<'_>,
    uses: &mut Uses,
) -> Result<Opened> {
    context.demand_purpose()?;
    let policy = cipher.policy.inner();
    let mut selection = read(policy, document, &cipher.limits)?;
    match (policy.layout, selection.header) {
        (Layout::Token, _) => {
            selection.settle(policy, &cipher.limits, false)?;
            open_tokens(cipher, &selection, context, manner, uses)
        }
        (Layout::Document, _) if !selection.root_is_object => Err(Error::new(Code::RootNotObject)),
        (Layout::Document, None) => without_header(cipher, selection, manner, uses),
        (Layout::Document, Some(header)) => {
            selection.settle(policy, &cipher.limits, false)?;
            open_document(cipher, &selection, header, context, manner, uses)
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
        self.note(error, |error| error.with_path(selection.path(field.start)));
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

/// Layout T.
fn open_tokens(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    Manner { plain, stated, memory }: Manner<'_>,
    uses: &mut Uses,
) -> Result<Opened> {
    let policy = cipher.policy.inner();
    let ring = cipher.ring.current();
    let now = cipher.clock.now();
    let mut reader = TokenReader::new(KeyChoice::new(&ring, context)?, cipher.limits.field);
    let mut bodies: Vec<Body> = Vec::with_capacity(selection.fields.len());
    let mut taken = 0;
    let mut faults = Faults::default();
    let mut accepted_plain = Vec::new();
    for (at, field) in selection.fields.iter().enumerate() {
        let rule = rule_of(policy, field)?;
        match sealed_string(selection, field, Prefix::Token)
            .and_then(|string| reader.read(&string, rule, field, at))
        {
            Ok(body) => {
                taken += selection.value(field).len();
                bodies.push(body);
            }
            Err(error)
                if error.code() == Code::NotEncrypted
                    && accepts_plain(plain, rule, selection.value(field), now) =>
            {
                accepted_plain.push(field.start);
            }
            Err(error) => faults.add(selection, field, error),
        }
    }
    faults.raise(check_unselected(policy, selection, &[]).and_then(|()| occurs::check(policy, selection)))?;
    let TokenReader { padded, keys, .. } = reader;
    uses.note_bodies(selection, &keys, bodies.iter())?;
    uses.note_plain(selection, &accepted_plain);

    // Clear values that were let through are not bound to anything.
    let sealed = |field: &Field| accepted_plain.binary_search(&field.start).is_err();
    let mut binder = Binder::new(policy, selection, &cipher.limits).stated(stated);
    binder.check(sealed).map_err(as_rejected)?;
    let mut opener = TokenOpener::new(cipher, selection, binder);
    let mut mismatch = None;
    let mut splice = Splice::new(selection.text, taken, padded, memory);
    let mut values = Vec::with_capacity(if plain == Plain::Never { bodies.len() } else { 0 });
    for body in &bodies {
        let field = selection.fields.get(body.field as usize).ok_or_else(internal)?;
        let text = opener.open(&keys, body)?;
        if !has_type(rule_of(policy, field)?, text) {
            mismatch = mismatch.or(Some(field));
        }
        let value = splice.replace(field.start as usize, field.end as usize, text)?;
        if plain == Plain::Never {
            values.push(value);
        }
    }
    if let Some(field) = mismatch {
        return Err(selection.fault(Code::TypeMismatch, field.start));
    }
    Ok(Opened { text: splice.finish()?, values, accepted_plain: selection.paths(&accepted_plain)? })
}

/// Layout D.
fn open_document(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    header_span: HeaderSpan,
    context: &Context,
    Manner { plain, memory, .. }: Manner<'_>,
    uses: &mut Uses,
) -> Result<Opened> {
    let policy = cipher.policy.inner();
    let rejected = || Error::new(Code::Rejected);

    // Policy, then the syntax of header and fields.
    let mut faults = Faults::default();
    let header = read_header(selection, header_span);
    let header = header.map_err(|error| faults.note(error, |error| error)).ok();
    let removed = header_removal(selection.text, header_span);
    let mut fields: Vec<Numbered> = Vec::with_capacity(selection.fields.len());
    let mut clear_values = false;
    let (mut taken, mut padded, mut scratch) = (removed.1 - removed.0, 0, Vec::with_capacity(256));
    for (at, field) in selection.fields.iter().enumerate() {
        match read_field(selection, field, at, cipher.limits.field, (&mut scratch, &mut padded)) {
            Ok(read) => {
                taken += selection.value(field).len();
                fields.push(read);
            }
            Err(error) if error.code() == Code::NotEncrypted => clear_values = true,
            // Nobody makes a header or a wrap for a value: it is a clear text that begins like one.
            Err(error) if error.code() == Code::LayoutMismatch && !is_token(selection, field) => {
                clear_values = true;
            }
            Err(error) => faults.add(selection, field, error),
        }
    }
    faults.raise(check_unselected(policy, selection, &[]))?;
    let (header, kid) = header.ok_or_else(internal)?;

    // Key, then the set as a whole.
    let ring = cipher.ring.current();
    let choice = KeyChoice::new(&ring, context)?;
    let rules = policy.rules.iter().map(|rule| &rule.keys);
    let chosen = choice.for_decryption(rules, &kid, header.suite)?;
    uses.note_document(selection, &chosen);
    if clear_values {
        return Err(rejected());
    }
    let mut opener = FieldOpener::new(cipher, selection, Opener::new(chosen.key_use(), &header)?);
    if !opener.authenticate(&fields, header.count)? {
        return Err(rejected());
    }
    verify(cipher, selection, &mut opener.opener)?;

    // Each value. The header goes without a trace.
    let mut mismatch = None;
    let mut splice = Splice::new(selection.text, taken, padded, memory);
    let mut values = Vec::with_capacity(if plain == Plain::Never { fields.len() } else { 0 });
    let mut header_stands = true;
    for (read, field) in fields.iter().zip(selection.fields.iter()) {
        let text = opener.open(*read)?;
        if !has_type(rule_of(policy, field)?, text) {
            mismatch = mismatch.or(Some(field));
        }
        if header_stands && removed.0 < field.start as usize {
            splice.replace(removed.0, removed.1, &[])?;
            header_stands = false;
        }
        let value = splice.replace(field.start as usize, field.end as usize, text)?;
        if plain == Plain::Never {
            values.push(value);
        }
    }
    occurs::check(policy, selection)?;
    if let Some(field) = mismatch {
        return Err(selection.fault(Code::TypeMismatch, field.start));
    }
    if header_stands {
        splice.replace(removed.0, removed.1, &[])?;
    }
    Ok(Opened { text: splice.finish()?, values, accepted_plain: Vec::new() })
}

/// Compares the MAC of a document, bound members included.
///
/// # Errors
/// [`Code::Rejected`], [`Code::LimitBound`], [`Code::LimitAssociatedData`].
pub(super) fn verify(cipher: &FieldCipher, selection: &Selection<'_>, opener: &mut Opener) -> Result<()> {
    let policy = cipher.policy.inner();
    let bound = Binder::new(policy, selection, &cipher.limits).document_bound().map_err(as_rejected)?;
    if !policy.whole_document {
        return opener.verify(&[&bound]);
    }
    let whole = whole_document(selection, &[], &cipher.limits)?;
    opener.verify(&[&[0; 4], &(whole.len() as u32).to_be_bytes(), &whole])
}

/// A document of layout D that has no header: clear as a whole, or torn.
fn without_header(
    cipher: &FieldCipher,
    mut selection: Selection<'_>,
    Manner { plain, mut memory, .. }: Manner<'_>,
    uses: &mut Uses,
) -> Result<Opened> {
    let policy = cipher.policy.inner();
    if selection.has_field_string {
        return Err(Error::new(Code::Rejected));
    }
    let now = cipher.clock.now();
    let passes =
        |rule: &Rule| plain == Plain::AsRules && rule.accept_plain_until.is_some_and(|until| now < until);
    if !policy.rules.iter().all(passes) {
        let detail = format!("the document has no member `{}`", policy.header);
        return Err(Error::because(Code::NotEncrypted, detail));
    }
    selection.settle(policy, &cipher.limits, false)?;
    for field in selection.fields.iter() {
        let ours = content(&selection, field).is_some_and(|string| text::prefix(&string).is_some());
        if ours || !accepts_plain(plain, rule_of(policy, field)?, selection.value(field), now) {
            let code = if ours { Code::LayoutMismatch } else { Code::NotEncrypted };
            return Err(selection.fault(code, field.start));
        }
    }
    check_unselected(policy, &selection, &[])?;
    occurs::check(policy, &selection)?;
    let starts: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
    uses.note_plain(&selection, &starts);
    memory.renew(selection.text.len());
    memory.extend_from_slice(selection.text);
    Ok(Opened {
        text: SecretBytes::from(memory),
        values: Vec::new(),
        accepted_plain: selection.paths(&starts)?,
    })
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

fn is_token(selection: &Selection<'_>, field: &Field) -> bool {
    content(selection, field).is_some_and(|string| text::prefix(&string) == Some(Prefix::Token))
}

fn accepts_plain(plain: Plain, rule: &Rule, value: &[u8], now: u64) -> bool {
    plain == Plain::AsRules
        && rule.accept_plain_until.is_some_and(|until| now < until)
        && rule.types.is_some_and(|types| types.allow(value))
}

fn internal() -> Error {
    Error::new(Code::Internal)
}
