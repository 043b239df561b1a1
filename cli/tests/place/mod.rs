//! Where the command is tried out.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const POLICY: &str =
    r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card.number","bind":["$.id"]}]}"#;
pub const DOCUMENT: &str = "{\"id\": 7, \"card\": {\"number\": \"4111111111111111\"}, \"total\": 1.10}\n";

/// A folder to run the command in; it is removed at the end.
pub struct Place(pub PathBuf);

impl Place {
    /// A folder with a keyring under a wrapping key, a policy and a document.
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("apiseal-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let place = Place(folder);
        std::fs::write(place.at("policy.json"), POLICY).unwrap();
        std::fs::write(place.at("document.json"), DOCUMENT).unwrap();
        std::fs::write(place.at("kek"), [202; 32]).unwrap();
        let made = place.run(&["keys", "new", "--keyring", "ring.json", "--wrapping-key-file", "kek"], "");
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        place
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_apiseal"))
            .args(args)
            .current_dir(&self.0)
            .env_remove("APISEAL_PASSPHRASE")
            .env_remove("APISEAL_WRAPPING_KEY")
            .env_remove("APISEAL_NEW_PASSPHRASE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails early does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub fn crypt(&self, verb: &str, more: &[&str], input: &str) -> Output {
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

pub const WITH_KEK: [&str; 2] = ["--wrapping-key-file", "kek"];

/// The arguments of `crypt`, for commands that are started otherwise.
#[cfg(unix)]
pub const ENCRYPT: [&str; 9] = [
    "encrypt",
    "--keyring",
    "ring.json",
    "--wrapping-key-file",
    "kek",
    "--policy",
    "policy.json",
    "--context",
    "purpose=orders",
];

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
