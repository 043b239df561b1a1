//! `Signature-Input` and `Accept-Signature` (RFC 9421, sections 4.1 and 5.1): lists of components with parameters.

use std::borrow::Cow;
use std::ops::Range;

use crate::http::component::{Component, text};
use crate::http::plain;
use crate::http::sf::{self, Bare, FieldType, Keys, Refused};

/// All signatures of a field, in wire order.
#[derive(Debug)]
pub(crate) struct Inputs<'t> {
    pub(crate) list: Vec<Input<'t>>,
    /// The canonical text of every list with its parameters, as the signature base has them.
    pub(crate) text: Cow<'t, str>,
}

/// One signature's covered components and parameters.
#[derive(Debug)]
pub(crate) struct Input<'t> {
    pub(crate) label: &'t str,
    pub(crate) components: Vec<Listed<'t>>,
    pub(crate) parameters: Parameters<'t>,
    /// The list and its parameters in [`Inputs::text`].
    pub(crate) span: Range<usize>,
    /// What makes the list of components unusable; other signatures of the message are not concerned.
    pub(crate) fault: Option<&'static str>,
    /// The same for the parameters. A request for a signature has other types than a signature.
    pub(crate) parameter_fault: Option<&'static str>,
}

/// A component and its identifier in [`Inputs::text`], parameters in wire order.
#[derive(Debug)]
pub(crate) struct Listed<'t> {
    pub(crate) component: Component<'t>,
    pub(crate) span: Range<usize>,
}

/// The parameters that RFC 9421 knows; others are in the text only.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters<'t> {
    pub(crate) created: Option<i64>,
    pub(crate) expires: Option<i64>,
    pub(crate) nonce: Option<Cow<'t, str>>,
    pub(crate) alg: Option<Cow<'t, str>>,
    pub(crate) keyid: Option<Cow<'t, str>>,
    pub(crate) tag: Option<Cow<'t, str>>,
}

/// Bounds that hold while the field is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) signatures: usize,
    pub(crate) components: usize,
}

/// Why a field could not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Malformed(&'static str),
    Limit(&'static str),
}

impl<'t> Inputs<'t> {
    /// Reads the field. Faults of one signature are noted with it: a broken foreign signature is nobody's business.
    pub(crate) fn parse(field: &'t [u8], bounds: Bounds) -> Result<Self, Failure> {
        plain::inputs(field, bounds).map_or_else(|| Inputs::parse_any(field, bounds), Ok)
    }

    /// The same for every spelling.
    pub(crate) fn parse_any(field: &'t [u8], bounds: Bounds) -> Result<Self, Failure> {
        let mut reader = Reader {
            list: Vec::new(),
            text: String::with_capacity(field.len() + 8),
            bounds,
            labels: Keys::default(),
            inside: false,
            listed: false,
            over: None,
        };
        let result = sf::read(field, FieldType::Dictionary, &mut reader);
        match (result, reader.over) {
            (Ok(()), _) => Ok(Inputs { list: reader.list, text: reader.text.into() }),
            (Err(_), Some(limit)) => Err(Failure::Limit(limit)),
            (Err(Refused(reason)), None) => Err(Failure::Malformed(reason)),
        }
    }
}

struct Reader<'t> {
    list: Vec<Input<'t>>,
    text: String,
    bounds: Bounds,
    labels: Keys<'t>,
    /// Inside an inner list.
    inside: bool,
    /// The item at hand is a component of the list.
    listed: bool,
    over: Option<&'static str>,
}

impl<'t> Reader<'t> {
    fn fail(&mut self, reason: &'static str) {
        if let Some(input) = self.list.last_mut() {
            input.fault.get_or_insert(reason);
        }
    }
}

