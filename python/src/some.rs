//! Looks at single positions: what opens, what does not and why, what is encrypted under which key.

use apiseal::{Diagnosis, Kid, Lenient, Partial, Sighting, Suite};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::document::Form;
use crate::error::{self, Answer};
use crate::records::record;

pub(crate) fn lenient(py: Python<'_>, found: Lenient) -> Answer<Bound<'_, PyAny>> {
    let positions = found.positions.iter().map(|position| match &position.value {
        Ok(value) => record(py, "LenientPosition", (&position.path, PyBytes::new(py, value), py.None())),
        Err(error) => record(py, "LenientPosition", (&position.path, py.None(), error::object(py, error))),
    });
    let positions = positions.collect::<PyResult<Vec<_>>>()?;
    Ok(record(py, "Lenient", (positions, found.is_bound()))?)
}

pub(crate) fn partial<'py>(
    py: Python<'py>,
    found: &Partial,
    form: Form,
    decimals: bool,
) -> Answer<Bound<'py, PyAny>> {
    let values = PyDict::new(py);
    for value in &found.values {
        values.set_item(&value.path, PyBytes::new(py, &value.value))?;
    }
    Ok(record(py, "Partial", (values, form.give(py, found.document(), decimals)?, found.is_bound()))?)
}

pub(crate) fn diagnosis(py: Python<'_>, found: Diagnosis) -> Answer<Bound<'_, PyAny>> {
    let findings = found.findings.iter().map(|finding| {
        let stage = finding.stage.name();
        let fault = finding.fault.as_ref().map(|fault| error::object(py, fault));
        record(py, "Finding", (&finding.path, &finding.key_id, stage, fault, finding.candidate))
    });
    let findings = findings.collect::<PyResult<Vec<_>>>()?;
    Ok(record(py, "Diagnosis", (findings,))?)
}

pub(crate) fn sightings(py: Python<'_>, found: Vec<Sighting>) -> Answer<Vec<Bound<'_, PyAny>>> {
    let one = |own: &Sighting| {
        let (kid, suite) = (own.kid.as_ref().map(Kid::as_str), own.suite.map(Suite::name));
        let place = (&own.path, own.start, own.end, own.part.name());
        let (path, start, end, part) = place;
        record(py, "Sighting", (path, start, end, part, kid, suite, own.mode, own.len, own.authenticated))
    };
    Ok(found.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}
