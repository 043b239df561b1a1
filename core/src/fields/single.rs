//! One value by itself: a database column, a cookie, a header. It is a document that consists of the value alone, under
//! a policy whose one rule protects it by a label; only what it is bound to comes from the caller.

use std::fmt;

use crate::audit::{Audit, Operation};
use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::binding::bound_to_labels;
use crate::fields::cipher::{FieldCipher, FieldCipherBuilder};
use crate::fields::decrypt::{self, Manner, Plain};
use crate::fields::encrypt::{self, Origin};
use crate::fields::uses;
use crate::ids::Kid;
use crate::json::text as json_text;
use crate::keys::handle::KeyringHandle;
use crate::limits::Limits;
use crate::policy::{Keys, PaddingRule, Policy};
use crate::rng::hazmat::Random;
use crate::secret::{SecretBytes, Wiped};
use crate::token::pad::Padding;
use crate::token::text;

/// Encrypts and decrypts single values under one label, which stands for their place: `users.email` for a column, say.
/// Immutable, cheap to clone, shared between threads.
///
/// The tokens are those of a document policy with the rule
/// `{"path": …, "position": "named", "label": …, "bind": [{"label": …, "path": …}, …]}`: a value may be cut out of a
/// document and opened here, and the reverse.
///
/// A token opens wherever the label, the bound values and the context are the same. Bind what identifies the row; with
/// `&[]` a token may be moved from row to row, and nobody notices. An older token put back at its place still opens.
///
/// ```
/// # fn main() -> apiseal::Result<()> {
/// use apiseal::{Bound, Code, Context, Keyring, OsRandom, Suite, SystemClock, ValueCipher};
/// let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
/// let emails = ValueCipher::new(ring, "users.email")?;
/// let context = Context::new("users")?.with("tenant", "acme")?;
///
/// let token = emails.encrypt_text("ada@example.com", &[Bound::json("users.id", "7")], &context)?;
/// assert!(token.starts_with("as1."));
/// let email = emails.decrypt_text(&token, &[Bound::json("users.id", "7")], &context)?;
/// assert_eq!(&email[..], b"ada@example.com");
///
/// // The address of row 7 does not open in row 8.
/// let moved = emails.decrypt_text(&token, &[Bound::json("users.id", "8")], &context);
/// assert_eq!(moved.unwrap_err().code(), Code::Rejected);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ValueCipher {
    cipher: FieldCipher,
    label: String,
}

/// A clear value beside a protected one, which must be the same on decryption. Values are compared as JSON: `1` and
/// `1.0` are one number, `1` and `"1"` are not one value.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    label: &'a str,
    value: BoundValue<'a>,
}

#[derive(Clone, Copy)]
enum BoundValue<'a> {
    Json(&'a [u8]),
    Text(&'a str),
}

impl<'a> Bound<'a> {
    /// A value given by its JSON text, such as `42` or `{"a":1}`, under a label of 1 to 1024 bytes.
    #[must_use]
    pub fn json(label: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Bound { label, value: BoundValue::Json(value.as_ref()) }
    }

    /// A text given as it is, without quotes, under a label of 1 to 1024 bytes.
    #[must_use]
    pub const fn text(label: &'a str, value: &'a str) -> Self {
        Bound { label, value: BoundValue::Text(value) }
    }
}

/// Bound values may be personal: only the label prints.
impl fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("label", &self.label).finish_non_exhaustive()
    }
}

impl ValueCipher {
    /// A cipher for a label of 1 to 1024 bytes, with default settings: keys whose scope equals the primary's, default
    /// padding, default limits, the system's clock and random source.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for the label.
    pub fn new(ring: impl Into<KeyringHandle>, label: &str) -> Result<Self> {
        ValueCipher::builder(ring, label)?.build()
    }

    /// A cipher with other settings.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for the label.
    pub fn builder(ring: impl Into<KeyringHandle>, label: &str) -> Result<ValueCipherBuilder> {
        let policy = Policy::single(label, Keys::LikePrimary, PaddingRule::Default, false)?;
        Ok(ValueCipherBuilder {
            cipher: FieldCipher::builder(ring, policy),
            label: label.to_owned(),
            keys: Keys::LikePrimary,
            padding: PaddingRule::Default,
            nested: false,
        })
    }

    /// The ring that the cipher uses, to be replaced while it runs.
    #[must_use]
    pub fn keyring(&self) -> &KeyringHandle {
        self.cipher.keyring()
    }

