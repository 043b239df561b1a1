//! Verification of requests, and of responses to requests of ours.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use apiseal::{Clock, Outcome};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::callbacks;
use crate::context;
use crate::error::{Answer, Fault, in_use};
use crate::explain;
use crate::keyring::Keyring;
use crate::message::{Extras, Wire};
use crate::pipeline::Protected;
use crate::profile::{self, Profile};
use crate::replay;
use crate::signer::Signed;
use crate::verified::Verified;

/// Verifies messages (RFC 9421) under a profile (default `apiseal-v1`). Immutable; one serves any number of threads.
///
/// replay: MemoryReplay, NoReplayCheck, or an object with `claim` (ReplayStore); there is no default. origins: for services
/// behind a proxy, a mapping from the authority as received to the origin that clients use, for example
/// {"backend:8080": "https://api.example"}; all others are refused then. scope: pairs that the key's context or scope
/// must hold.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Verifier {
    pub(crate) own: apiseal::Verifier,
    pub(crate) clock: Arc<dyn Clock>,
}

#[pymethods]
impl Verifier {
    #[new]
    #[pyo3(signature = (keyring, profile=None, *, replay, origins=None, scope=None, clock=None, audit=None))]
    fn new(
        keyring: &Keyring,
        profile: Option<PyRef<'_, Profile>>,
        replay: &Bound<'_, PyAny>,
        origins: Option<&Bound<'_, PyAny>>,
        scope: Option<&Bound<'_, PyAny>>,
        clock: Option<Bound<'_, PyAny>>,
        audit: Option<Bound<'_, PyAny>>,
    ) -> Answer<Self> {
        let store = replay::store(replay)?;
        let mut own = apiseal::Verifier::new(keyring.0.clone(), profile::or_default(profile), store);
        if let Some(origins) = origins {
            for (received, external) in stated(origins, "origins")? {
                let external = external.to_str()?;
                let parts = external.split_once("://");
                let wanted =
                    || Fault::argument("an external origin is scheme and authority, as https://api.example");
                let (scheme, authority) = parts.ok_or_else(wanted)?;
                own = own.origin(received.to_str()?, scheme, authority)?;
            }
        }
        if let Some(scope) = scope {
            for (name, value) in stated(scope, "scope")? {
                own = own.demand_scope(name.to_str()?, value.to_str()?);
            }
        }
        if let Some(audit) = callbacks::audit(audit)? {
            own = own.audit(audit);
        }
        Ok(Verifier { own, clock: callbacks::clock(clock)? })
    }

    #[getter]
    fn keyring(&self) -> Keyring {
        Keyring(self.own.keyring().clone())
    }

    #[getter]
    fn profile(&self) -> Profile {
        Profile(self.own.profile().clone())
    }

