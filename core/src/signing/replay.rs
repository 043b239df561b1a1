//! Each message is accepted once: nonces are claimed, and remembered as long as the message could be fresh.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::http::digest::sha256;

/// One nonce to be claimed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim<'a> {
    /// SHA-256 over key id and profile id, each with its length as u32 before it: nonces of different keys are apart.
    pub scope: &'a [u8; 32],
    /// The nonce as it stands in the message.
    pub nonce: &'a str,
    /// Whose key signed; the key id where the key names no principal.
    pub principal: &'a str,
    /// When the signature was created, in Unix seconds.
    pub created: u64,
    /// How far clocks may differ, in seconds.
    pub skew: u64,
    /// Until when the nonce must be remembered, in Unix seconds.
    pub until: u64,
    /// Now, in Unix seconds.
    pub now: u64,
}

/// What a store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody claimed the nonce before; from now on it is taken.
    First,
    /// The nonce was claimed before.
    Seen,
    /// The store, or the principal's share of it, is full. Nothing was claimed and nothing forgotten.
    Full,
    /// The store cannot tell: it is not reachable, or it did not watch when the signature was created.
    Unknown,
}

/// Where nonces are kept. One operation, atomic: of many parallel claims of one nonce exactly one is
/// [`Outcome::First`]. A store never forgets a nonce before its time, not even when it is full.
pub trait ReplayStore: Send + Sync {
    /// Claims a nonce.
    fn claim(&self, claim: &Claim<'_>) -> Outcome;
}

/// No check at all: every copy of a message is accepted while it is fresh. For verifiers of responses, which are tied to
/// their request, and for services where repeating a message changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoReplayCheck;

impl ReplayStore for NoReplayCheck {
    fn claim(&self, _: &Claim<'_>) -> Outcome {
        Outcome::First
    }
}

impl<S: ReplayStore + ?Sized> ReplayStore for Arc<S> {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        (**self).claim(claim)
    }
}

/// Nonces in the memory of this process: several processes that share keys need a shared store. Clones share it.
///
/// Each nonce takes about 100 bytes and is kept for the profile's `max_age` and twice its `skew` at most: 100 000 entries
/// carry 300 requests a second under `apiseal-v1` (330 seconds). A store that was just started does not know what its
/// predecessor accepted, so that it answers [`Outcome::Unknown`] to signatures created before its start, and, after a clock
/// that was set back, to those that it may have forgotten.
#[derive(Clone)]
pub struct MemoryReplay(Arc<Inner>);

struct Inner {
    capacity: usize,
    quota: usize,
    started: u64,
    /// Until when the latest nonce was to be remembered that was forgotten: one of that time may have been claimed.
    forgotten: AtomicU64,
    len: AtomicUsize,
    /// By principal, so that a share can be counted exactly.
    shards: [Mutex<HashMap<Box<str>, Ledger>>; SHARDS],
}

const SHARDS: usize = 16;

/// The nonces of one principal.
#[derive(Default)]
struct Ledger {
    seen: HashMap<[u8; 32], ()>,
    by_end: BinaryHeap<Reverse<(u64, [u8; 32])>>,
}

impl Ledger {
    /// Forgets what is over.
    fn purge(&mut self, now: u64, store: &Inner) {
        let mut purged = 0;
        while let Some(Reverse((until, key))) = self.by_end.peek() {
            if *until >= now {
                break;
            }
            store.forgotten.fetch_max(*until, Ordering::Relaxed);
            self.seen.remove(key);
            self.by_end.pop();
            purged += 1;
        }
        store.len.fetch_sub(purged, Ordering::Relaxed);
    }
}

impl MemoryReplay {
    /// A store of at most `capacity` nonces, all of which one principal may use.
    #[must_use]
    pub fn new(capacity: usize, clock: &dyn Clock) -> Self {
        MemoryReplay::with_quota(capacity, capacity, clock)
    }

    /// A store of at most `capacity` nonces, of which one principal may use at most `quota`: a busy or hostile partner
    /// then cannot fill the store for the others.
    #[must_use]
    pub fn with_quota(capacity: usize, quota: usize, clock: &dyn Clock) -> Self {
        MemoryReplay(Arc::new(Inner {
            capacity,
            quota,
            started: clock.now(),
            forgotten: AtomicU64::new(0),
            len: AtomicUsize::new(0),
            shards: Default::default(),
        }))
    }

