//! Profiles: what a signature must cover and state. Data, so that foreign peers are served by the same engine.

use std::fmt;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::http::component::Component;
use crate::http::sf::FieldType;
use crate::ids::Suite;
use crate::keys::signing::DEFAULT_PROFILE;
use crate::signing::steering::Steering;

/// What signatures must cover and state. Immutable and cheap to clone.
///
/// [`Profile::apiseal_v1`] is the strict default; [`Profile::rfc9421`] starts one for a peer with other habits, and
/// [`Profile::from_json`] reads one from a file.
#[derive(Clone)]
pub struct Profile(pub(crate) Arc<Data>);

#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) id: String,
    pub(crate) request: Rules,
    pub(crate) response: Rules,
    /// Names that must be covered where they are in the message.
    pub(crate) if_present: Steering,
    /// Names that may not be covered.
    pub(crate) forbid: Vec<String>,
    /// Names that may occur on several lines.
    pub(crate) lists: Vec<String>,
    /// Covered fields occur once, but for `lists`.
    pub(crate) single: bool,
    /// A signature that covers nothing is accepted.
    pub(crate) allow_empty: bool,
    /// Content demands its digest and type (RFC 9421, section 7.2.8).
    pub(crate) content: bool,
    /// Refuse what parsers read differently: trailers, `_` in names, line folding and the like.
    pub(crate) strict: bool,
    /// Which component parameters may be used beside `req` in responses.
    pub(crate) parameters: Parameters,
    pub(crate) fields: Vec<(String, FieldType)>,
    pub(crate) created: bool,
    pub(crate) nonce: bool,
    /// Nonces are 22 to 64 characters of base64url.
    pub(crate) nonce_form: bool,
    /// The nonce of a response is that of its request.
    pub(crate) bind: bool,
    pub(crate) max_age: u64,
    pub(crate) skew: u64,
    /// What the signer states as lifetime, if anything.
    pub(crate) expires_in: Option<u64>,
    /// The signer states the algorithm.
    pub(crate) emit_alg: bool,
    pub(crate) suites: Vec<Suite>,
    /// Whose signatures must be there, one of each; empty means one signature of anybody in the ring.
    pub(crate) principals: Vec<String>,
    /// Which label to look at; labels carry no meaning, so that only profiles without a tag may name one.
    pub(crate) label: Option<String>,
    pub(crate) limits: Limits,
}

/// What differs between requests and responses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) tag: Option<String>,
    pub(crate) require: Vec<Component<'static>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) sf: bool,
    pub(crate) key: bool,
    pub(crate) bs: bool,
    pub(crate) tr: bool,
    pub(crate) query_param: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of all names and values of a message.
    pub(crate) headers: usize,
    pub(crate) components: usize,
    pub(crate) signatures: usize,
    /// Bytes of spooled content.
    pub(crate) content: u64,
}

impl Profile {
    /// The strict default, `apiseal-v1`: method, authority, path, query, content and every steering header are covered;
    /// created, nonce, keyid and tag are stated; a message is at most 300 seconds old.
    #[must_use]
    pub fn apiseal_v1() -> Self {
        let plain = |name: &'static str| Component::new(name);
        let target = ["@method", "@authority", "@path", "@query"];
        let request = target.map(plain).to_vec();
        let mut response = vec![plain("@status"), plain("content-digest")];
        response.extend(target.map(|name| plain(name).of_request()));
        Profile(Arc::new(Data {
            id: DEFAULT_PROFILE.to_owned(),
            request: Rules { tag: Some("apiseal-req-v1".to_owned()), require: request },
            response: Rules { tag: Some("apiseal-res-v1".to_owned()), require: response },
            if_present: Steering::strict(),
            forbid: Vec::new(),
            lists: Vec::new(),
            single: true,
            allow_empty: false,
            content: true,
            strict: true,
            parameters: Parameters::default(),
            fields: Vec::new(),
            created: true,
            nonce: true,
            nonce_form: true,
            bind: true,
            max_age: 300,
            skew: 30,
            expires_in: None,
            emit_alg: false,
            suites: vec![Suite::HmacSha256, Suite::Ed25519, Suite::EcdsaP256Sha256],
            principals: Vec::new(),
            label: None,
            limits: Limits { headers: 8 << 10, components: 32, signatures: 4, content: 64 << 20 },
        }))
    }

