//! Request signing as a whole: replay, keys and their rotation, responses, proxies, content in pieces, foreign profiles.

mod anything;
mod keys;
mod pieces;
mod profiles;
mod replay;
mod responses;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apiseal::{
    Claim, Code, Context, Direction, ExternalSigner, FixedClock, Key, KeyState, Keyring, KeyringHandle, Kid,
    MemoryReplay, Message, NoReplayCheck, Outcome, Profile, Purpose, ReplayStore, Result, Signed, Signer,
    Suite, Verified, Verifier,
};
use apiseal_workspace::signing::{NONCE, NOW, Sent, good, key, ring, verifier};
use apiseal_workspace::{Repeated, code};

const CLOCK: FixedClock = FixedClock(NOW);

fn get() -> Sent {
    Sent::get("/a?x=1")
}

fn memory() -> MemoryReplay {
    MemoryReplay::new(1000, &FixedClock(0))
}

fn strict(ring: impl Into<KeyringHandle>) -> Verifier {
    Verifier::new(ring, Profile::apiseal_v1(), memory())
}
