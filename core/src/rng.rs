//! Where random bytes come from.

use crate::error::{Code, Error, Result};

/// Doors that break the format's guarantees when used wrongly. Tests and vector makers need them; services do not.
pub mod hazmat {
    use crate::error::Result;

    /// A source of random bytes. A source that repeats itself makes keys and nonces repeat: plaintexts can then be
    /// read and forged. Anything but the operating system's source is for tests.
    pub trait Random: Send + Sync {
        /// Fills `out` with fresh, unpredictable bytes.
        ///
        /// # Errors
        /// [`Code::Random`](crate::Code::Random) when the source fails.
        fn fill(&self, out: &mut [u8]) -> Result<()>;
    }
}

/// The operating system's source, one request a call and no pool: nothing to repeat after a fork or a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl hazmat::Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        getrandom::fill(out).map_err(|_| Error::new(Code::Random))
    }
}
