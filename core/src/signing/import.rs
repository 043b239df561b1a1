//! Public keys in the forms that peers hand out: JWK and JWKS (RFC 7517, 7518, 8037), PEM (RFC 7468).

use base64_simd::URL_SAFE_NO_PAD;

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Suite};
use crate::json::reader::{File, Item};
use crate::keys::key::Key;

/// DER of a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) up to the key itself. DER has one spelling, so that these
/// bytes are the whole grammar.
const SPKI: [(Suite, &[u8], usize); 3] = [
    (Suite::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 32),
    (
        Suite::EcdsaP256Sha256,
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        65,
    ),
    (
        Suite::EcdsaP384Sha384,
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
        97,
    ),
];

/// AlgorithmIdentifier of rsaEncryption (RFC 8017, appendix C), as it stands in a SubjectPublicKeyInfo.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

impl Key {
    /// A raw public key from one PEM block, `PUBLIC KEY` or `RSA PUBLIC KEY`. RSA keys do not tell their algorithm, so
    /// that the caller states it for all. It needs a direction.
    ///
    /// # Errors
    /// [`Code::KeyImport`] if the text is no such key, or one of another suite.
    pub fn from_pem(kid: Kid, suite: Suite, pem: &str, clock: &dyn Clock) -> Result<Self> {
        let (label, der) = block(pem)?;
        let public = match label {
            "PUBLIC KEY" => spki(suite, &der)?,
            "RSA PUBLIC KEY" if is_rsa(suite) => rsa_key(&der)?,
            _ => return Err(bad("expected a PEM block PUBLIC KEY or RSA PUBLIC KEY of this suite")),
        };
        Key::raw_public(kid, suite, &public, clock)
    }

    /// A raw public key from a JWK. The suite is the caller's to state; the JWK's `alg`, `use` and `key_ops` must not
    /// contradict it. A JWK with a private part is refused: it does not belong into the hands of a verifier. Its `kid`
    /// becomes the external key id. The key needs a direction.
    ///
    /// # Errors
    /// [`Code::KeyImport`].
    pub fn from_jwk(kid: Kid, suite: Suite, jwk: &str, clock: &dyn Clock) -> Result<Self> {
        let file = File::parse(jwk.as_bytes(), Code::KeyImport)?;
        of_item(kid, suite, &file.root(), clock)
    }

    /// The key with this `kid` from a JWKS; other keys in it may be of any kind.
    ///
    /// # Errors
    /// [`Code::KeyImport`]; [`Code::UnknownKey`] if the set has none or several of this id.
    pub fn from_jwks(kid: Kid, suite: Suite, jwks: &str, external: &str, clock: &dyn Clock) -> Result<Self> {
        let file = File::parse(jwks.as_bytes(), Code::KeyImport)?;
        let root = file.root();
        let members = root.members()?;
        let keys = members.iter().find(|(name, _)| name == "keys");
        let keys = keys.ok_or_else(|| root.fault("member `keys` is missing"))?.1.array()?;
        let named = |item: &&Item<'_, '_>| member(item, "kid").ok().flatten().as_deref() == Some(external);
        let mut found = keys.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(only), None) => of_item(kid, suite, only, clock),
            _ => Err(Error::because(Code::UnknownKey, "the set has not exactly one key of this id")),
        }
    }

    /// The public part of a raw key as a JWK, for peers that verify. `None` for shared secrets and RSA keys.
    #[must_use]
    pub fn to_jwk(&self) -> Option<String> {
        let public = self.public_key()?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let kid = self.external_keyid().unwrap_or_else(|| self.kid().as_str());
        let mut quoted = Vec::new();
        crate::json::text::write_string(&mut quoted, kid.as_bytes());
        let kid = String::from_utf8_lossy(&quoted).into_owned();
        let point = |curve: &str, alg: &str| {
            let (x, y) = public.get(1..)?.split_at_checked(public.len() / 2)?;
            let (x, y) = (encode(x), encode(y));
            Some(format!(
                r#"{{"kty":"EC","crv":"{curve}","alg":"{alg}","use":"sig","kid":{kid},"x":"{x}","y":"{y}"}}"#
            ))
        };
        match self.suite() {
            Suite::Ed25519 => {
                let x = encode(public);
                Some(format!(
                    r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":{kid},"x":"{x}"}}"#
                ))
            }
            Suite::EcdsaP256Sha256 => point("P-256", "ES256"),
            Suite::EcdsaP384Sha384 => point("P-384", "ES384"),
            _ => None,
        }
    }
}

