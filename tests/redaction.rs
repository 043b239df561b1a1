//! Redaction shows no protected value, changes no other byte, and never fails open.

use apiseal::{Limits, Redactor, locate};
use apiseal_workspace::Setup;
use proptest::prelude::*;

const UNREADABLE: &str = r#"{"redacted":"unreadable"}"#;

fn redact(setup: &Setup, document: impl AsRef<[u8]>) -> String {
    setup.redactor().unwrap().redact(document.as_ref()).into_string()
}

/// What a rule selects, and how it is written where values and lengths are left out of account.
const SELECTORS: &[(&str, &str)] = &[
    (".a", ".a"),
    (".b", ".b"),
    ("['\\u0063']", "['c']"),
    (".*", ".*"),
    ("[*]", "[*]"),
    ("[*]", "[*]"),
    ("..a", "..a"),
    ("..*", "..*"),
    ("..[1]", "..[1]"),
    ("..['b','c']", "..['b','c']"),
    ("[0]", "[0]"),
    ("[1:3]", "[1:3]"),
    ("[::2]", "[::2]"),
    ("['a','b']", "['a','b']"),
    ("[0,'b']", "[0,'b']"),
    ("[-1]", "[0:]"),
    ("[:-1]", "[0:]"),
    ("[::-1]", "[0:]"),
    ("..[-2:]", "..[0:]"),
    ("[-1,'b']", "[0:,'b']"),
    ("[?@.a]", "[*]"),
    ("[?@.a==7]", "[*]"),
    ("[?@>5,'a']", "[*]"),
    ("[?@[?@.b]]", "[*]"),
    ("[?search(@.a,'[0-9]')]", "[*]"),
    ("[?count(@..*)>2]", "[*]"),
    ("[?$..c]", "[*]"),
    ("..[?@.b]", "..*"),
];

#[derive(Clone, Debug)]
struct Rule {
    exact: String,
    wide: String,
    /// `keep_last`, or nothing for `remove`.
    keep: Option<usize>,
}

fn rule() -> impl Strategy<Value = Rule> {
    let steps = prop::collection::vec(prop::sample::select(SELECTORS), 0..5);
    (steps, prop::option::weighted(0.7, 1usize..5)).prop_map(|(steps, keep)| Rule {
        exact: format!("${}", steps.iter().map(|(exact, _)| *exact).collect::<String>()),
        wide: format!("${}", steps.iter().map(|(_, wide)| *wide).collect::<String>()),
        keep,
    })
}

