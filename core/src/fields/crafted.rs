//! Cases "built with the key": everything is authentic and only the named fault is wrong.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit as _};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use crate::aead::open_once;
use crate::context::Context;
use crate::error::Code;
use crate::fields::cipher::FieldCipher;
use crate::ids::{Kid, Mode, Purpose, Suite};
use crate::keys::derive::{ContextKey, Label};
use crate::keys::key::Key;
use crate::keys::ring::Keyring;
use crate::policy::Policy;
use crate::secret::Wiped;
use crate::token::pad::Padding;
use crate::token::value::{self, KeyUse, Sealing, write_associated_data};

const SALT: [u8; 24] = [7; 24];

fn context() -> Context {
    Context::new("users").unwrap()
}

fn key() -> Key {
    Key::hazmat_from_secret(Kid::parse("k1").unwrap(), Purpose::Seal, Suite::Aes256Gcm, &[5; 32]).unwrap()
}

fn context_key() -> ContextKey {
    ContextKey::derive(&[5; 32], "seal", Suite::Aes256Gcm, key().kid(), context().digest()).unwrap()
}

/// A token at `$.x` whose plaintext is `text` as it is.
fn token(text: &[u8], padding: Padding) -> String {
    let (kid, context_key) = (Kid::parse("k1").unwrap(), context_key());
    let key = KeyUse { kid: &kid, suite: Suite::Aes256Gcm, context_key: &context_key };
    let mut aad = Vec::new();
    write_associated_data(&mut aad, Suite::Aes256Gcm, Mode::Exact, b"\x01\0\0\0\x01x", &[]);
    let mut out = Vec::new();
    let sealing = Sealing { key, mode: Mode::Exact, salt: &SALT, aad: &aad, padding };
    sealing.seal(&mut out, &mut Wiped::default(), text).unwrap();
    String::from_utf8(out).unwrap()
}

fn decrypt(token: &str) -> crate::error::Result<Vec<u8>> {
    let policy = r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.x","bind":[]}]}"#;
    let ring = Keyring::builder().primary(key()).build().unwrap();
    let cipher = FieldCipher::new(ring, Policy::from_json(policy).unwrap()).unwrap();
    cipher.decrypt(format!("{{\"x\":{token}}}").as_bytes(), &context()).map(|opened| opened.to_vec())
}

#[test]
fn case_23_content_that_is_not_one_value() {
    let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    assert_eq!(decrypt(&token(b"1.10", Padding::Default)).unwrap(), b"{\"x\":1.10}");
    assert_eq!(decrypt(&token(b"1.10", Padding::None)).unwrap(), b"{\"x\":1.10}");
    assert!(decrypt(&token(&deep(127), Padding::Default)).is_ok());
    for (what, text) in [
        ("only zero bytes", &b"\0\0\0"[..]),
        ("two values", b"1 2"),
        ("space behind", b"1 "),
        ("space before", b"\n1"),
        ("invalid UTF-8", b"\"\xff\""),
        ("duplicate names", br#"{"a":1,"a":2}"#),
        ("lone surrogate", br#""\ud800""#),
        ("depth 129 where it lands", &deep(128)),
        ("a NUL inside", b"1\x002"),
        ("no JSON", b"plain"),
        ("two strings", br#""a""b""#),
        ("an open string", b"\"a"),
        ("a quote", b"\""),
        ("a control character", b"\"a\x01b\""),
        ("another document", b"1},{\"x\":2"),
    ] {
        for padding in [Padding::None, Padding::Default] {
            let error = decrypt(&token(text, padding)).unwrap_err();
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                (Code::Rejected, "rejected [501]"),
                "{what}"
            );
        }
    }
}

/// GHASH over the associated data is linear: whoever has the key finds two texts of one tag.
#[test]
fn case_17_associated_data_of_equal_ghash_is_refused_by_the_commitment() {
    let (kid, context_key) = (Kid::parse("k1").unwrap(), context_key());
    let key = KeyUse { kid: &kid, suite: Suite::Aes256Gcm, context_key: &context_key };
    let mut field_key = [0; 32];
    context_key.expand(Label::Key, &[&SALT, &[0x01, 0x01]], &mut field_key);
    let mut hash_key = [0; 16].into();
    Aes256::new(&field_key.into()).encrypt_block(&mut hash_key);

    // A difference d in one block and d · H in the next cancel out.
    let first: Vec<u8> = (0..48).collect();
    let difference = [0x10; 16];
    let mut ghash = GHash::new(&hash_key);
    ghash.update(&[difference.into()]);
    let shifted = ghash.finalize();
    let mut second = first.clone();
    for at in 0..16 {
        second[at] ^= difference[at];
        second[16 + at] ^= shifted[at];
    }
    assert_ne!(first, second);

    let mut out = Vec::new();
    let sealing = Sealing { key, mode: Mode::Exact, salt: &SALT, aad: &first, padding: Padding::Default };
    sealing.seal(&mut out, &mut Wiped::default(), b"1").unwrap();
    let mut body = Vec::new();
    crate::token::text::parse_token(&out[1..out.len() - 1], &mut body).unwrap();

    // The cipher alone would accept the second text …
    let mut ciphertext = body[58..].to_vec();
    let (text, tag) = ciphertext.split_at_mut(32);
    open_once(Suite::Aes256Gcm, &field_key, &second, text, tag).unwrap();
    // … the token does not.
    let error = value::open(&mut body.clone(), key, Mode::Exact, &second).unwrap_err();
    assert_eq!(error.code(), Code::Rejected);
    assert!(value::open(&mut body, key, Mode::Exact, &first).is_ok());
}

#[test]
fn case_18_all_32_bytes_of_the_commitment_are_compared() {
    let good = token(b"1", Padding::Default);
    let mut body = Vec::new();
    crate::token::text::parse_token(&good.as_bytes()[1..good.len() - 1], &mut body).unwrap();
    for at in 26..58 {
        let mut changed = body.clone();
        changed[at] ^= 0x80;
        let mut out = Vec::new();
        crate::token::text::write_token(&mut out, key().kid(), &changed);
        assert_eq!(
            decrypt(&String::from_utf8(out).unwrap()).unwrap_err().code(),
            Code::Rejected,
            "byte {at}"
        );
    }
}

#[test]
fn case_10_a_failed_opening_leaves_no_plaintext_behind() {
    let (kid, context_key) = (Kid::parse("k1").unwrap(), context_key());
    let key = KeyUse { kid: &kid, suite: Suite::Aes256Gcm, context_key: &context_key };
    let mut aad = Vec::new();
    write_associated_data(&mut aad, Suite::Aes256Gcm, Mode::Exact, b"\x01\0\0\0\x01x", &[]);
    let good = token(b"\"4111111111111111\"", Padding::Default);
    let mut body = Vec::new();
    crate::token::text::parse_token(&good.as_bytes()[1..good.len() - 1], &mut body).unwrap();
    for at in [2, 30, 60, body.len() - 1] {
        let mut changed = body.clone();
        changed[at] ^= 1;
        let before = changed.clone();
        assert!(value::open(&mut changed, key, Mode::Exact, &aad).is_err());
        assert_eq!(changed, before, "byte {at}");
    }
}
