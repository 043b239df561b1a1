//! The context: what an encryption belongs to, stated on every call.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::ids::Direction;
use crate::secret::Wiped;

/// Who signed the message that fields travel in.
const PRINCIPAL: &str = "apiseal.principal";
/// Whether that message is a request or a response.
const DIRECTION: &str = "apiseal.direction";

/// 1 to 32 named strings, for example purpose, tenant and environment. Both sides state the same pairs; nothing of
/// them is stored in the document. Put stable scope here and the record's id into the rule's `bind`.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// let context = apiseal::Context::new("orders")?.with("tenant", "acme")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Context {
    /// The canonical encoding, pairs ascending by name. Values may be personal data: it is wiped.
    encoded: Wiped,
    /// SHA-256 of the encoding.
    digest: [u8; 32],
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Context {}

impl Context {
    /// Most pairs a context may have.
    pub const MAX_PAIRS: usize = 32;
    /// Most bytes a name or a value may have.
    pub const MAX_STRING: usize = 1024;

    /// A context with the pair `purpose`, which encryption and decryption demand.
    ///
    /// # Errors
    /// [`Code::ContextTooLong`].
    pub fn new(purpose: &str) -> Result<Self> {
        Context::from_pairs([("purpose", purpose)])
    }

    /// Adds one pair.
    ///
    /// # Errors
    /// [`Code::ContextEmpty`], [`Code::ContextDuplicate`], [`Code::ContextTooLong`], [`Code::ContextReserved`].
    pub fn with(self, name: &str, value: &str) -> Result<Self> {
        Context::from_pairs(self.pairs().chain([(name, value)]))
    }

    /// A context of the given pairs, in any order.
    ///
    /// # Errors
    /// [`Code::ContextEmpty`], [`Code::ContextDuplicate`], [`Code::ContextTooLong`], [`Code::ContextReserved`].
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        Context::checked(pairs, |name| name.starts_with("apiseal."))
    }

    /// As [`Context::from_pairs`], with the names that the library itself adds to what callers state: for the contexts
    /// of exported keys, which hold all pairs.
    pub(crate) fn stored<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let own = |name: &str| name == PRINCIPAL || name == DIRECTION;
        Context::checked(pairs, |name| name.starts_with("apiseal.") && !own(name))
    }

    /// The context of fields inside of a message: what the caller states, who signs, and which way it goes.
    pub(crate) fn of_message(&self, principal: &str, direction: Direction) -> Result<Self> {
        Context::stored(self.pairs().chain([(PRINCIPAL, principal), (DIRECTION, direction.name())]))
    }

    fn checked<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        is_reserved: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let pairs = pairs.into_iter();
        let mut sorted: Vec<(&str, &str)> = Vec::with_capacity(pairs.size_hint().0.min(Self::MAX_PAIRS));
        for (name, value) in pairs {
            if name.is_empty() {
                return Err(Error::new(Code::ContextEmpty));
            }
            if is_reserved(name) {
                return Err(Error::because(Code::ContextReserved, "names must not begin with `apiseal.`"));
            }
            if sorted.len() == Self::MAX_PAIRS
                || name.len() > Self::MAX_STRING
                || value.len() > Self::MAX_STRING
            {
                return Err(Error::because(
                    Code::ContextTooLong,
                    "at most 32 pairs, each name and value at most 1024 bytes",
                ));
            }
            sorted.push((name, value));
        }
        if sorted.is_empty() {
            return Err(Error::new(Code::ContextEmpty));
        }
        sorted.sort_unstable();
        if sorted.windows(2).any(|two| matches!(two, [a, b] if a.0 == b.0)) {
            return Err(Error::new(Code::ContextDuplicate));
        }
        let encoded = encode(&sorted);
        let digest = Sha256::digest(encoded.as_slice()).into();
        Ok(Context { encoded, digest })
    }

    /// The value of a pair.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.encoded_pairs().find(|pair| pair.0 == name.as_bytes()).map(|pair| text(pair.1))
    }

    /// The pairs, ascending by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.encoded_pairs().map(|(name, value)| (text(name), text(value)))
    }

    fn encoded_pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.encoded.get(4..).unwrap_or_default();
        std::iter::from_fn(move || Some((next(&mut rest)?, next(&mut rest)?)))
    }

    /// SHA-256 of the canonical encoding; enters the key derivation.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Fields are only encrypted and decrypted under a stated purpose.
    pub(crate) fn demand_purpose(&self) -> Result<()> {
        let stated = self.encoded_pairs().any(|(name, _)| name == b"purpose");
        if stated { Ok(()) } else { Err(Error::new(Code::ContextMissing)) }
    }
}

