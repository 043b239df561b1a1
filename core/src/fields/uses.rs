//! Which keys a call used, for audit events. Nothing is noted where nobody listens.

use std::collections::BTreeMap;

use crate::audit::{self, Event, Operation};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::cipher::FieldCipher;
use crate::fields::keychoice::Chosen;
use crate::fields::opening::{Body, Keys};
use crate::ids::Kid;
use crate::policy::select::Selection;

/// Uses of keys by one call.
pub(super) struct Uses {
    heard: bool,
    list: Vec<Use>,
    /// Clear values that were let through, by rule.
    plain: Vec<(u16, u64)>,
    /// Values that did not open in a call that goes on without them, by rule and reason.
    failed: Vec<(Option<u16>, Code, u64)>,
}

struct Use {
    rule: Option<u16>,
    kid: Kid,
    tag: [u8; 8],
    count: u64,
}

impl Uses {
    /// Notes that a key serves `count` values of a rule.
    pub(super) fn note(&mut self, rule: Option<u16>, chosen: &Chosen<'_>, count: u64) {
        if !self.heard {
            return;
        }
        let (kid, tag) = (&chosen.key.kid, chosen.key_use().context_key.audit_tag());
        match self.list.iter_mut().find(|own| own.rule == rule && own.kid == *kid && own.tag == tag) {
            Some(own) => own.count += count,
            None => self.list.push(Use { rule, kid: kid.clone(), tag, count }),
        }
    }

    /// Notes that a value did not open, where the call itself succeeds.
    pub(super) fn note_failed(&mut self, rule: Option<u16>, code: Code) {
        if !self.heard {
            return;
        }
        match self.failed.iter_mut().find(|own| own.0 == rule && own.1 == code) {
            Some(own) => own.2 += 1,
            None => self.failed.push((rule, code, 1)),
        }
    }

    /// Notes the keys of tokens that were read.
    pub(super) fn note_bodies<'b>(
        &mut self,
        selection: &Selection<'_>,
        keys: &Keys<'_>,
        bodies: impl Iterator<Item = &'b Body>,
    ) -> Result<()> {
        if !self.heard {
            return Ok(());
        }
        let internal = || Error::new(Code::Internal);
        // A key is found once for each rule: the counts are kept by key.
        let mut counts: Vec<(u16, u64)> = vec![(0, 0); keys.chosen.len()];
        for body in bodies {
            let field = selection.fields.get(body.field as usize).ok_or_else(internal)?;
            let (rule, count) = counts.get_mut(body.key as usize).ok_or_else(internal)?;
            *rule = field.rule;
            *count += 1;
        }
        for (chosen, (rule, count)) in keys.chosen.iter().zip(counts).filter(|(_, (_, count))| *count > 0) {
            self.note(Some(rule), chosen, count);
        }
        Ok(())
    }

    /// Notes the one key of a document of layout D, for each rule that selects something.
    pub(super) fn note_document(&mut self, selection: &Selection<'_>, chosen: &Chosen<'_>) {
        if !self.heard {
            return;
        }
        let mut counts: BTreeMap<u16, u64> = BTreeMap::new();
        for field in selection.fields.iter() {
            *counts.entry(field.rule).or_default() += 1;
        }
        for (rule, count) in counts {
            self.note(Some(rule), chosen, count);
        }
        if selection.fields.is_empty() {
            self.note(None, chosen, 0);
        }
    }

    /// Notes clear values that begin at these places.
    pub(super) fn note_plain(&mut self, selection: &Selection<'_>, starts: &[u32]) {
        if !self.heard {
            return;
        }
        for field in selection.fields.iter().filter(|field| starts.binary_search(&field.start).is_ok()) {
            match self.plain.iter_mut().find(|own| own.0 == field.rule) {
                Some(own) => own.1 += 1,
                None => self.plain.push((field.rule, 1)),
            }
        }
    }
}

/// Runs an operation and tells whoever listens which keys it used, and how it ended.
pub(super) fn told<T>(
    cipher: &FieldCipher,
    operation: Operation,
    context: &Context,
    run: impl FnOnce(&mut Uses) -> Result<T>,
) -> Result<T> {
    let hook = cipher.audit.as_deref();
    let heard = audit::is_heard(hook);
    let mut uses = Uses { heard, list: Vec::new(), plain: Vec::new(), failed: Vec::new() };
    let result = run(&mut uses);
    if uses.heard {
        let failure = result.as_ref().err().map(Error::code);
        tell(cipher, operation, context, &uses, failure);
    }
    result
}

fn tell(cipher: &FieldCipher, operation: Operation, context: &Context, uses: &Uses, failure: Option<Code>) {
    let policy = cipher.policy.inner();
    let path = |rule: u16| policy.rules.get(usize::from(rule)).map(|rule| rule.query.text());
    let context_names: Vec<&str> = context.pairs().map(|(name, _)| name).collect();
    let plain_of =
        |rule: Option<u16>| uses.plain.iter().find(|own| Some(own.0) == rule).map_or(0, |(_, count)| *count);
    let without_key = Event {
        operation,
        policy: &policy.id,
        rule: None,
        key_id: None,
        context_names: &context_names,
        context_tag: None,
        count: 0,
        accepted_plain: 0,
        failure,
    };
    let emit = |event: &Event<'_>| audit::emit(cipher.audit.as_deref(), event);
    for own in &uses.list {
        emit(&Event {
            rule: own.rule.and_then(path),
            key_id: Some(own.kid.as_str()),
            context_tag: Some(own.tag),
            count: own.count,
            accepted_plain: plain_of(own.rule),
            ..without_key
        });
    }
    for (rule, code, count) in &uses.failed {
        emit(&Event { rule: rule.and_then(path), count: *count, failure: Some(*code), ..without_key });
    }
    let keyless = uses.plain.iter().filter(|(rule, _)| uses.list.iter().all(|own| own.rule != Some(*rule)));
    for (rule, accepted_plain) in keyless {
        emit(&Event { rule: path(*rule), accepted_plain: *accepted_plain, ..without_key });
    }
    if failure.is_some() && uses.list.is_empty() && uses.plain.is_empty() {
        emit(&without_key);
    }
}
