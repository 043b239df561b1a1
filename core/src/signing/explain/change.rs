//! The changes that explanations name, and the sentence for each.

use std::fmt;

/// What was changed between signer and verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The authority: host, or host and port.
    Authority,
    /// The port of the authority.
    Port,
    /// The scheme.
    Scheme,
    /// Scheme and authority together.
    Origin,
    /// The method.
    Method,
    /// The status of a response.
    Status,
    /// Slashes of the path.
    PathSlash,
    /// The whole path or target; what was sent stands in another header.
    Target,
    /// The spelling of percent-encoded characters.
    PercentEncoding,
    /// `+` and `%20`.
    PlusSpace,
    /// The order of query parameters.
    QueryOrder,
    /// A query parameter was added.
    QueryAdded,
    /// The form of the query: `a` and `a=`, `&` and `;`, an `&` too many.
    QueryForm,
    /// A covered header was dropped.
    HeaderDropped,
    /// A header, or a line of it, was added.
    HeaderAdded,
    /// The lines of a header, or the members of a list, were joined in another way.
    HeaderMerged,
    /// The lines of a header, or the members of a list, stand in another order.
    HeaderOrder,
    /// Letters of a value, or of names in the base, are in another case.
    HeaderCase,
    /// The value of a header was rewritten.
    HeaderValue,
    /// The signature's parameters stand in another order, or one was added or dropped.
    Parameters,
    /// The covered components stand in another order.
    Components,
    /// The other side builds the base in another way than RFC 9421 says.
    Base,
    /// The content is the same JSON value in another spelling.
    Json,
    /// Line ends, white space at the end, or a byte order mark of the content.
    ContentEnds,
    /// The content is the same form (`application/x-www-form-urlencoded`) in another spelling.
    Form,
    /// The digest is that of the decoded content.
    DigestOfDecoded,
    /// A content coding was applied on the way.
    ContentEncoded,
    /// A content coding was undone on the way.
    ContentDecoded,
    /// Content was added to a message that had none.
    ContentAdded,
    /// The content was re-serialised and its digest made anew.
    DigestRemade,
    /// The clocks, or the time that the message took.
    Clock,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: &[ChangeKind] = &[
        ChangeKind::Authority,
        ChangeKind::Port,
        ChangeKind::Scheme,
        ChangeKind::Origin,
        ChangeKind::Method,
        ChangeKind::Status,
        ChangeKind::PathSlash,
        ChangeKind::Target,
        ChangeKind::PercentEncoding,
        ChangeKind::PlusSpace,
        ChangeKind::QueryOrder,
        ChangeKind::QueryAdded,
        ChangeKind::QueryForm,
        ChangeKind::HeaderDropped,
        ChangeKind::HeaderAdded,
        ChangeKind::HeaderMerged,
        ChangeKind::HeaderOrder,
        ChangeKind::HeaderCase,
        ChangeKind::HeaderValue,
        ChangeKind::Parameters,
        ChangeKind::Components,
        ChangeKind::Base,
        ChangeKind::Json,
        ChangeKind::ContentEnds,
        ChangeKind::Form,
        ChangeKind::DigestOfDecoded,
        ChangeKind::ContentEncoded,
        ChangeKind::ContentDecoded,
        ChangeKind::ContentAdded,
        ChangeKind::DigestRemade,
        ChangeKind::Clock,
    ];

    /// A stable name, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// Name, what differs, and what to do.
    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            ChangeKind::Authority => {
                ("authority", "the authority", "set the origin map or let the proxy keep Host")
            }
            ChangeKind::Port => {
                ("port", "the port", "set the origin map, or let the proxy keep the port in Host")
            }
            ChangeKind::Scheme => {
                ("scheme", "the scheme", "TLS ends before this service: state the scheme in the origin map")
            }
            ChangeKind::Origin => (
                "origin",
                "scheme and authority",
                "set the origin map; the proxy changes both where it ends TLS",
            ),
            ChangeKind::Method => {
                ("method", "the method", "something answers with another method, as redirects and HEAD do")
            }
            ChangeKind::Status => {
                ("status", "the status", "sign after the last layer that sets the status, or let it be kept")
            }
            ChangeKind::PathSlash => {
                ("path-slash", "a slash of the path", "route without merging, adding or dropping slashes")
            }
            ChangeKind::Target => (
                "target",
                "the target",
                "verify before anything rewrites the target, or let the proxy keep it",
            ),
            ChangeKind::PercentEncoding => (
                "percent-encoding",
                "the percent-encoding",
                "hand over the target as it was received, not decoded and encoded again",
            ),
            ChangeKind::PlusSpace => (
                "plus-space",
                "the spelling of spaces",
                "hand over the query as it was received, not parsed and written again",
            ),
            ChangeKind::QueryOrder => (
                "query-order",
                "the order of the query",
                "hand over the query as it was received, not parsed and written again",
            ),
            ChangeKind::QueryAdded => {
                ("query-added", "the query", "something adds parameters on the way; verify before it")
            }
            ChangeKind::QueryForm => {
                ("query-form", "the form of the query", "hand over the query as it was received")
            }
            ChangeKind::HeaderDropped => (
                "header-dropped",
                "a header that was dropped",
                "let the proxy pass it on, or do not cover it",
            ),
            ChangeKind::HeaderAdded => (
                "header-added",
                "a header that was added",
                "nobody signed it: let the proxy not add it, or take it off before verification",
            ),
            ChangeKind::HeaderMerged => (
                "header-merged",
                "the joining of a header",
                "hand over header lines as they were received; the base joins them by `, `",
            ),
            ChangeKind::HeaderOrder => (
                "header-order",
                "the order of a header",
                "hand over header lines in the order of the message",
            ),
            ChangeKind::HeaderCase => {
                ("header-case", "the case of a header", "values are signed as they are, names in lower case")
            }
            ChangeKind::HeaderValue => (
                "header-value",
                "a header",
                "something rewrites it: let it pass as it is, or do not cover it",
            ),
            ChangeKind::Parameters => (
                "parameters",
                "the list of signature parameters",
                "the base holds them as Signature-Input does: write both from one text",
            ),
            ChangeKind::Components => (
                "components",
                "the order of components",
                "the base has them in the order of Signature-Input: write both from one list",
            ),
            ChangeKind::Base => (
                "base",
                "the signature base",
                "the other side builds it otherwise than RFC 9421, section 2.5",
            ),
            ChangeKind::Json => (
                "json",
                "the spelling of the JSON content",
                "sign and verify the bytes on the wire, not a text that was parsed and written again",
            ),
            ChangeKind::ContentEnds => {
                ("content-ends", "line ends or space of the content", "hand over the content byte for byte")
            }
            ChangeKind::Form => (
                "form",
                "the spelling of the form content",
                "sign and verify the bytes on the wire, not a form that was parsed and written again",
            ),
            ChangeKind::DigestOfDecoded => (
                "digest-of-decoded",
                "the content of which the digest was made",
                "make Content-Digest of the encoded bytes, as they go on the wire",
            ),
            ChangeKind::ContentEncoded => (
                "content-encoded",
                "the content coding",
                "the content was compressed on the way: turn that off, or verify behind what undoes it",
            ),
            ChangeKind::ContentDecoded => (
                "content-decoded",
                "the content coding",
                "the content was decoded on the way: verify before it, on the bytes as received",
            ),
            ChangeKind::ContentAdded => {
                ("content-added", "the content", "the message was signed without any; something added it")
            }
            ChangeKind::DigestRemade => (
                "digest-remade",
                "the digest of the content",
                "the content was written again and its digest made anew on the way; verify before that",
            ),
            ChangeKind::Clock => ("clock", "the time", "compare the clocks of both sides, or sign anew"),
        }
    }
}

