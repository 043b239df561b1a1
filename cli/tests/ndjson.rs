//! `--ndjson` as a user runs it: order, failed lines, exit codes, closed pipes, kills, memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use place::{ENCRYPT, Place, WITH_KEK, read, text};

fn record(number: usize) -> String {
    format!("{{\"id\": {number}, \"card\": {{\"number\": \"4111-{number:06}\"}}, \"total\": 1.10}}")
}

fn records(count: usize) -> String {
    (1..=count).map(|number| record(number) + "\n").collect()
}

/// Every sort of line that does not fail.
fn all_sorts(count: usize) -> String {
    let mut lines = String::new();
    for number in 1..=count {
        lines.push_str(&match number % 7 {
            2 => "\n".to_owned(),
            3 => " \t\r\n".to_owned(),
            4 => record(number) + "\r\n",
            5 => format!("  {} \n", record(number)),
            _ => record(number) + "\n",
        });
    }
    lines + &record(0)
}

trait Ndjson {
    fn ndjson(&self, verb: &str, more: &[&str], input: &str) -> Output;
    fn start(&self, verb: &str, more: &[&str], stdin: Stdio, stdout: Stdio) -> Child;
}

impl Ndjson for Place {
    /// Files stand in for pipes, so that neither side waits for the other.
    fn ndjson(&self, verb: &str, more: &[&str], input: &str) -> Output {
        std::fs::write(self.at("stdin"), input).unwrap();
        let stdin = std::fs::File::open(self.at("stdin")).unwrap();
        self.start(verb, more, stdin.into(), Stdio::piped()).wait_with_output().unwrap()
    }

    fn start(&self, verb: &str, more: &[&str], stdin: Stdio, stdout: Stdio) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apiseal"));
        command.arg(verb).args(&ENCRYPT[1..]).arg("--ndjson").args(more).current_dir(&self.0);
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn assert_fails(output: &Output, code: i32, lines: &[&str]) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.len(), lines.len(), "{told:?}");
    for (told, part) in told.iter().zip(lines) {
        assert!(told.starts_with("apiseal: ") && told.contains(part), "`{part}` is not in: {told}");
    }
}

#[test]
fn lines_come_back_byte_for_byte_and_in_order() {
    let place = Place::new("lines");
    let clear = all_sorts(3000);
    for threads in ["1", "2", "5"] {
        let sealed = place.ndjson("encrypt", &["--threads", threads], &clear);
        assert_eq!((sealed.status.code(), text(&sealed.stderr)), (Some(0), String::new()));
        let sealed = text(&sealed.stdout);
        assert_eq!(sealed.matches("as1.").count(), clear.matches("4111-").count());
        assert!(!sealed.contains("4111-"));
        let opened = place.ndjson("decrypt", &["--threads", threads], &sealed);
        assert_eq!((opened.status.code(), text(&opened.stderr)), (Some(0), String::new()));
        assert!(text(&opened.stdout) == clear);
    }
    for none in ["", "\n", "\r\n\n"] {
        let output = place.ndjson("encrypt", &[], none);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), none.to_owned()));
    }
}

#[test]
fn failed_lines_are_left_out_and_told_by_number() {
    let place = Place::new("failed");
    let (one, two) = (record(1), record(2));
    let clear = format!("{one}\n{{\"id\":\n\n{{\"id\":5}}\r\n{two}");
    let sealed = place.ndjson("encrypt", &[], &clear);
    let lines = [
        "line 2: the document is not well-formed",
        "line 4: a required rule matched nothing",
        "2 of 5 lines",
    ];
    assert_fails(&sealed, 1, &lines);
    let kept = format!("{one}\n\n{two}");
    assert_eq!(text(&place.ndjson("decrypt", &[], &text(&sealed.stdout)).stdout), kept);

    let quiet = place.ndjson("encrypt", &["--quiet"], &clear);
    assert_fails(&quiet, 1, &["2 of 5 lines failed and are left out"]);

    let stopped = place.ndjson("encrypt", &["--on-error", "stop"], &clear);
    assert_fails(&stopped, 3, &["line 2: ", "stopped at line 2"]);
    assert_eq!(text(&place.ndjson("decrypt", &[], &text(&stopped.stdout)).stdout), format!("{one}\n"));
}

