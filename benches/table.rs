//! One Markdown table of every case. The rounds of the three pipelines are interleaved, so that whatever else the
//! machine does hits them alike: times are medians over the rounds, ratios are medians of each round's own ratio.
//!
//! Arguments choose cases by a part of their name; none means all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use apiseal::Limits;
use apiseal_benches::cases::{Corpus, Variant, context};
use apiseal_benches::floor::{Floor, Shape};
use apiseal_benches::naive::Naive;
use serde::de::IgnoredAny;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let skip = |name: &str| !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str()));
    println!("| case | apiseal | naive | naive / apiseal | floor | apiseal / floor |");
    println!("|---|---:|---:|---:|---:|---:|");
    for corpus in Corpus::all() {
        for variant in Variant::ALL {
            let name = |job: &str| format!("{job} {} {}", corpus.name, variant.name());
            if !skip(&name("encrypt")) || !skip(&name("decrypt")) {
                fields(&corpus, variant, |job| (!skip(&name(job))).then(|| name(job)));
            }
        }
    }
    println!();
    println!("| scan | locate the root | serde_json IgnoredAny, UTF-8 check | peer / apiseal |");
    println!("|---|---:|---:|---:|");
    for corpus in Corpus::all().iter().filter(|corpus| !skip(&format!("scan {}", corpus.name))) {
        scan(corpus);
    }
}

/// The rows of one policy over one corpus; `name` is `None` for a job that nobody asked for.
fn fields(corpus: &Corpus, variant: Variant, name: impl Fn(&str) -> Option<String>) {
    let cipher = corpus.cipher(variant);
    let naive = Naive::new(corpus.paths);
    let encrypted = corpus.encrypted(&cipher);
    let pairs = corpus.documents.iter().zip(&encrypted);
    let shapes: Vec<Shape> = pairs.map(|(clear, sealed)| Shape::of(corpus, variant, clear, sealed)).collect();
    let (mut out, mut floor) = (Vec::new(), Floor::default());
    if let Some(name) = name("encrypt") {
        let mut ours = |at: usize| {
            cipher.encrypt_into(&corpus.documents[at], context(), &mut out).expect("the document is valid");
        };
        let mut peer = |at: usize| drop(black_box(naive.encrypt(&corpus.documents[at])));
        let mut least = |at: usize| floor.encrypt(&shapes[at], &corpus.documents[at]);
        row(&name, &measure(corpus, [&mut ours, &mut peer, &mut least]));
    }
    if let Some(name) = name("decrypt") {
        let sealed: Vec<String> = corpus.documents.iter().map(|document| naive.encrypt(document)).collect();
        let mut ours =
            |at: usize| drop(cipher.decrypt(&encrypted[at], context()).expect("the document is ours"));
        let mut peer = |at: usize| drop(black_box(naive.decrypt(sealed[at].as_bytes())));
        let mut least = |at: usize| floor.decrypt(&shapes[at], &encrypted[at]);
        row(&name, &measure(corpus, [&mut ours, &mut peer, &mut least]));
    }
}

fn scan(corpus: &Corpus) {
    let limits = Limits::default();
    let mut ours = |at: usize| {
        black_box(apiseal::locate(&corpus.documents[at], "$", &limits).expect("the document is valid"));
    };
    let mut peer = |at: usize| {
        let text = std::str::from_utf8(&corpus.documents[at]).expect("the document is UTF-8");
        black_box(serde_json::from_str::<IgnoredAny>(text).expect("the document is JSON"));
    };
    let rounds = measure(corpus, [&mut ours, &mut peer]);
    let speed = |subject: usize| {
        let bytes = corpus.len() as f64 / corpus.documents.len() as f64;
        bytes / median(rounds.iter().map(|round| round[subject])) / 1e9
    };
    let ratio = median(rounds.iter().map(|round| round[1] / round[0]));
    println!("| {} | {:.2} GB/s | {:.2} GB/s | {ratio:.2} |", corpus.name, speed(0), speed(1));
}

fn row(name: &str, rounds: &[[f64; 3]]) {
    let time = |subject: usize| human(median(rounds.iter().map(|round| round[subject])));
    let gain = median(rounds.iter().map(|[ours, naive, _]| naive / ours));
    let overhead = median(rounds.iter().map(|[ours, _, floor]| ours / floor));
    println!("| {name} | {} | {} | {gain:.2} | {} | {overhead:.2} |", time(0), time(1), time(2));
}

/// Seconds a document of each subject in each round. A round passes over the whole corpus.
fn measure<const N: usize>(corpus: &Corpus, mut subjects: [&mut dyn FnMut(usize); N]) -> Vec<[f64; N]> {
    let documents = corpus.documents.len();
    let mut round = || -> [f64; N] {
        std::array::from_fn(|subject| {
            let start = Instant::now();
            (0..documents).for_each(|at| subjects[subject](at));
            start.elapsed().as_secs_f64() / documents as f64
        })
    };
    round();
    let (start, mut rounds) = (Instant::now(), Vec::new());
    while rounds.len() < 5 || (rounds.len() < 41 && start.elapsed() < Duration::from_secs(3)) {
        rounds.push(round());
    }
    rounds
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn human(seconds: f64) -> String {
    match seconds {
        s if s < 1e-4 => format!("{:.2} µs", s * 1e6),
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s => format!("{:.1} ms", s * 1e3),
    }
}
