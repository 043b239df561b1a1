//! What was secret is wiped before its memory is given back: an allocator looks through every block that the library frees.
//! It cannot see copies on the stack or in registers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use apiseal::{
    Bound, Context, Decrypted, Direction, FieldCipher, Key, Keyring, KeyringFile, Kid, LineOptions, Message,
    OsRandom, Policy, Profile, Purpose, Reencryption, Signer, Suite, SystemClock, ValueCipher, Wrap,
};

/// Stands in every value that is protected, and nowhere else.
const VALUE: &[u8] = b"4111-plaintext";
/// The root key, as it is and as keyring files spell it.
const ROOT: &[u8; 32] = b"0123456789abcdef0123456789ABCDEF";
const ROOT_IN_FILES: &[u8] = b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlBQkNERUY";

struct Watching;

static WATCHES: AtomicBool = AtomicBool::new(false);
/// Blocks that were freed with something secret in them, and the size of the last one.
static LEFT: AtomicUsize = AtomicUsize::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is done by the allocator of the system; blocks are zeroed, so that all of each may be read.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHES.load(Ordering::Relaxed) {
            // SAFETY: the block is still the caller's, and was zeroed or written.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|own| own == secret);
            if [VALUE, &ROOT[..], ROOT_IN_FILES].into_iter().any(holds) {
                LEFT.fetch_add(1, Ordering::Relaxed);
                SIZE.store(layout.size(), Ordering::Relaxed);
            }
        }
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Runs work of the library; what it gives is dropped under watch as well.
fn watched<T>(what: &str, work: impl FnOnce() -> T) {
    LEFT.store(0, Ordering::Relaxed);
    WATCHES.store(true, Ordering::Relaxed);
    let given = work();
    drop(given);
    WATCHES.store(false, Ordering::Relaxed);
    let (left, size) = (LEFT.load(Ordering::Relaxed), SIZE.load(Ordering::Relaxed));
    assert_eq!(left, 0, "{what}: the last of them has {size} bytes");
}

fn ring() -> Keyring {
    let key =
        Key::hazmat_from_secret(Kid::parse("k1").unwrap(), Purpose::Seal, Suite::Aes256Gcm, ROOT).unwrap();
    Keyring::builder().primary(key).build().unwrap()
}

