//! Whether each rule matched as many values as it states.

use crate::error::{Code, Error, Result};
use crate::policy::select::{Selection, Tally};
use crate::policy::{Inner, Occurs};

/// # Errors
/// [`Code::NoMatch`] or [`Code::Occurs`] for the first rule, in file order, that matched another number.
pub(crate) fn check(policy: &Inner, selection: &Selection<'_>) -> Result<()> {
    for (rule, &Tally { fields: matched, elements }) in policy.rules.iter().zip(&selection.tallies) {
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
            Occurs::Each if matched != elements => {
                return wrong(format!("one in each of {elements} elements"));
            }
            _ => {}
        }
    }
    Ok(())
}
