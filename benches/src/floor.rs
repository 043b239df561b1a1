//! The primitives alone, on the same number of bytes that the library handles: what no pipeline of this format on
//! these crates can go below.
//!
//! The scan is `serde_json`'s `IgnoredAny` and the standard library's UTF-8 check, which together allow duplicate
//! names; nothing is selected, placed, compared or wiped.

use std::hint::black_box;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::de::IgnoredAny;
use sha2::Sha256;

use crate::cases::{Corpus, Variant};

const SALT: usize = 24;
const TAG: usize = 16;
/// Suite, mode, salt and commitment.
const TOKEN_HEAD: usize = 2 + SALT + 32;
/// Suite, mode, salt, commitment, count and MAC.
const HEADER_BODY: usize = 2 + SALT + 32 + 4 + 32;
/// A KDF's input around its data: `apiseal/v1/xyz`, a zero and a one.
const KDF_AROUND: usize = 16;

/// One protected value.
#[derive(Clone, Copy, Debug)]
struct Field {
    text: usize,
    padded: usize,
    position: usize,
    /// Length of the associated data.
    aad: usize,
}

/// What the primitives are called with for one document.
#[derive(Clone, Debug)]
pub struct Shape {
    variant: Variant,
    fields: Vec<Field>,
    /// Ciphertext and tag of each value, one behind the other.
    sealed: Vec<u8>,
    /// Bytes of bound members that enter the MAC of layout D.
    bound: usize,
}

impl Shape {
    /// Measures a document and its encrypted form.
    pub fn of(corpus: &Corpus, variant: Variant, document: &[u8], encrypted: &[u8]) -> Self {
        let id = apiseal::locate(document, "$.id", &apiseal::Limits::default()).expect("the path is valid");
        let id: usize = id.iter().map(|id| 8 + position_len(&id.path) + (id.end - id.start)).sum();
        let of_value = if variant == Variant::T { id } else { 0 };
        let bound = if variant == Variant::DWhole { encrypted.len() } else { id };
        let mut shape = Shape { variant, fields: Vec::new(), sealed: Vec::new(), bound };
        for (at, location) in corpus.fields(document).iter().enumerate() {
            let text = &document[location.start..location.end];
            // The format's padding of values up to 256 bytes; those here are shorter.
            let padded = text.len().next_multiple_of(32);
            let position = position_len(&location.path);
            let aad = 10 + position + of_value;
            shape.fields.push(Field { text: text.len(), padded, position, aad });
            let from = shape.sealed.len();
            shape.sealed.extend_from_slice(text);
            shape.sealed.resize(from + padded, 0);
            let tag = seal(&cipher(), shape.number(at), &ZEROS[..aad], &mut shape.sealed[from..]);
            shape.sealed.extend_from_slice(&tag);
        }
        shape
    }

    /// The number that makes the nonce of a value.
    fn number(&self, at: usize) -> u32 {
        if self.variant == Variant::T { 0 } else { at as u32 }
    }
}

/// Length of an encoded position: a tag and a u32 for each segment, and the name of each member.
fn position_len(path: &str) -> usize {
    let segments = path.trim_start_matches('$').split_inclusive(']');
    segments.map(|segment| if segment.starts_with("['") { segment.len() + 1 } else { 5 }).sum()
}

/// The primitives with their keys and buffers.
pub struct Floor {
    /// HMAC with its key absorbed.
    state: Hmac<Sha256>,
    work: Vec<u8>,
    out: Vec<u8>,
}

impl Default for Floor {
    fn default() -> Self {
        Floor { state: keyed(), work: vec![0; 512], out: Vec::new() }
    }
}

impl Floor {
    /// The work of encrypting `document`.
    pub fn encrypt(&mut self, shape: &Shape, document: &[u8]) {
        scan(document);
        let salts = if shape.variant == Variant::T { shape.fields.len() } else { 1 };
        let mut random = vec![0; SALT * salts];
        getrandom::fill(&mut random).expect("the system has randomness");
        self.out.clear();
        self.out.extend_from_slice(document);
        let mut base64 = [0; 512];
        if shape.variant == Variant::T {
            for field in &shape.fields {
                self.derive_for_value(field);
                black_box(seal(&cipher(), 0, &ZEROS[..field.aad], &mut self.work[..field.padded]));
                encode(&self.work[..TOKEN_HEAD + field.padded + TAG], &mut base64);
            }
        } else {
            let (cipher, mut mac) = self.derive_for_document();
            for (at, field) in shape.fields.iter().enumerate() {
                let tag = seal(&cipher, at as u32, &ZEROS[..field.aad], &mut self.work[..field.padded]);
                mac.update(&ZEROS[..8 + field.position]);
                mac.update(&self.work[..field.padded]);
                mac.update(&tag);
                encode(&self.work[..4 + field.padded + TAG], &mut base64);
            }
            self.finish(mac, shape.bound);
            encode(&self.work[..HEADER_BODY], &mut base64);
        }
    }

