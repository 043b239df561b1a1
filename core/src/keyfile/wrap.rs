//! What a keyring file is sealed under: a passphrase (Argon2id, RFC 9106) or 32 bytes from the caller.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::json::reader::Item;
use crate::rng::hazmat::Random;
use crate::secret::Secret32;

/// Unlocks a keyring file.
pub struct Wrap(Secret);

enum Secret {
    Passphrase { bytes: Zeroizing<Vec<u8>>, cost: Cost },
    Raw(Secret32),
}

/// Argon2id parameters: memory in KiB, passes, lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommended set of RFC 9106, section 4.
    const DEFAULT: Cost = Cost { memory: 65_536, passes: 3, lanes: 4 };

    /// Bounds against weak files and against files that exhaust the reader.
    fn check(self) -> Result<Self> {
        let work = u64::from(self.memory) * u64::from(self.passes);
        let fits = (65_536..=4_194_304).contains(&self.memory)
            && (1..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
            && (196_608..=16_777_216).contains(&work);
        if fits {
            return Ok(self);
        }
        let detail = "m from 65536 to 4194304 KiB, t and p from 1 to 16, m times t from 192 MiB to 16 GiB";
        Err(Error::because(Code::KeyringWrap, detail))
    }
}

impl Wrap {
    /// A passphrase; one newline at its end does not count. Opening costs 64 MiB and a fraction of a second.
    #[must_use]
    pub fn passphrase(passphrase: &[u8]) -> Self {
        let bytes = passphrase
            .strip_suffix(b"\n")
            .map_or(passphrase, |line| line.strip_suffix(b"\r").unwrap_or(line));
        Wrap(Secret::Passphrase { bytes: Zeroizing::new(bytes.to_vec()), cost: Cost::DEFAULT })
    }

    /// The same passphrase with another Argon2id cost for sealing: `memory` in KiB, `passes`, `lanes`.
    ///
    /// # Errors
    /// [`Code::KeyringWrap`] outside of the accepted range; [`Code::InvalidArgument`] for a raw key.
    pub fn with_cost(self, memory: u32, passes: u32, lanes: u32) -> Result<Self> {
        match self.0 {
            Secret::Passphrase { bytes, .. } => {
                let cost = Cost { memory, passes, lanes }.check()?;
                Ok(Wrap(Secret::Passphrase { bytes, cost }))
            }
            Secret::Raw(_) => Err(Error::because(Code::InvalidArgument, "only a passphrase has a cost")),
        }
    }

    /// 32 uniformly random bytes from a secret store, used for nothing else.
    #[must_use]
    pub fn raw(key: &[u8; 32]) -> Self {
        Wrap(Secret::Raw(Secret32::copied(key)))
    }

    /// How a file that is about to be sealed describes this wrap.
    pub(super) fn describe(&self, random: &dyn Random) -> Result<Described> {
        match &self.0 {
            Secret::Raw(_) => Ok(Described::Raw),
            Secret::Passphrase { cost, .. } => {
                let mut salt = [0; 16];
                random.fill(&mut salt)?;
                Ok(Described::Argon2id { cost: *cost, salt })
            }
        }
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Secret::Passphrase { .. } => "Wrap(passphrase, REDACTED)",
            Secret::Raw(_) => "Wrap(raw, REDACTED)",
        })
    }
}

/// The `wrap` member of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Described {
    Raw,
    Argon2id { cost: Cost, salt: [u8; 16] },
}

impl Described {
    /// Reads the member; every parameter is judged before any memory is taken.
    ///
    /// # Errors
    /// [`Code::KeyringWrap`], whatever is wrong with it.
    pub(super) fn read(item: &Item<'_, '_>, wrap: &Wrap) -> Result<Self> {
        Described::parse(item, wrap)
            .map_err(|error| Error::because(Code::KeyringWrap, error.detail().unwrap_or_default()))
    }

