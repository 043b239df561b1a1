//! Why a message does not verify, for the owner of the keys.

use apiseal::{Explainer, Explanation, Side};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::callbacks;
use crate::error::{self, Answer, Fault};
use crate::records::record;

/// Explains with the caller's authorities and decoder. The decoder takes coding, content and the most bytes that it may
/// give; it gives bytes or None.
pub(crate) fn run(
    py: Python<'_>,
    verifier: &apiseal::Verifier,
    authorities: &[String],
    decoder: Option<Bound<'_, PyAny>>,
    work: impl FnOnce(Explainer<'_>) -> Explanation + Send,
) -> Answer<Explanation> {
    let decoder = match decoder {
        Some(own) if !own.is_callable() => return Err(Fault::of_type("a callable as decoder", &own)),
        own => own.map(Bound::unbind),
    };
    let decode = |coding: &str, content: &[u8], most: usize| {
        Python::attach(|py| {
            let own = decoder.as_ref()?.bind(py);
            match own.call1((coding, PyBytes::new(py, content), most)).and_then(|out| out.extract()) {
                Ok(decoded) => decoded,
                Err(error) => {
                    callbacks::unraisable(py, error, own);
                    None
                }
            }
        })
    };
    Ok(py.detach(|| {
        let explainer = authorities.iter().fold(verifier.explainer(), |all, one| all.authority(one));
        match &decoder {
            Some(_) => work(explainer.decoder(&decode)),
            None => work(explainer),
        }
    }))
}

pub(crate) fn told<'py>(py: Python<'py>, own: &Explanation) -> Answer<Bound<'py, PyAny>> {
    let changes = own.changes().iter().map(|change| {
        let values = (change.kind().name(), change.component(), change.signed(), change.received());
        let (kind, component, signed, received) = values;
        record(py, "Change", (kind, component, signed, received, change.remedy(), change.to_string()))
    });
    let changes = changes.collect::<PyResult<Vec<_>>>()?;
    let diff: Vec<(&str, &str)> = own
        .diff()
        .map(|(side, line)| match side {
            Side::Both => (" ", line),
            Side::Received => ("-", line),
            Side::Signed => ("+", line),
        })
        .collect();
    let differing: Vec<&str> = own.differing_lines().collect();
    let members = (
        own.to_string(),
        own.verifies(),
        own.error().map(|error| error::object(py, error)),
        changes,
        own.remaining().map(|error| error::object(py, error)),
        own.advice(),
        own.base(),
        own.signed_base(),
        diff,
        differing,
        own.is_exhausted(),
    );
    Ok(record(py, "Explanation", members)?)
}
