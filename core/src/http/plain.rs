//! Dictionaries in the spelling that nearly every signer uses: canonical numbers, no escapes, no superfluous space. They
//! are read in one pass and used as they stand. Whatever else a field may hold is left to the library that reads all of
//! RFC 9651, and so are all faults: this reader accepts or passes on, it never refuses.

use crate::http::component::Component;
use crate::http::input::{Bounds, Input, Inputs, Listed, Parameters};
use crate::http::sf::Keys;

/// Reads `Signature-Input`, or a field like it. `None` if it is not plain, or if anything is wrong with it.
pub(crate) fn inputs(field: &[u8], bounds: Bounds) -> Option<Inputs<'_>> {
    let text = std::str::from_utf8(field).ok()?;
    let mut cursor = Cursor { text, at: 0 };
    let mut list: Vec<Input<'_>> = Vec::with_capacity(1);
    loop {
        let input = cursor.input(bounds.components)?;
        if list.len() >= bounds.signatures || list.iter().any(|own| own.label == input.label) {
            return None;
        }
        list.push(input);
        if cursor.is_done()? {
            return Some(Inputs { list, text: text.into() });
        }
    }
}

/// A key and the base64 text of its byte sequence.
pub(crate) type Member<'t> = (&'t str, &'t [u8]);

/// Reads a dictionary of a few byte sequences, each in strict base64. `None` as for [`inputs`].
pub(crate) fn byte_sequences(field: &[u8]) -> Option<([Member<'_>; 4], usize)> {
    let mut cursor = Cursor { text: std::str::from_utf8(field).ok()?, at: 0 };
    let mut members: [Member<'_>; 4] = Default::default();
    for count in 0..members.len() {
        let key = cursor.key()?;
        if members.get(..count)?.iter().any(|(own, _)| *own == key) {
            return None;
        }
        cursor.expect(b"=:")?;
        *members.get_mut(count)? = (key, cursor.base64()?);
        if cursor.is_done()? {
            return Some((members, count + 1));
        }
    }
    None
}

const SPACE: u8 = 1;
const KEY: u8 = 2;
const DIGIT: u8 = 4;
/// What stands for itself in a string.
const STRING: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = match at as u8 {
            b'"' | b'\\' => 0,
            b' ' => SPACE | STRING,
            b'\t' => SPACE,
            b'0'..=b'9' => DIGIT | KEY | STRING,
            b'a'..=b'z' | b'_' | b'-' | b'.' | b'*' => KEY | STRING,
            b'!'..=b'~' => STRING,
            _ => 0,
        };
        at += 1;
    }
    table
};

/// A place in the text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

