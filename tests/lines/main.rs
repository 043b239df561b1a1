//! NDJSON: the engine against a model and against bad company, and the cipher's lines against single documents.

mod documents;

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use apiseal::lines::{Blocks, Ending, Line, Outcome};
use apiseal::{Code, LineOptions, Lines, Result};
use apiseal_workspace::Setup;
use proptest::prelude::*;

fn options(threads: usize) -> LineOptions {
    let mut options = LineOptions::default();
    options.threads = threads;
    options
}

/// Gives as many bytes a read as its list says, over and over.
struct Pieces {
    text: Vec<u8>,
    sizes: Vec<usize>,
    at: usize,
    reads: usize,
}

impl Pieces {
    fn new(text: impl Into<Vec<u8>>, sizes: &[usize]) -> Self {
        Pieces { text: text.into(), sizes: sizes.to_vec(), at: 0, reads: 0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        assert!(!out.is_empty(), "a read of nothing looks like the end");
        let size = self.sizes[self.reads % self.sizes.len()];
        self.reads += 1;
        if size == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = size.min(out.len()).min(self.text.len() - self.at);
        out[..len].copy_from_slice(&self.text[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

/// What a test compares of a line: number, text or what else, ending.
type Seen = (u64, std::result::Result<Vec<u8>, Code>, bool, Ending);

fn seen(line: Line<Vec<u8>>) -> Seen {
    let (outcome, blank) = match line.outcome {
        Outcome::Blank(text) => (Ok(text), true),
        Outcome::Done(text) => (Ok(text), false),
        Outcome::Failed(error) => (Err(error.code()), false),
    };
    (line.number, outcome, blank, line.ending)
}

/// The lines of a text by the plainest means.
fn model(text: &[u8], max_line: usize) -> Vec<Seen> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines.retain(|line| !line.is_empty());
    let line = |(at, line): (usize, &&[u8])| {
        let (content, ending) = match line.strip_suffix(b"\n") {
            None => (*line, Ending::None),
            Some(rest) => match rest.strip_suffix(b"\r") {
                Some(rest) => (rest, Ending::CrLf),
                None => (rest, Ending::Lf),
            },
        };
        let number = at as u64 + 1;
        if content.len() > max_line {
            return (number, Err(Code::LimitDocument), false, ending);
        }
        let blank = content.iter().all(|byte| b" \t\r".contains(byte));
        (number, Ok(content.to_vec()), blank, ending)
    };
    lines.iter().enumerate().map(line).collect()
}

fn echo(source: impl Read + Send + 'static, options: LineOptions) -> Vec<Seen> {
    let lines = Lines::new(source, options, |line| Ok(line.to_vec())).unwrap();
    lines.map(|line| seen(line.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_text_in_every_piece_gives_the_lines_of_the_model(
        pieces in prop::collection::vec(prop_oneof![
            4 => Just("\n".to_owned()),
            3 => Just("\r\n".to_owned()),
            1 => Just("\r".to_owned()),
            1 => Just(" \t".to_owned()),
            6 => "[a-z]{1,12}",
            1 => (1_usize..9000).prop_map(|len| "x".repeat(len)),
        ], 0..60),
        sizes in prop::collection::vec(prop_oneof![0_usize..4, 1_usize..5000], 1..6),
        max_line in prop_oneof![1_usize..20, 1_usize..10_000],
        threads in 1_usize..4,
    ) {
        let text = pieces.concat();
        let mut sizes = sizes;
        sizes.push(7);
        let mut options = options(threads);
        options.max_line = max_line;
        prop_assert_eq!(echo(Pieces::new(text.clone(), &sizes), options), model(text.as_bytes(), max_line));
    }
}

#[test]
fn line_ends_and_blank_lines_are_kept_as_they_stand() {
    let text = "a\nb\r\n\n\r\n \t\n\rc\r\r\nd\r";
    let expected: Vec<Seen> = [
        ("a", false, Ending::Lf),
        ("b", false, Ending::CrLf),
        ("", true, Ending::Lf),
        ("", true, Ending::CrLf),
        (" \t", true, Ending::Lf),
        ("\rc\r", false, Ending::CrLf),
        ("d\r", false, Ending::None),
    ]
    .into_iter()
    .zip(1..)
    .map(|((text, blank, ending), number)| (number, Ok(text.as_bytes().to_vec()), blank, ending))
    .collect();
    for threads in [1, 2] {
        for sizes in [&[1][..], &[2, 3], &[1000]] {
            assert_eq!(echo(Pieces::new(text, sizes), options(threads)), expected);
        }
        assert!(echo(io::empty(), options(threads)).is_empty());
        assert_eq!(echo(&b"\n"[..], options(threads)).len(), 1);
    }
}

#[test]
fn a_line_over_the_limit_fails_alone_and_is_not_kept() {
    let (long, most) = ("x".repeat(5 << 20), "y".repeat(1 << 20));
    let text = format!("a\n{long}\r\n{most}\r\n{most}y\nb\n{long}");
    for threads in [1, 3] {
        let mut options = options(threads);
        options.max_line = 1 << 20;
        for size in [4096, 1 << 20] {
            let lines = echo(Pieces::new(text.clone(), &[size]), options);
            assert_eq!(lines, model(text.as_bytes(), 1 << 20));
            let failed: Vec<u64> = lines.iter().filter(|line| line.1.is_err()).map(|line| line.0).collect();
            assert_eq!(failed, [2, 4, 6]);
        }
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for (threads, max_line) in [(0, 1), (1025, 1), (1, 0), (1, (1 << 30) + 1)] {
        let mut options = options(threads);
        options.max_line = max_line;
        let error = Lines::new(io::empty(), options, |_| Ok(())).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
}

#[test]
fn one_thread_is_the_callers_own() {
    let here = thread::current().id();
    let lines = Lines::new(&b"1\n2\n"[..], options(1), move |_| {
        assert_eq!(thread::current().id(), here);
        Ok(())
    });
    assert_eq!(lines.unwrap().count(), 2);
    let elsewhere = Lines::new(&b"1\n2\n"[..], options(2), move |_| {
        assert_ne!(thread::current().id(), here);
        Ok(())
    });
    assert_eq!(elsewhere.unwrap().count(), 2);
}

/// Three lines wait for each other: fewer than three threads at work would wait for ever.
#[test]
fn all_threads_work_at_the_same_time() {
    let barrier = Barrier::new(3);
    let lines = Lines::new(Pieces::new("1\n2\n3\n4\n5\n6\n", &[2]), options(3), move |_| {
        barrier.wait();
        Ok(())
    });
    assert_eq!(lines.unwrap().count(), 6);
}

#[test]
fn the_order_stays_whatever_takes_long() {
    let text: String = (1..=3000).map(|number| format!("{number}\n")).collect();
    for (threads, sizes) in [(2, &[40][..]), (4, &[7, 300, 1]), (8, &[2000])] {
        let lines = Lines::new(Pieces::new(text.clone(), sizes), options(threads), |line| {
            let number: u64 = std::str::from_utf8(line).unwrap().parse().unwrap();
            // No pattern that fits the batches.
            if number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58 == 0 {
                thread::sleep(Duration::from_micros(number % 700));
            }
            Ok(number)
        });
        let numbers: Vec<(u64, u64)> = lines
            .unwrap()
            .map(|line| match line.unwrap() {
                Line { number, outcome: Outcome::Done(own), .. } => (number, own),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(numbers.iter().zip(1..).all(|(seen, number)| *seen == (number, number)));
        assert_eq!(numbers.len(), 3000);
    }
}

/// Lines without end; counts the bytes that were read.
struct Endless(Arc<AtomicUsize>);

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        out.fill(b'x');
        out.iter_mut().step_by(1000).for_each(|byte| *byte = b'\n');
        self.0.fetch_add(out.len(), Ordering::SeqCst);
        Ok(out.len())
    }
}

/// The value once it has not changed for a while.
fn settled(value: impl Fn() -> usize) -> usize {
    let mut last = value();
    loop {
        thread::sleep(Duration::from_millis(100));
        match value() {
            same if same == last => return same,
            other => last = other,
        }
    }
}

#[test]
fn whoever_stops_pulling_stops_the_reading() {
    for threads in [1, 2, 4] {
        let read = Arc::new(AtomicUsize::new(0));
        let mut lines = Lines::new(Endless(Arc::clone(&read)), options(threads), |_| Ok(())).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(read.load(Ordering::SeqCst), 0, "nothing is read before the first line is asked for");
        assert!(!lines.is_ready());
        lines.next().unwrap().unwrap();
        let ahead = settled(|| read.load(Ordering::SeqCst));
        // One chunk is with the consumer.
        let chunks = if threads == 1 { 1 } else { 4 * threads + 1 };
        assert!(ahead <= chunks * (128 << 10), "{ahead} bytes read for one line");
        assert!(lines.is_ready());
        for _ in 0..5000 {
            lines.next().unwrap().unwrap();
        }
        assert!(settled(|| read.load(Ordering::SeqCst)) > ahead, "and whoever goes on sets it going");
    }
}

/// Input is bounded by bytes too: chunks of one long line each do not fill every place in the queue.
#[test]
fn long_lines_are_not_read_far_ahead() {
    let read = Arc::new(AtomicUsize::new(0));
    struct Long(Arc<AtomicUsize>, usize);
    impl Read for Long {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = out.len().min((6 << 20) - self.1);
            out[..len].fill(b'x');
            self.1 = (self.1 + len) % (6 << 20);
            if self.1 == 0 {
                out[len - 1] = b'\n';
            }
            self.0.fetch_add(len, Ordering::SeqCst);
            Ok(len)
        }
    }
    let mut lines = Lines::new(Long(Arc::clone(&read), 0), options(4), |_| Ok(())).unwrap();
    lines.next().unwrap().unwrap();
    // 4 times 8 MiB, the line that goes beyond, and the one that was given.
    let ahead = settled(|| read.load(Ordering::SeqCst));
    assert!(ahead <= (32 + 6 + 6 + 1) << 20, "{ahead} bytes");
}

/// Whether the operation, which holds the other end, is gone within ten seconds.
fn is_gone(token: &Arc<()>) -> bool {
    let start = Instant::now();
    while Arc::strong_count(token) > 1 && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(5));
    }
    Arc::strong_count(token) == 1
}

#[test]
fn a_dropped_iterator_ends_its_threads() {
    for pulled in [0, 1, 700] {
        for threads in [1, 2, 4] {
            let token = Arc::new(());
            let own = Arc::clone(&token);
            let source = Endless(Arc::default());
            let mut lines =
                Lines::new(source, options(threads), move |_| Ok(Arc::strong_count(&own))).unwrap();
            for _ in 0..pulled {
                lines.next().unwrap().unwrap();
            }
            drop(lines);
            assert!(is_gone(&token));
        }
    }
}

/// Gives what is sent, and waits for more; the end is the sender's end.
struct Wire(mpsc::Receiver<&'static str>);

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Ok(text) = self.0.recv() else { return Ok(0) };
        out[..text.len()].copy_from_slice(text.as_bytes());
        Ok(text.len())
    }
}

#[test]
fn results_do_not_wait_for_a_slow_source_and_neither_does_the_end() {
    for threads in [1, 2, 3] {
        let token = Arc::new(());
        let own = Arc::clone(&token);
        let (sender, receiver) = mpsc::channel();
        let mut lines = Lines::new(Wire(receiver), options(threads), move |line| {
            let _own = &own;
            Ok(line.to_vec())
        })
        .unwrap();
        for round in ["1\n", "2\n3\n", "4"] {
            sender.send(round).unwrap();
            for _ in round.matches('\n') {
                lines.next().unwrap().unwrap();
            }
        }
        // `4` has no end yet: a worker waits for it. Dropping waits for neither.
        let (done, dropped) = mpsc::channel();
        thread::spawn(move || {
            drop(lines);
            done.send(()).unwrap();
        });
        dropped.recv_timeout(Duration::from_secs(10)).expect("the iterator is dropped");
        drop(sender);
        assert!(is_gone(&token));
    }
}

#[test]
fn a_panic_goes_on_where_lines_are_pulled() {
    let text: String = (1..=500).map(|number| format!("{number}\n")).collect();
    for threads in [1, 2, 4] {
        let token = Arc::new(());
        let own = Arc::clone(&token);
        let mut lines = Lines::new(Pieces::new(text.clone(), &[10]), options(threads), move |line| {
            let _own = &own;
            assert!(line != b"333", "on purpose");
            Ok(())
        })
        .unwrap();
        let mut given = 0;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            for line in &mut lines {
                given = line.unwrap().number;
            }
        }));
        assert!(panic.is_err());
        assert!((320..=332).contains(&given), "lines before it are given: {given}");
        drop(lines);
        assert!(is_gone(&token));
    }
}

#[test]
fn a_panic_of_the_source_does_not_hang() {
    struct Bad(usize);
    impl Read for Bad {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 20, "on purpose");
            out[..2].copy_from_slice(b"1\n");
            Ok(2)
        }
    }
    for threads in [1, 2, 4] {
        let mut lines = Lines::new(Bad(0), options(threads), |_| Ok(())).unwrap();
        let mut given = 0;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            for line in &mut lines {
                given = line.unwrap().number;
            }
        }));
        assert!(panic.is_err());
        assert_eq!(given, 19);
        if threads > 1 {
            assert!(lines.next().is_none());
        }
    }
}

