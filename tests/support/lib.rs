//! What the tests of the whole project share: setups with fixed keys and randomness, and edits of documents by path.

pub mod explaining;
pub mod fuzzing;
pub mod messages;
pub mod signing;

use std::path::PathBuf;
use std::sync::Mutex;

use apiseal::{
    Code, Context, Decrypted, FieldCipher, FixedClock, Key, KeyState, Keyring, Kid, Limits, Policy, Purpose,
    Redactor, Result, Suite, hazmat,
};
use serde_json::{Value, json};

/// A file of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Third-party vectors, which are not part of the repository; `None` (and a loud line) where they are absent.
#[must_use]
pub fn shared_vectors(path: &str) -> Option<PathBuf> {
    let found = repository("../shared/vectors").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("NOT RUN: third-party vectors `{path}` are not here; only our own cases ran");
    None
}

/// Bytes from hexadecimal digits.
#[must_use]
pub fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Hexadecimal digits of bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the same bytes again and again, as vectors need it.
pub struct Repeated(Mutex<std::iter::Cycle<std::vec::IntoIter<u8>>>);

impl Repeated {
    /// Starts with the first of `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Repeated(Mutex::new(bytes.into_iter().cycle()))
    }
}

impl hazmat::Random for Repeated {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        let mut source = self.0.lock().unwrap();
        out.fill_with(|| source.next().unwrap());
        Ok(())
    }
}

/// Counts up from a seed, so that no two salts are equal and every run gives the same documents.
pub struct Counted(Mutex<u64>);

impl Counted {
    /// Starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Counted(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

impl hazmat::Random for Counted {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        for chunk in out.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A key as the vector files spell it.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Id.
    pub kid: &'static str,
    /// Suite.
    pub suite: Suite,
    /// Every byte of the secret but the last, which counts up.
    pub secret: u8,
    /// State.
    pub state: KeyState,
    /// Pairs that the context must hold.
    pub scope: &'static [(&'static str, &'static str)],
    /// Whether it encrypts.
    pub primary: bool,
    /// What it serves.
    pub purpose: Purpose,
}

impl KeySpec {
    /// An active AES key for fields.
    #[must_use]
    pub fn new(kid: &'static str, secret: u8) -> Self {
        KeySpec {
            kid,
            suite: Suite::Aes256Gcm,
            secret,
            state: KeyState::Active,
            scope: &[],
            primary: false,
            purpose: Purpose::Seal,
        }
    }

    /// The 32 secret bytes; the secret 0 is the one of the vectors, 00 to 1f.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        std::array::from_fn(|at| self.secret.wrapping_mul(37).wrapping_add(at as u8))
    }

    fn key(&self) -> Key {
        Key::hazmat_from_secret(Kid::parse(self.kid).unwrap(), self.purpose, self.suite, &self.bytes())
            .unwrap()
            .with_state(self.state)
            .with_scope(self.scope.iter().copied())
    }

    fn json(&self) -> Value {
        let scope: serde_json::Map<_, _> =
            self.scope.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        json!({
            "kid": self.kid, "purpose": self.purpose.name(), "suite": self.suite.name(), "secret": hex(&self.bytes()),
            "state": self.state.name(), "scope": scope, "primary": self.primary,
        })
    }
}

/// Everything that an operation needs but the document.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The ring.
    pub keys: Vec<KeySpec>,
    /// The policy file.
    pub policy: String,
    /// The context's pairs.
    pub context: Vec<(&'static str, &'static str)>,
    /// Unix seconds.
    pub now: u64,
    /// Limits.
    pub limits: Limits,
    /// For [`Counted`].
    pub seed: u64,
}

impl Setup {
    /// One primary key `k1` and the context of the vectors.
    #[must_use]
    pub fn new(policy: &str) -> Self {
        let mut key = KeySpec::new("k1", 0);
        key.primary = true;
        Setup {
            keys: vec![key],
            policy: policy.to_owned(),
            context: vec![("purpose", "users"), ("tenant", "acme")],
            now: 1_800_000_000,
            limits: Limits::default(),
            seed: 1,
        }
    }

