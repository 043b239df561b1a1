//! Audit events: one for each use of a key.

use std::sync::{Arc, Mutex};

use apiseal::{
    Audit, Code, Context, Event, FieldCipher, FixedClock, Keyring, MemoryReplay, Message, Profile,
    Reencryption, Signer, Verifier,
};
use apiseal_workspace::signing::{NOW, Sent, key};
use apiseal_workspace::{Counted, Setup, code, edit_body, hex, put, value_at};

/// Keeps what it hears.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Audit for Heard {
    fn event(&self, event: &Event<'_>) {
        let rule = event.rule.unwrap_or("-");
        let tag = event.context_tag.map_or_else(|| "-".to_owned(), |tag| hex(&tag));
        let kid = event.key_id.unwrap_or("-");
        let names = event.context_names.join(",");
        let end = event.failure.map_or("done", Code::name);
        let (operation, count, plain) = (event.operation, event.count, event.accepted_plain);
        let line = format!("{operation} {} {rule} {kid} {names} {tag} {count}+{plain} {end}", event.policy);
        self.0.lock().unwrap().push(line);
    }
}

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The cipher of a setup with a hook.
fn audited(setup: &Setup, heard: &Heard) -> FieldCipher {
    let cipher = setup.cipher().unwrap();
    FieldCipher::builder(cipher.keyring().clone(), cipher.policy().clone())
        .clock(FixedClock(setup.now))
        .hazmat_random(Counted::new(setup.seed))
        .audit(heard.clone())
        .build()
        .unwrap()
}

const DOCUMENT: &str = r#"{"id": 1, "list": [{"pan": 1}, {"pan": 2}], "ssn": "x"}"#;
const RULES: [&str; 3] = [
    r#""path":"$.list[*].pan","bind":["$.id"]"#,
    r#""path":"$.ssn","bind":["$.id"]"#,
    r#""path":"$.more","bind":[],"occurs":"optional""#,
];

#[test]
fn each_use_is_told_by_rule_and_key() {
    let heard = Heard::default();
    let setup = Setup::token(&RULES);
    let (cipher, context) = (audited(&setup, &heard), setup.context().unwrap());
    let sealed = cipher.encrypt(DOCUMENT.as_bytes(), &context).unwrap();
    // The tag is that of docs/format.md, section 22.
    let tag = "45fa14576ab6d7de";
    let used = |operation: &str, end: &str| {
        vec![
            format!("{operation} test $.list[*].pan k1 purpose,tenant {tag} 2+0 {end}"),
            format!("{operation} test $.ssn k1 purpose,tenant {tag} 1+0 {end}"),
        ]
    };
    assert_eq!(heard.take(), used("encrypt", "done"));
    cipher.decrypt(&sealed, &context).unwrap();
    assert_eq!(heard.take(), used("decrypt", "done"));
    cipher.decrypt_lenient(&sealed, &context).unwrap();
    assert_eq!(heard.take(), used("decrypt_some", "done"));
    cipher.decrypt_partial(&sealed, &["$.ssn"], &context).unwrap();
    assert_eq!(heard.take(), used("decrypt_some", "done")[1..]);
    cipher.diagnose(&sealed, &context, &[]).unwrap();
    assert_eq!(heard.take(), used("diagnose", "done"));
    // A refusal after a key was used, and one before.
    let moved = put(std::str::from_utf8(&sealed).unwrap(), "$.id", "2");
    cipher.decrypt(moved.as_bytes(), &context).unwrap_err();
    assert_eq!(heard.take(), used("decrypt", "Rejected"));
    cipher.decrypt(b"{", &context).unwrap_err();
    assert_eq!(heard.take(), ["decrypt test - - purpose,tenant - 0+0 MalformedJson"]);
    cipher.encrypt(b"{}", &context).unwrap_err();
    assert_eq!(heard.take(), ["encrypt test - - purpose,tenant - 0+0 NoMatch"]);
    Reencryption::new(cipher.clone(), cipher).run(&sealed, &context, &context).unwrap();
    assert_eq!(heard.take(), [used("decrypt", "done"), used("encrypt", "done")].concat());
}

