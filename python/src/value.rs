//! One value by itself: a database column, a header.

use apiseal::{Bound as BoundValue, Kid};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::callbacks;
use crate::context;
use crate::error::{Answer, Fault};
use crate::functions::padding_of;
use crate::keyring::Keyring;
use crate::limits::{self, PyLimits};
use crate::plain;

/// Encrypts single values under a label that stands for their place, for example `users.email`: a database column, a header.
///
/// keys: kids that are accepted (default: those of the primary's scope; any_key: all). padding: `default`, `none` or a
/// number of bytes that lengths are a multiple of. nested: allows values that begin like a token.
///
/// Each call states `bind`: a dict of labels and values that identify the row, or {} for a value that may be moved between
/// rows of one context.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct ValueCipher {
    own: apiseal::ValueCipher,
    label: String,
}

#[pymethods]
impl ValueCipher {
    #[new]
    #[pyo3(signature = (keyring, label, *, keys=None, any_key=false, padding=None, nested=false, limits=None, clock=None,
        audit=None, hedged_salts=false))]
    fn new(
        keyring: &Keyring,
        label: &str,
        keys: Option<Vec<String>>,
        any_key: bool,
        padding: Option<&Bound<'_, PyAny>>,
        nested: bool,
        limits: Option<PyRef<'_, PyLimits>>,
        clock: Option<Bound<'_, PyAny>>,
        audit: Option<Bound<'_, PyAny>>,
        hedged_salts: bool,
    ) -> Answer<Self> {
        let mut builder = apiseal::ValueCipher::builder(keyring.0.clone(), label)?
            .padding(padding_of(padding)?)
            .nested(nested)
            .limits(limits::or_default(limits))
            .clock(callbacks::clock(clock)?)
            .hedged_salts(hedged_salts);
        builder = match (keys, any_key) {
            (None, false) => builder,
            (None, true) => builder.any_key(),
            (Some(kids), false) => {
                builder.keys(kids.iter().map(|kid| Kid::parse(kid)).collect::<apiseal::Result<Vec<_>>>()?)
            }
            (Some(_), true) => return Err(Fault::argument("state `keys` or `any_key`, not both")),
        };
        if let Some(audit) = callbacks::audit(audit)? {
            builder = builder.audit(audit);
        }
        Ok(ValueCipher { own: builder.build()?, label: label.to_owned() })
    }

    #[getter]
    fn keyring(&self) -> Keyring {
        Keyring(self.own.keyring().clone())
    }

    #[getter]
    fn label(&self) -> &str {
        &self.label
    }

    /// Encrypts a value (None, bool, int, float, Decimal, str, list, tuple, dict) to a token of ASCII.
    ///
    /// Raises ContextError, KeyringError, PolicyError (AlreadyEncryptedError), DocumentError (LimitError).
    #[pyo3(signature = (value, *, bind, context))]
    fn encrypt(
        &self,
        value: &Bound<'_, PyAny>,
        bind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> Answer<String> {
        self.seal(value.py(), &plain::write(value)?.text, bind, context)
    }

    /// The value of a token. decimals: numbers with a fraction or an exponent become decimal.Decimal.
    ///
    /// Raises RejectedError: wrong key, context, label or bound value, or altered. PolicyError (NotEncryptedError), TokenError.
    #[pyo3(signature = (token, *, bind, context, decimals=false))]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        token: &str,
        bind: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        decimals: bool,
    ) -> Answer<Bound<'py, PyAny>> {
        plain::read(py, &self.open(py, token, bind, context)?, decimals)
    }

    /// As encrypt(), for an exact JSON text.
    #[pyo3(signature = (text, *, bind, context))]
    fn encrypt_json(
        &self,
        text: &Bound<'_, PyAny>,
        bind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> Answer<String> {
        let py = text.py();
        if let Ok(bytes) = text.cast::<PyBytes>() {
            return self.seal(py, bytes.as_bytes(), bind, context);
        }
        let text = text.cast::<PyString>().map_err(|_| Fault::of_type("JSON text as bytes or str", text))?;
        self.seal(py, text.to_str()?.as_bytes(), bind, context)
    }

    /// As decrypt(), giving the exact JSON text.
    #[pyo3(signature = (token, *, bind, context))]
    fn decrypt_json<'py>(
        &self,
        py: Python<'py>,
        token: &str,
        bind: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.open(py, token, bind, context)?))
    }

    fn __repr__(&self) -> String {
        format!("<apiseal.ValueCipher of {}>", self.label)
    }
}

impl ValueCipher {
    fn seal(
        &self,
        py: Python<'_>,
        value: &[u8],
        bind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> Answer<String> {
        let (context, bind) = (context::stated(context)?, Binds::of(bind)?);
        let bound = bind.bound();
        Ok(py.detach(|| self.own.encrypt(value, &bound, &context))?)
    }

    fn open(
        &self,
        py: Python<'_>,
        token: &str,
        bind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> Answer<apiseal::SecretBytes> {
        let (context, bind) = (context::stated(context)?, Binds::of(bind)?);
        let bound = bind.bound();
        Ok(py.detach(|| self.own.decrypt(token, &bound, &context))?)
    }
}

/// Clear values beside the protected one, as JSON texts.
struct Binds(Vec<(String, Vec<u8>)>);

impl Binds {
    fn of(bind: &Bound<'_, PyAny>) -> Answer<Self> {
        let wanted = "a dict from label to value as bind";
        let dict = bind.cast::<PyDict>().map_err(|_| Fault::of_type(wanted, bind))?;
        let mut all = Vec::with_capacity(dict.len());
        for (label, value) in dict.iter() {
            let label =
                label.cast_into::<PyString>().map_err(|error| Fault::of_type(wanted, &error.into_inner()))?;
            all.push((label.to_str()?.to_owned(), plain::write(&value)?.text));
        }
        Ok(Binds(all))
    }

    fn bound(&self) -> Vec<BoundValue<'_>> {
        self.0.iter().map(|(label, value)| BoundValue::json(label, value)).collect()
    }
}
