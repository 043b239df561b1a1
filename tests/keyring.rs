//! Keyring files: what is refused, and with which code.

use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apiseal::{
    Code, Direction, FixedClock, Key, KeyState, Keyring, KeyringFile, Kid, OsRandom, Purpose, Suite, Wrap,
};
use apiseal_workspace::code;

fn key(kid: &str, secret: u8) -> Key {
    Key::hazmat_from_secret(Kid::parse(kid).unwrap(), Purpose::Seal, Suite::Aes256Gcm, &[secret; 32]).unwrap()
}

fn ring() -> Keyring {
    Keyring::builder()
        .rev(7)
        .primary(key("k2", 2).with_validity(Some(5), Some(1 << 40)))
        .primary(key("k3", 3).with_scope([("tenant", "acme"), ("a \"b\"\n", "é")]))
        .key(key("k1", 1).with_state(KeyState::DecryptOnly))
        .key(key("k0", 9).with_state(KeyState::Disabled))
        .build()
        .unwrap()
}

fn wrap() -> Wrap {
    Wrap::raw(&[200; 32])
}

fn clear(ring: &Keyring) -> String {
    String::from_utf8(KeyringFile::hazmat_write_clear(ring, "main").unwrap().to_vec()).unwrap()
}

fn read_clear(text: &str) -> Option<Code> {
    code(KeyringFile::hazmat_read_clear(text.as_bytes(), "main", None))
}

#[test]
fn everything_about_a_ring_survives() {
    let sealed = KeyringFile::seal(&ring(), "main", &wrap(), &OsRandom).unwrap();
    let opened = KeyringFile::open(&sealed, "main", &wrap(), Some(7)).unwrap();
    assert_eq!(clear(&opened), clear(&ring()));
    assert_eq!(
        clear(&KeyringFile::hazmat_read_clear(clear(&ring()).as_bytes(), "main", None).unwrap()),
        clear(&ring())
    );
    let kids: Vec<_> = opened.primaries().map(|key| key.kid().as_str()).collect();
    assert_eq!(kids, ["k2", "k3"]);
    assert_eq!(opened.key("k2").unwrap().expires(), Some(1 << 40));
    assert_eq!(opened.key("k3").unwrap().scope().count(), 2);
    assert_eq!(opened.key("k0").unwrap().state(), KeyState::Disabled);
}

#[test]
fn case_38_every_changed_byte_fails() {
    let sealed = KeyringFile::seal(&ring(), "main", &wrap(), &OsRandom).unwrap();
    let end = sealed.iter().rposition(|&byte| byte == b'}').unwrap();
    for at in 0..=end {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = sealed.clone();
            changed[at] ^= flip;
            let code = code(KeyringFile::open(&changed, "main", &wrap(), None));
            let expected = [Code::KeyringFile, Code::KeyringWrap, Code::KeyringUnlock];
            assert!(code.is_some_and(|code| expected.contains(&code)), "byte {at} ^ {flip:02x}: {code:?}");
        }
    }
    for len in 0..=end {
        assert_eq!(code(KeyringFile::open(&sealed[..len], "main", &wrap(), None)), Some(Code::KeyringFile));
    }
}

#[test]
fn case_75_other_rings_and_old_ones_are_refused() {
    let sealed = KeyringFile::seal(&ring(), "main", &wrap(), &OsRandom).unwrap();
    let open = |name: &str, wrap: &Wrap, min_rev| code(KeyringFile::open(&sealed, name, wrap, min_rev));
    assert_eq!(open("staging", &wrap(), None), Some(Code::KeyringUnlock));
    assert_eq!(open("main", &Wrap::raw(&[201; 32]), None), Some(Code::KeyringUnlock));
    assert_eq!(open("main", &wrap(), Some(8)), Some(Code::KeyringRollback));
    assert_eq!(open("main", &wrap(), Some(7)), None);
    assert_eq!(open("", &wrap(), None), Some(Code::KeyringFile));
    assert_eq!(
        code(KeyringFile::hazmat_read_clear(clear(&ring()).as_bytes(), "staging", None)),
        Some(Code::KeyringFile)
    );
    assert_eq!(
        code(KeyringFile::hazmat_read_clear(clear(&ring()).as_bytes(), "main", Some(8))),
        Some(Code::KeyringRollback)
    );
}

