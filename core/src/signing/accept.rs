//! `Accept-Signature` (RFC 9421, section 5): what a verifier asks for, and what a signer makes of it.
//!
//! The field is not authenticated. It may add covered components; key, algorithm, nonce, created and tag stay the
//! signer's own, and nothing is taken away.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::component::{Component, write_string};
use crate::http::input::Input;
use crate::http::message::Message;
use crate::signing::rules;
use crate::signing::sign::{Order, Signed, Signer};
use crate::signing::verify::Verifier;

impl Verifier {
    /// The value of an `Accept-Signature` field that asks for what the profile demands of requests.
    #[must_use]
    pub fn accept_signature(&self, label: &str) -> String {
        let profile = &*self.profile().0;
        let mut text = format!("{label}=(");
        for (at, component) in profile.request.require.iter().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            component.write_id(&mut text);
        }
        text.push_str(");created");
        if let Some(tag) = &profile.request.tag {
            text.push_str(";tag=");
            write_string(tag, &mut text);
        }
        text
    }
}

impl Signer {
    /// Signs a request as [`Signer::sign`] does, and covers besides what the first fitting entry of an `Accept-Signature`
    /// field asks for, as far as the profile allows it and the message has it. [`Signed::ignored`] tells the rest.
    ///
    /// # Errors
    /// As [`Signer::sign`]; a malformed field is ignored.
    pub fn sign_accepting(&self, message: &Message<'_>, accept: &[u8], clock: &dyn Clock) -> Result<Signed> {
        let profile = &*self.profile.0;
        let inputs = match rules::inputs(accept, profile) {
            Ok(inputs) => inputs,
            Err(error) => {
                let mut signed = self.sign(message, clock)?;
                signed.ignored.push(sentence(&error));
                return Ok(signed);
            }
        };
        let mut ignored = Vec::new();
        let tag = profile.request.tag.as_deref();
        let fits = |input: &&Input<'_>| {
            input.fault.is_none() && input.parameters.tag.as_deref().is_none_or(|own| Some(own) == tag)
        };
        let Some(input) = inputs.list.iter().find(fits) else {
            let mut signed = self.sign(message, clock)?;
            signed.ignored.push("no entry of Accept-Signature fits the profile".to_owned());
            return Ok(signed);
        };
        let mut extra = Vec::new();
        for listed in &input.components {
            let component = &listed.component;
            match refusal(self, message, component) {
                None => extra.push(component.clone()),
                Some(reason) => ignored.push(format!("{}: {reason}", component.id())),
            }
        }
        let parameters = &input.parameters;
        let asked = [
            ("nonce", parameters.nonce.is_some()),
            ("keyid", parameters.keyid.is_some()),
            ("alg", parameters.alg.is_some()),
        ];
        ignored.extend(
            asked
                .iter()
                .filter(|(_, asked)| *asked)
                .map(|(name, _)| format!("{name}: it is the signer's to choose")),
        );
        let order = Order { extra, label: Some(input.label), ..Order::default() };
        let mut signed = self.request(message, order, clock)?;
        signed.ignored = ignored;
        Ok(signed)
    }
}

/// Why a component that was asked for is not covered.
fn refusal(signer: &Signer, message: &Message<'_>, component: &Component<'_>) -> Option<&'static str> {
    let profile = &*signer.profile.0;
    if let Some(reason) = profile.refuses(component, false) {
        return Some(reason);
    }
    let lines = message.lines(&component.name).count();
    let made = component.name == "content-digest";
    if component.is_derived() {
        return (component.name == "@status").then_some("a request has no status");
    }
    if component.tr || (lines == 0 && !made) {
        return Some("the message has no such field");
    }
    let single = profile.single && !profile.lists.iter().any(|name| *name == component.name);
    (single && lines > 1).then_some("the message has several lines of it")
}

fn sentence(error: &Error) -> String {
    format!("Accept-Signature: {}", error.detail().unwrap_or_else(|| error.code().sentence()))
}
