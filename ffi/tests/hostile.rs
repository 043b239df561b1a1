//! Every exported function is called with hostile arguments: NULL in every place, bytes that are no text, lengths that no
//! memory has, objects that do not fit together. Nothing may crash, no panic may be caught, and a failure leaves nothing
//! in any result.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, non_camel_case_types)]

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

use apiseal_ffi::*;

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

/// Objects that work, one of each kind.
struct Valid {
    ring: *mut apiseal_keyring,
    key: *mut apiseal_key,
    policy: *mut apiseal_policy,
    cipher: *mut apiseal_cipher,
    value_cipher: *mut apiseal_value_cipher,
    redactor: *mut apiseal_redactor,
    profile: *mut apiseal_profile,
    signer: *mut apiseal_signer,
    signed: *mut apiseal_signed,
    replay: *mut apiseal_replay,
    verifier: *mut apiseal_verifier,
    verified: *mut apiseal_verified,
    protector: *mut apiseal_protector,
    acceptor: *mut apiseal_acceptor,
    protected: *mut apiseal_protected,
    explanation: *mut apiseal_explanation,
    error: *mut apiseal_error,
    sealed: Vec<u8>,
}

const POLICY: &str =
    r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.pan","bind":[],"occurs":"optional"}]}"#;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn bytes(data: &(impl AsRef<[u8]> + ?Sized)) -> apiseal_bytes {
    apiseal_bytes { data: data.as_ref().as_ptr(), len: data.as_ref().len() }
}

/// A result of a call that must succeed.
fn made<T>(make: impl FnOnce(*mut *mut T, *mut *mut apiseal_error) -> apiseal_status) -> *mut T {
    let (mut out, mut err) = (null_mut(), null_mut());
    let status = make(&mut out, &mut err);
    assert_eq!((status, err.is_null(), out.is_null()), (0, true, false));
    out
}

fn context() -> apiseal_pair {
    apiseal_pair { name: bytes("purpose"), value: bytes("tests") }
}

fn request(headers: &[apiseal_header]) -> apiseal_message {
    apiseal_message {
        status: 0,
        http2: false,
        method: bytes("GET"),
        scheme: bytes("https"),
        authority: bytes("api.example"),
        target: bytes("/a?x=1"),
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        trailers: null(),
        trailers_len: 0,
        body: bytes(""),
    }
}

