//! Members of a rule that stand by themselves.

use crate::clock::parse_full_date;
use crate::error::Result;
use crate::ids::Kid;
use crate::json::reader::{Item, Object};
use crate::policy::program::{self, Step, Test};
use crate::policy::{Keys, Mask, Occurs, PaddingRule, Types};

pub(super) fn flag(rule: &Object<'_, '_>, name: &str) -> Result<bool> {
    rule.optional(name).map_or(Ok(false), Item::boolean)
}

pub(super) fn label_text(item: &Item<'_, '_>) -> Result<Vec<u8>> {
    match item.string()? {
        label if label.is_empty() || label.len() > 1024 => Err(item.fault("expected 1 to 1024 bytes")),
        label => Ok(label.into_bytes()),
    }
}

pub(super) fn types(rule: &Object<'_, '_>) -> Result<Option<Types>> {
    let Some(item) = rule.optional("types") else { return Ok(None) };
    let mut types = 0;
    for item in item.array()? {
        let bit = Types::bit(&item.string()?);
        let bit = bit.ok_or_else(|| item.fault(format!("expected one of {}", Types::NAMES.join(", "))))?;
        if types & bit != 0 {
            return Err(item.fault("stands twice"));
        }
        types |= bit;
    }
    if types == 0 { Err(item.fault("expected at least one type")) } else { Ok(Some(Types(types))) }
}

pub(super) fn keys(rule: &Object<'_, '_>) -> Result<Keys> {
    let Some(item) = rule.optional("keys") else { return Ok(Keys::LikePrimary) };
    if item.is_string() {
        return match item.string()?.as_str() {
            "any" => Ok(Keys::Any),
            _ => Err(item.fault("expected \"any\" or a list of key ids")),
        };
    }
    let mut kids = Vec::new();
    for item in item.array()? {
        let kid =
            Kid::parse(&item.string()?).map_err(|error| item.fault(error.detail().unwrap_or_default()))?;
        if kids.contains(&kid) {
            return Err(item.fault("stands twice"));
        }
        kids.push(kid);
    }
    if kids.is_empty() { Err(item.fault("expected at least one key id")) } else { Ok(Keys::Listed(kids)) }
}

pub(super) fn padding(rule: &Object<'_, '_>) -> Result<PaddingRule> {
    let Some(item) = rule.optional("padding") else { return Ok(PaddingRule::Default) };
    if item.is_object() {
        let multiple = item.object(&["multiple"])?;
        let of = multiple.required("multiple")?;
        return match usize::try_from(of.integer()?) {
            Ok(of @ 2..=65536) => Ok(PaddingRule::Multiple(of)),
            _ => Err(of.fault("expected 2 to 65536")),
        };
    }
    match item.string()?.as_str() {
        "default" => Ok(PaddingRule::Default),
        "none" => Ok(PaddingRule::None),
        _ => Err(item.fault("expected \"default\", \"none\" or {\"multiple\": n}")),
    }
}

pub(super) fn mask(rule: &Object<'_, '_>) -> Result<Mask> {
    let Some(item) = rule.optional("mask") else { return Ok(Mask::Remove) };
    if item.is_object() {
        let keep = item.object(&["keep_last"])?;
        let last = keep.required("keep_last")?;
        return match usize::try_from(last.integer()?) {
            Ok(last @ 1..=64) => Ok(Mask::KeepLast(last)),
            _ => Err(last.fault("expected 1 to 64")),
        };
    }
    match item.string()?.as_str() {
        "remove" => Ok(Mask::Remove),
        _ => Err(item.fault("expected \"remove\" or {\"keep_last\": n}")),
    }
}

pub(super) fn migrate(rule: &Object<'_, '_>) -> Result<Option<u64>> {
    let Some(item) = rule.optional("migrate") else { return Ok(None) };
    let object = item.object(&["accept_plain", "until"])?;
    let accept = object.required("accept_plain")?;
    if !accept.boolean()? {
        return Err(accept.fault("expected true, or leave `migrate` out"));
    }
    let until = object.required("until")?;
    match parse_full_date(&until.string()?) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(until.fault("expected a date such as \"2027-06-30\"")),
    }
}

pub(super) fn occurs(rule: &Object<'_, '_>, steps: &[Step], value_dependent: bool) -> Result<Occurs> {
    let Some(item) = rule.optional("occurs") else { return Ok(Occurs::Required) };
    if item.is_object() {
        let object = item.object(&["exactly", "at_least"])?;
        // A document has no more values.
        let counts = 1..=1 << 20;
        return match (object.optional("exactly"), object.optional("at_least")) {
            (Some(count), None) if counts.contains(&count.integer()?) => {
                Ok(Occurs::Exactly(count.integer()?))
            }
            (None, Some(count)) if counts.contains(&count.integer()?) => {
                Ok(Occurs::AtLeast(count.integer()?))
            }
            _ => Err(item.fault("expected {\"exactly\": n} or {\"at_least\": n}, n from 1 to 1048576")),
        };
    }
    match item.string()?.as_str() {
        "required" => Ok(Occurs::Required),
        "optional" => Ok(Occurs::Optional),
        "each" if value_dependent || last_wildcard(steps).is_none() => {
            Err(item
                .fault("\"each\" needs a path with a wildcard, then names or indices only, and no filter"))
        }
        // The rest of the path is empty: every element has it.
        "each" if last_wildcard(steps) == steps.len().checked_sub(1) => Ok(Occurs::Optional),
        "each" => Ok(Occurs::Each),
        _ => Err(item
            .fault("expected \"required\", \"optional\", \"each\", {\"exactly\": n} or {\"at_least\": n}")),
    }
}

/// The last step that is a plain wildcard, if only names and indices follow it.
pub(super) fn last_wildcard(steps: &[Step]) -> Option<usize> {
    let at = steps.iter().rposition(|step| step.tests == [program::Test::Any])?;
    let singular =
        |step: &Step| !step.descend && matches!(step.tests.as_slice(), [Test::Name(_) | Test::Index(_)]);
    steps.iter().skip(at + 1).all(singular).then_some(at)
}
