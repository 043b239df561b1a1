//! What a call through the C ABI costs over the same call in Rust, on payments of 1 KB, in interleaved rounds. Times are
//! the least of all rounds; the difference is the median of each round's own.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::ptr::null_mut;
use std::time::Instant;

use apiseal::{Decrypted, FieldCipher};
use apiseal_benches::cases::{Corpus, Variant, context};
use apiseal_ffi::*;

const DOCUMENTS: usize = 512;

fn bytes(data: &(impl AsRef<[u8]> + ?Sized)) -> apiseal_bytes {
    apiseal_bytes { data: data.as_ref().as_ptr(), len: data.as_ref().len() }
}

/// The cipher behind the C ABI, with the same keys and policy.
fn boundary(own: &FieldCipher, policy: &str) -> *mut apiseal_cipher {
    let ring = own.keyring().current();
    let clear = apiseal::KeyringFile::hazmat_write_clear(&ring, "bench").expect("it can be written");
    let (mut keys, mut rules, mut cipher) = (null_mut(), null_mut(), null_mut());
    // SAFETY: every pointer is that of a living value of its type.
    unsafe {
        let name = bytes("bench");
        assert_eq!(apiseal_hazmat_keyring_read_clear(bytes(&clear[..]), name, 0, &mut keys, null_mut()), 0);
        assert_eq!(apiseal_policy_from_json(bytes(policy), &mut rules, null_mut()), 0);
        assert_eq!(apiseal_cipher_new(keys, rules, std::ptr::null(), &mut cipher, null_mut()), 0);
    }
    cipher
}

type Call = unsafe extern "C" fn(
    *const apiseal_cipher,
    *const apiseal_pair,
    usize,
    apiseal_bytes,
    *mut apiseal_buffer,
    *mut *mut apiseal_error,
) -> apiseal_status;

type CallInto = unsafe extern "C" fn(
    *const apiseal_cipher,
    *const apiseal_context,
    apiseal_bytes,
    *mut apiseal_buffer,
    *mut *mut apiseal_error,
) -> apiseal_status;

const EMPTY: apiseal_buffer = apiseal_buffer { data: null_mut(), len: 0, cap: 0, wipe: false };

fn main() {
    println!("| case | Rust | C ABI | over Rust | |");
    println!("|---|---:|---:|---:|---:|");
    let corpus = Corpus::payment();
    let documents = &corpus.documents[..DOCUMENTS];
    let pairs: Vec<apiseal_pair> = context()
        .pairs()
        .map(|(name, value)| apiseal_pair { name: bytes(name), value: bytes(value) })
        .collect();
    for variant in [Variant::T, Variant::D] {
        let cipher = corpus.cipher(variant);
        let handle = boundary(&cipher, &variant.policy_text(corpus.paths));
        let sealed: Vec<Vec<u8>> = documents
            .iter()
            .map(|document| cipher.encrypt(document, context()).expect("it can be encrypted"))
            .collect();
        let through = |call: Call, documents: &[Vec<u8>]| {
            for document in documents {
                let mut out = EMPTY;
                // SAFETY: every pointer is that of a living value of its type.
                unsafe {
                    let status =
                        call(handle, pairs.as_ptr(), pairs.len(), bytes(document), &mut out, null_mut());
                    assert_eq!(black_box(status), 0);
                    apiseal_buffer_free(&mut out);
                }
            }
        };
        // A program in Rust states its context on every call as well.
        let stated = || apiseal::Context::from_pairs(context().pairs()).expect("it is one");
        let encrypt = || {
            documents.iter().for_each(|document| drop(black_box(cipher.encrypt(document, &stated()))));
        };
        let decrypt = || {
            sealed.iter().for_each(|document| drop(black_box(cipher.decrypt(document, &stated()))));
        };
        row(&format!("encrypt payment {}", variant.name()), &encrypt, &|| {
            through(apiseal_encrypt, documents)
        });
        row(&format!("decrypt payment {}", variant.name()), &decrypt, &|| through(apiseal_decrypt, &sealed));

        // For many documents: a context that is made once, and memory that is used again.
        let mut made = null_mut();
        // SAFETY: every pointer is that of a living value of its type.
        assert_eq!(unsafe { apiseal_context_new(pairs.as_ptr(), pairs.len(), &mut made, null_mut()) }, 0);
        let through = |call: CallInto, documents: &[Vec<u8>]| {
            let mut out = EMPTY;
            for document in documents {
                // SAFETY: every pointer is that of a living value of its type.
                let status = unsafe { call(handle, made, bytes(document), &mut out, null_mut()) };
                assert_eq!(black_box(status), 0);
            }
            // SAFETY: the buffer came from the library.
            unsafe { apiseal_buffer_free(&mut out) };
        };
        let encrypt = || {
            let mut out = Vec::new();
            for document in documents {
                black_box(cipher.encrypt_into(document, context(), &mut out)).expect("it can be encrypted");
            }
        };
        let decrypt = || {
            let mut out = Decrypted::default();
            for document in &sealed {
                black_box(cipher.decrypt_into(document, context(), &mut out)).expect("it can be decrypted");
            }
        };
        row(&format!("encrypt payment {} into memory", variant.name()), &encrypt, &|| {
            through(apiseal_encrypt_into, documents)
        });
        row(&format!("decrypt payment {} into memory", variant.name()), &decrypt, &|| {
            through(apiseal_decrypt_into, &sealed)
        });
    }
}

fn row(name: &str, rust: &dyn Fn(), c: &dyn Fn()) {
    let time = |run: &dyn Fn()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e6 / DOCUMENTS as f64
    };
    time(rust);
    time(c);
    let rounds: Vec<(f64, f64)> = (0..301).map(|_| (time(rust), time(c))).collect();
    let least = |at: fn(&(f64, f64)) -> f64| rounds.iter().map(at).fold(f64::MAX, f64::min);
    let mut over: Vec<f64> = rounds.iter().map(|(rust, c)| c - rust).collect();
    over.sort_by(f64::total_cmp);
    let (rust, c, over) = (least(|round| round.0), least(|round| round.1), over[over.len() / 2]);
    println!("| {name} | {rust:.2} µs | {c:.2} µs | {over:.2} µs | {:.1} % |", over / rust * 100.0);
}
