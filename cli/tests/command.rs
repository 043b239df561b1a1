//! The command as a user runs it: files, pipes, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const POLICY: &str = r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card.number","bind":["$.id"]}]}"#;
const DOCUMENT: &str = "{\"id\": 7, \"card\": {\"number\": \"4111111111111111\"}, \"total\": 1.10}\n";

struct Place(PathBuf);

impl Place {
    /// A folder with a keyring under a wrapping key, a policy and a document.
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("apiseal-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let place = Place(folder);
        std::fs::write(place.at("policy.json"), POLICY).unwrap();
        std::fs::write(place.at("document.json"), DOCUMENT).unwrap();
        std::fs::write(place.at("kek"), [42; 32]).unwrap();
        let made = place.run(&["keys", "new", "--keyring", "ring.json", "--wrapping-key-file", "kek"], "");
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_apiseal"))
            .args(args)
            .current_dir(&self.0)
            .env_remove("APISEAL_PASSPHRASE")
            .env_remove("APISEAL_WRAPPING_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails early does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn crypt(&self, verb: &str, more: &[&str], input: &str) -> Output {
        let mut args =
            vec![verb, "--keyring", "ring.json", "--wrapping-key-file", "kek", "--policy", "policy.json"];
        args.extend(["--context", "purpose=orders", "--context", "tenant=acme"]);
        args.extend(more);
        self.run(&args, input)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

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
    assert!(text(&place.run(&["man"], "").stdout).contains(".TH apiseal"));
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
