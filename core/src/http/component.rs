//! Components (RFC 9421, section 2): what a signature can cover, and the value that each has in a message.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::http::message::{Message, Start, is_token, named, trim, unfold};
use crate::http::sf::{self, Bare, FieldType, Refused};
use crate::http::target::{self, Origin};

/// A component identifier: name, parameters and their values. Equality does not look at the order of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component<'t> {
    pub(crate) name: Cow<'t, str>,
    /// `sf`: serialized strictly.
    pub(crate) sf: bool,
    /// `bs`: each line wrapped in a byte sequence.
    pub(crate) bs: bool,
    /// `tr`: taken from the trailers.
    pub(crate) tr: bool,
    /// `req`: taken from the request that a response answers.
    pub(crate) req: bool,
    /// `key`: a member of a dictionary.
    pub(crate) key: Option<Cow<'t, str>>,
    /// `name`: which query parameter.
    pub(crate) parameter: Option<Cow<'t, str>>,
}

/// Derived components (RFC 9421, section 2.2).
const DERIVED: [&str; 9] = [
    "@method",
    "@target-uri",
    "@authority",
    "@scheme",
    "@request-target",
    "@path",
    "@query",
    "@query-param",
    "@status",
];

impl<'t> Component<'t> {
    /// A name without parameters; [`Component::check`] tells whether it is one.
    pub(crate) fn new(name: impl Into<Cow<'t, str>>) -> Self {
        Component {
            name: name.into(),
            sf: false,
            bs: false,
            tr: false,
            req: false,
            key: None,
            parameter: None,
        }
    }

    /// The same component of the request that a response answers.
    pub(crate) fn of_request(mut self) -> Self {
        self.req = true;
        self
    }

    pub(crate) fn is_derived(&self) -> bool {
        self.name.starts_with('@')
    }

    /// Adds a parameter as it was read.
    pub(crate) fn add(&mut self, key: &str, value: Bare<'t>) -> std::result::Result<(), Refused> {
        match (key, value) {
            ("sf", Bare::Boolean(true)) => self.sf = true,
            ("bs", Bare::Boolean(true)) => self.bs = true,
            ("tr", Bare::Boolean(true)) => self.tr = true,
            ("req", Bare::Boolean(true)) => self.req = true,
            ("key", Bare::String(value)) => self.key = Some(text(value)),
            ("name", Bare::String(value)) => self.parameter = Some(text(value)),
            _ => return Err(Refused("a component has an unknown parameter, or one of a wrong type")),
        }
        Ok(())
    }

    /// Whether name and parameters fit together.
    pub(crate) fn check(&self) -> std::result::Result<(), Refused> {
        let field_parameters = self.sf || self.bs || self.tr || self.key.is_some();
        if self.is_derived() {
            return match &*self.name {
                _ if field_parameters => Err(Refused("a derived component has a parameter for fields")),
                "@query-param" if self.parameter.is_none() => Err(Refused("`@query-param` lacks its `name`")),
                "@query-param" => Ok(()),
                _ if self.parameter.is_some() => Err(Refused("only `@query-param` has a `name`")),
                "@status" if self.req => Err(Refused("a request has no status")),
                name if DERIVED.contains(&name) => Ok(()),
                _ => Err(Refused("a derived component is unknown")),
            };
        }
        let legal = |byte: u8| is_token(byte) && !byte.is_ascii_uppercase();
        if self.name.is_empty() || !self.name.bytes().all(legal) {
            return Err(Refused("a component is not the name of a field in lower case"));
        }
        if self.parameter.is_some() {
            return Err(Refused("only `@query-param` has a `name`"));
        }
        if self.bs && (self.sf || self.key.is_some()) {
            return Err(Refused("`bs` does not go with `sf` or `key`"));
        }
        Ok(())
    }

    /// Reads an identifier: a plain name, or as it stands in `Signature-Input`, for example
    /// `"@query-param";name="id"`.
    pub(crate) fn parse(text: &str) -> std::result::Result<Component<'static>, Refused> {
        let mut reader = One::default();
        if text.starts_with('"') {
            sf::read(text.as_bytes(), FieldType::Item, &mut reader)?;
        } else {
            reader.0 = Some(Component::new(text.to_owned()));
        }
        let component = reader.0.ok_or(Refused("a component is not a string"))?.into_owned();
        component.check()?;
        Ok(component)
    }

    pub(crate) fn into_owned(self) -> Component<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Component {
            name: own(self.name),
            sf: self.sf,
            bs: self.bs,
            tr: self.tr,
            req: self.req,
            key: self.key.map(own),
            parameter: self.parameter.map(own),
        }
    }

    /// Writes the identifier as it stands in the base.
    pub(crate) fn write_id(&self, out: &mut String) {
        out.push('"');
        out.push_str(&self.name);
        out.push('"');
        for (set, name) in [(self.sf, ";sf"), (self.bs, ";bs"), (self.tr, ";tr"), (self.req, ";req")] {
            if set {
                out.push_str(name);
            }
        }
        for (value, name) in [(&self.key, ";key="), (&self.parameter, ";name=")] {
            if let Some(value) = value {
                out.push_str(name);
                write_string(value, out);
            }
        }
    }

    /// The identifier as it stands in the base.
    pub(crate) fn id(&self) -> String {
        let mut id = String::new();
        self.write_id(&mut id);
        id
    }
}