#[test]
fn an_error_of_the_source_comes_behind_the_lines_before_it() {
    struct Broken(Pieces);
    impl Read for Broken {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(io::Error::other("cable pulled")),
                len => Ok(len),
            }
        }
    }
    for threads in [1, 2, 4] {
        let source = Broken(Pieces::new("1\n2\n3\nhalf of the fou", &[3]));
        let mut lines = Lines::new(source, options(threads), |line| Ok(line.to_vec())).unwrap();
        for number in 1..=3 {
            assert_eq!(lines.next().unwrap().unwrap().number, number);
        }
        assert_eq!(lines.next().unwrap().unwrap_err().to_string(), "cable pulled");
        assert!(lines.next().is_none() && lines.next().is_none());
    }
}

/// Lines of all sorts: payments, blank ones, malformed ones, ones that the policy refuses.
fn mixed(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let line = match number % 11 {
            3 => String::new(),
            5 => "{\"id\":1".to_owned(),
            7 => format!("{{\"id\":{number}}}"),
            8 => "  ".to_owned(),
            _ => {
                format!("{{\"id\": {number}, \"ssn\": \"078-05-{number:04}\", \"x\": [1.10, \"\\u00e9\"]}} ")
            }
        };
        text.push_str(&line);
        text.push_str(if number % 4 == 0 { "\r\n" } else { "\n" });
    }
    text.push_str("{\"id\":0,\"ssn\":\"last\"}");
    text
}