fn setup(layout_d: bool, rules: &[Rule]) -> Setup {
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| {
            let mask = match rule.keep {
                Some(last) => format!(r#"{{"keep_last":{last}}}"#),
                None => "\"remove\"".to_owned(),
            };
            let dependent = ["?", "-"].iter().any(|mark| rule.exact.contains(mark));
            let more = match (layout_d, dependent) {
                (true, _) => "",
                (false, true) => r#","bind":[],"selection":"unauthenticated""#,
                (false, false) => r#","bind":[]"#,
            };
            let path = rule.exact.replace('\\', "\\\\");
            format!(r#""path":"{path}","occurs":"optional","mask":{mask}{more}"#)
        })
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    if layout_d { Setup::document("[]", &rules) } else { Setup::token(&rules) }
}

/// A document whose texts and numbers are all different: text `i` has characters that stand nowhere else.
#[derive(Clone, Debug)]
enum Shape {
    Text { len: usize, escaped: bool },
    Number,
    Word(&'static str),
    Token(&'static str),
    List(Vec<Shape>),
    Object(Vec<(&'static str, Shape)>),
}

fn shape() -> impl Strategy<Value = Shape> {
    const TOKENS: &[&str] = &["as1.k1.AAAA", "as1f.x", "as1d.", r"\u0061s1r.k", "as1", "as2.x", "xas1."];
    let scalar = prop_oneof![
        6 => (1usize..17, any::<bool>()).prop_map(|(len, escaped)| Shape::Text { len, escaped }),
        2 => Just(Shape::Number),
        1 => prop::sample::select(&["true", "null", "7", "\"\"", "[]", "{}"][..]).prop_map(Shape::Word),
        1 => prop::sample::select(TOKENS).prop_map(Shape::Token),
    ];
    scalar.prop_recursive(5, 40, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Shape::List);
        let names = prop::sample::subsequence(&["a", "b", "c", "_seal", "d"][..], 0..5);
        let object = (names, prop::collection::vec(inner, 5))
            .prop_map(|(names, values)| Shape::Object(names.into_iter().zip(values).collect()));
        prop_oneof![list, object]
    })
}

/// Characters that the longest text has.
const CHARACTERS: u32 = 16;

/// The characters of text `number`; every other text lies beyond the basic plane.
fn character(number: u32, at: u32) -> char {
    let base = if number.is_multiple_of(2) { 0x4e00 } else { 0x20000 };
    char::from_u32(base + number * CHARACTERS + at).unwrap()
}

fn write(shape: &Shape, count: &mut u32, out: &mut String) {
    match shape {
        Shape::Text { len, escaped } => {
            out.push('"');
            for at in 0..*len as u32 {
                let character = character(*count, at);
                match escaped {
                    true => character
                        .encode_utf16(&mut [0; 2])
                        .iter()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
                    false => out.push(character),
                }
            }
            out.push('"');
            *count += 1;
        }
        Shape::Number => {
            out.push_str(&number(*count));
            *count += 1;
        }
        Shape::Word(word) => out.push_str(word),
        Shape::Token(text) => out.push_str(&format!("\"{text}\"")),
        Shape::List(items) => {
            out.push_str("[ ");
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { " ," } else { "" });
                write(item, count, out);
            }
            out.push(']');
        }
        Shape::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { ",\n" } else { "" });
                out.push_str(&format!("\"{name}\": "));
                write(value, count, out);
            }
            out.push('}');
        }
    }
}

fn number(count: u32) -> String {
    format!("-8{count:04}8.5")
}

fn document(shape: &Shape) -> String {
    let mut out = String::from(" ");
    write(shape, &mut 0, &mut out);
    out
}

fn spans(document: &str, path: &str) -> Vec<(usize, usize)> {
    let found = locate(document.as_bytes(), path, &Limits::default()).unwrap();
    found.into_iter().map(|place| (place.start, place.end)).collect()
}