#[test]
fn the_gravest_line_gives_the_exit_code() {
    let place = Place::new("gravest");
    let sealed = text(&place.ndjson("encrypt", &[], &records(1)).stdout);
    let rejected = sealed.replace("\"id\": 1", "\"id\": 2");
    let kid = sealed.split("as1.").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let unknown = sealed.replace(&format!("as1.{kid}."), "as1.nobody.");
    for (lines, code) in [
        (vec!["{\n", sealed.as_str()], 3),
        (vec![sealed.as_str(), rejected.as_str()], 1),
        (vec![unknown.as_str()], 2),
        (vec!["{\n", unknown.as_str(), "{\n"], 2),
        (vec![rejected.as_str(), "{\n", unknown.as_str()], 1),
        (vec![unknown.as_str(), "{\n", rejected.as_str()], 1),
    ] {
        let output = place.ndjson("decrypt", &["--quiet"], &lines.concat());
        assert_eq!(output.status.code(), Some(code), "{lines:?}");
    }
}

/// A protected value of several lines stands in one line of NDJSON; its clear text does not.
#[test]
fn a_line_that_would_become_two_is_refused() {
    let place = Place::new("two");
    let document = "{\"id\": 1, \"card\": {\"number\": {\n}}}";
    let sealed = text(&place.crypt("encrypt", &[], document).stdout);
    assert!(!sealed.contains('\n'));
    let with_tenant = ["--context", "tenant=acme"];
    let opened = place.ndjson("decrypt", &with_tenant, &sealed);
    assert_fails(&opened, 3, &["line 1: the document would be more than one line", "1 of 1 lines"]);
    assert!(opened.stdout.is_empty());
}

/// Every other line would fail as well: there is no use in a million messages.
#[test]
fn what_concerns_every_line_stops_the_run() {
    let place = Place::new("every");
    let new = ["keys", "new", "--keyring", "scoped.json", "--scope", "tenant=acme"];
    assert_eq!(place.run(&[&new[..], &WITH_KEK[..]].concat(), "").status.code(), Some(0));
    std::fs::rename(place.at("scoped.json"), place.at("ring.json")).unwrap();
    let output = place.ndjson("encrypt", &[], &records(100));
    assert_fails(&output, 2, &["line 1: no primary key fits the context", "stopped at line 1"]);
}

#[test]
fn files_appear_whole_and_nothing_is_lost_in_place() {
    let place = Place::new("files");
    let good = records(500);
    let bad = good.replace(&record(77), "{").replace(&record(300), "{\"id\":300}");
    std::fs::write(place.at("good"), &good).unwrap();
    std::fs::write(place.at("bad"), &bad).unwrap();
    let run = |verb: &str, args: &[&str]| place.ndjson(verb, args, "");
    let names = || std::fs::read_dir(&place.0).unwrap().count();

    assert_eq!(run("encrypt", &["-o", "sealed", "good"]).status.code(), Some(0));
    assert_eq!(run("decrypt", &["--in-place", "sealed"]).status.code(), Some(0));
    assert!(read(&place.at("sealed")) == good);

    // Skipped lines are missing from a new file, and the exit code says so.
    assert_fails(&run("encrypt", &["--quiet", "-o", "most", "bad"]), 1, &["2 of 500 lines failed"]);
    assert_eq!(read(&place.at("most")).lines().count(), 498);

    // A run that stops makes no file, and an old one stays.
    let before = names();
    assert_fails(
        &run("encrypt", &["--on-error", "stop", "-o", "new", "bad"]),
        3,
        &["line 77", "stopped at line 77"],
    );
    let stopped = run("encrypt", &["--on-error", "stop", "-o", "good", "bad"]);
    assert_fails(&stopped, 3, &["line 77", "stopped at line 77; good stays as it was"]);
    assert!(read(&place.at("good")) == good);

    // Nor does one of which no line is left.
    let nothing = place.ndjson("encrypt", &["--quiet", "-o", "good"], &"{\n\n".repeat(3));
    assert_fails(&nothing, 3, &["3 of 6 lines failed; good stays as it was"]);
    assert!(read(&place.at("good")) == good);

    // In place nothing is lost, whether it is said or not.
    std::os::unix::fs::symlink("bad", place.at("link")).unwrap();
    let in_place: [&[&str]; 5] = [
        &["--in-place", "bad"],
        &["--in-place", "link"],
        &["--on-error", "skip", "--in-place", "bad"],
        &["-o", "bad", "bad"],
        &["-o", "./link", "bad"],
    ];
    for args in in_place {
        let output = run("encrypt", &[args, &["--quiet"]].concat());
        assert_fails(&output, 1, &["2 of 500 lines failed; "]);
        assert!(text(&output.stderr).contains("stays as it was"));
        assert!(read(&place.at("bad")) == bad);
    }
    let stopped = run("encrypt", &["--on-error", "stop", "--in-place", "bad"]);
    assert_fails(&stopped, 3, &["line 77", "stopped at line 77; bad stays as it was"]);
    assert_eq!(names(), before + 1, "only the link is new");
}

