//! Explanations on the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::io::Write;
use std::process::Output;

use place::{Place, WITH_KEK, text};
use serde_json::Value;

const REQUEST: &str = "POST /orders?x=1 HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n{\"amount\": 149.90}";

fn run(place: &Place, args: &[&str], input: &[u8]) -> Output {
    let mut all = args.to_vec();
    all.extend(["--keyring", "ring.json"]);
    all.extend(WITH_KEK);
    if std::str::from_utf8(input).is_ok() {
        return place.run(&all, std::str::from_utf8(input).unwrap());
    }
    std::fs::write(place.at("input.http"), input).unwrap();
    all.push("input.http");
    place.run(&all, "")
}

fn place(name: &str) -> (Place, String) {
    let place = Place::new(name);
    let root = vec!["keys", "add", "--kid", "root", "--purpose", "sig"];
    let mut steps = vec![root];
    for (kid, direction, context) in [("acme-req", "req", "dir=req"), ("acme-res", "res", "dir=res")] {
        let mut add = vec!["keys", "add", "--kid", kid, "--from-root", "root", "--principal", "ACME"];
        add.extend(["--direction", direction, "--context", "partner=acme", "--context", context]);
        steps.push(add);
    }
    for step in steps {
        let output = run(&place, &step, b"");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let signed = run(&place, &["sign"], REQUEST.as_bytes());
    assert_eq!(signed.status.code(), Some(0), "{}", text(&signed.stderr));
    (place, text(&signed.stdout))
}

fn told(place: &Place, more: &[&str], message: &str) -> (i32, String, String) {
    let output = run(place, &[&["explain"], more].concat(), message.as_bytes());
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_change_is_told_as_a_sentence_and_as_lines() {
    let (place, signed) = place("explain-text");
    let (code, out, err) = told(&place, &[], &signed);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("the message verifies as it is"));

    let proxied = signed.replace("Host: api.example", "Host: backend:8080\r\nX-Forwarded-Host: api.example");
    let (code, out, err) = told(&place, &[], &proxied);
    assert_eq!((code, err.contains("[611]")), (1, true), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("the authority was `api.example` when signed; this message says `backend:8080`")
    );
    assert_eq!(lines[1..], ["- \"@authority\": backend:8080", "+ \"@authority\": api.example"]);
    let (_, out, _) = told(&place, &["--base"], &proxied);
    assert!(out.contains("\n  \"@method\": POST\n") && out.contains("\n  \"@signature-params\": "), "{out}");

    // The caller knows the authority, or the map has it.
    let elsewhere = signed.replace("Host: api.example", "Host: backend:8080");
    assert!(told(&place, &[], &elsewhere).1.starts_with("no known change"));
    assert!(told(&place, &["--authority", "api.example"], &elsewhere).1.starts_with("the authority was"));
    let (code, out, _) = told(&place, &["--origin", "backend:8080=https://api.example"], &elsewhere);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn the_change_is_told_to_machines() {
    let (place, signed) = place("explain-json");
    for (from, to, kind) in [
        ("/orders?x=1", "/orders/?x=1", "path-slash"),
        ("{\"amount\": 149.90}", "{\"amount\":149.90}", "json"),
        ("Content-Type: application/json", "Content-Type: application/json; charset=utf-8", "header-value"),
    ] {
        let (code, out, _) = told(&place, &["--json", "--base"], &signed.replacen(from, to, 1));
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &told["changes"][0]["kind"]), (1, &kind.into()), "{out}");
        assert_eq!((&told["verifies"], &told["remaining"]), (&false.into(), &Value::Null));
    }
    // A key that nobody knows is no fault of the ring on this side: it is an explanation.
    let (code, out, _) = told(&place, &["--json"], &signed.replace("acme-req", "nobody"));
    let unknown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &unknown["code"], &unknown["changes"]), (1, &401.into(), &Value::Array(Vec::new())));
    assert!(unknown["advice"].as_str().unwrap().contains("ring"));
    // When it was received.
    let (code, out, _) = told(&place, &["--json", "--at", "4000000000"], &signed);
    let late: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &late["changes"][0]["kind"]), (1, &"clock".into()));
    assert_eq!(told(&place, &[], "hello").0, 3);
}

#[test]
fn a_debug_token_names_the_lines() {
    let (place, _) = place("explain-debug");
    let signed = text(&run(&place, &["sign", "--debug-token"], REQUEST.as_bytes()).stdout);
    assert!(signed.contains("\r\nsignature-debug: sig=:"), "{signed}");
    assert_eq!(told(&place, &[], &signed).0, 0);
    let changed = signed.replace("/orders?x=1", "/elsewhere?y=2");
    let (_, out, _) = told(&place, &["--json"], &changed);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["differing"], serde_json::json!(["\"@path\": /elsewhere", "\"@query\": ?y=2"]));
}

#[test]
fn content_that_a_proxy_compressed() {
    let (place, signed) = place("explain-gzip");
    let (head, body) = signed.split_once("\r\n\r\n").unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body.as_bytes()).unwrap();
    let mut message = format!("{head}\r\nContent-Encoding: gzip\r\n\r\n").into_bytes();
    message.extend(gzip.finish().unwrap());
    let output = run(&place, &["explain", "--json"], &message);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &told["changes"][0]["kind"]),
        (Some(1), &"content-encoded".into()),
        "{told}"
    );
}

#[test]
fn responses_are_explained_with_their_request() {
    let (place, signed) = place("explain-response");
    std::fs::write(place.at("request.http"), &signed).unwrap();
    let answer = "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{\"id\": 7}";
    let answer = run(&place, &["sign", "--request", "request.http"], answer.as_bytes());
    let answer = text(&answer.stdout);
    let request = ["--request", "request.http"];
    assert_eq!(told(&place, &request, &answer).0, 0);
    let (code, out, _) = told(&place, &request, &answer.replace("200 OK", "206 Partial"));
    assert_eq!(code, 1);
    assert!(out.starts_with("the status was `200` when signed; this message says `206`"), "{out}");
    assert_eq!(told(&place, &[], &answer).0, 2);
}
