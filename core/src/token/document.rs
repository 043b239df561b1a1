//! Layout D: one salt and one header for all values of a document, and a MAC over the whole set.

use crate::aead::{Numbered, TAG_LEN};
use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Mode, Suite};
use crate::keys::derive::{DocumentMac, Label};
use crate::secret::{self, Wiped};
use crate::token::pad::{self, Padding};
use crate::token::text::{self, HEADER_BODY, SALT_LEN};
use crate::token::value::{KeyUse, write_prefixed};

/// The parts of a header's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) suite: Suite,
    salt: [u8; SALT_LEN],
    commitment: [u8; 32],
    /// Number of values that were encrypted.
    pub(crate) count: u32,
    mac: [u8; 32],
}

impl Header {
    /// Reads a decoded body. A document has at most 2^20 values.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let malformed = |detail| Error::because(Code::MalformedToken, detail);
        let body: &[u8; HEADER_BODY] =
            body.try_into().map_err(|_| malformed("the header has another length"))?;
        let suite = Suite::of_token(body[0]).ok_or_else(|| malformed("unknown suite"))?;
        if body[1] != Mode::Document.byte() {
            return Err(malformed("unknown mode"));
        }
        let field = |from: usize, len: usize| body.get(from..from + len).unwrap_or_default();
        let bytes32 = |from: usize| field(from, 32).try_into().unwrap_or([0; 32]);
        let count = u32::from_be_bytes(field(58, 4).try_into().unwrap_or_default());
        if count > 1 << 20 {
            return Err(malformed("the header counts too many values"));
        }
        let salt = field(2, SALT_LEN).try_into().unwrap_or([0; SALT_LEN]);
        Ok(Header { suite, salt, commitment: bytes32(26), count, mac: bytes32(62) })
    }
}

/// The MAC over all fields in counter order: the count and every length stand before what they count.
struct FieldsMac(DocumentMac);

impl FieldsMac {
    fn new(key: &[u8; 32], suite: Suite, salt: &[u8], commitment: &[u8], count: u32) -> Result<Self> {
        let mut mac = DocumentMac::new(key)?;
        mac.update(b"apiseal/v1/dmc\0");
        mac.update(&head(suite));
        mac.update(salt);
        mac.update(commitment);
        mac.update(&count.to_be_bytes());
        Ok(FieldsMac(mac))
    }

    fn field(&mut self, position: &[u8], ciphertext_and_tag: &[u8]) {
        self.0.update_prefixed(position);
        self.0.update_prefixed(ciphertext_and_tag);
    }

    fn finish(mut self, bound: &[&[u8]]) -> [u8; 32] {
        let len: usize = bound.iter().map(|part| part.len()).sum();
        self.0.update(&(len as u32).to_be_bytes());
        for part in bound {
            self.0.update(part);
        }
        self.0.finish()
    }
}

fn head(suite: Suite) -> [u8; 2] {
    [suite.byte(), Mode::Document.byte()]
}

/// Appends the associated data of a field: `suite ‖ mode ‖ lp(position) ‖ lp("")`.
fn write_associated_data(out: &mut Vec<u8>, suite: Suite, position: &[u8]) {
    out.clear();
    out.extend_from_slice(&head(suite));
    write_prefixed(out, position);
    write_prefixed(out, &[]);
}

/// Keys of one document.
struct Keys {
    cipher: Numbered,
    commitment: [u8; 32],
    mac_key: [u8; 32],
}

impl Drop for Keys {
    fn drop(&mut self) {
        secret::wipe(&mut self.mac_key);
    }
}

impl Keys {
    fn derive(key: KeyUse<'_>, salt: &[u8; SALT_LEN]) -> Result<Self> {
        let head = head(key.suite);
        let mut derived = [0; 32];
        key.context_key.expand(Label::Dky, &[&head, salt], &mut derived);
        let cipher = Numbered::new(key.suite, &derived);
        secret::wipe(&mut derived);
        let mut keys = Keys { cipher: cipher?, commitment: [0; 32], mac_key: [0; 32] };
        key.context_key.expand(Label::Dcm, &[&head, salt], &mut keys.commitment);
        key.context_key.expand(Label::Dmk, &[&head, salt], &mut keys.mac_key);
        Ok(keys)
    }
}

/// Seals the values of one document, in document order.
pub(crate) struct Sealer<'k> {
    kid: &'k Kid,
    suite: Suite,
    salt: [u8; SALT_LEN],
    keys: Keys,
    mac: FieldsMac,
    count: u32,
    aad: Vec<u8>,
    /// Holds a value while it is encrypted: wiped.
    work: Wiped,
}

