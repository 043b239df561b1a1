//! What the tests of the command share.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Encrypts the card number.
pub(crate) const POLICY: &str =
    r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.card.number","bind":["$.id"]}]}"#;
/// A document that the policy fits.
pub(crate) const DOCUMENT: &str =
    "{\"id\": 7, \"card\": {\"number\": \"4111111111111111\"}, \"total\": 1.10}\n";

/// A folder of a test; it is removed at the end.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    /// A folder with a keyring under a wrapping key, a policy and a document.
    pub(crate) fn new(name: &str) -> Self {
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

    /// A path in the folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs the command in the folder.
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
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

    /// Encrypts or decrypts with the keyring and the policy of the folder.
    pub(crate) fn crypt(&self, verb: &str, more: &[&str], input: &str) -> Output {
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

/// Unlocks the keyring of the folder.
pub(crate) const WITH_KEK: [&str; 2] = ["--wrapping-key-file", "kek"];

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file as text.
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
