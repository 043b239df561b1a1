//! Layout T: one value, one salt, one key, one token.

use crate::aead::{self, TAG_LEN};
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Mode, Suite};
use crate::keys::derive::{ContextKey, Label};
use crate::secret::{self, Wiped};
use crate::token::pad::{self, Padding};
use crate::token::text::{self, SALT_LEN, TOKEN_HEAD};

/// The key that seals or opens a value.
#[derive(Clone, Copy)]
pub(crate) struct KeyUse<'k> {
    pub(crate) kid: &'k Kid,
    pub(crate) suite: Suite,
    pub(crate) context_key: &'k ContextKey,
}

/// Appends the associated data: `u8(suite) ‖ u8(mode) ‖ lp(position) ‖ lp(bound)`.
pub(crate) fn write_associated_data(
    out: &mut Vec<u8>,
    suite: Suite,
    mode: Mode,
    position: &[u8],
    bound: &[u8],
) {
    out.extend_from_slice(&[suite.byte(), mode.byte()]);
    write_prefixed(out, position);
    write_prefixed(out, bound);
}

/// Appends the length as u32, then the bytes.
pub(crate) fn write_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// All that goes into a token but its value.
#[derive(Clone, Copy)]
pub(crate) struct Sealing<'a> {
    pub(crate) key: KeyUse<'a>,
    pub(crate) mode: Mode,
    /// Fresh, and used for this token only.
    pub(crate) salt: &'a [u8; SALT_LEN],
    pub(crate) aad: &'a [u8],
    pub(crate) padding: Padding,
}

impl Sealing<'_> {
    /// Appends the token, with quotes, for the exact JSON text `value`. `work` is scratch space.
    pub(crate) fn seal(&self, out: &mut Vec<u8>, work: &mut Wiped, value: &[u8]) -> Result<()> {
        let Sealing { key, mode, salt, aad, padding } = *self;
        let padded = padding.padded_len(value.len());
        work.renew(TOKEN_HEAD + padded + TAG_LEN);
        work.extend_from_slice(&[key.suite.byte(), mode.byte()]);
        work.extend_from_slice(salt);
        let mut derived = [0; 32];
        key.context_key.expand(Label::Com, &[salt, aad], &mut derived);
        work.extend_from_slice(&derived);
        work.extend_from_slice(value);
        work.resize(TOKEN_HEAD + padded, 0);
        key.context_key.expand(Label::Key, &[salt, &[key.suite.byte(), mode.byte()]], &mut derived);
        let tag = aead::seal_once(key.suite, &derived, aad, work.get_mut(TOKEN_HEAD..).unwrap_or_default());
        secret::wipe(&mut derived);
        work.extend_from_slice(&tag?);
        text::write_token(out, key.kid, work);
        Ok(())
    }
}

/// Opens a token's decoded body in place and returns the text without padding, still to be checked as JSON.
///
/// # Errors
/// [`Code::Rejected`]: the commitment, compared in constant time and before the cipher runs, or the tag is wrong.
pub(crate) fn open<'b>(body: &'b mut [u8], key: KeyUse<'_>, mode: Mode, aad: &[u8]) -> Result<&'b [u8]> {
    let rejected = || Error::new(Code::Rejected);
    if !commits(body, key, aad) {
        return Err(rejected());
    }
    let (head, rest) = body.split_at_mut_checked(TOKEN_HEAD).ok_or_else(rejected)?;
    let salt = head.get(2..2 + SALT_LEN).ok_or_else(rejected)?;
    let mut derived = [0; 32];
    key.context_key.expand(Label::Key, &[salt, &[key.suite.byte(), mode.byte()]], &mut derived);
    let len = rest.len().checked_sub(TAG_LEN).ok_or_else(rejected)?;
    let (ciphertext, tag) = rest.split_at_mut(len);
    let opened = aead::open_once(key.suite, &derived, aad, ciphertext, tag);
    secret::wipe(&mut derived);
    opened?;
    Ok(pad::strip(ciphertext))
}

/// Whether a token's decoded body commits to this key and this associated data, in constant time.
pub(crate) fn commits(body: &[u8], key: KeyUse<'_>, aad: &[u8]) -> bool {
    let Some(salt) = body.get(2..2 + SALT_LEN) else { return false };
    let Some(commitment) = body.get(2 + SALT_LEN..).and_then(<[u8]>::first_chunk) else { return false };
    let mut expected = [0; 32];
    key.context_key.expand(Label::Com, &[salt, aad], &mut expected);
    secret::equal(&expected, commitment)
}