fn text_of(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

/// The redacted document, found by the evaluator of queries and by serde_json instead of by the automaton, and the
/// spans that are masked.
fn expected(layout_d: bool, rules: &[Rule], document: &str) -> (String, Vec<(usize, usize)>) {
    let mut masks: Vec<(usize, usize, Option<usize>)> = Vec::new();
    for rule in rules {
        masks.extend(spans(document, &rule.wide).into_iter().map(|(start, end)| (start, end, rule.keep)));
    }
    let ours = |text: String| ["as1.", "as1f.", "as1d.", "as1r."].iter().any(|own| text.starts_with(own));
    let everything = spans(document, "$").into_iter().chain(spans(document, "$..*"));
    let tokens = everything.filter(|(start, end)| text_of(&document[*start..*end]).is_some_and(ours));
    masks.extend(tokens.map(|(start, end)| (start, end, None)));
    if layout_d {
        masks.extend(spans(document, "$._seal").into_iter().map(|(start, end)| (start, end, None)));
    }
    let mut outer = Vec::new();
    for &(start, end, _) in &masks {
        if !masks.iter().any(|(from, to, _)| *from <= start && end <= *to && (*from, *to) != (start, end)) {
            outer.push((start, end));
        }
    }
    outer.sort_unstable();
    outer.dedup();
    let (mut out, mut copied) = (String::new(), 0);
    for &(start, end) in &outer {
        out.push_str(&document[copied..start]);
        // The strictest mask: the one that shows least of this very text.
        let text: Vec<char> = text_of(&document[start..end]).unwrap_or_default().chars().collect();
        let shows = |keep: Option<usize>| keep.filter(|last| text.len() >= 2 * last + 4).unwrap_or(0);
        let same = masks.iter().filter(|(from, to, _)| (*from, *to) == (start, end));
        match same.map(|(_, _, keep)| shows(*keep)).min().unwrap() {
            0 => out.push_str("\"[redacted]\""),
            last => {
                let shown: String = text[text.len() - last..].iter().collect();
                out.push_str(&serde_json::to_string(&format!("****{shown}")).unwrap());
            }
        }
        copied = end;
    }
    out.push_str(&document[copied..]);
    (out, outer)
}

/// No character and no number of the values in `spans` stands in the output, but for the last characters that a rule
/// of this selection shows.
fn assert_hidden(document: &str, spans: &[(usize, usize)], keep: Option<usize>, output: &str) {
    for &(start, end) in spans {
        let value: serde_json::Value = serde_json::from_str(&document[start..end]).unwrap();
        let mut open = vec![&value];
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::String(text) if text.chars().all(|c| c >= '\u{4e00}') => {
                    let count = text.chars().count();
                    let shown = keep.filter(|last| count >= 2 * last + 4).unwrap_or(0);
                    let hidden: Vec<char> = text.chars().take(count - shown).collect();
                    assert!(!output.contains(&hidden[..]), "{text} in {output}");
                    for c in hidden {
                        let mut units = [0; 2];
                        let escape = format!("\\u{:04x}", c.encode_utf16(&mut units).last().unwrap());
                        assert!(!output.contains(&escape), "{escape} in {output}");
                    }
                }
                serde_json::Value::Number(digits) if digits.is_f64() => {
                    assert!(!output.contains(&digits.to_string()), "{digits} in {output}");
                }
                serde_json::Value::Array(items) => open.extend(items),
                serde_json::Value::Object(members) => open.extend(members.values()),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lesson_f17_no_protected_value_is_shown_and_no_other_byte_changes(
        shape in shape(), rules in prop::collection::vec(rule(), 1..4), layout_d in any::<bool>(),
    ) {
        let setup = setup(layout_d, &rules);
        // Provable overlaps and a protected root in layout D do not load.
        let Ok(redactor) = setup.redactor() else { return Ok(()) };
        let clear = document(&shape);
        let (expected_text, masked) = expected(layout_d, &rules, &clear);
        let redacted = redactor.redact(clear.as_bytes());
        prop_assert_eq!(redacted.as_str(), &expected_text);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&redacted.to_string()).is_ok());
        for rule in &rules {
            // What encryption would select is masked, and not shown in any way.
            let protected = spans(&clear, &rule.exact);
            for (start, end) in &protected {
                prop_assert!(masked.iter().any(|(from, to)| from <= start && end <= to));
            }
            assert_hidden(&clear, &protected, rule.keep, redacted.as_str());
        }

        // The same document, encrypted by the same policy where it can be.
        if let Ok(sealed) = setup.try_encrypt(&clear) {
            let sealed = String::from_utf8(sealed).unwrap();
            let (expected_text, _) = expected(layout_d, &rules, &sealed);
            let redacted = redactor.redact(sealed.as_bytes()).into_string();
            prop_assert_eq!(&redacted, &expected_text);
            prop_assert!(!["\"as1.", "\"as1f.", "\"as1d."].iter().any(|own| redacted.contains(own)));
            for rule in &rules {
                assert_hidden(&clear, &spans(&clear, &rule.exact), None, &redacted);
            }
        }
        prop_assert_eq!(redactor.unreadable(), 0);
    }

    #[test]
    fn case_71_damaged_documents_show_nothing_or_are_redacted_as_they_are(
        shape in shape(), rules in prop::collection::vec(rule(), 1..3), layout_d in any::<bool>(),
        at in any::<prop::sample::Index>(), byte in prop::sample::select(&b"\"{}[],:\\ a1\n\0\xff"[..]), how in 0..3u8,
    ) {
        let Ok(redactor) = setup(layout_d, &rules).redactor() else { return Ok(()) };
        let mut bytes = document(&shape).into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => bytes.truncate(at),
        }
        let redacted = redactor.redact(&bytes);
        if locate(&bytes, "$", &Limits::default()).is_err() {
            prop_assert_eq!(redacted.as_str(), UNREADABLE);
            prop_assert!(redacted.is_unreadable() && redactor.unreadable() == 1);
        } else {
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(redacted.as_str(), expected(layout_d, &rules, &text).0);
        }
    }
}

