//! Whether each rule matched as many values as it states.

use crate::error::{Code, Error, Result};
use crate::policy::select::Selection;
use crate::policy::{Inner, Occurs};

/// Counts the fields of each rule.
pub(crate) fn counts(policy: &Inner, selection: &Selection<'_>) -> Vec<u64> {
    let mut counts = vec![0; policy.rules.len()];
    for field in selection.fields.iter() {
        if let Some(count) = counts.get_mut(usize::from(field.rule)) {
            *count += 1;
        }
    }
    counts
}

/// # Errors
/// [`Code::NoMatch`] or [`Code::Occurs`] for the first rule, in file order, that matched another number.
pub(crate) fn check(policy: &Inner, selection: &Selection<'_>) -> Result<()> {
    let counts = counts(policy, selection);
    for ((rule, matched), elements) in policy.rules.iter().zip(counts).zip(&selection.elements) {
        let path = rule.query.text();
        let wrong = |expected: String| {
            let detail = format!("rule `{path}` matched {matched} values, not {expected}");
            Err(Error::because(Code::Occurs, detail))
        };
        match rule.occurs {
            Occurs::Required if matched == 0 => {
                let detail = format!("rule `{path}`; say \"occurs\": \"optional\" if that is right");
                return Err(Error::because(Code::NoMatch, detail));
            }
            Occurs::Exactly(count) if matched != count => return wrong(count.to_string()),
            Occurs::AtLeast(count) if matched < count => return wrong(format!("at least {count}")),
            Occurs::Each if matched != *elements => {
                return wrong(format!("one in each of {elements} elements"));
            }
            _ => {}
        }
    }
    Ok(())
}
