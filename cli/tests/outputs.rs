//! Where output goes, and what it must not harm there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::path::Path;
use std::process::Command;

use place::{DOCUMENT, ENCRYPT, Place, WITH_KEK, read, text};

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn pipes_are_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::new("fifo");
    let fifo = place.at("fifo");
    mkfifo(&fifo);
    // Opened for both directions, the pipe keeps what nobody reads yet.
    let mut kept = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let written = place.crypt("encrypt", &["-o", "fifo", "document.json"], "");
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
    let mut sealed = vec![0; 4096];
    let len = std::io::Read::read(&mut kept, &mut sealed).unwrap();
    assert_eq!(text(&place.crypt("decrypt", &[], &text(&sealed[..len])).stdout), DOCUMENT);

    // In place: the document comes from the pipe and goes back there.
    drop(kept);
    let mut command = Command::new(env!("CARGO_BIN_EXE_apiseal"));
    let mut child = command.args(ENCRYPT).args(["--in-place", "fifo"]).current_dir(&place.0).spawn().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let ends = fifo.clone();
    std::thread::spawn(move || {
        std::fs::write(&ends, DOCUMENT).unwrap();
        sender.send(std::fs::read_to_string(&ends).unwrap())
    });
    let sealed = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("the pipe is written to");
    assert!(sealed.contains("as1."), "{sealed}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
}

/// What `--resume` keeps takes the place of its target at the end: a device would be gone.
#[test]
fn only_files_are_replaced_by_what_a_run_has_kept() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::new("kept");
    mkfifo(&place.at("fifo"));
    std::fs::create_dir(place.at("folder")).unwrap();
    std::os::unix::fs::symlink("fifo", place.at("link")).unwrap();
    let before = std::fs::read_dir(&place.0).unwrap().count();
    let sealed = text(&place.crypt("encrypt", &["--ndjson"], &DOCUMENT.repeat(3)).stdout);
    for target in ["fifo", "link", "folder"] {
        let output = place.crypt("reencrypt", &["--ndjson", "--resume", "-o", target], &sealed);
        assert_eq!(output.status.code(), Some(2), "{target}");
        assert!(text(&output.stderr).contains("regular file"), "{target}");
    }
    assert!(std::fs::metadata(place.at("fifo")).unwrap().file_type().is_fifo());
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), before);
    // A link stays a link here too.
    std::os::unix::fs::symlink("folder/new", place.at("dangling")).unwrap();
    let output = place.crypt("reencrypt", &["--ndjson", "--resume", "-o", "dangling"], &sealed);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(std::fs::symlink_metadata(place.at("dangling")).unwrap().is_symlink());
    assert_eq!(read(&place.at("folder/new")).lines().count(), 3);
}

#[test]
fn output_takes_the_place_of_nothing_that_is_needed() {
    let place = Place::new("needed");
    let (ring, policy) = (read(&place.at("ring.json")), read(&place.at("policy.json")));
    std::fs::hard_link(place.at("ring.json"), place.at("same.json")).unwrap();
    for verb in ["encrypt", "decrypt", "reencrypt"] {
        for target in ["ring.json", "./ring.json", "same.json", "policy.json"] {
            let output = place.crypt(verb, &["-o", target, "document.json"], "");
            assert_eq!(output.status.code(), Some(2), "{verb} {target}");
            assert!(text(&output.stderr).contains("would be written over"), "{}", text(&output.stderr));
        }
        let output = place.crypt(verb, &["-o", "-", "document.json"], "");
        assert_eq!(output.status.code(), Some(2), "{verb} -");
        assert!(text(&output.stderr).contains("standard output"), "{}", text(&output.stderr));
    }
    let output = place.run(&["redact", "--policy", "policy.json", "-o", "policy.json", "document.json"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!((read(&place.at("ring.json")), read(&place.at("policy.json"))), (ring, policy));
    assert!(!place.at("-").exists());
}

#[test]
fn other_names_of_a_file_are_told_of() {
    let place = Place::new("names");
    std::fs::hard_link(place.at("document.json"), place.at("other.json")).unwrap();
    let output = place.crypt("encrypt", &["--in-place", "document.json"], "");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("document.json has another name"), "{}", text(&output.stderr));
    assert_eq!(read(&place.at("other.json")), DOCUMENT);
    assert_eq!(text(&place.crypt("decrypt", &["--in-place", "document.json"], "").stderr), "");
}

#[test]
fn a_document_that_cannot_be_redacted_is_not_lost() {
    let place = Place::new("alias");
    let broken = DOCUMENT.replace("1.10", "1.10,");
    std::fs::write(place.at("broken.json"), &broken).unwrap();
    std::os::unix::fs::symlink("broken.json", place.at("alias")).unwrap();
    for target in ["broken.json", "./broken.json", "alias"] {
        let output = place.run(&["redact", "--policy", "policy.json", "-o", target, "broken.json"], "");
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains("stays as it was"), "{}", text(&output.stderr));
        assert_eq!(read(&place.at("broken.json")), broken);
    }
}