#[test]
fn the_random_test_reaches_what_it_is_for() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut loaded, mut sealed, mut shown, mut masked) = (0, 0, 0, 0);
    for _ in 0..1000 {
        let tree =
            (shape(), prop::collection::vec(rule(), 1..4), any::<bool>()).new_tree(&mut runner).unwrap();
        let (shape, rules, layout_d) = tree.current();
        let setup = setup(layout_d, &rules);
        let clear = document(&shape);
        let Ok(redactor) = setup.redactor() else { continue };
        let redacted = redactor.redact(clear.as_bytes());
        loaded += 1;
        sealed += u32::from(setup.try_encrypt(&clear).is_ok_and(|sealed| sealed != clear.as_bytes()));
        shown += u32::from(redacted.as_str().contains("\"****"));
        masked += u32::from(redacted.as_str().contains("[redacted]"));
    }
    assert!(loaded > 400 && sealed > 100 && shown > 40 && masked > 200, "{loaded} {sealed} {shown} {masked}");
}

#[test]
fn lesson_f17_three_and_more_wildcards_descendants_and_unions() {
    let secret = r#""4111-secret""#;
    let document = format!(
        r#"{{"a":{{"b":[{{"c":[{{"d":{secret}}},[{secret}]]}},{{"c":{{"x":{{"d":{secret}}}}}}}]}},"keep":1.10}}"#
    );
    for (path, left) in [
        ("$.*.*[*].*.*", 0),
        ("$.*.*.*.*.*", 0),
        ("$..*..*..*", 0),
        ("$.a.*[*].c[*].d", 1),
        ("$.*[*][*]..d", 1),
        ("$..*[*]..d", 1),
        ("$..c[0,'x']", 1),
        ("$..['c','keep']..['d',0]", 0),
        ("$..[0]..d", 2),
        ("$.a['b','z'][*]['c']", 0),
    ] {
        for setup in [
            Setup::token(&[&format!(r#""path":"{path}","bind":[]"#)]),
            Setup::document("[]", &[&format!(r#""path":"{path}""#)]),
        ] {
            let redacted = redact(&setup, &document);
            assert_eq!(redacted.matches("4111").count(), left, "{path}: {redacted}");
            assert!(serde_json::from_str::<serde_json::Value>(&redacted).is_ok());
        }
    }
}

#[test]
fn value_dependent_rules_mask_what_they_might_select() {
    let document =
        r#"{"items":[{"kind":"card","pan":"4111"},{"kind":"cash","pan":"4222"}],"last":["4333","4444"]}"#;
    let setup = Setup::document(
        "[]",
        &[r#""path":"$.items[?@.kind=='card'].pan""#, r#""path":"$.last[-1]""#, r#""path":"$.none[?@.x]""#],
    );
    let masked = r#"{"items":[{"kind":"card","pan":"[redacted]"},{"kind":"cash","pan":"[redacted]"}],"last":["[redacted]","[redacted]"]}"#;
    assert_eq!(redact(&setup, document), masked);
    // An attacker who edits what the filter looks at changes nothing.
    assert_eq!(redact(&setup, document.replace("card", "cash")), masked.replace("card", "cash"));
    assert_eq!(
        redact(&setup, document.replace("\"kind\":", "\"k\":")),
        masked.replace("\"kind\":", "\"k\":")
    );
}

#[test]
fn rules_that_match_nothing_and_rules_that_meet_are_no_error() {
    let setup = Setup::document(
        "[\"$.id\"]",
        &[
            r#""path":"$.a","mask":{"keep_last":1}"#,
            r#""path":"$[?@.b]""#,
            r#""path":"$.none","occurs":{"exactly":3},"types":["object"],"keys":["nobody"]"#,
        ],
    );
    assert_eq!(redact(&setup, r#"{"a":{"b":[1,2]},"c":"x"}"#), r#"{"a":"[redacted]","c":"[redacted]"}"#);
    assert_eq!(redact(&setup, "[7]"), r#"["[redacted]"]"#);
    assert_eq!(redact(&setup, "7"), "7");
    let root = Setup::token(&[r#""path":"$","bind":[]"#]);
    assert_eq!(redact(&root, " {\"a\":1}\n"), " \"[redacted]\"\n");
}

#[test]
fn encrypted_documents_show_that_there_was_something() {
    let rules = [r#""path":"$.pan","mask":{"keep_last":4}"#];
    let clear = r#"{"pan":"4111111111111111","id":7}"#;
    let with_bind = format!("{},\"bind\":[]", rules[0]);
    for setup in [Setup::document("[\"$\"]", &rules), Setup::token(&[&with_bind])] {
        assert_eq!(redact(&setup, clear), r#"{"pan":"****1111","id":7}"#);
        let redacted = redact(&setup, setup.encrypt(clear));
        assert!(
            redacted.ends_with(r#""pan":"[redacted]","id":7}"#) && !redacted.contains("as1"),
            "{redacted}"
        );
        // Redacting twice shows no more.
        assert_eq!(redact(&setup, redact(&setup, clear)), r#"{"pan":"[redacted]","id":7}"#);
    }
    // A policy that leaves the tokens of others in place does not log them.
    let mut keep = Setup::token(&[r#""path":"$.other","bind":[],"occurs":"optional""#]);
    keep.policy = keep.policy.replace("\"rules\"", "\"unselected\":\"keep\",\"rules\"");
    let sealed = Setup::token(&[&with_bind]).encrypt(clear);
    assert_eq!(redact(&keep, sealed), r#"{"pan":"[redacted]","id":7}"#);
}

#[test]
fn case_71_unreadable_documents_are_counted_and_never_shown() {
    let setup = Setup::token(&[r#""path":"$.pan","bind":[]"#]);
    let redactor: Redactor = setup.redactor().unwrap();
    let clone = redactor.clone();
    let deep = format!("{}4111{}", "[".repeat(129), "]".repeat(129));
    let documents = [
        "",
        "4111-secret",
        r#"{"pan":"4111-secret""#,
        r#"{"pan":"4111-secret"} x"#,
        r#"{"pan":"4111-secret","pan":1}"#,
        r#"{"pan":"4111-secret","\u0070an":1}"#,
        "{\"pan\":\"4111-secret\"}\u{0}",
        "\u{feff}{\"pan\":\"4111-secret\"}",
        r#"{"pan":"4111-secret\ud800"}"#,
        r#"{'pan':'4111-secret'}"#,
        "{\"pan\":1}\n{\"pan\":\"4111-secret\"}\n",
        deep.as_str(),
    ];
    for (at, document) in documents.iter().enumerate() {
        let redacted = redactor.redact(document.as_bytes());
        assert_eq!((redacted.as_str(), redacted.is_unreadable()), (UNREADABLE, true), "{document}");
        assert!(!format!("{redacted:?} {redacted} {redactor:?}").contains("4111"));
        assert_eq!(clone.unreadable(), at as u64 + 1);
    }
    assert!(redactor.redact(b"{\"pan\":\"\xff4111\"}").is_unreadable());
    assert_eq!(
        (clone.unreadable(), clone.redact(b"{}").is_unreadable()),
        (documents.len() as u64 + 1, false)
    );
}