impl<'t> sf::Events<'t> for Reader<'t> {
    fn member(&mut self, key: Option<&'t str>) -> Result<(), Refused> {
        let label = key.unwrap_or_default();
        self.labels.add(label).map_err(|()| Refused("a label stands twice"))?;
        if self.list.len() >= self.bounds.signatures {
            self.over = Some("too many signatures");
            return Err(Refused("too many signatures"));
        }
        let from = self.text.len();
        self.list.push(Input {
            label,
            components: Vec::new(),
            parameters: Parameters::default(),
            span: from..from,
            fault: None,
            parameter_fault: None,
        });
        Ok(())
    }

    fn open(&mut self) -> Result<(), Refused> {
        self.inside = true;
        self.text.push('(');
        if let Some(input) = self.list.last_mut() {
            input.components.reserve(8);
        }
        Ok(())
    }

    fn item(&mut self, value: Bare<'t>) -> Result<(), Refused> {
        self.listed = self.inside;
        if !self.inside {
            self.fail("a signature's input is not a list of components");
            return Ok(());
        }
        let Some(input) = self.list.last_mut() else { return Ok(()) };
        if input.components.len() >= self.bounds.components {
            self.over = Some("too many components");
            return Err(Refused("too many components"));
        }
        let text_of_all = &mut self.text;
        if !input.components.is_empty() {
            text_of_all.push(' ');
        }
        let from = text_of_all.len();
        let name = match value {
            Bare::String(name) => text(name),
            _ => {
                input.fault.get_or_insert("a component is not a string");
                Cow::Borrowed("")
            }
        };
        crate::http::component::write_string(&name, text_of_all);
        let span = from..text_of_all.len();
        input.components.push(Listed { component: Component::new(name), span });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refused> {
        (self.inside, self.listed) = (false, false);
        self.text.push(')');
        Ok(())
    }

    fn parameter(&mut self, key: &'t str, value: Bare<'t>) -> Result<(), Refused> {
        sf::write_parameter(key, &value, &mut self.text);
        let Some(input) = self.list.last_mut() else { return Ok(()) };
        let (result, fault) = match (self.listed, input.components.last_mut()) {
            (true, Some(listed)) => {
                listed.span.end = self.text.len();
                (listed.component.add(key, value), &mut input.fault)
            }
            _ => (input.parameters.add(key, value), &mut input.parameter_fault),
        };
        if let Err(Refused(reason)) = result {
            fault.get_or_insert(reason);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Refused> {
        let Some(input) = self.list.last_mut() else { return Ok(()) };
        if !self.inside {
            input.span.end = self.text.len();
            return Ok(());
        }
        let Some((last, before)) = input.components.split_last() else { return Ok(()) };
        let fault = match last.component.check() {
            Err(Refused(reason)) => Some(reason),
            Ok(()) if before.iter().any(|other| other.component == last.component) => {
                Some("a component stands twice")
            }
            Ok(()) => None,
        };
        if let Some(reason) = fault {
            input.fault.get_or_insert(reason);
        }
        Ok(())
    }
}

impl<'t> Parameters<'t> {
    fn add(&mut self, key: &str, value: Bare<'t>) -> Result<(), Refused> {
        let place = match key {
            "created" | "expires" => {
                let Bare::Integer(value) = value else {
                    return Err(Refused("`created` and `expires` are integers"));
                };
                let place = if key == "created" { &mut self.created } else { &mut self.expires };
                *place = Some(value.into());
                return Ok(());
            }
            "nonce" => &mut self.nonce,
            "alg" => &mut self.alg,
            "keyid" => &mut self.keyid,
            "tag" => &mut self.tag,
            _ => return Ok(()),
        };
        let Bare::String(value) = value else {
            return Err(Refused("`nonce`, `alg`, `keyid` and `tag` are strings"));
        };
        *place = Some(text(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { signatures: 4, components: 32 };

    fn fault(field: &str) -> Option<&'static str> {
        let input = Inputs::parse(field.as_bytes(), BOUNDS).unwrap().list.remove(0);
        input.fault.or(input.parameter_fault)
    }

    #[test]
    fn lesson_s18_wire_order_and_unknown_parameters_stay() {
        let field = "a=( \"date\"   \"d\";key=\"x\";tr );tag=\"t\";zz=1.50;created=-5;x";
        let inputs = Inputs::parse(field.as_bytes(), BOUNDS).unwrap();
        let input = &inputs.list[0];
        assert_eq!(
            &inputs.text[input.span.clone()],
            "(\"date\" \"d\";key=\"x\";tr);tag=\"t\";zz=1.5;created=-5;x"
        );
        assert_eq!(&inputs.text[input.components[1].span.clone()], "\"d\";key=\"x\";tr");
        assert_eq!((input.parameters.created, input.parameters.tag.as_deref()), (Some(-5), Some("t")));
        assert_eq!(input.fault, None);
    }

    #[test]
    fn lesson_s17_case_49_faults_belong_to_one_signature() {
        for field in [
            "a=(\"date\" \"date\")",
            "a=(\"d\";key=\"x\";tr \"d\";tr;key=\"x\")",
            "a=(\"date\";x)",
            "a=(1)",
            "a=(date)",
            "a=1",
            "a",
            "a=\"x\";created=1",
            "a=();created=\"1\"",
            "a=();created=1.0",
            "a=();created=@1",
            "a=();keyid=1",
            "a=();nonce",
            "a=();tag=t",
            "a=();alg=:AA==:",
            "a=(\"Date\")",
            "a=(\"@unknown\")",
        ] {
            assert!(fault(field).is_some(), "{field}");
            let both = format!("{field}, b=(\"date\");created=1");
            let inputs = Inputs::parse(both.as_bytes(), BOUNDS).unwrap();
            assert_eq!(inputs.list[1].fault, None, "{field}");
            assert_eq!(&inputs.text[inputs.list[1].span.clone()], "(\"date\");created=1", "{field}");
        }
    }

    #[test]
    fn lesson_s16_case_49_fields_that_are_refused_as_a_whole() {
        for field in [
            "a=(), a=()",
            "a=();created=1;created=2",
            "a=(\"x\";sf;sf)",
            "a=(\"x",
            "a=(",
            "a=(\"x\"),",
            "A=()",
            "a=(\"\u{e9}\")",
        ] {
            assert!(matches!(Inputs::parse(field.as_bytes(), BOUNDS), Err(Failure::Malformed(_))), "{field}");
        }
    }

    #[test]
    fn rule_s13_counts_are_bounded() {
        let field = "a=(), b=(), c=(), d=(), e=()";
        assert!(matches!(Inputs::parse(field.as_bytes(), BOUNDS), Err(Failure::Limit(_))));
        let names: Vec<String> = (0..33).map(|at| format!("\"h{at}\"")).collect();
        let field = format!("a=({})", names.join(" "));
        assert!(matches!(Inputs::parse(field.as_bytes(), BOUNDS), Err(Failure::Limit(_))));
        let field = format!("a=({})", names[..32].join(" "));
        assert!(Inputs::parse(field.as_bytes(), BOUNDS).is_ok());
    }
}
