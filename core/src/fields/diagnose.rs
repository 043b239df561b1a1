//! Why a document does not open: for the owner of the keys alone, never for a peer.

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::Binder;
use crate::fields::cipher::FieldCipher;
use crate::fields::decrypt::verify;
use crate::fields::encrypt::rule_of;
use crate::fields::keychoice::KeyChoice;
use crate::fields::opening::{
    Body, FieldOpener, TokenOpener, TokenReader, read_field, read_header, sealed_string,
};
use crate::fields::uses::Uses;
use crate::policy::Layout;
use crate::policy::select::{Selection, read};
use crate::token::document::Opener;
use crate::token::text::{self, Prefix};

/// How far one position, or a document of layout D as a whole, came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Policy or token syntax: no key was looked for.
    Syntax,
    /// The key is unknown, not allowed, or does not serve this context or operation.
    Key,
    /// It does not commit to this key and context (layout T: nor to this place and these bound members).
    Commitment,
    /// Layout D: the set of fields, their places or the bound members are not those that were encrypted.
    Set,
    /// It commits, but the ciphertext was altered.
    Ciphertext,
    /// It opens.
    Opens,
}

impl Stage {
    /// The stage in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Syntax => "syntax",
            Stage::Key => "key",
            Stage::Commitment => "commitment",
            Stage::Set => "set",
            Stage::Ciphertext => "ciphertext",
            Stage::Opens => "opens",
        }
    }
}

/// What a diagnosis found. It holds no plaintext.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Layout T: one entry a protected position, in document order. Layout D: the document, and its positions where it
    /// came that far.
    pub findings: Vec<Finding>,
}

/// One position, or the document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// Normalized path; `None` for the document of layout D.
    pub path: Option<String>,
    /// The key that the token names.
    pub key_id: Option<String>,
    /// How far it came.
    pub stage: Stage,
    /// What stopped it, where that is public: faults of syntax and key.
    pub fault: Option<Error>,
    /// Which of the candidate contexts it commits to, where it does not commit to the stated one.
    pub candidate: Option<usize>,
}

/// Most candidate contexts that one diagnosis tests.
pub(super) const MAX_CANDIDATES: usize = 64;

pub(super) fn diagnose(
    cipher: &FieldCipher,
    document: &[u8],
    context: &Context,
    candidates: &[Context],
    uses: &mut Uses,
) -> Result<Diagnosis> {
    if candidates.len() > MAX_CANDIDATES {
        return Err(Error::because(Code::InvalidArgument, "at most 64 candidate contexts"));
    }
    context.demand_purpose()?;
    let policy = cipher.policy.inner();
    let mut selection = read(policy, document, &cipher.limits)?;
    if policy.layout == Layout::Document && !selection.root_is_object {
        return Err(Error::new(Code::RootNotObject));
    }
    selection.settle(policy, &cipher.limits, false)?;
    let findings = match policy.layout {
        Layout::Token => tokens(cipher, &selection, context, candidates, uses)?,
        Layout::Document => document_findings(cipher, &selection, context, candidates, uses)?,
    };
    for finding in &findings {
        let code = match (finding.stage, &finding.fault) {
            (Stage::Opens, _) => continue,
            (_, Some(fault)) => fault.code(),
            (_, None) => Code::Rejected,
        };
        uses.note_failed(None, code);
    }
    Ok(Diagnosis { findings })
}

fn tokens(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    candidates: &[Context],
    uses: &mut Uses,
) -> Result<Vec<Finding>> {
    let ring = cipher.ring.current();
    let mut findings = Vec::with_capacity(selection.fields.len());
    let starts: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
    let mut reader = TokenReader::new(KeyChoice::new(&ring, context)?, cipher.limits.field);
    let mut bodies: Vec<Option<Body>> = Vec::with_capacity(selection.fields.len());
    let mut body = Vec::new();
    for ((at, field), path) in selection.fields.iter().enumerate().zip(selection.paths(&starts)?) {
        let string = sealed_string(selection, field, Prefix::Token);
        let kid = string.as_deref().ok().and_then(|string| kid_of(string, &mut body));
        let rule = rule_of(cipher.policy.inner(), field)?;
        let read = string.and_then(|string| reader.read(&string, rule, field, at));
        let mut finding =
            Finding { path: Some(path), key_id: kid, stage: Stage::Opens, fault: None, candidate: None };
        bodies.push(read.map_err(|fault| finding.stop(fault)).ok());
        findings.push(finding);
    }
    let keys = reader.keys;
    uses.note_bodies(selection, &keys, bodies.iter().flatten())?;
    let missing = |finding: &Finding| finding.stage == Stage::Commitment && finding.candidate.is_none();
    let binder = || Binder::new(cipher.policy.inner(), selection, &cipher.limits);
    let mut opener = TokenOpener::new(cipher, selection, binder());
    for (body, finding) in bodies.iter().zip(&mut findings) {
        let Some(body) = body else { continue };
        match opener.commits(&keys, body) {
            Ok(true) => {}
            Ok(false) => finding.stage = Stage::Commitment,
            Err(error) if error.code() == Code::Rejected => finding.stage = Stage::Commitment,
            Err(error) => return Err(error),
        }
    }
    for (number, candidate) in candidates.iter().enumerate() {
        if !findings.iter().any(missing) {
            break;
        }
        let choice = KeyChoice::new(&ring, candidate);
        let Ok(choice) = choice else { continue };
        let mut other = TokenReader::new(choice, cipher.limits.field);
        let mut opener = TokenOpener::new(cipher, selection, binder());
        let mut tried = Vec::new();
        for (at, (field, finding)) in selection.fields.iter().zip(&mut findings).enumerate() {
            if !missing(finding) {
                continue;
            }
            let rule = rule_of(cipher.policy.inner(), field)?;
            let string = sealed_string(selection, field, Prefix::Token)?;
            // A key that does not serve the candidate is not tried.
            let Ok(body) = other.read(&string, rule, field, at) else { continue };
            if opener.commits(&other.keys, &body).unwrap_or(false) {
                finding.candidate = Some(number);
            }
            tried.push(body);
        }
        uses.note_bodies(selection, &other.keys, tried.iter())?;
    }
    for (body, finding) in bodies.iter().zip(&mut findings) {
        if let (Some(body), Stage::Opens) = (body, finding.stage)
            && opener.open(&keys, body).is_err()
        {
            finding.stage = Stage::Ciphertext;
        }
    }
    Ok(findings)
}

