//! Where bound members are found: paths from the root, and paths from above a protected value.

use crate::policy::program::{Step, Test};

/// Paths of bound members, each once.
#[derive(Default)]
pub(super) struct Patterns {
    pub(super) list: Vec<(Vec<Step>, Levels)>,
}

/// How many levels a bound member lies below its anchor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels(pub(super) u16);

/// The position of a bound member below its anchor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Below {
    /// Encoded: there is one, whatever the document.
    Known(Vec<u8>),
    /// So many steps, one of which is a name or an index as the document has it.
    Wanders(u16),
}

impl Below {
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut position = Vec::new();
        for step in steps {
            match step.tests.as_slice() {
                [Test::Name(name)] => {
                    position.push(0x01);
                    position.extend_from_slice(&(name.len() as u32).to_be_bytes());
                    position.extend_from_slice(name);
                }
                [Test::Index(index)] => {
                    position.push(0x02);
                    // No element has an index that does not fit.
                    position.extend_from_slice(&(*index as u32).to_be_bytes());
                }
                _ => return Below::Wanders(steps.len() as u16),
            }
        }
        Below::Known(position)
    }
}

impl Patterns {
    pub(super) fn add(&mut self, steps: Vec<Step>, levels: usize) -> u16 {
        let pattern = (steps, Levels(levels as u16));
        let at = self.list.iter().position(|own| *own == pattern).unwrap_or_else(|| {
            self.list.push(pattern);
            self.list.len() - 1
        });
        at as u16
    }
}

/// Where the ancestor of a rule's values may be: below these steps, or also anywhere beneath.
pub(super) struct Ancestor {
    pub(super) steps: Vec<Step>,
    pub(super) anywhere_below: bool,
}

/// The ancestor `up` levels above a value, or `None` if the path is never that deep.
pub(super) fn ancestor(steps: &[Step], up: usize) -> Option<Ancestor> {
    let last_descent = steps.iter().rposition(|step| step.descend);
    match steps.len().checked_sub(up) {
        Some(kept) if last_descent.is_none_or(|at| at < kept) => {
            Some(Ancestor { steps: steps.get(..kept)?.to_vec(), anywhere_below: false })
        }
        kept => {
            // Climbing through a descendant step may end anywhere below what stands before it.
            let descent = steps.iter().position(|step| step.descend)?;
            let kept = kept.unwrap_or(0).min(descent);
            Some(Ancestor { steps: steps.get(..kept)?.to_vec(), anywhere_below: true })
        }
    }
}

pub(super) fn decode_pointer_token(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        match part.as_bytes().first()? {
            b'0' => out.push('~'),
            b'1' => out.push('/'),
            _ => return None,
        }
        out.push_str(part.get(1..)?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::path::Query;
    use crate::policy::program::widen;

    #[test]
    fn ancestors_through_descendants_are_widened() {
        let steps = |path: &str| widen(&Query::parse(path).unwrap()).0;
        let above =
            |path: &str, up: usize| ancestor(&steps(path), up).map(|a| (a.steps.len(), a.anywhere_below));
        assert_eq!(above("$.a[*].b", 1), Some((2, false)));
        assert_eq!(above("$.a[*].b", 3), Some((0, false)));
        assert_eq!(above("$.a[*].b", 4), None);
        assert_eq!(above("$.x..a.b", 1), Some((2, false)));
        assert_eq!(above("$.x..a.b", 2), Some((1, true)));
        assert_eq!(above("$.x..a.b", 3), Some((0, true)));
        assert_eq!(above("$.x..a.b", 9), Some((0, true)));
    }
}
