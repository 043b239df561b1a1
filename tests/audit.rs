//! Audit events: one for each use of a key, and never a value, a secret or a context value in anything that is told.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};

use apiseal::{
    Audit, Code, Context, Event, FieldCipher, FixedClock, Keyring, Operation, Policy, Reencryption,
};
use apiseal_workspace::{Counted, KeySpec, Setup, edit_body, hex, put, swap, value_at};
use tracing_subscriber::fmt::MakeWriter;

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

/// Collects what `tracing` writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Written {
    type Writer = Written;
    fn make_writer(&'w self) -> Written {
        self.clone()
    }
}

/// Everything that the library can be made to say in a busy run.
fn everything_said() -> (String, Vec<String>) {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(written.clone())
        .with_ansi(false)
        .finish();
    let said = tracing::subscriber::with_default(subscriber, busy_run);
    let traced = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(traced.lines().count() > 100 && traced.contains("key used") && traced.contains("refused"));
    (said.0 + &traced, said.1)
}

const CLEAR: &str = r#"{"id": 77001, "ssn": "PLAINTEXT-ssn", "list": [{"pan": 7700211223344}, {"pan": 7700355667788}], "note": {"k": "PLAINTEXT-note"}}"#;

fn busy_run() -> (String, Vec<String>) {
    let heard = Heard::default();
    let mut said = String::new();
    let rules = ["$.ssn", "$.list[*].pan", "$.note"];
    let with = |rest: &str| rules.map(|path| format!(r#""path":"{path}"{rest}"#));
    let token = Setup::token(&with(r#","bind":["$.id"]"#).each_ref().map(String::as_str));
    let document = Setup::document("[\"$\"]", &with("").each_ref().map(String::as_str));
    let mut secrets: Vec<String> =
        ["PLAINTEXT", "7700211223344", "7700355667788", "CONTEXTVALUE"].map(str::to_owned).into();
    for setup in [token, document] {
        let setup = setup.under(&[("purpose", "users"), ("patient", "CONTEXTVALUE")]).but(|setup| {
            setup.keys.push(KeySpec { primary: false, ..KeySpec::new("other", 200) });
        });
        for key in &setup.keys {
            let bytes = key.bytes();
            secrets.push(hex(&bytes));
            secrets.push(base64_simd::STANDARD.encode_to_string(bytes)[..40].to_owned());
            secrets.push(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)[..40].to_owned());
            secrets.push(format!("{:?}", &bytes[1..9]).trim_matches(['[', ']']).to_owned());
        }
        let (cipher, context) = (audited(&setup, &heard), setup.context().unwrap());
        let evil = Context::new("users").unwrap().with("patient", "CONTEXTVALUE-2").unwrap();
        let exported = cipher.keyring().current().export_context("k1", &context).unwrap();
        secrets.push(hex(exported.hazmat_secret().unwrap()));
        let sealed = String::from_utf8(cipher.encrypt(CLEAR.as_bytes(), &context).unwrap()).unwrap();
        let broken =
            |path: &str| put(&sealed, path, &edit_body(value_at(&sealed, path), |body| body[40] ^= 1));
        let inputs = [
            sealed.clone(),
            put(&sealed, "$.id", "77002"),
            swap(&sealed, "$.list[0].pan", "$.list[1].pan"),
            put(&sealed, "$.ssn", "\"PLAINTEXT in clear\""),
            broken("$.ssn"),
            sealed.replace("as1.k1", "as1.other").replace("as1d.k1", "as1d.other"),
            sealed.replace("as1.k1", "as1.nobody").replace("as1d.k1", "as1d.nobody"),
            sealed[..sealed.len() - 3].to_owned(),
            CLEAR.to_owned(),
            CLEAR.replace("\"note\"", "\"ssn\""),
        ];
        for input in inputs.iter().map(String::as_bytes) {
            for context in [&context, &evil] {
                let cipher = &cipher;
                write!(
                    said,
                    "{:?}\n{:?}\n",
                    cipher.decrypt(input, context),
                    cipher.decrypt_lenient(input, context)
                )
                .unwrap();
                writeln!(said, "{:?}", cipher.decrypt_partial(input, &["$.ssn", "$..pan"], context)).unwrap();
                writeln!(said, "{:?}", cipher.diagnose(input, context, std::slice::from_ref(&evil))).unwrap();
                writeln!(said, "{:?}", cipher.encrypt(input, context).map(drop)).unwrap();
                let again = Reencryption::new(cipher.clone(), cipher.clone());
                writeln!(said, "{again:?}\n{:?}", again.run(input, context, &evil).map(drop)).unwrap();
                if let Err(error) = cipher.decrypt(input, context) {
                    writeln!(said, "{error}").unwrap();
                }
            }
        }
        writeln!(said, "{cipher:?}\n{context:?}\n{exported:?}\n{:?}", cipher.keyring()).unwrap();
    }
    let bad = r#"{"apiseal_policy":1,"id":"p","rules":[{"path":"$.PLAINTEXT"}]}"#;
    let policy_error = Policy::from_json(bad).unwrap_err();
    assert!(policy_error.to_string().contains("bind"));
    write!(said, "{:?}", Keyring::builder()).unwrap();
    said.push_str(&heard.take().join("\n"));
    (said, secrets)
}

#[test]
fn nothing_that_is_told_holds_a_value_a_secret_or_a_context() {
    let (said, secrets) = everything_said();
    assert!(said.len() > 50_000 && said.contains("Rejected") && said.contains("$['list'][0]['pan']"));
    for secret in secrets {
        if let Some(at) = said.find(&secret) {
            panic!("`{secret}` was told: …{}…", &said[at.saturating_sub(120)..(at + 40).min(said.len())]);
        }
    }
    assert_eq!(Operation::Encrypt.to_string(), "encrypt");
}
