//! What the tests of real traffic share: a client that writes what it is told, a server that verifies what it receives, and
//! proxies between them.

pub mod backend;
pub mod case;
pub mod client;
pub mod keys;
pub mod proxy;
pub mod table;

use apiseal::{Header, Message};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Version};

/// The header lines of a message that hyper has read, in their order for each name.
#[must_use]
pub fn lines(headers: &HeaderMap) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| Header::new(name.as_str(), value.as_bytes())).collect()
}

/// The request target as it was received.
#[must_use]
pub fn target(head: &Parts) -> String {
    match (head.version, head.uri.path_and_query()) {
        (Version::HTTP_2, Some(path)) => path.as_str().to_owned(),
        // The origin form, or the absolute form if the client sent that.
        _ => head.uri.to_string(),
    }
}

/// A request of hyper as the library sees it. `scheme` is configuration: behind a proxy it is not on the wire.
#[must_use]
pub fn message<'m>(
    head: &'m Parts,
    scheme: &'m str,
    target: &'m str,
    lines: &'m [Header<'m>],
    body: &'m [u8],
) -> Message<'m> {
    let is_http2 = head.version == Version::HTTP_2;
    // `:authority`; in HTTP/1.1 the `Host` line, which is among the lines, tells it.
    let authority = head.uri.authority().filter(|_| is_http2).map_or("", |authority| authority.as_str());
    let message = Message::request(head.method.as_str(), scheme, authority, target).headers(lines).body(body);
    if is_http2 { message.http2() } else { message }
}

/// The documentation's examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/signing.md")]
struct Signing;
