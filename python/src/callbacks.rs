//! Functions of the caller that the core calls: clock, audit hook, external signer. They may be called on any thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use apiseal::{Audit, Clock, Event, ExternalSigner, SystemClock};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::{Answer, Fault};
use crate::records::record;

/// Seconds since 1970 from a callable, for example `time.time`.
struct OwnClock(Py<PyAny>);

impl Clock for OwnClock {
    fn now(&self) -> u64 {
        Python::attach(|py| match self.0.bind(py).call0().and_then(|now| now.extract::<f64>()) {
            // A clock that cannot tell must not make anything fresh: the last second there is.
            Ok(now) => Duration::try_from_secs_f64(now).map_or(u64::MAX, |now| now.as_secs()),
            Err(error) => {
                unraisable(py, error, self.0.bind(py));
                u64::MAX
            }
        })
    }
}

/// The callable's time; the system's without one.
pub(crate) fn clock(own: Option<Bound<'_, PyAny>>) -> Answer<Arc<dyn Clock>> {
    match own {
        None => Ok(Arc::new(SystemClock)),
        Some(own) if own.is_callable() => Ok(Arc::new(OwnClock(own.unbind()))),
        Some(own) => Err(Fault::of_type("a callable that gives seconds as clock", &own)),
    }
}

/// Hands events to a callable. What it raises goes to `sys.unraisablehook`: an operation that is done cannot fail by it.
pub(crate) struct OwnAudit(Py<PyAny>);

impl Audit for OwnAudit {
    fn event(&self, event: &Event<'_>) {
        Python::attach(|py| {
            let told = || -> PyResult<()> {
                let event = record(
                    py,
                    "Event",
                    (
                        event.operation.name(),
                        event.policy,
                        event.rule,
                        event.key_id,
                        PyTuple::new(py, event.context_names)?,
                        event.context_tag.map(|tag| PyBytes::new(py, &tag)),
                        event.count,
                        event.accepted_plain,
                        event.failure.map(|code| code.number()),
                    ),
                )?;
                self.0.bind(py).call1((event,))?;
                Ok(())
            };
            if let Err(error) = told() {
                unraisable(py, error, self.0.bind(py));
            }
        });
    }
}

pub(crate) fn audit(own: Option<Bound<'_, PyAny>>) -> Answer<Option<OwnAudit>> {
    match own {
        None => Ok(None),
        Some(own) if own.is_callable() => Ok(Some(OwnAudit(own.unbind()))),
        Some(own) => Err(Fault::of_type("a callable that takes an Event as audit", &own)),
    }
}

/// Signs with a callable: the signature base in, the signature out.
pub(crate) struct OwnSigner(pub(crate) Py<PyAny>);

impl ExternalSigner for OwnSigner {
    fn sign(&self, base: &[u8]) -> Result<Vec<u8>, String> {
        Python::attach(|py| {
            let signature = self.0.bind(py).call1((PyBytes::new(py, base),));
            signature.and_then(|signature| signature.extract::<Vec<u8>>()).map_err(|error| {
                let text = error.get_type(py).name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
                // What it says may hold secrets of the other side: the exception goes to the hook, not into the error.
                keep(py, error, self.0.bind(py));
                format!("it raised {text}")
            })
        })
    }
}

thread_local! {
    /// What ends the call that a callback was asked in.
    static ENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Hands what a callback raised to the hook, but for what ends a program or a task (`SystemExit`, `CancelledError`, …): the
/// call fails by it in any case, and raises it as it is.
pub(crate) fn keep(py: Python<'_>, error: PyErr, raised_by: &Bound<'_, PyAny>) {
    if error.is_instance_of::<PyException>(py) {
        unraisable(py, error, raised_by);
    } else {
        ENDING.set(Some(error));
    }
}

/// What was kept on this thread.
pub(crate) fn kept() -> Option<PyErr> {
    ENDING.take()
}

/// Hands what a callback raised to `sys.unraisablehook`. An interrupt is raised again where the main thread goes on: nobody
/// who wants to end a program should have to ask twice.
pub(crate) fn unraisable(py: Python<'_>, error: PyErr, raised_by: &Bound<'_, PyAny>) {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        let again = py.import("_thread").and_then(|module| module.call_method0("interrupt_main"));
        if again.is_ok() {
            return;
        }
    }
    error.write_unraisable(py, Some(raised_by));
}
