//! The list of components and parameters in another order, and bases that are built otherwise than RFC 9421 says.

use crate::http::digest::sha256;
use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::judge::{Judge, Step, View};
use crate::signing::explain::target::permutations;

/// The most parameters of which every order is tried.
const MAX_PERMUTED: usize = 5;

impl Judge<'_> {
    pub(super) fn try_lists(&mut self) -> Step {
        let view = self.received.clone();
        if !self.is_short(view.text.len()) {
            return Step::Continue(());
        }
        let (_, parameters) = split(&view.text);
        let parameters: Vec<String> = parameters.into_iter().map(str::to_owned).collect();
        let text = |own: &[String]| {
            let list = split(&view.text).0;
            own.iter().fold(list.to_owned(), |text, parameter| text + ";" + parameter)
        };
        let mut orders: Vec<Vec<String>> = Vec::new();
        let mut sorted = parameters.clone();
        sorted.sort();
        orders.push(sorted);
        for known in [
            ["created", "expires", "nonce", "alg", "keyid", "tag"],
            ["alg", "created", "expires", "keyid", "nonce", "tag"],
            ["created", "keyid", "alg", "expires", "nonce", "tag"],
            ["keyid", "alg", "created", "expires", "nonce", "tag"],
        ] {
            let place =
                |own: &String| known.iter().position(|name| own.split('=').next() == Some(name)).unwrap_or(9);
            let mut own = parameters.clone();
            own.sort_by_key(place);
            orders.push(own);
        }
        orders.push(parameters.iter().rev().cloned().collect());
        if parameters.len() <= MAX_PERMUTED {
            permutations(parameters.len(), &mut |order| {
                orders.push(order.iter().filter_map(|at| parameters.get(*at).cloned()).collect());
            });
        }
        for at in 0..parameters.len() {
            let mut fewer = parameters.clone();
            let own = fewer.remove(at);
            for to in 0..fewer.len() {
                let mut moved = fewer.clone();
                moved.insert(to, own.clone());
                orders.push(moved);
            }
            orders.push(fewer);
        }
        for own in orders.iter().take(256) {
            self.attempt(ChangeKind::Parameters, View { text: text(own), ..view.clone() })?;
        }
        let alg = format!("alg=\"{}\"", self.suspect.key.suite().name());
        if !parameters.contains(&alg) {
            for at in 0..=parameters.len() {
                let mut more = parameters.clone();
                more.insert(at, alg.clone());
                self.attempt(ChangeKind::Parameters, View { text: text(&more), ..view.clone() })?;
            }
        }
        self.try_component_order(&view, &parameters)
    }

    fn try_component_order(&mut self, view: &View, parameters: &[String]) -> Step {
        let ids = self.suspect.ids.clone();
        let mut sorted = view.order.clone();
        sorted.sort_by_key(|at| ids.get(*at));
        let mut orders = vec![sorted, view.order.iter().rev().copied().collect()];
        for at in 0..view.order.len().min(32).saturating_sub(1) {
            let mut swapped = view.order.clone();
            swapped.swap(at, at + 1);
            orders.push(swapped);
        }
        for order in orders {
            let list: Vec<&str> = order.iter().filter_map(|at| ids.get(*at).map(String::as_str)).collect();
            let list = parameters.iter().fold(format!("({})", list.join(" ")), |text, own| text + ";" + own);
            // Either all of it in another order, or the lines alone.
            self.attempt(ChangeKind::Components, View { order: order.clone(), text: list, ..view.clone() })?;
            self.attempt(ChangeKind::Components, View { order, ..view.clone() })?;
        }
        Step::Continue(())
    }

    /// Bases of peers with habits of their own.
    pub(super) fn try_habits(&mut self) -> Step {
        let view = self.received.clone();
        let Ok(base) = self.base(&view) else { return Step::Continue(()) };
        let text = String::from_utf8_lossy(&base).into_owned();
        let query = |text: &str| {
            let line = |line: &str| match line.strip_prefix("\"@query\": ?") {
                Some(rest) => format!("\"@query\": {rest}"),
                None => line.to_owned(),
            };
            text.split('\n').map(line).collect::<Vec<_>>().join("\n")
        };
        let (path, search) = view.target.split_once('?').unwrap_or((&view.target, ""));
        let named = |text: &str| {
            // Names as they stand in the message.
            let covered = self.suspect.components.iter().filter_map(|component| {
                view.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(&component.name))
            });
            covered.fold(text.to_owned(), |text, (name, _)| {
                let line = format!("\n\"{}\": ", name.to_ascii_lowercase());
                text.replacen(&line, &format!("\n\"{name}\": "), 1)
            })
        };
        let others = [
            query(&text),
            parameters_as_scripts_write_them(&text),
            parameters_as_received(&text, search),
            text.replace(
                &format!("\"@request-target\": {path}?\n"),
                &format!("\"@request-target\": {path}\n"),
            ),
            text.replace(&format!("\"@path\": {path}\n"), &format!("\"@path\": {path}?{search}\n")),
            text.replace("\"@path\": /\n", "\"@path\": \n"),
            format!("{text}\n"),
            text.replace('\n', "\r\n"),
            named(&text),
            text.replace("\n\"@signature-params\": ", "\n@signature-params: "),
            text.replace(
                "\"@signature-params\": ",
                &format!("\"@signature-params\": {}=", self.suspect.label),
            ),
            text.replace(", ", ","),
            text.split('\n').map(|line| line.replacen("\": ", "\":", 1)).collect::<Vec<_>>().join("\n"),
            text.split("\n\"@signature-params\"").next().unwrap_or_default().to_owned(),
        ];
        for other in others {
            self.attempt_base(ChangeKind::Base, view.clone(), other.into_bytes())?;
        }
        self.attempt_base(ChangeKind::Base, view, sha256(&[&base]).to_vec())
    }
}