/// Serializes a string (RFC 9651, section 4.1.6), which holds printable ASCII only.
pub(crate) fn write_string(value: &str, out: &mut String) {
    out.push('"');
    if !value.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
        out.push_str(value);
        out.push('"');
        return;
    }
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// The text of a string item.
pub(crate) fn text(value: Cow<'_, sfv::StringRef>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.as_str()),
        Cow::Owned(value) => Cow::Owned(value.as_str().to_owned()),
    }
}

/// Reads one identifier.
#[derive(Default)]
struct One<'t>(Option<Component<'t>>);

impl<'t> sf::Events<'t> for One<'t> {
    fn member(&mut self, _: Option<&'t str>) -> std::result::Result<(), Refused> {
        Ok(())
    }

    fn open(&mut self) -> std::result::Result<(), Refused> {
        Ok(())
    }

    fn item(&mut self, value: Bare<'t>) -> std::result::Result<(), Refused> {
        if let Bare::String(name) = value {
            self.0 = Some(Component::new(text(name)));
        }
        Ok(())
    }

    fn close(&mut self) -> std::result::Result<(), Refused> {
        Ok(())
    }

    fn parameter(&mut self, key: &'t str, value: Bare<'t>) -> std::result::Result<(), Refused> {
        self.0.as_mut().map_or(Ok(()), |component| component.add(key, value))
    }
}

/// Where component values are taken from.
pub(crate) struct Source<'m> {
    pub(crate) message: &'m Message<'m>,
    /// Of a request: as the client saw it.
    pub(crate) origin: Option<Origin<'m>>,
    /// Types of structured fields, for `sf`.
    pub(crate) fields: &'m [(String, FieldType)],
    /// A `Content-Digest` that is about to be added to the message.
    pub(crate) digest: Option<&'m str>,
}

impl Source<'_> {
    /// Appends the value of a component, `req` left aside (RFC 9421, sections 2.1 and 2.2).
    ///
    /// # Errors
    /// [`Code::ComponentMissing`] if the message has no such component, or no single value for it.
    pub(crate) fn write(&self, component: &Component<'_>, out: &mut Vec<u8>) -> Result<()> {
        match component.is_derived() {
            true => self.write_derived(component, out),
            false => self.write_field(component, out),
        }
    }

    fn write_derived(&self, component: &Component<'_>, out: &mut Vec<u8>) -> Result<()> {
        let missing = |reason: &'static str| missing(component, reason);
        let (method, origin) = match (self.message.start, &self.origin) {
            (Start::Response { status }, _) if component.name == "@status" => {
                out.extend_from_slice(status.to_string().as_bytes());
                return Ok(());
            }
            (Start::Request { method, .. }, Some(origin)) => (method, origin),
            (Start::Request { .. }, None) => return Err(Error::new(Code::Internal)),
            (Start::Response { .. }, _) => return Err(missing("a response has no such component")),
        };
        let target = &origin.target;
        match &*component.name {
            "@method" => out.extend_from_slice(method.as_bytes()),
            "@target-uri" => target.write_uri(origin, out),
            "@authority" => out.extend_from_slice(origin.authority.as_bytes()),
            "@scheme" => out.extend_from_slice(origin.scheme.as_bytes()),
            "@request-target" => out.extend_from_slice(target.whole.as_bytes()),
            "@path" => {
                let path = target.path().ok_or_else(|| missing("a CONNECT request has no path"))?;
                out.extend_from_slice(path.as_bytes());
            }
            "@query" => {
                out.push(b'?');
                out.extend_from_slice(target.query().as_bytes());
            }
            "@query-param" => {
                let name = component.parameter.as_deref().unwrap_or_default();
                let value = target::query_parameter(target.query(), name).map_err(missing)?;
                out.extend_from_slice(value.as_bytes());
            }
            _ => return Err(missing("a request has no such component")),
        }
        Ok(())
    }

    fn write_field(&self, component: &Component<'_>, out: &mut Vec<u8>) -> Result<()> {
        let missing = |reason: &'static str| missing(component, reason);
        let made = self.digest.filter(|_| !component.tr && component.name == "content-digest");
        let lines = if component.tr { self.message.trailers } else { self.message.header_lines() };
        let from = out.len();
        let mut count = 0;
        for value in named(lines, &component.name).chain(made.map(str::as_bytes)) {
            let value = unfold(trim(value));
            if count > 0 {
                out.extend_from_slice(b", ");
            }
            count += 1;
            if component.bs {
                out.push(b':');
                out.extend_from_slice(base64_simd::STANDARD.encode_to_string(&*value).as_bytes());
                out.push(b':');
            } else {
                out.extend_from_slice(&value);
            }
        }
        if count == 0 {
            return Err(missing(if component.tr {
                "there is no such trailer"
            } else {
                "there is no such header"
            }));
        }
        if component.sf || component.key.is_some() {
            let kind = match &component.key {
                Some(_) => FieldType::Dictionary,
                None => self
                    .field_type(&component.name)
                    .ok_or_else(|| missing("the profile does not state its type"))?,
            };
            let value = out.get(from..).unwrap_or_default();
            let value = sf::canonical(value, kind, component.key.as_deref())
                .map_err(|Refused(reason)| missing(reason))?;
            out.truncate(from);
            out.extend_from_slice(value.as_bytes());
        }
        match out.get(from..).unwrap_or_default().is_ascii() {
            true => Ok(()),
            false => Err(missing("its value is not ASCII")),
        }
    }

    fn field_type(&self, name: &str) -> Option<FieldType> {
        const KNOWN: [(&str, FieldType); 5] = [
            ("signature", FieldType::Dictionary),
            ("signature-input", FieldType::Dictionary),
            ("accept-signature", FieldType::Dictionary),
            ("content-digest", FieldType::Dictionary),
            ("repr-digest", FieldType::Dictionary),
        ];
        let stated = self.fields.iter().find(|(own, _)| own == name).map(|(_, kind)| *kind);
        stated.or_else(|| KNOWN.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind))
    }
}

