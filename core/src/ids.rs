//! The registries of the format: key ids, suites, position modes, purposes.

use std::borrow::Borrow;
use std::fmt;

use crate::error::{Code, Error, Result};

/// Id of a key: 1 to 32 characters of `A-Z a-z 0-9 _ -`, but not `_` alone. It is public and stands in every token.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(Box<str>);

impl Kid {
    /// Checks the characters and the length.
    ///
    /// # Errors
    /// [`Code::InvalidKeyId`].
    pub fn parse(text: &str) -> Result<Self> {
        if !Kid::is_legal(text) {
            return Err(Error::because(Code::InvalidKeyId, "use 1 to 32 characters of A-Z a-z 0-9 _ -"));
        }
        Ok(Kid(text.into()))
    }

    /// Whether [`Kid::parse`] takes the text; it costs no allocation.
    pub(crate) fn is_legal(text: &str) -> bool {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !text.is_empty() && text.len() <= 32 && text != "_" && text.bytes().all(legal)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by ids are asked with the text of a token.
impl Borrow<str> for Kid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({})", self.0)
    }
}

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $type { $($(#[doc = $doc])+ $variant,)+ }

        impl $type {
            /// Every value.
            pub const ALL: &'static [$type] = &[$($type::$variant,)+];

            /// The name used in files.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $($type::$variant => $name,)+ } }

            /// The value with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }
    };
}

named! {
    /// Algorithm that the ring pins to a key.
    Suite {
        /// AES-256-GCM (NIST SP 800-38D), suite 01.
        Aes256Gcm = "aes-256-gcm",
        /// ChaCha20-Poly1305 (RFC 8439), suite 02.
        ChaCha20Poly1305 = "chacha20-poly1305",
        /// HMAC-SHA-256 for blind indexes, suite 20.
        IndexHmacSha256 = "index-hmac-sha256",
        /// HTTP signatures with `hmac-sha256` (RFC 9421, section 3.3.3), suite 30. Whoever verifies can sign.
        HmacSha256 = "hmac-sha256",
        /// HTTP signatures with `ed25519` (RFC 9421, section 3.3.6), verified strictly, suite 31.
        Ed25519 = "ed25519",
        /// HTTP signatures with ECDSA on P-256 (RFC 9421, section 3.3.4), suite 32. Feature `ecdsa-p256`.
        EcdsaP256Sha256 = "ecdsa-p256-sha256",
        /// HTTP signatures with ECDSA on P-384 (RFC 9421, section 3.3.5), suite 33. Feature `ecdsa-p384`.
        EcdsaP384Sha384 = "ecdsa-p384-sha384",
        /// HTTP signatures with RSASSA-PSS (RFC 9421, section 3.3.1), verified only, suite 34. Feature `verify-rsa`.
        RsaPssSha512 = "rsa-pss-sha512",
        /// HTTP signatures with RSASSA-PKCS1-v1_5 (RFC 9421, section 3.3.2), verified only, suite 35. Feature
        /// `verify-rsa`.
        RsaV15Sha256 = "rsa-v1_5-sha256",
    }
}

impl Suite {
    /// The byte in tokens and key derivation.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Suite::Aes256Gcm => 0x01,
            Suite::ChaCha20Poly1305 => 0x02,
            Suite::IndexHmacSha256 => 0x20,
            Suite::HmacSha256 => 0x30,
            Suite::Ed25519 => 0x31,
            Suite::EcdsaP256Sha256 => 0x32,
            Suite::EcdsaP384Sha384 => 0x33,
            Suite::RsaPssSha512 => 0x34,
            Suite::RsaV15Sha256 => 0x35,
        }
    }

    /// The suite of a token's first byte; only AEAD suites stand there.
    pub(crate) fn of_token(byte: u8) -> Option<Self> {
        [Suite::Aes256Gcm, Suite::ChaCha20Poly1305].into_iter().find(|suite| suite.byte() == byte)
    }
}

named! {
    /// What a key may be used for; the names are labels of the key derivation.
    Purpose {
        /// Encrypting fields.
        Seal = "seal",
        /// Encrypting fields deterministically.
        Det = "det",
        /// Blind indexes.
        Idx = "idx",
        /// Signing HTTP messages with a key of one context.
        Sig = "sig",
        /// Signing or verifying HTTP messages with a key that is used as it is; nothing is derived from it.
        SigRaw = "sig-raw",
        /// Content keys for recipients.
        Rcp = "rcp",
    }
}

impl Purpose {
    /// Whether a key of this purpose may be pinned to `suite`.
    #[must_use]
    pub fn fits(self, suite: Suite) -> bool {
        match self {
            Purpose::Seal | Purpose::Det | Purpose::Rcp => {
                matches!(suite, Suite::Aes256Gcm | Suite::ChaCha20Poly1305)
            }
            Purpose::Idx => suite == Suite::IndexHmacSha256,
            Purpose::Sig => suite == Suite::HmacSha256,
            Purpose::SigRaw => matches!(suite.byte(), 0x30..=0x35),
        }
    }
}

named! {
    /// Which messages a signing key may serve: one key for both would let a peer send our messages back to us.
    Direction {
        /// Requests.
        Request = "req",
        /// Responses.
        Response = "res",
    }
}

/// How a token is tied to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// The exact location, array indices included.
    Exact,
    /// The location with every array index open.
    Elements,
    /// A label instead of a location.
    Named,
    /// A field of layout D; its location is exact.
    Document,
}

impl Mode {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Mode::Exact => 0x01,
            Mode::Elements => 0x02,
            Mode::Named => 0x03,
            Mode::Document => 0x21,
        }
    }

    /// The name of a mode that this version writes.
    pub(crate) fn name_of(byte: u8) -> Option<&'static str> {
        let modes = [
            (Mode::Exact, "exact"),
            (Mode::Elements, "elements"),
            (Mode::Named, "named"),
            (Mode::Document, "document"),
        ];
        modes.into_iter().find(|(mode, _)| mode.byte() == byte).map(|(_, name)| name)
    }

    /// Whether a token of layout T may have this mode: 01–03, and 11–13 for the deterministic mode, which no policy
    /// of this version asks for.
    pub(crate) fn is_of_token(byte: u8) -> bool {
        matches!(byte, 0x01..=0x03 | 0x11..=0x13)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_14_key_ids() {
        for good in ["a", "k1", "_a", "__", "A-Z_09", &"k".repeat(32)] {
            assert_eq!(Kid::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "_", "a.b", "a+b", "é", "a b", "k\n", &"k".repeat(33)] {
            assert_eq!(Kid::parse(bad).unwrap_err().code(), Code::InvalidKeyId, "{bad:?}");
        }
    }

    #[test]
    fn names_and_purposes() {
        for &suite in Suite::ALL {
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
        }
        assert!(Purpose::Seal.fits(Suite::ChaCha20Poly1305) && !Purpose::Seal.fits(Suite::HmacSha256));
        assert_eq!(Purpose::from_name("krg"), None);
    }
}
