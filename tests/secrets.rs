//! Secrets and plaintexts do not print, and every failure message is free of them.

use apiseal::{Context, FieldCipher, Key, Keyring, KeyringFile, Kid, OsRandom, Policy, Purpose, Suite, Wrap};
use apiseal_workspace::{Setup, hex};

const SECRET: [u8; 32] = *b"0123456789abcdef0123456789ABCDEF";
const PLAINTEXT: &str = "4111-plaintext-4111";

fn key() -> Key {
    Key::hazmat_from_secret(Kid::parse("k1").unwrap(), Purpose::Seal, Suite::Aes256Gcm, &SECRET).unwrap()
}

fn assert_clean(what: &str, text: &str) {
    let decimal: Vec<String> = SECRET.iter().map(u8::to_string).collect();
    for secret in
        ["0123456789abcdef", &hex(&SECRET), &decimal[..4].join(", "), PLAINTEXT, "hunter2", "MDEyMzQ1"]
    {
        assert!(!text.contains(secret), "{what} prints `{secret}`: {text}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let ring = Keyring::builder().primary(key()).build().unwrap();
    let policy =
        Policy::from_json(r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.x","bind":[]}]}"#).unwrap();
    let cipher = FieldCipher::new(ring.clone(), policy).unwrap();
    let context = Context::new("users").unwrap().with("patient", "hunter2").unwrap();
    let sealed = cipher.encrypt(format!("{{\"x\":\"{PLAINTEXT}\"}}").as_bytes(), &context).unwrap();
    let opened = cipher.decrypt(&sealed, &context).unwrap();
    for (what, text) in [
        ("Key", format!("{:?} {:#?}", key(), key())),
        ("Keyring", format!("{ring:?} {ring:#?}")),
        ("FieldCipher", format!("{cipher:?} {cipher:#?}")),
        ("Context", format!("{context:?} {context:#?}")),
        ("Decrypted", format!("{opened:?} {opened:#?}")),
        ("Wrap", format!("{:?} {:#?}", Wrap::raw(&SECRET), Wrap::passphrase(b"hunter2"))),
        ("clear keyring", format!("{:?}", KeyringFile::hazmat_write_clear(&ring, "main").unwrap())),
        ("token", String::from_utf8(sealed).unwrap()),
    ] {
        assert_clean(what, &text);
    }
}

#[test]
fn failures_do_not_print_values() {
    let value = format!("\"{PLAINTEXT}\"");
    let setup = Setup::token(&[r#""path":"$.x","bind":["$.id"],"types":["number"]"#]);
    let any = Setup::token(&[r#""path":"$.x","bind":["$.id"]"#]);
    let documents = [
        format!("{{\"x\":{value}}}"),
        format!("{{\"id\":1,\"x\":{value}}}"),
        format!("{{\"id\":1,\"x\":{value}"),
        format!("{{\"id\":{value},\"x\":{value}\n{value}}}"),
        format!("{{\"id\":1,\"x\":[{value},{{\"a\":1,\"a\":{value}}}]}}"),
    ];
    for document in documents {
        let mut failures = 0;
        for setup in [&setup, &any] {
            for error in
                [setup.try_encrypt(&document).err(), setup.try_decrypt(&document).err()].into_iter().flatten()
            {
                failures += 1;
                assert_clean("error", &format!("{error} {error:?}"));
            }
        }
        assert!(failures > 0, "{document}");
    }
}

#[test]
fn a_sealed_keyring_shows_no_secret() {
    let ring = Keyring::builder().primary(key()).build().unwrap();
    let sealed = KeyringFile::seal(&ring, "main", &Wrap::passphrase(b"hunter2"), &OsRandom).unwrap();
    assert_clean("keyring file", &String::from_utf8(sealed).unwrap());
}