fn policy(text: &str) -> Policy {
    Policy::from_json(&format!(r#"{{"apiseal_policy":1,"id":"t",{text}}}"#)).unwrap()
}

const RULES: &str = r#""rules":[{"path":"$.list[*].pan"}]"#;

fn policies() -> Vec<Policy> {
    vec![
        policy(r#""rules":[{"path":"$.list[*].pan","bind":["$.id"]}]"#),
        policy(r#""rules":[{"path":"$.list","bind":[]}]"#),
        policy(&format!(r#""layout":"document","bind":["$.id"],{RULES}"#)),
        policy(&format!(r#""layout":"document","bind":["$"],{RULES}"#)),
    ]
}

/// Values of several sizes, in several spellings.
fn document(count: usize) -> Vec<u8> {
    let value = String::from_utf8(VALUE.to_vec()).unwrap();
    let values = [
        format!("\"{value}\""),
        format!("{{\"a\": [1.10, \"{value}\"]}}"),
        format!("\"{}\"", format!("{value}\\u00e9\\n").repeat(100)),
    ];
    let list: Vec<String> =
        (0..count).map(|at| format!("{{\"pan\": {}}}", values[at % values.len()])).collect();
    format!("{{\"id\": 7, \"list\": [{}]}}", list.join(", ")).into_bytes()
}

// One test: the allocator does not know who frees.
#[test]
fn nothing_secret_is_left_in_memory_that_was_freed() {
    let (ring, context) = (ring(), Context::new("tests").unwrap());
    let other = Context::new("other").unwrap();
    for (policy, count) in policies().into_iter().flat_map(|policy| [(policy.clone(), 3), (policy, 40)]) {
        for hedged in [false, true] {
            let cipher =
                FieldCipher::builder(ring.clone(), policy.clone()).hedged_salts(hedged).build().unwrap();
            let (clear, mut sealed) = (document(count), Vec::new());
            watched("encrypt", || cipher.encrypt_into(&clear, &context, &mut sealed).unwrap());
            watched("decrypt", || assert_eq!(&cipher.decrypt(&sealed, &context).unwrap()[..], clear));
            let less = cipher.encrypt(&document(2), &context).unwrap();
            watched("decrypt_into, longer and shorter", || {
                let mut out = Decrypted::default();
                for document in [&less, &sealed, &less] {
                    cipher.decrypt_into(document, &context, &mut out).unwrap();
                }
                assert!(cipher.decrypt_into(&sealed, &other, &mut out).is_err());
            });
            // The last value does not open: those before it have.
            let mut torn = sealed.clone();
            let place = torn.iter().rposition(|byte| *byte == b'"').unwrap() - 5;
            torn[place] = if torn[place] == b'A' { b'B' } else { b'A' };
            watched("a decryption that fails", || assert!(cipher.decrypt(&torn, &context).is_err()));
            watched("decrypt_lenient", || cipher.decrypt_lenient(&sealed, &context).unwrap());
            watched("diagnose", || cipher.diagnose(&sealed, &other, std::slice::from_ref(&context)).unwrap());
            watched("reencrypt", || {
                Reencryption::new(cipher.clone(), cipher.clone()).run(&sealed, &context, &other).unwrap()
            });
            let lines = [&sealed[..], &less, &sealed].join(&b'\n');
            let clear_lines: &'static [u8] = [&clear[..], &clear, &clear].join(&b'\n').leak();
            for threads in [1, 2] {
                let mut options = LineOptions::default();
                options.threads = threads;
                let source = std::io::Cursor::new(lines.clone());
                watched("decrypt_lines", || {
                    let lines = cipher.decrypt_lines(source, &context, options).unwrap();
                    assert_eq!(lines.filter(Result::is_ok).count(), 3);
                });
                let source = clear_lines;
                watched("encrypt_lines", || {
                    let lines = cipher.encrypt_lines(source, &context, options).unwrap();
                    assert_eq!(lines.filter(Result::is_ok).count(), 3);
                });
            }
        }
    }

    let values = ValueCipher::new(ring.clone(), "users.pan").unwrap();
    let bound = [Bound::text("users.id", "7")];
    let text = String::from_utf8(VALUE.to_vec()).unwrap() + "\n\u{e9}";
    let token = values.encrypt_text(&text, &bound, &context).unwrap();
    watched("encrypt_text", || values.encrypt_text(&text, &bound, &context).unwrap());
    watched("decrypt_text", || values.decrypt_text(&token, &bound, &context).unwrap());

    watched("a key and its ring", self::ring);
    let wrap = Wrap::raw(&[7; 32]);
    let file = KeyringFile::seal(&ring, "orders", &wrap, &OsRandom).unwrap();
    watched("seal a ring", || KeyringFile::seal(&ring, "orders", &wrap, &OsRandom).unwrap());
    watched("open a ring", || KeyringFile::open(&file, "orders", &wrap, None).unwrap());
    let clear = KeyringFile::hazmat_write_clear(&ring, "orders").unwrap();
    watched("read a clear ring", || KeyringFile::hazmat_read_clear(&clear, "orders", None).unwrap());

    for suite in [Suite::HmacSha256, Suite::Ed25519] {
        watched("a signer and its ring", || {
            let key = Key::raw(Kid::parse("k").unwrap(), suite, ROOT, &SystemClock).unwrap();
            let key = key.with_direction(Direction::Request).with_principal("p");
            let ring = Keyring::builder().key(key).build().unwrap();
            let message = Message::request("GET", "https", "api.example", "/");
            Signer::new(ring, Profile::apiseal_v1()).sign(&message, &SystemClock).unwrap()
        });
    }

    // The allocator does see what is left.
    watched_leak();
}

fn watched_leak() {
    LEFT.store(0, Ordering::Relaxed);
    WATCHES.store(true, Ordering::Relaxed);
    drop(VALUE.to_vec());
    WATCHES.store(false, Ordering::Relaxed);
    assert_eq!(LEFT.load(Ordering::Relaxed), 1);
}