    /// The work of decrypting `encrypted`. Opened texts are scanned too, as they must be.
    pub fn decrypt(&mut self, shape: &Shape, encrypted: &[u8]) {
        scan(encrypted);
        self.out.clear();
        self.out.extend_from_slice(encrypted);
        let mut sealed = shape.sealed.as_slice();
        let mut take = |field: &Field| {
            let (ciphertext, rest) = sealed.split_at(field.padded);
            let (tag, rest) = rest.split_at(TAG);
            sealed = rest;
            (ciphertext, <&[u8; TAG]>::try_from(tag).expect("the length is right"))
        };
        if shape.variant == Variant::T {
            for field in &shape.fields {
                self.decode(TOKEN_HEAD + field.padded + TAG);
                self.derive_for_value(field);
                let (ciphertext, tag) = take(field);
                self.open(&cipher(), 0, field, ciphertext, tag);
            }
        } else {
            self.decode(HEADER_BODY);
            let (cipher, mut mac) = self.derive_for_document();
            for (at, field) in shape.fields.iter().enumerate() {
                self.decode(4 + field.padded + TAG);
                let (ciphertext, tag) = take(field);
                mac.update(&ZEROS[..8 + field.position]);
                mac.update(ciphertext);
                mac.update(tag);
                self.open(&cipher, at as u32, field, ciphertext, tag);
            }
            self.finish(mac, shape.bound);
        }
    }

    /// Commitment and key of a token.
    fn derive_for_value(&self, field: &Field) {
        self.expand(SALT + field.aad);
        self.expand(SALT + 2);
    }

    /// Key, commitment and MAC key of a document; the cipher and the MAC with their keys absorbed.
    fn derive_for_document(&self) -> (Aes256Gcm, Hmac<Sha256>) {
        for _ in 0..3 {
            self.expand(SALT + 2);
        }
        (cipher(), keyed())
    }

    fn expand(&self, data: usize) {
        let mut mac = self.state.clone();
        mac.update(&ZEROS[..KDF_AROUND + data]);
        black_box(mac.finalize());
    }

    /// The end of the MAC of layout D over `bound` bytes.
    fn finish(&self, mut mac: Hmac<Sha256>, bound: usize) {
        mac.update(&ZEROS[..15 + TOKEN_HEAD + 8]);
        mac.update(self.out.get(..bound).unwrap_or(&self.out));
        black_box(mac.finalize());
    }

    fn open(&mut self, cipher: &Aes256Gcm, number: u32, field: &Field, ciphertext: &[u8], tag: &[u8; TAG]) {
        let work = &mut self.work[..field.padded];
        work.copy_from_slice(ciphertext);
        cipher
            .decrypt_inout_detached(
                &nonce(number).into(),
                &ZEROS[..field.aad],
                (&mut *work).into(),
                tag.into(),
            )
            .expect("the value is authentic");
        scan(&work[..field.text]);
    }

    fn decode(&mut self, len: usize) {
        let text = &TEXT[..URL_SAFE_NO_PAD.encoded_length(len)];
        let decoded = URL_SAFE_NO_PAD.decode(black_box(text), self.work[..len].as_out());
        black_box(decoded.expect("the text is base64url"));
    }
}

const ZEROS: &[u8] = &[0; 512];
const TEXT: &[u8] = &[b'A'; 1024];

fn scan(document: &[u8]) {
    let text = std::str::from_utf8(document).expect("the document is UTF-8");
    black_box(serde_json::from_str::<IgnoredAny>(text).expect("the document is JSON"));
}

fn keyed() -> Hmac<Sha256> {
    Hmac::new_from_slice(black_box(&[7; 32])).expect("any length is right")
}

fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(black_box(&[7; 32]).into())
}

fn seal(cipher: &Aes256Gcm, number: u32, aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
    let sealed = cipher.encrypt_inout_detached(&nonce(number).into(), aad, buffer.into());
    sealed.expect("the value is short").into()
}

fn encode(body: &[u8], base64: &mut [u8; 512]) {
    black_box(URL_SAFE_NO_PAD.encode(body, base64.as_mut_slice().as_out()));
}

fn nonce(number: u32) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}
