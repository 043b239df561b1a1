//! The text form of tokens, field strings and headers: strict, one spelling for each content.

use base64_simd::URL_SAFE_NO_PAD;

use crate::aead::TAG_LEN;
use crate::error::{Code, Error, Result};
use crate::ids::Kid;

/// Bytes before the ciphertext in a token's body: suite, mode, salt, commitment.
pub(crate) const TOKEN_HEAD: usize = 2 + SALT_LEN + 32;
/// Random bytes in every token and every header.
pub(crate) const SALT_LEN: usize = 24;
/// Bytes of a header's body: suite, mode, salt, commitment, count, MAC.
pub(crate) const HEADER_BODY: usize = 2 + SALT_LEN + 32 + 4 + 32;

/// What a string begins like. The prefixes are for ever ours: no plain value may begin with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// `as1.`
    Token,
    /// `as1f.`
    Field,
    /// `as1d.`
    Header,
    /// `as1r.`, kept for recipients.
    Wrap,
}

/// The prefix of a decoded string, if it has one.
pub(crate) fn prefix(string: &[u8]) -> Option<Prefix> {
    match string.strip_prefix(b"as1")? {
        [b'.', ..] => Some(Prefix::Token),
        [b'f', b'.', ..] => Some(Prefix::Field),
        [b'd', b'.', ..] => Some(Prefix::Header),
        [b'r', b'.', ..] => Some(Prefix::Wrap),
        _ => None,
    }
}

/// Whether a decoded string is completely a token, a field string or a header.
pub(crate) fn is_complete(string: &[u8]) -> bool {
    let mut body = Vec::new();
    match prefix(string) {
        Some(Prefix::Token) => parse_token(string, &mut body).is_ok(),
        Some(Prefix::Field) => parse_field(string, &mut body).is_ok(),
        Some(Prefix::Header) => parse_header(string, &mut body).is_ok(),
        Some(Prefix::Wrap) | None => false,
    }
}

/// Splits `as1.kid.body`; the decoded body goes into `body`, which is emptied first.
pub(crate) fn parse_token<'t>(string: &'t [u8], body: &mut Vec<u8>) -> Result<&'t str> {
    let kid = parse_keyed(string, b"as1.", body)?;
    // A text has at least one byte.
    if body.len() < TOKEN_HEAD + TAG_LEN + 1 {
        return Err(malformed("it is too short"));
    }
    Ok(kid)
}

/// Splits `as1d.kid.body`; the decoded body goes into `body`, which is emptied first.
pub(crate) fn parse_header<'t>(string: &'t [u8], body: &mut Vec<u8>) -> Result<&'t str> {
    let kid = parse_keyed(string, b"as1d.", body)?;
    if body.len() != HEADER_BODY {
        return Err(malformed("the header has another length"));
    }
    Ok(kid)
}

/// Decodes `as1f.body` into `body`, which is emptied first, and returns the counter in its first four bytes.
pub(crate) fn parse_field(string: &[u8], body: &mut Vec<u8>) -> Result<u32> {
    let text = string.strip_prefix(b"as1f.").ok_or_else(|| malformed("it does not begin with `as1f.`"))?;
    decode(text, body)?;
    if body.len() < 4 + TAG_LEN + 1 {
        return Err(malformed("it is too short"));
    }
    body.first_chunk::<4>()
        .map(|counter| u32::from_be_bytes(*counter))
        .ok_or_else(|| malformed("it is too short"))
}

/// Appends `"as1.kid.body"` with quotes.
pub(crate) fn write_token(out: &mut Vec<u8>, kid: &Kid, body: &[u8]) {
    write(out, b"\"as1.", Some(kid), body);
}

/// Appends `"as1d.kid.body"` with quotes.
pub(crate) fn write_header(out: &mut Vec<u8>, kid: &Kid, body: &[u8]) {
    write(out, b"\"as1d.", Some(kid), body);
}

/// Appends `"as1f.body"` with quotes.
pub(crate) fn write_field(out: &mut Vec<u8>, body: &[u8]) {
    write(out, b"\"as1f.", None, body);
}

/// Bytes that [`write_token`] appends for a plaintext of `padded` bytes.
pub(crate) fn token_len(kid: &Kid, padded: usize) -> usize {
    7 + kid.as_str().len() + base64_len(TOKEN_HEAD + padded + TAG_LEN)
}

/// Bytes that [`write_header`] appends.
pub(crate) fn header_len(kid: &Kid) -> usize {
    8 + kid.as_str().len() + base64_len(HEADER_BODY)
}

/// Bytes that [`write_field`] appends for a plaintext of `padded` bytes.
pub(crate) fn field_len(padded: usize) -> usize {
    7 + base64_len(4 + padded + TAG_LEN)
}

fn base64_len(bytes: usize) -> usize {
    URL_SAFE_NO_PAD.encoded_length(bytes)
}