/// One change that makes the signature, or the digest, hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) kind: ChangeKind,
    /// The component, or what else is meant.
    pub(super) what: String,
    pub(super) signed: Option<String>,
    pub(super) received: Option<String>,
}

/// Headers whose values are not shown in sentences.
const SECRET: [&str; 5] = ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"];

impl Change {
    /// What kind of change it is.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The identifier of the first component that differs, as it stands in the base; empty where none does.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.what
    }

    /// The value when it was signed, where it is known. It may hold header values.
    #[must_use]
    pub fn signed(&self) -> Option<&str> {
        self.signed.as_deref()
    }

    /// The value in this message.
    #[must_use]
    pub fn received(&self) -> Option<&str> {
        self.received.as_deref()
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.kind.texts().2
    }

    fn subject(&self) -> String {
        let (_, subject, _) = self.kind.texts();
        let subject = match (self.kind, &self.signed) {
            (ChangeKind::HeaderAdded, Some(_)) => "a header to which something was added",
            _ => subject,
        };
        let named = self.what.starts_with('"') && !self.what.starts_with("\"@");
        if named { format!("{subject} ({})", self.what.trim_matches('"')) } else { subject.to_owned() }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.what.trim_start_matches('"').split('"').next().unwrap_or_default();
        let is_secret = SECRET.contains(&name);
        let show = |value: &str| match is_secret {
            true => "(not shown)".to_owned(),
            false => format!("`{}`", shown(value)),
        };
        let subject = self.subject();
        if let (ChangeKind::Clock, Some(signed), Some(received)) = (self.kind, &self.signed, &self.received) {
            return write!(f, "{}: {}", times(signed, received), self.remedy());
        }
        match (&self.signed, &self.received) {
            (Some(signed), Some(received)) => {
                let (signed, received) = (show(signed), show(received));
                write!(f, "{subject} was {signed} when signed; this message says {received}")?;
            }
            (Some(signed), None) => {
                write!(f, "{subject} was {} when signed; this message has none", show(signed))?;
            }
            (None, Some(received)) => {
                write!(f, "{subject} was not there when signed; this message has {}", show(received))?;
            }
            (None, None) => write!(f, "{subject} was another when signed")?,
        }
        write!(f, ": {}", self.remedy())
    }
}

