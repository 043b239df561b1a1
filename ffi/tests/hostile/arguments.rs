//! What goes in: bytes, numbers, structs, callbacks, objects that are lent.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use apiseal_ffi::*;

use crate::Hostile;
use crate::valid::{POLICY, SECRET, bytes, context, request};

/// What can be an argument.
pub(crate) trait Arg {
    fn arg(hostile: &mut Hostile) -> Self;
}

impl Arg for apiseal_bytes {
    fn arg(hostile: &mut Hostile) -> Self {
        const TEXTS: [&[u8]; 24] = [
            b"",
            b"\xff\xfe",
            b"{}",
            b"{\"pan\": 1, \"a\": [1.10]}",
            b"{\"pan\": [[[[",
            b"$..*",
            b"$.pan",
            b"as1.k.AAAA",
            b"aes-256-gcm",
            b"hmac-sha256",
            b"ed25519",
            b"seal",
            b"sig",
            b"k",
            b"req",
            b"active",
            b"purpose",
            b"@path",
            b"\"@query-param\";name=\"x\"",
            b"sig=(\"@method\");created=1",
            b"GET",
            b"/a?b",
            SECRET,
            POLICY.as_bytes(),
        ];
        if hostile.empty {
            return apiseal_bytes { data: null(), len: 0 };
        }
        if let Some(good) = hostile.good.pop()
            && hostile.pick(8) != 0
        {
            return bytes(good);
        }
        match hostile.pick(8) {
            0 => apiseal_bytes { data: null(), len: 0 },
            1 => apiseal_bytes { data: null(), len: 1 + hostile.pick(9) },
            2 => apiseal_bytes { data: b"x".as_ptr(), len: usize::MAX },
            3 => bytes(&hostile.valid.sealed),
            4 => {
                let data: Vec<u8> = (0..hostile.pick(200)).map(|at| (at * 7) as u8).collect();
                let kept = hostile.keep(data);
                // SAFETY: it is kept until the call is over.
                bytes(unsafe { &*kept })
            }
            _ => bytes(TEXTS[hostile.pick(TEXTS.len())]),
        }
    }
}

impl Arg for usize {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.empty { 0 } else { [0, 1, 1, 1, 1, 2, 64, usize::MAX][hostile.pick(8)] }
    }
}

impl Arg for u64 {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.empty { 0 } else { [0, 1, 1_800_000_000, u64::MAX][hostile.pick(4)] }
    }
}

impl Arg for bool {
    fn arg(hostile: &mut Hostile) -> Self {
        !hostile.empty && hostile.pick(2) == 0
    }
}

/// Structs that are lent, one or 64 of them.
macro_rules! lent {
    ($($type:ident { $($field:ident),+ })+) => {
        $(impl Arg for $type {
            fn arg(hostile: &mut Hostile) -> Self {
                $type { $($field: Arg::arg(hostile)),+ }
            }
        }

        impl Arg for *const $type {
            fn arg(hostile: &mut Hostile) -> Self {
                if hostile.null() { null() } else { hostile.array::<$type>() }
            }
        })+
    };
}

impl Arg for apiseal_pair {
    fn arg(hostile: &mut Hostile) -> Self {
        apiseal_pair { name: Arg::arg(hostile), value: Arg::arg(hostile) }
    }
}

/// The first pair is mostly a context by itself.
impl Arg for *const apiseal_pair {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() {
            return null();
        }
        let good = std::mem::take(&mut hostile.good);
        let mut items: Vec<apiseal_pair> = (0..64).map(|_| Arg::arg(hostile)).collect();
        hostile.good = good;
        if hostile.pick(8) != 0 {
            items[0] = context();
        }
        // SAFETY: it is kept until the call is over.
        unsafe { (*hostile.keep(items)).as_ptr() }
    }
}

/// Half of them are the signed request.
impl Arg for *const apiseal_message {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() {
            return null();
        }
        let mut lines = vec![apiseal_header { name: bytes(""), value: bytes("") }; 3];
        // SAFETY: the signature lives; the lines are kept until the call is over.
        let lines = unsafe {
            let len = apiseal_signed_headers(hostile.valid.signed, lines.as_mut_ptr(), 3);
            lines.truncate(len);
            &*hostile.keep(lines)
        };
        let message = match hostile.pick(4) {
            0 => request(&[]),
            1 => request(lines),
            2 => apiseal_message { status: 200, ..request(&[]) },
            _ => Arg::arg(hostile),
        };
        hostile.keep(message)
    }
}

