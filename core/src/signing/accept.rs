//! `Accept-Signature` (RFC 9421, section 5): what a verifier asks for, and what a signer makes of it.
//!
//! The field is not authenticated. It may add covered components; key, algorithm, nonce, created and tag stay the
//! signer's own, and nothing is taken away.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::component::{Component, Source, write_string};
use crate::http::input::Input;
use crate::http::message::Message;
use crate::signing::profile::Data;
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
        let made = message.lines("content-digest").next().is_none().then_some("sha-256=:AA==:");
        let source =
            Source { message, origin: Some(message.origin()?), fields: &profile.fields, digest: made };
        // What is covered anyway takes its places first.
        let anyway = profile.request.require.len() + self.more_components(message, &Order::default()).len();
        let room = profile.limits.components.saturating_sub(anyway);
        let mut extra = Vec::new();
        for listed in &input.components {
            let component = &listed.component;
            match refusal(profile, &source, component) {
                None if extra.len() < room => extra.push(component.clone()),
                None => ignored.push(format!("{}: the profile allows no more components", component.id())),
                Some(reason) => ignored.push(format!("{}: {reason}", component.id())),
            }
        }
        let label = Some(input.label).filter(|label| self.can_be_labelled(message, label));
        if label.is_none() {
            ignored
                .push("the label: it is too long, or the message has a signature of this label".to_owned());
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
        let order = Order { extra, label, ..Order::default() };
        let mut signed = self.request(message, order, clock)?;
        signed.ignored = ignored;
        Ok(signed)
    }
}

/// Why a component that was asked for is not covered.
fn refusal(profile: &Data, source: &Source<'_>, component: &Component<'_>) -> Option<String> {
    if let Some(reason) = profile.refuses(component, false) {
        return Some(reason.to_owned());
    }
    let single = profile.single && !profile.lists.iter().any(|name| *name == component.name);
    if single && source.message.lines(&component.name).nth(1).is_some() {
        return Some("the message has several lines of it".to_owned());
    }
    let error = source.write(component, &mut Vec::new()).err()?;
    let reason = error.detail().unwrap_or_else(|| error.code().sentence());
    Some(reason.rsplit_once(": ").map_or(reason, |(_, reason)| reason).to_owned())
}

fn sentence(error: &Error) -> String {
    format!("Accept-Signature: {}", error.detail().unwrap_or_else(|| error.code().sentence()))
}
