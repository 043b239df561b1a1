//! What a verification proved. A handler that takes [`Verified`] cannot read an unsigned header by accident.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Code, Error, Result};
use crate::http::component::Component;
use crate::keys::signing::SigningKey;
use crate::signing::base::Covered;

/// One signature that holds: who made it, and what exactly it covers.
pub struct Proof {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) texts: Texts,
    pub(crate) created: u64,
    pub(crate) covered: Covered,
}

/// Label, tag and nonce one after the other: one allocation, where every message costs one.
pub(crate) struct Texts {
    all: Box<str>,
    /// Where the label ends.
    label: usize,
    /// Where the tag ends, if there is one.
    tag: Option<usize>,
    /// Where the nonce begins, if there is one.
    nonce: Option<usize>,
}

impl Texts {
    pub(crate) fn new(label: &str, tag: Option<&str>, nonce: Option<&str>) -> Self {
        let end = label.len() + tag.unwrap_or_default().len();
        let all = [label, tag.unwrap_or_default(), nonce.unwrap_or_default()].concat().into_boxed_str();
        Texts { all, label: label.len(), tag: tag.map(|_| end), nonce: nonce.map(|_| end) }
    }
}

impl Proof {
    /// Id of the key in our ring.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key.kid.as_str()
    }

    /// Whose key it is. That this principal may do what the message asks for is for the application to check.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.key.principal.as_deref()
    }

    /// The context of a derived key, or the scope of a raw one, ascending by name.
    pub fn scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.key.scope.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The label of the signature, which carries no meaning.
    #[must_use]
    pub fn label(&self) -> &str {
        self.texts.all.get(..self.texts.label).unwrap_or_default()
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.texts.tag.and_then(|end| self.texts.all.get(self.texts.label..end))
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.texts.nonce.and_then(|from| self.texts.all.get(from..))
    }

    /// When the signature was created, in Unix seconds.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The value of a covered component: a name, for example `@method` or `content-type`, or an identifier with
    /// parameters, for example `"@query-param";name="id"`. `None` means that nobody vouches for it.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&str> {
        let value = match id.starts_with('"') {
            true => self.covered.get(&Component::parse(id).ok()?),
            false => self
                .covered
                .iter()
                .find(|(own, _)| own.strip_prefix('"').and_then(|own| own.strip_suffix('"')) == Some(id))
                .map(|(_, value)| value),
        };
        std::str::from_utf8(value?).ok()
    }

    /// Every covered component with its value, in the order of the signature.
    pub fn components(&self) -> impl Iterator<Item = (&str, &str)> {
        self.covered.iter().map(|(id, value)| (id, std::str::from_utf8(value).unwrap_or_default()))
    }

    /// The signature base, for a log that explains what was signed. It holds header values.
    #[must_use]
    pub fn base(&self) -> &[u8] {
        self.covered.base()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.covered.iter().map(|(id, _)| id).collect();
        f.debug_struct("Proof")
            .field("key_id", &self.key_id())
            .field("principal", &self.principal())
            .field("created", &self.created)
            .field("components", &ids)
            .finish_non_exhaustive()
    }
}

/// A message whose signature, freshness, digest and nonce hold.
#[derive(Debug)]
pub struct Verified<'m> {
    pub(crate) first: Proof,
    pub(crate) others: Vec<Proof>,
    pub(crate) body: Body<'m>,
    /// A response was signed for it.
    pub(crate) answered: AtomicBool,
    /// A response to it was accepted.
    pub(crate) received: AtomicBool,
}

/// The content, as far as it was proved.
pub(crate) enum Body<'m> {
    /// Every byte is covered by a digest, or there is none.
    Checked(&'m [u8]),
    /// The same, but it was handed to the caller's own sink.
    Spooled,
    /// No signature covers a digest of it.
    Unproved,
}

impl Body<'_> {
    /// As far as it was proved, without the bytes.
    pub(crate) fn detached(self) -> Body<'static> {
        match self {
            Body::Checked(_) | Body::Spooled => Body::Spooled,
            Body::Unproved => Body::Unproved,
        }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Checked(bytes) => write!(f, "{} bytes", bytes.len()),
            Body::Spooled => f.write_str("spooled"),
            Body::Unproved => f.write_str("unproved"),
        }
    }
}

impl<'m> Verified<'m> {
    /// Every signature that the profile demands; most demand one.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The content as it was received, if its digest is covered and right; also if there is none. `None` if nothing
    /// vouches for the content, or it went to the caller's sink.
    #[must_use]
    pub fn body(&self) -> Option<&'m [u8]> {
        match self.body {
            Body::Checked(bytes) => Some(bytes),
            Body::Spooled | Body::Unproved => None,
        }
    }

    /// Whether every byte of the content is covered by a digest that holds, or there is none.
    #[must_use]
    pub fn is_body_proved(&self) -> bool {
        !matches!(self.body, Body::Unproved)
    }

    /// The verdict without the content, which stays with the caller: [`Verified::body`] is `None` from now on.
    #[must_use]
    pub fn detached(self) -> Verified<'static> {
        let Verified { first, others, body, answered, received } = self;
        Verified { first, others, body: body.detached(), answered, received }
    }

    /// Takes the right to answer: there is one final response to a request (case 74).
    pub(crate) fn answer(&self) -> Result<()> {
        match self.answered.swap(true, Ordering::AcqRel) {
            false => Ok(()),
            true => Err(Error::because(Code::NotSignable, "the request was answered already")),
        }
    }
}

/// The first proof: most profiles demand one signature.
impl std::ops::Deref for Verified<'_> {
    type Target = Proof;

    fn deref(&self) -> &Proof {
        &self.first
    }
}