    /// Encrypts one value, given by its exact JSON text without white space around it: decryption gives this text back
    /// byte for byte, and so its type too. `bound` is a choice that must be made: `&[]` lets the token move between all
    /// places of this label and context.
    ///
    /// # Errors
    /// Those of [`FieldCipher::encrypt`](crate::FieldCipher::encrypt) for a document that is this value.
    /// [`Code::MalformedJson`] also for a malformed bound value; [`Code::BoundConflict`] for a label that stands twice,
    /// or is the value's own; [`Code::InvalidArgument`] for a label of a wrong length.
    pub fn encrypt(&self, value: &[u8], bound: &[Bound<'_>], context: &Context) -> Result<String> {
        let space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if space(value.first()) || space(value.last()) {
            return Err(Error::because(Code::MalformedJson, "white space around the value"));
        }
        let bound = self.bound(bound)?;
        let mut out = Vec::new();
        let origin = Origin { stated: Some(&bound), ..Origin::CLEAR };
        uses::told(&self.cipher, Operation::Encrypt, context, |uses| {
            encrypt::encrypt(&self.cipher, value, context, origin, &mut out, uses)
        })?;
        // The whole output is the token in quotes.
        let token = out.strip_prefix(b"\"").and_then(|token| token.strip_suffix(b"\""));
        let token = token.ok_or_else(|| Error::new(Code::Internal))?.to_vec();
        String::from_utf8(token).map_err(|_| Error::new(Code::Internal))
    }

    /// Encrypts a text, given without quotes.
    ///
    /// # Errors
    /// As [`ValueCipher::encrypt`].
    pub fn encrypt_text(&self, text: &str, bound: &[Bound<'_>], context: &Context) -> Result<String> {
        // An escape takes at most six bytes: nothing is reallocated, and so nothing left behind.
        let mut value = Wiped::with_capacity(text.len().saturating_mul(6).saturating_add(2));
        json_text::write_string(&mut value, text.as_bytes());
        self.encrypt(&value, bound, context)
    }

    /// Gives back the exact JSON text of the value that was encrypted; it is wiped when dropped.
    ///
    /// # Errors
    /// Those of [`FieldCipher::decrypt`](crate::FieldCipher::decrypt), and those of [`ValueCipher::encrypt`] for `bound`.
    pub fn decrypt(&self, token: &str, bound: &[Bound<'_>], context: &Context) -> Result<SecretBytes> {
        // In quotes it is a document.
        if token.len() + 2 > self.cipher.limits.document {
            return Err(Error::because(Code::MalformedToken, "it is longer than a document may be"));
        }
        let bound = self.bound(bound)?;
        let mut document = Vec::with_capacity(token.len() + 2);
        json_text::write_string(&mut document, token.as_bytes());
        uses::told(&self.cipher, Operation::Decrypt, context, |uses| {
            let manner = Manner { plain: Plain::Never, stated: Some(&bound), memory: Wiped::default() };
            decrypt::open(&self.cipher, &document, context, manner, uses)
        })
        .map(|opened| opened.text)
    }

    /// Gives back the text that was encrypted, without quotes, as UTF-8; it is wiped when dropped.
    ///
    /// # Errors
    /// As [`ValueCipher::decrypt`]; [`Code::TypeMismatch`] if the value is not a string.
    pub fn decrypt_text(&self, token: &str, bound: &[Bound<'_>], context: &Context) -> Result<SecretBytes> {
        let value = self.decrypt(token, bound, context)?;
        if value.first() != Some(&b'"') {
            return Err(Error::new(Code::TypeMismatch));
        }
        Ok(SecretBytes::new(json_text::decoded_string(&value, 0, value.len()).into_owned()))
    }

    fn bound(&self, bound: &[Bound<'_>]) -> Result<Vec<u8>> {
        let mut quoted = Vec::new();
        for bound in bound {
            crate::policy::single::check_label(bound.label)?;
            if let BoundValue::Text(text) = bound.value {
                let mut value = Vec::with_capacity(text.len() + 2);
                json_text::write_string(&mut value, text.as_bytes());
                quoted.push(value);
            }
        }
        let mut quoted = quoted.iter();
        let mut members = Vec::with_capacity(bound.len());
        for bound in bound {
            let value = match bound.value {
                BoundValue::Json(value) => value,
                BoundValue::Text(_) => quoted.next().ok_or_else(|| Error::new(Code::Internal))?,
            };
            members.push((bound.label, value));
        }
        bound_to_labels(&self.label, &members, &self.cipher.limits)
    }
}

impl fmt::Debug for ValueCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueCipher").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Settings of a cipher for single values.
pub struct ValueCipherBuilder {
    cipher: FieldCipherBuilder,
    label: String,
    keys: Keys,
    padding: PaddingRule,
    nested: bool,
}

impl ValueCipherBuilder {
    /// Allows these keys only. The primary encrypts if it is among them, else the only active one.
    #[must_use]
    pub fn keys(mut self, kids: impl IntoIterator<Item = Kid>) -> Self {
        self.keys = Keys::Listed(kids.into_iter().collect());
        self
    }

    /// Allows every key of the ring whose scope admits the context.
    #[must_use]
    pub fn any_key(mut self) -> Self {
        self.keys = Keys::Any;
        self
    }

    /// How values are padded; it matters for encryption only. A multiple is from 2 to 65536.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = match padding {
            Padding::Default => PaddingRule::Default,
            Padding::None => PaddingRule::None,
            Padding::Multiple(of) => PaddingRule::Multiple(of),
        };
        self
    }

    /// Encrypts texts that begin like a token as they are, instead of refusing them.
    #[must_use]
    pub fn nested(mut self, on: bool) -> Self {
        self.nested = on;
        self
    }

    /// Sets the limits. A value counts as a document, too.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.cipher = self.cipher.limits(limits);
        self
    }

    /// Sets the clock, which key validity is judged by.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.cipher = self.cipher.clock(clock);
        self
    }

    /// As [`FieldCipherBuilder::hedged_salts`](crate::FieldCipherBuilder::hedged_salts).
    #[must_use]
    pub fn hedged_salts(mut self, on: bool) -> Self {
        self.cipher = self.cipher.hedged_salts(on);
        self
    }

    /// Tells `audit` of every use of a key. An event has the label as its policy, and the rule `$`.
    #[must_use]
    pub fn audit(mut self, audit: impl Audit + 'static) -> Self {
        self.cipher = self.cipher.audit(audit);
        self
    }

    /// Replaces the random source. A source that repeats itself breaks the encryption: for vectors and tests.
    #[must_use]
    pub fn hazmat_random(mut self, random: impl Random + 'static) -> Self {
        self.cipher = self.cipher.hazmat_random(random);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a limit or a padding out of its range, or an empty list of keys.
    pub fn build(self) -> Result<ValueCipher> {
        if self.keys == Keys::Listed(Vec::new()) {
            return Err(Error::because(Code::InvalidArgument, "the list of keys is empty"));
        }
        let policy = Policy::single(&self.label, self.keys, self.padding, self.nested)?;
        Ok(ValueCipher { cipher: self.cipher.policy(policy).build()?, label: self.label })
    }
}

impl fmt::Debug for ValueCipherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueCipherBuilder")
    }
}

