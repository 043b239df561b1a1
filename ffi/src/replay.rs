//! Where nonces are kept.

use std::sync::Arc;

use apiseal::{Claim, Code, MemoryReplay, NoReplayCheck, Outcome, ReplayStore};

use crate::boundary::{self, Place};
use crate::callbacks::{apiseal_clock, apiseal_replay_store};
use crate::error::{Fault, apiseal_error, apiseal_status};

/// A replay store, shared by reference.
pub struct apiseal_replay(pub(crate) Shared);

/// A store that several verifiers share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<dyn ReplayStore>);

impl ReplayStore for Shared {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        self.0.claim(claim)
    }
}

/// A store in the memory of this process, of at most `capacity` nonces, of which one principal may use at most `quota`; 0:
/// all of them. It does not answer for signatures that were created before it was made. An all-zero `clock` is the
/// system's.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_replay_memory(
    capacity: usize,
    quota: usize,
    clock: apiseal_clock,
    out: *mut *mut apiseal_replay,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let clock = clock.take();
            let out = Place::object(out)?;
            let quota = if quota == 0 { capacity } else { quota };
            let store = MemoryReplay::with_quota(capacity, quota, &*clock);
            out.give(apiseal_replay(Shared(Arc::new(store))));
            Ok(())
        })
    }
}

/// A store of the caller: Redis, a database.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_replay_callback(
    store: apiseal_replay_store,
    out: *mut *mut apiseal_replay,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            let store = store.take();
            let out = Place::object(out)?;
            let missing = || Fault::new(Code::InvalidArgument, "the store has no function");
            out.give(apiseal_replay(Shared(Arc::new(store.ok_or_else(missing)?))));
            Ok(())
        })
    }
}

/// No check at all: every copy of a message is accepted while it is fresh. For verifiers of responses, and for services
/// where repeating a message changes nothing.
///
/// # Safety
/// Each pointer is NULL or valid for its type.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn apiseal_replay_unchecked(
    out: *mut *mut apiseal_replay,
    err: *mut *mut apiseal_error,
) -> apiseal_status {
    // SAFETY: the caller keeps the promise above.
    unsafe {
        boundary::call(err, || {
            Place::object(out)?.give(apiseal_replay(Shared(Arc::new(NoReplayCheck))));
            Ok(())
        })
    }
}

/// Another reference to the same store, to be freed by itself. NULL gives NULL.
///
/// # Safety
/// The pointer is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_replay_clone(replay: *const apiseal_replay) -> *mut apiseal_replay {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::clone(replay, |replay| apiseal_replay(replay.0.clone())) }
}

/// Frees a store; NULL is accepted.
///
/// # Safety
/// The pointer is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_replay_free(replay: *mut apiseal_replay) {
    // SAFETY: the caller keeps the promise above.
    unsafe { boundary::drop_box(replay) };
}