#[test]
fn case_38_wraps_out_of_range_are_refused() {
    let file = |wrap: &str| {
        format!(r#"{{"apiseal_keyring":1,"wrap":{wrap},"sealed":"as1.W.AQM{}"}}"#, "A".repeat(101))
    };
    let argon = |m: u64, t: u64, p: u64, v: u64, salt: &str| {
        file(&format!(r#"{{"alg":"argon2id","v":{v},"m":{m},"t":{t},"p":{p},"salt":"{salt}"}}"#))
    };
    let salt = "ICEiIyQlJicoKSorLC0uLw";
    let passphrase = Wrap::passphrase(b"x");
    for text in [
        argon(8, 3, 4, 19, salt),
        argon(1 << 30, 1, 4, 19, salt),
        argon(65_536, 3, 4, 16, salt),
        argon(65_536, 1, 4, 19, salt),
        argon(4_194_304, 16, 4, 19, salt),
        argon(65_536, 17, 4, 19, salt),
        argon(65_536, 3, 0, 19, salt),
        argon(1 << 40, 3, 4, 19, salt),
        argon(65_536, 3, 4, 19, "ICEiIyQlJicoKSorLC0uL"),
        argon(65_536, 3, 4, 19, "ICEiIyQlJicoKSorLC0uLx"),
        file(r#"{"alg":"raw"}"#),
        file(r#"{"alg":"scrypt"}"#),
    ] {
        assert_eq!(
            code(KeyringFile::open(text.as_bytes(), "main", &passphrase, None)),
            Some(Code::KeyringWrap),
            "{text}"
        );
    }
    let raw_for_passphrase = argon(65_536, 3, 4, 19, salt);
    assert_eq!(
        code(KeyringFile::open(raw_for_passphrase.as_bytes(), "main", &wrap(), None)),
        Some(Code::KeyringWrap)
    );
}

#[test]
fn case_38_contents_that_contradict_themselves_are_refused() {
    let good = clear(&Keyring::builder().rev(1).primary(key("k1", 1)).key(key("k2", 2)).build().unwrap());
    assert_eq!(read_clear(&good), None);
    let secret = |byte: u8| base64_simd::URL_SAFE_NO_PAD.encode_to_string([byte; 32]);
    for (what, text, expected) in [
        ("equal secrets", good.replace(&secret(2), &secret(1)), Code::KeyDuplicate),
        (
            "equal secrets over purposes",
            good.replace(&secret(2), &secret(1)).replacen(
                r#""k2","purpose":"seal""#,
                r#""k2","purpose":"det""#,
                1,
            ),
            Code::KeyDuplicate,
        ),
        ("equal ids", good.replace(r#""kid":"k2""#, r#""kid":"k1""#), Code::KeyDuplicate),
        ("31 bytes", good.replace(&secret(2), &secret(2)[..42]), Code::KeyringFile),
        ("33 bytes", good.replace(&secret(2), &format!("{}A", secret(2))), Code::KeyringFile),
        ("unused bits", good.replace(&secret(2), &format!("{}B", &secret(2)[..42])), Code::KeyringFile),
        ("unknown member", good.replace(r#""rev":1"#, r#""rev":1,"x":1"#), Code::KeyringFile),
        ("unknown state", good.replace(r#""state":"active""#, r#""state":"live""#), Code::KeyringFile),
        ("unknown suite", good.replace("aes-256-gcm", "aes-128-gcm"), Code::KeyringFile),
        ("suite of another purpose", good.replace("aes-256-gcm", "hmac-sha256"), Code::KeyringFile),
        (
            "state of another purpose",
            good.replace(r#""state":"active""#, r#""state":"verify-only""#),
            Code::KeyringFile,
        ),
        ("type", good.replace(r#""type":"root""#, r#""type":"derived""#), Code::KeyringFile),
        ("no type", good.replace(r#""type":"root","#, ""), Code::KeyringFile),
        ("primary that is not there", good.replace(r#""seal":"k1""#, r#""seal":"k9""#), Code::KeyringFile),
        ("primary of another purpose", good.replace(r#""seal":"k1""#, r#""det":"k1""#), Code::KeyringFile),
        (
            "two primaries for one scope",
            good.replace(r#""seal":"k1""#, r#""seal":["k1","k2"]"#),
            Code::KeyringFile,
        ),
        ("list of one", good.replace(r#""seal":"k1""#, r#""seal":["k1"]"#), Code::KeyringFile),
        (
            "imported without scope",
            good.replacen(r#","secret""#, r#","imported":true,"secret""#, 1),
            Code::KeyringFile,
        ),
        (
            "principal without scope",
            good.replacen(r#","secret""#, r#","principal":"p","secret""#, 1),
            Code::KeyringFile,
        ),
        ("reserved key id", good.replace(r#""k2""#, r#""_""#), Code::KeyringFile),
        (
            "another version",
            good.replace(r#""apiseal_keyring_clear":1"#, r#""apiseal_keyring_clear":2"#),
            Code::KeyringFile,
        ),
        ("duplicate member", good.replace(r#""rev":1"#, r#""rev":1,"rev":1"#), Code::KeyringFile),
        ("fraction", good.replace(r#""rev":1"#, r#""rev":1.0"#), Code::KeyringFile),
    ] {
        assert_ne!(text, good, "{what}");
        assert_eq!(read_clear(&text), Some(expected), "{what}: {text}");
    }
}

#[test]
fn neither_form_is_taken_for_the_other() {
    let sealed = KeyringFile::seal(&ring(), "main", &wrap(), &OsRandom).unwrap();
    assert_eq!(code(KeyringFile::hazmat_read_clear(&sealed, "main", None)), Some(Code::KeyringFile));
    assert_eq!(
        code(KeyringFile::open(clear(&ring()).as_bytes(), "main", &wrap(), None)),
        Some(Code::KeyringFile)
    );
}

#[test]
fn the_wrapping_key_is_no_key_of_the_ring() {
    assert_eq!(
        code(KeyringFile::seal(&ring(), "main", &Wrap::raw(&[1; 32]), &OsRandom)),
        Some(Code::KeyDuplicate)
    );
}

#[test]
fn secrets_may_be_escaped() {
    let good = clear(&ring());
    let secret = base64_simd::URL_SAFE_NO_PAD.encode_to_string([2; 32]);
    let escaped: String = secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let first = format!("\\u{:04x}{}", secret.as_bytes()[0], &secret[1..]);
    for spelled in [&escaped, &first] {
        let text = good.replace(&secret, spelled);
        assert_ne!(text, good);
        assert_eq!(clear(&KeyringFile::hazmat_read_clear(text.as_bytes(), "main", None).unwrap()), good);
    }
    // The length counts after the escapes are undone.
    for wrong in [&escaped[6..], &format!("{escaped}A"), &format!("\\n{}", &secret[1..])] {
        assert_eq!(read_clear(&good.replace(&secret, wrong)), Some(Code::KeyringFile), "{wrong}");
    }
}

/// `keys` keys with scopes of about 64 KiB each.
fn wide(keys: u32) -> Keyring {
    let mut builder = Keyring::builder();
    for at in 0..keys {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&at.to_be_bytes());
        let kid = Kid::parse(&format!("k{at}")).unwrap();
        let key = Key::hazmat_from_secret(kid, Purpose::Seal, Suite::Aes256Gcm, &secret).unwrap();
        let scope: Vec<_> =
            (0..32).map(|at| (format!("{at:02}{}", "n".repeat(1020)), "v".repeat(1024))).collect();
        builder =
            builder.key(key.with_scope(scope.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    }
    builder.build().unwrap()
}

#[test]
fn what_is_written_is_small_enough_to_be_loaded() {
    let folder = Folder::new("size");
    let path = folder.0.join("ring.json");
    KeyringFile::save(&path, &wide(150), "main", &wrap(), &OsRandom).unwrap();
    assert_eq!(KeyringFile::load(&path, "main", &wrap(), None).unwrap().keys().count(), 150);
    // In clear 13 MiB, which base64 makes 17 of: too much for the sealed form only.
    let (larger, largest) = (wide(205), wide(300));
    assert_eq!(code(KeyringFile::save(&path, &larger, "main", &wrap(), &OsRandom)), Some(Code::KeyringFile));
    assert_eq!(code(KeyringFile::hazmat_save_clear(&folder.0.join("clear"), &larger, "main")), None);
    assert_eq!(code(KeyringFile::hazmat_load_clear(&folder.0.join("clear"), "main", None)), None);
    assert_eq!(code(KeyringFile::hazmat_write_clear(&largest, "main")), Some(Code::KeyringFile));
    assert_eq!(code(KeyringFile::seal(&largest, "main", &wrap(), &OsRandom)), Some(Code::KeyringFile));
    assert_eq!(KeyringFile::load(&path, "main", &wrap(), None).unwrap().keys().count(), 150);

    let mut padded = clear(&ring());
    padded.push_str(&" ".repeat((16 << 20) + 1 - padded.len()));
    assert_eq!(read_clear(&padded), Some(Code::KeyringFile));
    assert_eq!(read_clear(&padded[..16 << 20]), None);
}

/// Ties are found in time that does not grow with the square of the primaries; only their number is asserted.
#[test]
fn a_full_ring_of_full_scopes_loads() {
    let mut builder = Keyring::builder().rev(1);
    for at in 0..4096_u32 {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&at.to_be_bytes());
        let kid = Kid::parse(&format!("k{at}")).unwrap();
        let key = Key::hazmat_from_secret(kid, Purpose::Seal, Suite::Aes256Gcm, &secret).unwrap();
        // 30 pairs that all share, one name of its own, and last the value that tells the keys apart.
        let mut scope: Vec<_> = (0..30).map(|name| (format!("n{name}"), "v".to_owned())).collect();
        scope.extend([(format!("own{at}"), "v".to_owned()), ("z".to_owned(), at.to_string())]);
        builder = builder
            .primary(key.with_scope(scope.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    }
    let start = Instant::now();
    let ring = builder.build().unwrap();
    let built = start.elapsed();
    let sealed = KeyringFile::seal(&ring, "main", &wrap(), &OsRandom).unwrap();
    let start = Instant::now();
    let opened = KeyringFile::open(&sealed, "main", &wrap(), None).unwrap();
    println!("4096 primaries of 32 pairs: built in {built:?}, opened in {:?}", start.elapsed());
    assert_eq!(opened.primaries().count(), 4096);
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("apiseal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_alone_and_appear_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("keyring");
    let path = folder.0.join("ring.json");
    KeyringFile::save(&path, &ring(), "main", &wrap(), &OsRandom).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(KeyringFile::load(&path, "main", &wrap(), None).unwrap().rev(), 7);
    KeyringFile::save(&path, &ring(), "main", &wrap(), &OsRandom).unwrap();
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "a temporary file is left");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(code(KeyringFile::load(&path, "main", &wrap(), None)), Some(Code::KeyringPermissions));
    let missing = KeyringFile::load(&folder.0.join("none"), "main", &wrap(), None).unwrap_err();
    assert_eq!(missing.code(), Code::KeyringFile);
    assert!(missing.detail().unwrap().contains("could not be read"));
}

#[test]
fn those_who_save_and_load_at_once_do_not_disturb_each_other() {
    let folder = Folder::new("race");
    let path = folder.0.join("ring.json");
    KeyringFile::save(&path, &ring(), "main", &wrap(), &OsRandom).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let savers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..40 {
                        KeyringFile::save(&path, &ring(), "main", &wrap(), &OsRandom).unwrap();
                    }
                })
            })
            .collect();
        let loader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(KeyringFile::load(&path, "main", &wrap(), None).unwrap().rev(), 7);
            }
        });
        let saved: Vec<_> = savers.into_iter().map(|saver| saver.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(saved.iter().all(Result::is_ok), "a save failed");
        loader.join().unwrap();
    });
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn of_those_who_create_at_once_one_succeeds() {
    let folder = Folder::new("create");
    for round in 0..20 {
        let (sealed, clear) =
            (folder.0.join(format!("{round}.json")), folder.0.join(format!("{round}.clear")));
        let barrier = Barrier::new(4);
        let winners: Vec<_> = std::thread::scope(|scope| {
            let creators: Vec<_> = (1..=4_u8)
                .map(|at| {
                    let (sealed, clear, barrier) = (&sealed, &clear, &barrier);
                    scope.spawn(move || {
                        let ring = Keyring::builder().primary(key(&format!("k{at}"), at)).build().unwrap();
                        barrier.wait();
                        let one = KeyringFile::create(sealed, &ring, "main", &wrap(), &OsRandom);
                        let other = KeyringFile::hazmat_create_clear(clear, &ring, "main");
                        for result in [&one, &other] {
                            if let Err(error) = result {
                                assert_eq!(error.code(), Code::KeyringFile);
                                assert!(error.detail().unwrap().contains("exists"), "{error}");
                            }
                        }
                        (format!("k{at}"), one.is_ok(), other.is_ok())
                    })
                })
                .collect();
            creators.into_iter().map(|creator| creator.join().unwrap()).collect()
        });
        let holder = |ring: Keyring| ring.keys().next().unwrap().kid().to_string();
        let won: Vec<_> = winners.iter().filter(|(_, one, _)| *one).map(|(kid, ..)| kid.clone()).collect();
        assert_eq!(won, [holder(KeyringFile::load(&sealed, "main", &wrap(), None).unwrap())]);
        let won: Vec<_> = winners.iter().filter(|(.., other)| *other).map(|(kid, ..)| kid.clone()).collect();
        assert_eq!(won, [holder(KeyringFile::hazmat_load_clear(&clear, "main", None).unwrap())]);
    }
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 40, "a temporary file is left");
}

#[cfg(unix)]
#[test]
fn a_dangling_link_is_not_created_over() {
    let folder = Folder::new("dangling");
    let path = folder.0.join("ring.json");
    std::os::unix::fs::symlink("elsewhere.json", &path).unwrap();
    assert_eq!(
        code(KeyringFile::create(&path, &ring(), "main", &wrap(), &OsRandom)),
        Some(Code::KeyringFile)
    );
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let folder = Folder::new("fifo");
    let path = folder.0.join("fifo");
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap();
    assert!(made.success());
    // A reader that opened the pipe would wait for ever.
    let (sender, receiver) = std::sync::mpsc::channel();
    let fifo = path.clone();
    std::thread::spawn(move || sender.send(KeyringFile::load(&fifo, "main", &wrap(), None)));
    let error = receiver.recv_timeout(Duration::from_secs(20)).expect("it returns at once").unwrap_err();
    assert_eq!(error.code(), Code::KeyringFile);
    assert!(error.detail().unwrap().contains("not a regular file"), "{error}");
    let error = KeyringFile::load(&folder.0, "main", &wrap(), None).unwrap_err();
    assert!(error.detail().unwrap().contains("not a regular file"), "{error}");
}

#[test]
fn raw_signing_keys_survive() {
    let clock = FixedClock(5);
    let raw = |kid: &str, suite, secret: &[u8], direction| {
        Key::raw(Kid::parse(kid).unwrap(), suite, secret, &clock).unwrap().with_direction(direction)
    };
    let mut ring = Keyring::builder().name("main");
    for (at, (suite, len)) in [
        (Suite::HmacSha256, 32),
        (Suite::HmacSha256, 64),
        (Suite::Ed25519, 32),
        (Suite::EcdsaP256Sha256, 32),
        (Suite::EcdsaP384Sha384, 48),
    ]
    .into_iter()
    .enumerate()
    {
        let secret = vec![at as u8 + 1; len];
        let full = raw(&format!("s{at}"), suite, &secret, Direction::Request)
            .with_external_keyid(&format!("https://peer.example/\"{at}\""))
            .with_principal("peer")
            .with_profiles(["a", "b"])
            .with_scope([("environment", "test")])
            .with_validity(Some(1), Some(9))
            .with_state(KeyState::VerifyOnly);
        ring = ring.key(full);
        let other = raw("x", suite, &vec![at as u8 + 101; len], Direction::Response);
        if let Some(public) = other.public_key() {
            let key = Key::raw_public(Kid::parse(&format!("p{at}")).unwrap(), suite, public, &clock).unwrap();
            ring = ring.key(key.with_direction(Direction::Response));
        }
    }
    let ring = ring.build().unwrap();
    let sealed = KeyringFile::seal(&ring, "main", &wrap(), &OsRandom).unwrap();
    let opened = KeyringFile::open(&sealed, "main", &wrap(), None).unwrap();
    assert_eq!(clear(&opened), clear(&ring));
    let key = opened.key("s1").unwrap();
    assert_eq!((key.external_keyid(), key.principal()), (Some("https://peer.example/\"1\""), Some("peer")));
    assert_eq!((key.direction(), key.profiles().count()), (Some(Direction::Request), 2));
    assert_eq!(opened.key("p3").unwrap().public_key().map(<[u8]>::len), Some(65));
    // The bytes must be a key, not only of its length.
    let text = clear(&ring);
    let point = text.split("\"public\":\"").nth(2).unwrap().split('"').next().unwrap().to_owned();
    let (last, other) = if point.ends_with('A') { ('A', "E") } else { (point.chars().last().unwrap(), "A") };
    assert_eq!(
        read_clear(&text.replace(&point, &format!("{}{other}", point.strip_suffix(last).unwrap()))),
        Some(Code::KeyringFile)
    );
    // The wrapping key is none of them.
    let same = raw("w", Suite::HmacSha256, &[[200; 32], [0; 32]].concat(), Direction::Request);
    let ring = Keyring::builder().key(same).build().unwrap();
    assert_eq!(code(KeyringFile::seal(&ring, "main", &wrap(), &OsRandom)), Some(Code::KeyDuplicate));
}