    /// Starts a profile of plain RFC 9421 for a foreign peer. The caller states what is to be covered; nothing else is
    /// demanded but a key of the ring and a fresh `created`. Content whose digest is covered is checked against it.
    #[must_use]
    pub fn rfc9421(id: &str) -> ProfileBuilder {
        ProfileBuilder { data: Profile::rfc9421_data(id), fault: None }
    }

    pub(crate) fn rfc9421_data(id: &str) -> Data {
        let strict = Profile::apiseal_v1();
        Data {
            id: id.to_owned(),
            request: Rules::default(),
            response: Rules::default(),
            if_present: Steering::default(),
            single: false,
            content: false,
            strict: false,
            parameters: Parameters { sf: true, key: true, bs: true, tr: true, query_param: true },
            nonce: false,
            nonce_form: false,
            bind: false,
            limits: Limits { headers: 64 << 10, ..strict.0.limits },
            ..Data::clone(&strict.0)
        }
    }

    /// The strict default with more: a profile of the application's own.
    #[must_use]
    pub fn stricter(id: &str) -> ProfileBuilder {
        let data = Data { id: id.to_owned(), ..Data::clone(&Profile::apiseal_v1().0) };
        ProfileBuilder { data, fault: None }
    }

    /// The name under which keys refer to the profile.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }
}

