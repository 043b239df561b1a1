//! The digest of the content (RFC 9530): over the bytes as received, before any decoding.

use sha2::{Digest, Sha256, Sha512};

use crate::error::{Code, Error, Result};
use crate::http::sf;

/// The digests that a `Content-Digest` field states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stated {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

/// Algorithms that RFC 9530, section 5, calls insecure.
const DEPRECATED: [&str; 6] = ["md5", "sha", "unixsum", "unixcksum", "adler", "crc32c"];

impl Stated {
    /// Reads the field. Unknown algorithms are ignored; one that is known must be there.
    ///
    /// # Errors
    /// [`Code::DigestAlgorithm`]: not a dictionary, a deprecated algorithm, a digest of a wrong length or spelling,
    /// or none that is known.
    pub(crate) fn parse(field: &[u8]) -> Result<Self> {
        let mut stated = Stated::default();
        let result = sf::byte_sequences(field, |key, value| {
            let broken = sf::Refused("a digest has a wrong length or spelling");
            match key {
                "sha-256" => stated.sha256 = Some(value.and_then(decoded).ok_or(broken)?),
                "sha-512" => stated.sha512 = Some(value.and_then(decoded).ok_or(broken)?),
                key if DEPRECATED.contains(&key) => return Err(sf::Refused("an algorithm is deprecated")),
                _ => {}
            }
            Ok(())
        });
        match result {
            Ok(()) if stated == Stated::default() => {
                Err(Error::because(Code::DigestAlgorithm, "use sha-256 or sha-512"))
            }
            Ok(()) => Ok(stated),
            Err(reason) => Err(Error::because(Code::DigestAlgorithm, reason.0)),
        }
    }

    /// Starts hashing.
    pub(crate) fn hasher(&self) -> Hasher {
        Hasher { sha256: self.sha256.map(|_| Sha256::new()), sha512: self.sha512.map(|_| Sha512::new()) }
    }

    /// Whether every stated digest is that of the content.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`].
    pub(crate) fn check(&self, hasher: Hasher) -> Result<()> {
        self.compare(
            || hasher.sha256.map(|own| own.finalize().into()),
            || hasher.sha512.map(|own| own.finalize().into()),
        )
    }

    /// Whether every stated digest is that of these bytes.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`].
    pub(crate) fn check_bytes(&self, content: &[u8]) -> Result<()> {
        self.compare(|| Some(Sha256::digest(content).into()), || Some(Sha512::digest(content).into()))
    }

    fn compare(
        &self,
        sha256: impl FnOnce() -> Option<[u8; 32]>,
        sha512: impl FnOnce() -> Option<[u8; 64]>,
    ) -> Result<()> {
        let one = self.sha256.map(|stated| sha256() == Some(stated));
        let other = self.sha512.map(|stated| sha512() == Some(stated));
        match (one, other) {
            (Some(false), _) | (_, Some(false)) | (None, None) => Err(Error::new(Code::DigestMismatch)),
            _ => Ok(()),
        }
    }
}

/// Hashes content as it arrives.
#[derive(Clone)]
pub(crate) struct Hasher {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Hasher {
    pub(crate) fn update(&mut self, chunk: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(chunk);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(chunk);
        }
    }
}

/// Appends the value of a `Content-Digest` field with SHA-256 of the content.
pub(crate) fn write_content_digest(content: &[u8], out: &mut String) {
    out.push_str("sha-256=:");
    base64_simd::STANDARD.encode_append(sha256(&[content]), out);
    out.push(':');
}

/// The value of a `Content-Digest` field with each algorithm, and with all.
pub(crate) fn all_digests(content: &[u8]) -> [String; 4] {
    let encoded = |bytes: &[u8]| base64_simd::STANDARD.encode_to_string(bytes);
    let one = format!("sha-256=:{}:", encoded(&Sha256::digest(content)));
    let other = format!("sha-512=:{}:", encoded(&Sha512::digest(content)));
    [one.clone(), other.clone(), format!("{one}, {other}"), format!("{other}, {one}")]
}

/// SHA-256 of the concatenation.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Strict base64 of exactly so many bytes.
fn decoded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if base64_simd::STANDARD.decoded_length(text).ok()? != N {
        return None;
    }
    let mut bytes = [0; N];
    base64_simd::STANDARD.decode(text, base64_simd::Out::from_slice(&mut bytes)).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(field: &str, content: &[u8]) -> Option<Code> {
        let result = Stated::parse(field.as_bytes()).and_then(|stated| stated.check_bytes(content));
        result.err().map(|error| error.code())
    }

    const HELLO_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const HELLO_512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    #[test]
    fn lesson_s25_every_recognised_digest_counts() {
        let content = b"{\"hello\": \"world\"}";
        let mut made = String::new();
        write_content_digest(content, &mut made);
        assert_eq!(made, HELLO_256);
        for (field, expected) in [
            (HELLO_256.to_owned(), None),
            (HELLO_512.to_owned(), None),
            (format!("{HELLO_512}, {HELLO_256}"), None),
            (format!("x=:AA==:, {HELLO_256}"), None),
            (
                format!("{HELLO_512}, sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
                Some(Code::DigestMismatch),
            ),
            (format!("{HELLO_256}, md5=:AAAAAAAAAAAAAAAAAAAAAA==:"), Some(Code::DigestAlgorithm)),
            (format!("{HELLO_256}, {HELLO_256}"), Some(Code::DigestAlgorithm)),
            ("x=:AA==:".to_owned(), Some(Code::DigestAlgorithm)),
            (String::new(), Some(Code::DigestAlgorithm)),
            (HELLO_256.replace("E=:", "E:"), Some(Code::DigestAlgorithm)),
            (HELLO_256.replace("PE=:", "PF=:"), Some(Code::DigestAlgorithm)),
            ("sha-256=:AA==:".to_owned(), Some(Code::DigestAlgorithm)),
            (format!("sha-256=:{}:", "A".repeat(44)), Some(Code::DigestAlgorithm)),
            (format!("sha-256=:{}==:", "A".repeat(42)), Some(Code::DigestAlgorithm)),
            ("sha-256=\"x\"".to_owned(), Some(Code::DigestAlgorithm)),
            ("sha-256".to_owned(), Some(Code::DigestAlgorithm)),
            ("sha-256=(:AA==:)".to_owned(), Some(Code::DigestAlgorithm)),
        ] {
            assert_eq!(code(&field, content), expected, "{field}");
        }
        assert_eq!(code(HELLO_256, b"{\"hello\": \"World\"}"), Some(Code::DigestMismatch));
    }
}