    /// Verifies a request: signature, coverage, times, the digest over the body as received, and then the nonce.
    ///
    /// The arguments are as for Signer.sign(); `url` as it was received. Returns Verified: who signed, and exactly what was
    /// covered. Raises SignatureError (answer its http_status and nothing more), KeyringError.
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None, http2=false, trailers=None))]
    fn verify(
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
    ) -> Answer<Verified> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let content = wire.body.object(py);
        wire.view(py, |message| {
            let verified = py.detach(|| self.own.verify(message, &self.clock))?;
            Ok(Verified::of(verified, Some(content)))
        })?
    }

    /// Verifies the response to a request of ours, once for each request.
    ///
    /// request: what Signer.sign() or Protector.protect() gave. Raises as verify().
    #[pyo3(signature = (status, headers=None, body=None, *, request, http2=false, trailers=None))]
    fn verify_response(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        request: &Bound<'_, PyAny>,
        http2: bool,
        trailers: Option<Bound<'_, PyAny>>,
    ) -> Answer<Verified> {
        let extras = Extras { scheme: None, authority: None, http2, trailers };
        let wire = Wire::response(status, headers, body, extras)?;
        let content = wire.body.object(py);
        let request = Request::of(request)?;
        let exchange = request.exchange();
        wire.view(py, |message| {
            let verified = py.detach(|| self.own.verify_response(message, exchange, &self.clock))?;
            Ok(Verified::of(verified, Some(content)))
        })?
    }

    /// Verifies the head of a request whose content comes in pieces: they are written to `sink` (an object with `write`),
    /// which nobody may read before Spool.finish().
    ///
    /// Raises as verify().
    #[pyo3(signature = (method, url, headers=None, *, sink, scheme=None, authority=None, http2=false))]
    fn spool(
        &self,
        py: Python<'_>,
        method: String,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        sink: Bound<'_, PyAny>,
        scheme: Option<String>,
        authority: Option<String>,
        http2: bool,
    ) -> Answer<Spool> {
        if !sink.hasattr(intern!(py, "write"))? {
            return Err(Fault::of_type("a file of bytes as sink", &sink));
        }
        let extras = Extras { scheme, authority, http2, trailers: None };
        let wire = Wire::request(method, url, headers, None, extras)?;
        let raised = Arc::new(Mutex::new(None));
        let sink = Sink { own: sink.unbind(), raised: Arc::clone(&raised) };
        let own = wire.view(py, |message| py.detach(|| self.own.spool(message, sink, &self.clock)))??;
        Ok(Spool { own: Mutex::new(Some(own)), raised, clock: Arc::clone(&self.clock) })
    }

    /// Everything but the claim of the nonce, for stores that are awaited: see AsyncVerifier.
    ///
    /// Returns Pending. Raises as verify().
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None, http2=false, trailers=None))]
    fn verify_pending(
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
    ) -> Answer<Pending> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let content = wire.body.object(py);
        let own = wire.view(py, |message| {
            py.detach(|| self.own.verify_pending(message, &self.clock).map(apiseal::Pending::detached))
        })??;
        Ok(Pending { own: Mutex::new(Some(own)), content, clock: Arc::clone(&self.clock) })
    }

    /// The value of an Accept-Signature field that asks for what the profile demands.
    #[pyo3(signature = (label="sig"))]
    fn accept_signature(&self, label: &str) -> String {
        self.own.accept_signature(label)
    }

    /// Why a request does not verify: tries what is known to happen on the way, within a budget, and names the change that
    /// makes it verify. It claims no nonce and changes no verdict. For the log, never for the peer.
    ///
    /// authorities: names that clients may have used. decoder: a callable from coding, content and most bytes to bytes or None,
    /// for content codings. Returns Explanation.
    #[pyo3(signature = (method, url, headers=None, body=None, *, scheme=None, authority=None, http2=false, trailers=None,
        authorities=None, decoder=None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        method: String,
        url: &str,
        headers: Option<&Bound<'py, PyAny>>,
        body: Option<&Bound<'py, PyAny>>,
        scheme: Option<String>,
        authority: Option<String>,
        http2: bool,
        trailers: Option<Bound<'py, PyAny>>,
        authorities: Option<Vec<String>>,
        decoder: Option<Bound<'py, PyAny>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let wire = Wire::request(method, url, headers, body, Extras { scheme, authority, http2, trailers })?;
        let found = wire.view(py, |message| {
            explain::run(py, &self.own, &authorities.unwrap_or_default(), decoder, |explainer| {
                explainer.explain(message, &self.clock)
            })
        })?;
        explain::told(py, &found?)
    }

    /// As explain(), for the response to a request of ours.
    #[pyo3(signature = (status, headers=None, body=None, *, request, http2=false, trailers=None, decoder=None))]
    fn explain_response<'py>(
        &self,
        py: Python<'py>,
        status: u16,
        headers: Option<&Bound<'py, PyAny>>,
        body: Option<&Bound<'py, PyAny>>,
        request: &Bound<'py, PyAny>,
        http2: bool,
        trailers: Option<Bound<'py, PyAny>>,
        decoder: Option<Bound<'py, PyAny>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let extras = Extras { scheme: None, authority: None, http2, trailers };
        let wire = Wire::response(status, headers, body, extras)?;
        let request = Request::of(request)?;
        let exchange = request.exchange();
        let found = wire.view(py, |message| {
            explain::run(py, &self.own, &[], decoder, |explainer| {
                explainer.explain_response(message, exchange, &self.clock)
            })
        })?;
        explain::told(py, &found?)
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.Verifier of profile {}>", self.own.profile().id())
    }
}

/// The pairs of a restriction. An empty one would restrict nothing, which nobody means who states it.
fn stated<'py>(
    restriction: &Bound<'py, PyAny>,
    name: &str,
) -> Answer<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
    let pairs = context::texts(restriction)?;
    if pairs.is_empty() {
        return Err(Fault::argument(format!("`{name}` is empty, which restricts nothing: leave it out")));
    }
    Ok(pairs)
}