#[cfg(unix)]
#[test]
fn an_input_under_another_name_is_replaced_only_if_no_line_fails() {
    let place = Place::new("ndjson-same");
    let bad = format!("{}\n{{}}\n{}\n", record(1), record(3));
    std::fs::write(place.at("bad"), &bad).unwrap();
    std::fs::hard_link(place.at("bad"), place.at("twin")).unwrap();
    for (input, output) in [("bad", "bad"), ("twin", "bad")] {
        let mut args = vec!["encrypt", "--keyring", "ring.json", "--policy", "policy.json", "--ndjson"];
        args.extend(WITH_KEK);
        args.extend(["--context", "purpose=orders", "-o", output]);
        // Standard input is the file itself, as with `< bad`.
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_apiseal"))
            .args(&args)
            .current_dir(&place.0)
            .stdin(std::fs::File::open(place.at(input)).unwrap())
            .output()
            .unwrap();
        assert_fails(&done, 1, &["line 2: ", "1 of 3 lines failed; bad stays as it was"]);
        assert!(read(&place.at("bad")) == bad);
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    let place = Place::new("usage");
    for (args, message) in [
        (&["--threads", "0"][..], "--threads"),
        (&["--threads", "1025"], "--threads"),
        (&["--on-error", "ignore"], "--on-error"),
        (&["--quiet", "--progress"], "--progress"),
        (&["--in-place", "-"], "--in-place"),
        (&["--in-place", "/dev/null"], "regular file"),
    ] {
        let output = place.ndjson("encrypt", args, &records(3));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(message) && output.stdout.is_empty(), "{args:?}");
    }
    // The options of streams belong to streams.
    for option in [&["--threads", "2"][..], &["--on-error", "skip"], &["--progress"], &["--quiet"]] {
        let output = place.crypt("encrypt", option, "{}");
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(text(&output.stderr).contains("--ndjson"));
    }
    assert_fails(&place.ndjson("encrypt", &["missing"], ""), 4, &["missing"]);
    assert_fails(&place.ndjson("encrypt", &["."], ""), 4, &["."]);
}

