//! An HTTP/1.1 message as text: start line, headers, blank line, content. Read byte for byte; what it means is for the
//! library to judge.

use std::ops::Range;

use apiseal::{Header, Message};

use crate::output::{Failure, Result};

/// A message that was read.
pub(crate) struct Text<'t> {
    start: Start<'t>,
    headers: Vec<Header<'t>>,
    /// Everything before the blank line.
    head: &'t [u8],
    /// The blank line.
    blank: &'t [u8],
    body: &'t [u8],
}

enum Start<'t> {
    Request { method: &'t str, target: &'t str },
    Response { status: u16 },
}

impl<'t> Text<'t> {
    /// # Errors
    /// [`Failure::Malformed`] with the line's number.
    pub(crate) fn read(text: &'t [u8]) -> Result<Self> {
        let (first, mut rest) = line(text);
        let start = start(first)?;
        // Names, and where their values stand.
        let mut headers: Vec<(&str, Range<usize>)> = Vec::new();
        let mut number = 1;
        loop {
            let at = text.len() - rest.len();
            let (own, after) = line(rest);
            number += 1;
            let (blank, body) = rest.split_at(rest.len() - after.len());
            rest = after;
            if own.is_empty() {
                let head = text.get(..at).unwrap_or_default();
                let value = |value: &Range<usize>| text.get(value.clone()).unwrap_or_default();
                let headers = headers.iter().map(|(name, own)| Header::new(name, value(own))).collect();
                return Ok(Text { start, headers, head, blank, body });
            }
            match (own.first(), headers.last_mut()) {
                // A folded line goes to the value before it, line break and all.
                (Some(b' ' | b'\t'), Some((_, value))) => value.end = at + own.len(),
                _ => {
                    let name = header(own, number)?;
                    headers.push((name, at + name.len() + 1..at + own.len()));
                }
            }
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// Refuses content in the coding of one hop: a signature is over what arrives at the end of all.
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub(crate) fn check_uncoded(&self) -> Result<()> {
        match self.headers.iter().any(|line| line.name.eq_ignore_ascii_case("transfer-encoding")) {
            true => Err(Failure::Malformed(
                "Transfer-Encoding is for one connection: leave it out, and write the content without chunks"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// The message as the library sees it; the authority is that of the `Host` header or of the target.
    pub(crate) fn message<'a>(&'a self, scheme: &'a str) -> Message<'a> {
        let message = match self.start {
            Start::Request { method, target } => Message::request(method, scheme, "", target),
            Start::Response { status } => Message::response(status),
        };
        message.headers(&self.headers).body(self.body)
    }

    /// The text with more header lines behind its own.
    pub(crate) fn with<'n, 'v>(&self, lines: impl Iterator<Item = (&'n str, &'v str)>) -> Vec<u8> {
        self.assembled(self.head, lines, self.body)
    }

    /// The text with another content, and with header lines in place of its own of the same name, else behind them.
    pub(crate) fn replaced<'n, 'v>(
        &self,
        lines: impl Iterator<Item = (&'n str, &'v str)>,
        body: &[u8],
    ) -> Vec<u8> {
        let lines: Vec<(&str, &str)> = lines.collect();
        let is_own = |line: &[u8]| {
            let name = line.iter().position(|byte| *byte == b':').and_then(|at| line.get(..at));
            name.is_some_and(|own| lines.iter().any(|(name, _)| own.eq_ignore_ascii_case(name.as_bytes())))
        };
        // The start line is no header, whatever it holds.
        let kept = self.head.split_inclusive(|byte| *byte == b'\n').enumerate();
        let kept = kept.filter(|(at, line)| *at == 0 || !is_own(line)).map(|(_, line)| line);
        let head: Vec<u8> = kept.flatten().copied().collect();
        self.assembled(&head, lines.into_iter(), body)
    }

    fn assembled<'n, 'v>(
        &self,
        head: &[u8],
        lines: impl Iterator<Item = (&'n str, &'v str)>,
        body: &[u8],
    ) -> Vec<u8> {
        let ending: &[u8] = if head.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
        let mut out = head.to_vec();
        for (name, value) in lines {
            out.extend([name.as_bytes(), b": ", value.as_bytes(), ending].concat());
        }
        out.extend_from_slice(if self.blank.is_empty() { ending } else { self.blank });
        out.extend_from_slice(body);
        out
    }
}

/// A line without its end, and what is behind it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n');
    let (line, rest) = match end {
        Some(end) => (text.get(..end), text.get(end + 1..)),
        None => (Some(text), None),
    };
    let line = line.unwrap_or_default();
    (line.strip_suffix(b"\r").unwrap_or(line), rest.unwrap_or_default())
}

fn malformed(number: usize, what: &str) -> Failure {
    Failure::Malformed(format!("line {number} of the message: {what}"))
}

fn start(line: &[u8]) -> Result<Start<'_>> {
    let text = std::str::from_utf8(line).map_err(|_| malformed(1, "not UTF-8"))?;
    let is_version =
        |text: &str| ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"].contains(&text);
    if text.starts_with("HTTP/") {
        let (version, rest) = text.split_once(' ').unwrap_or_default();
        let status = rest.split(' ').next().filter(|status| status.len() == 3 && is_version(version));
        let status = status.and_then(|status| status.parse().ok());
        let hint = "a response begins as in `HTTP/1.1 200 OK`";
        return status.map(|status| Start::Response { status }).ok_or_else(|| malformed(1, hint));
    }
    let mut parts = text.split(' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version), None) if is_version(version) => {
            Ok(Start::Request { method, target })
        }
        _ => Err(malformed(1, "a request begins as in `POST /orders?x=1 HTTP/1.1`")),
    }
}

/// The name before the colon.
fn header(line: &[u8], number: usize) -> Result<&str> {
    let name = line.iter().position(|byte| *byte == b':').and_then(|at| line.get(..at));
    let hint = "a header has the form `name: value`; a blank line ends the headers";
    let name = name.ok_or_else(|| malformed(number, hint))?;
    std::str::from_utf8(name).map_err(|_| malformed(number, "the name is not UTF-8"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_byte_for_byte() {
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "POST /x?y HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n  b\r\n\r\nbody\r\n\r\nmore",
            "HTTP/1.1 200 OK\nempty:\n\n{}",
        ] {
            let read = Text::read(text.as_bytes()).map_err(|failure| failure.to_string()).unwrap();
            assert_eq!(read.with(std::iter::empty()), text.as_bytes());
            assert_eq!(read.is_request(), !text.starts_with("HTTP"));
        }
        // Without content and without blank line.
        let read = Text::read(b"GET / HTTP/1.1\nHost: a\n").map_err(|failure| failure.to_string()).unwrap();
        assert_eq!(read.with([("x", "1")].into_iter()), b"GET / HTTP/1.1\nHost: a\nx: 1\n\n");
    }

    #[test]
    fn what_is_no_message_is_told_with_its_line() {
        for (text, number) in [
            ("", 1),
            ("hello\n\n", 1),
            ("GET /\n\n", 1),
            ("GET / x HTTP/1.1\n\n", 1),
            ("HTTP/1.1 20 OK\n\n", 1),
            ("HTTP/1.1\n\n", 1),
            ("HTTP/\u{1b}[31m 200 OK\n\n", 1),
            ("GET / HTTP/1.1.1\n\n", 1),
            ("GET / HTTP/1.1\nHost: a\nno header\n\n", 3),
            ("GET / HTTP/1.1\n folded: a\n\n", 2),
        ] {
            let told = Text::read(text.as_bytes()).err().map(|failure| failure.to_string());
            let wanted = format!("line {number} of the message");
            match told {
                Some(told) => assert!(told.contains(&wanted), "{text:?}: {told}"),
                // A folded line without a line before it is a header with a bad name, which the library refuses.
                None => assert_eq!(number, 2, "{text:?}"),
            }
        }
    }
}