enum Value<'t> {
    True,
    Integer(i64),
    String(&'t str),
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest().starts_with(bytes).then(|| self.at += bytes.len())
    }

    /// Passes over the bytes of a class.
    fn run(&mut self, class: u8) -> &'t str {
        let is_other = |byte: &u8| CLASSES.get(usize::from(*byte)).is_none_or(|own| own & class == 0);
        let (from, rest) = (self.at, self.rest());
        self.at += rest.iter().position(is_other).unwrap_or(rest.len());
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Whether the field ends here; else another member must follow.
    fn is_done(&mut self) -> Option<bool> {
        if self.at == self.text.len() {
            return Some(true);
        }
        self.run(SPACE);
        self.expect(b",")?;
        self.run(SPACE);
        Some(false)
    }

    /// RFC 9651, section 3.1.2.
    fn key(&mut self) -> Option<&'t str> {
        let starts = matches!(self.rest().first()?, b'a'..=b'z' | b'*');
        starts.then(|| self.run(KEY))
    }

    fn string(&mut self) -> Option<&'t str> {
        self.expect(b"\"")?;
        let value = self.run(STRING);
        self.expect(b"\"").map(|()| value)
    }

    /// In its canonical form alone.
    fn integer(&mut self) -> Option<i64> {
        let from = self.at;
        let negative = self.eat(b'-');
        let digits = self.run(DIGIT);
        if digits.len() > 15 || (digits.starts_with('0') && (negative || digits.len() > 1)) {
            return None;
        }
        self.text.get(from..self.at)?.parse().ok()
    }

    /// The text up to a colon.
    fn base64(&mut self) -> Option<&'t [u8]> {
        let len = self.rest().iter().position(|byte| *byte == b':')?;
        let text = self.rest().get(..len)?;
        self.at += len + 1;
        base64_simd::STANDARD.check(text).is_ok().then_some(text)
    }

    /// A parameter, after its semicolon.
    fn parameter(&mut self) -> Option<(&'t str, Value<'t>)> {
        let key = self.key()?;
        let value = match (self.eat(b'='), self.rest().first()) {
            (false, _) => Value::True,
            (true, Some(b'"')) => Value::String(self.string()?),
            (true, _) => Value::Integer(self.integer()?),
        };
        Some((key, value))
    }

    fn input(&mut self, most: usize) -> Option<Input<'t>> {
        let label = self.key()?;
        self.expect(b"=")?;
        let from = self.at;
        self.expect(b"(")?;
        let mut components: Vec<Listed<'t>> = Vec::with_capacity(8);
        while !self.eat(b')') {
            if !components.is_empty() {
                self.expect(b" ")?;
            }
            let listed = self.component()?;
            if components.len() >= most || components.iter().any(|own| own.component == listed.component) {
                return None;
            }
            components.push(listed);
        }
        let parameters = self.parameters()?;
        let span = from..self.at;
        Some(Input { label, components, parameters, span, fault: None, parameter_fault: None })
    }

    fn component(&mut self) -> Option<Listed<'t>> {
        let from = self.at;
        let mut component = Component::new(self.string()?);
        while self.eat(b';') {
            let (key, value) = self.parameter()?;
            let flag = match key {
                "sf" => &mut component.sf,
                "bs" => &mut component.bs,
                "tr" => &mut component.tr,
                "req" => &mut component.req,
                "key" | "name" => {
                    let place = if key == "key" { &mut component.key } else { &mut component.parameter };
                    let Value::String(value) = value else { return None };
                    if place.replace(value.into()).is_some() {
                        return None;
                    }
                    continue;
                }
                _ => return None,
            };
            if !matches!(value, Value::True) || std::mem::replace(flag, true) {
                return None;
            }
        }
        component.check().ok()?;
        Some(Listed { component, span: from..self.at })
    }

    fn parameters(&mut self) -> Option<Parameters<'t>> {
        let mut parameters = Parameters::default();
        let mut seen = Keys::default();
        while self.eat(b';') {
            let (key, value) = self.parameter()?;
            seen.add(key).ok()?;
            match (key, value) {
                ("created", Value::Integer(value)) => parameters.created = Some(value),
                ("expires", Value::Integer(value)) => parameters.expires = Some(value),
                ("nonce", Value::String(value)) => parameters.nonce = Some(value.into()),
                ("alg", Value::String(value)) => parameters.alg = Some(value.into()),
                ("keyid", Value::String(value)) => parameters.keyid = Some(value.into()),
                ("tag", Value::String(value)) => parameters.tag = Some(value.into()),
                ("created" | "expires" | "nonce" | "alg" | "keyid" | "tag", _) => return None,
                _ => {}
            }
        }
        Some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sf;

    const BOUNDS: Bounds = Bounds { signatures: 4, components: 32 };

    const INPUTS: [&str; 4] = [
        "sig=(\"@method\" \"@path\" \"date\");created=1618884473;keyid=\"k\";nonce=\"n-_1\";tag=\"t\"",
        "a=();created=-5;expires=0;x;zz=\"~ \", b*=(\"d\";key=\"x\";tr \"@query-param\";name=\"q\";req);alg=\"\"",
        "a=(\"x\";bs \"x\" \"x\";sf \"x\";req),\tb.c-d_1=(\"@status\")",
        "a=()",
    ];
    const SEQUENCES: [&str; 3] = ["sig=:AAECAw==:", "a=::, b=:AAA=:,c=:+/09:", "a=:AA==:,\t b=:AAAA:"];

    /// Every text that differs from `text` in one place, by a byte less, more, or another one.
    fn neighbours(text: &str) -> impl Iterator<Item = Vec<u8>> {
        let bytes = b" \t\"\\();:=,.-*?@A_az019+/\x00\x7f\x80";
        (0..=text.len()).flat_map(move |at| {
            let (before, after) = text.as_bytes().split_at(at);
            let rest = after.get(1..).unwrap_or_default();
            let changed = bytes.iter().flat_map(move |byte| {
                [[before, &[*byte], after].concat(), [before, &[*byte], rest].concat()]
            });
            changed.chain([[before, rest].concat(), [before, before].concat()])
        })
    }

    fn told(inputs: &Inputs<'_>) -> String {
        let text = |span: &std::ops::Range<usize>| inputs.text[span.clone()].to_owned();
        let one = |input: &Input<'_>| {
            assert_eq!((input.fault, input.parameter_fault), (None, None));
            let listed: Vec<_> =
                input.components.iter().map(|listed| (text(&listed.span), &listed.component)).collect();
            format!("{} {} {listed:?} {:?}", input.label, text(&input.span), input.parameters)
        };
        inputs.list.iter().map(one).collect()
    }

    #[test]
    fn inputs_are_read_as_the_library_reads_them() {
        let mut plain = 0;
        for field in INPUTS {
            assert!(inputs(field.as_bytes(), BOUNDS).is_some(), "{field}");
            for other in neighbours(field).chain([field.into()]) {
                let Some(own) = inputs(&other, BOUNDS) else { continue };
                plain += 1;
                let shown = String::from_utf8_lossy(&other);
                let full = Inputs::parse_any(&other, BOUNDS).unwrap_or_else(|_| panic!("{shown}"));
                assert_eq!(told(&own), told(&full), "{shown}");
            }
        }
        assert!(plain > 1000, "{plain}");
    }

    #[test]
    fn byte_sequences_are_read_as_the_library_reads_them() {
        let mut plain = 0;
        for field in SEQUENCES {
            assert!(byte_sequences(field.as_bytes()).is_some(), "{field}");
            for other in neighbours(field).chain([field.into()]) {
                let Some((members, len)) = byte_sequences(&other) else { continue };
                plain += 1;
                let mut full = Vec::new();
                let result = sf::any_byte_sequences(&other, |key, value| {
                    full.push((key.to_owned(), value.map(<[u8]>::to_vec)));
                    Ok(())
                });
                let own: Vec<_> = members[..len]
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), Some(value.to_vec())))
                    .collect();
                assert!(result.is_ok() && own == full, "{}", String::from_utf8_lossy(&other));
            }
        }
        assert!(plain > 300, "{plain}");
    }

    #[test]
    fn whatever_is_not_plain_is_passed_on() {
        let many = format!("a=({})", (0..33).map(|at| format!("\"h{at}\"")).collect::<Vec<_>>().join(" "));
        for field in [
            "",
            "a",
            "a=(),",
            "a=(), a=()",
            "a=(), b=(), c=(), d=(), e=()",
            &many,
            "a=( \"x\")",
            "a=(\"x\"  \"y\")",
            "a=(\"x\" \"x\")",
            "a=(\"x\";tr;tr)",
            "a=(\"x\";key=\"a\";key=\"a\")",
            "a=(\"X\")",
            "a=(\"@none\")",
            "a=();created=01",
            "a=();created=-0",
            "a=();created=1.0",
            "a=();created=1234567890123456",
            "a=();created=\"1\"",
            "a=();created=1;created=1",
            "a=();keyid=\"a\\\"b\"",
            "a=();x=?1",
            "a=();x=t",
            "a=();keyid=1",
        ] {
            assert!(inputs(field.as_bytes(), BOUNDS).is_none(), "{field}");
        }
        for field in [
            "",
            "a",
            "a=:AA:",
            "a=:A:",
            "a=:AA==",
            "a=:AA==:;x",
            "a=:AAAA:, a=:AAAA:",
            "a=:====:",
            "a=:AB==:",
        ] {
            assert!(byte_sequences(field.as_bytes()).is_none(), "{field}");
        }
        assert!(byte_sequences(b"a=::, b=::, c=::, d=::, e=::").is_none());
    }
}
