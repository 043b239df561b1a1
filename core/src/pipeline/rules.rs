//! What both sides demand of profiles, keys and content.

use crate::error::{Code, Error, Result};
use crate::http::message::{Message, media_type};
use crate::keys::signing::SigningKey;
use crate::signing::profile::Profile;

/// Fields whose values are computed from content. Made of clear content they would tell what the encryption hides.
const DIGESTS: [&str; 5] = ["content-digest", "repr-digest", "unencoded-digest", "digest", "content-md5"];

/// A profile under which the content is proved, accepted once, and signed by one principal.
///
/// # Errors
/// [`Code::ProfileFile`].
pub(super) fn check_profile(profile: &Profile) -> Result<()> {
    let data = &*profile.0;
    let reason = if !data.content {
        "it does not demand a digest of content"
    } else if !data.nonce || !data.bind {
        "it does not demand a nonce, or does not bind responses by it"
    } else if data.principals.len() > 1 {
        "it demands several signatures, so that content has no one principal"
    } else {
        return Ok(());
    };
    Err(Error::because(Code::ProfileFile, format!("no profile to protect and accept under: {reason}")))
}

/// Whose message it is.
///
/// # Errors
/// [`Code::KeyState`].
pub(super) fn principal(key: &SigningKey) -> Result<&str> {
    let none = || Error::because(Code::KeyState, "it names no principal").with_kid(key.kid.as_str());
    key.principal.as_deref().ok_or_else(none)
}

/// Content that fields can be in: one JSON text as it is, under a media type that says so.
///
/// # Errors
/// `code`, with the reason.
pub(super) fn check_content(message: &Message<'_>, code: Code) -> Result<()> {
    let mut types = message.lines("content-type");
    let json = types.next().is_some_and(|value| {
        media_type(value).is_some_and(|name| name == "application/json" || name.ends_with("+json"))
    });
    let reason = if message.body.is_empty() {
        "it has no content; sign and verify is what such messages need"
    } else if !json || types.next().is_some() {
        "its Content-Type is not application/json, nor one that ends with +json"
    } else if message.lines("content-encoding").next().is_some() {
        "it has a Content-Encoding; fields are encrypted in plain JSON, and what is compressed later does not verify"
    } else {
        return Ok(());
    };
    Err(Error::because(code, reason))
}

/// # Errors
/// [`Code::NotSignable`].
pub(super) fn check_no_digest(message: &Message<'_>) -> Result<()> {
    match DIGESTS.iter().find(|name| message.lines(name).next().is_some()) {
        Some(name) => {
            let reason = format!("take `{name}` out: it is computed from content that is to be hidden");
            Err(Error::because(Code::NotSignable, reason))
        }
        None => Ok(()),
    }
}
