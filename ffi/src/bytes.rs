//! Bytes that go in, and buffers that come out.

use apiseal::Code;
use zeroize::Zeroize;

use crate::boundary::{self, Answer, Place};
use crate::error::Fault;

/// Bytes that are lent for one call, or by an object as long as it lives. `data` may be NULL only if `len` is 0.
/// Text is UTF-8 without a NUL at its end; apiseal_str() makes it of a C string.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_bytes {
    /// The first byte.
    pub data: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl apiseal_bytes {
    pub(crate) const EMPTY: apiseal_bytes = apiseal_bytes { data: std::ptr::null(), len: 0 };

    /// Lends bytes of an object to the caller.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        apiseal_bytes { data: bytes.as_ptr(), len: bytes.len() }
    }

    /// The same for a text that may be absent: then `data` is NULL.
    pub(crate) fn of_text(text: Option<&str>) -> Self {
        text.map_or(apiseal_bytes::EMPTY, |text| apiseal_bytes::of(text.as_bytes()))
    }

    /// # Safety
    /// `data` is NULL or valid for reads of `len` bytes during `'a`.
    pub(crate) unsafe fn get<'a>(self, name: &str) -> Answer<&'a [u8]> {
        // SAFETY: as promised.
        unsafe { boundary::array(self.data, self.len, name) }
    }

    /// # Safety
    /// As [`apiseal_bytes::get`].
    pub(crate) unsafe fn text<'a>(self, name: &str) -> Answer<&'a str> {
        // SAFETY: as promised.
        let bytes = unsafe { self.get(name) }?;
        std::str::from_utf8(bytes)
            .map_err(|_| Fault::new(Code::InvalidArgument, format!("`{name}` is not UTF-8")))
    }

    /// A text that may be left out.
    ///
    /// # Safety
    /// As [`apiseal_bytes::get`].
    pub(crate) unsafe fn optional<'a>(self, name: &str) -> Answer<Option<&'a str>> {
        // SAFETY: as promised.
        let text = unsafe { self.text(name) }?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// Bytes that belong to the caller, who frees them with apiseal_buffer_free(). What is not meant for the world is wiped then.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_buffer {
    /// The first byte; NULL in an empty buffer.
    pub data: *mut u8,
    /// Number of bytes.
    pub len: usize,
    /// Number of bytes that are allocated; for the library.
    pub cap: usize,
    /// They are wiped when they are freed; for the library.
    pub wipe: bool,
}

impl apiseal_buffer {
    const EMPTY: apiseal_buffer = apiseal_buffer { data: std::ptr::null_mut(), len: 0, cap: 0, wipe: false };
}

/// What a buffer holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// To be wiped when it is freed.
    Secret,
    /// To be seen by everybody: wiping a ciphertext costs as much as a good part of making it.
    Public,
}

impl Place<apiseal_buffer> {
    /// Takes the memory of an earlier result, for one of this kind, and leaves the place empty. A document that lies in that
    /// memory would be written over while it is read: it is refused before anything is touched.
    ///
    /// # Safety
    /// `place` is NULL or valid as long as the `Place` lives, and empty or from this library.
    pub(crate) unsafe fn used_again(
        place: *mut apiseal_buffer,
        held: Held,
        document: apiseal_bytes,
    ) -> Answer<(Self, Vec<u8>)> {
        // SAFETY: as promised.
        unsafe {
            if let Some(earlier) = place.as_ref() {
                let (from, read) = (earlier.data.addr(), document.data.addr());
                let lies_in =
                    from < read.saturating_add(document.len) && read < from.saturating_add(earlier.cap);
                if lies_in && document.len > 0 {
                    return Err(Fault::new(
                        Code::InvalidArgument,
                        "the document lies in the buffer for the result",
                    ));
                }
            }
            let earlier = place.as_mut().map(|place| std::mem::replace(place, apiseal_buffer::EMPTY));
            let place = Place::buffer(place)?;
            let mut bytes = Vec::new();
            if let Some(earlier) = earlier.filter(|earlier| !earlier.data.is_null()) {
                // Of `give_bytes`.
                bytes = Vec::from_raw_parts(earlier.data, earlier.len, earlier.cap);
                if earlier.wipe && held == Held::Public {
                    erase(&mut bytes);
                }
            }
            bytes.clear();
            Ok((place, bytes))
        }
    }

    /// # Safety
    /// As [`Place::new`].
    pub(crate) unsafe fn buffer(place: *mut apiseal_buffer) -> Answer<Self> {
        // SAFETY: as promised.
        unsafe { Place::new(place, apiseal_buffer::EMPTY) }
    }

    /// Hands bytes over without copying them, to be wiped when they are freed.
    pub(crate) fn give_secret(self, bytes: Vec<u8>) {
        self.give_bytes(bytes, Held::Secret);
    }

    /// The same for what may be seen by everybody.
    pub(crate) fn give_public(self, bytes: Vec<u8>) {
        self.give_bytes(bytes, Held::Public);
    }

    fn give_bytes(self, mut bytes: Vec<u8>, held: Held) {
        let wipe = held == Held::Secret;
        if bytes.is_empty() {
            // What stood there before is wiped with the spare room.
            if wipe {
                erase(&mut bytes);
            }
            return;
        }
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        let (data, len, cap) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
        self.set(apiseal_buffer { data, len, cap, wipe });
    }
}

/// Frees the bytes, wiped if they are secret, and empties the buffer. NULL and an empty buffer are accepted, also again.
///
/// # Safety
/// The pointer is NULL or points to a buffer that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_buffer_free(buffer: *mut apiseal_buffer) {
    // SAFETY: the caller keeps the promise above; the bytes are those of a `Vec` from `give_bytes`.
    unsafe {
        if let Some(buffer) = buffer.as_mut()
            && !buffer.data.is_null()
        {
            let mut bytes = Vec::from_raw_parts(buffer.data, buffer.len, buffer.cap);
            if buffer.wipe {
                erase(&mut bytes);
            }
            *buffer = apiseal_buffer::EMPTY;
        }
    }
}

/// As `Vec::zeroize`, which goes byte by byte.
fn erase(bytes: &mut Vec<u8>) {
    bytes.as_mut_slice().zeroize();
    bytes.spare_capacity_mut().zeroize();
}