/// Blocks are the lines in other words: the same text, the same failures at the right places.
#[test]
fn blocks_hold_what_lines_give() {
    let text = mixed(4000) + &"\n{\"id\":9,\"ssn\":\"x\"}".repeat(3);
    let upper = |line: &[u8]| match line {
        [.., b'"', b'x', b'"', b'}'] => Err(Code::InvalidArgument.into()),
        _ => Ok([line, line, line].concat().to_ascii_uppercase()),
    };
    for threads in [1, 2, 4] {
        for size in [100, 5000, 1 << 20] {
            let lines = Lines::new(Pieces::new(text.clone(), &[size]), options(threads), upper).unwrap();
            let (mut expected, mut places) = (Vec::new(), Vec::new());
            for line in lines {
                let line = line.unwrap();
                match line.outcome {
                    Outcome::Blank(text) | Outcome::Done(text) => {
                        expected.extend(text);
                        expected.extend(line.ending.as_bytes());
                    }
                    Outcome::Failed(error) => places.push((line.number, error.code(), expected.len())),
                }
            }
            let (mut out, mut failed, mut count) = (Vec::new(), Vec::new(), 0);
            for block in Blocks::new(Pieces::new(text.clone(), &[size]), options(threads), upper).unwrap() {
                let block = block.unwrap();
                failed.extend(
                    block.failed().iter().map(|one| (one.number, one.error.code(), out.len() + one.at)),
                );
                out.extend_from_slice(block.text());
                count += block.lines();
                assert!(!format!("{block:?}").contains("SSN"), "the text does not print");
            }
            assert!(out == expected && failed == places && failed.len() == 3);
            assert_eq!(count, text.split_inclusive('\n').count() as u64);
        }
    }
}

/// A source that tells more than it was asked for would make lines of stale bytes.
#[test]
fn a_source_that_lies_is_an_error() {
    struct Liar;
    impl Read for Liar {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            Ok(out.len() + 1)
        }
    }
    let mut lines = Lines::new(Liar, options(1), |_| Ok(())).unwrap();
    assert!(lines.next().unwrap().is_err() && lines.next().is_none());
}