/// Two moments, in Unix seconds.
fn times(signed: &str, here: &str) -> String {
    let seconds = |text: &str| text.parse::<u64>().unwrap_or_default();
    let (there, now) = (seconds(signed), seconds(here));
    let (apart, later) = (there.abs_diff(now), if now < there { "earlier" } else { "later" });
    // Zones differ by quarters of an hour, and by 26 hours at most.
    let zone = match apart.is_multiple_of(900) && (900..=26 * 3600).contains(&apart) {
        true => ", as if one side used the time of its zone",
        false => "",
    };
    format!("the message was signed at {signed} and the time here is {here}, {apart} seconds {later}{zone}")
}

/// One line of printable text, at most 120 characters of it.
pub(super) fn shown(value: &str) -> String {
    let mut out = String::new();
    for character in value.chars().take(120) {
        match character {
            '"' | '\'' | '\\' => out.push(character),
            other => out.extend(other.escape_debug()),
        }
    }
    if value.chars().nth(120).is_some() {
        out.push('…');
    }
    out
}

/// How a line of the signature base came out in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The line is the same on both sides.
    Both,
    /// The line is in the base of the message as it was received.
    Received,
    /// The line is in the base that was signed.
    Signed,
}

/// Two texts, line by line: where they differ, first what was received, then what was signed.
pub(super) fn diff<'d>(received: &'d str, signed: &'d str) -> Vec<(Side, &'d str)> {
    let (own, other): (Vec<&str>, Vec<&str>) = (received.split('\n').collect(), signed.split('\n').collect());
    let mut out = Vec::with_capacity(own.len() + 4);
    if own.len() == other.len() {
        for (own, other) in own.iter().zip(&other) {
            if own == other {
                out.push((Side::Both, *own));
            } else {
                out.extend([(Side::Received, *own), (Side::Signed, *other)]);
            }
        }
        return out;
    }
    let same = own.iter().zip(&other).take_while(|(own, other)| own == other).count();
    let rest = |lines: &[&'d str]| lines.get(same..).unwrap_or_default().to_vec();
    let (own_rest, other_rest) = (rest(&own), rest(&other));
    let tail = own_rest.iter().rev().zip(other_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    out.extend(own.iter().take(same).map(|line| (Side::Both, *line)));
    out.extend(own_rest.iter().take(own_rest.len() - tail).map(|line| (Side::Received, *line)));
    out.extend(other_rest.iter().take(other_rest.len() - tail).map(|line| (Side::Signed, *line)));
    out.extend(own_rest.iter().skip(own_rest.len() - tail).map(|line| (Side::Both, *line)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sentences_differ() {
        let mut names: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ChangeKind::ALL.len());
    }

    #[test]
    fn secrets_and_control_characters_are_not_shown() {
        let change = |what: &str, signed: &str| Change {
            kind: ChangeKind::HeaderValue,
            what: what.to_owned(),
            signed: Some(signed.to_owned()),
            received: None,
        };
        assert!(!change("\"authorization\"", "Bearer s3cret").to_string().contains("s3cret"));
        let long = change("\"x\"", &format!("\u{1b}[31m{}", "y".repeat(500))).to_string();
        assert!(!long.contains('\u{1b}') && long.len() < 400, "{long}");
    }

    #[test]
    fn lines_are_compared() {
        use Side::{Both, Received, Signed};
        let same = diff("a\nb\nc", "a\nx\nc");
        assert_eq!(same, [(Both, "a"), (Received, "b"), (Signed, "x"), (Both, "c")]);
        let more = diff("a\nc", "a\nb\nc");
        assert_eq!(more, [(Both, "a"), (Signed, "b"), (Both, "c")]);
        assert_eq!(diff("a\nb", "a"), [(Both, "a"), (Received, "b")]);
    }
}