impl Valid {
    fn new() -> Self {
        // SAFETY: every pointer is NULL or that of a living value of its type.
        unsafe {
            let ring = made(|out, err| apiseal_keyring_generate(bytes("aes-256-gcm"), out, err));
            let plain =
                made(|out, err| apiseal_key_raw(bytes("k"), bytes("hmac-sha256"), bytes(SECRET), out, err));
            let options = apiseal_key_options {
                state: bytes(""),
                not_before: 0,
                expires: 0,
                scope: null(),
                scope_len: 0,
                principal: bytes("p"),
                profiles: null(),
                profiles_len: 0,
                direction: bytes("req"),
                external_keyid: bytes(""),
            };
            let key = made(|out, err| apiseal_key_with(plain, &options, out, err));
            apiseal_key_free(plain);
            let entry = apiseal_ring_entry { key, primary: false };
            let signing = made(|out, err| apiseal_keyring_new(bytes(""), 0, &entry, 1, out, err));
            let policy = made(|out, err| apiseal_policy_from_json(bytes(POLICY), out, err));
            let cipher = made(|out, err| apiseal_cipher_new(ring, policy, null(), out, err));
            let value_cipher =
                made(|out, err| apiseal_value_cipher_new(ring, bytes("label"), null(), out, err));
            let redactor = made(|out, err| apiseal_redactor_new(policy, out, err));
            let profile = made(|out, err| apiseal_profile_v1(out, err));
            let signer = made(|out, err| apiseal_signer_new(signing, profile, null(), null(), out, err));
            let signed = made(|out, err| apiseal_sign(signer, &request(&[]), out, err));
            let mut lines = [apiseal_header { name: bytes(""), value: bytes("") }; 3];
            let len = apiseal_signed_headers(signed, lines.as_mut_ptr(), 3);
            let replay = made(|out, err| apiseal_replay_unchecked(out, err));
            let verifier =
                made(|out, err| apiseal_verifier_new(signing, profile, replay, null(), null(), out, err));
            let verified = made(|out, err| apiseal_verify(verifier, &request(&lines[..len]), out, err));
            apiseal_keyring_free(signing);
            let protector = made(|out, err| apiseal_protector_new(cipher, signer, out, err));
            let acceptor = made(|out, err| apiseal_acceptor_new(cipher, verifier, out, err));
            let json = [apiseal_header { name: bytes("content-type"), value: bytes("application/json") }];
            let message = apiseal_message { body: bytes(r#"{"pan":"4111"}"#), ..request(&json) };
            let protected = made(|out, err| apiseal_protect(protector, &message, &context(), 1, out, err));
            let explanation = made(|out, err| apiseal_explain(verifier, &request(&[]), bytes(""), out, err));
            let mut error = null_mut();
            let mut none = null_mut();
            assert_ne!(apiseal_policy_from_json(bytes("{"), &mut none, &mut error), 0);
            let mut out = apiseal_buffer { data: null_mut(), len: 0, cap: 0, wipe: false };
            let clear = bytes(r#"{"pan":"4111"}"#);
            assert_eq!(apiseal_encrypt(cipher, &context(), 1, clear, &mut out, null_mut()), 0);
            let sealed = std::slice::from_raw_parts(out.data, out.len).to_vec();
            apiseal_buffer_free(&mut out);
            Valid {
                ring,
                key,
                policy,
                cipher,
                value_cipher,
                redactor,
                profile,
                signer,
                signed,
                replay,
                verifier,
                verified,
                protector,
                acceptor,
                protected,
                explanation,
                error,
                sealed,
            }
        }
    }
}

impl Drop for Valid {
    fn drop(&mut self) {
        // SAFETY: each came from the library and is freed once.
        unsafe {
            apiseal_keyring_free(self.ring);
            apiseal_key_free(self.key);
            apiseal_policy_free(self.policy);
            apiseal_cipher_free(self.cipher);
            apiseal_value_cipher_free(self.value_cipher);
            apiseal_redactor_free(self.redactor);
            apiseal_profile_free(self.profile);
            apiseal_signer_free(self.signer);
            apiseal_signed_free(self.signed);
            apiseal_replay_free(self.replay);
            apiseal_verifier_free(self.verifier);
            apiseal_verified_free(self.verified);
            apiseal_protector_free(self.protector);
            apiseal_acceptor_free(self.acceptor);
            apiseal_protected_free(self.protected);
            apiseal_explanation_free(self.explanation);
            apiseal_error_free(self.error);
        }
    }
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

/// What can be an argument.
trait Arg {
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
    apiseal_options { clock, audit, limits }
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

unsafe extern "C" fn reads(_: *mut c_void, _: *mut u8, _: usize) -> isize {
    isize::MAX
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
fn is_untouched<T>(made: *mut T) -> bool {
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
        made(|out, err| apiseal_explain(hostile.valid.verifier, &request(&[]), bytes(""), out, err))
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

/// What a function gives.
trait Given {
    fn status(&self) -> apiseal_status;
    /// Frees an object.
    fn done(self);
}

impl Given for apiseal_status {
    fn status(&self) -> apiseal_status {
        *self
    }
    fn done(self) {}
}

macro_rules! given {
    ($($type:ty)+) => {
        $(impl Given for $type {
            fn status(&self) -> apiseal_status {
                0
            }
            fn done(self) {}
        })+
    };
}
given! { () u16 u64 usize bool apiseal_bytes *const std::ffi::c_char *const apiseal_signed }

macro_rules! given_objects {
    ($($type:ident $free:ident)+) => {
        $(impl Given for *mut $type {
            fn status(&self) -> apiseal_status {
                0
            }
            fn done(self) {
                // SAFETY: a clone came from the library.
                unsafe { $free(self) };
            }
        })+
    };
}
given_objects! {
    apiseal_keyring apiseal_keyring_free
    apiseal_key apiseal_key_free
    apiseal_policy apiseal_policy_free
    apiseal_cipher apiseal_cipher_free
    apiseal_value_cipher apiseal_value_cipher_free
    apiseal_redactor apiseal_redactor_free
    apiseal_profile apiseal_profile_free
    apiseal_signer apiseal_signer_free
    apiseal_replay apiseal_replay_free
    apiseal_verifier apiseal_verifier_free
    apiseal_protector apiseal_protector_free
    apiseal_acceptor apiseal_acceptor_free
}

/// A function of any number of arguments.
trait Callable {
    fn call(self, hostile: &mut Hostile) -> apiseal_status;
}

macro_rules! callable {
    ($($($name:ident)*;)+) => {
        $(impl<$($name: Arg,)* R: Given> Callable for unsafe extern "C" fn($($name),*) -> R {
            #[allow(non_snake_case)]
            fn call(self, hostile: &mut Hostile) -> apiseal_status {
                $(let $name = $name::arg(hostile);)*
                // SAFETY: each argument keeps the promises of the header.
                let given = unsafe { self($($name),*) };
                let status = given.status();
                assert_ne!(status, APISEAL_E_INTERNAL);
                for check in std::mem::take(&mut hostile.after).into_iter().rev() {
                    check(status);
                }
                given.done();
                status
            }
        })+
    };
}
callable! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I; A B C D E F G H I J;
    A B C D E F G H I J K;
}

macro_rules! any {
    ($argument:ident) => {
        _
    };
}

/// Bytes that a function takes, in the order of its arguments.
fn good(name: &str) -> &'static [&'static [u8]] {
    const DOCUMENT: &[u8] = b"{\"pan\": \"4111\", \"a\": [1.10]}";
    const CLEAR: &[u8] = b"{\"apiseal_keyring_clear\":1,\"ring\":\"r\",\"rev\":1,\"primary\":{\"seal\":\"k1\"},\"keys\":[{\"type\":\"root\",\
        \"kid\":\"k1\",\"purpose\":\"seal\",\"suite\":\"aes-256-gcm\",\"state\":\"active\",\"created\":1767225600,\
        \"secret\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}]}";
    const JWK: &[u8] =
        b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"}";
    const JWKS: &[u8] = b"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\
        \"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"}]}";
    const PEM: &[u8] =
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";
    match name {
        "apiseal_encrypt" | "apiseal_reencrypt" | "apiseal_cipher_inspect" | "apiseal_diagnose" => &[DOCUMENT],
        "apiseal_locate" => &[DOCUMENT, b"$..*"],
        "apiseal_key_generate" => &[b"x", b"seal", b"aes-256-gcm"],
        "apiseal_key_import" | "apiseal_hazmat_key_from_secret" => &[b"x", b"seal", b"aes-256-gcm", SECRET],
        "apiseal_key_raw" => &[b"x", b"hmac-sha256", SECRET],
        "apiseal_key_raw_public" => &[
            b"x",
            b"ed25519",
            b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a",
        ],
        "apiseal_key_from_pem" => &[b"x", b"ed25519", PEM],
        "apiseal_key_from_jwk" => &[b"x", b"ed25519", JWK],
        "apiseal_key_from_jwks" => &[b"x", b"ed25519", JWKS, b"a"],
        "apiseal_key_with" => &[b"", b"p"],
        "apiseal_hazmat_keyring_read_clear" => &[CLEAR, b"r"],
        "apiseal_profile_from_json" => {
            &[b"{\"apiseal_profile\":1,\"id\":\"p\",\"extends\":\"rfc9421\",\"require\":[\"@method\"]}"]
        }
        "apiseal_value_encrypt" => &[b"42"],
        "apiseal_value_encrypt_text" => &[b"a"],
        _ => &[],
    }
}

/// Names of functions, and calls with arguments by their number.
macro_rules! functions {
    ($($name:ident $($argument:ident)*;)+) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Gives the names of those that succeeded.
        fn call_all(hostile: &mut Hostile) -> Vec<&'static str> {
            let mut done = Vec::new();
            $(
                hostile.good = good(stringify!($name)).iter().rev().copied().collect();
                let function = $name as unsafe extern "C" fn($(any!($argument)),*) -> _;
                if function.call(hostile) == 0 {
                    done.push(stringify!($name));
                }
            )+
            done
        }
    };
}

