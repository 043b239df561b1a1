//! Signing and verifying one request, beside the crate `httpsig` and the bare primitives, in interleaved rounds. Times
//! are medians over the rounds; ratios are medians of each round's own ratio.
//!
//! Arguments choose cases by a part of their name; none means all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use apiseal::{Header, MemoryReplay, NoReplayCheck, Profile, Suite, Verifier};
use apiseal_benches::requests::{CLOCK, Peer, Request, ring, signer};
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const REQUESTS: usize = 1024;

/// Requests that are measured together.
const ROUND: usize = 32;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let skip = |name: &str| !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str()));
    println!("| case | apiseal | httpsig | httpsig / apiseal | floor | apiseal / floor |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, suite) in [("HMAC", Suite::HmacSha256), ("Ed25519", Suite::Ed25519)] {
        for (kind, with_content) in [("GET", false), ("POST 150 B", true)] {
            let make = if with_content { Request::post } else { Request::get };
            let requests: Vec<Request> = (0..REQUESTS).map(make).collect();
            for (job, run) in [("sign", sign as fn(&str, Suite, &[Request], bool)), ("verify", verify)] {
                let name = format!("{job} {name} {kind}");
                if !skip(&name) {
                    run(&name, suite, &requests, with_content);
                }
            }
        }
    }
}

fn sign(name: &str, suite: Suite, requests: &[Request], with_content: bool) {
    let signer = signer(suite);
    let lines: Vec<Vec<Header<'_>>> = requests.iter().map(Request::lines).collect();
    let bases: Vec<Vec<u8>> = requests
        .iter()
        .zip(&lines)
        .map(|(request, lines)| {
            signer.sign(&request.message(lines), &CLOCK).expect("it can be signed").base().to_vec()
        })
        .collect();
    let peer = Peer::new(suite, with_content);
    let floor = Floor::new(suite);
    let mut ours = |at: usize| {
        drop(black_box(signer.sign(&requests[at].message(&lines[at]), &CLOCK).expect("it can be signed")))
    };
    let mut theirs = |at: usize| drop(black_box(peer.sign(&requests[at])));
    let mut least = |at: usize| floor.sign(&bases[at], &requests[at].body);
    row(name, [&mut ours, &mut theirs, &mut least]);
}

fn verify(name: &str, suite: Suite, requests: &[Request], with_content: bool) {
    let signer = signer(suite);
    let signed: Vec<Request> = requests
        .iter()
        .map(|request| {
            request
                .clone()
                .carrying(&signer.sign(&request.message(&request.lines()), &CLOCK).expect("it can be signed"))
        })
        .collect();
    let lines: Vec<Vec<Header<'_>>> = signed.iter().map(Request::lines).collect();
    let unchecked = Verifier::new(ring(suite), Profile::apiseal_v1(), NoReplayCheck);
    let bases: Vec<Vec<u8>> = signed
        .iter()
        .zip(&lines)
        .map(|(request, lines)| {
            unchecked.verify(&request.message(lines), &CLOCK).expect("it verifies").base().to_vec()
        })
        .collect();
    let peer = Peer::new(suite, with_content);
    let public = peer.public();
    let headers: Vec<(String, String)> = signed.iter().map(|request| peer.sign(request)).collect();
    let floor = Floor::new(suite);
    let signatures: Vec<Vec<u8>> = bases.iter().map(|base| floor.signature(base)).collect();
    let mut verifier = unchecked.clone();
    let mut ours = |at: usize| {
        if at == 0 {
            // The nonces of the round before are known by now.
            let store = MemoryReplay::new(2 * REQUESTS, &apiseal::FixedClock(0));
            verifier = Verifier::new(unchecked.keyring().clone(), Profile::apiseal_v1(), store);
        }
        drop(black_box(verifier.verify(&signed[at].message(&lines[at]), &CLOCK).expect("it verifies")));
    };
    let mut theirs = |at: usize| peer.verify(&signed[at], &headers[at].0, &headers[at].1, &public);
    let mut least = |at: usize| floor.verify(&bases[at], &signed[at].body, &signatures[at]);
    row(name, [&mut ours, &mut theirs, &mut least]);
}

/// The primitives alone: the MAC or signature of the base, the digest of the content, and for a signer a nonce.
struct Floor {
    mac: Hmac<Sha256>,
    secret: ed25519_dalek::SigningKey,
    suite: Suite,
}

impl Floor {
    fn new(suite: Suite) -> Self {
        let mac = Hmac::new_from_slice(&[7; 32]).expect("any length is a key");
        Floor { mac, secret: ed25519_dalek::SigningKey::from_bytes(&[7; 32]), suite }
    }

    fn signature(&self, base: &[u8]) -> Vec<u8> {
        match self.suite {
            Suite::HmacSha256 => {
                let mut mac = self.mac.clone();
                mac.update(base);
                mac.finalize().into_bytes().to_vec()
            }
            _ => self.secret.sign(base).to_bytes().to_vec(),
        }
    }

    fn sign(&self, base: &[u8], body: &[u8]) {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("the source works");
        if !body.is_empty() {
            black_box(Sha256::digest(body));
        }
        black_box((self.signature(base), nonce));
    }

    fn verify(&self, base: &[u8], body: &[u8], signature: &[u8]) {
        if !body.is_empty() {
            black_box(Sha256::digest(body));
        }
        match self.suite {
            Suite::HmacSha256 => assert!(black_box(self.signature(base)) == signature),
            _ => {
                let signature = ed25519_dalek::Signature::from_slice(signature).expect("64 bytes");
                self.secret.verifying_key().verify_strict(base, &signature).expect("the signature is right");
            }
        }
    }
}

/// Measures and prints; `subjects` are ours, the peer's and the floor. A round is short, so that few of them are interrupted
/// by other work of the machine.
fn row(name: &str, subjects: [&mut dyn FnMut(usize); 3]) {
    let [ours, theirs, least] = subjects;
    let mut round = |from: usize| -> [f64; 3] {
        let time = |subject: &mut dyn FnMut(usize)| {
            let start = Instant::now();
            (from..from + ROUND).for_each(&mut *subject);
            start.elapsed().as_secs_f64() / ROUND as f64
        };
        [time(ours), time(theirs), time(least)]
    };
    let froms = || (0..REQUESTS).step_by(ROUND);
    for from in froms() {
        round(from);
    }
    let (start, mut rounds) = (Instant::now(), Vec::new());
    while rounds.len() < 200 || (rounds.len() < 3200 && start.elapsed() < Duration::from_secs(2)) {
        rounds.extend(froms().map(&mut round));
    }
    let time = |at: usize| median(rounds.iter().map(|round| round[at])) * 1e6;
    let gain = median(rounds.iter().map(|[ours, theirs, _]| theirs / ours));
    let overhead = median(rounds.iter().map(|[ours, _, floor]| ours / floor));
    println!(
        "| {name} | {:.2} µs | {:.2} µs | {gain:.2} | {:.2} µs | {overhead:.2} |",
        time(0),
        time(1),
        time(2)
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
