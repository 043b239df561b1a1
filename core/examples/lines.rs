//! An export of many documents, one a line, on two threads: in order, in constant memory, with each failure told.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use apiseal::lines::Outcome;
use apiseal::{Context, FieldCipher, Keyring, LineOptions, OsRandom, Policy, Suite, SystemClock};

const POLICY: &str =
    r#"{"apiseal_policy": 1, "id": "users.v1", "rules": [{"path": "$.ssn", "bind": ["$.id"]}]}"#;

/// Encrypts three lines, one of which has nothing to encrypt.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    let cipher = FieldCipher::new(ring, Policy::from_json(POLICY)?)?;
    let context = Context::new("users")?;
    let source = &b"{\"id\": 1, \"ssn\": \"078\"}\n{\"id\": 2}\n{\"id\": 3, \"ssn\": \"079\"}\n"[..]; // or a File

    let mut options = LineOptions::default();
    options.threads = 2;
    let (mut sealed, mut failed) = (Vec::new(), Vec::new());
    for line in cipher.encrypt_lines(source, &context, options)? {
        let line = line?;
        match line.outcome {
            Outcome::Blank(text) | Outcome::Done(text) => {
                sealed.extend([&text, line.ending.as_bytes()].concat())
            }
            Outcome::Failed(error) => failed.push((line.number, error.code().name())),
        }
    }
    assert_eq!(failed, [(2, "NoMatch")]);
    println!("{}", String::from_utf8_lossy(&sealed));
    Ok(())
}