#[test]
fn nothing_that_a_document_holds_steers_the_terminal() {
    let place = Place::new("terminal");
    let steering = "\u{1b}[31m\u{9b}31m\u{7f}\u{7}\u{202e}\u{2066}";
    let name = serde_json::to_string(steering).unwrap();
    let policy = r#"{"apiseal_policy":1,"id":"IT","rules":[{"path":"$.*.number"}]}"#;
    std::fs::write(place.at("policy.json"), policy.replace("\"IT\"", &name)).unwrap();
    let document = DOCUMENT.replace("\"card\"", &name);
    for output in [
        place.crypt("decrypt", &[], &document),
        place.run(&["policy", "lint", "policy.json"], ""),
        place.run(&["policy", "lint", "policy.json", "--sample", "document.json"], ""),
    ] {
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert!(
            !shown.is_empty()
                && !steering.chars().any(|one| one != '[' && !one.is_alphanumeric() && shown.contains(one)),
            "{shown:?}"
        );
    }
}

#[test]
fn a_dangling_link_leads_to_the_new_file() {
    let place = Place::new("dangling");
    std::fs::create_dir(place.at("folder")).unwrap();
    std::os::unix::fs::symlink("folder/second.json", place.at("first.json")).unwrap();
    std::os::unix::fs::symlink("third.json", place.at("folder/second.json")).unwrap();
    std::os::unix::fs::symlink("loop.json", place.at("loop.json")).unwrap();
    assert_eq!(place.crypt("encrypt", &["-o", "first.json", "document.json"], "").status.code(), Some(0));
    assert!(std::fs::symlink_metadata(place.at("first.json")).unwrap().is_symlink());
    assert!(std::fs::symlink_metadata(place.at("folder/second.json")).unwrap().is_symlink());
    assert!(read(&place.at("folder/third.json")).contains("as1."));
    assert_eq!(place.crypt("encrypt", &["-o", "loop.json", "document.json"], "").status.code(), Some(4));

    // A keyring is not even created behind a link.
    std::os::unix::fs::symlink("elsewhere.json", place.at("linked.json")).unwrap();
    let made = place.run(&[&["keys", "new", "--keyring", "linked.json"], &WITH_KEK[..]].concat(), "");
    assert_eq!(made.status.code(), Some(2));
    assert!(!place.at("elsewhere.json").exists());
}

/// Owners can be given away by root only.
#[test]
fn the_owner_and_group_of_a_file_stay() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let place = Place::new("owner");
    let document = place.at("document.json");
    if chown(&document, Some(1234), Some(2345)).is_err() {
        return;
    }
    let set_mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&document, 0o664);
    assert_eq!(place.crypt("encrypt", &["--in-place", "document.json"], "").status.code(), Some(0));
    let seen = std::fs::metadata(&document).unwrap();
    assert_eq!((seen.uid(), seen.gid(), seen.mode() & 0o777), (1234, 2345, 0o664));

    // Somebody else, who may write to the folder only, becomes the owner: the group's rights are not theirs to give.
    let apiseal = place.at("apiseal");
    std::fs::copy(env!("CARGO_BIN_EXE_apiseal"), &apiseal).unwrap();
    set_mode(&apiseal, 0o755);
    set_mode(&place.0, 0o777);
    for name in ["ring.json", "kek"] {
        chown(place.at(name), Some(4321), Some(4321)).unwrap();
    }
    std::fs::write(&document, DOCUMENT).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(&apiseal);
        command.uid(4321).gid(4321).current_dir(&place.0).args(ENCRYPT).args(args).output().unwrap()
    };
    let output = run(&["--in-place", "document.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let seen = std::fs::metadata(&document).unwrap();
    assert_eq!((seen.uid(), seen.gid(), seen.mode() & 0o777), (4321, 4321, 0o600));

    assert!(text(&output.stderr).contains("will belong to you"), "{}", text(&output.stderr));

    // Whoever is of the group keeps it.
    chown(&document, Some(1234), Some(4321)).unwrap();
    set_mode(&document, 0o6664);
    std::fs::write(&document, DOCUMENT).unwrap();
    let output = run(&["--in-place", "document.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let seen = std::fs::metadata(&document).unwrap();
    assert_eq!((seen.uid(), seen.gid(), seen.mode() & 0o7777), (4321, 4321, 0o664));
    assert!(text(&output.stderr).contains("will belong to you"), "{}", text(&output.stderr));

    // And what the system does not let one read is a matter of files.
    chown(place.at("ring.json"), Some(0), Some(0)).unwrap();
    let output = run(&["document.json"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("ring.json"));
}
