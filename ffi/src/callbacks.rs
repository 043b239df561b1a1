//! Functions of the caller that the library calls: clock, audit hook, replay store, external signer, reader.
//!
//! All of them may be called from several threads at once, and must not unwind.

use std::ffi::c_void;
use std::io;

use apiseal::{Audit, Claim, Clock, Event, ExternalSigner, Outcome, ReplayStore};

use crate::bytes::apiseal_bytes;
use crate::error::apiseal_status;

/// Called once with `data` when the library needs it no more; also if the call fails that `data` was given to.
pub type apiseal_release = Option<unsafe extern "C" fn(data: *mut c_void)>;

/// What a callback works on. The library may move it between threads and use it in several at once.
pub(crate) struct Data {
    data: *mut c_void,
    release: apiseal_release,
}

// SAFETY: the header demands of every callback that its `data` may be used by any thread, and by several at once.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the caller gave the two together, and `Data` is neither copied nor dropped twice.
            unsafe { release(self.data) };
        }
    }
}

/// Seconds since 1970-01-01T00:00:00Z. With `now` NULL the system's clock is used.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_clock {
    /// Tells the time.
    pub now: Option<unsafe extern "C" fn(data: *mut c_void) -> u64>,
    /// Given to `now`.
    pub data: *mut c_void,
    /// May be NULL.
    pub release: apiseal_release,
}

struct OwnClock(Data, unsafe extern "C" fn(data: *mut c_void) -> u64);

impl Clock for OwnClock {
    fn now(&self) -> u64 {
        // SAFETY: the caller gave the two together.
        unsafe { (self.1)(self.0.data) }
    }
}

impl apiseal_clock {
    /// Takes the clock over.
    pub(crate) fn take(self) -> Box<dyn Clock> {
        let data = Data { data: self.data, release: self.release };
        match self.now {
            Some(now) => Box::new(OwnClock(data, now)),
            None => Box::new(apiseal::SystemClock),
        }
    }
}

/// Hears of every use of a key, on the thread that used it and before the call returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_audit {
    /// Takes note of an event, which lives for this call only. NULL: nobody listens.
    pub event: Option<unsafe extern "C" fn(data: *mut c_void, event: *const apiseal_event)>,
    /// Given to `event`.
    pub data: *mut c_void,
    /// May be NULL.
    pub release: apiseal_release,
}

/// One use of one key under one rule in one call. It holds no value, no secret and no value of a context.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_event {
    /// What was done: "encrypt", "decrypt", "decrypt_some", "diagnose", "sign", "verify".
    pub operation: apiseal_bytes,
    /// Id of the policy or profile.
    pub policy: apiseal_bytes,
    /// Path of the rule; `data` is NULL if there is none.
    pub rule: apiseal_bytes,
    /// Id of the key; `data` is NULL if none was chosen.
    pub key_id: apiseal_bytes,
    /// Names of the context's pairs, or of a signing key's scope.
    pub context_names: *const apiseal_bytes,
    /// How many.
    pub context_names_len: usize,
    /// 8 bytes that are equal for equal keys and contexts; `data` is NULL if there are none.
    pub context_tag: apiseal_bytes,
    /// Number of values or signatures.
    pub count: u64,
    /// Number of clear values that the rule's `migrate` let through.
    pub accepted_plain: u64,
    /// 0, or why it failed.
    pub failure: apiseal_status,
}

struct OwnAudit(Data, unsafe extern "C" fn(data: *mut c_void, event: *const apiseal_event));

impl Audit for OwnAudit {
    fn event(&self, event: &Event<'_>) {
        let names: Vec<apiseal_bytes> =
            event.context_names.iter().map(|name| apiseal_bytes::of(name.as_bytes())).collect();
        let event = apiseal_event {
            operation: apiseal_bytes::of(event.operation.name().as_bytes()),
            policy: apiseal_bytes::of(event.policy.as_bytes()),
            rule: apiseal_bytes::of_text(event.rule),
            key_id: apiseal_bytes::of_text(event.key_id),
            context_names: names.as_ptr(),
            context_names_len: names.len(),
            context_tag: event
                .context_tag
                .as_ref()
                .map_or(apiseal_bytes::EMPTY, |tag| apiseal_bytes::of(tag)),
            count: event.count,
            accepted_plain: event.accepted_plain,
            failure: event.failure.map_or(0, |code| code.number()),
        };
        // SAFETY: the caller gave the two together; the event and what it points to live through the call.
        unsafe { (self.1)(self.0.data, &event) };
    }
}

impl apiseal_audit {
    /// Takes the hook over, if there is one.
    pub(crate) fn take(self) -> Option<impl Audit + use<>> {
        let data = Data { data: self.data, release: self.release };
        self.event.map(|event| OwnAudit(data, event))
    }
}

/// What a replay store answers.
pub type apiseal_outcome = u32;
/// Nobody claimed the nonce before; from now on it is taken.
pub const APISEAL_OUTCOME_FIRST: apiseal_outcome = 0;
/// The nonce was claimed before.
pub const APISEAL_OUTCOME_SEEN: apiseal_outcome = 1;
/// The store, or the principal's share of it, is full. Nothing was claimed and nothing forgotten.
pub const APISEAL_OUTCOME_FULL: apiseal_outcome = 2;
/// The store cannot tell. Every other number is taken for this one.
pub const APISEAL_OUTCOME_UNKNOWN: apiseal_outcome = 3;

