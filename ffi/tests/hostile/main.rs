//! Every exported function is called with hostile arguments: NULL in every place, bytes that are no text, lengths that no
//! memory has, objects that do not fit together. Nothing may crash, no panic may be caught, and a failure leaves nothing
//! in any result.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, non_camel_case_types)]

mod arguments;
mod buffers;
mod functions;
mod results;
mod valid;

use std::collections::BTreeSet;

use apiseal_ffi::apiseal_status;

use crate::arguments::Arg;
use crate::functions::{NAMES, call_all};
use crate::valid::Valid;

/// Source of arguments, and what is to be checked and freed after a call.
struct Hostile {
    state: u64,
    /// Every argument is NULL or empty.
    empty: bool,
    /// Bytes that the function at hand would take, last one first: most calls differ from these in few places.
    good: Vec<&'static [u8]>,
    after: Vec<Box<dyn FnOnce(apiseal_status)>>,
    valid: Valid,
}

impl Hostile {
    /// A number below `below`, by a linear congruence: any would do.
    fn pick(&mut self, below: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below
    }

    /// Keeps a value until the call is over.
    fn keep<T: 'static>(&mut self, value: T) -> *mut T {
        let kept = Box::into_raw(Box::new(value));
        // SAFETY: it came from a box a moment ago, and is freed once.
        self.after.push(Box::new(move |_| drop(unsafe { Box::from_raw(kept) })));
        kept
    }

    fn array<T: Arg + 'static>(&mut self) -> *const T {
        let items: Vec<T> = (0..64).map(|_| T::arg(self)).collect();
        // SAFETY: it is kept until the call is over.
        unsafe { (*self.keep(items)).as_ptr() }
    }

    fn null(&mut self) -> bool {
        self.empty || self.pick(12) == 0
    }
}

#[test]
#[cfg_attr(miri, ignore = "it reads the header, which takes Miri half an hour and shows nothing to it")]
fn every_exported_function_is_called() {
    let header =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../include/apiseal.h")).unwrap();
    let declared: BTreeSet<&str> = header
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("apiseal_"))
        .filter(|word| {
            header.contains(&format!("{word}(")) && !header.contains(&format!("inline apiseal_bytes {word}("))
        })
        .collect();
    let called: BTreeSet<&str> = NAMES.iter().copied().chain(["apiseal_version"]).collect();
    let missing: Vec<_> = declared.difference(&called).collect();
    assert!(missing.is_empty() && declared.len() > 100, "{missing:?}");
}

#[test]
fn nothing_but_null() {
    let mut hostile =
        Hostile { state: 1, empty: true, good: Vec::new(), after: Vec::new(), valid: Valid::new() };
    call_all(&mut hostile);
}

#[test]
fn anything_at_all() {
    let rounds = if cfg!(miri) { 1 } else { 300 };
    // Keyrings are saved under any name that comes up; those files belong to the build, not to the sources.
    let scratch = concat!(env!("CARGO_TARGET_TMPDIR"), "/hostile");
    std::fs::create_dir_all(scratch).unwrap();
    std::env::set_current_dir(scratch).unwrap();
    let mut hostile =
        Hostile { state: 1, empty: false, good: Vec::new(), after: Vec::new(), valid: Valid::new() };
    let mut done = BTreeSet::new();
    for _ in 0..rounds {
        done.extend(call_all(&mut hostile));
    }
    // These need a key id, a file, a token or a response that fits: the C programs call them so.
    const NEEDS_MORE: [&str; 22] = [
        "apiseal_decrypt_partial",
        "apiseal_key_to_jwk",
        "apiseal_keyring_promote",
        "apiseal_keyring_retire",
        "apiseal_keyring_disable",
        "apiseal_keyring_export_context",
        "apiseal_keyring_export_message_context",
        "apiseal_keyring_open",
        "apiseal_keyring_load",
        "apiseal_lines_next",
        "apiseal_reencrypt",
        "apiseal_sign_response",
        "apiseal_value_decrypt",
        "apiseal_value_decrypt_text",
        "apiseal_accept",
        "apiseal_accept_with",
        "apiseal_accept_response",
        "apiseal_protect",
        "apiseal_protect_response",
        "apiseal_verify_response",
        "apiseal_verify_response_to_verified",
        "apiseal_verify_response_unbound",
    ];
    let never = |name: &&&str| !done.contains(*name) && !NEEDS_MORE.contains(*name);
    let never: Vec<_> = NAMES.iter().filter(never).collect();
    assert!(never.is_empty() || cfg!(miri), "{never:?}");
}