fn write(out: &mut Vec<u8>, prefix: &[u8], kid: Option<&Kid>, body: &[u8]) {
    out.extend_from_slice(prefix);
    if let Some(kid) = kid {
        out.extend_from_slice(kid.as_str().as_bytes());
        out.push(b'.');
    }
    URL_SAFE_NO_PAD.encode_append(body, out);
    out.push(b'"');
}

fn parse_keyed<'t>(string: &'t [u8], prefix: &[u8], body: &mut Vec<u8>) -> Result<&'t str> {
    let rest = string.strip_prefix(prefix).ok_or_else(|| malformed("it has another prefix"))?;
    let dot = rest
        .iter()
        .take(33)
        .position(|&byte| byte == b'.')
        .ok_or_else(|| malformed("the key id is malformed"))?;
    let (kid, text) = rest.split_at(dot);
    let kid = std::str::from_utf8(kid).map_err(|_| malformed("the key id is malformed"))?;
    if !Kid::is_legal(kid) {
        return Err(malformed("the key id is malformed"));
    }
    decode(text.get(1..).unwrap_or_default(), body)?;
    Ok(kid)
}

/// Base64url (RFC 4648, section 5) without padding, white space or spare bits.
fn decode(text: &[u8], body: &mut Vec<u8>) -> Result<()> {
    body.clear();
    let len = URL_SAFE_NO_PAD.decoded_length(text).map_err(|_| malformed("it is not base64url"))?;
    match URL_SAFE_NO_PAD.decode_append(text, body) {
        Ok(()) if body.len() == len => Ok(()),
        _ => Err(malformed("it is not base64url")),
    }
}

fn malformed(detail: &'static str) -> Error {
    Error::because(Code::MalformedToken, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kid() -> Kid {
        Kid::parse("k1").unwrap()
    }

    fn token(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_token(&mut out, &kid(), body);
        out[1..out.len() - 1].to_vec()
    }

    #[test]
    fn lengths_are_what_is_written() {
        for padded in [1, 32, 33, 34, 64] {
            let mut out = Vec::new();
            write_token(&mut out, &kid(), &vec![7; TOKEN_HEAD + padded + TAG_LEN]);
            assert_eq!(out.len(), token_len(&kid(), padded));
            out.clear();
            write_field(&mut out, &vec![7; 4 + padded + TAG_LEN]);
            assert_eq!(out.len(), field_len(padded));
        }
        let mut out = Vec::new();
        write_header(&mut out, &kid(), &[7; HEADER_BODY]);
        assert_eq!(out.len(), header_len(&kid()));
        assert!(is_complete(&out[1..out.len() - 1]));
    }

    #[test]
    fn lesson_f8_one_spelling_each() {
        let mut body = Vec::new();
        for extra in 0..3 {
            let content: Vec<u8> = (0..(TOKEN_HEAD + TAG_LEN + 1 + extra) as u8).collect();
            let text = token(&content);
            assert_eq!(parse_token(&text, &mut body).unwrap(), "k1");
            assert_eq!(body, content);
            let last = text.len() - 1;
            let mut others = 0;
            for byte in 0..=255u8 {
                let mut changed = text.clone();
                changed[last] = byte;
                if byte != text[last] && parse_token(&changed, &mut body).is_ok() {
                    assert_ne!(body, content, "a second spelling ends in {byte}");
                    others += 1;
                }
            }
            // Other last characters decode too, to other contents, but never one with spare bits set.
            assert_eq!(others, [63, 3, 15][content.len() % 3]);
        }
    }

    #[test]
    fn case_19_case_20_case_21_malformed_texts() {
        let text = token(&[1; TOKEN_HEAD + TAG_LEN + 1]);
        let good = String::from_utf8(text).unwrap();
        let mut body = Vec::new();
        let too_short = token(&[1; TOKEN_HEAD + TAG_LEN]);
        let bad = [
            format!("{good}="),
            format!("{good}=="),
            format!("{good} "),
            format!("{good}\n"),
            format!("{good}."),
            format!("{good}A"),
            good.replace("as1.k1.", "as1.k1.+"),
            good.replace("as1.k1.", "as1.k1./"),
            good.replace(".k1.", ".k1.."),
            good.replace(".k1.", ".."),
            good.replace(".k1.", "._."),
            good.replace(".k1.", ".k+."),
            good.replace(".k1.", &format!(".{}.", "k".repeat(33))),
            good.replace(".k1.", ".ké."),
            "as1.".into(),
            "as1.k1".into(),
            "as1.k1.".into(),
            String::from_utf8(too_short).unwrap(),
        ];
        for text in bad {
            let error = parse_token(text.as_bytes(), &mut body).unwrap_err();
            assert_eq!(error.code(), Code::MalformedToken, "{text}");
            assert!(!is_complete(text.as_bytes()));
        }
        for plain in ["AS1.k1.AA", "as01.k1.AA", "as2.k1.AA", "as1", "as1x.", " as1."] {
            assert_eq!(prefix(plain.as_bytes()), None, "{plain}");
        }
    }
}