/// Exact length, in characters (all ASCII) and without quotes, of the token for a JSON text of `value_len` bytes.
///
/// A text without escapes has a JSON text two bytes longer than itself. `padding` must be the one that encrypts.
///
/// ```
/// use apiseal::{Kid, Padding, token_len};
/// assert_eq!(token_len(Padding::Default, 13, &Kid::parse("k1")?)?, 149);
/// # Ok::<(), apiseal::Error>(())
/// ```
///
/// # Errors
/// [`Code::InvalidArgument`]: the length is 0, which no JSON text has, or over [`Limits::MAX_DOCUMENT`].
pub fn token_len(padding: Padding, value_len: usize, kid: &Kid) -> Result<usize> {
    if value_len == 0 || value_len > Limits::MAX_DOCUMENT {
        return Err(Error::because(Code::InvalidArgument, "the length of a value is from 1 byte to 1 GiB"));
    }
    Ok(text::token_len(kid, padding.padded_len(value_len)) - 2)
}

/// Length of the longest token for JSON texts of up to `value_len` bytes under any key: a column of this size
/// (`VARCHAR`, ASCII) also takes the tokens of every later key.
///
/// ```
/// use apiseal::{Padding, max_token_len};
/// // An address of up to 254 characters that needs no escapes, in quotes.
/// assert_eq!(max_token_len(Padding::Default, 256)?, 477);
/// # Ok::<(), apiseal::Error>(())
/// ```
///
/// # Errors
/// As [`token_len`].
pub fn max_token_len(padding: Padding, value_len: usize) -> Result<usize> {
    token_len(padding, value_len, &Kid::parse(&"k".repeat(32))?)
}
