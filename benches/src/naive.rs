//! The pipeline one would write first: a tree of the document, JSONPath over it, a key for each value, text again.
//!
//! It gives less than the library: numbers are respelled, white space is lost, duplicate names pass, nothing commits
//! to the key, and a value is tied to the expression that selects it, not to its place.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use base64_simd::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde_json::Value;
use serde_json_path::JsonPath;
use sha2::Sha256;

const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Root key and paths, parsed once.
pub struct Naive {
    root: [u8; 32],
    paths: Vec<(JsonPath, &'static str)>,
}

impl Naive {
    /// A pipeline for these paths.
    pub fn new(paths: &[&'static str]) -> Self {
        let parse = |path: &&'static str| (JsonPath::parse(path).expect("the path is valid"), *path);
        Naive { root: [0x42; 32], paths: paths.iter().map(parse).collect() }
    }

    /// Encrypts what the paths select.
    pub fn encrypt(&self, document: &[u8]) -> String {
        self.replace(document, |path, value| {
            let mut body = vec![0; SALT + NONCE];
            getrandom::fill(&mut body[..SALT]).expect("the system has randomness");
            getrandom::fill(&mut body[SALT..]).expect("the system has randomness");
            let text = value.to_string();
            body.extend_from_slice(text.as_bytes());
            let (head, plaintext) = body.split_at_mut(SALT + NONCE);
            let (salt, nonce) = head.split_at(SALT);
            let nonce = <&[u8; NONCE]>::try_from(nonce).expect("the length is right");
            let cipher = self.cipher(salt);
            let tag = cipher
                .encrypt_inout_detached(nonce.into(), path.as_bytes(), plaintext.into())
                .expect("the value is short");
            body.extend_from_slice(&tag);
            Value::String(URL_SAFE_NO_PAD.encode_to_string(&body))
        })
    }

    /// Decrypts what [`Naive::encrypt`] made.
    pub fn decrypt(&self, document: &[u8]) -> String {
        self.replace(document, |path, value| {
            let text = value.as_str().expect("the value is a string");
            let mut body = URL_SAFE_NO_PAD.decode_to_vec(text).expect("the string is base64url");
            let (head, rest) = body.split_at_mut(SALT + NONCE);
            let (salt, nonce) = head.split_at(SALT);
            let (ciphertext, tag) = rest.split_at_mut(rest.len() - TAG);
            let nonce = <&[u8; NONCE]>::try_from(nonce).expect("the length is right");
            let tag = <&[u8; TAG]>::try_from(&*tag).expect("the length is right");
            self.cipher(salt)
                .decrypt_inout_detached(nonce.into(), path.as_bytes(), (&mut *ciphertext).into(), tag.into())
                .expect("the value is authentic");
            serde_json::from_slice(ciphertext).expect("the value is JSON")
        })
    }

    fn replace(&self, document: &[u8], with: impl Fn(&str, &Value) -> Value) -> String {
        let mut tree: Value = serde_json::from_slice(document).expect("the document is JSON");
        for (path, text) in &self.paths {
            let found = path.query_located(&tree);
            let pointers: Vec<String> =
                found.locations().map(|location| location.to_json_pointer()).collect();
            for pointer in pointers {
                let value = tree.pointer_mut(&pointer).expect("the value was found");
                *value = with(text, value);
            }
        }
        serde_json::to_string(&tree).expect("the tree is JSON")
    }

    fn cipher(&self, salt: &[u8]) -> Aes256Gcm {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(salt), &self.root).expand(b"naive", &mut key).expect("32 bytes are few");
        Aes256Gcm::new(&key.into())
    }
}