impl Data {
    /// What no profile may be.
    pub(crate) fn check(&self) -> Result<()> {
        let fault = |detail: String| Err(Error::because(Code::ProfileFile, detail));
        let printable = |text: &str| {
            !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| matches!(b, b' '..=b'~'))
        };
        if !printable(&self.id) {
            return fault("the id has 1 to 256 printable ASCII characters".into());
        }
        if self.request.require.is_empty() && !self.allow_empty {
            return fault(
                "a profile requires at least one component: an empty list would verify every message".into(),
            );
        }
        for (rules, is_response) in [(&self.request, false), (&self.response, true)] {
            if rules.tag.as_deref().is_some_and(|tag| !printable(tag)) {
                return fault("a tag has 1 to 256 printable ASCII characters".into());
            }
            for (at, component) in rules.require.iter().enumerate() {
                let id = component.id();
                if rules.require.iter().skip(at + 1).any(|other| other == component) {
                    return fault(format!("{id} is required twice"));
                }
                if component.req && !is_response {
                    return fault(format!("{id}: a request has no request"));
                }
                if (component.name == "@status") != is_response && component.name == "@status" {
                    return fault(format!("{id}: a request has no status"));
                }
                let of_response = component.is_derived() && component.name != "@status" && !component.req;
                if is_response && of_response {
                    return fault(format!("{id}: in a response it needs `req`"));
                }
                if let Some(reason) = self.refuses(component, is_response) {
                    return fault(format!("{id} is required and refused: {reason}"));
                }
            }
        }
        if self.request.tag.is_some() && self.request.tag == self.response.tag {
            return fault("requests and responses have one tag: one could be taken for the other".into());
        }
        let named = self.if_present.iter().chain(&self.forbid).chain(&self.lists);
        for name in named.chain(self.fields.iter().map(|(name, _)| name)) {
            if name.starts_with('@') || Component::parse(name).is_err() {
                return fault(format!("`{}` is not the name of a field in lower case", name.escape_debug()));
            }
        }
        if let Some(name) = self.forbid.iter().find(|name| self.if_present.has(name)) {
            return fault(format!("`{name}` must be covered and must not be"));
        }
        if self.label.is_some() && (self.request.tag.is_some() || self.response.tag.is_some()) {
            return fault("labels carry no meaning; a profile with a tag goes by the tag".into());
        }
        if !self.created {
            return fault("a profile without `created` accepts signatures of any age".into());
        }
        if self.max_age == 0 || self.max_age > 1 << 32 || self.skew > self.max_age {
            return fault("`max_age` is from 1 to 2^32 seconds, and `skew` at most as much".into());
        }
        if self.expires_in.is_some_and(|lifetime| lifetime == 0 || lifetime > self.max_age) {
            return fault("`expires_in` is from 1 second to `max_age`".into());
        }
        if self.suites.is_empty() || self.suites.iter().any(|suite| !matches!(suite.byte(), 0x30..=0x35)) {
            return fault("`algorithms` lists signature algorithms, at least one".into());
        }
        if self.bind && !self.nonce {
            return fault("responses are bound by the nonce, which the profile does not demand".into());
        }
        let mut principals: Vec<&String> = self.principals.iter().collect();
        principals.sort_unstable();
        if principals.windows(2).any(|two| matches!(two, [a, b] if a == b)) {
            return fault("a principal stands twice".into());
        }
        let limits = self.limits;
        let sound = (1..=1 << 20).contains(&limits.headers)
            && (1..=1024).contains(&limits.components)
            && (1..=64).contains(&limits.signatures)
            && self.principals.len() <= limits.signatures;
        match sound {
            true => Ok(()),
            false => fault("a limit is out of its range".into()),
        }
    }

    /// Why the profile does not allow a component to be covered.
    pub(crate) fn refuses(&self, component: &Component<'_>, is_response: bool) -> Option<&'static str> {
        let parameters = &self.parameters;
        if component.req && !is_response {
            Some("a request has no request")
        } else if (component.sf && !parameters.sf)
            || (component.key.is_some() && !parameters.key)
            || (component.bs && !parameters.bs)
            || (component.tr && !parameters.tr)
            || (component.parameter.is_some() && !parameters.query_param)
        {
            Some("the profile does not name this parameter")
        } else if self.forbid.iter().any(|name| *name == component.name) {
            Some("the profile forbids it")
        } else {
            None
        }
    }

    pub(crate) fn rules(&self, is_response: bool) -> &Rules {
        if is_response { &self.response } else { &self.request }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Profile").field(&self.0.id).finish()
    }
}

/// Collects what a profile demands. Faults are told by [`ProfileBuilder::build`].
#[derive(Clone, Debug)]
pub struct ProfileBuilder {
    pub(crate) data: Data,
    fault: Option<Error>,
}

impl ProfileBuilder {
    /// Demands a component of every request: a name, or an identifier with parameters as it stands in
    /// `Signature-Input`, for example `"@query-param";name="id"`.
    #[must_use]
    pub fn require(mut self, component: &str) -> Self {
        if let Some(component) = self.component(component) {
            self.data.request.require.push(component);
        }
        self
    }

    /// Demands a component of every response; one of the request carries `;req`.
    #[must_use]
    pub fn require_in_response(mut self, component: &str) -> Self {
        if let Some(component) = self.component(component) {
            self.data.response.require.push(component);
        }
        self
    }

    /// Accepts signatures that cover nothing at all: whoever sends one proves only that he has the key. The profile then
    /// needs no required component.
    #[must_use]
    pub fn allow_empty_coverage(mut self) -> Self {
        self.data.allow_empty = true;
        self
    }

    /// Demands that a header is covered where it is in the message.
    #[must_use]
    pub fn if_present(mut self, name: &str) -> Self {
        self.data.if_present.add(name.to_owned());
        self
    }

    /// Allows a covered header on several lines, which are joined.
    #[must_use]
    pub fn list(mut self, name: &str) -> Self {
        self.data.lists.push(name.to_owned());
        self
    }

    /// States which structured field a header is, for `;sf`.
    #[must_use]
    pub fn structured(mut self, name: &str, kind: FieldType) -> Self {
        self.data.fields.push((name.to_owned(), kind));
        self
    }