    fn parse(item: &Item<'_, '_>, wrap: &Wrap) -> Result<Self> {
        let members = item.members()?;
        let alg = members.iter().find(|(name, _)| name == "alg").map(|(_, item)| item);
        let alg = alg.ok_or_else(|| item.fault("member `alg` is missing"))?;
        let refuse = |detail: &str| Err(Error::because(Code::KeyringWrap, detail));
        let described = match alg.string()?.as_str() {
            "raw" => {
                item.object(&["alg"])?;
                Described::Raw
            }
            "argon2id" => {
                let object = item.object(&["alg", "v", "m", "t", "p", "salt"])?;
                if object.required("v")?.integer()? != 19 {
                    return refuse("Argon2 version 19 is the only one");
                }
                let number = |name: &str| -> Result<u32> {
                    Ok(u32::try_from(object.required(name)?.integer()?).unwrap_or(u32::MAX))
                };
                let cost =
                    Cost { memory: number("m")?, passes: number("t")?, lanes: number("p")? }.check()?;
                let text = object.required("salt")?.string()?;
                let mut salt = [0; 16];
                if text.len() != 22 || URL_SAFE_NO_PAD.decode(text.as_bytes(), salt[..].as_out()).is_err() {
                    return refuse("the salt must be 16 bytes as base64url");
                }
                Described::Argon2id { cost, salt }
            }
            _ => return refuse("`alg` must be \"argon2id\" or \"raw\""),
        };
        match (&described, &wrap.0) {
            (Described::Raw, Secret::Raw(_)) | (Described::Argon2id { .. }, Secret::Passphrase { .. }) => {
                Ok(described)
            }
            (Described::Raw, _) => refuse("the file is sealed under a wrapping key, not a passphrase"),
            _ => refuse("the file is sealed under a passphrase, not a wrapping key"),
        }
    }

    /// The member as files spell it.
    pub(super) fn text(&self) -> String {
        match self {
            Described::Raw => r#"{"alg":"raw"}"#.to_owned(),
            Described::Argon2id { cost: Cost { memory, passes, lanes }, salt } => {
                let salt = URL_SAFE_NO_PAD.encode_to_string(salt);
                format!(
                    r#"{{"alg":"argon2id","v":19,"m":{memory},"t":{passes},"p":{lanes},"salt":"{salt}"}}"#
                )
            }
        }
    }

    /// The member as canonical text, which the sealing is bound to.
    pub(super) fn canonical(&self) -> String {
        match self {
            Described::Raw => self.text(),
            Described::Argon2id { cost: Cost { memory, passes, lanes }, salt } => {
                let salt = URL_SAFE_NO_PAD.encode_to_string(salt);
                format!(
                    r#"{{"alg":"argon2id","m":{memory},"p":{lanes},"salt":"{salt}","t":{passes},"v":19}}"#
                )
            }
        }
    }

    pub(super) fn wrapping_key(&self, wrap: &Wrap) -> Result<Secret32> {
        match (self, &wrap.0) {
            (Described::Argon2id { cost, salt }, Secret::Passphrase { bytes, .. }) => {
                let failed =
                    |_| Error::because(Code::KeyringWrap, "Argon2id could not run: too little memory?");
                let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(failed)?;
                let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                Secret32::filled(|key| argon.hash_password_into(bytes, salt, key).map_err(failed))
            }
            (Described::Raw, Secret::Raw(key)) => Ok(key.clone()),
            _ => Err(Error::new(Code::KeyringWrap)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_bounded_both_ways() {
        let cost = |memory, passes, lanes| Wrap::passphrase(b"x").with_cost(memory, passes, lanes);
        assert!(cost(65_536, 3, 4).is_ok() && cost(2_097_152, 1, 4).is_ok() && cost(4_194_304, 4, 1).is_ok());
        for (memory, passes, lanes) in [
            (8, 3, 4),
            (65_536, 2, 4),
            (65_535, 16, 4),
            (4_194_305, 1, 1),
            (4_194_304, 5, 1),
            (65_536, 17, 1),
            (65_536, 3, 0),
            (65_536, 3, 17),
        ] {
            assert_eq!(cost(memory, passes, lanes).unwrap_err().code(), Code::KeyringWrap);
        }
        assert_eq!(Wrap::raw(&[1; 32]).with_cost(65_536, 3, 4).unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn one_newline_does_not_count_and_nothing_prints() {
        for text in ["secret", "secret\n", "secret\r\n"] {
            let Wrap(Secret::Passphrase { bytes, .. }) = Wrap::passphrase(text.as_bytes()) else { panic!() };
            assert_eq!(&bytes[..], b"secret");
        }
        let Wrap(Secret::Passphrase { bytes, .. }) = Wrap::passphrase(b"a\n\n") else { panic!() };
        assert_eq!(&bytes[..], b"a\n");
        assert_eq!(
            format!("{:?} {:?}", Wrap::passphrase(b"hunter2"), Wrap::raw(&[65; 32])),
            "Wrap(passphrase, REDACTED) Wrap(raw, REDACTED)"
        );
    }
}
