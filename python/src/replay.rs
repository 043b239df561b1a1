//! Where nonces are kept.

use std::sync::Arc;

use apiseal::{Claim, Outcome, ReplayStore};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::callbacks;
use crate::error::{Answer, Fault};
use crate::records::record;

/// A store of at most `capacity` nonces in the memory of this process, of which one principal may use `quota`. A full store
/// refuses and never forgets. 100 000 nonces are 300 requests a second (docs/signing.md). Signatures from before its start
/// are refused. Several processes need a shared store: apiseal.redis.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct MemoryReplay(apiseal::MemoryReplay);

#[pymethods]
impl MemoryReplay {
    #[new]
    #[pyo3(signature = (capacity, *, quota=None, clock=None))]
    fn new(capacity: usize, quota: Option<usize>, clock: Option<Bound<'_, PyAny>>) -> Answer<Self> {
        let clock = callbacks::clock(clock)?;
        Ok(MemoryReplay(match quota {
            Some(quota) => apiseal::MemoryReplay::with_quota(capacity, quota, &clock),
            None => apiseal::MemoryReplay::new(capacity, &clock),
        }))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// An empty store is a store: `store or NoReplayCheck()` must not lose it.
    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.MemoryReplay of {} nonces>", self.0.len())
    }
}

/// Spells out that copies are accepted: for tests, and where another layer remembers nonces.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct NoReplayCheck;

#[pymethods]
impl NoReplayCheck {
    #[new]
    fn new() -> Self {
        NoReplayCheck
    }

    fn __repr__(&self) -> &'static str {
        "NoReplayCheck()"
    }
}

/// A store of the caller's: an object with a method `claim`.
struct OwnStore(Py<PyAny>);

impl ReplayStore for OwnStore {
    fn claim(&self, claim: &Claim<'_>) -> Outcome {
        Python::attach(|py| {
            let asked = object(py, claim)
                .and_then(|claim| self.0.bind(py).call_method1(intern!(py, "claim"), (claim,)))
                .and_then(|outcome| outcome.extract::<String>());
            match asked {
                Ok(outcome) => outcome_of(&outcome),
                Err(error) => {
                    callbacks::keep(py, error, self.0.bind(py));
                    Outcome::Unknown
                }
            }
        })
    }
}

/// The store that the caller chose; there is no default.
pub(crate) fn store(replay: &Bound<'_, PyAny>) -> Answer<Arc<dyn ReplayStore>> {
    if let Ok(memory) = replay.cast::<MemoryReplay>() {
        return Ok(Arc::new(memory.get().0.clone()));
    }
    if replay.cast::<NoReplayCheck>().is_ok() {
        return Ok(Arc::new(apiseal::NoReplayCheck));
    }
    let py = replay.py();
    match replay.getattr(intern!(py, "claim")) {
        Ok(claim) if claim.is_callable() => {
            let inspect = py.import(intern!(py, "inspect"))?;
            if inspect.call_method1(intern!(py, "iscoroutinefunction"), (&claim,))?.is_truthy()? {
                return Err(Fault::argument("the store is asynchronous: use AsyncVerifier"));
            }
            Ok(Arc::new(OwnStore(replay.clone().unbind())))
        }
        _ => Err(Fault::of_type("MemoryReplay, NoReplayCheck or an object with `claim` as replay", replay)),
    }
}

/// What a store answers, by its name; anything unknown is no answer.
pub(crate) fn outcome_of(name: &str) -> Outcome {
    match name {
        "first" => Outcome::First,
        "seen" => Outcome::Seen,
        "full" => Outcome::Full,
        _ => Outcome::Unknown,
    }
}

/// A claim as a named tuple.
pub(crate) fn object<'py>(py: Python<'py>, claim: &Claim<'_>) -> PyResult<Bound<'py, PyAny>> {
    let Claim { scope, nonce, principal, created, skew, until, now, .. } = *claim;
    record(py, "Claim", (PyBytes::new(py, scope), nonce, principal, created, skew, until, now))
}
