//! Keys through their life in a running cipher: a new ring takes effect at once, whatever is cached.

use std::sync::atomic::{AtomicBool, Ordering};

use apiseal::{
    Code, Context, FieldCipher, FixedClock, Key, KeyState, Keyring, KeyringHandle, Kid, LineOptions,
    OsRandom, Policy, Purpose, Suite, SystemClock, lines::Outcome,
};
use apiseal_workspace::code;

const RECORD: &[u8] = br#"{"id": 1, "ssn": "078-05-1120"}"#;

fn policy() -> Policy {
    let rules = r#"[{"path": "$.ssn", "bind": ["$.id"]}]"#;
    Policy::from_json(&format!(r#"{{"apiseal_policy": 1, "id": "r", "rules": {rules}}}"#)).unwrap()
}

fn key(kid: &str) -> Key {
    let kid = Kid::parse(kid).unwrap();
    Key::generate(kid, Purpose::Seal, Suite::Aes256Gcm, &SystemClock, &OsRandom).unwrap()
}

fn context() -> Context {
    Context::new("users").unwrap().with("tenant", "acme").unwrap()
}

/// The id of the key that encrypted.
fn kid_of(sealed: &[u8]) -> String {
    let text = std::str::from_utf8(sealed).unwrap();
    text.split("as1.").nth(1).unwrap().split('.').next().unwrap().to_owned()
}

#[test]
fn case_15_a_disabled_key_stops_at_once_also_from_the_cache() {
    let handle = KeyringHandle::new(Keyring::builder().primary(key("k1")).build().unwrap());
    let cipher = FieldCipher::new(handle.clone(), policy()).unwrap();
    let sealed = cipher.encrypt(RECORD, &context()).unwrap();
    // The key of this context is in the cache now.
    assert_eq!(&cipher.decrypt(&sealed, &context()).unwrap()[..], RECORD);

    let before = handle.current();
    handle.replace(before.disable("k1").unwrap()).unwrap();
    for result in [code(cipher.decrypt(&sealed, &context())), code(cipher.encrypt(RECORD, &context()))] {
        assert_eq!(result, Some(Code::KeyState));
    }
    // The former ring still works for whoever kept it, and can be no replacement.
    let kept = FieldCipher::new(before.clone(), policy()).unwrap();
    assert_eq!(&kept.decrypt(&sealed, &context()).unwrap()[..], RECORD);
    assert_eq!(handle.replace(before).unwrap_err().code(), Code::KeyringRollback);
    assert_eq!(code(cipher.decrypt(&sealed, &context())), Some(Code::KeyState));
}

#[test]
fn case_15_state_and_validity_are_judged_on_every_use_of_a_cached_key() {
    let expiring = key("k1").with_validity(None, Some(100));
    let handle = KeyringHandle::new(Keyring::builder().primary(expiring).build().unwrap());
    let at =
        |now: u64| FieldCipher::builder(handle.clone(), policy()).clock(FixedClock(now)).build().unwrap();
    let sealed = at(99).encrypt(RECORD, &context()).unwrap();
    assert_eq!(code(at(100).encrypt(RECORD, &context())), Some(Code::KeyState));
    assert!(at(100).decrypt(&sealed, &context()).is_ok());
}

#[test]
fn a_rotation_in_a_running_cipher_loses_nothing() {
    let handle = KeyringHandle::new(Keyring::builder().primary(key("k1")).build().unwrap());
    let cipher = FieldCipher::new(handle.clone(), policy()).unwrap();
    let first = cipher.encrypt(RECORD, &context()).unwrap();
    let steps: [&dyn Fn(&Keyring) -> Keyring; 3] = [
        &|ring| ring.with_key(key("k2")).unwrap(),
        &|ring| ring.promote("k2", &SystemClock).unwrap(),
        &|ring| ring.retire("k1").unwrap(),
    ];
    for (step, expected) in steps.iter().zip(["k1", "k2", "k2"]) {
        handle.replace(step(&handle.current())).unwrap();
        let sealed = cipher.encrypt(RECORD, &context()).unwrap();
        assert_eq!(kid_of(&sealed), expected);
        for sealed in [&first, &sealed] {
            assert_eq!(&cipher.decrypt(sealed, &context()).unwrap()[..], RECORD);
        }
    }
    assert_eq!(handle.current().key("k1").unwrap().state(), KeyState::DecryptOnly);
    handle.replace(handle.current().disable("k1").unwrap()).unwrap();
    assert_eq!(code(cipher.decrypt(&first, &context())), Some(Code::KeyState));
}

#[test]
fn rings_are_exchanged_under_load_without_a_wrong_answer() {
    let handle = KeyringHandle::new(Keyring::builder().primary(key("k1")).build().unwrap());
    let cipher = FieldCipher::new(handle.clone(), policy()).unwrap();
    let sealed = cipher.encrypt(RECORD, &context()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0;
                    while !done.load(Ordering::Relaxed) || calls == 0 {
                        let again = cipher.encrypt(RECORD, &context()).unwrap();
                        assert_eq!(&cipher.decrypt(&again, &context()).unwrap()[..], RECORD);
                        assert_eq!(&cipher.decrypt(&sealed, &context()).unwrap()[..], RECORD);
                        calls += 1;
                    }
                })
            })
            .collect();
        for number in 2..60 {
            let kid = format!("k{number}");
            let ring = handle.current().with_key(key(&kid)).unwrap().promote(&kid, &SystemClock).unwrap();
            handle.replace(ring).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(handle.current().keys().count(), 59);
}

