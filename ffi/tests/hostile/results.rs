//! Places for results, and objects that a call takes away. What comes out is checked and freed.

use std::ptr::{null, null_mut};

use apiseal_ffi::*;

use crate::Hostile;
use crate::arguments::{Arg, reads};
use crate::valid::{bytes, context, made, request};

/// Places for new objects.
macro_rules! new_objects {
    ($($type:ident $free:ident)+) => {
        $(impl Arg for *mut *mut $type {
            fn arg(hostile: &mut Hostile) -> Self {
                if hostile.null() {
                    return null_mut();
                }
                // Whatever stood there is not read.
                let place = Box::into_raw(Box::new(null_mut::<$type>().wrapping_byte_add(1)));
                // SAFETY: it came from a box a moment ago; what stands there came from the library or is NULL.
                hostile.after.push(Box::new(move |status| unsafe {
                    let made = *Box::from_raw(place);
                    let is_error = stringify!($type) == "apiseal_error";
                    assert!(is_error || status == 0 || made.is_null() || is_untouched(made));
                    if !is_untouched(made) {
                        $free(made);
                    }
                }));
                place
            }
        })+
    };
}

new_objects! {
    apiseal_keyring apiseal_keyring_free
    apiseal_key apiseal_key_free
    apiseal_policy apiseal_policy_free
    apiseal_context apiseal_context_free
    apiseal_cipher apiseal_cipher_free
    apiseal_value_cipher apiseal_value_cipher_free
    apiseal_redactor apiseal_redactor_free
    apiseal_profile apiseal_profile_free
    apiseal_signer apiseal_signer_free
    apiseal_signed apiseal_signed_free
    apiseal_replay apiseal_replay_free
    apiseal_verifier apiseal_verifier_free
    apiseal_verified apiseal_verified_free
    apiseal_error apiseal_error_free
    apiseal_lines apiseal_lines_free
    apiseal_spool apiseal_spool_free
    apiseal_protector apiseal_protector_free
    apiseal_acceptor apiseal_acceptor_free
    apiseal_protected apiseal_protected_free
    apiseal_explanation apiseal_explanation_free
}

/// The place was not reached: an argument before it was refused.
pub(crate) fn is_untouched<T>(made: *mut T) -> bool {
    made.addr() == 1
}

/// What `_free` and `_clone` are called with: another reference, or NULL.
macro_rules! fresh {
    ($($type:ident $clone:ident $valid:ident)+) => {
        $(impl Arg for *mut $type {
            fn arg(hostile: &mut Hostile) -> Self {
                // SAFETY: the object lives.
                if hostile.null() { null_mut() } else { unsafe { $clone(hostile.valid.$valid) } }
            }
        })+
    };
}

fresh! {
    apiseal_keyring apiseal_keyring_clone ring
    apiseal_key apiseal_key_clone key
    apiseal_policy apiseal_policy_clone policy
    apiseal_context apiseal_context_clone context
    apiseal_cipher apiseal_cipher_clone cipher
    apiseal_value_cipher apiseal_value_cipher_clone value_cipher
    apiseal_redactor apiseal_redactor_clone redactor
    apiseal_profile apiseal_profile_clone profile
    apiseal_signer apiseal_signer_clone signer
    apiseal_replay apiseal_replay_clone replay
    apiseal_verifier apiseal_verifier_clone verifier
    apiseal_protector apiseal_protector_clone protector
    apiseal_acceptor apiseal_acceptor_clone acceptor
}

/// What cannot be cloned is made for the call that frees it.
macro_rules! made_for {
    ($($type:ident |$hostile:ident| $make:expr;)+) => {
        $(impl Arg for *mut $type {
            fn arg($hostile: &mut Hostile) -> Self {
                // SAFETY: the objects live.
                if $hostile.null() { null_mut() } else { unsafe { $make } }
            }
        })+
    };
}

