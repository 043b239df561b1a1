//! Both jobs in one: encrypt, then sign; verify, claim, then decrypt.

use std::sync::Mutex;

use apiseal::Outcome;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::cipher::FieldCipher;
use crate::context;
use crate::error::{Answer, Fault, in_use};
use crate::message::{Extras, Wire};
use crate::replay;
use crate::signer::Signer;
use crate::verified::{Proof, Verified};
use crate::verifier::{Request, Verifier, over};

/// Encrypts the fields of messages and signs them. The principal of the signing key and the direction enter the context of
/// the encryption. The clock is the cipher's.
///
/// Raises ProfileError: the signer's profile does not demand digest and nonce.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Protector(apiseal::Protector);

#[pymethods]
impl Protector {
    #[new]
    fn new(cipher: &FieldCipher, signer: &Signer) -> Answer<Self> {
        Ok(Protector(apiseal::Protector::new(cipher.0.clone(), signer.own.clone())?))
    }

    /// Encrypts the fields of a request's JSON body and signs the result. Arguments as for Signer.sign().
    ///
    /// Returns Protected: the body and headers to send. Raises SignatureError: not plain JSON. Else as FieldCipher.encrypt() and
    /// Signer.sign().
    #[pyo3(signature = (method, url, headers=None, body=None, *, context, scheme=None, authority=None, http2=false))]
    fn protect(
        &self,
        py: Python<'_>,
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        context: &Bound<'_, PyAny>,
        scheme: Option<String>,
        authority: Option<String>,
        http2: bool,
    ) -> Answer<Protected> {
        let extras = Extras { scheme, authority, http2, trailers: None };
        let wire = Wire::request(method, url, headers, body, extras)?;
        let context = context::stated(context)?;
        Ok(Protected(wire.view(py, |message| py.detach(|| self.0.protect(message, &context)))??))
    }

    /// The same for the one final response to a verified request.
    #[pyo3(signature = (status, headers=None, body=None, *, request, context, http2=false))]
    fn protect_response(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        request: &Verified,
        context: &Bound<'_, PyAny>,
        http2: bool,
    ) -> Answer<Protected> {
        let extras = Extras { scheme: None, authority: None, http2, trailers: None };
        let wire = Wire::response(status, headers, body, extras)?;
        let (context, request) = (context::stated(context)?, &request.own);
        let made =
            wire.view(py, |message| py.detach(|| self.0.protect_response(message, request, &context)))?;
        Ok(Protected(made?))
    }
}

/// What goes out in the place of the clear message: `body`, and `headers` to be added or put in place of those of the same
/// name.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Protected(apiseal::Protected);

impl Protected {
    pub(crate) fn signed(&self) -> &apiseal::Signed {
        self.0.signed()
    }
}

#[pymethods]
impl Protected {
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.body())
    }

    #[getter]
    fn headers(&self) -> Vec<(&'static str, &str)> {
        self.0.headers().collect()
    }

    fn __repr__(&self) -> &'static str {
        "<apiseal.Protected>"
    }
}

/// Verifies messages and decrypts their fields. The clock is the cipher's.
///
/// Raises ProfileError: the verifier's profile does not demand digest and nonce.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Acceptor(apiseal::Acceptor);

#[pymethods]
impl Acceptor {
    #[new]
    fn new(cipher: &FieldCipher, verifier: &Verifier) -> Answer<Self> {
        Ok(Acceptor(apiseal::Acceptor::new(cipher.0.clone(), verifier.own.clone())?))
    }

    /// Verifies a request, claims its nonce, and only then decrypts its fields.
    ///
    /// context: a callable that makes the context of what was proved (a Proof); what it raises refuses the message.
    /// Returns Accepted(document, verified, accepted_plain). Raises as Verifier.verify() and FieldCipher.decrypt().
    #[pyo3(signature = (method, url, headers=None, body=None, *, context, scheme=None, authority=None, http2=false,
        trailers=None))]
    fn accept(
        &self,
        py: Python<'_>,
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        context: &Bound<'_, PyAny>,
        scheme: Option<String>,
        authority: Option<String>,
        http2: bool,
        trailers: Option<Bound<'_, PyAny>>,
    ) -> Answer<Accepted> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let maker = Maker::of(context)?;
        wire.view(py, |message| {
            let accepted = py.detach(|| self.0.accept(message, |verified| maker.make(verified)));
            maker.answer(py, accepted, Some(wire.body.object(py)))
        })?
    }

    /// The same for the response to a request of ours.
    #[pyo3(signature = (status, headers=None, body=None, *, request, context, http2=false, trailers=None))]
    fn accept_response(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        request: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        http2: bool,
        trailers: Option<Bound<'_, PyAny>>,
    ) -> Answer<Accepted> {
        let extras = Extras { scheme: None, authority: None, http2, trailers };
        let wire = Wire::response(status, headers, body, extras)?;
        let request = Request::of(request)?;
        let (maker, exchange) = (Maker::of(context)?, request.exchange());
        wire.view(py, |message| {
            let accepted =
                py.detach(|| self.0.accept_response(message, exchange, |verified| maker.make(verified)));
            maker.answer(py, accepted, Some(wire.body.object(py)))
        })?
    }

    /// Everything but the claim, for stores that are awaited: see AsyncAcceptor. Nothing is decrypted yet.
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None, http2=false, trailers=None))]
    fn accept_pending(
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
    ) -> Answer<PendingAcceptance> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let own = wire.view(py, |message| {
            py.detach(|| self.0.accept_pending(message).map(apiseal::PendingAcceptance::detached))
        })??;
        Ok(PendingAcceptance { own: Mutex::new(Some(own)), content: wire.body.object(py) })
    }
}