/// A source that gives what is sent.
struct Sent(std::sync::mpsc::Receiver<Vec<u8>>);

impl std::io::Read for Sent {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Ok(bytes) = self.0.recv() else { return Ok(0) };
        out[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn case_15_a_key_that_is_disabled_between_two_lines_stops_for_the_second() {
    for threads in [1, 3] {
        let handle = KeyringHandle::new(Keyring::builder().primary(key("k1")).build().unwrap());
        let cipher = FieldCipher::new(handle.clone(), policy()).unwrap();
        let line = [&cipher.encrypt(RECORD, &context()).unwrap()[..], b"\n"].concat();
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut options = LineOptions::default();
        options.threads = threads;
        let mut lines = cipher.decrypt_lines(Sent(receiver), &context(), options).unwrap();
        for _ in 0..3 {
            sender.send(line.clone()).unwrap();
            assert!(matches!(lines.next().unwrap().unwrap().outcome, Outcome::Done(_)));
        }
        handle.replace(handle.current().disable("k1").unwrap()).unwrap();
        sender.send(line).unwrap();
        drop(sender);
        let Outcome::Failed(error) = lines.next().unwrap().unwrap().outcome else { panic!("it opened") };
        assert_eq!(error.code(), Code::KeyState);
        assert!(lines.next().is_none());
    }
}

#[test]
fn case_63_a_party_with_a_delegated_key_reads_its_context_and_nothing_else() {
    let ring = Keyring::builder().primary(key("root")).build().unwrap();
    let owner = FieldCipher::new(ring.clone(), policy()).unwrap();
    let exported = ring.export_context("root", &context()).unwrap();
    let party = Keyring::builder().name("acme").primary(exported).build().unwrap();
    let party = FieldCipher::new(party, policy()).unwrap();

    let sealed = owner.encrypt(RECORD, &context()).unwrap();
    assert_eq!(&party.decrypt(&sealed, &context()).unwrap()[..], RECORD);
    let back = party.encrypt(RECORD, &context()).unwrap();
    assert_eq!(&owner.decrypt(&back, &context()).unwrap()[..], RECORD);

    let evil = Context::new("users").unwrap().with("tenant", "evil").unwrap();
    let foreign = owner.encrypt(RECORD, &evil).unwrap();
    assert_eq!(code(party.decrypt(&foreign, &evil)), Some(Code::ContextScope));
    assert_eq!(code(party.decrypt(&foreign, &context())), Some(Code::Rejected));
    assert_eq!(code(party.encrypt(RECORD, &evil)), Some(Code::ContextScope));
}

#[test]
fn partners_of_one_root_are_told_apart_by_their_own_keys() {
    let root = key("root");
    let derived = |kid: &str, tenant: &str| {
        let context = Context::new("users").unwrap().with("tenant", tenant).unwrap();
        Key::derived(Kid::parse(kid).unwrap(), &root, context, &SystemClock).unwrap()
    };
    let ring =
        Keyring::builder().key(root.clone()).primary(derived("p1", "acme")).primary(derived("p2", "evil"));
    let cipher = FieldCipher::new(ring.build().unwrap(), policy()).unwrap();
    let sealed = cipher.encrypt(RECORD, &context()).unwrap();
    assert_eq!(kid_of(&sealed), "p1");
    assert_eq!(&cipher.decrypt(&sealed, &context()).unwrap()[..], RECORD);
    // Relabelled as the other's, whose key serves another context.
    let relabelled = String::from_utf8(sealed).unwrap().replace("as1.p1.", "as1.p2.");
    assert_eq!(code(cipher.decrypt(relabelled.as_bytes(), &context())), Some(Code::ContextScope));
}
