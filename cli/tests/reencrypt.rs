//! Re-encryption on the command line: one document, streams, dry runs, and runs that are killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use place::{DOCUMENT, Place, WITH_KEK, read, text};
use serde_json::Value;

const CONTEXT: [&str; 4] = ["--context", "purpose=orders", "--context", "tenant=acme"];
const LAYOUT_D: &str =
    r#"{"apiseal_policy":1,"id":"d","layout":"document","bind":["$"],"rules":[{"path":"$.card.number"}]}"#;

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["reencrypt", "--keyring", "ring.json"];
    args.extend(WITH_KEK);
    args.extend(more);
    args
}

/// `apiseal reencrypt` with the policy and context of the folder on both sides.
fn same_sides(place: &Place, more: &[&str], input: &str) -> Output {
    let mut args = arguments(&["--policy", "policy.json"]);
    args.extend(CONTEXT);
    args.extend(more);
    place.run(&args, input)
}

fn keys(place: &Place, args: &[&str]) {
    let mut all = vec!["keys"];
    all.extend(args);
    all.extend(["--keyring", "ring.json"]);
    all.extend(WITH_KEK);
    let output = place.run(&all, "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// A folder whose ring has the new primary key `new`, and what the old one encrypted.
fn rotated(name: &str, lines: usize) -> (Place, String) {
    let place = Place::new(name);
    let clear: String = (1..=lines).map(record).collect();
    std::fs::write(place.at("clear.ndjson"), &clear).unwrap();
    let sealed = place.crypt("encrypt", &["--ndjson", "-o", "old.ndjson", "clear.ndjson"], "");
    assert_eq!(sealed.status.code(), Some(0), "{}", text(&sealed.stderr));
    keys(&place, &["add", "--kid", "new", "--promote"]);
    (place, clear)
}

fn record(number: usize) -> String {
    match number % 9 {
        4 => "\n".to_owned(),
        5 => format!("{{\"id\": {number}, \"card\": {{\"number\": \"4111-{number:05}\"}}}}\r\n"),
        _ => {
            format!("{{\"id\": {number}, \"card\": {{\"number\": \"4111-{number:05}\"}}, \"total\": 1.10}}\n")
        }
    }
}

fn summary(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check_new(place: &Place, path: &str, clear: &str) {
    let moved = read(&place.at(path));
    assert_eq!(moved.matches("as1.new.").count(), clear.matches("card").count());
    assert!(!moved.contains("\"4111-"));
    let opened = place.crypt("decrypt", &["--ndjson", path], "");
    assert_eq!(text(&opened.stderr), "");
    assert!(text(&opened.stdout) == clear);
}

#[test]
fn one_document_goes_to_another_key_context_and_layout() {
    let place = Place::new("reencrypt-one");
    std::fs::write(place.at("d.json"), LAYOUT_D).unwrap();
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    keys(&place, &["add", "--kid", "new", "--promote"]);
    let moved = same_sides(&place, &[], &sealed);
    assert_eq!((moved.status.code(), text(&moved.stderr)), (Some(0), String::new()));
    assert!(text(&moved.stdout).contains("as1.new."));
    assert_eq!(text(&place.crypt("decrypt", &[], &text(&moved.stdout)).stdout), DOCUMENT);

    let mut other = arguments(&["--from-policy", "policy.json", "--to-policy", "d.json"]);
    other.extend(["--from-context", "purpose=orders", "--from-context", "tenant=acme"]);
    other.extend(["--to-context", "purpose=archive", "-o", "archive.json"]);
    let counted = summary(&place.run(&other, &sealed));
    assert_eq!((&counted["values"], &counted["to"]["new"]), (&1.into(), &1.into()));
    let archived = read(&place.at("archive.json"));
    assert!(archived.contains("_seal"));
    let mut open =
        vec!["decrypt", "--keyring", "ring.json", "--policy", "d.json", "--context", "purpose=archive"];
    open.extend(WITH_KEK);
    assert_eq!(text(&place.run(&open, &archived).stdout), DOCUMENT);
}

#[test]
fn refusals_write_nothing() {
    let place = Place::new("reencrypt-refusals");
    let refused = |more: &[&str], input: &str, code: i32, what: &str| {
        let output = same_sides(&place, more, input);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), ""));
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
    };
    refused(&[], DOCUMENT, 1, "213");
    refused(&[], "{", 3, "300");
    refused(&["--in-place", "-"], DOCUMENT, 2, "--in-place needs a file");
    refused(&["--ndjson", "--resume"], "", 2, "--resume needs -o OUT");
    refused(&["--resume", "-o", "x"], "", 2, "--ndjson");
    refused(&["--ndjson", "--resume", "--on-error", "skip", "-o", "x"], "", 2, "cannot be used with");
    // A value that the new policy does not protect.
    std::fs::write(
        place.at("none.json"),
        r#"{"apiseal_policy":1,"id":"n","rules":[{"path":"$.x","bind":[],"occurs":"optional"}]}"#,
    )
    .unwrap();
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    let mut args = arguments(&["--from-policy", "policy.json", "--to-policy", "none.json"]);
    args.extend(CONTEXT);
    let output = place.run(&args, &sealed);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    assert!(text(&output.stderr).contains("226"), "{}", text(&output.stderr));
    args.push("--leave-clear");
    assert_eq!(text(&place.run(&args, &sealed).stdout), DOCUMENT);
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 5);
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let (place, clear) = rotated("dry-run", 40);
    let before = read(&place.at("old.ndjson"));
    let files = std::fs::read_dir(&place.0).unwrap().count();
    let counted = summary(&same_sides(&place, &["--ndjson", "--dry-run", "old.ndjson"], ""));
    let values = clear.matches("card").count();
    assert_eq!((&counted["documents"], &counted["values"]), (&values.into(), &values.into()));
    assert_eq!((&counted["failed"], &counted["to"]), (&0.into(), &serde_json::json!({"new": values})));
    assert_eq!(counted["from"].as_object().unwrap().len(), 1);
    // Failed lines are counted and told.
    let output = same_sides(&place, &["--ndjson", "--dry-run"], &(before.clone() + "{\"id\": 1}\n"));
    assert_eq!(output.status.code(), Some(1));
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&counted["failed"], &counted["values"]), (&1.into(), &values.into()));
    let one = same_sides(&place, &["--dry-run"], before.lines().next().unwrap());
    assert_eq!(summary(&one)["documents"], 1);
    assert!(read(&place.at("old.ndjson")) == before);
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), files);
}

