//! The signature base (RFC 9421, section 2.5), and what it covers.

use std::ops::Range;

use crate::error::{Code, Error, Result};
use crate::http::component::{Component, Source};

/// The base with the places of its components: exactly what a signature proves, and nothing else of the message.
#[derive(Clone, Default)]
pub(crate) struct Covered {
    base: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    id: Range<usize>,
    value: Range<usize>,
}

/// The request that a response answers.
pub(crate) enum Related<'r> {
    /// Only what was covered in it.
    Covered(&'r Covered),
    /// The whole message, as it was sent.
    Message(&'r Source<'r>),
}

impl Covered {
    /// Builds the base: a line for each component, and the line of the parameters, `text`.
    ///
    /// # Errors
    /// [`Code::ComponentMissing`]; [`Code::ResponseMismatch`] if a component of the request is covered and no request is
    /// at hand.
    pub(crate) fn build<'c, 't>(
        components: impl Iterator<Item = (&'c Component<'t>, &'c str)>,
        text: &str,
        source: &Source<'_>,
        related: Option<&Related<'_>>,
    ) -> Result<Self>
    where
        't: 'c,
    {
        let mut base = Vec::with_capacity(512 + 2 * text.len());
        let mut parts = Vec::with_capacity(8);
        for (component, id) in components {
            let from = base.len();
            base.extend_from_slice(id.as_bytes());
            let id = from..base.len();
            base.extend_from_slice(b": ");
            let from = base.len();
            match (component.req, related) {
                (false, _) => source.write(component, &mut base)?,
                (true, Some(Related::Message(request))) => request.write(component, &mut base)?,
                (true, Some(Related::Covered(request))) => {
                    let plain = Component { req: false, ..component.clone() };
                    let value = request.get(&plain).ok_or_else(|| {
                        let detail = format!("{}: the request did not cover it", component.id());
                        Error::because(Code::ComponentMissing, detail)
                    })?;
                    base.extend_from_slice(value);
                }
                (true, None) => return Err(Error::because(Code::ResponseMismatch, "no request is at hand")),
            }
            parts.push(Part { id, value: from..base.len() });
            base.push(b'\n');
        }
        base.extend_from_slice(b"\"@signature-params\": ");
        base.extend_from_slice(text.as_bytes());
        Ok(Covered { base, parts })
    }

    /// The bytes that are signed.
    pub(crate) fn base(&self) -> &[u8] {
        &self.base
    }

    /// The value of a component.
    pub(crate) fn get(&self, component: &Component<'_>) -> Option<&[u8]> {
        let id = component.id();
        self.value(&id).or_else(|| {
            // The same parameters in another order.
            let same = |own: &str| Component::parse(own).is_ok_and(|own| own == *component);
            self.iter().find(|(own, _)| same(own)).map(|(_, value)| value)
        })
    }

    /// The value under an identifier as it stands in the base.
    pub(crate) fn value(&self, id: &str) -> Option<&[u8]> {
        self.iter().find(|(own, _)| *own == id).map(|(_, value)| value)
    }

    /// Identifiers and values, in the order of the base.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let text = |range: &Range<usize>| self.base.get(range.clone()).unwrap_or_default();
        let pair =
            move |part: &Part| (std::str::from_utf8(text(&part.id)).unwrap_or_default(), text(&part.value));
        self.parts.iter().map(pair)
    }
}
