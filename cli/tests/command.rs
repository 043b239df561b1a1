//! The command as a user runs it: files, pipes, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::io::Write;
use std::process::{Command, Output, Stdio};

#[cfg(unix)]
use place::ENCRYPT;
use place::{DOCUMENT, POLICY, Place, WITH_KEK, read, text};

#[test]
fn pipes_files_and_in_place() {
    let place = Place::new("pipes");
    let sealed = place.crypt("encrypt", &[], DOCUMENT);
    assert_eq!((sealed.status.code(), text(&sealed.stderr)), (Some(0), String::new()));
    let sealed = text(&sealed.stdout);
    assert!(sealed.contains("as1.") && !sealed.contains("4111"));
    assert_eq!(text(&place.crypt("decrypt", &["-"], &sealed).stdout), DOCUMENT);

    assert_eq!(place.crypt("encrypt", &["-o", "out.json", "document.json"], "").status.code(), Some(0));
    assert_eq!(place.crypt("decrypt", &["--in-place", "out.json"], "").status.code(), Some(0));
    assert_eq!(read(&place.at("out.json")), DOCUMENT);

    // A refused document leaves the file as it was, and nothing beside it.
    assert_eq!(place.crypt("decrypt", &["--in-place", "document.json"], "").status.code(), Some(1));
    assert_eq!(read(&place.at("document.json")), DOCUMENT);
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 5);
}

