//! Encryption and decryption of NDJSON: each line is a document of its own.

use std::io::Read;

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::fields::cipher::{Decrypted, FieldCipher};
use crate::lines::{Blocks, LineOptions, Lines};

impl FieldCipher {
    /// Encrypts each line of `source` as a document of its own, in constant memory and in order. A line may have as
    /// many bytes as a document at most, whatever `options` say.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use apiseal::{Context, FieldCipher, Keyring, OsRandom, Policy, Suite, SystemClock};
    /// use apiseal::{LineOptions, lines::Outcome};
    /// # let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom)?;
    /// # let policy = Policy::from_json(r#"{"apiseal_policy": 1, "id": "demo",
    /// #     "rules": [{"path": "$.card", "bind": ["$.id"]}]}"#)?;
    /// # let cipher = FieldCipher::new(ring, policy)?;
    /// # let context = Context::new("orders")?;
    /// let source = &b"{\"id\": 1, \"card\": \"4111\"}\n{\"id\": 2}\n"[..]; // or a File
    /// let mut options = LineOptions::default();
    /// options.threads = 2;
    /// let mut sealed = Vec::new();
    /// for line in cipher.encrypt_lines(source, &context, options)? {
    ///     let line = line?; // the source could not be read
    ///     match line.outcome {
    ///         Outcome::Blank(text) | Outcome::Done(text) => {
    ///             sealed.extend(text);
    ///             sealed.extend(line.ending.as_bytes());
    ///         }
    ///         Outcome::Failed(error) => assert_eq!((line.number, error.code().number()), (2, 211)),
    ///     }
    /// }
    /// assert!(sealed.ends_with(b"\"}\n") && !sealed.windows(4).any(|four| four == b"4111"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an option out of its range, [`Code::ContextMissing`] for a context without a
    /// purpose. Every line has an outcome of its own, with the errors of [`FieldCipher::encrypt`].
    pub fn encrypt_lines(
        &self,
        source: impl Read + Send + 'static,
        context: &Context,
        options: LineOptions,
    ) -> Result<Lines<Vec<u8>>> {
        Lines::new(source, self.line_options(context, options)?, self.encryption(context))
    }

    /// Decrypts each line of `source`, which [`FieldCipher::encrypt_lines`] made or [`FieldCipher::encrypt`] in as many
    /// calls. See there.
    ///
    /// # Errors
    /// As [`FieldCipher::encrypt_lines`]. Every line has an outcome of its own, with the errors of
    /// [`FieldCipher::decrypt`], and [`Code::LineBreak`] for a document that would be more than one line.
    pub fn decrypt_lines(
        &self,
        source: impl Read + Send + 'static,
        context: &Context,
        options: LineOptions,
    ) -> Result<Lines<Decrypted>> {
        Lines::new(source, self.line_options(context, options)?, self.decryption(context))
    }

    /// As [`FieldCipher::encrypt_lines`], with many lines in one text.
    ///
    /// # Errors
    /// As [`FieldCipher::encrypt_lines`].
    pub fn encrypt_blocks(
        &self,
        source: impl Read + Send + 'static,
        context: &Context,
        options: LineOptions,
    ) -> Result<Blocks> {
        Blocks::new(source, self.line_options(context, options)?, self.encryption(context))
    }

    /// As [`FieldCipher::decrypt_lines`], with many lines in one text.
    ///
    /// # Errors
    /// As [`FieldCipher::decrypt_lines`].
    pub fn decrypt_blocks(
        &self,
        source: impl Read + Send + 'static,
        context: &Context,
        options: LineOptions,
    ) -> Result<Blocks> {
        Blocks::new(source, self.line_options(context, options)?, self.decryption(context))
    }

    fn encryption(&self, context: &Context) -> impl Fn(&[u8]) -> Result<Vec<u8>> + Send + Sync + 'static {
        let (cipher, context) = (self.clone(), context.clone());
        move |line| cipher.encrypt(line, &context)
    }

    fn decryption(&self, context: &Context) -> impl Fn(&[u8]) -> Result<Decrypted> + Send + Sync + 'static {
        let (cipher, context) = (self.clone(), context.clone());
        move |line| {
            let opened = cipher.decrypt(line, &context)?;
            if opened.contains(&b'\n') {
                let detail = "a protected value has line breaks; decrypt this document by itself";
                return Err(Error::because(Code::LineBreak, detail));
            }
            Ok(opened)
        }
    }

    fn line_options(&self, context: &Context, mut options: LineOptions) -> Result<LineOptions> {
        context.demand_purpose()?;
        options.max_line = options.max_line.min(self.limits.document);
        Ok(options)
    }
}