functions! {
    apiseal_buffer_free a;
    apiseal_cipher_new a b c d e;
    apiseal_encrypt a b c d e f;
    apiseal_decrypt a b c d e f;
    apiseal_decrypt_migrating a b c d e f g;
    apiseal_cipher_clone a;
    apiseal_cipher_free a;
    apiseal_error_free a;
    apiseal_error_code a;
    apiseal_error_name a;
    apiseal_error_message a;
    apiseal_error_path a;
    apiseal_error_key_id a;
    apiseal_error_offset a;
    apiseal_error_http_status a;
    apiseal_changes_free a;
    apiseal_explain a b c d e;
    apiseal_explain_response a b c d e;
    apiseal_explain_response_to_verified a b c d e;
    apiseal_explanation_text a b c;
    apiseal_explanation_changes a b c;
    apiseal_explanation_verifies a;
    apiseal_explanation_code a;
    apiseal_explanation_remaining a;
    apiseal_explanation_base a;
    apiseal_explanation_signed_base a;
    apiseal_explanation_free a;
    apiseal_key_generate a b c d e;
    apiseal_key_derived a b c d e f;
    apiseal_key_import a b c d e f;
    apiseal_key_raw a b c d e;
    apiseal_key_raw_public a b c d e;
    apiseal_key_from_pem a b c d e;
    apiseal_key_from_jwk a b c d e;
    apiseal_key_from_jwks a b c d e f;
    apiseal_hazmat_key_from_secret a b c d e f;
    apiseal_key_with a b c d;
    apiseal_key_id a;
    apiseal_key_purpose a;
    apiseal_key_suite a;
    apiseal_key_state a;
    apiseal_key_principal a;
    apiseal_key_created a;
    apiseal_key_expires a;
    apiseal_key_to_jwk a b c;
    apiseal_key_clone a;
    apiseal_key_free a;
    apiseal_keyring_generate a b c;
    apiseal_keyring_new a b c d e f;
    apiseal_keyring_with_key a b c d;
    apiseal_keyring_promote a b c d;
    apiseal_keyring_retire a b c d;
    apiseal_keyring_disable a b c d;
    apiseal_keyring_replace a b c;
    apiseal_keyring_export_context a b c d e f;
    apiseal_keyring_key a b c d;
    apiseal_keyring_len a;
    apiseal_keyring_rev a;
    apiseal_keyring_clone a;
    apiseal_keyring_free a;
    apiseal_keyring_open a b c d e f;
    apiseal_keyring_seal a b c d e;
    apiseal_keyring_load a b c d e f;
    apiseal_keyring_save a b c d e;
    apiseal_hazmat_keyring_read_clear a b c d e;
    apiseal_hazmat_keyring_write_clear a b c d;
    apiseal_block_free a;
    apiseal_encrypt_lines a b c d e f g;
    apiseal_decrypt_lines a b c d e f g;
    apiseal_lines_next a b c;
    apiseal_lines_free a;
    apiseal_texts_free a;
    apiseal_protector_new a b c d;
    apiseal_acceptor_new a b c d;
    apiseal_protect a b c d e f;
    apiseal_protect_response a b c d e f g;
    apiseal_protected_body a;
    apiseal_protected_headers a b c;
    apiseal_protected_signed a;
    apiseal_accept a b c d e f g;
    apiseal_accept_with a b c d e f g;
    apiseal_accept_response a b c d e f g h;
    apiseal_protector_clone a;
    apiseal_protector_free a;
    apiseal_acceptor_clone a;
    apiseal_acceptor_free a;
    apiseal_protected_free a;
    apiseal_policy_from_json a b c;
    apiseal_policy_id a;
    apiseal_policy_clone a;
    apiseal_policy_free a;
    apiseal_profile_v1 a b;
    apiseal_profile_from_json a b c;
    apiseal_profile_lint a b c d;
    apiseal_profile_id a;
    apiseal_profile_clone a;
    apiseal_profile_free a;
    apiseal_redactor_new a b c;
    apiseal_redact a b c d e;
    apiseal_redactor_clone a;
    apiseal_redactor_free a;
    apiseal_reencrypt a b c d e f g h i j k;
    apiseal_replay_memory a b c d e;
    apiseal_replay_callback a b c;
    apiseal_replay_unchecked a b;
    apiseal_replay_clone a;
    apiseal_replay_free a;
    apiseal_locations_free a;
    apiseal_locate a b c d e;
    apiseal_sightings_free a;
    apiseal_inspect a b c d;
    apiseal_cipher_inspect a b c d e f;
    apiseal_findings_free a;
    apiseal_diagnose a b c d e f g h;
    apiseal_policy_lint a b c d;
    apiseal_signer_new a b c d e f;
    apiseal_sign a b c d;
    apiseal_sign_accepting a b c d e;
    apiseal_sign_response a b c d e;
    apiseal_signed_headers a b c;
    apiseal_signed_base a;
    apiseal_signed_nonce a;
    apiseal_signed_ignored a b;
    apiseal_signed_free a;
    apiseal_signer_clone a;
    apiseal_signer_free a;
    apiseal_opened_list_free a;
    apiseal_decrypt_lenient a b c d e f g;
    apiseal_decrypt_partial a b c d e f g h i j;
    apiseal_spool_begin a b c d;
    apiseal_spool_write a b c;
    apiseal_spool_finish a b c;
    apiseal_spool_free a;
    apiseal_value_cipher_new a b c d e;
    apiseal_value_encrypt a b c d e f g h;
    apiseal_value_encrypt_text a b c d e f g h;
    apiseal_value_decrypt a b c d e f g h;
    apiseal_value_decrypt_text a b c d e f g h;
    apiseal_max_token_len a b c;
    apiseal_value_cipher_clone a;
    apiseal_value_cipher_free a;
    apiseal_verified_len a;
    apiseal_verified_body_proved a;
    apiseal_verified_key_id a b;
    apiseal_verified_principal a b;
    apiseal_verified_label a b;
    apiseal_verified_tag a b;
    apiseal_verified_nonce a b;
    apiseal_verified_base a b;
    apiseal_verified_created a b;
    apiseal_verified_component a b c;
    apiseal_verified_components a b c d;
    apiseal_verified_scope a b c d;
    apiseal_verified_free a;
    apiseal_verifier_new a b c d e f g;
    apiseal_verify a b c d;
    apiseal_verify_response a b c d e;
    apiseal_verify_response_to_verified a b c d e;
    apiseal_verify_response_unbound a b c d e;
    apiseal_verifier_accept_signature a b c d;
    apiseal_verifier_clone a;
    apiseal_verifier_free a;
}

#[test]
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
    const NEEDS_MORE: [&str; 20] = [
        "apiseal_key_to_jwk",
        "apiseal_keyring_promote",
        "apiseal_keyring_retire",
        "apiseal_keyring_disable",
        "apiseal_keyring_export_context",
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