/// u32 count, then name and value of each pair, each with a u32 length before it.
fn encode(pairs: &[(&str, &str)]) -> Wiped {
    let len: usize = pairs.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    let mut out = Wiped::with_capacity(4 + len);
    out.extend_from_slice(&(pairs.len() as u32).to_be_bytes());
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Takes the next name or value off an encoding.
fn next<'e>(rest: &mut &'e [u8]) -> Option<&'e [u8]> {
    let (len, after) = rest.split_first_chunk()?;
    let (own, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *rest = after;
    Some(own)
}

/// What was encoded was text.
fn text(encoded: &[u8]) -> &str {
    std::str::from_utf8(encoded).unwrap_or_default()
}

/// Values may be personal data (a patient's number): only names are shown.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")?;
        f.debug_list().entries(self.pairs().map(|pair| pair.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&str, &str)]) -> Code {
        Context::from_pairs(pairs.iter().copied()).unwrap_err().code()
    }

    #[test]
    fn vector_of_the_context_digest() {
        let context = Context::new("users").unwrap().with("tenant", "acme").unwrap();
        let hex: String = context.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "9993258c8602111180bf361898a1a36cbedb3a85ccfe956b9259fcbd20579aa6");
        let other_order = Context::from_pairs([("tenant", "acme"), ("purpose", "users")]).unwrap();
        assert_eq!(context, other_order);
    }

    #[test]
    fn case_7_pairs_are_told_apart_and_bad_ones_refused() {
        let digest = |pairs: &[(&str, &str)]| *Context::from_pairs(pairs.iter().copied()).unwrap().digest();
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_eq!(code(&[]), Code::ContextEmpty);
        assert_eq!(code(&[("", "x")]), Code::ContextEmpty);
        assert_eq!(code(&[("a", "1"), ("b", "2"), ("a", "3")]), Code::ContextDuplicate);
        assert_eq!(code(&[("apiseal.principal", "p")]), Code::ContextReserved);
        assert_eq!(code(&[("a", &"x".repeat(1025))]), Code::ContextTooLong);
        let names: Vec<String> = (0..33).map(|i| format!("n{i}")).collect();
        let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(code(&pairs), Code::ContextTooLong);
        assert!(Context::from_pairs(pairs.into_iter().take(32)).is_ok());
    }

    #[test]
    fn the_context_of_a_message_holds_principal_and_direction() {
        let own = Context::new("orders").unwrap();
        let context = own.of_message("acme", Direction::Request).unwrap();
        let pairs: Vec<_> = context.pairs().collect();
        let expected = [("apiseal.direction", "req"), ("apiseal.principal", "acme"), ("purpose", "orders")];
        assert_eq!(pairs, expected);
        assert_eq!(Context::stored(pairs).unwrap(), context);
        let other = [("purpose", "orders"), ("apiseal.other", "x")];
        assert_eq!(Context::stored(other).unwrap_err().code(), Code::ContextReserved);
        // docs/format.md, section 18.
        let vector = own.of_message("ACME", Direction::Request).unwrap();
        let hex: String = vector.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "fa0ec830d278b0aa4a19b8d2ed89d1de2e97edac459c4de19b9dba9ccf16bb4d");
        let again = context.of_message("evil", Direction::Request);
        assert_eq!(again.unwrap_err().code(), Code::ContextDuplicate);
        let long = own.of_message(&"x".repeat(1025), Direction::Request);
        assert_eq!(long.unwrap_err().code(), Code::ContextTooLong);
    }

    #[test]
    fn values_do_not_print() {
        let context = Context::new("orders").unwrap().with("patient", "12345").unwrap();
        assert_eq!(format!("{context:?}"), r#"Context["patient", "purpose"]"#);
    }
}
