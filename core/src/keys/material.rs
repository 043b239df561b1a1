//! What the keys of a ring are made from: a root of its own, or the key of one context.

use std::fmt;

use crate::context::Context;
use crate::ids::Kid;
use crate::keys::raw::RawKey;
use crate::secret::Secret32;

/// The secret of a ring entry, or where it comes from. The types are different in files too: one is never
/// taken for another.
#[derive(Clone)]
pub(crate) enum Material {
    /// Uniformly random bytes, from which the key of any context is derived.
    Root(Secret32),
    /// The key of one context alone, for a party that holds nothing else.
    Delegated { context: Context, secret: Secret32 },
    /// The key of one context, derived from a root of the same ring under this entry's own id.
    Reference { context: Context, root: Kid },
    /// A signing key that is used as it is.
    Raw(Box<RawKey>),
}

impl Material {
    /// The only context that the entry serves; a root serves all.
    pub(crate) fn context(&self) -> Option<&Context> {
        match self {
            Material::Root(_) | Material::Raw(_) => None,
            Material::Delegated { context, .. } | Material::Reference { context, .. } => Some(context),
        }
    }

    /// The secret from which the entry derives.
    pub(crate) fn secret(&self) -> Option<&Secret32> {
        match self {
            Material::Root(secret) | Material::Delegated { secret, .. } => Some(secret),
            Material::Reference { .. } | Material::Raw(_) => None,
        }
    }

    /// Whether one of the entry's own keys is this one, with or without zeros after it.
    pub(crate) fn holds(&self, secret: &Secret32) -> bool {
        let same = |bytes: &[u8]| match bytes.split_first_chunk::<32>() {
            Some((start, rest)) => {
                crate::secret::equal(start, secret.expose()) && rest.iter().all(|byte| *byte == 0)
            }
            None => false,
        };
        match self {
            Material::Raw(raw) => raw.secret().is_some_and(same) || raw.public().is_some_and(same),
            _ => self.secret().is_some_and(|own| own.same_as(secret)),
        }
    }

    /// The root that the entry refers to.
    pub(crate) fn root(&self) -> Option<&Kid> {
        match self {
            Material::Reference { root, .. } => Some(root),
            Material::Root(_) | Material::Delegated { .. } | Material::Raw(_) => None,
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Material::Root(_) => "Root(REDACTED)",
            Material::Delegated { .. } => "Delegated(REDACTED)",
            Material::Reference { .. } => "Reference",
            Material::Raw(_) => "Raw(REDACTED)",
        })
    }
}