    /// Demands a digest of content, as the strict default does.
    #[must_use]
    pub fn digest_required(mut self) -> Self {
        self.data.content = true;
        self
    }

    /// Demands a nonce, so that each message is accepted once.
    #[must_use]
    pub fn nonce_required(mut self) -> Self {
        self.data.nonce = true;
        self
    }

    /// The tags by which signatures of requests and responses are chosen.
    #[must_use]
    pub fn tags(mut self, request: &str, response: &str) -> Self {
        self.data.request.tag = Some(request.to_owned());
        self.data.response.tag = Some(response.to_owned());
        self
    }

    /// The label to look at, for peers that set no tag and send several signatures.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.data.label = Some(label.to_owned());
        self
    }

    /// The algorithms that are accepted.
    #[must_use]
    pub fn algorithms(mut self, suites: &[Suite]) -> Self {
        self.data.suites = suites.to_vec();
        self
    }

    /// How old a signature may be, and how far clocks may differ, in seconds.
    #[must_use]
    pub fn window(mut self, max_age: u64, skew: u64) -> Self {
        (self.data.max_age, self.data.skew) = (max_age, skew);
        self
    }

    /// Whose signatures must all be there, one of each.
    #[must_use]
    pub fn principals<'a>(mut self, principals: impl IntoIterator<Item = &'a str>) -> Self {
        self.data.principals = principals.into_iter().map(str::to_owned).collect();
        self
    }

    /// Bytes that names and values of all headers may have, and bytes of content that are spooled.
    #[must_use]
    pub fn limits(mut self, headers: usize, content: u64) -> Self {
        (self.data.limits.headers, self.data.limits.content) = (headers, content);
        self
    }

    /// Checks the profile.
    ///
    /// # Errors
    /// [`Code::ProfileFile`] tells what contradicts itself or leaves messages unprotected.
    pub fn build(self) -> Result<Profile> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.data.check().map(|()| Profile(Arc::new(self.data))),
        }
    }

    fn component(&mut self, text: &str) -> Option<Component<'static>> {
        let parsed = Component::parse(text);
        if let Err(reason) = &parsed {
            let detail = format!("`{}`: {}", text.escape_debug(), reason.0);
            self.fault.get_or_insert_with(|| Error::because(Code::ProfileFile, detail));
        }
        parsed.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(builder: ProfileBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.code(), Code::ProfileFile);
        error.detail().unwrap().to_owned()
    }

    #[test]
    fn lesson_s5_rule_s6_profiles_that_do_not_load() {
        let one = || Profile::rfc9421("p").require("@method");
        for (builder, reason) in [
            (Profile::rfc9421("p"), "an empty list would verify every message"),
            (one().require("@method"), "required twice"),
            (one().require("Date"), "lower case"),
            (one().require("\"date\";req"), "a request has no request"),
            (one().require("@status"), "a request has no status"),
            (one().require_in_response("@method"), "needs `req`"),
            (Profile::stricter("p").require("\"d\";key=\"x\""), "required and refused"),
            (one().tags("t", "t"), "one tag"),
            (one().tags("t", "u").label("sig1"), "goes by the tag"),
            (one().if_present("@path"), "name of a field"),
            (one().list("A"), "name of a field"),
            (one().window(0, 0), "max_age"),
            (one().window(10, 11), "max_age"),
            (one().algorithms(&[]), "at least one"),
            (one().algorithms(&[Suite::Aes256Gcm]), "signature algorithms"),
            (one().principals(["a", "a"]), "stands twice"),
            (one().limits(0, 0), "out of its range"),
            (Profile::rfc9421("").require("@method"), "the id has"),
        ] {
            let detail = fault(builder);
            assert!(detail.contains(reason), "{reason}: {detail}");
        }
        assert!(one().build().is_ok());
        Profile::apiseal_v1().0.check().unwrap();
    }
}