/// A request of which everything holds, whose nonce nobody has claimed, and of which nothing was decrypted.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct PendingAcceptance {
    own: Mutex<Option<apiseal::PendingAcceptance<'static>>>,
    content: Py<PyBytes>,
}

#[pymethods]
impl PendingAcceptance {
    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> Answer<Vec<Bound<'py, PyAny>>> {
        let own = self.own.try_lock().map_err(|_| in_use("this request"))?;
        let mut all = Vec::new();
        own.as_ref().ok_or_else(over)?.claims(|claim| all.push(replay::object(py, claim)))?;
        Ok(all.into_iter().collect::<PyResult<_>>()?)
    }

    /// Decrypts, if the nonce is ours by what the store answered.
    #[pyo3(signature = (answers, *, context))]
    fn finish(&self, py: Python<'_>, answers: Vec<String>, context: &Bound<'_, PyAny>) -> Answer<Accepted> {
        let maker = Maker::of(context)?;
        let own = self.own.try_lock().map_err(|_| in_use("this request"))?.take().ok_or_else(over)?;
        let answers: Vec<Outcome> = answers.iter().map(|name| replay::outcome_of(name)).collect();
        let content = self.content.bind(py).as_bytes();
        let accepted = py.detach(|| {
            own.attached(content).and_then(|own| own.finish(&answers, |verified| maker.make(verified)))
        });
        maker.answer(py, accepted, Some(self.content.clone_ref(py)))
    }
}

/// A message that was verified and whose fields opened: `document` (bytes, as they were before they were protected),
/// `verified`, and `accepted_plain` (paths that `migrate` let through).
#[pyclass(frozen, get_all, module = "apiseal")]
pub(crate) struct Accepted {
    document: Py<PyBytes>,
    verified: Py<Verified>,
    accepted_plain: Vec<String>,
}

#[pymethods]
impl Accepted {
    fn __repr__(&self) -> &'static str {
        "<apiseal.Accepted>"
    }
}

/// Makes the context of what was proved, by a callable. An exception waits for the call that asked.
struct Maker {
    own: Py<PyAny>,
    raised: Mutex<Option<Fault>>,
}

impl Maker {
    fn of(context: &Bound<'_, PyAny>) -> Answer<Self> {
        if !context.is_callable() {
            let wanted = "a callable as context, which makes the context of what was proved";
            return Err(Fault::of_type(wanted, context));
        }
        Ok(Maker { own: context.clone().unbind(), raised: Mutex::new(None) })
    }

    fn make(&self, verified: &apiseal::Verified<'_>) -> apiseal::Result<apiseal::Context> {
        let made = Python::attach(|py| context::stated(&self.own.bind(py).call1((Proof::of(verified),))?));
        made.map_err(|fault| {
            if let Ok(mut raised) = self.raised.lock() {
                *raised = Some(fault);
            }
            apiseal::Code::ContextMissing.into()
        })
    }

    fn answer(
        &self,
        py: Python<'_>,
        accepted: apiseal::Result<apiseal::Accepted<'_>>,
        content: Option<Py<PyBytes>>,
    ) -> Answer<Accepted> {
        if let Some(fault) = self.raised.lock().ok().and_then(|mut raised| raised.take()) {
            return Err(fault);
        }
        let (verified, document) = accepted?.into_parts();
        Ok(Accepted {
            document: PyBytes::new(py, &document).unbind(),
            accepted_plain: document.accepted_plain().to_vec(),
            verified: Py::new(py, Verified::of(verified, content))?,
        })
    }
}
