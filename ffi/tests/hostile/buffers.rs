//! Buffers whose memory is used again.

use std::ptr::{null, null_mut};

use apiseal_ffi::*;

use crate::valid::{Valid, bytes};

const CLEAR: &[u8] = br#"{"pan":"4111"}"#;

type Call = unsafe extern "C" fn(
    *const apiseal_cipher,
    *const apiseal_context,
    apiseal_bytes,
    *mut apiseal_buffer,
    *mut *mut apiseal_error,
) -> apiseal_status;

fn empty() -> apiseal_buffer {
    apiseal_buffer { data: null_mut(), len: 0, cap: 0, wipe: false }
}

/// The bytes of a buffer that is not empty.
fn text(buffer: &apiseal_buffer) -> Vec<u8> {
    // SAFETY: the buffer came from the library.
    unsafe { std::slice::from_raw_parts(buffer.data, buffer.len) }.to_vec()
}

fn lent(buffer: &apiseal_buffer, from: usize, to: usize) -> apiseal_bytes {
    apiseal_bytes { data: buffer.data.wrapping_add(from), len: to - from }
}

fn run(valid: &Valid, call: Call, document: apiseal_bytes, out: &mut apiseal_buffer) -> apiseal_status {
    // SAFETY: the objects and the document live, and the buffer is empty or came from the library.
    unsafe { call(valid.cipher, valid.context, document, out, null_mut()) }
}

fn free(mut buffer: apiseal_buffer) {
    // SAFETY: it came from the library.
    unsafe { apiseal_buffer_free(&mut buffer) };
}

#[test]
fn the_memory_of_a_buffer_is_used_again() {
    let valid = Valid::new();
    let (mut sealed, mut out) = (empty(), empty());
    assert_eq!(run(&valid, apiseal_encrypt_into, bytes(CLEAR), &mut sealed), 0);
    let sealed_text = text(&sealed);
    // Of either kind into either kind; the memory stays while it is large enough.
    for _ in 0..2 {
        assert_eq!(run(&valid, apiseal_encrypt_into, bytes(CLEAR), &mut out), 0);
        let memory = out.data;
        assert!(!out.wipe && out.len == sealed_text.len());
        assert_eq!(run(&valid, apiseal_decrypt_into, bytes(&sealed_text), &mut out), 0);
        assert!(out.wipe && out.data == memory && text(&out) == CLEAR);
    }
    for call in [apiseal_encrypt_into as Call, apiseal_decrypt_into] {
        assert_ne!(run(&valid, call, bytes("{\"pan\":"), &mut out), 0);
        assert!(out.data.is_null() && out.len == 0 && out.cap == 0);
        assert_eq!(run(&valid, apiseal_decrypt_into, bytes(&sealed_text), &mut out), 0);
    }
    free(out);
    free(sealed);
}

#[test]
fn a_call_that_ends_at_once_leaves_a_used_buffer_empty() {
    let valid = Valid::new();
    let mut sealed = empty();
    assert_eq!(run(&valid, apiseal_encrypt_into, bytes(CLEAR), &mut sealed), 0);
    for call in [apiseal_encrypt_into as Call, apiseal_decrypt_into] {
        for (cipher, context) in [(null(), valid.context.cast_const()), (valid.cipher.cast_const(), null())] {
            let mut out = empty();
            assert_eq!(run(&valid, apiseal_decrypt_into, bytes(&text(&sealed)), &mut out), 0);
            // SAFETY: what is not NULL lives, and the buffer came from the library.
            let status = unsafe { call(cipher, context, bytes(CLEAR), &mut out, null_mut()) };
            assert_eq!(status, APISEAL_E_INVALID_ARGUMENT);
            assert!(out.data.is_null() && out.len == 0 && out.cap == 0);
        }
    }
    free(sealed);
}

#[test]
fn a_ciphertext_takes_the_place_of_no_plaintext() {
    let valid = Valid::new();
    let (mut sealed, mut out) = (empty(), empty());
    let long = format!(r#"{{"pan":"4111","note":"{}"}}"#, "secret ".repeat(200));
    assert_eq!(run(&valid, apiseal_encrypt_into, bytes(&long), &mut sealed), 0);
    assert_eq!(run(&valid, apiseal_decrypt_into, bytes(&text(&sealed)), &mut out), 0);
    assert_eq!(text(&out), long.as_bytes());
    let memory = out.data;
    assert_eq!(run(&valid, apiseal_encrypt_into, bytes(CLEAR), &mut out), 0);
    assert!(out.data == memory && !out.wipe && out.cap > 1000);
    // SAFETY: all of it was written when it was wiped.
    let all = unsafe { std::slice::from_raw_parts(out.data, out.cap) };
    assert!(!all.windows(6).any(|six| six == b"secret"));
    free(out);
    free(sealed);
}

#[test]
fn a_document_in_the_buffer_is_refused_and_stays() {
    let valid = Valid::new();
    let mut buffer = empty();
    assert_eq!(run(&valid, apiseal_encrypt_into, bytes(CLEAR), &mut buffer), 0);
    let before = text(&buffer);
    for call in [apiseal_encrypt_into as Call, apiseal_decrypt_into] {
        for (from, to) in [(0, buffer.len), (buffer.len - 1, buffer.len), (0, 1)] {
            let document = lent(&buffer, from, to);
            assert_eq!(run(&valid, call, document, &mut buffer), APISEAL_E_INVALID_ARGUMENT);
            assert_eq!(text(&buffer), before);
        }
    }
    // Behind it, and nothing at all, do not lie in it.
    let nothing = lent(&buffer, 1, 1);
    assert_eq!(run(&valid, apiseal_encrypt_into, nothing, &mut buffer), APISEAL_E_MALFORMED_JSON);
    assert!(buffer.data.is_null());
}