fn missing(component: &Component<'_>, reason: &'static str) -> Error {
    Error::because(Code::ComponentMissing, format!("{}: {reason}", component.id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(message: &Message<'_>, id: &str) -> Result<String> {
        let component = Component::parse(id).unwrap();
        let origin = if message.is_request() { Some(message.origin()?) } else { None };
        let mut out = Vec::new();
        Source { message, origin, fields: &[], digest: None }.write(&component, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn lesson_s2_lesson_s3_identity_is_name_parameters_and_values() {
        let same = |a: &str, b: &str| Component::parse(a).unwrap() == Component::parse(b).unwrap();
        assert!(same("content-digest", "\"content-digest\""));
        assert!(same("\"d\";tr;key=\"a\"", "\"d\";key=\"a\";tr"));
        for other in ["req", "key=\"sha-256\"", "tr", "sf", "bs"] {
            assert!(!same("content-digest", &format!("\"content-digest\";{other}")), "{other}");
        }
        assert!(!same("\"@query-param\";name=\"a\"", "\"@query-param\";name=\"b\""));
    }

    #[test]
    fn lesson_s11_case_53_identifiers_that_are_none() {
        for id in [
            "",
            "@",
            "@Method",
            "@unknown",
            "@signature-params",
            "Content-Type",
            "a b",
            "@query-param",
            "\"@path\";name=\"a\"",
            "\"@path\";sf",
            "\"date\";name=\"a\"",
            "\"date\";x",
            "\"date\";sf=?0",
            "\"date\";key=1",
            "\"date\";bs;sf",
            "\"@status\";req",
            "\"date\";sf;sf",
            "\"date",
            "(\"date\")",
        ] {
            assert!(Component::parse(id).is_err(), "{id}");
        }
        let id = "\"d\";sf;tr;req;key=\"a\\\"b\"";
        assert_eq!(Component::parse(id).unwrap().id(), id);
    }

    #[test]
    fn lesson_s7_absent_is_not_empty() {
        let message = Message::request("GET", "https", "a.example", "/?q").header("empty", "  ");
        assert_eq!(value(&message, "empty").unwrap(), "");
        for id in ["absent", "\"empty\";tr", "@status", "\"@query-param\";name=\"x\"", "\"empty\";sf"] {
            assert_eq!(value(&message, id).unwrap_err().code(), Code::ComponentMissing, "{id}");
        }
        assert_eq!(value(&message, "\"@query-param\";name=\"q\"").unwrap(), "");
        assert_eq!(value(&Message::response(200), "@path").unwrap_err().code(), Code::ComponentMissing);
    }

    #[test]
    fn case_52_values_must_be_ascii_unless_wrapped() {
        let message = Message::request("GET", "https", "a.example", "/").header("x", "caf\u{e9}");
        assert_eq!(value(&message, "x").unwrap_err().code(), Code::ComponentMissing);
        assert_eq!(value(&message, "\"x\";bs").unwrap(), ":Y2Fmw6k=:");
    }

    #[test]
    fn lesson_s1_each_target_component_sees_its_part() {
        let message = |scheme, authority, target| Message::request("GET", scheme, authority, target);
        let base = message("https", "a.example", "/p?q=1");
        for (other, differs) in [
            (message("https", "a.example", "/P?q=1"), "@target-uri @request-target @path"),
            (message("https", "a.example", "/p?q=2"), "@target-uri @request-target @query"),
            (message("https", "b.example", "/p?q=1"), "@target-uri @authority"),
            (message("http", "a.example", "/p?q=1"), "@target-uri @scheme"),
            (message("https", "a.example", "/%70?q=1"), "@target-uri @request-target @path"),
        ] {
            for id in
                ["@target-uri", "@request-target", "@path", "@query", "@authority", "@scheme", "@method"]
            {
                let same = value(&base, id).unwrap() == value(&other, id).unwrap();
                assert_eq!(!same, differs.split(' ').any(|name| name == id), "{id} of {other:?}");
            }
        }
    }
}