lent! {
    apiseal_bound { label, value, is_text }
    apiseal_header { name, value }
    apiseal_ring_entry { key, primary }
    apiseal_wrap { passphrase, key }
    apiseal_reencryption { leave_clear, seal_clear }
    apiseal_origin { received, scheme, authority }
    apiseal_line_options { threads, max_line }
    apiseal_candidate { pairs, len }
    apiseal_limits { document, field, depth, fields, position, bound }
    apiseal_options { clock, audit, limits, hedged_salts }
    apiseal_signer_options { key_id, label, debug_token, external }
    apiseal_verifier_options { origins, origins_len, scope, scope_len }
    apiseal_key_options {
        state, not_before, expires, scope, scope_len, principal, profiles, profiles_len, direction, external_keyid
    }
}

impl Arg for apiseal_message {
    fn arg(hostile: &mut Hostile) -> Self {
        apiseal_message {
            status: Arg::arg(hostile),
            http2: Arg::arg(hostile),
            method: Arg::arg(hostile),
            scheme: Arg::arg(hostile),
            authority: Arg::arg(hostile),
            target: Arg::arg(hostile),
            headers: Arg::arg(hostile),
            headers_len: Arg::arg(hostile),
            trailers: Arg::arg(hostile),
            trailers_len: Arg::arg(hostile),
            body: Arg::arg(hostile),
        }
    }
}

impl Arg for *const apiseal_bytes {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() { null() } else { hostile.array::<apiseal_bytes>() }
    }
}

unsafe extern "C" fn makes(
    _: *mut c_void,
    _: *const apiseal_verified,
    into: *mut apiseal_pair,
    capacity: usize,
) -> usize {
    // SAFETY: the library lends room for `capacity` pairs.
    unsafe { into.write(context()) };
    capacity + 1
}

impl Arg for apiseal_make_context {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() { None } else { Some(makes) }
    }
}

impl Arg for *mut c_void {
    fn arg(_: &mut Hostile) -> Self {
        null_mut()
    }
}

impl Arg for u16 {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.empty { 0 } else { [0, 0, 100, 200, 999, 65535][hostile.pick(6)] }
    }
}

unsafe extern "C" fn now(_: *mut c_void) -> u64 {
    1_800_000_000
}

unsafe extern "C" fn heard(_: *mut c_void, event: *const apiseal_event) {
    // SAFETY: the library lends it.
    assert!(unsafe { (*event).operation.len } > 0);
}

unsafe extern "C" fn claimed(_: *mut c_void, _: *const apiseal_claim) -> apiseal_outcome {
    17
}

unsafe extern "C" fn signs(_: *mut c_void, _: apiseal_bytes, _: *mut u8, _: usize, len: *mut usize) -> i32 {
    // SAFETY: the library lends it.
    unsafe { *len = usize::MAX };
    0
}

pub(crate) unsafe extern "C" fn reads(_: *mut c_void, _: *mut u8, _: usize) -> isize {
    isize::MAX
}

unsafe extern "C" fn decodes(
    _: *mut c_void,
    _: apiseal_bytes,
    _: apiseal_bytes,
    _: *mut u8,
    _: usize,
) -> isize {
    isize::MAX
}

impl Arg for *const apiseal_explain_options {
    fn arg(hostile: &mut Hostile) -> Self {
        if hostile.null() {
            return null();
        }
        let options = apiseal_explain_options {
            authorities: Arg::arg(hostile),
            authorities_len: Arg::arg(hostile),
            decode: if hostile.null() { None } else { Some(decodes) },
            data: null_mut(),
            verifications: [0, 1, u32::MAX][hostile.pick(3)],
            bytes: Arg::arg(hostile),
            decoded: Arg::arg(hostile),
        };
        hostile.keep(options)
    }
}

/// Callbacks with or without a function.
macro_rules! callbacks {
    ($($type:ident $field:ident $function:ident)+) => {
        $(impl Arg for $type {
            fn arg(hostile: &mut Hostile) -> Self {
                let $field = if hostile.null() { None } else { Some($function as _) };
                $type { $field, data: null_mut(), release: None }
            }
        })+
    };
}

callbacks! {
    apiseal_clock now now
    apiseal_audit event heard
    apiseal_replay_store claim claimed
    apiseal_external_signer sign signs
    apiseal_reader read reads
}

/// Objects that are lent.
macro_rules! objects {
    ($($type:ident $valid:ident)+) => {
        $(impl Arg for *const $type {
            fn arg(hostile: &mut Hostile) -> Self {
                if hostile.null() { null() } else { hostile.valid.$valid }
            }
        })+
    };
}

objects! {
    apiseal_keyring ring
    apiseal_key key
    apiseal_policy policy
    apiseal_context context
    apiseal_cipher cipher
    apiseal_value_cipher value_cipher
    apiseal_redactor redactor
    apiseal_profile profile
    apiseal_signer signer
    apiseal_signed signed
    apiseal_replay replay
    apiseal_verifier verifier
    apiseal_verified verified
    apiseal_protector protector
    apiseal_acceptor acceptor
    apiseal_protected protected
    apiseal_explanation explanation
    apiseal_error error
}
