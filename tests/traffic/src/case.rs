//! The requests that are sent through each proxy.

use apiseal::{Header, Message, Signed, SystemClock};

use crate::keys;

/// How content is delimited in HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By `Content-Length`, if there is any.
    Length,
    /// In two chunks.
    Chunked,
    /// In two chunks with a trailer behind them.
    Trailers,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// Method.
    pub method: &'static str,
    /// Target as it is written.
    pub target: &'static str,
    /// `Host` or `:authority`.
    pub host: &'static str,
    /// Header lines beside `Host`, as they are written.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Header lines that go out unsigned.
    pub unsigned: Vec<(&'static str, &'static str)>,
    /// Content.
    pub body: &'static str,
    /// How it is delimited.
    pub framing: Framing,
    /// Whether HTTP/2 can say it.
    pub http2: bool,
    /// The proxy compresses the answer.
    pub gzip: bool,
}

impl Case {
    /// A request for a target.
    #[must_use]
    pub fn get(name: &'static str, target: &'static str) -> Self {
        Case {
            name,
            method: "GET",
            target,
            host: "api.example",
            headers: Vec::new(),
            unsigned: Vec::new(),
            body: "",
            framing: Framing::Length,
            http2: true,
            gzip: false,
        }
    }

    /// A request with content.
    #[must_use]
    pub fn post(name: &'static str, framing: Framing) -> Self {
        let headers = vec![("content-type", "application/json")];
        Case { method: "POST", body: r#"{"id": 7}"#, headers, framing, ..Case::get(name, "/a?x=1") }
    }

    fn host(self, host: &'static str) -> Self {
        Case { host, ..self }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn unsigned(mut self, name: &'static str, value: &'static str) -> Self {
        self.unsigned.push((name, value));
        self
    }

    /// With headers that claim another authority, which nobody may believe.
    #[must_use]
    pub fn with_forwarded(self) -> Self {
        self.unsigned("x-forwarded-host", "api.example").unsigned("forwarded", "host=api.example")
    }

    fn http1(self) -> Self {
        Case { http2: false, ..self }
    }

    /// The signature over it.
    ///
    /// # Panics
    /// If it cannot be signed.
    #[must_use]
    pub fn signed(&self) -> Signed {
        let lines: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header::new(name, *value)).collect();
        let message = Message::request(self.method, "https", self.host, self.target);
        let message = message.headers(&lines).body(self.body);
        keys::signer().key("req").sign(&message, &SystemClock).unwrap()
    }
}

/// Every row of the table.
#[must_use]
pub fn all() -> Vec<Case> {
    vec![
        Case::get("plain path and query", "/a?x=1"),
        Case::get("authority in upper case", "/a").host("API.Example"),
        Case::get("authority with the default port `:443`", "/a").host("api.example:443"),
        Case::get("authority with another port, `:8443`", "/a").host("api.example:8443"),
        Case::get("path with `%2F`", "/a%2Fb"),
        Case::get("path with lower-case escape `%2f`", "/a%2fb"),
        Case::get("path with needless escape `%7E`", "/%7Ex"),
        Case::get("path with escaped UTF-8", "/caf%C3%A9"),
        Case::get("path with `//`", "/a//b"),
        Case::get("path that begins with `//`", "//a"),
        Case::get("path with `/./`", "/a/./b"),
        Case::get("path with `/../`", "/a/../b"),
        Case::get("path with `%2E%2E`", "/a/%2E%2E/b"),
        Case::get("empty path (absolute form)", "https://api.example?x=1").http1(),
        Case::get("absolute form", "https://api.example/a?x=1").http1(),
        Case::get("query in its order, repeated names", "/a?b=2&a=1&b=0"),
        Case::get("query with `+`, `%20`, `%7e`", "/a?x=a+b%20c%7e"),
        Case::get("query that is `?` alone", "/a?"),
        Case::get("no query", "/a"),
        Case::get("covered header, name in upper case", "/a").with("X-CUSTOM", "1"),
        Case::get("covered header, spaces inside", "/a").with("x-custom", "a   b"),
        Case::get("covered header, empty", "/a").with("x-custom", ""),
        Case::get("covered list on two lines", "/a").with("x-list", "a").with("x-list", "b"),
        Case::get("uncovered header on two lines", "/a").unsigned("x-other", "a").unsigned("x-other", "b"),
        Case::get("uncovered header with `_`", "/a").unsigned("x_other", "a"),
        Case::get("`Authorization` and `Cookie`", "/a")
            .with("authorization", "Bearer t")
            .with("cookie", "a=1; b=2"),
        Case::get("`Range`", "/a").with("range", "bytes=0-1"),
        Case::get("covered header named in `Connection`", "/a")
            .with("x-custom", "1")
            .unsigned("connection", "x-custom")
            .http1(),
        Case::post("content with its length", Framing::Length),
        Case::post("content in chunks", Framing::Chunked),
        Case::post("trailer behind the content", Framing::Trailers),
        Case { body: "", headers: Vec::new(), ..Case::post("POST without content", Framing::Length) },
        Case { gzip: true, ..Case::get("answer, compressed by the proxy", "/a") }
            .unsigned("accept-encoding", "gzip"),
    ]
}
