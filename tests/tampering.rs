//! Every single bit and every truncation of sample tokens, field strings and headers fails, and no salt repeats.

use std::collections::HashSet;

use apiseal::{Code, OsRandom, Suite, hazmat::Random};
use apiseal_workspace::{Setup, edit_body, put, value_at};

const DOCUMENT: &str = r#"{"id":1,"ssn":"078-05-1120","pan":4111}"#;

fn setups() -> Vec<Setup> {
    let rules = [r#""path":"$.ssn","bind":["$.id"]"#, r#""path":"$.pan","bind":["$.id"]"#];
    let fields = [r#""path":"$.ssn""#, r#""path":"$.pan""#];
    let both =
        [Setup::token(&rules), Setup::document("[\"$.id\"]", &fields), Setup::document("[\"$\"]", &fields)];
    let chacha = |setup: &Setup| setup.but(|setup| setup.keys[0].suite = Suite::ChaCha20Poly1305);
    both.iter().flat_map(|setup| [setup.clone(), chacha(setup)]).collect()
}

/// Paths of all strings of ours in an encrypted document.
fn strings(sealed: &str) -> Vec<&'static str> {
    ["$._seal", "$.ssn", "$.pan"]
        .into_iter()
        .filter(|path| *path != "$._seal" || sealed.contains("_seal"))
        .collect()
}

/// Bytes of a string's decoded body.
fn body_len(string: &str) -> usize {
    let mut len = 0;
    let _ = edit_body(string, |body| len = body.len());
    len
}

#[test]
fn case_10_lesson_f7_every_flipped_bit_fails() {
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        for path in strings(&sealed) {
            let string = value_at(&sealed, path);
            for bit in 0..body_len(string) * 8 {
                let flipped = put(&sealed, path, &edit_body(string, |body| body[bit / 8] ^= 1 << (bit % 8)));
                let error = cipher.decrypt(flipped.as_bytes(), &context).unwrap_err();
                let early = bit < 16 || path == "$._seal";
                let expected = match error.code() {
                    Code::Rejected => true,
                    // Suite, mode and count are judged before any key is used.
                    Code::MalformedToken | Code::ModeMismatch | Code::KeySuite => early,
                    _ => false,
                };
                assert!(expected, "{path} bit {bit}: {error}");
            }
        }
    }
}

#[test]
fn lesson_f7_lesson_f18_every_truncation_fails() {
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        for path in strings(&sealed) {
            let string = value_at(&sealed, path).trim_matches('"');
            for len in 0..string.len() {
                for cut in [&string[..len], &string[string.len() - len..]] {
                    let shorter = put(&sealed, path, &format!("\"{cut}\""));
                    let error = cipher.decrypt(shorter.as_bytes(), &context).unwrap_err();
                    let expected =
                        matches!(error.code(), Code::MalformedToken | Code::Rejected | Code::NotEncrypted);
                    assert!(expected, "{path} cut to {cut}: {error}");
                }
            }
            for len in 0..body_len(string) {
                let shorter = put(&sealed, path, &edit_body(string, |body| body.truncate(len)));
                let error = cipher.decrypt(shorter.as_bytes(), &context).unwrap_err();
                assert!(
                    matches!(error.code(), Code::MalformedToken | Code::Rejected),
                    "{path} {len} bytes: {error}"
                );
            }
        }
    }
}

#[test]
fn lesson_f18_every_prefix_of_a_document_fails() {
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        for len in 0..sealed.len() {
            let error = cipher.decrypt(&sealed.as_bytes()[..len], &context).unwrap_err();
            assert_eq!(error.code(), Code::MalformedJson, "{len}");
        }
    }
}

#[test]
fn lesson_f8_no_second_spelling_of_any_last_character() {
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        for path in strings(&sealed) {
            let string = value_at(&sealed, path).trim_matches('"');
            let (head, last) = string.split_at(string.len() - 1);
            for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
                if last != other.to_string() {
                    let changed = put(&sealed, path, &format!("\"{head}{other}\""));
                    assert!(setup.try_decrypt(changed).is_err(), "{path} ends in {other}");
                }
            }
        }
    }
}

/// Salts of the system's source, taken as documents take them: many for one request.
#[test]
fn case_36_lesson_f13_a_million_salts_do_not_repeat() {
    let mut seen = HashSet::with_capacity(1_000_000);
    let mut salts = vec![0; 24 * 1000];
    for _ in 0..1000 {
        OsRandom.fill(&mut salts).unwrap();
        assert!(salts.chunks(24).all(|salt| seen.insert(salt.to_vec())), "a salt repeats");
    }
}

#[test]
fn lesson_f13_case_68_a_rewrite_of_the_same_value_shares_nothing() {
    use apiseal::FieldCipher;
    for setup in setups() {
        let template = setup.cipher().unwrap();
        let key = apiseal::Keyring::generate(Suite::Aes256Gcm, &apiseal::SystemClock, &OsRandom).unwrap();
        let cipher = FieldCipher::new(key, template.policy().clone()).unwrap();
        let context = setup.context().unwrap();
        let mut seen = HashSet::new();
        for _ in 0..500 {
            let sealed = String::from_utf8(cipher.encrypt(DOCUMENT.as_bytes(), &context).unwrap()).unwrap();
            for path in strings(&sealed) {
                assert!(seen.insert(value_at(&sealed, path).to_owned()));
            }
        }
    }
}
