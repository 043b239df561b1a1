//! What stands between C and the library: panics are caught, NULL is refused, outputs are set once and only on success.

use std::panic::{AssertUnwindSafe, catch_unwind};

use apiseal::Code;

use crate::error::{Fault, apiseal_error, apiseal_status};

/// Result of everything behind the boundary.
pub(crate) type Answer<T> = Result<T, Fault>;

/// Runs a function of the ABI. On failure the error goes to `err`, if the caller wants it, and the code is returned.
///
/// # Safety
/// `err` is NULL or valid for a write.
pub(crate) unsafe fn call(err: *mut *mut apiseal_error, run: impl FnOnce() -> Answer<()>) -> apiseal_status {
    let answer = catch_unwind(AssertUnwindSafe(run));
    let (status, error) = match answer {
        Ok(Ok(())) => (0, std::ptr::null_mut()),
        Ok(Err(fault)) => handed_over(fault),
        Err(_) => handed_over(Fault::new(Code::Internal, "a panic was caught at the boundary")),
    };
    if err.is_null() {
        // SAFETY: `error` is NULL or came from `Box::into_raw` a moment ago.
        unsafe { drop_box(error) };
    } else {
        // SAFETY: the caller promises that `err` can be written.
        unsafe { err.write(error) };
    }
    status
}

fn handed_over(fault: Fault) -> (apiseal_status, *mut apiseal_error) {
    let status = fault.status();
    // Making the texts could fail as little as anything else, but must not unwind into C either.
    let error = catch_unwind(AssertUnwindSafe(|| Box::into_raw(Box::new(apiseal_error::from(fault)))));
    (status, error.unwrap_or(std::ptr::null_mut()))
}

/// Runs a getter, which gives `otherwise` where anything goes wrong.
pub(crate) fn get<T>(otherwise: T, run: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(run)).ok().flatten().unwrap_or(otherwise)
}

/// An object that the caller lends.
///
/// # Safety
/// `object` is NULL or valid for reads during `'a`.
pub(crate) unsafe fn object<'a, T>(object: *const T, name: &str) -> Answer<&'a T> {
    // SAFETY: as promised.
    unsafe { object.as_ref() }.ok_or_else(|| Fault::new(Code::InvalidArgument, format!("`{name}` is NULL")))
}

/// An array that the caller lends; it may be NULL if it is empty.
///
/// # Safety
/// `items` is NULL or valid for reads of `len` items during `'a`.
pub(crate) unsafe fn array<'a, T>(items: *const T, len: usize, name: &str) -> Answer<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    let bytes = len.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize);
    if items.is_null() || bytes.is_none() {
        let detail = format!("`{name}` is NULL and not empty, or longer than any memory");
        return Err(Fault::new(Code::InvalidArgument, detail));
    }
    // SAFETY: not NULL, and as promised.
    Ok(unsafe { std::slice::from_raw_parts(items, len) })
}

/// A place for a result. It is never read.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// Empties the place, so that a failure leaves nothing in it.
    ///
    /// # Safety
    /// `place` is NULL or valid for writes as long as the `Place` lives.
    pub(crate) unsafe fn new(place: *mut T, empty: T) -> Answer<Self> {
        if place.is_null() {
            return Err(Fault::new(Code::InvalidArgument, "the place for a result is NULL"));
        }
        // SAFETY: not NULL, and as promised.
        unsafe { place.write(empty) };
        Ok(Place(place))
    }

    /// Sets the result.
    pub(crate) fn set(self, value: T) {
        // SAFETY: checked in `new`, and promised to stay valid.
        unsafe { self.0.write(value) };
    }
}

impl<T> Place<*mut T> {
    /// A place for a new object.
    ///
    /// # Safety
    /// As [`Place::new`].
    pub(crate) unsafe fn object(place: *mut *mut T) -> Answer<Self> {
        // SAFETY: as promised.
        unsafe { Place::new(place, std::ptr::null_mut()) }
    }

    /// Hands an object over; the caller frees it.
    pub(crate) fn give(self, object: T) {
        self.set(Box::into_raw(Box::new(object)));
    }
}

/// Takes an object back and drops it.
///
/// # Safety
/// `object` is NULL or came from [`Place::give`] and was not dropped.
pub(crate) unsafe fn drop_box<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: as promised.
        let object = unsafe { Box::from_raw(object) };
        get((), || {
            drop(object);
            None
        });
    }
}

/// Takes an object back from the caller.
///
/// # Safety
/// `object` is NULL or came from [`Place::give`], was not dropped and is not used again.
pub(crate) unsafe fn take<T>(object: *mut T, name: &str) -> Answer<Box<T>> {
    if object.is_null() {
        return Err(Fault::new(Code::InvalidArgument, format!("`{name}` is NULL")));
    }
    // SAFETY: as promised.
    Ok(unsafe { Box::from_raw(object) })
}

/// Another handle of what an object shares.
///
/// # Safety
/// `object` is NULL or valid for reads.
pub(crate) unsafe fn clone<T>(object: *const T, copy: impl FnOnce(&T) -> T) -> *mut T {
    // SAFETY: as promised.
    let object = unsafe { object.as_ref() };
    get(std::ptr::null_mut(), || Some(Box::into_raw(Box::new(copy(object?)))))
}
