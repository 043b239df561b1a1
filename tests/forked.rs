//! Case 36: after a fork, parent and child draw different salts. A test binary of its own with one test: what is forked
//! is one thread.
#![cfg(unix)]

use std::collections::HashSet;

use apiseal::{Context, FieldCipher, Keyring, OsRandom, Policy, Suite, SystemClock};
use fork::{Fork, fork, waitpid};

const CALLS: usize = 2000;

/// The tokens' bodies up to the end of the salt, of so many encryptions of one document.
fn salts(cipher: &FieldCipher, context: &Context) -> Vec<String> {
    let salt = |_| {
        let sealed = cipher.encrypt(br#"{"a":1}"#, context).unwrap();
        let text = String::from_utf8(sealed).unwrap();
        // Suite and mode take 16 bits, the salt 192: 34 characters and four bits.
        text.rsplit('.').next().unwrap()[..34].to_owned()
    };
    (0..CALLS).map(salt).collect()
}

#[test]
fn case_36_after_a_fork_parent_and_child_draw_different_salts() {
    let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom).unwrap();
    let policy = r#"{"apiseal_policy":1,"id":"f","rules":[{"path":"$.a","bind":[]}]}"#;
    let cipher = FieldCipher::new(ring, Policy::from_json(policy).unwrap()).unwrap();
    let context = Context::new("fork").unwrap();
    let before = salts(&cipher, &context);
    let file = std::env::temp_dir().join(format!("apiseal-fork-{}", std::process::id()));
    match fork().unwrap() {
        Fork::Child => {
            std::fs::write(&file, salts(&cipher, &context).join("\n")).unwrap();
            std::process::exit(0);
        }
        Fork::Parent(child) => {
            let own = salts(&cipher, &context);
            waitpid(child).unwrap();
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            let all: HashSet<&str> =
                text.lines().chain(before.iter().chain(&own).map(String::as_str)).collect();
            assert_eq!(all.len(), 3 * CALLS);
        }
    }
}