    /// How many nonces are kept, those included that are over and were not yet swept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    /// Whether no nonce is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a place if there is one.
    fn take_place(&self) -> bool {
        let take = |len: usize| (len < self.0.capacity).then_some(len + 1);
        self.0.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Forgets what is over, everywhere.
    fn sweep(&self, now: u64) {
        for shard in &self.0.shards {
            let mut ledgers = shard.lock().unwrap_or_else(PoisonError::into_inner);
            ledgers.retain(|_, ledger| {
                ledger.purge(now, &self.0);
                !ledger.seen.is_empty()
            });
        }
    }

    fn try_claim(&self, claim: &Claim<'_>, key: [u8; 32]) -> Outcome {
        // Principals are those of the ring: nobody outside can choose them to meet in one shard.
        let mix = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
        let at = claim.principal.bytes().fold(0, mix) % SHARDS;
        let Some(shard) = self.0.shards.get(at) else { return Outcome::Unknown };
        let mut ledgers = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = match ledgers.get_mut(claim.principal) {
            Some(ledger) => ledger,
            None => ledgers.entry(claim.principal.into()).or_default(),
        };
        ledger.purge(claim.now, &self.0);
        // Threads read the clock at different times, and it can be set back: what was forgotten is not new.
        if claim.until <= self.0.forgotten.load(Ordering::Relaxed) {
            return Outcome::Unknown;
        }
        let is_full = ledger.seen.len() >= self.0.quota;
        let Entry::Vacant(place) = ledger.seen.entry(key) else { return Outcome::Seen };
        if is_full || !self.take_place() {
            return Outcome::Full;
        }
        place.insert(());
        ledger.by_end.push(Reverse((claim.until, key)));
        Outcome::First
    }
}

impl ReplayStore for MemoryReplay {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        if claim.created <= self.0.started.saturating_add(claim.skew) {
            return Outcome::Unknown;
        }
        let key = sha256(&[claim.scope, claim.nonce.as_bytes()]);
        match self.try_claim(claim, key) {
            Outcome::Full => {
                self.sweep(claim.now);
                self.try_claim(claim, key)
            }
            outcome => outcome,
        }
    }
}

impl fmt::Debug for MemoryReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplay").field("capacity", &self.0.capacity).field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;

    fn claim(principal: &'static str, nonce: &'static str, now: u64) -> Claim<'static> {
        Claim { scope: &[7; 32], nonce, principal, created: now, skew: 30, until: now + 330, now }
    }

    #[test]
    fn lesson_s21_rule_s26_a_full_store_refuses_and_forgets_nothing_unexpired() {
        let store = MemoryReplay::new(2, &FixedClock(0));
        assert_eq!(store.claim(&claim("a", "1", 100)), Outcome::First);
        assert_eq!(store.claim(&claim("b", "2", 150)), Outcome::First);
        assert_eq!(store.claim(&claim("a", "3", 160)), Outcome::Full);
        assert_eq!(store.claim(&claim("a", "1", 430)), Outcome::Seen);
        assert_eq!(store.claim(&claim("c", "3", 430)), Outcome::Full);
        // One second later the first nonce is over, wherever it is kept.
        assert_eq!(store.claim(&claim("c", "3", 431)), Outcome::First);
        assert_eq!(store.claim(&claim("b", "2", 431)), Outcome::Seen);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn rule_s26_one_principal_cannot_fill_the_store() {
        let store = MemoryReplay::with_quota(10, 1, &FixedClock(0));
        assert_eq!(store.claim(&claim("a", "1", 100)), Outcome::First);
        assert_eq!(store.claim(&claim("a", "2", 100)), Outcome::Full);
        assert_eq!(store.claim(&claim("b", "1", 100)), Outcome::First);
    }

    #[test]
    fn rule_s26_a_store_does_not_answer_for_the_time_before_it() {
        let store = MemoryReplay::new(10, &FixedClock(1000));
        assert_eq!(store.claim(&claim("a", "1", 1030)), Outcome::Unknown);
        assert_eq!(store.claim(&claim("a", "1", 1031)), Outcome::First);
    }

    #[test]
    fn lesson_s21_what_was_forgotten_is_not_new_when_the_clock_is_set_back() {
        let store = MemoryReplay::new(10, &FixedClock(0));
        assert_eq!(store.claim(&claim("a", "1", 100)), Outcome::First);
        // A message that comes while the clock is an hour ahead makes the store forget.
        assert_eq!(store.claim(&claim("a", "2", 3700)), Outcome::First);
        assert_eq!(store.claim(&claim("a", "1", 100)), Outcome::Unknown);
        // What is younger than the forgotten was not seen, and is accepted once.
        assert_eq!(store.claim(&claim("a", "3", 101)), Outcome::First);
        assert_eq!(store.claim(&claim("a", "3", 101)), Outcome::Seen);
        assert_eq!(store.claim(&claim("a", "2", 3700)), Outcome::Seen);
    }

    #[test]
    fn lesson_s13_nonces_of_different_keys_are_apart() {
        let store = MemoryReplay::new(10, &FixedClock(0));
        let other = Claim { scope: &[8; 32], ..claim("a", "1", 100) };
        assert_eq!(store.claim(&claim("a", "1", 100)), Outcome::First);
        assert_eq!(store.claim(&other), Outcome::First);
        assert_eq!(store.claim(&other), Outcome::Seen);
    }

    #[test]
    fn case_46_of_1000_parallel_claims_one_is_first() {
        let store = MemoryReplay::new(100_000, &FixedClock(0));
        let firsts = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        match store.claim(&claim("a", "1", 100)) {
                            Outcome::First => drop(firsts.fetch_add(1, Ordering::Relaxed)),
                            outcome => assert_eq!(outcome, Outcome::Seen),
                        }
                    }
                });
            }
        });
        assert_eq!((firsts.into_inner(), store.len()), (1, 1));
    }
}