#[test]
fn a_document_tells_its_key_for_each_rule_and_for_none() {
    let heard = Heard::default();
    let rules = [r#""path":"$.list[*].pan","occurs":"optional""#, r#""path":"$.ssn","occurs":"optional""#];
    let setup = Setup::document("[\"$\"]", &rules);
    let (cipher, context) = (audited(&setup, &heard), setup.context().unwrap());
    for document in [DOCUMENT, "{}"] {
        let sealed = cipher.encrypt(document.as_bytes(), &context).unwrap();
        cipher.decrypt(&sealed, &context).unwrap();
    }
    let kinds: Vec<String> =
        heard.take().iter().map(|line| line.replace(" purpose,tenant 45fa14576ab6d7de", "")).collect();
    let expected = [
        "encrypt test $.list[*].pan k1 2+0 done",
        "encrypt test $.ssn k1 1+0 done",
        "decrypt test $.list[*].pan k1 2+0 done",
        "decrypt test $.ssn k1 1+0 done",
        "encrypt test - k1 0+0 done",
        "decrypt test - k1 0+0 done",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_migration_lets_through_is_counted() {
    let heard = Heard::default();
    let migrate =
        r#""bind":["$.id"],"types":["string"],"migrate":{"accept_plain":true,"until":"2099-01-01"}"#;
    let setup =
        Setup::token(&[&format!(r#""path":"$.a[*]",{migrate}"#), &format!(r#""path":"$.b[*]",{migrate}"#)]);
    let (cipher, context) = (audited(&setup, &heard), setup.context().unwrap());
    let sealed = cipher.encrypt(br#"{"id":1,"a":["1","2"],"b":["3","4"]}"#, &context).unwrap();
    heard.take();
    let mixed = put(std::str::from_utf8(&sealed).unwrap(), "$.a[1]", "\"clear\"");
    let mixed = put(&put(&mixed, "$.b[0]", "\"clear\""), "$.b[1]", "\"clear\"");
    cipher.decrypt(mixed.as_bytes(), &context).unwrap();
    let tag = "45fa14576ab6d7de";
    assert_eq!(
        heard.take(),
        [
            format!("decrypt test $.a[*] k1 purpose,tenant {tag} 1+1 done"),
            "decrypt test $.b[*] - purpose,tenant - 0+2 done".to_owned(),
        ]
    );
}

#[test]
fn tags_of_contexts_and_keys_differ_and_are_no_hash() {
    let heard = Heard::default();
    let setup = Setup::token(&RULES);
    let mut tags = Vec::new();
    for setup in [
        setup.clone(),
        setup.under(&[("purpose", "users"), ("tenant", "other")]),
        setup.but(|setup| setup.keys[0].secret = 3),
        setup.but(|setup| setup.keys[0].kid = "k9"),
    ] {
        audited(&setup, &heard).encrypt(DOCUMENT.as_bytes(), &setup.context().unwrap()).unwrap();
        tags.push(heard.take()[0].split(' ').nth(5).unwrap().to_owned());
    }
    let count = tags.len();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), count);
}

#[test]
fn what_does_not_open_in_a_call_that_goes_on_is_told_as_failed() {
    let heard = Heard::default();
    for setup in [
        Setup::token(&[r#""path":"$.a","bind":["$.id"]"#, r#""path":"$.b","bind":[]"#]),
        Setup::document("[\"$.id\"]", &[r#""path":"$.a""#, r#""path":"$.b""#]),
    ] {
        let (cipher, context) = (audited(&setup, &heard), setup.context().unwrap());
        let sealed =
            String::from_utf8(cipher.encrypt(br#"{"id":1,"a":"x","b":"y"}"#, &context).unwrap()).unwrap();
        let altered =
            put(&sealed, "$.a", &edit_body(value_at(&sealed, "$.a"), |body| *body.last_mut().unwrap() ^= 1));
        heard.take();
        cipher.decrypt_lenient(altered.as_bytes(), &context).unwrap();
        let told = heard.take();
        assert_eq!(told.iter().filter(|line| line.ends_with("+0 done")).count(), 2, "{told:?}");
        assert!(
            told.contains(&"decrypt_some test $.a - purpose,tenant - 1+0 Rejected".to_owned()),
            "{told:?}"
        );
        cipher.diagnose(altered.as_bytes(), &context, &[]).unwrap();
        let told = heard.take();
        assert!(
            told.iter().any(|line| line.starts_with("diagnose") && line.ends_with("Rejected")),
            "{told:?}"
        );

        // Each candidate that is tried is a use of its key under another context.
        let wrong =
            setup.under(&[("purpose", "users"), ("tenant", "b")]).encrypt(r#"{"id":1,"a":"x","b":"y"}"#);
        let candidates =
            ["a", "b"].map(|tenant| Context::new("users").unwrap().with("tenant", tenant).unwrap());
        cipher.diagnose(wrong.as_bytes(), &context, &candidates).unwrap();
        let told = heard.take();
        let mut tags: Vec<&str> = told
            .iter()
            .filter(|line| line.contains(" k1 "))
            .map(|line| line.split(' ').nth(5).unwrap())
            .collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 3, "{told:?}");
    }
}

#[test]
fn signatures_are_told_by_profile_and_key() {
    let heard = Heard::default();
    let clock = FixedClock(NOW);
    let scoped = |kid: &str, scope: [(&'static str, &'static str); 2]| key(kid).with_scope(scope);
    let keys = [scoped("acme", [("partner", "acme"), ("env", "test")]), key("service")];
    let ring = keys.into_iter().fold(Keyring::builder(), |ring, key| ring.key(key)).build().unwrap();
    let signer = Signer::new(ring.clone(), Profile::apiseal_v1()).audit(heard.clone());
    let verifier = Verifier::new(ring, Profile::apiseal_v1(), MemoryReplay::new(9, &FixedClock(0)));
    let verifier = verifier.audit(heard.clone());

    let sent = Sent::post().carrying(&Sent::post().try_sign(&signer.clone().key("acme")).unwrap());
    assert_eq!(heard.take(), ["sign apiseal-v1 - acme env,partner - 1+0 done"]);
    assert_eq!(code(Sent::post().try_sign(&signer.clone().key("service"))), Some(Code::KeyState));
    assert_eq!(heard.take(), ["sign apiseal-v1 - service  - 0+0 KeyState"]);

    let response = Message::response(204);
    let signed = sent.verified(&verifier, |verified| {
        assert_eq!(heard.take(), ["verify apiseal-v1 - acme env,partner - 1+0 done"]);
        signer.sign_response(&response, verified, &clock).unwrap();
        assert_eq!(heard.take(), ["sign apiseal-v1 - service  - 1+0 done"]);
        code(signer.sign_response(&response, verified, &clock))
    });
    assert_eq!(signed.unwrap(), Some(Code::NotSignable));
    assert_eq!(heard.take(), ["sign apiseal-v1 - -  - 0+0 NotSignable"]);
    assert_eq!(code(sent.verify_with(&verifier)), Some(Code::Replayed));
    assert_eq!(heard.take(), ["verify apiseal-v1 - acme  - 0+0 Replayed"]);
    let forged = sent.clone().edit("signature", "sig=:", "sig=:AA");
    assert_eq!(code(forged.verify_with(&verifier)), Some(Code::SignatureMalformed));
    assert_eq!(heard.take(), ["verify apiseal-v1 - -  - 0+0 SignatureMalformed"]);

    // In pieces: the head, a piece or the end may fail; whatever fails is told once.
    let spooled = |sent: &Sent, piece: &[u8]| {
        sent.view(|message| {
            let mut spool = verifier.spool(message, Vec::new(), &clock)?;
            spool.write(piece)?;
            spool.finish(&clock).map(drop)
        })
    };
    assert_eq!(code(spooled(&forged, b"")), Some(Code::SignatureMalformed));
    assert_eq!(code(spooled(&sent, b"x")), Some(Code::DigestMismatch));
    assert_eq!(code(spooled(&sent, &sent.body)), Some(Code::Replayed));
    let fresh = Sent::post().carrying(&Sent::post().try_sign(&signer.key("acme")).unwrap());
    heard.0.lock().unwrap().pop();
    assert_eq!(code(spooled(&fresh, &fresh.body)), None);
    let ends: Vec<String> =
        heard.take().iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(ends, ["SignatureMalformed", "DigestMismatch", "Replayed", "done"]);
}
