//! Signed HTTP messages on the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::process::Output;

use place::{Place, WITH_KEK, text};
use serde_json::Value;

const REQUEST: &str = "POST /orders?x=1 HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n{\"amount\": 149.90}";
const RESPONSE: &str = "HTTP/1.1 201 Created\nContent-Type: application/json\n\n{\"id\": 7}";

fn run(place: &Place, args: &[&str], input: &str) -> Output {
    let mut all = args.to_vec();
    all.extend(["--keyring", "ring.json"]);
    all.extend(WITH_KEK);
    place.run(&all, input)
}

/// A folder whose ring has a root for signing and a key for each direction.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    let mut steps = vec![vec!["keys", "add", "--kid", "root", "--purpose", "sig"]];
    for (kid, direction) in [("acme-req", "req"), ("acme-res", "res")] {
        let mut add = vec!["keys", "add", "--kid", kid, "--from-root", "root", "--principal", "ACME"];
        add.extend(["--direction", direction, "--context", "partner=acme", "--context"]);
        add.push(if direction == "req" { "dir=req" } else { "dir=res" });
        steps.push(add);
    }
    for step in steps {
        let output = run(&place, &step, "");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    place
}

fn good(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(output: &Output, exit: i32, what: &str) {
    let told = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(exit), ""), "{told}");
    assert!(told.contains(what), "{told}");
}

fn verify(place: &Place, more: &[&str], message: &str) -> Output {
    run(place, &[&["verify", "--no-replay-check"], more].concat(), message)
}

#[test]
fn a_request_is_signed_and_tells_what_was_proved() {
    let place = place("sign-request");
    let signed = good(&run(&place, &["sign"], REQUEST));
    // Only lines were added; everything else stands as it was.
    let (head, body) = REQUEST.split_once("\r\n\r\n").unwrap();
    assert!(
        signed.starts_with(&(head.to_owned() + "\r\ncontent-digest: "))
            && signed.ends_with(&format!("\r\n\r\n{body}"))
    );

    let proof: Value = serde_json::from_str(&good(&verify(&place, &[], &signed))).unwrap();
    assert_eq!((&proof["kid"], &proof["principal"]), (&"acme-req".into(), &"ACME".into()));
    assert_eq!((&proof["tag"], &proof["content"]), (&"apiseal-req-v1".into(), &true.into()));
    let covered = proof["covered"].as_array().unwrap();
    assert!(covered.contains(&serde_json::json!(["\"@path\"", "/orders"])));
    assert!(covered.contains(&serde_json::json!(["\"@authority\"", "api.example"])));

    for (from, to, exit, what) in [
        ("149.90", "1.00", 1, "613"),
        ("/orders?x=1", "/orders?x=2", 1, "611"),
        ("Host: api.example", "Host: evil.example", 1, "611"),
        ("POST", "PUT", 1, "611"),
        ("\r\nHost", "\r\nAuthorization: x\r\nHost", 1, "603"),
        ("\r\nHost", "\r\nX_Host: x\r\nHost", 1, "606"),
        ("acme-req", "acme-res", 2, "402"),
    ] {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed);
        refused(&verify(&place, &[], &changed), exit, what);
    }
    refused(&verify(&place, &[], REQUEST), 1, "600");
    refused(&run(&place, &["verify"], &signed), 2, "--no-replay-check");
    refused(&verify(&place, &["--scheme", "ftp"], &signed), 2, "possible values");
}

#[test]
fn lines_alone_a_key_by_name_and_an_origin_behind_a_proxy() {
    let place = place("sign-lines");
    let lines =
        good(&run(&place, &["sign", "--headers-only", "--key", "acme-req", "--label", "mine"], REQUEST));
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.contains("signature-input: mine=("));
    refused(&run(&place, &["sign", "--key", "acme-res"], REQUEST), 2, "402");
    refused(&run(&place, &["sign", "--key", "nobody"], REQUEST), 2, "401");

    let signed = good(&run(&place, &["sign"], REQUEST));
    let proxied = signed.replace("Host: api.example", "Host: backend:8080");
    refused(&verify(&place, &[], &proxied), 1, "611");
    let origin = ["--origin", "backend:8080=https://api.example"];
    assert!(good(&verify(&place, &origin, &proxied)).contains("api.example"));
    refused(&verify(&place, &origin, &signed), 1, "619");
    refused(&verify(&place, &["--origin", "backend"], &signed), 2, "backend:8080=https");
}