impl<'k> Sealer<'k> {
    /// A sealer for `count` values under a salt that is used for nothing else.
    pub(crate) fn new(key: KeyUse<'k>, salt: [u8; SALT_LEN], count: u32) -> Result<Self> {
        let keys = Keys::derive(key, &salt)?;
        let mac = FieldsMac::new(&keys.mac_key, key.suite, &salt, &keys.commitment, count)?;
        Ok(Sealer {
            kid: key.kid,
            suite: key.suite,
            salt,
            keys,
            mac,
            count,
            aad: Vec::with_capacity(256),
            work: Wiped::with_capacity(256),
        })
    }

    /// Appends the next field string, with quotes.
    pub(crate) fn seal(
        &mut self,
        out: &mut Vec<u8>,
        position: &[u8],
        value: &[u8],
        padding: Padding,
    ) -> Result<()> {
        write_associated_data(&mut self.aad, self.suite, position);
        let padded = padding.padded_len(value.len());
        let work = &mut self.work;
        work.renew(4 + padded + TAG_LEN);
        work.extend_from_slice(&[0; 4]);
        work.extend_from_slice(value);
        work.resize(4 + padded, 0);
        let (counter, plaintext) = work.split_at_mut(4);
        let (number, tag) = self.keys.cipher.seal_next(&self.aad, plaintext)?;
        counter.copy_from_slice(&number.to_be_bytes());
        work.extend_from_slice(&tag);
        self.mac.field(position, work.get(4..).unwrap_or_default());
        text::write_field(out, work);
        Ok(())
    }

    /// Appends the header string, with quotes, once every value is sealed.
    pub(crate) fn finish(self, out: &mut Vec<u8>, bound: &[&[u8]]) {
        let mut body = Vec::with_capacity(HEADER_BODY);
        body.extend_from_slice(&head(self.suite));
        body.extend_from_slice(&self.salt);
        body.extend_from_slice(&self.keys.commitment);
        body.extend_from_slice(&self.count.to_be_bytes());
        body.extend_from_slice(&self.mac.finish(bound));
        text::write_header(out, self.kid, &body);
    }
}

/// Opens the values of one document, after its MAC was checked.
pub(crate) struct Opener {
    suite: Suite,
    keys: Keys,
    mac: Option<FieldsMac>,
    expected: [u8; 32],
    aad: Vec<u8>,
}

impl Opener {
    /// Checks the header's commitment, in constant time.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(crate) fn new(key: KeyUse<'_>, header: &Header) -> Result<Self> {
        let keys = Keys::derive(key, &header.salt)?;
        if !secret::equal(&keys.commitment, &header.commitment) {
            return Err(Error::new(Code::Rejected));
        }
        let mac = FieldsMac::new(&keys.mac_key, key.suite, &header.salt, &header.commitment, header.count)?;
        Ok(Opener {
            suite: key.suite,
            keys,
            mac: Some(mac),
            expected: header.mac,
            aad: Vec::with_capacity(256),
        })
    }

    /// Adds the next field, in counter order, to the MAC.
    pub(crate) fn authenticate(&mut self, position: &[u8], ciphertext_and_tag: &[u8]) {
        if let Some(mac) = &mut self.mac {
            mac.field(position, ciphertext_and_tag);
        }
    }

    /// Compares the MAC, in constant time. Nothing opens before, unless the caller has said so.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(crate) fn verify(&mut self, bound: &[&[u8]]) -> Result<()> {
        let computed = self.mac.take().ok_or_else(|| Error::new(Code::Internal))?.finish(bound);
        if secret::equal(&computed, &self.expected) { Ok(()) } else { Err(Error::new(Code::Rejected)) }
    }

    /// Goes on without the MAC: what is opened is then authenticated each by itself, but neither as a set nor together
    /// with the bound members.
    pub(crate) fn leave_unverified(&mut self) {
        self.mac = None;
    }

    /// Opens one field in place and returns the text without padding, still to be checked as JSON.
    ///
    /// # Errors
    /// [`Code::Rejected`].
    pub(crate) fn open<'b>(
        &mut self,
        number: u32,
        position: &[u8],
        sealed: &'b mut [u8],
    ) -> Result<&'b [u8]> {
        if self.mac.is_some() {
            return Err(Error::new(Code::Internal));
        }
        write_associated_data(&mut self.aad, self.suite, position);
        let len = sealed.len().checked_sub(TAG_LEN).ok_or_else(|| Error::new(Code::Rejected))?;
        let (ciphertext, tag) = sealed.split_at_mut(len);
        self.keys.cipher.open(number, &self.aad, ciphertext, tag)?;
        Ok(pad::strip(ciphertext))
    }
}