#[cfg(unix)]
#[test]
fn in_place_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new("links");
    std::fs::set_permissions(place.at("document.json"), std::fs::Permissions::from_mode(0o644)).unwrap();
    symlink("document.json", place.at("link.json")).unwrap();
    assert_eq!(place.crypt("encrypt", &["--in-place", "link.json"], "").status.code(), Some(0));
    assert!(std::fs::symlink_metadata(place.at("link.json")).unwrap().is_symlink());
    assert!(read(&place.at("document.json")).contains("as1."));
    assert_eq!(std::fs::metadata(place.at("document.json")).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(place.crypt("decrypt", &["-o", "clear.json", "link.json"], "").status.code(), Some(0));
    assert_eq!(std::fs::metadata(place.at("clear.json")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn exit_codes_and_messages() {
    let place = Place::new("codes");
    let fails = |output: Output, code: i32, message: &str| {
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
        let error = text(&output.stderr);
        assert!(error.contains(message), "`{message}` is not in: {error}");
    };
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    fails(
        place.crypt("decrypt", &[], &sealed.replace("\"id\": 7", "\"id\": 8")),
        1,
        "apiseal: rejected [501]",
    );
    fails(place.crypt("decrypt", &[], DOCUMENT), 1, "not encrypted, at $['card']['number'] [213]");
    fails(place.crypt("encrypt", &[], "{\"id\":1}"), 1, "$.card.number");
    fails(place.crypt("encrypt", &[], "{\"id\":}"), 3, "at byte 6");
    fails(place.crypt("decrypt", &[], &sealed.replace("as1.k-", "as1.k.")), 3, "[500]");
    fails(place.crypt("encrypt", &["missing.json"], ""), 4, "missing.json");
    fails(place.crypt("encrypt", &["--context", "oops"], DOCUMENT), 2, "NAME=VALUE");
    // What was typed may be a secret in the wrong place.
    let typed = place.crypt("encrypt", &["--context", "hunter2"], DOCUMENT);
    assert!(!text(&typed.stderr).contains("hunter2"));
    fails(typed, 2, "number 3");
    let typed = place
        .run(&[&["keys", "new", "--keyring", "x.json", "--scope", "hunter2"], &WITH_KEK[..]].concat(), "");
    assert!(!text(&typed.stderr).contains("hunter2"));
    fails(typed, 2, "--scope");
    fails(place.crypt("encrypt", &["--in-place", "-"], DOCUMENT), 2, "--in-place");
    let list = |keyring| place.run(&[&["keys", "list", "--keyring", keyring], &WITH_KEK[..]].concat(), "");
    fails(list("missing.json"), 4, "missing.json");
    fails(list("."), 4, "not a regular file");
    fails(
        place.run(&[&["keys", "new", "--keyring", "no/such/ring.json"], &WITH_KEK[..]].concat(), ""),
        4,
        "no/such",
    );
    fails(place.crypt("encrypt", &["--context", "tenant=b"], DOCUMENT), 2, "stands twice");
    fails(place.run(&["encrypt", "--keyring", "ring.json"], DOCUMENT), 2, "--policy");
    fails(place.run(&["locate", "$["], DOCUMENT), 2, "JSONPath");
    std::fs::write(place.at("policy.json"), POLICY.replace("bind", "bnid")).unwrap();
    fails(place.crypt("encrypt", &[], DOCUMENT), 2, "did you mean `bind`?");
}

#[test]
fn keyrings_are_made_listed_and_shown() {
    let place = Place::new("keys");
    let unlock = ["--keyring", "ring.json", "--wrapping-key-file", "kek"];
    let list = text(&place.run(&[&["keys", "list"], &unlock[..]].concat(), "").stdout);
    assert!(
        list.contains(r#""purpose":"seal","suite":"aes-256-gcm","state":"active","primary":true"#),
        "{list}"
    );
    let kid = list.split('"').nth(3).unwrap();
    let show = place.run(&[&["keys", "show", kid], &unlock[..]].concat(), "");
    assert_eq!(text(&show.stdout), list);
    assert_eq!(place.run(&[&["keys", "show", "nobody"], &unlock[..]].concat(), "").status.code(), Some(2));

    let again = place.run(&[&["keys", "new"], &unlock[..]].concat(), "");
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("not overwritten"));

    let other_name = place.run(&[&["keys", "list", "--ring", "staging"], &unlock[..]].concat(), "");
    assert_eq!(other_name.status.code(), Some(2));
    let no_terminal = place.run(&["keys", "list", "--keyring", "ring.json"], "");
    assert!(text(&no_terminal.stderr).contains("--passphrase-file"));
    let rolled_back = place.run(&[&["keys", "list", "--min-rev", "9"], &unlock[..]].concat(), "");
    assert!(text(&rolled_back.stderr).contains("[407]"));
}

#[test]
fn passphrases_come_from_files_descriptors_and_the_environment() {
    let place = Place::new("passphrase");
    std::fs::write(place.at("pass"), "correct horse battery staple\n").unwrap();
    let new = [
        "keys",
        "new",
        "--keyring",
        "p.json",
        "--suite",
        "chacha20-poly1305",
        "--kid",
        "k1",
        "--scope",
        "tenant=acme",
    ];
    let made = place.run(&[&new[..], &["--passphrase-file", "pass"]].concat(), "");
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains(r#""scope":{"tenant":"acme"}"#));
    let list = ["keys", "list", "--keyring", "p.json"];
    assert_eq!(
        place
            .run(&[&list[..], &["--passphrase-fd", "0"]].concat(), "correct horse battery staple")
            .status
            .code(),
        Some(0)
    );
    let wrong = place.run(&[&list[..], &["--passphrase-fd", "0"]].concat(), "wrong");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("[406]"));
    let mut from_environment = Command::new(env!("CARGO_BIN_EXE_apiseal"));
    from_environment
        .args(list)
        .current_dir(&place.0)
        .env("APISEAL_PASSPHRASE", "correct horse battery staple");
    assert_eq!(from_environment.output().unwrap().status.code(), Some(0));

    let clear = place.run(&["keys", "new", "--keyring", "c.json", "--unsealed"], "");
    assert_eq!(clear.status.code(), Some(0));
    assert!(read(&place.at("c.json")).starts_with("{\"apiseal_keyring_clear\":1"));
    assert_eq!(place.run(&["keys", "list", "--keyring", "c.json", "--unsealed"], "").status.code(), Some(0));
    assert_eq!(
        place.run(&["keys", "list", "--keyring", "ring.json", "--unsealed"], "").status.code(),
        Some(2)
    );
}

#[test]
fn locate_prints_one_object_a_line() {
    let place = Place::new("locate");
    let found = text(&place.run(&["locate", "$..number"], DOCUMENT).stdout);
    let start = DOCUMENT.find("\"4111").unwrap();
    assert_eq!(
        found,
        format!("{{\"path\":\"$['card']['number']\",\"start\":{start},\"end\":{}}}\n", start + 18)
    );
    let nothing = place.run(&["locate", "$.nothing", "document.json"], "");
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(0), 0));
    let quoted = text(&place.run(&["locate", "$.*"], "{\"\\u0001\\\"\\n\":1}").stdout);
    assert_eq!(quoted, "{\"path\":\"$['\\\\u0001\\\"\\\\n']\",\"start\":14,\"end\":15}\n");
}

#[test]
fn lint_explains_and_finds_what_stays_in_clear() {
    let place = Place::new("lint");
    let sample = r#"{"id":1,"card":{"number":"4111111111111111"},"email":"a@b.c"}"#;
    std::fs::write(place.at("sample.json"), sample).unwrap();
    let lint = text(&place.run(&["policy", "lint", "policy.json", "sample.json"], "").stdout);
    assert!(lint.contains("encrypts $['card']['number']") && lint.contains("in clear: $['email']"), "{lint}");
    let json = text(&place.run(&["policy", "lint", "--json", "policy.json", "sample.json"], "").stdout);
    assert!(
        json.contains(r#""encrypts":["$['card']['number']"]"#) && json.contains(r#""path":"$['email']""#),
        "{json}"
    );
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    let place = Place::new("help");
    let help = text(&place.run(&["--help"], "").stdout);
    assert!(help.contains("Exit codes:"));
    for command in ["encrypt", "decrypt", "locate", "completion"] {
        assert!(text(&place.run(&[command, "--help"], "").stdout).contains("Example"), "{command}");
    }
    assert!(text(&place.run(&["completion", "bash"], "").stdout).contains("_apiseal"));
    let man = text(&place.run(&["man"], "").stdout);
    for shown in [".TH apiseal ", ".TH apiseal-encrypt ", ".TH apiseal-keys-add ", "in\\-place", "on\\-error"]
    {
        assert!(man.contains(shown), "{shown}");
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::new("pipe");
    let large = format!("{{\"list\":[{}]}}", vec!["1"; 300_000].join(","));
    std::fs::write(place.at("large.json"), large).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_apiseal"))
        .args(["locate", "$.list[*]", "large.json"])
        .current_dir(&place.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[cfg(unix)]
#[test]
fn a_document_that_is_cut_off_is_quiet_but_no_success() {
    let place = Place::new("cut");
    let large = DOCUMENT.replace("1.10", &format!("[{}]", vec!["1"; 300_000].join(",")));
    std::fs::write(place.at("large.json"), &large).unwrap();
    let sealed = place.crypt("encrypt", &["-o", "sealed.json", "large.json"], "");
    assert_eq!(sealed.status.code(), Some(0));
    for (verb, file) in [("encrypt", "large.json"), ("decrypt", "sealed.json")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apiseal"));
        command.arg(verb).args(&ENCRYPT[1..]).args(["--context", "tenant=acme", file]);
        command.current_dir(&place.0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(4), String::new()), "{verb}");
    }
}

#[test]
fn of_two_new_keyrings_one_is_made() {
    let place = Place::new("twice");
    for round in 0..10 {
        let keyring = format!("{round}.json");
        let start = |kid: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_apiseal"));
            command.args(["keys", "new", "--keyring", &keyring, "--kid", kid]).args(WITH_KEK);
            command.current_dir(&place.0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = ["k1", "k2", "k3"].into_iter().map(|kid| (kid, start(kid))).collect();
        let mut made = Vec::new();
        for (kid, child) in children {
            let output = child.wait_with_output().unwrap();
            match output.status.code() {
                Some(0) => made.push(kid),
                other => assert_eq!(other, Some(2), "{}", text(&output.stderr)),
            }
        }
        assert_eq!(made.len(), 1);
        let list = place.run(&[&["keys", "list", "--keyring", &keyring], &WITH_KEK[..]].concat(), "");
        assert!(text(&list.stdout).contains(&format!("\"kid\":\"{}\"", made[0])));
    }
}

#[test]
fn wrapping_keys_are_random_bytes() {
    let place = Place::new("kek");
    let in_environment = |value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apiseal"));
        command.args(["keys", "list", "--keyring", "ring.json"]).current_dir(&place.0);
        command.env("APISEAL_WRAPPING_KEY", value).output().unwrap()
    };
    let with_file = |key: &[u8]| {
        std::fs::write(place.at("key"), key).unwrap();
        place.run(&["keys", "list", "--keyring", "ring.json", "--wrapping-key-file", "key"], "")
    };
    let random = std::fs::read(place.at("kek")).unwrap();
    let base64 = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&random);
    let hexadecimal: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    for key in [&random[..], base64.as_bytes(), format!("{base64}\n").as_bytes(), hexadecimal.as_bytes()] {
        assert_eq!(with_file(key).status.code(), Some(0), "{key:?}");
    }
    assert_eq!(with_file(hexadecimal.to_uppercase().as_bytes()).status.code(), Some(0));
    for password in ["a password of exactly 32 letters", "correct horse battery staple 12\n"] {
        assert_eq!(password.len(), 32);
        let refused = with_file(password.as_bytes());
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("--passphrase-file"), "{}", text(&refused.stderr));
    }
    for wrong in [&random[1..], &hexadecimal.as_bytes()[1..], hexadecimal.replace('c', "g").as_bytes()] {
        assert_eq!(with_file(wrong).status.code(), Some(2));
    }
    assert_eq!(in_environment(&base64).status.code(), Some(0));
    for wrong in ["", "a password of exactly 32 letters", &hexadecimal, &base64[1..]] {
        let refused = in_environment(wrong);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("43 characters"), "{}", text(&refused.stderr));
    }
}

#[test]
fn redact_masks_what_it_can_read_and_shows_nothing_of_the_rest() {
    let place = Place::new("redact");
    let policy = POLICY.replace("\"bind\"", "\"mask\":{\"keep_last\":4},\"bind\"");
    std::fs::write(place.at("policy.json"), policy).unwrap();
    let redact = |more: &[&str], input: &str| {
        let output = place.run(&[&["redact", "--policy", "policy.json"], more].concat(), input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let masked = DOCUMENT.replace("4111111111111111", "****1111");
    let quiet = |output: &str| (Some(0), output.to_owned(), String::new());
    assert_eq!(redact(&[], DOCUMENT), quiet(&masked));
    assert_eq!(redact(&["document.json"], ""), quiet(&masked));
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    assert_eq!(redact(&["-"], &sealed), quiet(&DOCUMENT.replace("4111111111111111", "[redacted]")));
    assert_eq!(redact(&["-o", "out.json", "document.json"], ""), quiet(""));
    assert_eq!(redact(&["--in-place", "out.json"], ""), quiet(""));
    assert_eq!(read(&place.at("out.json")), DOCUMENT.replace("4111111111111111", "[redacted]"));

    // case_71: neither output nor message holds a byte of what cannot be read.
    let broken = r#"{"card": {"number": "4111-secret", "secret": 1, "secret": 2}}"#;
    for broken in [broken, "4111-secret", ""] {
        let (status, output, message) = redact(&[], broken);
        assert_eq!((status, output.as_str()), (Some(3), r#"{"redacted":"unreadable"}"#));
        assert!(message.contains("malformed") && !message.contains("secret"), "{message}");
    }
    std::fs::write(place.at("broken.json"), broken).unwrap();
    assert_eq!(redact(&["-o", "out.json", "broken.json"], "").0, Some(3));
    assert_eq!(read(&place.at("out.json")), r#"{"redacted":"unreadable"}"#);
    let (status, _, message) = redact(&["--in-place", "broken.json"], "");
    assert!(status == Some(3) && message.contains("stays as it was"), "{message}");
    assert_eq!(read(&place.at("broken.json")), broken);

    for wrong in [&["--in-place", "-"][..], &["--in-place"], &["--in-place", "-o", "x", "document.json"]] {
        assert_eq!(redact(wrong, "").0, Some(2), "{wrong:?}");
    }
    assert_eq!(redact(&["absent.json"], "").0, Some(4));
    assert_eq!(place.run(&["redact", "document.json"], "").status.code(), Some(2));
}

#[test]
fn inspect_counts_the_strings_of_each_key() {
    let place = Place::new("inspect");
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    std::fs::write(place.at("sealed.json"), &sealed).unwrap();
    let inspect = |args: &[&str], input: &str| {
        let output = place.run(&[&["inspect"], args].concat(), input);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let kid = sealed.split('.').nth(1).unwrap();
    let (start, end) = (sealed.find("\"as1").unwrap(), sealed.find("\"}").unwrap() + 1);
    let line = |authenticated: bool| {
        format!(
            "{{\"path\":\"$['card']['number']\",\"layout\":\"token\",\"part\":\"token\",\"kid\":\"{kid}\",\"suite\":\"aes-256-gcm\",\"mode\":\"exact\",\"token_len\":{},\"start\":{start},\"end\":{end},\"authenticated\":{authenticated}}}\n",
            end - start - 2,
        )
    };
    assert_eq!(inspect(&["sealed.json"], ""), (Some(0), line(false), String::new()));
    assert_eq!(inspect(&[], DOCUMENT), (Some(0), String::new(), String::new()));
    let keys = ["--keyring", "ring.json", "--wrapping-key-file", "kek", "--policy", "policy.json"];
    let verify =
        [&["--verify", "--context", "purpose=orders", "--context", "tenant=acme"], &keys[..]].concat();
    assert_eq!(inspect(&verify, &sealed), (Some(0), line(true), String::new()));
    let (status, output, _) = inspect(&verify, &sealed.replace("\"id\": 7", "\"id\": 8"));
    assert_eq!((status, output), (Some(1), String::new()));

    // Names are escaped, so that no document steers a terminal.
    let token = sealed.get(start..end).unwrap();
    let (_, output, _) = inspect(&[], &format!("{{\"\u{9b}31m\\u001b\\n\\\"\":{token}}}"));
    assert!(output.starts_with(r#"{"path":"$['\u009b31m\\u001b\\n\"']","#), "{output}");

    let total = format!(
        "{{\"kid\":\"{kid}\",\"tokens\":2,\"headers\":0,\"fields\":0,\"token_len\":{},\"authenticated\":0}}\n",
        2 * (end - start - 2)
    );
    let twice = format!("[{token},{token}]");
    assert_eq!(inspect(&["--summary"], &twice), (Some(0), total.clone(), String::new()));
    let (status, output, message) = inspect(&["--summary", "--fail-if-kid", kid], &twice);
    assert_eq!((status, output), (Some(1), total));
    assert!(message.contains("2 strings"), "{message}");
    assert_eq!(inspect(&["--fail-if-kid", "other"], &twice).0, Some(0));
    // Who has encrypted a field string without its header?
    let field = format!("[\"as1f.{}\"]", "A".repeat(60));
    let (status, output, message) = inspect(&["--fail-if-kid", "other"], &field);
    assert!(status == Some(1) && output.contains("\"kid\":null") && message.contains("header"), "{message}");

    for wrong in [&["--verify"][..], &keys, &["--fail-if-kid", "a.b"], &["--keyring", "ring.json"]] {
        assert_eq!(inspect(wrong, "{}").0, Some(2), "{wrong:?}");
    }
    assert_eq!(inspect(&[], "{").0, Some(3));
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_types_a_document_is_told() {
    let place = Place::new("terminal");
    // `script` runs the command on a terminal of its own.
    let command = format!("{} locate '$.a'", env!("CARGO_BIN_EXE_apiseal"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(&place.0);
    let Ok(mut child) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else { return };
    child.stdin.take().unwrap().write_all(b"{\"a\":1}\n\x04\x04").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).contains("from the terminal"), "{}", text(&output.stdout));
    assert!(place.run(&["locate", "$.a"], "{\"a\":1}").stderr.is_empty());
}