fn of_item(kid: Kid, suite: Suite, item: &Item<'_, '_>, clock: &dyn Clock) -> Result<Key> {
    if item
        .members()?
        .iter()
        .any(|(name, _)| matches!(name.as_str(), "d" | "k" | "p" | "q" | "dp" | "dq" | "qi" | "oth"))
    {
        return Err(item.fault("it has a private part; give the public key alone"));
    }
    let (kty, crv, algs): (&str, Option<&str>, &[&str]) = match suite {
        Suite::Ed25519 => ("OKP", Some("Ed25519"), &["EdDSA", "Ed25519"]),
        Suite::EcdsaP256Sha256 => ("EC", Some("P-256"), &["ES256"]),
        Suite::EcdsaP384Sha384 => ("EC", Some("P-384"), &["ES384"]),
        Suite::RsaPssSha512 => ("RSA", None, &["PS512"]),
        Suite::RsaV15Sha256 => ("RSA", None, &["RS256"]),
        _ => return Err(bad("a JWK holds no key of this suite")),
    };
    let is = |name: &str, wanted: &[&str], required: bool| -> Result<()> {
        match member(item, name)? {
            Some(value) if !wanted.contains(&value.as_str()) => {
                Err(item.fault(format!("`{name}` is another than that of the suite")))
            }
            None if required => Err(item.fault(format!("member `{name}` is missing"))),
            _ => Ok(()),
        }
    };
    is("kty", &[kty], true)?;
    is("alg", algs, false)?;
    is("use", &["sig"], false)?;
    if let Some(crv) = crv {
        is("crv", &[crv], true)?;
    }
    if let Some((_, operations)) = item.members()?.iter().find(|(name, _)| name == "key_ops") {
        let operations: Result<Vec<String>> = operations.array()?.iter().map(Item::string).collect();
        if !operations?.iter().any(|operation| operation == "verify") {
            return Err(item.fault("`key_ops` does not hold `verify`"));
        }
    }
    let bytes = |name: &str| -> Result<Vec<u8>> {
        let text = member(item, name)?.ok_or_else(|| item.fault(format!("member `{name}` is missing")))?;
        URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| item.fault(format!("`{name}` is not base64url")))
    };
    let public = match kty {
        "OKP" => bytes("x")?,
        "EC" => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != y.len() {
                return Err(item.fault("`x` and `y` have different lengths"));
            }
            [&[4], &*x, &y].concat()
        }
        _ => rsa_parts(&bytes("n")?, &bytes("e")?),
    };
    let key = Key::raw_public(kid, suite, &public, clock)?;
    Ok(match member(item, "kid")? {
        Some(external) => key.with_external_keyid(&external),
        None => key,
    })
}

fn member(item: &Item<'_, '_>, name: &str) -> Result<Option<String>> {
    item.members()?.iter().find(|(own, _)| own == name).map(|(_, item)| item.string()).transpose()
}

/// The label and content of the only block.
fn block(pem: &str) -> Result<(&str, Vec<u8>)> {
    let bad = || bad("expected one PEM block");
    let rest = pem.trim_ascii().strip_prefix("-----BEGIN ").ok_or_else(bad)?;
    let (label, rest) = rest.split_once("-----").ok_or_else(bad)?;
    let end = format!("-----END {label}-----");
    let body = rest.strip_suffix(&end).ok_or_else(bad)?;
    let text: Vec<u8> = body.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let der = base64_simd::STANDARD.decode_to_vec(text).map_err(|_| bad())?;
    Ok((label, der))
}

fn spki(suite: Suite, der: &[u8]) -> Result<Vec<u8>> {
    if let Some((_, prefix, len)) = SPKI.iter().find(|(own, ..)| *own == suite) {
        let key = der.strip_prefix(*prefix).filter(|key| key.len() == *len);
        return key.map(<[u8]>::to_vec).ok_or_else(|| bad("it is no public key of this suite"));
    }
    if !is_rsa(suite) {
        return Err(bad("a PEM block holds no key of this suite"));
    }
    let wrong = || bad("it is no RSA public key");
    let inner = all_of(0x30, der).ok_or_else(wrong)?;
    let bits = inner.strip_prefix(RSA).and_then(|rest| all_of(0x03, rest));
    rsa_key(bits.and_then(|bits| bits.strip_prefix(b"\0")).ok_or_else(wrong)?)
}

/// RSAPublicKey (RFC 8017, appendix A.1.1).
fn rsa_key(der: &[u8]) -> Result<Vec<u8>> {
    let parts = all_of(0x30, der).and_then(|inner| {
        let (modulus, rest) = element(0x02, inner)?;
        let exponent = all_of(0x02, rest)?;
        Some((unsigned(modulus)?, unsigned(exponent)?))
    });
    let (modulus, exponent) = parts.ok_or_else(|| bad("it is no RSA public key"))?;
    Ok(rsa_parts(modulus, exponent))
}