/// One nonce to be claimed.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_claim {
    /// 32 bytes that keep nonces of different keys and profiles apart.
    pub scope: apiseal_bytes,
    /// The nonce as it stands in the message.
    pub nonce: apiseal_bytes,
    /// Whose key signed; the key id where the key names no principal.
    pub principal: apiseal_bytes,
    /// When the signature was created, in Unix seconds.
    pub created: u64,
    /// How far clocks may differ, in seconds.
    pub skew: u64,
    /// Until when the nonce must be remembered, in Unix seconds.
    pub until: u64,
    /// Now, in Unix seconds.
    pub now: u64,
}

/// Where nonces are kept. One operation, atomic: of many parallel claims of one nonce exactly one is answered
/// APISEAL_OUTCOME_FIRST. A store never forgets a nonce before its time, not even when it is full.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_replay_store {
    /// Claims a nonce. It is called only after signature and digest hold.
    pub claim:
        Option<unsafe extern "C" fn(data: *mut c_void, claim: *const apiseal_claim) -> apiseal_outcome>,
    /// Given to `claim`.
    pub data: *mut c_void,
    /// May be NULL.
    pub release: apiseal_release,
}

struct OwnStore(
    Data,
    unsafe extern "C" fn(data: *mut c_void, claim: *const apiseal_claim) -> apiseal_outcome,
);

impl ReplayStore for OwnStore {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        let claim = apiseal_claim {
            scope: apiseal_bytes::of(claim.scope),
            nonce: apiseal_bytes::of(claim.nonce.as_bytes()),
            principal: apiseal_bytes::of(claim.principal.as_bytes()),
            created: claim.created,
            skew: claim.skew,
            until: claim.until,
            now: claim.now,
        };
        // SAFETY: the caller gave the two together; the claim and what it points to live through the call.
        match unsafe { (self.1)(self.0.data, &claim) } {
            APISEAL_OUTCOME_FIRST => Outcome::First,
            APISEAL_OUTCOME_SEEN => Outcome::Seen,
            APISEAL_OUTCOME_FULL => Outcome::Full,
            _ => Outcome::Unknown,
        }
    }
}

impl apiseal_replay_store {
    /// Takes the store over, if there is one.
    pub(crate) fn take(self) -> Option<impl ReplayStore + use<>> {
        let data = Data { data: self.data, release: self.release };
        self.claim.map(|claim| OwnStore(data, claim))
    }
}

/// Signs outside of this process: an HSM, a KMS, an agent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_external_signer {
    /// Signs `base`, writes at most `capacity` bytes to `signature` and their number to `len`: R and S of Ed25519, r and
    /// s of fixed size for ECDSA. Anything but 0 is a failure.
    pub sign: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            base: apiseal_bytes,
            signature: *mut u8,
            capacity: usize,
            len: *mut usize,
        ) -> i32,
    >,
    /// Given to `sign`.
    pub data: *mut c_void,
    /// May be NULL.
    pub release: apiseal_release,
}

/// The longest signature that a key of the ring verifies: RSA of 8192 bits.
const SIGNATURE: usize = 1024;

type Sign = unsafe extern "C" fn(*mut c_void, apiseal_bytes, *mut u8, usize, *mut usize) -> i32;

struct OwnSigner(Data, Sign);

impl ExternalSigner for OwnSigner {
    fn sign(&self, base: &[u8]) -> Result<Vec<u8>, String> {
        let (mut signature, mut len) = (vec![0; SIGNATURE], 0);
        // SAFETY: the caller gave the two together; base, signature and length live through the call.
        let status = unsafe {
            (self.1)(self.0.data, apiseal_bytes::of(base), signature.as_mut_ptr(), SIGNATURE, &mut len)
        };
        match status {
            0 if len <= SIGNATURE => {
                signature.truncate(len);
                Ok(signature)
            }
            0 => Err("it tells a longer signature than there was room for".to_owned()),
            status => Err(format!("it gave status {status}")),
        }
    }
}

impl apiseal_external_signer {
    /// Takes the signer over, if there is one.
    pub(crate) fn take(self) -> Option<impl ExternalSigner + use<>> {
        let data = Data { data: self.data, release: self.release };
        self.sign.map(|sign| OwnSigner(data, sign))
    }
}

/// Where lines come from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_reader {
    /// Writes at most `capacity` bytes to `into` and gives their number; 0 at the end, a negative number on failure. Never
    /// called twice at once, but by different threads.
    pub read: Option<unsafe extern "C" fn(data: *mut c_void, into: *mut u8, capacity: usize) -> isize>,
    /// Given to `read`.
    pub data: *mut c_void,
    /// May be NULL.
    pub release: apiseal_release,
}

pub(crate) struct OwnReader(Data, unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize);

impl io::Read for OwnReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the caller gave the two together; `into` lives through the call and is initialized.
        let read = unsafe { (self.1)(self.0.data, into.as_mut_ptr(), into.len()) };
        match usize::try_from(read) {
            Ok(len) if len <= into.len() => Ok(len),
            Ok(_) => Err(io::Error::other("the reader tells more bytes than there was room for")),
            Err(_) => Err(io::Error::other("the reader failed")),
        }
    }
}

impl apiseal_reader {
    /// Takes the reader over, if there is one.
    pub(crate) fn take(self) -> Option<OwnReader> {
        let data = Data { data: self.data, release: self.release };
        self.read.map(|read| OwnReader(data, read))
    }
}
