//! Protected HTTP messages on the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::process::Output;

use place::{DOCUMENT, Place, WITH_KEK, text};
use serde_json::Value;

fn run(place: &Place, args: &[&str], input: &str) -> Output {
    let mut all = args.to_vec();
    all.extend(["--keyring", "ring.json"]);
    all.extend(WITH_KEK);
    place.run(&all, input)
}

/// A folder whose ring has a key for fields, and keys of two partners and directions.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    let mut steps = vec![vec!["keys", "add", "--kid", "root", "--purpose", "sig"]];
    for (kid, principal, direction, context) in [
        ("acme-req", "ACME", "req", "partner=acme"),
        ("acme-res", "ACME", "res", "partner=acme-res"),
        ("bank-req", "Bank", "req", "partner=bank"),
    ] {
        let mut add = vec!["keys", "add", "--kid", kid, "--from-root", "root", "--principal", principal];
        add.extend(["--direction", direction, "--context", context]);
        steps.push(add);
    }
    for step in steps {
        let output = run(&place, &step, "");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    place
}

const CRYPT: [&str; 6] =
    ["--policy", "policy.json", "--context", "purpose=orders", "--context", "tenant=acme"];

fn protect(place: &Place, more: &[&str], message: &str) -> Output {
    run(place, &[&["protect"], &CRYPT[..], more].concat(), message)
}

fn accept(place: &Place, more: &[&str], message: &str) -> Output {
    run(place, &[&["accept"], &CRYPT[..], more].concat(), message)
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

fn request() -> String {
    let length = DOCUMENT.len();
    format!(
        "POST /orders HTTP/1.1\r\nHost: api.example\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\n\r\n{DOCUMENT}"
    )
}

const KEY: [&str; 2] = ["--key", "acme-req"];
const ONCE: &str = "--no-replay-check";

#[test]
fn a_request_is_protected_and_accepted() {
    let place = place("protect-request");
    let sent = good(&protect(&place, &KEY, &request()));
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert!(!sent.contains("4111") && body.contains("\"total\": 1.10"));
    assert_eq!(head.matches("ontent-").count() - head.matches("\"content-").count(), 3, "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");

    assert_eq!(good(&accept(&place, &[ONCE, "--proof", "proof.json"], &sent)), DOCUMENT);
    let proof: Value = serde_json::from_str(&place::read(&place.at("proof.json"))).unwrap();
    assert_eq!((&proof["kid"], &proof["principal"]), (&"acme-req".into(), &"ACME".into()));
    // It is a signed message like any other.
    good(&run(&place, &["verify", ONCE], &sent));

    refused(&accept(&place, &[], &sent), 2, ONCE);
    refused(&accept(&place, &[ONCE], &sent.replace("1.10", "9.10")), 1, "613");
    refused(&accept(&place, &[ONCE], &sent.replace("/orders", "/refunds")), 1, "611");
    refused(&accept(&place, &[ONCE], &request()), 1, "600");
    refused(&protect(&place, &KEY, &request().replace("application/json", "text/plain")), 1, "623");
    refused(&protect(&place, &KEY, &request().replace("Content-Length: ", "Content-Length: 1")), 1, "606");
    let digest = "\r\nContent-Digest: sha-256=:AAAA:\r\nHost";
    refused(&protect(&place, &KEY, &request().replace("\r\nHost", digest)), 1, "content-digest");
    refused(&protect(&place, &[], &request()), 2, "408");
}

#[test]
fn case_62_what_another_partner_signs_again_is_refused() {
    let place = place("protect-stolen");
    let sent = good(&protect(&place, &KEY, &request()));
    let kept = sent
        .split("\r\n")
        .filter(|line| !["signature", "content-digest"].iter().any(|name| line.starts_with(name)));
    let captured: String = kept.collect::<Vec<_>>().join("\r\n");
    let stolen = good(&run(&place, &["sign", "--key", "bank-req"], &captured));
    good(&run(&place, &["verify", ONCE], &stolen));
    refused(&accept(&place, &[ONCE], &stolen), 1, "501");
    let again = good(&run(&place, &["sign", "--key", "acme-req"], &captured));
    assert_eq!(good(&accept(&place, &[ONCE], &again)), DOCUMENT);
}

#[test]
fn a_response_is_protected_for_its_request() {
    let place = place("protect-response");
    let response = format!("HTTP/1.1 201 Created\nContent-Type: application/json\n\n{DOCUMENT}");
    for name in ["sent.http", "other.http"] {
        std::fs::write(place.at(name), good(&protect(&place, &KEY, &request()))).unwrap();
    }
    let answer = good(&protect(&place, &["--request", "sent.http"], &response));
    assert!(!answer.contains("4111"));
    assert_eq!(good(&accept(&place, &["--request", "sent.http"], &answer)), DOCUMENT);
    refused(&accept(&place, &["--request", "other.http"], &answer), 1, "618");
    refused(&accept(&place, &["--request", "sent.http"], &answer.replace("201", "200")), 1, "611");
    refused(&protect(&place, &[], &response), 2, "--request");
}

#[test]
fn the_key_of_one_principal_and_direction_is_exported() {
    let place = place("protect-export");
    let shown = good(&run(&place, &["keys", "list"], ""));
    let kid = shown.split("\"kid\":\"").map(|rest| rest.split('"').next().unwrap());
    let kid = kid.skip(1).find(|kid| !["root", "acme-req", "acme-res", "bank-req"].contains(kid)).unwrap();
    let mut export =
        vec!["keys", "export-context", kid, "--context", "purpose=orders", "--context", "tenant=acme"];
    export.extend(["--to", "partner.json", "--new-wrapping-key-file", "kek"]);
    refused(&run(&place, &[&export[..], &["--principal", "ACME"]].concat(), ""), 2, "--direction");
    let made = run(&place, &[&export[..], &["--principal", "ACME", "--direction", "req"]].concat(), "");
    let told = good(&made);
    assert!(told.contains("apiseal.principal") && told.contains("\"ACME\""), "{told}");
    let sent = good(&protect(&place, &KEY, &request()));
    std::fs::write(place.at("sealed.json"), sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    // The partner's file loads; nobody states the pairs of a message by hand.
    let mut decrypt = vec!["decrypt", "--keyring", "partner.json", "sealed.json"];
    decrypt.extend(WITH_KEK);
    decrypt.extend(CRYPT);
    refused(&place.run(&decrypt, ""), 2, "204");
    decrypt.extend(["--context", "apiseal.principal=ACME"]);
    refused(&place.run(&decrypt, ""), 2, "205");
}