#[test]
fn streams_are_replaced_whole() {
    let (place, clear) = rotated("stream", 300);
    let counted = summary(&same_sides(&place, &["--ndjson", "--in-place", "old.ndjson"], ""));
    assert_eq!(counted["documents"], clear.matches("card").count());
    check_new(&place, "old.ndjson", &clear);
}

fn start(place: &Place, more: &[&str]) -> Child {
    let mut args = arguments(&["--policy", "policy.json"]);
    args.extend(CONTEXT);
    args.extend(more);
    Command::new(env!("CARGO_BIN_EXE_apiseal"))
        .args(args)
        .current_dir(&place.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_is_lost_whenever_a_run_is_killed() {
    let (place, clear) = rotated("killed", 30_000);
    let before = read(&place.at("old.ndjson"));
    let resume = ["--ndjson", "--resume", "-o", "new.ndjson", "old.ndjson"];
    let (mut kills, mut pause, mut seen) = (0, Duration::from_millis(3), 0);
    // Each run is killed a little later than the last, until one comes to its end.
    loop {
        let mut run = start(&place, &resume);
        let killed_at = Instant::now() + pause;
        let ended = loop {
            if let Some(status) = run.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() >= killed_at {
                run.kill().unwrap();
                run.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(read(&place.at("old.ndjson")) == before, "the input is never touched");
        if let Some(status) = ended {
            assert_eq!(status.code(), Some(0));
            break;
        }
        if place.at("new.ndjson").exists() {
            // Killed between the last step and its end.
            break;
        }
        let done = std::fs::read(place.at("new.ndjson.part")).unwrap_or_default();
        let lines = done.iter().filter(|byte| **byte == b'\n').count();
        assert!(lines >= seen, "what was done stays");
        seen = lines;
        kills += 1;
        pause += Duration::from_millis(7);
    }
    assert!(kills > 3, "{kills}");
    assert!(!place.at("new.ndjson.part").exists());
    check_new(&place, "new.ndjson", &clear);
}

#[test]
fn a_run_goes_on_only_behind_what_was_made_of_its_input() {
    let (place, clear) = rotated("goes-on", 60);
    let old = read(&place.at("old.ndjson"));
    // A line that fails stops the run; what is done stays.
    let broken: String = old
        .split_inclusive('\n')
        .enumerate()
        .map(|(at, line)| if at == 30 { "{\"id\": 31}\n".to_owned() } else { line.to_owned() })
        .collect();
    std::fs::write(place.at("work.ndjson"), &broken).unwrap();
    let resume = ["--ndjson", "--resume", "--in-place", "work.ndjson"];
    let stopped = same_sides(&place, &resume, "");
    assert_eq!((stopped.status.code(), text(&stopped.stdout)), (Some(1), String::new()));
    let told = text(&stopped.stderr);
    assert!(
        told.contains("line 31") && told.contains("stopped at line 31") && told.contains("--resume"),
        "{told}"
    );
    assert!(read(&place.at("work.ndjson")) == broken);
    let part = read(&place.at("work.ndjson.part"));
    assert_eq!(part.lines().count(), 30);

    // Another input is noticed, and so is a shorter one.
    for other in [
        text(&place.crypt("encrypt", &["--ndjson"], &(record(7) + &clear)).stdout),
        old.lines().take(9).collect(),
    ] {
        std::fs::write(place.at("work.ndjson"), other).unwrap();
        let refused = same_sides(&place, &resume, "");
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("was not made of this input"), "{}", text(&refused.stderr));
    }
    // The line is mended, a half line of a killed run is cut off, and the run comes to its end.
    std::fs::write(place.at("work.ndjson"), &old).unwrap();
    std::fs::write(place.at("work.ndjson.part"), part + "{\"id\": 31, \"ca").unwrap();
    let done = same_sides(&place, &resume, "");
    assert!(text(&done.stderr).contains("going on behind line 30"));
    let rest = clear.split_inclusive('\n').skip(30).filter(|line| line.contains("card")).count();
    assert_eq!(summary(&done)["to"]["new"], rest);
    check_new(&place, "work.ndjson", &clear);
}

#[test]
fn single_positions_are_opened_and_refusals_explained() {
    let place = Place::new("only");
    let policy = r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card.number","bind":["$.id"]},{"path":"$.total","bind":[]}]}"#;
    std::fs::write(place.at("policy.json"), policy).unwrap();
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    let only = text(&place.crypt("decrypt", &["--only", "$.total"], &sealed).stdout);
    assert!(only.contains("\"total\": 1.10") && only.contains("as1.") && !only.contains("4111"));
    let refused = place.crypt("encrypt", &["--only", "$.total"], DOCUMENT);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(place.crypt("decrypt", &["--only", "$.id"], &sealed).status.code(), Some(1));

    let mut args = vec!["diagnose", "--keyring", "ring.json", "--policy", "policy.json"];
    args.extend(WITH_KEK);
    args.extend(["--context", "purpose=orders", "--candidate", "purpose=orders,tenant=evil"]);
    args.extend(["--candidate", "purpose=orders,tenant=acme"]);
    let told = place.run(&args, &sealed);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let lines: Vec<Value> =
        text(&told.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["path"], "$['card']['number']");
    assert_eq!(
        (&lines[0]["stage"], &lines[0]["candidate"]),
        (&"commitment".into(), &"purpose=orders,tenant=acme".into())
    );
}

#[test]
fn an_input_that_was_changed_between_runs_is_noticed() {
    let (place, clear) = rotated("changed", 20);
    let old = read(&place.at("old.ndjson"));
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let resume = ["--ndjson", "--resume", "--in-place", "work.ndjson"];
    let broken = "{\"id\": 31}\n";
    let stop_behind = |done: &str| {
        let _ = std::fs::remove_file(place.at("work.ndjson.part"));
        let _ = std::fs::remove_file(place.at("work.ndjson.part.read"));
        std::fs::write(place.at("work.ndjson"), format!("{done}{broken}")).unwrap();
        assert_eq!(same_sides(&place, &resume, "").status.code(), Some(1));
    };
    let refused = |input: &str, line: &str| {
        std::fs::write(place.at("work.ndjson"), input).unwrap();
        let part = std::fs::read(place.at("work.ndjson.part")).unwrap();
        let output = same_sides(&place, &resume, "");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(line), "{}", text(&output.stderr));
        assert!(read(&place.at("work.ndjson")) == input);
        assert!(std::fs::read(place.at("work.ndjson.part")).unwrap() == part);
    };
    // The same line three times: one more before them, and the last that was done still seems to fit.
    let thrice = lines[0].repeat(3);
    stop_behind(&thrice);
    refused(&format!("{}{thrice}{}", lines[1], lines[2]), "line 1");
    // A blank line fits everywhere.
    stop_behind(&format!("{}{}\n", lines[0], lines[1]));
    refused(&format!("{}{}\n{}", lines[6], lines[7], lines[8]), "line 1");
    // One that was done is another one now.
    stop_behind(&lines[..10].concat());
    refused(&old.replacen("\"total\": 1.10", "\"total\": 1.20", 1), "line 1");
    // The line is mended, and those behind it may change too.
    std::fs::write(place.at("work.ndjson"), &old).unwrap();
    assert_eq!(same_sides(&place, &resume, "").status.code(), Some(0));
    check_new(&place, "work.ndjson", &clear);
    assert!(!place.at("work.ndjson.part.read").exists());
}

#[test]
fn a_run_goes_on_behind_lines_without_protected_values() {
    let place = Place::new("optional");
    let policy = r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card.number","bind":["$.id"],"occurs":"optional"}]}"#;
    std::fs::write(place.at("policy.json"), policy).unwrap();
    let sealed = text(&place.crypt("encrypt", &["--ndjson"], DOCUMENT).stdout);
    for without in ["{\"id\": 8}\n", "\n", "{\"id\": 8}\n \r\n"] {
        let input = format!("{sealed}{without}{{\"card\":{{\"number\":1}}}}\n{sealed}");
        std::fs::write(place.at("in"), input).unwrap();
        let resume = ["--ndjson", "--resume", "-o", "out", "in"];
        assert_eq!(same_sides(&place, &resume, "").status.code(), Some(1));
        std::fs::write(place.at("in"), format!("{sealed}{without}{sealed}")).unwrap();
        let done = same_sides(&place, &resume, "");
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert_eq!(
            text(&place.crypt("decrypt", &["--ndjson", "out"], "").stdout),
            format!("{DOCUMENT}{without}{DOCUMENT}")
        );
    }
}

#[test]
fn a_value_that_is_left_in_clear_does_not_break_its_line() {
    let place = Place::new("line-break");
    std::fs::write(
        place.at("none.json"),
        r#"{"apiseal_policy":1,"id":"n","rules":[{"path":"$.x","bind":[],"occurs":"optional"}]}"#,
    )
    .unwrap();
    let sealed =
        text(&place.crypt("encrypt", &[], &DOCUMENT.replace("\"4111111111111111\"", "[1,\n2]")).stdout);
    let mut args = arguments(&["--from-policy", "policy.json", "--to-policy", "none.json", "--leave-clear"]);
    args.extend(CONTEXT);
    args.push("--ndjson");
    let output = place.run(&args, &sealed);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), String::new()));
    assert!(text(&output.stderr).contains("line 1: "), "{}", text(&output.stderr));
}

#[test]
fn files_that_no_run_has_left_are_not_touched() {
    let (place, _) = rotated("foreign", 20);
    let old = read(&place.at("old.ndjson"));
    let refused = |input: &str, what: &str, content: &str| {
        std::fs::write(place.at("new.part"), content).unwrap();
        let output = same_sides(&place, &["--ndjson", "--resume", "-o", "new", input], "");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
        assert!(read(&place.at("new.part")) == content && !place.at("new").exists());
        assert!(!place.at("new.part.read").exists());
    };
    for content in ["half a line", "a line\nand half a line", &old] {
        refused("old.ndjson", "was not made by a run with --resume", content);
    }
    // The input itself would be taken for what is done.
    refused("new.part", "is the input", &format!("{old}\n"));
    refused("./new.part", "is the input", &(old.clone() + "{"));
}