/// Query parameters in the encoding of `encodeURIComponent`, which leaves more characters alone.
fn parameters_as_scripts_write_them(base: &str) -> String {
    each_parameter(base, |_, value| {
        let plain = [("%21", "!"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%7E", "~")];
        plain.iter().fold(value.to_owned(), |value, (from, to)| value.replace(from, to))
    })
}

/// Query parameters neither decoded nor encoded.
fn parameters_as_received(base: &str, query: &str) -> String {
    each_parameter(base, |name, value| {
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(own, _)| *own == name).map_or_else(|| value.to_owned(), |(_, value)| value.to_owned())
    })
}

/// The base with other values for its query parameters, which are handed over by name and value.
fn each_parameter(base: &str, other: impl Fn(&str, &str) -> String) -> String {
    let line = |line: &str| match line.split_once("\": ") {
        Some((id, value)) if id.starts_with("\"@query-param\";") => {
            let name = id.split_once(";name=\"").map_or("", |(_, name)| name);
            format!("{id}\": {}", other(name, value))
        }
        _ => line.to_owned(),
    };
    base.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The inner list and its parameters, apart.
fn split(text: &str) -> (&str, Vec<&str>) {
    // Neither strings within the list nor those of parameters end it.
    let mut quoted = false;
    let mut escaped = false;
    let mut list = text.len();
    let mut cuts = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b')' if !quoted && list == text.len() => list = at + 1,
            b';' if !quoted && at >= list => cuts.push(at),
            _ => {}
        }
    }
    let ends = cuts.iter().skip(1).copied().chain([text.len()]);
    let parameters = cuts.iter().zip(ends).filter_map(|(from, until)| text.get(from + 1..until)).collect();
    (text.get(..list).unwrap_or_default(), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_outside_of_strings() {
        let text = "(\"a\";key=\")\" \"b\");created=1;tag=\"x;\\\"y\";z";
        assert_eq!(split(text), ("(\"a\";key=\")\" \"b\")", vec!["created=1", "tag=\"x;\\\"y\"", "z"]));
        assert_eq!(split("()"), ("()", vec![]));
    }
}
