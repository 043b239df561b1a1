//! JSONPath against a second implementation, the crate `serde_json_path`: random queries on random documents, and
//! the verdict on mutated query texts. Documents are written with sorted member names, so that both libraries see
//! the members in one order and whole nodelists can be compared in order.
//!
//! Known faults of the other library (0.7.2), each allowed for where it shows and nowhere else:
//! - it refuses white space before a descendant segment (RFC 9535: `segments = *(S segment)`);
//! - it refuses a surrogate pair whose hexadecimal digits are in lower case (ABNF strings are case-insensitive);
//! - it refuses numbers beyond the range of doubles, such as `1e400`;
//! - it accepts white space inside the brackets of a compared query (`name-segment = "[" name-selector "]"`);
//! - for `>` and `>=` it orders booleans, arrays and objects, and nothing is neither `<=` nor `>=` nothing (section
//!   2.3.5.2.2), so that it gets `b < a` for `a > b`, and `(a < b || a == b)` for `a <= b`;
//! - a negative index in a singular query inside a filter selects nothing, so that none is generated there;
//! - deep equality does not compare numbers by value (`[1]` and `[1.0]`), so that no document has both;
//! - it writes control characters and backslashes unescaped into normalized paths (section 2.7), so that its paths
//!   are written here from their elements.

use apiseal::{Code, Limits, locate};
use serde_json::{Value, json};
use serde_json_path::{JsonPath, NormalizedPath, PathElement};

/// xorshift64*: the same run everywhere.
#[derive(Clone, Copy)]
struct Random {
    state: u64,
    /// Write all orders with `<`.
    turn: bool,
}

