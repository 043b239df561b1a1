//! Signing of requests, and of responses to verified requests.

use std::sync::Arc;

use apiseal::Clock;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::callbacks::{self, OwnSigner};
use crate::error::{Answer, Fault};
use crate::keyring::Keyring;
use crate::message::{Extras, Wire};
use crate::profile::{self, Profile};
use crate::verified::Verified;

/// Signs messages (RFC 9421) under a profile (default `apiseal-v1`). Immutable; one serves any number of threads.
///
/// key: kid of the key that signs (default: the only one that fits). external: a callable from the signature base (bytes) to
/// the signature, for a key that is held elsewhere and whose public part the keyring has under `key`. debug_token: sends
/// a hint along by which Verifier.explain() names the line that differs.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Signer {
    pub(crate) own: apiseal::Signer,
    clock: Arc<dyn Clock>,
}

#[pymethods]
impl Signer {
    #[new]
    #[pyo3(signature = (keyring, profile=None, *, key=None, label=None, external=None, debug_token=false, clock=None,
        audit=None))]
    fn new(
        keyring: &Keyring,
        profile: Option<PyRef<'_, Profile>>,
        key: Option<&str>,
        label: Option<&str>,
        external: Option<Bound<'_, PyAny>>,
        debug_token: bool,
        clock: Option<Bound<'_, PyAny>>,
        audit: Option<Bound<'_, PyAny>>,
    ) -> Answer<Self> {
        let mut own = apiseal::Signer::new(keyring.0.clone(), profile::or_default(profile));
        if let Some(kid) = key {
            own = own.key(kid);
        }
        if let Some(label) = label {
            own = own.label(label)?;
        }
        if let Some(external) = external {
            if !external.is_callable() {
                return Err(Fault::of_type("a callable that signs bytes as external", &external));
            }
            own = own.external(Arc::new(OwnSigner(external.unbind())));
        }
        if debug_token {
            own = own.debug_token();
        }
        if let Some(audit) = callbacks::audit(audit)? {
            own = own.audit(audit);
        }
        Ok(Signer { own, clock: callbacks::clock(clock)? })
    }

    #[getter]
    fn keyring(&self) -> Keyring {
        Keyring(self.own.keyring().clone())
    }

    /// Signs a request exactly as it is sent.
    ///
    /// url: absolute (`https://api.example/orders?x=1`), or the request target with scheme (default `https`) and authority beside
    /// it or in the Host header. headers: a mapping, or pairs of name and value (str or bytes). body: bytes. accept_signature:
    /// value of an Accept-Signature field to be answered.
    ///
    /// Returns Signed, whose headers are to be added. Raises SignatureError: the verifier would refuse the message. KeyringError.
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None, http2=false, trailers=None,
        accept_signature=None))]
    fn sign(
        &self,
        py: Python<'_>,
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        scheme: Option<String>,
        authority: Option<String>,
        http2: bool,
        trailers: Option<Bound<'_, PyAny>>,
        accept_signature: Option<&str>,
    ) -> Answer<Signed> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let signed = wire.view(py, |message| {
            py.detach(|| match accept_signature {
                Some(accept) => self.own.sign_accepting(message, accept.as_bytes(), &self.clock),
                None => self.own.sign(message, &self.clock),
            })
        })??;
        Ok(Signed(signed))
    }

    /// Signs the one final response to a verified request.
    ///
    /// Raises SignatureError, KeyringError.
    #[pyo3(signature = (status, headers=None, body=None, *, request, http2=false, trailers=None))]
    fn sign_response(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        request: &Verified,
        http2: bool,
        trailers: Option<Bound<'_, PyAny>>,
    ) -> Answer<Signed> {
        let extras = Extras { scheme: None, authority: None, http2, trailers };
        let wire = Wire::response(status, headers, body, extras)?;
        let request = &request.own;
        let signed =
            wire.view(py, |message| py.detach(|| self.own.sign_response(message, request, &self.clock)))??;
        Ok(Signed(signed))
    }

    fn __repr__(&self) -> &'static str {
        "<apiseal.Signer>"
    }
}

/// A signature: `headers` to be added (content-digest where needed, signature-input, signature), `nonce`, `base` (what was
/// signed; it holds header values), and `ignored` (what Accept-Signature asked for and did not get).
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Signed(pub(crate) apiseal::Signed);

#[pymethods]
impl Signed {
    #[getter]
    fn headers(&self) -> Vec<(&'static str, &str)> {
        self.0.headers().collect()
    }

    #[getter]
    fn nonce(&self) -> Option<&str> {
        self.0.nonce()
    }

    #[getter]
    fn base<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.base())
    }

    #[getter]
    fn ignored(&self) -> &[String] {
        self.0.ignored()
    }

    fn __repr__(&self) -> &'static str {
        "<apiseal.Signed>"
    }
}