/// A consumer that reads nothing but a line at a time gets it while the input goes on.
#[test]
fn a_line_comes_out_before_the_next_goes_in() {
    let place = Place::new("wire");
    for threads in ["1", "2", "4"] {
        let mut child = place.start("encrypt", &["--threads", threads], Stdio::piped(), Stdio::piped());
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for number in 0..20 {
            input.write_all((record(number) + "\n").as_bytes()).unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert!(line.starts_with(&format!("{{\"id\": {number}, ")) && line.ends_with("}\n"));
        }
        drop(input);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let place = Place::new("head");
    std::fs::write(place.at("many"), records(20_000)).unwrap();
    for threads in ["1", "2", "4"] {
        let many = std::fs::File::open(place.at("many")).unwrap();
        let mut child = place.start("encrypt", &["--threads", threads], many.into(), Stdio::piped());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("as1."));
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));

        // The input may stay open and silent for ever: nobody waits for it.
        let mut child = place.start("encrypt", &["--threads", threads], Stdio::piped(), Stdio::piped());
        drop(child.stdout.take());
        let mut input = child.stdin.take().unwrap();
        input.write_all(records(1).as_bytes()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        drop(input);
    }
    // A line that failed before is not forgotten.
    let many = std::fs::File::open(place.at("many")).unwrap();
    let mut child = place.start("decrypt", &["--quiet"], many.into(), Stdio::piped());
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn progress_is_told_where_it_is_wanted() {
    let place = Place::new("progress");
    let input = records(200);
    let told = text(&place.ndjson("encrypt", &["--progress"], &input).stderr);
    assert!(told.starts_with("apiseal: 200 lines, ") && told.contains(" MB/s, 0 failed"), "{told}");
    assert_eq!(told.lines().count(), 1);
    assert!(place.ndjson("encrypt", &[], &input).stderr.is_empty());
}

