//! One request a line on standard input, one reply a line on standard output: lets an independent implementation of
//! the format exchange documents and keyrings with the core. For tests: secrets come and go in clear.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use apiseal::{
    Context, FieldCipher, FixedClock, Key, KeyState, Keyring, KeyringFile, Kid, OsRandom, Policy, Purpose,
    Result, Suite, Wrap,
};
use base64_simd::STANDARD;
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let reply = match answer(&request) {
            Ok(ok) => json!({ "ok": ok }),
            Err(error) => {
                json!({"error": error.code().name(), "code": error.code().number(), "text": error.to_string()})
            }
        };
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: &Value) -> Result<Value> {
    match text(&request["op"]) {
        op @ ("encrypt" | "decrypt") => {
            let ring = ring(request)?;
            let policy = Policy::from_json(&request["policy"].to_string())?;
            let clock = FixedClock(request["now"].as_u64().unwrap_or(0));
            let cipher = FieldCipher::builder(ring, policy).clock(clock).build()?;
            let context = Context::from_pairs(pairs(&request["context"]))?;
            let document = STANDARD.decode_to_vec(text(&request["document"])).unwrap_or_default();
            let output = match op {
                "encrypt" => cipher.encrypt(&document, &context)?,
                _ => cipher.decrypt(&document, &context)?.into_unprotected(),
            };
            Ok(STANDARD.encode_to_string(output).into())
        }
        "keyring_open" => {
            let wrap = match request["passphrase"].as_str() {
                Some(passphrase) => Wrap::passphrase(passphrase.as_bytes()),
                None => Wrap::raw(&secret(&request["wrapping_key"])),
            };
            let ring =
                KeyringFile::open(text(&request["file"]).as_bytes(), text(&request["ring"]), &wrap, None)?;
            let keys = ring.keys().map(|key| {
                json!({
                    "kid": key.kid().as_str(), "purpose": key.purpose().name(), "suite": key.suite().name(),
                    "state": key.state().name(), "secret": key.hazmat_secret().map(|secret| hex(secret)),
                    "direction": key.direction().map(|direction| direction.name()), "external_keyid": key.external_keyid(),
                    "root": key.root().map(Kid::as_str),
                    "context": key.context().map(|own| own.pairs().collect::<BTreeMap<_, _>>()),
                })
            });
            Ok(json!({"rev": ring.rev(), "keys": keys.collect::<Vec<_>>()}))
        }
        "keyring_seal" => {
            let wrap = Wrap::raw(&secret(&request["wrapping_key"]));
            let file = KeyringFile::seal(&ring(request)?, text(&request["ring"]), &wrap, &OsRandom)?;
            Ok(String::from_utf8_lossy(&file).into())
        }
        op if op.starts_with("http_") => apiseal_workspace::messages::answer(op, request),
        _ => Ok(Value::Null),
    }
}

fn ring(request: &Value) -> Result<Keyring> {
    if let Some(file) = request["ring_file"].as_str() {
        return KeyringFile::hazmat_read_clear(file.as_bytes(), "exchange", None);
    }
    let mut builder = Keyring::builder().rev(request["rev"].as_u64().unwrap_or(0));
    for entry in request["keys"].as_array().into_iter().flatten() {
        let suite = Suite::from_name(text(&entry["suite"])).unwrap_or(Suite::Ed25519);
        let state = KeyState::from_name(text(&entry["state"])).unwrap_or(KeyState::Active);
        let purpose = entry["purpose"].as_str().and_then(Purpose::from_name).unwrap_or(Purpose::Seal);
        let key = Key::hazmat_from_secret(
            Kid::parse(text(&entry["kid"]))?,
            purpose,
            suite,
            &secret(&entry["secret"]),
        )?
        .with_state(state)
        .with_scope(pairs(&entry["scope"]));
        builder = if entry["primary"] == true { builder.primary(key) } else { builder.key(key) };
    }
    builder.build()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pairs(value: &Value) -> impl Iterator<Item = (&str, &str)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), text(value)))
}

fn secret(value: &Value) -> [u8; 32] {
    let digits = text(value);
    std::array::from_fn(|at| {
        digits.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
