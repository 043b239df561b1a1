//! A busy run, and all that it tells: errors, debug output, audit events, `tracing`. None of it holds a value, a secret
//! or a context value. A test by itself: what `tracing` keeps of a call site is shared by all threads.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};

use apiseal::{
    Audit, Bound, Context, Event, FieldCipher, Keyring, Limits, LineOptions, Policy, Redactor, Reencryption,
    ValueCipher,
};
use apiseal_workspace::{KeySpec, Setup, edit_body, hex, put, swap, value_at};
use tracing_subscriber::fmt::MakeWriter;

/// Writes down what it hears.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

impl Audit for Heard {
    fn event(&self, event: &Event<'_>) {
        writeln!(self.0.lock().unwrap(), "{event:?}").unwrap();
    }
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
    assert!(traced.lines().count() > 100);
    for (message, level) in [("key used", " DEBUG "), ("refused", " WARN ")] {
        let mut lines =
            traced.lines().filter(|line| line.contains(&format!("apiseal: {message}"))).peekable();
        assert!(lines.peek().is_some() && lines.all(|line| line.contains(level)), "{message}");
    }
    (said.0 + &traced, said.1)
}

const CLEAR: &str = r#"{"id": 77001, "ssn": "PLAINTEXT-ssn", "list": [{"pan": 7700211223344}, {"pan": 7700355667788}], "note": {"k": "PLAINTEXT-note"}}"#;

/// The cipher of a setup with a hook.
fn audited(setup: &Setup, heard: &Heard) -> FieldCipher {
    let cipher = setup.cipher().unwrap();
    let builder = FieldCipher::builder(cipher.keyring().clone(), cipher.policy().clone());
    builder.audit(heard.clone()).build().unwrap()
}

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
                writeln!(said, "{again:?}\n{:?}", again.run(input, context, &evil)).unwrap();
                if let Err(error) = cipher.decrypt(input, context) {
                    writeln!(said, "{error}").unwrap();
                }
            }
        }
        let lines = inputs.join("\n");
        let mut options = LineOptions::default();
        options.threads = 2;
        for context in [&context, &evil] {
            for line in cipher.decrypt_lines(io::Cursor::new(lines.clone()), context, options).unwrap() {
                writeln!(said, "{:?}", line.unwrap()).unwrap();
            }
        }
        let redactor = Redactor::new(cipher.policy()).unwrap();
        for input in inputs.iter().map(String::as_bytes) {
            writeln!(said, "{redactor:?} {:?}", apiseal::inspect(input, &Limits::default())).unwrap();
            writeln!(said, "{:?}", cipher.inspect(input, &context)).unwrap();
        }
        writeln!(said, "{:?}", redactor.redact(sealed.as_bytes())).unwrap();
        let values = ValueCipher::builder(cipher.keyring().clone(), "users.ssn").unwrap();
        let values = values.audit(heard.clone()).build().unwrap();
        let bound = [Bound::json("users.id", "77001")];
        let token = values.encrypt_text("PLAINTEXT-value", &bound, &context).unwrap();
        for (token, context) in [(&token, &context), (&token, &evil), (&token.replace("k1", "k9"), &context)]
        {
            writeln!(said, "{values:?} {bound:?} {:?}", values.decrypt_text(token, &bound, context)).unwrap();
        }
        writeln!(said, "{:?}", values.encrypt(b"PLAINTEXT", &bound, &context)).unwrap();
        writeln!(said, "{cipher:?}\n{context:?}\n{exported:?}\n{:?}", cipher.keyring()).unwrap();
    }
    let bad = r#"{"apiseal_policy":1,"id":"p","rules":[{"path":"$.PLAINTEXT"}]}"#;
    let policy_error = Policy::from_json(bad).unwrap_err();
    assert!(policy_error.to_string().contains("bind"));
    write!(said, "{:?}", Keyring::builder()).unwrap();
    said.push_str(&heard.0.lock().unwrap());
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
}