/// On a terminal the state is written over; a report gets a line of its own.
#[cfg(target_os = "linux")]
#[test]
fn progress_is_shown_on_a_terminal() {
    let place = Place::new("terminal");
    let fifo = place.at("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let shown = |options: &str, stdout: &str| {
        let command = format!(
            "{} {} --ndjson {options} fifo {stdout}",
            env!("CARGO_BIN_EXE_apiseal"),
            ENCRYPT.join(" ")
        );
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(&place.0).stdin(Stdio::null());
        let child = script.stdout(Stdio::piped()).spawn().ok()?;
        let mut input = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        for number in 1..=4 {
            std::thread::sleep(std::time::Duration::from_millis(300));
            let line = if number == 3 { "{".to_owned() } else { record(number) };
            input.write_all((line + "\n").as_bytes()).unwrap();
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        Some(text(&output.stdout))
    };
    let Some(terminal) = shown("", "> out") else { return };
    assert!(terminal.contains("\r1 lines, ") && terminal.contains("\x1b[K"), "{terminal:?}");
    assert!(terminal.contains("\x1b[Kapiseal: line 3: "), "{terminal:?}");
    assert!(
        terminal.contains("apiseal: 4 lines, ") && terminal.contains("1 of 4 lines failed"),
        "{terminal:?}"
    );
    // Not among the output, and not for those who want quiet.
    assert!(!shown("", "").unwrap().contains("lines/s"));
    let quiet = shown("--quiet", "> out").unwrap();
    assert!(!quiet.contains("lines/s") && !quiet.contains("line 3"), "{quiet:?}");
}

/// Kills at all sorts of moments; what they leave is whole lines, and as a file all of them or none.
#[cfg(unix)]
#[test]
fn a_kill_leaves_no_half_lines() {
    let place = Place::new("kill");
    let clear = records(30_000);
    std::fs::write(place.at("clear"), &clear).unwrap();
    assert_eq!(place.ndjson("encrypt", &["-o", "sealed", "clear"], "").status.code(), Some(0));
    std::fs::write(place.at("old"), "old").unwrap();
    let killed_after = |child: &mut Child, round: u64| {
        std::thread::sleep(std::time::Duration::from_micros(round * 1373 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let (mut cut_short, mut not_written) = (0, 0);
    for round in 0..40 {
        // A pipe whose reader is slow, so that the command is killed while it writes.
        let mut child = place.start("decrypt", &["--threads", "2", "sealed"], Stdio::null(), Stdio::piped());
        let mut pipe = child.stdout.take().unwrap();
        let mut seen = vec![0; 1 + round as usize * 997];
        let len = pipe.read(&mut seen).unwrap();
        seen.truncate(len);
        killed_after(&mut child, round);
        pipe.read_to_end(&mut seen).unwrap();
        assert!(seen.ends_with(b"\n") && clear.as_bytes().starts_with(&seen), "round {round}");
        cut_short += usize::from(seen.len() < clear.len());

        // A file in the making is not there yet, and one that was there stays.
        for (name, old) in [("new", None), ("old", Some("old"))] {
            let args = ["--threads", "2", "-o", name, "sealed"];
            let mut child = place.start("decrypt", &args, Stdio::null(), Stdio::null());
            killed_after(&mut child, round);
            let seen = std::fs::read_to_string(place.at(name)).ok();
            if seen.as_deref() == old {
                not_written += 1;
            } else {
                assert!(seen.unwrap() == clear, "round {round}: {name} is neither old nor whole");
                let _ = std::fs::remove_file(place.at(name));
                if let Some(old) = old {
                    std::fs::write(place.at(name), old).unwrap();
                }
            }
        }
    }
    assert!(cut_short > 30 && not_written > 0, "the kills come in time: {cut_short}, {not_written}");
}

/// On standard output to a file the system may cut the last write: what is there is a beginning of the result, and a line
/// that was cut lacks its line end.
#[cfg(unix)]
#[test]
fn a_kill_leaves_a_beginning_of_the_result_in_a_redirected_file() {
    let place = Place::new("redirect");
    let clear = records(30_000);
    let sealed = place.ndjson("encrypt", &[], &clear);
    std::fs::write(place.at("sealed"), &sealed.stdout).unwrap();
    let (mut cut_short, mut half) = (0, 0);
    for round in 0..60_u64 {
        let out = std::fs::File::create(place.at("out")).unwrap();
        let mut child = place.start("decrypt", &["--threads", "2", "sealed"], Stdio::null(), out.into());
        while std::fs::metadata(place.at("out")).unwrap().len() == 0 && child.try_wait().unwrap().is_none() {}
        std::thread::sleep(std::time::Duration::from_micros(round * 1373 % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let seen = read(&place.at("out"));
        assert!(clear.starts_with(&seen), "round {round}");
        cut_short += u32::from(seen.len() < clear.len());
        half += u32::from(!seen.is_empty() && !seen.ends_with('\n'));
    }
    println!("{cut_short} of 60 runs were killed in time; {half} left a line without its end");
    assert!(cut_short > 10, "the kills come in time: {cut_short}");
}

/// The peak is read while the command waits for more: after a megabyte it is what it will be after six.
#[cfg(target_os = "linux")]
#[test]
fn lesson_f20_the_peak_memory_of_a_stream_does_not_grow() {
    const LINES: usize = 1 << 14;
    let place = Place::new("memory");
    let clear = records(LINES);
    let sealed = text(&place.ndjson("encrypt", &[], &clear).stdout);
    let runs = [
        ("encrypt", &clear, "1"),
        ("encrypt", &clear, "2"),
        ("decrypt", &sealed, "1"),
        ("decrypt", &sealed, "2"),
    ];
    for (verb, round, threads) in runs {
        let mut child = place.start(verb, &["--threads", threads], Stdio::piped(), Stdio::piped());
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, ends) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let len @ 1.. = output.read(&mut buffer).unwrap() {
                sender.send(buffer[..len].iter().filter(|byte| **byte == b'\n').count()).unwrap();
            }
        });
        let mut peak_after = |rounds: usize| {
            for _ in 0..rounds {
                input.write_all(round.as_bytes()).unwrap();
            }
            let mut seen = 0;
            while seen < rounds * LINES {
                seen += ends.recv().unwrap();
            }
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
        };
        let (first, last) = (peak_after(1), peak_after(5));
        println!("{verb}, {threads} threads: {first} KiB, then {last} KiB");
        assert!(last < first + 2048, "{verb}, {threads} threads: {first} KiB grew to {last} KiB");
        drop(input);
        reader.join().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