/// The request that a response answers.
pub(crate) enum Request<'r> {
    Signed(&'r Signed),
    Verified(&'r Verified),
    Protected(&'r Protected),
}

impl<'r> Request<'r> {
    pub(crate) fn of(request: &'r Bound<'_, PyAny>) -> Answer<Self> {
        if let Ok(signed) = request.cast::<Signed>() {
            Ok(Request::Signed(signed.get()))
        } else if let Ok(verified) = request.cast::<Verified>() {
            Ok(Request::Verified(verified.get()))
        } else if let Ok(protected) = request.cast::<Protected>() {
            Ok(Request::Protected(protected.get()))
        } else {
            Err(Fault::of_type("Signed, Protected or Verified as request", request))
        }
    }

    pub(crate) fn exchange(&self) -> apiseal::Exchange<'r> {
        match self {
            Request::Signed(signed) => (&signed.0).into(),
            Request::Verified(verified) => (&verified.own).into(),
            Request::Protected(protected) => protected.signed().into(),
        }
    }
}

/// A file of the caller's. What it raises waits for the call that wrote.
struct Sink {
    own: Py<PyAny>,
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Sink {
    fn call<T>(&self, work: impl FnOnce(Python<'_>) -> PyResult<T>) -> io::Result<T> {
        Python::attach(work).map_err(|error| {
            if let Ok(mut raised) = self.raised.lock() {
                *raised = Some(error);
            }
            io::Error::other("the sink raised an exception")
        })
    }
}

impl Write for Sink {
    /// Takes a piece of content as it was received. Raises SignatureError, and what the sink raises.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.call(|py| {
            let written = self.own.bind(py).call_method1(intern!(py, "write"), (PyBytes::new(py, piece),))?;
            // A file without a buffer may take less; what tells no number took all.
            Ok(if written.is_none() { piece.len() } else { written.extract::<usize>()?.min(piece.len()) })
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(|py| match self.own.bind(py).hasattr(intern!(py, "flush"))? {
            true => self.own.bind(py).call_method0(intern!(py, "flush")).map(drop),
            false => Ok(()),
        })
    }
}

/// Content on its way. For one thread at a time.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Spool {
    own: Mutex<Option<apiseal::Spool<Sink>>>,
    raised: Arc<Mutex<Option<PyErr>>>,
    clock: Arc<dyn Clock>,
}

#[pymethods]
impl Spool {
    fn write(&self, py: Python<'_>, piece: &Bound<'_, PyAny>) -> Answer<()> {
        let piece = crate::message::Body::of(Some(piece))?;
        let bytes = piece.bytes(py);
        let mut own = self.own.try_lock().map_err(|_| in_use("this spool"))?;
        let spool = own.as_mut().ok_or_else(over)?;
        py.detach(|| spool.write(bytes)).map_err(|error| self.blame(error))
    }

    /// Checks the digest, claims the nonce, and gives the verdict. Raises as Verifier.verify().
    fn finish(&self, py: Python<'_>) -> Answer<Verified> {
        let own = self.own.try_lock().map_err(|_| in_use("this spool"))?.take().ok_or_else(over)?;
        let (verified, _sink) = py.detach(|| own.finish(&self.clock)).map_err(|error| self.blame(error))?;
        Ok(Verified::of(verified, None))
    }
}

impl Spool {
    /// The exception of the sink rather than the core's word for it.
    fn blame(&self, error: apiseal::Error) -> Fault {
        let raised = self.raised.lock().ok().and_then(|mut raised| raised.take());
        raised.map_or_else(|| Fault::from(error), Fault::from)
    }
}

/// A request of which everything holds, and whose nonces nobody has claimed: `claims` to be made, and finish() with the
/// answers. Nothing can be read from it, since it may be a second copy.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Pending {
    own: Mutex<Option<apiseal::Pending<'static>>>,
    content: Py<PyBytes>,
    clock: Arc<dyn Clock>,
}

#[pymethods]
impl Pending {
    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> Answer<Vec<Bound<'py, PyAny>>> {
        let own = self.own.try_lock().map_err(|_| in_use("this request"))?;
        let pending = own.as_ref().ok_or_else(over)?;
        let mut all = Vec::new();
        pending.claims(&self.clock, |claim| all.push(replay::object(py, claim)))?;
        Ok(all.into_iter().collect::<PyResult<_>>()?)
    }

    /// The verdict, by what the store answered to each claim.
    fn finish(&self, py: Python<'_>, answers: Vec<String>) -> Answer<Verified> {
        let own = self.own.try_lock().map_err(|_| in_use("this request"))?.take().ok_or_else(over)?;
        let answers: Vec<Outcome> = answers.iter().map(|name| replay::outcome_of(name)).collect();
        let verified = py.detach(|| own.finish(&answers, &self.clock))?;
        Ok(Verified::of(verified, Some(self.content.clone_ref(py))))
    }
}

pub(crate) fn over() -> Fault {
    Fault::argument("it was finished already")
}