#[test]
fn a_response_answers_its_request_and_no_other() {
    let place = place("sign-response");
    let signed = good(&run(&place, &["sign"], REQUEST));
    let other = good(&run(&place, &["sign"], REQUEST));
    std::fs::write(place.at("request.http"), &signed).unwrap();
    std::fs::write(place.at("other.http"), &other).unwrap();
    let answer = good(&run(&place, &["sign", "--request", "request.http"], RESPONSE));
    let proof = run(&place, &["verify", "--request", "request.http"], &answer);
    let proof: Value = serde_json::from_str(&good(&proof)).unwrap();
    assert_eq!((&proof["kid"], &proof["tag"]), (&"acme-res".into(), &"apiseal-res-v1".into()));
    refused(&run(&place, &["verify", "--request", "other.http"], &answer), 1, "618");
    refused(&run(&place, &["verify", "--request", "request.http"], &answer.replace("201", "200")), 1, "611");
    refused(&run(&place, &["sign"], RESPONSE), 2, "--request");
    refused(&run(&place, &["sign", "--request", "request.http"], REQUEST), 2, "itself a request");
    // Nothing is answered that was not verified.
    std::fs::write(place.at("forged.http"), signed.replace("149.90", "1.00")).unwrap();
    refused(&run(&place, &["sign", "--request", "forged.http"], RESPONSE), 1, "613");
}

#[test]
fn other_profiles_come_from_files() {
    let place = place("sign-profile");
    let profile =
        r#"{"apiseal_profile": 1, "id": "shop.v1", "extends": "apiseal-v1", "require": ["x-tenant"]}"#;
    std::fs::write(place.at("shop.json"), profile).unwrap();
    let shop = ["sign", "--profile", "shop.json"];
    let request = REQUEST.replace("\r\nHost", "\r\nX-Tenant: 7\r\nHost");
    // A key serves a profile only if its entry says so.
    refused(&run(&place, &shop, &request), 2, "408");
    let mut add = vec!["keys", "add", "--kid", "shop", "--from-root", "root", "--serves", "shop.v1"];
    add.extend(["--direction", "req", "--context", "partner=shop", "--principal", "Shop"]);
    good(&run(&place, &add, ""));
    let signed = good(&run(&place, &shop, &request));
    assert!(signed.contains("\"x-tenant\""));
    assert!(
        good(&verify(&place, &["--profile", "shop.json"], &signed)).contains("[\"\\\"x-tenant\\\"\",\"7\"]")
    );
    refused(&run(&place, &shop, REQUEST), 1, "x-tenant");
    refused(&run(&place, &["sign", "--profile", "absent.json"], REQUEST), 4, "absent.json");
    std::fs::write(place.at("broken.json"), "{}").unwrap();
    refused(&run(&place, &["sign", "--profile", "broken.json"], REQUEST), 2, "620");
    refused(&run(&place, &["sign"], "hello"), 3, "line 1 of the message");
}

#[test]
fn a_message_that_is_cut_off_is_no_success() {
    let place = place("sign-cut");
    let request = REQUEST.split_once("\r\n\r\n").unwrap().0.to_owned();
    std::fs::write(place.at("large.http"), request + "\r\n\r\n\"" + &"x".repeat(1 << 20) + "\"").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_apiseal"));
    command.args(["sign", "--keyring", "ring.json", "large.http"]).args(WITH_KEK);
    command.args(["--key", "acme-req"]).current_dir(&place.0);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(4), String::new()));
}

#[test]
fn what_is_for_one_connection_is_not_signed() {
    let place = place("sign-chunks");
    let (head, _) = REQUEST.split_once("\r\n\r\n").unwrap();
    let lines = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
    let head = lines.collect::<Vec<_>>().join("\r\n");
    for coding in ["Transfer-Encoding: chunked", "TRANSFER-ENCODING:gzip"] {
        let message = format!("{head}\r\n{coding}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        refused(&run(&place, &["sign"], &message), 3, "Transfer-Encoding");
    }
}
