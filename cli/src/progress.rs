//! How far a stream has come, on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::output::complain;

/// One line that is written over on a terminal; elsewhere a line from time to time.
pub(crate) struct Progress {
    way: Way,
    started: Instant,
    due: Instant,
    read: Arc<AtomicU64>,
    size: Option<u64>,
    /// Something of ours stands on the terminal's last line.
    shown: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Silent,
    Over,
    Lines,
}

impl Way {
    fn pause(self) -> Duration {
        Duration::from_millis(if self == Way::Lines { 10_000 } else { 250 })
    }
}

impl Progress {
    /// `read` is the count of bytes that were read, of `size` if that is known. What is `wanted` is shown on a terminal,
    /// and elsewhere only if it is `demanded`.
    pub(crate) fn new(wanted: bool, demanded: bool, read: Arc<AtomicU64>, size: Option<u64>) -> Self {
        let way = match (wanted, io::stderr().is_terminal()) {
            (true, true) => Way::Over,
            (true, false) if demanded => Way::Lines,
            _ => Way::Silent,
        };
        let now = Instant::now();
        Progress { way, started: now, due: now + way.pause(), read, size, shown: false }
    }

    /// Shows the state if the last one is old enough.
    pub(crate) fn tick(&mut self, lines: u64, failed: u64) {
        if self.way == Way::Silent || Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + self.way.pause();
        let state = self.state(lines, failed);
        match self.way {
            Way::Over => {
                let _ = io::stderr().write_all(format!("\r{state}\x1b[K").as_bytes());
                self.shown = true;
            }
            _ => complain(state),
        }
    }

    /// Makes room for another message.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    /// The last state, if there was one before or it was asked for.
    pub(crate) fn end(&mut self, lines: u64, failed: u64) {
        if self.shown || self.way == Way::Lines {
            self.clear();
            complain(self.state(lines, failed));
        }
    }

    fn state(&self, lines: u64, failed: u64) -> String {
        describe(lines, failed, self.read.load(Ordering::Relaxed), self.size, self.started.elapsed())
    }
}

fn describe(lines: u64, failed: u64, read: u64, size: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let speed = read as f64 / seconds;
    let mut text = format!(
        "{lines} lines, {:.0} lines/s, {:.1} MB/s, {failed} failed",
        lines as f64 / seconds,
        speed / 1e6,
    );
    if let Some(size) = size.filter(|size| *size > read && read > 0) {
        let left = Duration::from_secs_f64((size - read) as f64 / speed);
        text.push_str(&format!(", {:.0} %, {} left", 100.0 * read as f64 / size as f64, rounded(left)));
    }
    text
}

fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{} s", seconds.max(1)),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_tell_rate_errors_and_the_time_left_where_it_is_known() {
        let ten = Duration::from_secs(10);
        let known = describe(5000, 3, 50_000_000, Some(500_000_000), ten);
        assert_eq!(known, "5000 lines, 500 lines/s, 5.0 MB/s, 3 failed, 10 %, 1 min 30 s left");
        let plain = "5000 lines, 500 lines/s, 5.0 MB/s, 0 failed";
        assert_eq!(describe(5000, 0, 50_000_000, None, ten), plain);
        assert_eq!(describe(5000, 0, 50_000_000, Some(50_000_000), ten), plain);
        assert_eq!(describe(0, 0, 0, Some(9), Duration::ZERO), "0 lines, 0 lines/s, 0.0 MB/s, 0 failed");
        assert_eq!(rounded(Duration::from_secs(7384)), "2 h 3 min");
        assert_eq!(rounded(Duration::from_millis(20)), "1 s");
    }
}
