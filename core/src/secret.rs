//! Memory that holds secrets: on the heap, wiped when dropped, never printed.
//!
//! Wiping is best effort: copies that the compiler or the allocator makes cannot be reached.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::error::Result;

/// 32 secret bytes, boxed so that moving the owner copies no secret.
pub(crate) struct Secret32(Box<[u8; 32]>);

impl Secret32 {
    /// Fills the bytes in place.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; 32]) -> Result<()>) -> Result<Self> {
        let mut secret = Secret32(Box::new([0; 32]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Copies the bytes.
    pub(crate) fn copied(bytes: &[u8; 32]) -> Self {
        let mut secret = Secret32(Box::new([0; 32]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes, for a key schedule or a KDF.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Equality in constant time.
    pub(crate) fn same_as(&self, other: &Secret32) -> bool {
        self.0.ct_eq(other.0.as_ref()).into()
    }
}

impl Clone for Secret32 {
    fn clone(&self) -> Self {
        Secret32::copied(&self.0)
    }
}

impl Drop for Secret32 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32(REDACTED)")
    }
}

/// Whether two MACs or commitments are equal, in constant time. By words: a quarter of the steps.
pub(crate) fn equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let words = |bytes: &[u8; 32]| -> [u64; 4] {
        let mut words = [0; 4];
        words
            .iter_mut()
            .zip(bytes.as_chunks().0)
            .for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        words
    };
    words(one).ct_eq(&words(other)).into()
}

/// Wipes bytes that are about to be dropped.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.zeroize();
}

/// A vector of bytes that is wiped when dropped, spare room included. `Zeroizing` wipes a vector byte by byte, which costs a
/// good part of the decryption; this goes by slices, of which `zeroize` wipes many bytes at once.
#[derive(Clone, Default)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Wiped(bytes)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Wiped(Vec::with_capacity(capacity))
    }

    /// Empties it, with room for so many bytes. It never grows in place: a reallocation leaves the old content behind.
    pub(crate) fn renew(&mut self, capacity: usize) {
        if self.capacity() < capacity {
            *self = Wiped::with_capacity(capacity);
        }
        self.clear();
    }

    /// Takes the bytes out; from here on nobody wipes them.
    pub(crate) fn into_inner(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // An empty vector has no memory; a masked store to where it points costs some processors hundreds of cycles.
        if self.0.capacity() > 0 {
            wipe(&mut self.0);
            self.0.spare_capacity_mut().zeroize();
        }
    }
}

impl std::ops::Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl std::ops::DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

/// Bytes that came out of decryption: wiped when dropped, and no `Debug` of the content.
#[derive(Clone, Default)]
pub struct SecretBytes(Wiped);

impl SecretBytes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        SecretBytes(Wiped::new(bytes))
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        SecretBytes(Wiped::with_capacity(capacity))
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Appends bytes, for which there must be room: what a reallocation leaves behind is not wiped.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Empties it. The bytes are wiped with the allocation, or written over.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn into_wiped(self) -> Wiped {
        self.0
    }

    /// Takes the bytes out; from here on nobody wipes them.
    #[must_use]
    pub fn into_unprotected(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

impl From<Wiped> for SecretBytes {
    fn from(bytes: Wiped) -> Self {
        SecretBytes(bytes)
    }
}

impl std::ops::Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for SecretBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes, REDACTED)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret32::copied(&[0x41; 32]);
        assert_eq!(format!("{secret:?}"), "Secret32(REDACTED)");
        assert_eq!(format!("{:?}", SecretBytes::new(b"card".to_vec())), "SecretBytes(4 bytes, REDACTED)");
    }

    #[test]
    fn equality_of_macs_looks_at_every_bit() {
        let one: [u8; 32] = std::array::from_fn(|at| at as u8);
        assert!(equal(&one, &one.clone()));
        for bit in 0..256 {
            let mut other = one;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!equal(&one, &other), "{bit}");
        }
    }

    #[test]
    fn equality_looks_at_every_byte() {
        let secret = Secret32::copied(&[7; 32]);
        for at in 0..32 {
            let mut other = [7; 32];
            other[at] = 8;
            assert!(!secret.same_as(&Secret32::copied(&other)));
        }
        assert!(secret.same_as(&secret.clone()));
    }
}