fn document_findings(
    cipher: &FieldCipher,
    selection: &Selection<'_>,
    context: &Context,
    candidates: &[Context],
    uses: &mut Uses,
) -> Result<Vec<Finding>> {
    let policy = cipher.policy.inner();
    let mut whole = Finding { path: None, key_id: None, stage: Stage::Opens, fault: None, candidate: None };
    let header = match selection.header {
        Some(span) => read_header(selection, span),
        None if selection.has_field_string => {
            Err(Error::because(Code::MalformedToken, "the header is missing"))
        }
        None => {
            Err(Error::because(Code::NotEncrypted, format!("the document has no member `{}`", policy.header)))
        }
    };
    let (header, kid) = match header {
        Ok(header) => header,
        Err(fault) => {
            whole.stop(fault);
            return Ok(vec![whole]);
        }
    };
    whole.key_id = Some(kid.clone());
    let ring = cipher.ring.current();
    let rules = || policy.rules.iter().map(|rule| &rule.keys);
    let choice = KeyChoice::new(&ring, context)?;
    let chosen = match choice.for_decryption(rules(), &kid, header.suite) {
        Ok(chosen) => chosen,
        Err(fault) => {
            whole.stop(fault);
            return Ok(vec![whole]);
        }
    };
    uses.note_document(selection, &chosen);
    let Ok(opener) = Opener::new(chosen.key_use(), &header) else {
        whole.stage = Stage::Commitment;
        whole.candidate = candidates.iter().position(|candidate| {
            let opens = KeyChoice::new(&ring, candidate).and_then(|choice| {
                let chosen = choice.for_decryption(rules(), &kid, header.suite)?;
                uses.note_document(selection, &chosen);
                Opener::new(chosen.key_use(), &header)
            });
            opens.is_ok()
        });
        return Ok(vec![whole]);
    };

    let mut fields = Vec::new();
    let mut findings = Vec::with_capacity(selection.fields.len() + 1);
    let starts: Vec<u32> = selection.fields.iter().map(|field| field.start).collect();
    let (mut scratch, mut padded) = (Vec::with_capacity(256), 0);
    for ((at, field), path) in selection.fields.iter().enumerate().zip(selection.paths(&starts)?) {
        let read = read_field(selection, field, at, cipher.limits.field, (&mut scratch, &mut padded));
        let key_id = Some(kid.clone());
        let mut finding =
            Finding { path: Some(path), key_id, stage: Stage::Opens, fault: None, candidate: None };
        match read {
            Ok(read) => fields.push(read),
            Err(fault) => finding.stop(fault),
        }
        findings.push(finding);
    }
    let mut opener = FieldOpener::new(cipher, selection, opener);
    let verified =
        opener.authenticate(&fields, header.count)? && verify(cipher, selection, &mut opener.opener).is_ok();
    if !verified {
        whole.stage = Stage::Set;
        opener.opener.leave_unverified();
    }
    for read in fields {
        if let (Err(_), Some(finding)) = (opener.open(read), findings.get_mut(read.field as usize)) {
            finding.stage = Stage::Ciphertext;
        }
    }
    findings.insert(0, whole);
    Ok(findings)
}

impl Finding {
    fn stop(&mut self, fault: Error) {
        let syntax = matches!(
            fault.code(),
            Code::MalformedToken
                | Code::LimitField
                | Code::NotEncrypted
                | Code::LayoutMismatch
                | Code::ModeMismatch
        );
        self.stage = if syntax { Stage::Syntax } else { Stage::Key };
        self.fault = Some(fault);
    }
}

/// The key id of a token that is whole: of a clear text that begins like one no part is told.
fn kid_of(string: &[u8], body: &mut Vec<u8>) -> Option<String> {
    text::parse_token(string, body).ok().map(str::to_owned)
}
