//! HTTP messages as they are on the wire: lent for one call.

use apiseal::{Header, Message};

use crate::boundary::{self, Answer};
use crate::bytes::apiseal_bytes;

/// One header or trailer line, as it was received.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_header {
    /// The name, UTF-8.
    pub name: apiseal_bytes,
    /// The value.
    pub value: apiseal_bytes,
}

/// A request or a response. Nothing is copied, decoded or normalised.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_message {
    /// 0 for a request; the status of a response.
    pub status: u16,
    /// It came by HTTP/2 or later, where names in upper case are malformed.
    pub http2: bool,
    /// Method of a request.
    pub method: apiseal_bytes,
    /// "https" or "http".
    pub scheme: apiseal_bytes,
    /// ":authority" of HTTP/2; empty where the Host header tells it.
    pub authority: apiseal_bytes,
    /// The request target as it was received; ":path" of HTTP/2.
    pub target: apiseal_bytes,
    /// The header lines in their order.
    pub headers: *const apiseal_header,
    /// How many.
    pub headers_len: usize,
    /// The trailer lines in their order.
    pub trailers: *const apiseal_header,
    /// How many.
    pub trailers_len: usize,
    /// The content, after transfer coding and before content coding.
    pub body: apiseal_bytes,
}

/// The library's view of a message.
pub(crate) struct Parts<'a> {
    status: u16,
    http2: bool,
    request: [&'a str; 4],
    headers: Vec<Header<'a>>,
    trailers: Vec<Header<'a>>,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    /// # Safety
    /// `message` is NULL or valid during `'a`, and so is all it points to.
    pub(crate) unsafe fn read(message: *const apiseal_message) -> Answer<Self> {
        // SAFETY: as promised.
        unsafe {
            let own = boundary::object(message, "message")?;
            Ok(Parts {
                status: own.status,
                http2: own.http2,
                request: match own.status {
                    0 => [
                        own.method.text("method")?,
                        own.scheme.text("scheme")?,
                        own.authority.text("authority")?,
                        own.target.text("target")?,
                    ],
                    _ => [""; 4],
                },
                headers: lines(own.headers, own.headers_len, "headers")?,
                trailers: lines(own.trailers, own.trailers_len, "trailers")?,
                body: own.body.get("body")?,
            })
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        self.status == 0
    }

    pub(crate) fn message(&self) -> Message<'_> {
        let [method, scheme, authority, target] = self.request;
        let message = match self.status {
            0 => Message::request(method, scheme, authority, target),
            status => Message::response(status),
        };
        let message = message.headers(&self.headers).trailers(&self.trailers).body(self.body);
        if self.http2 { message.http2() } else { message }
    }
}

/// # Safety
/// `items` is NULL or valid for reads of `len` lines with valid bytes.
unsafe fn lines<'a>(items: *const apiseal_header, len: usize, name: &str) -> Answer<Vec<Header<'a>>> {
    // SAFETY: as promised.
    let items = unsafe { boundary::array(items, len, name) }?;
    // SAFETY: as promised.
    items.iter().map(|own| unsafe { Ok(Header::new(own.name.text(name)?, own.value.get(name)?)) }).collect()
}

/// Lends at most `capacity` lines to the caller, and gives how many there are.
///
/// # Safety
/// `into` is NULL or valid for writes of `capacity` items.
pub(crate) unsafe fn write_lines<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    into: *mut apiseal_header,
    capacity: usize,
) -> usize {
    let mut count = 0;
    for (name, value) in pairs {
        if !into.is_null() && count < capacity {
            let (name, value) = (apiseal_bytes::of(name.as_bytes()), apiseal_bytes::of(value.as_bytes()));
            // SAFETY: there is room for `capacity` items, as promised.
            unsafe { into.add(count).write(apiseal_header { name, value }) };
        }
        count += 1;
    }
    count
}
