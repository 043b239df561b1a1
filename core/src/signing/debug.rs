//! The debug token: by it a verifier names the line of the signature base in which the two sides differ.
//!
//! The header `signature-debug` is a dictionary that has, under the label of a signature, four bytes for each line of its
//! base, the line of the parameters included:
//!
//! ```text
//! K_dbg  = HMAC-SHA-256(K_ctx, "apiseal/v1/dbg" ‖ 00 ‖ u32(len nonce) ‖ nonce ‖ 01)
//! tag(i) = HMAC-SHA-256(K_dbg, u32(i) ‖ line i)[0..4]
//! ```
//!
//! K_ctx is the secret of the signature, so that only the two sides can make or read the tags: a value that is easily
//! guessed (a bearer token, an account) stays hidden. The nonce in the derivation makes equal lines of two messages look
//! different. A base begins with a quote, the derivation with a letter: no tag and no K_dbg is ever the MAC of a base,
//! and a tag is 28 bytes too short for one. The header is covered by nothing and trusted for nothing: it says where to
//! look, and never changes a verdict. Signers send it only when told to. Bases of more than 64 lines have no token.

use crate::error::{Code, Error, Result};
use crate::http::message::Message;
use crate::http::sf;
use crate::keys::sign::SignatureKey;
use crate::signing::rules;

/// The header.
pub(crate) const FIELD: &str = "signature-debug";

/// The longest base that has a token.
const MAX_LINES: usize = 64;

fn lines(base: &[u8]) -> impl Iterator<Item = &[u8]> {
    base.split(|byte| *byte == b'\n')
}

/// The value of the header.
///
/// # Errors
/// [`Code::NotSignable`] without a shared secret or a nonce, or if the base is too long.
pub(crate) fn field(label: &str, key: &SignatureKey, nonce: Option<&str>, base: &[u8]) -> Result<String> {
    let refused = |detail| Err(Error::because(Code::NotSignable, detail));
    let Some(nonce) = nonce else { return refused("a debug token needs a nonce") };
    if lines(base).count() > MAX_LINES {
        return refused("a debug token is made for at most 64 lines");
    }
    let Some(tags) = key.debug_tags(nonce, lines(base)) else {
        return refused("a debug token needs a shared secret");
    };
    Ok(format!("{label}=:{}:", base64_simd::STANDARD.encode_to_string(tags.concat())))
}

/// What a token says about a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// These lines differ, counted from 0; the other side has as many lines.
    Lines(Vec<usize>),
    /// The sides have different numbers of lines.
    Count { signed: usize },
    /// No line agrees: the other side has another secret.
    Secret,
}

/// Compares the base with the token in the message, if there is one that can be read.
pub(crate) fn compare(
    message: &Message<'_>,
    label: &str,
    key: &SignatureKey,
    nonce: Option<&str>,
    base: &[u8],
) -> Option<Hint> {
    let field = rules::joined(message, FIELD)?;
    let mut text = None;
    sf::byte_sequences(&field, |own, value| {
        if own == label {
            text = value;
        }
        Ok(())
    })
    .ok()?;
    let text = text.filter(|text| text.len() <= MAX_LINES.saturating_mul(6))?;
    let token = base64_simd::STANDARD.decode_to_vec(text).ok()?;
    let (tags, rest) = token.as_chunks::<4>();
    let count = lines(base).count();
    if tags.is_empty() || !rest.is_empty() || tags.len() > MAX_LINES || count > MAX_LINES {
        return None;
    }
    if tags.len() != count {
        return Some(Hint::Count { signed: tags.len() });
    }
    let own = key.debug_tags(nonce?, lines(base))?;
    let differing: Vec<usize> =
        own.iter().zip(tags).enumerate().filter(|(_, (own, sent))| own != sent).map(|(at, _)| at).collect();
    Some(if count > 1 && differing.len() == count { Hint::Secret } else { Hint::Lines(differing) })
}