/// As raw keys hold RSA keys.
fn rsa_parts(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    [&(modulus.len() as u16).to_be_bytes(), modulus, exponent].concat()
}

/// The content of a DER element, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => {
            rest.split_first().map(|(len, rest)| (usize::from(*len), rest)).filter(|(len, _)| *len > 0x7f)?
        }
        0x82 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    let canonical = *first != 0x82 || len > 0xff;
    rest.split_at_checked(len).filter(|_| canonical)
}

/// The content of the DER element that fills the text.
fn all_of(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// The bytes of a positive INTEGER in its shortest form.
fn unsigned(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] => rest.first().filter(|first| **first >= 0x80).map(|_| rest),
        [first, ..] if *first < 0x80 => Some(integer),
        _ => None,
    }
}

fn is_rsa(suite: Suite) -> bool {
    matches!(suite, Suite::RsaPssSha512 | Suite::RsaV15Sha256)
}

fn bad(detail: &str) -> Error {
    Error::because(Code::KeyImport, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;

    fn kid() -> Kid {
        Kid::parse("k").unwrap()
    }

    /// The public key of RFC 8032, section 7.1, test 1.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn jwk(members: &str) -> Result<Key> {
        Key::from_jwk(kid(), Suite::Ed25519, &format!("{{{members}}}"), &FixedClock(0))
    }

    fn code<T>(result: Result<T>) -> Code {
        result.err().unwrap().code()
    }

    #[test]
    fn a_jwk_comes_back() {
        let key =
            jwk(&format!(r#""kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"p\"1","x":"{X}""#))
                .unwrap();
        assert_eq!(key.external_keyid(), Some("p\"1"));
        let again = Key::from_jwk(kid(), Suite::Ed25519, &key.to_jwk().unwrap(), &FixedClock(0)).unwrap();
        assert_eq!((again.public_key(), again.external_keyid()), (key.public_key(), key.external_keyid()));
    }

    #[test]
    fn jwks_that_are_refused() {
        for members in [
            String::new(),
            format!(r#""kty":"OKP","x":"{X}""#),
            format!(r#""kty":"OKP","crv":"X25519","x":"{X}""#),
            format!(r#""kty":"EC","crv":"Ed25519","x":"{X}""#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","alg":"HS256""#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","use":"enc""#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","key_ops":["sign"]"#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","d":"{X}""#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","x":"{X}""#),
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}=""#),
            r#""kty":"OKP","crv":"Ed25519","x":"AA""#.to_owned(),
            r#""kty":"oct","k":"AAAA""#.to_owned(),
        ] {
            assert_eq!(code(jwk(&members)), Code::KeyImport, "{members}");
        }
        let one = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{X}"}}"#);
        let set = |keys: &str, id: &str| {
            Key::from_jwks(kid(), Suite::Ed25519, &format!(r#"{{"keys":[{keys}]}}"#), id, &FixedClock(0))
        };
        assert!(set(&format!(r#"{{"kty":"oct","k":"x"}},{one}"#), "a").is_ok());
        assert_eq!(code(set(&one, "b")), Code::UnknownKey);
        assert_eq!(code(set(&format!("{one},{one}"), "a")), Code::UnknownKey);
    }

    #[test]
    fn pems_that_are_refused() {
        let public = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(X).unwrap();
        let der = [SPKI[0].1, &public].concat();
        let pem = |der: &[u8], label: &str| {
            let text = base64_simd::STANDARD.encode_to_string(der);
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        let read = |pem: &str, suite| Key::from_pem(kid(), suite, pem, &FixedClock(0));
        let good = pem(&der, "PUBLIC KEY");
        assert_eq!(read(&good, Suite::Ed25519).unwrap().public_key(), Some(&public[..]));
        for (text, suite) in [
            (good.clone(), Suite::HmacSha256),
            (good.clone(), Suite::RsaV15Sha256),
            (format!("{good}{good}"), Suite::Ed25519),
            (good.replace("END", "BEGIN"), Suite::Ed25519),
            (pem(&der[..43], "PUBLIC KEY"), Suite::Ed25519),
            (pem(&[&der[..], &[0]].concat(), "PUBLIC KEY"), Suite::Ed25519),
            (pem(&der, "PRIVATE KEY"), Suite::Ed25519),
            (String::new(), Suite::Ed25519),
        ] {
            assert_eq!(code(read(&text, suite)), Code::KeyImport, "{text}");
        }
    }
}
