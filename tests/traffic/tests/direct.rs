//! Requests and responses of hyper, over HTTP/1.1 and HTTP/2, without anything between the two.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use apiseal::{Acceptor, Context, Header, Message, Protected, Verified};
use apiseal_traffic::backend::{self, Speaks};
use apiseal_traffic::case::{Case, Framing};
use apiseal_traffic::{client, keys, lines, message, target};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

/// Sends a request by hyper and collects the answer.
async fn send(to: SocketAddr, request: Request<Full<Bytes>>) -> (hyper::http::response::Parts, Bytes) {
    let stream = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let response = if request.version() == Version::HTTP_2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let (head, body) = response.into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}

/// The same request for each version: HTTP/1.1 says its authority in `Host`, HTTP/2 in `:authority`.
fn request(version: Version) -> hyper::http::request::Builder {
    let builder = Request::builder().version(version).method(Method::POST);
    let builder = builder.header("content-type", "application/json");
    match version {
        Version::HTTP_2 => builder.uri("https://api.example:8443/a%2Fb?x=1&y=+"),
        _ => builder.uri("/a%2Fb?x=1&y=+").header("host", "api.example:8443"),
    }
}

const VERSIONS: [(Version, Speaks); 2] =
    [(Version::HTTP_11, Speaks::Http1), (Version::HTTP_2, Speaks::Http2)];

fn orders(_: &Verified<'_>) -> apiseal::Result<Context> {
    Context::new("orders")
}

const CLEAR: &str = r#"{"id": 7, "card": "4111111111111111", "total": 1.10}"#;

/// A service that accepts what is protected and sends the same back, protected.
async fn echo(speaks: Speaks) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = Arc::new(keys::acceptor());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = Arc::clone(&acceptor);
            let service = service_fn(move |request| answer(Arc::clone(&acceptor), request));
            tokio::spawn(async move {
                let stream = TokioIo::new(stream);
                match speaks {
                    Speaks::Http1 => {
                        hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
                    }
                    Speaks::Http2 => {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        builder.serve_connection(stream, service).await
                    }
                }
            });
        }
    });
    address
}

async fn answer(
    acceptor: Arc<Acceptor>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (target, header_lines) = (target(&head), lines(&head.headers));
    let received = message(&head, "https", &target, &header_lines, &body);
    let accepted = match acceptor.accept(&received, orders) {
        Ok(accepted) => accepted,
        // The peer learns nothing more.
        Err(error) => {
            let refused = Response::builder().status(error.http_status());
            return Ok(refused.body(Full::default()).unwrap());
        }
    };
    let typed = [Header::new("content-type", "application/json")];
    let clear = Message::response(201).headers(&typed).body(accepted.document());
    let protected = keys::protector().protect_response(
        &clear,
        accepted.verified(),
        &orders(accepted.verified()).unwrap(),
    );
    let protected = protected.unwrap();
    let mut response = Response::builder().status(201).header("content-type", "application/json");
    for (name, value) in protected.headers() {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(protected.body().to_vec())).unwrap())
}

/// A protected request as hyper sends it.
fn protected(version: Version) -> (Protected, Request<Full<Bytes>>) {
    let (mut head, ()) = request(version).body(()).unwrap().into_parts();
    let (target, header_lines) = (target(&head), lines(&head.headers));
    let clear = message(&head, "https", &target, &header_lines, CLEAR.as_bytes());
    let protected = keys::protector().protect(&clear, &Context::new("orders").unwrap()).unwrap();
    drop(header_lines);
    for (name, value) in protected.headers() {
        head.headers.insert(name, value.parse().unwrap());
    }
    let body = Full::from(protected.body().to_vec());
    (protected, Request::from_parts(head, body))
}