made_for! {
    apiseal_error |hostile| {
        let mut error = null_mut();
        assert_ne!(apiseal_keyring_replace(null(), hostile.valid.ring, &mut error), 0);
        error
    };
    apiseal_protected |hostile| {
        let json = [apiseal_header { name: bytes("content-type"), value: bytes("application/json") }];
        let message = apiseal_message { body: bytes("{}"), ..request(&json) };
        made(|out, err| apiseal_protect(hostile.valid.protector, &message, &context(), 1, out, err))
    };
    apiseal_explanation |hostile| {
        made(|out, err| apiseal_explain(hostile.valid.verifier, &request(&[]), null(), out, err))
    };
    apiseal_signed |hostile| made(|out, err| apiseal_sign(hostile.valid.signer, &request(&[]), out, err));
    apiseal_verified |hostile| {
        let mut lines = [apiseal_header { name: bytes(""), value: bytes("") }; 3];
        let len = apiseal_signed_headers(hostile.valid.signed, lines.as_mut_ptr(), 3);
        made(|out, err| apiseal_verify(hostile.valid.verifier, &request(&lines[..len]), out, err))
    };
}

impl Arg for *mut apiseal_spool {
    fn arg(hostile: &mut Hostile) -> Self {
        let mut lines = [apiseal_header { name: bytes(""), value: bytes("") }; 3];
        // SAFETY: the objects live.
        unsafe {
            let len = apiseal_signed_headers(hostile.valid.signed, lines.as_mut_ptr(), 3);
            let head = request(&lines[..len]);
            if hostile.null() {
                null_mut()
            } else {
                made(|out, err| apiseal_spool_begin(hostile.valid.verifier, &head, out, err))
            }
        }
    }
}

impl Arg for *mut apiseal_lines {
    fn arg(hostile: &mut Hostile) -> Self {
        let reader = apiseal_reader { read: Some(reads), data: null_mut(), release: None };
        let cipher = hostile.valid.cipher;
        let lines = |out, err| {
            // SAFETY: the objects live.
            unsafe { apiseal_encrypt_lines(cipher, &context(), 1, null(), reader, out, err) }
        };
        if hostile.null() { null_mut() } else { made(lines) }
    }
}

/// Places for results of other types, which are checked and freed.
macro_rules! places {
    ($($type:ident { $($field:ident: $empty:expr),+ } $first:ident $free:ident;)+) => {
        $(impl Arg for *mut $type {
            fn arg(hostile: &mut Hostile) -> Self {
                if hostile.null() {
                    return null_mut();
                }
                let place = Box::into_raw(Box::new($type { $($field: $empty),+ }));
                // SAFETY: it came from a box a moment ago.
                hostile.after.push(Box::new(move |status| unsafe {
                    let mut out = *Box::from_raw(place);
                    assert!(status == 0 || out.$first.is_null());
                    assert_eq!(out.len == 0, out.$first.is_null());
                    $free(&mut out);
                    $free(&mut out);
                }));
                place
            }
        })+
    };
}

places! {
    apiseal_buffer { data: null_mut(), len: 0, cap: 0, wipe: false } data apiseal_buffer_free;
    apiseal_texts { items: null(), len: 0, owner: null_mut() } items apiseal_texts_free;
    apiseal_locations { items: null(), len: 0, owner: null_mut() } items apiseal_locations_free;
    apiseal_sightings { items: null(), len: 0, owner: null_mut() } items apiseal_sightings_free;
    apiseal_findings { items: null(), len: 0, owner: null_mut() } items apiseal_findings_free;
    apiseal_opened_list { items: null(), len: 0, owner: null_mut() } items apiseal_opened_list_free;
    apiseal_block { items: null(), len: 0, owner: null_mut() } items apiseal_block_free;
    apiseal_changes { items: null(), len: 0, owner: null_mut() } items apiseal_changes_free;
}

impl Arg for *mut bool {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() { null_mut() } else { hostile.keep(false) }
    }
}

impl Arg for *mut usize {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() { null_mut() } else { hostile.keep(0) }
    }
}

impl Arg for *mut apiseal_reencrypted {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() {
            null_mut()
        } else {
            hostile.keep(apiseal_reencrypted { opened: 0, left_clear: 0 })
        }
    }
}

/// Room for more lines than any object of these tests has.
impl Arg for *mut apiseal_header {
    fn arg(hostile: &mut Hostile) -> Self {
        let room = [apiseal_header { name: bytes(""), value: bytes("") }; 64];
        if hostile.null() { null_mut() } else { hostile.keep(room).cast() }
    }
}
