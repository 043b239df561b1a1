//! NDJSON of 1 KB payments on one thread and on two. The rounds are interleaved, so that whatever else the machine does
//! hits both alike; the ratio is the median of each round's own ratio.

use std::io::{Read, Write, sink};
use std::time::Instant;

use apiseal::LineOptions;
use apiseal::lines::Blocks;
use apiseal_benches::cases::{Corpus, Variant, context};

/// Rounds that count, after one that does not.
const ROUNDS: usize = 21;

fn main() {
    let corpus = Corpus::payment();
    println!("| NDJSON | 1 thread | 2 threads | ratio | least | most |");
    println!("|---|---:|---:|---:|---:|---:|");
    for variant in [Variant::T, Variant::D] {
        let cipher = corpus.cipher(variant);
        let clear = joined(corpus.documents.iter().map(|document| one_line(document)));
        let sealed =
            joined(corpus.documents.iter().map(|document| {
                cipher.encrypt(&one_line(document), context()).expect("the document is valid")
            }));
        row(&format!("encrypt payment {}", variant.name()), &clear, |source, options| {
            drain(cipher.encrypt_blocks(source, context(), options).expect("the options are valid"))
        });
        row(&format!("decrypt payment {}", variant.name()), &sealed, |source, options| {
            drain(cipher.decrypt_blocks(source, context(), options).expect("the options are valid"))
        });
    }
}

/// The text, 16 times over.
struct Stream {
    text: &'static [u8],
    at: usize,
    left: usize,
}

impl Stream {
    const TIMES: usize = 16;

    fn new(text: &'static [u8]) -> Self {
        Stream { text, at: 0, left: Stream::TIMES * text.len() }
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let len = out.len().min(self.text.len() - self.at).min(self.left);
        out[..len].copy_from_slice(&self.text[self.at..self.at + len]);
        self.at = (self.at + len) % self.text.len();
        self.left -= len;
        Ok(len)
    }
}

fn row(name: &str, text: &[u8], run: impl Fn(Stream, LineOptions) -> u64) {
    // Lives as long as the process: iterators own their source.
    let text: &'static [u8] = text.to_vec().leak();
    let lines = (Stream::TIMES * Corpus::payment().documents.len()) as u64;
    let time = |threads: usize| {
        let mut options = LineOptions::default();
        options.threads = threads;
        let start = Instant::now();
        assert_eq!(run(Stream::new(text), options), lines);
        start.elapsed().as_secs_f64() / lines as f64
    };
    let mut rounds: Vec<[f64; 2]> = (0..=ROUNDS).map(|_| [time(1), time(2)]).collect();
    rounds.remove(0);
    let sorted = |value: fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let ratios = sorted(|[one, two]| one / two);
    let micros = |values: Vec<f64>| values[ROUNDS / 2] * 1e6;
    let (one, two) = (micros(sorted(|round| round[0])), micros(sorted(|round| round[1])));
    let (ratio, least, most) = (ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    println!("| {name} | {one:.2} µs | {two:.2} µs | {ratio:.2} | {least:.2} | {most:.2} |");
}

/// Takes the lines as the command does.
fn drain(blocks: Blocks) -> u64 {
    blocks
        .map(|block| {
            let block = block.expect("the source can be read");
            assert!(block.failed().is_empty());
            sink().write_all(block.text()).expect("nothing is written");
            block.lines()
        })
        .sum()
}

/// The payments are pretty-printed; none of their strings holds a line break.
fn one_line(document: &[u8]) -> Vec<u8> {
    document.iter().copied().filter(|byte| *byte != b'\n').collect()
}

fn joined(lines: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    lines
        .flat_map(|mut line| {
            line.push(b'\n');
            line
        })
        .collect()
}
