//! What a verification proved.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A message whose signature, freshness, digest and nonce hold: key_id, principal (whose key it is; that they may do what
/// they ask for is for you to check), label, tag, nonce, created (Unix seconds), scope, components (exactly what is covered,
/// with values), base (the signature base), body (bytes, if a digest proves them), is_body_proved, proofs.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Verified {
    pub(crate) own: apiseal::Verified<'static>,
    /// The content, if it is proved and at hand.
    body: Option<Py<PyBytes>>,
}

impl Verified {
    /// The verdict with the content that it was made of.
    pub(crate) fn of(own: apiseal::Verified<'_>, body: Option<Py<PyBytes>>) -> Self {
        let body = body.filter(|_| own.is_body_proved());
        Verified { own: own.detached(), body }
    }
}

#[pymethods]
impl Verified {
    #[getter]
    fn key_id(&self) -> &str {
        self.own.key_id()
    }

    #[getter]
    fn principal(&self) -> Option<&str> {
        self.own.principal()
    }

    #[getter]
    fn label(&self) -> &str {
        self.own.label()
    }

    #[getter]
    fn tag(&self) -> Option<&str> {
        self.own.tag()
    }

    #[getter]
    fn nonce(&self) -> Option<&str> {
        self.own.nonce()
    }

    #[getter]
    fn created(&self) -> u64 {
        self.own.created()
    }

    #[getter]
    fn scope(&self) -> BTreeMap<&str, &str> {
        self.own.scope().collect()
    }

    #[getter]
    fn components(&self) -> Vec<(&str, &str)> {
        self.own.components().collect()
    }

    #[getter]
    fn base<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.own.base())
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.body.as_ref().map(|body| body.clone_ref(py))
    }

    #[getter]
    fn is_body_proved(&self) -> bool {
        self.own.is_body_proved()
    }

    /// The value of a covered component: a name (`@method`, `content-type`) or an identifier with parameters. None
    /// means that nobody vouches for it.
    fn component(&self, id: &str) -> Option<&str> {
        self.own.component(id)
    }

    /// Every signature that the profile demands.
    #[getter]
    fn proofs(&self) -> Vec<Proof> {
        self.own.proofs().map(Proof::of).collect()
    }

    fn __repr__(&self) -> String {
        shown("Verified", self.own.key_id(), self.own.principal())
    }
}

/// One signature that holds: who made it and what it covers. As Verified, without the content.
#[pyclass(frozen, get_all, module = "apiseal")]
pub(crate) struct Proof {
    key_id: String,
    principal: Option<String>,
    label: String,
    tag: Option<String>,
    nonce: Option<String>,
    created: u64,
    scope: BTreeMap<String, String>,
    components: Vec<(String, String)>,
}

impl Proof {
    pub(crate) fn of(own: &apiseal::Proof) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Proof {
            key_id: own.key_id().to_owned(),
            principal: own.principal().map(str::to_owned),
            label: own.label().to_owned(),
            tag: own.tag().map(str::to_owned),
            nonce: own.nonce().map(str::to_owned),
            created: own.created(),
            scope: own.scope().map(owned).collect(),
            components: own.components().map(owned).collect(),
        }
    }
}

#[pymethods]
impl Proof {
    /// The value of a covered component, by its name or by its identifier with parameters.
    fn component(&self, id: &str) -> Option<&str> {
        let is = |own: &str| match id.starts_with('"') {
            true => own == id,
            false => own.strip_prefix('"').and_then(|own| own.strip_suffix('"')) == Some(id),
        };
        self.components.iter().find(|(own, _)| is(own)).map(|(_, value)| value.as_str())
    }

    fn __repr__(&self) -> String {
        shown("Proof", &self.key_id, self.principal.as_deref())
    }
}

fn shown(class: &str, key_id: &str, principal: Option<&str>) -> String {
    match principal {
        Some(principal) => format!("<apiseal.{class} by key {key_id} of {principal}>"),
        None => format!("<apiseal.{class} by key {key_id}>"),
    }
}
