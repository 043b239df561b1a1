//! A client that sends a case: over HTTP/1.1 byte for byte as it stands there, over HTTP/2 by hyper.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use apiseal::{Decoder, Header, Message, NoReplayCheck, Signed, SystemClock, Verifier};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{self, EXPLAINED, OUTCOME};
use crate::case::{Case, Framing};
use crate::keys;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status; 0 if the connection was closed instead.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Content, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// What the server, or a proxy before it, made of the request: one cell of the table.
    #[must_use]
    pub fn outcome(&self) -> String {
        match self.headers.iter().find(|(name, _)| name == OUTCOME) {
            Some((_, outcome)) => String::from_utf8_lossy(outcome).into_owned(),
            None if self.status == 0 => "the proxy closes the connection".to_owned(),
            None => format!("refused by the proxy ({})", self.status),
        }
    }

    /// What the server's explanation of the request says.
    #[must_use]
    pub fn explained(&self) -> String {
        let told = self.headers.iter().find(|(name, _)| name == EXPLAINED);
        told.map_or_else(String::new, |(_, told)| String::from_utf8_lossy(told).into_owned())
    }

    /// What the client makes of the answer.
    #[must_use]
    pub fn verified(&self, request: &Signed) -> String {
        self.judged(|verifier, message| match verifier.verify_response(message, request, &SystemClock) {
            Ok(_) => "verifies".to_owned(),
            Err(error) => error.code().name().to_owned(),
        })
    }

    /// What an explanation of the answer says; contents are decoded by `decoder`.
    #[must_use]
    pub fn answer_explained(&self, request: &Signed, decoder: Decoder<'_>) -> String {
        self.judged(|verifier, message| {
            let explainer = verifier.explainer().decoder(decoder);
            backend::explained(&explainer.explain_response(message, request, &SystemClock))
        })
    }

    fn judged<T>(&self, judge: impl FnOnce(&Verifier, &Message<'_>) -> T) -> T {
        let lines: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header::new(name, value)).collect();
        let message = Message::response(self.status).headers(&lines).body(&self.body);
        judge(&Verifier::new(keys::ring(), keys::profile(), NoReplayCheck), &message)
    }
}

/// Sends a case over HTTP/1.1.
///
/// # Panics
/// If the other side does not answer in ten seconds, or not in HTTP/1.
pub async fn http1(to: SocketAddr, case: &Case, signed: &Signed) -> Answer {
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", case.method, case.target, case.host);
    let own = case.headers.iter().chain(&case.unsigned).copied();
    for (name, value) in own.chain(signed.headers()) {
        text += &format!("{name}: {value}\r\n");
    }
    if !case.unsigned.iter().any(|(name, _)| *name == "connection") {
        text += "connection: close\r\n";
    }
    let (first, rest) = case.body.split_at(case.body.len() / 2);
    let chunks = format!("{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n", first.len(), rest.len());
    text += &match case.framing {
        Framing::Length if case.method == "GET" => "\r\n".to_owned(),
        Framing::Length => format!("content-length: {}\r\n\r\n{}", case.body.len(), case.body),
        Framing::Chunked => format!("transfer-encoding: chunked\r\n\r\n{chunks}\r\n"),
        Framing::Trailers => {
            format!(
                "te: trailers\r\ntrailer: x-late\r\ntransfer-encoding: chunked\r\n\r\n{chunks}x-late: 1\r\n\r\n"
            )
        }
    };
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        let mut piece = [0; 4096];
        // Until the answer is whole, or the other side closes.
        loop {
            let len = stream.read(&mut piece).await.unwrap_or_default();
            received.extend_from_slice(&piece[..len]);
            if let Some(answer) = parsed(&received, len == 0) {
                return answer;
            }
            assert!(len > 0, "{}: {:?}", case.name, String::from_utf8_lossy(&received));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), exchange).await.expect(case.name)
}

/// The answer, if all of it is there.
fn parsed(text: &[u8], at_end: bool) -> Option<Answer> {
    let end = text.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut head = std::str::from_utf8(&text[..end]).unwrap().split("\r\n");
    let status = head.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, Vec<u8>)> = head
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.trim().as_bytes().to_vec()))
        .collect();
    let rest = &text[end + 4..];
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let body = if header("transfer-encoding").is_some() {
        unchunked(rest)?
    } else if let Some(length) = header("content-length") {
        let length: usize = std::str::from_utf8(length).unwrap().parse().unwrap();
        rest.get(..length)?.to_vec()
    } else if at_end {
        rest.to_vec()
    } else {
        return None;
    };
    Some(Answer { status, headers, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).unwrap().split(';').next().unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// Sends a case over HTTP/2.
///
/// # Panics
/// If the other side does not answer in ten seconds.
pub async fn http2(to: SocketAddr, case: &Case, signed: &Signed) -> Answer {
    let exchange = async {
        let stream = TokioIo::new(TcpStream::connect(to).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let uri = format!("https://{}{}", case.host, case.target);
        let mut request = Request::builder().method(case.method).uri(uri);
        for (name, value) in case.headers.iter().chain(&case.unsigned).copied().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let mut frames = Vec::new();
        if !case.body.is_empty() {
            let (first, rest) = case.body.split_at(case.body.len() / 2);
            frames.extend([first, rest].map(|part| Frame::data(Bytes::from_static(part.as_bytes()))));
            if case.framing == Framing::Length {
                request = request.header("content-length", case.body.len());
            }
        }
        if case.framing == Framing::Trailers {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-late", "1".parse().unwrap());
            frames.push(Frame::trailers(trailers));
            request = request.header("te", "trailers").header("trailer", "x-late");
        }
        let body = Frames(frames.into_iter());
        let Ok(response) = sender.send_request(request.body(body).unwrap()).await else {
            return Answer { status: 0, headers: Vec::new(), body: Vec::new() };
        };
        let (head, body) = response.into_parts();
        let line = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_vec())
        };
        let headers = head.headers.iter().map(line).collect();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers, body }
    };
    tokio::time::timeout(Duration::from_secs(10), exchange).await.expect(case.name)
}

/// Frames that are at hand.
struct Frames(std::vec::IntoIter<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}
