//! Raw keys: secrets of foreign peers and public keys. They sign and verify as they are; nothing is derived from them.

use std::fmt;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose, Suite};
use crate::keys::key::Key;
use crate::keys::material::Material;
use crate::keys::sign::SignatureKey;

/// The bytes of a raw key as files hold them, and the key made of them.
#[derive(Clone)]
pub(crate) struct RawKey {
    secret: Option<Zeroizing<Box<[u8]>>>,
    /// Ed25519: 32 bytes. ECDSA: `04 ‖ x ‖ y`. RSA: u16 length of the modulus, modulus, exponent.
    public: Option<Box<[u8]>>,
    key: SignatureKey,
}

impl RawKey {
    /// A shared secret, the seed of an Ed25519 key, or the scalar of an ECDSA key.
    ///
    /// # Errors
    /// [`Code::KeyImport`]; [`Code::KeySuite`] if the suite signs nothing.
    pub(crate) fn of_secret(suite: Suite, secret: &[u8]) -> Result<Self> {
        let key = match suite {
            Suite::HmacSha256 => SignatureKey::hmac(secret)?,
            Suite::Ed25519 => {
                let seed = secret.try_into();
                SignatureKey::ed25519_secret(seed.map_err(|_| bad("an Ed25519 seed has 32 bytes"))?)
            }
            Suite::EcdsaP256Sha256 | Suite::EcdsaP384Sha384 => SignatureKey::ecdsa_secret(suite, secret)?,
            _ => return Err(bad("keys of this suite have no secret here")),
        };
        let public = key.public();
        Ok(RawKey { secret: Some(Zeroizing::new(secret.into())), public, key })
    }

    /// A public key, in the form that [`RawKey::public`] gives.
    ///
    /// # Errors
    /// As [`RawKey::of_secret`].
    pub(crate) fn of_public(suite: Suite, public: &[u8]) -> Result<Self> {
        let key = match suite {
            Suite::Ed25519 => {
                let bytes = public.try_into();
                SignatureKey::ed25519_public(bytes.map_err(|_| bad("an Ed25519 public key has 32 bytes"))?)?
            }
            Suite::EcdsaP256Sha256 | Suite::EcdsaP384Sha384 => SignatureKey::ecdsa_public(suite, public)?,
            Suite::RsaPssSha512 | Suite::RsaV15Sha256 => {
                let parts = public.split_first_chunk::<2>().and_then(|(length, rest)| {
                    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
                });
                let (modulus, exponent) = parts.ok_or_else(|| bad("it is no modulus and exponent"))?;
                SignatureKey::rsa_public(suite, modulus, exponent)?
            }
            _ => return Err(bad("keys of this suite have no public part")),
        };
        Ok(RawKey { secret: None, public: Some(public.into()), key })
    }

    pub(crate) fn secret(&self) -> Option<&[u8]> {
        self.secret.as_ref().map(|secret| &***secret)
    }

    pub(crate) fn public(&self) -> Option<&[u8]> {
        self.public.as_deref()
    }

    pub(crate) fn key(&self) -> &SignatureKey {
        &self.key
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawKey({}, REDACTED)", self.key.suite())
    }
}

impl Key {
    /// A raw signing key with its secret: 32 to 64 bytes shared with a peer (`hmac-sha256`), the seed of 32 bytes of an
    /// Ed25519 key, or the scalar of an ECDSA key. It needs a direction.
    ///
    /// # Errors
    /// [`Code::KeyImport`] if the bytes are no such secret, or everybody knows them: a public key in PEM or DER.
    pub fn raw(kid: Kid, suite: Suite, secret: &[u8], clock: &dyn Clock) -> Result<Self> {
        let raw = RawKey::of_secret(suite, secret).map_err(|error| error.with_kid(kid.as_str()))?;
        Key::with_material(kid, Purpose::SigRaw, suite, clock.now(), Material::Raw(Box::new(raw)))
    }

    /// A raw public key, which only verifies: 32 bytes of Ed25519, or an uncompressed point of ECDSA. It needs a
    /// direction. RSA keys are imported as PEM or JWK.
    ///
    /// # Errors
    /// [`Code::KeyImport`] if the bytes are no such key, or a weak one.
    pub fn raw_public(kid: Kid, suite: Suite, public: &[u8], clock: &dyn Clock) -> Result<Self> {
        let raw = RawKey::of_public(suite, public).map_err(|error| error.with_kid(kid.as_str()))?;
        Key::with_material(kid, Purpose::SigRaw, suite, clock.now(), Material::Raw(Box::new(raw)))
    }

    /// The public part of a raw key: 32 bytes of Ed25519, an uncompressed point of ECDSA; none of a shared secret.
    #[must_use]
    pub fn public_key(&self) -> Option<&[u8]> {
        match &self.material {
            Material::Raw(raw) => raw.public(),
            _ => None,
        }
    }
}

fn bad(detail: &str) -> Error {
    Error::because(Code::KeyImport, detail)
}
