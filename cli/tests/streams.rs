//! Redaction and the census over NDJSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use place::{Place, WITH_KEK, read, text};
use serde_json::Value;

fn record(number: usize) -> String {
    format!("{{\"id\": {number}, \"card\": {{\"number\": \"4111-{number:06}\"}}}}")
}

fn masked(number: usize) -> String {
    record(number).replace(&format!("4111-{number:06}"), "[redacted]")
}

#[test]
fn an_unreadable_line_becomes_the_constant_and_no_line_is_lost() {
    let place = Place::new("redact-lines");
    let redact = |more: &[&str], input: &str| {
        let output = place.run(&[&["redact", "--policy", "policy.json", "--ndjson"], more].concat(), input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let clear = format!("{}\r\n\n{}\n{}", record(1), record(2), record(3));
    let expected = format!("{}\r\n\n{}\n{}", masked(1), masked(2), masked(3));
    assert_eq!(redact(&[], &clear), (Some(0), expected.clone(), String::new()));

    let broken = clear.replace(&record(2), "{\"card\": {\"number\": \"4111-000002\"");
    let (code, shown, told) = redact(&["--threads", "2"], &broken);
    assert_eq!(
        (code, shown.as_str()),
        (Some(3), expected.replace(&masked(2), "{\"redacted\":\"unreadable\"}").as_str())
    );
    assert!(
        told.contains("line 3: ") && told.contains("1 of 4 lines failed") && !told.contains("4111-"),
        "{told}"
    );
    let (code, shown, told) = redact(&["--on-error", "stop"], &broken);
    assert_eq!((code, shown), (Some(3), format!("{}\r\n\n", masked(1))));
    assert!(told.contains("stopped at line 3"), "{told}");
    // In place nothing is lost: the file stays as it was.
    std::fs::write(place.at("log.ndjson"), &broken).unwrap();
    assert_eq!(redact(&["--in-place", "log.ndjson"], "").0, Some(3));
    assert_eq!(read(&place.at("log.ndjson")), broken);
    std::fs::write(place.at("log.ndjson"), &clear).unwrap();
    assert_eq!(redact(&["--in-place", "log.ndjson"], "").0, Some(0));
    assert_eq!(read(&place.at("log.ndjson")), expected);
}

#[test]
fn the_census_of_a_stream_names_lines_and_totals() {
    let place = Place::new("census-lines");
    let clear: String = (1..=50).map(|number| record(number) + "\n").collect();
    let sealed = text(&place.crypt("encrypt", &["--ndjson"], &clear).stdout);
    let kid = sealed.split("as1.").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let inspect = |more: &[&str], input: &str| {
        let output = place.run(&[&["inspect", "--ndjson"], more].concat(), input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, listed, _) = inspect(&["--threads", "2"], &("\n".to_owned() + &sealed));
    assert_eq!((code, listed.lines().count()), (Some(0), 50));
    for (at, line) in listed.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["line"], &line["kid"]), (&(at + 2).into(), &kid.as_str().into()));
        assert_eq!(line["path"], "$['card']['number']");
    }
    let (code, total, _) = inspect(&["--summary"], &sealed);
    let total: Value = serde_json::from_str(&total).unwrap();
    assert_eq!((code, &total["tokens"], &total["authenticated"]), (Some(0), &50.into(), &0.into()));

    assert_eq!(inspect(&["--summary", "--fail-if-kid", "k-unused"], &sealed).0, Some(0));
    let (code, _, told) = inspect(&["--summary", "--fail-if-kid", &kid], &sealed);
    assert_eq!(code, Some(1));
    assert!(told.contains("50 strings name it"), "{told}");
    // A line that cannot be read may hold any key: the answer is no answer.
    let (code, _, told) = inspect(&["--summary", "--fail-if-kid", "k-unused"], &(sealed.clone() + "{\n"));
    assert_eq!(code, Some(3));
    assert!(told.contains("line 51"), "{told}");

    let mut verify = vec!["--verify", "--keyring", "ring.json", "--policy", "policy.json", "--summary"];
    verify.extend(WITH_KEK);
    verify.extend(["--context", "purpose=orders", "--context", "tenant=acme"]);
    let (code, total, told) = inspect(&verify, &sealed);
    assert_eq!(code, Some(0), "{told}");
    let total: Value = serde_json::from_str(&total).unwrap();
    assert_eq!(total["authenticated"], 50);
    let moved = sealed.replacen("\"id\": 1,", "\"id\": 2,", 1);
    assert_eq!(inspect(&verify, &moved).0, Some(1));
}

#[test]
fn a_census_that_is_cut_off_is_no_answer() {
    let place = Place::new("census-cut");
    let clear: String = (1..=5000).map(|number| record(number) + "\n").collect();
    assert_eq!(place.crypt("encrypt", &["--ndjson", "-o", "sealed.ndjson"], &clear).status.code(), Some(0));
    for more in [&["--ndjson"][..], &["--ndjson", "--summary"]] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_apiseal"))
            .args([&["inspect", "--fail-if-kid", "k-unused"], more, &["sealed.ndjson"]].concat())
            .current_dir(&place.0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever reads goes at once, as `head` does.
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(4), "{more:?}");
    }
}