impl Random {
    fn new(seed: u64) -> Self {
        Random { state: seed, turn: false }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const PAIRS: usize = 40_000;
const TEXTS: usize = 60_000;
/// Nesting of the queries that are generated.
const DEPTH: usize = 3;
const NAMES: &[&str] = &["a", "b", "c", "é", "a b", "it's", "", "0", "\\", "\"", "\u{1}", "😀"];

fn document(random: &mut Random, depth: usize) -> Value {
    let kind = match depth {
        0 => random.below(6),
        4 => 6 + random.below(4),
        _ => random.below(10),
    };
    match kind {
        0 => json!(null),
        1 => json!(random.one_in(2)),
        2 => json!(random.below(4) as i64 - 1),
        3 => json!(random.below(4) as f64 - 1.5),
        4 | 5 => json!(random.pick(&["", "a", "b", "ab", "abc", "é", "😀", "a\nb", "1", "a.c"])),
        6 | 7 => (0..random.below(5)).map(|_| document(random, depth - 1)).collect(),
        _ => {
            let name = |random: &mut Random| match random.below(3) {
                0 => random.pick(NAMES),
                _ => random.pick(&["a", "b", "c", "é"]),
            };
            let members =
                (0..random.below(5)).map(|_| (name(random).to_owned(), document(random, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

fn quoted(random: &mut Random, text: &str) -> String {
    let quote = random.pick(&["'", "\""]);
    let mut out = quote.to_owned();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            _ if quote.starts_with(c) => out.extend(['\\', c]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ if random.one_in(6) => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
            }
            _ => out.push(c),
        }
    }
    out + quote
}

fn space(random: &mut Random) -> &'static str {
    random.pick(&["", "", "", "", "", " ", "\n", "\t"])
}

fn segments(random: &mut Random, depth: usize) -> String {
    (0..[0, 1, 1, 1, 2, 2, 3][random.below(7)]).map(|_| segment(random, depth)).collect()
}

fn segment(random: &mut Random, depth: usize) -> String {
    let dots = random.pick(&["", "", "", ".."]);
    // Nor does the generator write the other faults of the other library; mutations do.
    let space = if dots.is_empty() { space(random) } else { "" };
    match random.below(4) {
        0 => format!(
            "{space}{}{}",
            if dots.is_empty() { "." } else { dots },
            random.pick(&["a", "b", "c", "é", "😀", "*"])
        ),
        1 => format!("{space}{dots}[{}]", selector(random, depth)),
        2 => format!("{space}[{}]", random.pick(&["0", "1", index(depth, "-1"), "'a'", "'b'", "*"])),
        _ => {
            let list: Vec<String> = (0..1 + random.below(3)).map(|_| selector(random, depth)).collect();
            format!("{space}{dots}[{}]", list.join(","))
        }
    }
}

/// A negative index outside filters, `0` in them.
fn index(depth: usize, negative: &str) -> &str {
    if depth == DEPTH { negative } else { "0" }
}

fn selector(random: &mut Random, depth: usize) -> String {
    let (before, after) = (space(random), space(random));
    let number = |random: &mut Random| random.pick(&["", "", "0", "1", "2", "-1", "-2", "-3", "5", "-7"]);
    let inner = match random.below(if depth == 0 { 5 } else { 9 }) {
        0 | 1 => {
            let name = random.pick(NAMES);
            quoted(random, name)
        }
        2 => random
            .pick(&["0", "1", "2", index(depth, "-1"), index(depth, "-2"), "9007199254740991"])
            .to_owned(),
        3 => "*".to_owned(),
        4 => match random.below(2) {
            0 => format!("{}{before}:{after}{}", number(random), number(random)),
            _ => format!("{}:{}{before}:{after}{}", number(random), number(random), number(random)),
        },
        _ => format!("?{before}{}", filter(random, depth - 1)),
    };
    format!("{before}{inner}{after}")
}

fn filter(random: &mut Random, depth: usize) -> String {
    let (before, after) = (space(random), space(random));
    match random.below(if depth == 0 { 5 } else { 10 }) {
        0 | 1 => query(random, depth),
        2..=4 => {
            let (left, right) = (operand(random, depth), operand(random, depth));
            let operator = random.pick(&["==", "!=", "<", "<=", ">", ">="]);
            match operator {
                ">" if random.turn => format!("{right}{before}<{after}{left}"),
                "<=" if random.turn => format!("({left}<{right}||{left}=={right})"),
                ">=" if random.turn => format!("({right}<{left}||{right}=={left})"),
                _ => format!("{left}{before}{operator}{after}{right}"),
            }
        }
        5 => format!("{}{before}&&{after}{}", filter(random, depth - 1), filter(random, depth - 1)),
        6 => format!("{}{before}||{after}{}", filter(random, depth - 1), filter(random, depth - 1)),
        7 => format!("!{before}({}{after})", filter(random, depth - 1)),
        8 => format!("!{before}{}", query(random, depth)),
        _ => {
            let pattern = match random.below(5) {
                0 => query_singular(random),
                _ => {
                    let pattern = random.pick(&[
                        "a",
                        "a.*",
                        ".",
                        "a|b",
                        "[a-b]+",
                        "[^a]",
                        "(a|b){2}c?",
                        "\\p{L}",
                        "b$",
                        "^a",
                        "\\P{L}+",
                    ]);
                    quoted(random, pattern)
                }
            };
            let name = random.pick(&["match", "search"]);
            format!("{name}({before}{}{after},{before}{pattern}{after})", operand(random, depth - 1))
        }
    }
}

fn query(random: &mut Random, depth: usize) -> String {
    format!("{}{}", random.pick(&["@", "@", "@", "$"]), segments(random, depth.saturating_sub(1)))
}

fn query_singular(random: &mut Random) -> String {
    let steps: String = (0..random.below(3))
        .map(|_| random.pick(&[".a", ".b", "['a']", "[\"b\"]", "[0]", " .c", "\n[1]", ".é"]))
        .collect();
    format!("{}{steps}", random.pick(&["@", "@", "@", "$"]))
}

fn operand(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 8 } else { 11 }) {
        0..=3 => query_singular(random),
        4 => random.pick(&["null", "true", "false"]).to_owned(),
        5 => random.pick(&["0", "1", "-1", "-0", "0.5", "1e0", "-5E-1", "2.0", "10e-1"]).to_owned(),
        6 | 7 => {
            let text = random.pick(&["", "a", "b", "ab", "é", "😀", "1"]);
            quoted(random, text)
        }
        8 => format!("length({})", operand(random, depth - 1)),
        9 => format!("count({}{})", query(random, depth), space(random)),
        _ => format!("value({}{})", space(random), query(random, depth)),
    }
}

/// One or two small edits of a query text.
fn mutated(random: &mut Random, text: &str) -> String {
    const PIECES: &[&str] = &[
        " ",
        "\n",
        "\u{a0}",
        ".",
        "..",
        "[",
        "]",
        "(",
        ")",
        "?",
        "@",
        "$",
        "*",
        ",",
        ":",
        "'",
        "\"",
        "\\",
        "-",
        "0",
        "1",
        "-0",
        "01",
        "e",
        "E",
        "+",
        "=",
        "==",
        "!",
        "!=",
        "<",
        ">",
        "&&",
        "||",
        "&",
        "|",
        "a",
        "_",
        "é",
        "true",
        "null",
        "length(",
        "count(",
        "match(",
        "u",
        "\\u00",
        "\\ud800",
        "9007199254740992",
        "\t",
        "x",
        "#",
        "{",
        "}",
        "/",
        "%",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(2) {
        let at = random.below(chars.len() + 1);
        match random.below(4) {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 if at + 1 < chars.len() => chars.swap(at, at + 1),
            2 if at < chars.len() => drop(chars.splice(at..=at, random.pick(PIECES).chars())),
            _ => drop(chars.splice(at..at, random.pick(PIECES).chars())),
        }
    }
    chars.into_iter().collect()
}

/// The nodes that both libraries find, as (normalized path, value).
type Nodes = Vec<(String, Value)>;

fn ours(text: &str, query: &str) -> Result<Nodes, Code> {
    let found = locate(text.as_bytes(), query, &Limits::default()).map_err(|error| error.code())?;
    Ok(found.into_iter().map(|l| (l.path, serde_json::from_str(&text[l.start..l.end]).unwrap())).collect())
}

fn theirs(document: &Value, query: &JsonPath) -> Nodes {
    let found = query.query_located(document);
    found.iter().map(|node| (path(node.location()), node.node().clone())).collect()
}

fn path(location: &NormalizedPath<'_>) -> String {
    let mut out = String::from("$");
    for element in location.iter() {
        match element {
            PathElement::Index(index) => out.push_str(&format!("[{index}]")),
            PathElement::Name(name) => {
                let name = name.replace('\\', "\\\\").replace('\'', "\\'").replace('\u{1}', "\\u0001");
                out.push_str(&format!("['{name}']"));
            }
        }
    }
    out
}

#[test]
fn same_nodes() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let (mut pairs, mut selecting) = (0, 0);
    while pairs < PAIRS {
        let document = document(&mut random, 4);
        let text = document.to_string();
        for _ in 0..4 {
            let mut turned = Random { turn: true, ..random };
            let query = format!("${}", segments(&mut random, DEPTH));
            let turned = format!("${}", segments(&mut turned, DEPTH));
            let their_query = JsonPath::parse(&turned).unwrap_or_else(|error| panic!("{turned:?}: {error}"));
            let our_nodes =
                ours(&text, &query).unwrap_or_else(|code| panic!("{query:?} on {text}: {code:?}"));
            let their_nodes = theirs(&document, &their_query);
            pairs += 1;
            selecting += usize::from(!our_nodes.is_empty());
            assert_eq!(our_nodes, their_nodes, "{query:?} on {text}");
        }
    }
    println!("{pairs} pairs, {selecting} select something");
    assert!(selecting > pairs / 10);
}

#[test]
fn same_verdicts() {
    let mut random = Random::new(0xd1b5_4a32_d192_ed03);
    let (mut valid, mut invalid, mut known) = (0, 0, 0);
    for _ in 0..TEXTS {
        let query = format!("${}", segments(&mut random, DEPTH));
        let query = mutated(&mut random, &query);
        let accepted = our_verdict(&query);
        if accepted != JsonPath::parse(&query).is_ok() {
            // Without what the known faults are about, both must agree.
            let repaired = repaired(&query);
            assert!(repaired != query && our_verdict(&repaired), "we say {accepted} to {query:?}");
            assert!(JsonPath::parse(&repaired).is_ok(), "we say {accepted} to {query:?}");
            known += 1;
        }
        *(if accepted { &mut valid } else { &mut invalid }) += 1;
    }
    println!("{valid} valid and {invalid} invalid texts, {known} known faults");
    assert!(valid > 1000 && invalid > 5000 && known < 500);
}

fn our_verdict(query: &str) -> bool {
    match locate(b"{}", query, &Limits::default()) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidPath, "{query:?}: {error}");
            false
        }
    }
}

/// The query without white space before `..` and inside brackets, with escapes in upper case and short exponents.
fn repaired(query: &str) -> String {
    let mut out = String::new();
    let mut exponent = None;
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if trimmed.len() < rest.len()
            && (trimmed.starts_with("..") || trimmed.starts_with(']') || out.ends_with('['))
        {
            rest = trimmed;
            continue;
        }
        exponent = match (c, exponent) {
            ('e' | 'E', _) => Some(0),
            ('+' | '-', Some(0)) => Some(0),
            ('0'..='9', Some(digits)) => Some(digits + 1),
            _ => None,
        };
        if exponent > Some(2) {
            rest = &rest[1..];
            continue;
        }
        match rest.get(..6) {
            Some(escape) if escape.starts_with("\\u") => {
                out.push_str("\\u");
                out.push_str(&escape[2..].to_uppercase());
                rest = &rest[6..];
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}
