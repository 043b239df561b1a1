//! Profiles: what a signature must cover and state.

use pyo3::prelude::*;

use crate::error::Answer;
use crate::message::{Extras, Wire};
use crate::policy::json_text;

/// What a signature must cover and state (docs/signing.md): a dict, JSON text, or the path of a file, as for Policy.
///
/// Raises ProfileError.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Profile(pub(crate) apiseal::Profile);

#[pymethods]
impl Profile {
    #[new]
    fn new(source: &Bound<'_, PyAny>) -> Answer<Self> {
        let text = json_text(source, "a profile as dict, JSON text or path")?;
        Ok(Profile(apiseal::Profile::from_json(&text)?))
    }

    /// The strict default.
    #[staticmethod]
    fn apiseal_v1() -> Self {
        Profile(apiseal::Profile::apiseal_v1())
    }

    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// What it leaves unsigned, in sentences.
    fn lint(&self) -> Vec<String> {
        self.0.lint_profile().iter().map(ToString::to_string).collect()
    }

    /// What a request under it leaves unsigned, and what proxies are known to rewrite.
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None))]
    fn lint_request(
        &self,
        py: Python<'_>,
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        scheme: Option<String>,
        authority: Option<String>,
    ) -> Answer<Vec<String>> {
        let extras = Extras { scheme, authority, http2: false, trailers: None };
        let wire = Wire::request(method, url, headers, body, extras)?;
        wire.view(py, |message| self.0.lint(message).iter().map(ToString::to_string).collect())
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.Profile {}>", self.0.id())
    }
}

/// `apiseal-v1` if none is stated.
pub(crate) fn or_default(profile: Option<PyRef<'_, Profile>>) -> apiseal::Profile {
    profile.map_or_else(apiseal::Profile::apiseal_v1, |profile| profile.0.clone())
}
