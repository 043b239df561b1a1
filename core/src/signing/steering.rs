//! Headers that must be covered where they are in a message.

/// Headers that steer what a server does, though the signer may not have sent them; `if-*` stands for all that begin so.
const STEERING: [&str; 15] = [
    "authorization",
    "content-encoding",
    "cookie",
    "depth",
    "destination",
    "idempotency-key",
    "if-*",
    "prefer",
    "range",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
];

/// A set of header names in lower case, each of them whole or, before a `*`, a beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steering {
    whole: Vec<String>,
    starts: Vec<String>,
    /// A bit for each first letter: it decides for most headers.
    letters: u32,
}

impl Steering {
    /// The strict default.
    pub(crate) fn strict() -> Self {
        let mut own = Steering::default();
        STEERING.iter().for_each(|name| own.add((*name).to_owned()));
        own
    }

    pub(crate) fn add(&mut self, name: String) {
        self.letters |= letter(&name);
        match name.strip_suffix('*') {
            Some(start) => self.starts.push(start.to_owned()),
            None => self.whole.push(name),
        }
    }

    /// The names, and the beginnings of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &String> {
        self.whole.iter().chain(&self.starts)
    }

    /// Whether a header of this name, in any case, must be covered.
    pub(crate) fn has(&self, name: &str) -> bool {
        let begins =
            |start: &String| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
        self.letters & letter(name) != 0
            && (self.whole.iter().any(|own| own.eq_ignore_ascii_case(name)) || self.starts.iter().any(begins))
    }
}

/// The five bits in which the cases of a letter are equal.
fn letter(name: &str) -> u32 {
    1 << (name.as_bytes().first().copied().unwrap_or_default() & 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_s4_steering_headers() {
        let mut steering = Steering::strict();
        steering.add("x-tenant".to_owned());
        for name in STEERING.iter().filter(|name| !name.ends_with('*')) {
            assert!(steering.has(name) && steering.has(&name.to_uppercase()), "{name}");
            assert!(!steering.has(&name[1..]) && !steering.has(&format!("{name}s")), "{name}");
        }
        for name in ["If-Match", "if-anything", "IF-", "X-Tenant"] {
            assert!(steering.has(name), "{name}");
        }
        for name in ["if", "x", "date", "", "\u{e9}", "content-type"] {
            assert!(!steering.has(name), "{name}");
        }
        assert!(!Steering::default().has("cookie"));
    }
}