#[tokio::test]
async fn requests_and_responses_are_protected_over_both_versions() {
    for (version, speaks) in VERSIONS {
        let to = echo(speaks).await;
        let (sent, request) = protected(version);
        let (head, body) = send(to, request.clone()).await;
        assert_eq!((head.status.as_u16(), head.version), (201, version));
        assert!(!String::from_utf8_lossy(&body).contains("4111"));
        let header_lines = lines(&head.headers);
        let received = Message::response(head.status.as_u16()).headers(&header_lines).body(&body);
        let opened = keys::acceptor().accept_response(&received, &sent, orders).unwrap();
        assert_eq!(&opened.document()[..], CLEAR.as_bytes());
        // A second copy, and one that was changed.
        assert_eq!(send(to, request).await.0.status, 401);
        let (_, mut changed) = protected(version);
        *changed.body_mut() = Full::from(CLEAR);
        assert_eq!(send(to, changed).await.0.status, 401);
    }
}

#[tokio::test]
async fn signed_requests_verify_over_both_versions() {
    for (_, speaks) in VERSIONS {
        let to = backend::start(speaks, |_| keys::verifier()).await;
        for case in [
            Case::get("path and query as they are", "/a%2Fb//c/./d?y=+&x=%7e&x="),
            Case::get("no query", "/"),
            Case::post("length", Framing::Length),
            Case::post("no length", Framing::Chunked),
        ] {
            let signed = case.signed();
            let send = async |case: &Case| match speaks {
                Speaks::Http1 => client::http1(to, case, &signed).await,
                Speaks::Http2 => client::http2(to, case, &signed).await,
            };
            let answer = send(&case).await;
            assert_eq!(answer.outcome(), "verifies", "{}", case.name);
            assert_eq!(answer.verified(&signed), "verifies");
            assert_eq!(send(&case).await.outcome(), "Replayed");
        }
    }
}

#[tokio::test]
async fn what_is_changed_on_the_way_is_refused_over_both_versions() {
    let signed = Case::post("signed", Framing::Length);
    let plain = signed.signed();
    let changed = |change: &dyn Fn(&mut Case)| {
        let mut case = signed.clone();
        change(&mut case);
        case
    };
    for (_, speaks) in VERSIONS {
        let to = backend::start(speaks, |_| keys::verifier()).await;
        for (case, expected) in [
            (changed(&|case| case.target = "/a?x=2"), "SignatureInvalid"),
            (changed(&|case| case.target = "/b?x=1"), "SignatureInvalid"),
            (changed(&|case| case.host = "evil.example"), "SignatureInvalid"),
            (changed(&|case| case.host = "api.example:8443"), "SignatureInvalid"),
            (changed(&|case| case.method = "PUT"), "SignatureInvalid"),
            (changed(&|case| case.body = r#"{"id": 8}"#), "DigestMismatch"),
            (changed(&|case| case.unsigned.push(("authorization", "x"))), "NotCovered"),
            (changed(&|case| case.unsigned.push(("content-encoding", "gzip"))), "NotCovered"),
            (changed(&|case| case.unsigned.push(("content-type", "text/plain"))), "MalformedMessage"),
            (changed(&|case| case.unsigned.push(("x_other", "1"))), "MalformedMessage"),
            (changed(&|case| case.framing = Framing::Trailers), "MalformedMessage"),
        ] {
            let answer = match speaks {
                Speaks::Http1 => client::http1(to, &case, &plain).await,
                Speaks::Http2 => client::http2(to, &case, &plain).await,
            };
            assert_eq!(answer.outcome(), expected, "{case:?} {speaks:?}");
        }
    }
}

#[test]
fn lesson_s19_host_and_authority_of_http2_must_agree() {
    let agreed = |host: &str| {
        let (head, ()) = request(Version::HTTP_2).header("host", host).body(()).unwrap().into_parts();
        let (target, header_lines) = (target(&head), lines(&head.headers));
        let message = message(&head, "https", &target, &header_lines, b"{}");
        keys::signer().key("req").sign(&message, &apiseal::SystemClock).is_ok()
    };
    assert!(agreed("api.example:8443") && !agreed("api.example") && !agreed("evil.example"));
}

#[test]
fn the_documentation_shows_what_these_tests_use() {
    let own = include_str!("../src/lib.rs");
    let shown = include_str!("../../../docs/signing.md");
    for name in ["lines(", "target(", "message<"] {
        let text = own.split(&format!("pub fn {name}")).nth(1).unwrap().split("\n}\n").next().unwrap();
        assert!(shown.contains(&format!("\nfn {name}{text}\n}}\n")), "{name}");
    }
}
