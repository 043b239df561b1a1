//! A server of hyper that verifies what it receives, tells the outcome, and signs its answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use apiseal::{Explanation, Header, Message, SystemClock, Verifier};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::{keys, lines, message, target};

/// The header that tells the outcome; a proxy's own answer has none.
pub const OUTCOME: &str = "x-outcome";

/// The header that tells what an explanation says of the request. Only tests tell it to the peer.
pub const EXPLAINED: &str = "x-explained";

/// Which versions of HTTP the server speaks.
#[derive(Clone, Copy, Debug)]
pub enum Speaks {
    /// HTTP/1.1 and 1.0.
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
}

/// Starts a server, which ends with the runtime. Its verifier is made for its own address.
///
/// # Panics
/// If no port is free.
pub async fn start(speaks: Speaks, verifier: impl FnOnce(SocketAddr) -> Verifier) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let verifier = Arc::new(verifier(address));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&verifier), request));
                let stream = TokioIo::new(stream);
                // A client that goes away is no fault of the server.
                let _ = match speaks {
                    Speaks::Http1 => {
                        hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
                    }
                    Speaks::Http2 => {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        builder.serve_connection(stream, service).await
                    }
                };
            });
        }
    });
    address
}

async fn answer(
    verifier: Arc<Verifier>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(collected) = body.collect().await else {
        return Ok(told("broken content", &[], Bytes::new()));
    };
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = collected.to_bytes();
    let (target, header_lines, trailer_lines) = (target(&head), lines(&head.headers), lines(&trailers));
    let received = message(&head, "https", &target, &header_lines, &body).trailers(&trailer_lines);
    let explanation = verifier.explainer().authority("api.example").explain(&received, &SystemClock);
    let explained = (EXPLAINED, &*explained(&explanation));
    let verified = match verifier.verify(&received, &SystemClock) {
        Ok(verified) => verified,
        Err(error) => return Ok(told(error.code().name(), &[explained], Bytes::new())),
    };
    // Long enough to be worth compressing.
    let content = format!(r#"{{"padding": "{}"}}"#, "x".repeat(2000));
    let typed = [Header::new("content-type", "application/json")];
    let clear = Message::response(200).headers(&typed).body(&content);
    match keys::signer().key("res").sign_response(&clear, &verified, &SystemClock) {
        Ok(signed) => {
            let lines: Vec<(&str, &str)> =
                signed.headers().chain([("content-type", "application/json"), explained]).collect();
            Ok(told("verifies", &lines, content.clone().into()))
        }
        Err(error) => Ok(told(error.code().name(), &[], Bytes::new())),
    }
}

/// The names of the changes, or that there are none.
#[must_use]
pub fn explained(explanation: &Explanation) -> String {
    let names: Vec<&str> = explanation.changes().iter().map(|change| change.kind().name()).collect();
    match (explanation.verifies(), explanation.remaining()) {
        (true, _) => "verifies".to_owned(),
        (false, None) => names.join(" "),
        (false, Some(_)) => "unexplained".to_owned(),
    }
}

fn told(outcome: &str, lines: &[(&str, &str)], body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::builder().header(OUTCOME, outcome);
    for (name, value) in lines {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body)).unwrap_or_default()
}