    /// A policy of layout T with these rules, given without their braces.
    #[must_use]
    pub fn token(rules: &[&str]) -> Self {
        let rules: Vec<String> = rules.iter().map(|rule| format!("{{{rule}}}")).collect();
        Setup::new(&format!(r#"{{"apiseal_policy":1,"id":"test","rules":[{}]}}"#, rules.join(",")))
    }

    /// A policy of layout D with this `bind` and these rules, given without their braces.
    #[must_use]
    pub fn document(bind: &str, rules: &[&str]) -> Self {
        let rules: Vec<String> = rules.iter().map(|rule| format!("{{{rule}}}")).collect();
        Setup::new(&format!(
            r#"{{"apiseal_policy":1,"id":"test","layout":"document","bind":{bind},"rules":[{}]}}"#,
            rules.join(",")
        ))
    }

    /// The same with another context.
    #[must_use]
    pub fn under(&self, context: &[(&'static str, &'static str)]) -> Self {
        Setup { context: context.to_vec(), ..self.clone() }
    }

    /// The same with one thing changed.
    #[must_use]
    pub fn but(&self, change: impl FnOnce(&mut Setup)) -> Self {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    /// The ring.
    ///
    /// # Errors
    /// Those of [`KeyringBuilder::build`](apiseal::KeyringBuilder::build).
    pub fn ring(&self) -> Result<Keyring> {
        let mut builder = Keyring::builder();
        for key in &self.keys {
            builder = if key.primary { builder.primary(key.key()) } else { builder.key(key.key()) };
        }
        builder.build()
    }

    /// The cipher.
    ///
    /// # Errors
    /// Those of the ring and the policy.
    pub fn cipher(&self) -> Result<FieldCipher> {
        FieldCipher::builder(self.ring()?, Policy::from_json(&self.policy)?)
            .clock(FixedClock(self.now))
            .limits(self.limits)
            .hazmat_random(Counted::new(self.seed))
            .build()
    }

    /// Redacts, which needs nothing but the policy.
    ///
    /// # Errors
    /// Those of the policy.
    pub fn redactor(&self) -> Result<Redactor> {
        Redactor::with_limits(&Policy::from_json(&self.policy)?, self.limits)
    }

    /// The context.
    ///
    /// # Errors
    /// Those of [`Context::from_pairs`].
    pub fn context(&self) -> Result<Context> {
        Context::from_pairs(self.context.iter().copied())
    }

    /// Encrypts.
    ///
    /// # Errors
    /// Those of [`FieldCipher::encrypt`].
    pub fn try_encrypt(&self, document: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        self.cipher()?.encrypt(document.as_ref(), &self.context()?)
    }

    /// Encrypts a text that must be encrypted.
    #[must_use]
    pub fn encrypt(&self, document: &str) -> String {
        let sealed = self.try_encrypt(document).unwrap_or_else(|error| panic!("{document}: {error}"));
        String::from_utf8(sealed).unwrap()
    }

    /// Decrypts.
    ///
    /// # Errors
    /// Those of [`FieldCipher::decrypt`].
    pub fn try_decrypt(&self, document: impl AsRef<[u8]>) -> Result<Decrypted> {
        self.cipher()?.decrypt(document.as_ref(), &self.context()?)
    }

    /// Decrypts a text that must open.
    #[must_use]
    pub fn decrypt(&self, document: &str) -> String {
        let opened = self.try_decrypt(document).unwrap_or_else(|error| panic!("{document}: {error}"));
        String::from_utf8(opened.to_vec()).unwrap()
    }

    /// As the shared vector files spell it.
    #[must_use]
    pub fn json(&self) -> Value {
        let pairs: Vec<Value> = self.context.iter().map(|(name, value)| json!([name, value])).collect();
        let keys: Vec<Value> = self.keys.iter().map(KeySpec::json).collect();
        json!({"keys": keys, "policy": self.policy, "context": pairs, "now": self.now})
    }
}

/// The exact text of the one value that a path selects.
#[must_use]
pub fn value_at<'d>(document: &'d str, path: &str) -> &'d str {
    match apiseal::locate(document.as_bytes(), path, &Limits::default()).unwrap().as_slice() {
        [only] => &document[only.start..only.end],
        several => panic!("{path} selects {} values", several.len()),
    }
}

/// The document with the one value that a path selects replaced.
#[must_use]
pub fn put(document: &str, path: &str, value: &str) -> String {
    match apiseal::locate(document.as_bytes(), path, &Limits::default()).unwrap().as_slice() {
        [only] => format!("{}{value}{}", &document[..only.start], &document[only.end..]),
        several => panic!("{path} selects {} values", several.len()),
    }
}

/// The document with the values of two paths exchanged.
#[must_use]
pub fn swap(document: &str, one: &str, other: &str) -> String {
    let (first, second) = (value_at(document, one).to_owned(), value_at(document, other).to_owned());
    put(&put(document, one, &second), other, &first)
}

/// A string in quotes with its body decoded, changed and encoded again.
#[must_use]
pub fn edit_body(string: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let inner = string.trim_matches('"');
    let (head, body) = inner.rsplit_once('.').unwrap();
    let mut bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(body).unwrap();
    change(&mut bytes);
    format!("\"{head}.{}\"", base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes))
}

/// The code of a failure.
#[must_use]
pub fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|error| error.code())
}
