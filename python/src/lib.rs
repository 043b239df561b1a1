//! The Python package over the core. Every file converts and nothing else: `document` and `plain` values, `context`, `message`
//! what calls are given, `records` and `error` what they give back. The interpreter's lock is released for all work.
//!
//! What users read stands in `apiseal/_core.pyi`.

#![expect(clippy::too_many_arguments, reason = "the calls of Python have keywords")]

mod callbacks;
mod cipher;
mod context;
mod document;
mod error;
mod explain;
mod functions;
mod key;
mod keyring;
mod limits;
mod lines;
mod message;
mod pipeline;
mod plain;
mod policy;
mod profile;
mod records;
mod redactor;
mod reencrypt;
mod replay;
mod signer;
mod some;
mod value;
mod verified;
mod verifier;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "its name in Python")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::cipher::FieldCipher;
    #[pymodule_export]
    use crate::context::PyContext;
    #[pymodule_export]
    use crate::functions::{inspect, locate, max_token_len, token_len};
    #[pymodule_export]
    use crate::key::Key;
    #[pymodule_export]
    use crate::keyring::{Keyring, new_kid};
    #[pymodule_export]
    use crate::limits::PyLimits;
    #[pymodule_export]
    use crate::lines::Lines;
    #[pymodule_export]
    use crate::pipeline::{Accepted, Acceptor, PendingAcceptance, Protected, Protector};
    #[pymodule_export]
    use crate::policy::Policy;
    #[pymodule_export]
    use crate::profile::Profile;
    #[pymodule_export]
    use crate::redactor::Redactor;
    #[pymodule_export]
    use crate::reencrypt::Reencryption;
    #[pymodule_export]
    use crate::replay::{MemoryReplay, NoReplayCheck};
    #[pymodule_export]
    use crate::signer::{Signed, Signer};
    #[pymodule_export]
    use crate::value::ValueCipher;
    #[pymodule_export]
    use crate::verified::{Proof, Verified};
    #[pymodule_export]
    use crate::verifier::{Pending, Spool, Verifier};
}
