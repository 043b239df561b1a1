//! The version, and a symbol that ties a program to this ABI when it is linked.

use std::ffi::c_char;

/// Every program that includes the header refers to this symbol: one of another ABI does not link.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static apiseal_abi_1: u8 = 1;

/// Version of the library, for example "0.1.0"; APISEAL_VERSION is that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn apiseal_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
