//! What a profile leaves unsigned in a message, and what of it is known to change on the way.

use std::fmt;

use crate::http::component::Component;
use crate::http::message::Message;
use crate::signing::debug;
use crate::signing::profile::Profile;
use crate::signing::rules::ContentRule;

/// A remark on a message under a profile. It changes no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// A header or trailer that nobody vouches for: whoever forwards the message can change it.
    Unsigned(String),
    /// A header that is covered, or would be, and that proxies rewrite, add or drop: signatures over it fail behind them.
    Rewritten(String),
    /// A part of the target, named by its component, that is not covered.
    Target(String),
    /// Content without a covered digest.
    Content,
}

/// One sentence for a person.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Unsigned(name) => {
                write!(f, "`{name}` is not signed: whoever forwards the message can change it")
            }
            Remark::Rewritten(name) => {
                write!(f, "`{name}` is signed and proxies change it: signatures fail behind them")
            }
            Remark::Target(name) => write!(f, "{name} is not signed: the message can be moved"),
            Remark::Content => f.write_str("the content has no digest that is signed"),
        }
    }
}

/// Headers for one connection, or known to be rewritten by proxies and clients' libraries.
const REWRITTEN: [&str; 24] = [
    "accept-encoding",
    "age",
    "baggage",
    "connection",
    "content-length",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-real-ip",
    "x-request-id",
];

impl Profile {
    /// Looks at a message that is to be signed under this profile.
    #[must_use]
    pub fn lint(&self, message: &Message<'_>) -> Vec<Remark> {
        let data = &*self.0;
        let is_response = !message.is_request();
        let required = &data.rules(is_response).require;
        let content = ContentRule::new(data, message, std::iter::empty());
        let len = message.body.len() as u64;
        let covers = |name: &str| {
            required.iter().any(|own| own.name == name && !own.req)
                || data.if_present.has(name)
                || (name == "content-digest" && content.demands_digest(len))
                || (name == "content-type" && content.demands_type(len))
        };
        let mut remarks = Vec::new();
        if !is_response {
            let whole = covers("@target-uri");
            let parts = [("@method", false), ("@authority", whole), ("@path", whole), ("@query", whole)];
            for (name, covered) in parts {
                let in_target = matches!(name, "@path" | "@query") && covers("@request-target");
                if !covered && !in_target && !covers(name) {
                    remarks.push(Remark::Target(name.to_owned()));
                }
            }
        }
        if len > 0 && !covers("content-digest") {
            remarks.push(Remark::Content);
        }
        for line in message.header_lines().iter().chain(message.trailers) {
            let name = line.name.to_ascii_lowercase();
            let is_own = matches!(name.as_str(), "signature" | "signature-input" | debug::FIELD);
            let remark = match (covers(&name), is_rewritten(&name)) {
                (true, true) => Remark::Rewritten(name),
                (false, false) if !is_own && !stands_in_target(&name, required) => Remark::Unsigned(name),
                _ => continue,
            };
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        remarks
    }

    /// Headers that the profile demands and that proxies rewrite.
    #[must_use]
    pub fn lint_profile(&self) -> Vec<Remark> {
        let required = self.0.request.require.iter().chain(&self.0.response.require);
        let named = required.map(|component| &*component.name).filter(|name| is_rewritten(name));
        named.map(|name| Remark::Rewritten(name.to_owned())).collect()
    }
}

fn is_rewritten(name: &str) -> bool {
    REWRITTEN.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("x-b3-")
}

/// `Host` is covered by what it tells.
fn stands_in_target(name: &str, required: &[Component<'_>]) -> bool {
    name == "host" && required.iter().any(|own| matches!(&*own.name, "@authority" | "@target-uri"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesson_s28_what_is_unsigned_and_what_changes_on_the_way() {
        let message = Message::request("POST", "https", "", "/")
            .header("Host", "a.example")
            .header("Content-Type", "text/plain")
            .header("X-Tenant", "acme")
            .header("x-tenant", "acme")
            .header("Range", "bytes=0-1")
            .header("User-Agent", "x")
            .header("Via", "x")
            .body("x");
        let unsigned = |name: &str| Remark::Unsigned(name.to_owned());
        let rewritten = |name: &str| Remark::Rewritten(name.to_owned());
        assert_eq!(Profile::apiseal_v1().lint(&message), [unsigned("x-tenant"), rewritten("range")]);
        let loose = Profile::rfc9421("p").require("@method").require("user-agent").build().unwrap();
        let target = |name: &str| Remark::Target(name.to_owned());
        let expected = [
            target("@authority"),
            target("@path"),
            target("@query"),
            Remark::Content,
            unsigned("content-type"),
            unsigned("x-tenant"),
            rewritten("user-agent"),
        ];
        assert_eq!(loose.lint(&message), expected);
        assert_eq!(loose.lint_profile(), [rewritten("user-agent")]);
        assert_eq!(Profile::apiseal_v1().lint_profile(), []);
        let uri = Profile::rfc9421("p").require("@method").require("@target-uri").build().unwrap();
        assert_eq!(uri.lint(&Message::request("GET", "https", "a", "/")), []);
        let covered = Message::response(200).header("signature", "x").header("x-a", "1");
        assert_eq!(Profile::apiseal_v1().lint(&covered), [unsigned("x-a")]);
    }
}
