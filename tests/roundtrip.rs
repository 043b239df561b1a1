//! decrypt(encrypt(d)) == d byte for byte, and every byte outside the selected values stays where it is.

use apiseal::{Limits, Suite, locate};
use apiseal_workspace::{Setup, put, value_at};
use proptest::prelude::*;

/// Texts that other tools round, re-print or refuse.
const HOSTILE: &[&str] = &[
    "1.10",
    "-0",
    "-0.0",
    "0e0",
    "1e400",
    "1E400",
    "-1e-400",
    "123456789012345678901234567890",
    "0.1",
    "1E2",
    "1e+2",
    "9007199254740993",
    "true",
    "false",
    "null",
    "\"\"",
    "\"4111111111111111\"",
    "\"true\"",
    "\"null\"",
    "{}",
    "[]",
    "[ ]",
    "{ \"a\" : [ 1.0 , { } ] }",
    "\"\\/\\u00e9\\u00E9é\"",
    "\"\\ud83d\\ude00😀\"",
    "\"\\u0000\"",
    "\"as1\"",
    "\"AS1.k.x\"",
    "\" \"",
    "\"\\\"\\\\\\b\\f\\n\\r\\t\"",
    "[[[[[[]]]]]]",
    "\"\u{fdd0}\u{2028}\"",
];

/// Member names that are easily confused: composed and decomposed, empty, quoted, with NUL, beyond the BMP.
const NAMES: &[&str] = &[
    "",
    "a",
    "A",
    "é",
    "e\\u0301",
    "'",
    "\\\\",
    "\\u0000",
    "😀",
    "\\ud83d\\ude01",
    "0",
    "a.b",
    "a'b",
    "~1",
    "$",
    "@",
];

fn layouts(rule: &str) -> Vec<Setup> {
    let token = Setup::token(&[&format!(r#"{rule},"bind":[]"#)]);
    let elements = Setup::token(&[&format!(r#"{rule},"bind":[],"position":"elements","movable":true"#)]);
    let layouts = [token, elements, Setup::document("[]", &[rule]), Setup::document("[\"$\"]", &[rule])];
    let other = |setup: &Setup| setup.but(|setup| setup.keys[0].suite = Suite::ChaCha20Poly1305);
    layouts.iter().flat_map(|setup| [setup.clone(), other(setup)]).collect()
}

/// The text between the selected values, which encryption must not touch.
fn outside(document: &str, path: &str) -> Vec<String> {
    let mut rest = Vec::new();
    let mut from = 0;
    for place in locate(document.as_bytes(), path, &Limits::default()).unwrap() {
        rest.push(document[from..place.start].to_owned());
        from = place.end;
    }
    rest.push(document[from..].to_owned());
    rest
}

#[test]
fn lesson_f1_lesson_f5_lesson_f6_every_value_comes_back_exactly() {
    for value in HOSTILE {
        for (before, after) in
            [("{\"x\":", "}"), (" {\n \"y\" : 1.10,\t\"x\" :  ", "  ,\"z\":\"\\/\"\r\n}\n")]
        {
            let document = format!("{before}{value}{after}");
            for setup in layouts(r#""path":"$.x""#) {
                let sealed = setup.encrypt(&document);
                assert_eq!(setup.decrypt(&sealed), document);
                assert!(value_at(&sealed, "$.x").starts_with("\"as1"), "{document}");
                let header = sealed.find("\"_seal\"").map_or(String::new(), |at| {
                    let end = sealed[at..].find("\",").unwrap() + 2;
                    sealed[at..at + end].to_owned()
                });
                assert_eq!(outside(&sealed.replacen(&header, "", 1), "$.x"), outside(&document, "$.x"));
            }
        }
    }
}

#[test]
fn case_25_names_are_distinct_positions_and_come_back() {
    let members: Vec<String> =
        NAMES.iter().enumerate().map(|(at, name)| format!("\"{name}\":{at}")).collect();
    let document = format!("{{{}}}", members.join(", "));
    for setup in layouts(r#""path":"$.*""#) {
        let sealed = setup.encrypt(&document);
        assert_eq!(setup.decrypt(&sealed), document);
        let paths: Vec<String> = locate(sealed.as_bytes(), "$.*", &Limits::default())
            .unwrap()
            .into_iter()
            .map(|place| place.path)
            .filter(|path| path != "$['_seal']")
            .collect();
        assert_eq!(paths.len(), NAMES.len());
        for other in &paths[1..] {
            let moved = put(&sealed, other, value_at(&sealed, &paths[0]));
            assert!(setup.try_decrypt(moved).is_err(), "{other}");
        }
    }
}

#[test]
fn case_26_lesson_f9_a_name_is_not_an_index_and_a_joined_path_is_no_path() {
    let setup = Setup::token(&[r#""path":"$..v","bind":[]"#]);
    let sealed =
        setup.encrypt(r#"{"m":{"0":{"v":1}},"n":[{"v":1}],"a:b":{"v":1},"a":{"b":{"v":1}},"['a']":{"v":1}}"#);
    let paths = ["$.m['0'].v", "$.n[0].v", "$['a:b'].v", "$.a.b.v", "$[\"['a']\"].v"];
    for one in paths {
        for other in paths.into_iter().filter(|other| *other != one) {
            let moved = put(&sealed, other, value_at(&sealed, one));
            assert!(setup.try_decrypt(moved).is_err(), "{one} at {other}");
        }
    }
    // The same steps, but an index where there was a name.
    let list = Setup::token(&[r#""path":"$.m.*.v","bind":[]"#]);
    let as_list = list.encrypt(r#"{"m":[{"v":1}]}"#);
    let as_object = format!(r#"{{"m":{{"0":{{"v":{}}}}}}}"#, value_at(&as_list, "$.m[0].v"));
    assert!(list.try_decrypt(as_object).is_err());
}

#[test]
fn lesson_f10_moved_to_any_other_place_it_fails() {
    let setup =
        Setup::token(&[r#""path":"$.list[*].a","bind":["1/id"]"#, r#""path":"$.list[*].b","bind":["1/id"]"#]);
    let document = r#"{"list":[{"id":1,"a":"x","b":"x"},{"id":1,"a":"x","b":"x"}]}"#;
    let sealed = setup.encrypt(document);
    let paths = ["$.list[0].a", "$.list[0].b", "$.list[1].a", "$.list[1].b"];
    for one in paths {
        for other in paths.into_iter().filter(|other| *other != one) {
            assert!(
                setup.try_decrypt(put(&sealed, other, value_at(&sealed, one))).is_err(),
                "{one} at {other}"
            );
        }
    }
}

#[test]
fn case_35_short_values_have_tokens_of_one_length() {
    for setup in layouts(r#""path":"$.x""#) {
        let length = |value: &str| setup.encrypt(&format!("{{\"x\":{value}}}")).len();
        assert_eq!(length("true"), length("false"));
        assert_eq!(length("0"), length("123456"));
        assert_eq!(length("null"), length("\"078-05-1120\""));
    }
}

#[test]
fn lesson_f15_layout_d_notices_every_change_of_its_set() {
    let setup = Setup::document("[]", &[r#""path":"$.f[*]""#]);
    let sealed = setup.encrypt(r#"{"f":["ab","c",null,"c"]}"#);
    let list: Vec<&str> =
        (0..4).map(|at| value_at(&sealed, ["$.f[0]", "$.f[1]", "$.f[2]", "$.f[3]"][at])).collect();
    let with = |order: &[usize]| {
        let items: Vec<&str> = order.iter().map(|at| list[*at]).collect();
        put(&sealed, "$.f", &format!("[{}]", items.join(",")))
    };
    assert!(setup.try_decrypt(with(&[0, 1, 2, 3])).is_ok());
    for order in [&[0, 1, 2][..], &[1, 0, 2, 3], &[0, 1, 3, 2], &[0, 1, 2, 3, 3], &[0, 0, 2, 3], &[]] {
        assert!(setup.try_decrypt(with(order)).is_err(), "{order:?}");
    }
}

#[test]
fn a_store_that_reorders_and_reprints_does_no_harm() {
    let document =
        r#"{ "z": 1.10, "list": [ {"id": 7, "v": "x"}, {"id": 8, "v": null} ], "a": {"b": "\u00e9"} }"#;
    for bind in ["[]", "[\"$.z\"]", "[\"$\"]"] {
        let setup = Setup::document(bind, &[r#""path":"$.list[*].v""#, r#""path":"$.a.b""#]);
        // serde_json sorts members and prints anew, as a database does.
        let stored: serde_json::Value = serde_json::from_str(&setup.encrypt(document)).unwrap();
        let opened = setup.decrypt(&stored.to_string());
        let (got, expected): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&opened).unwrap(), serde_json::from_str(document).unwrap());
        assert_eq!(got, expected);
    }
}

#[test]
fn the_header_goes_with_its_comma_and_nothing_else() {
    let setup = Setup::document("[]", &[r#""path":"$.x","occurs":"optional""#]);
    for document in ["{}", "{ }", "{\"x\":1}", "{ \"x\" : 1 , \"y\":2 }", " { \"y\":2}\n"] {
        assert_eq!(setup.decrypt(&setup.encrypt(document)), document);
    }
    let header = value_at(&setup.encrypt("{\"x\":1}"), "$._seal").to_owned();
    let field = value_at(&setup.encrypt("{\"x\":1}"), "$.x").to_owned();
    for (moved, expected) in [
        (format!("{{ \"x\":{field} , \"_seal\" : {header} }}"), "{ \"x\":1  }"),
        (format!("{{\"y\":0,\"_seal\":{header} , \"x\":{field}}}"), "{\"y\":0, \"x\":1}"),
        (format!("{{\n\"_seal\":{header},\n\"x\":{field}}}"), "{\n\n\"x\":1}"),
    ] {
        assert_eq!(setup.decrypt(&moved), expected);
    }
}

#[test]
fn lesson_f21_large_and_deep_documents_work_or_are_refused() {
    let deep = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    for setup in layouts(r#""path":"$.x""#) {
        assert_eq!(setup.decrypt(&setup.encrypt(&deep(127))), deep(127));
        let deeper = setup.but(|setup| setup.limits.depth = 100_002);
        assert_eq!(deeper.decrypt(&deeper.encrypt(&deep(100_000))), deep(100_000));
    }
    // A value that would be too deep where it lands does not open.
    let roomy = Setup::token(&[r#""path":"$.x","bind":[]"#]).but(|setup| setup.limits.depth = 200);
    let sealed = roomy.encrypt(&deep(150));
    assert!(roomy.but(|setup| setup.limits.depth = 128).try_decrypt(sealed).is_err());
}

fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        prop::sample::select(HOSTILE).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "[a-z é😀]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    let space = prop::sample::select(&["", "", "", " ", "\n\t"][..]);
    scalar.prop_recursive(5, 60, 6, move |inner| {
        let space = space.clone();
        let list = (prop::collection::vec(inner.clone(), 0..6), space.clone()).prop_map(|(items, space)| {
            format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))
        });
        let names = prop::sample::subsequence(NAMES, 0..6);
        let object = (names, prop::collection::vec(inner, 6), space).prop_map(|(names, values, space)| {
            let members: Vec<String> = names
                .iter()
                .zip(values)
                .map(|(name, value)| format!("\"{name}\"{space}:{space}{value}"))
                .collect();
            format!("{{{space}{}{space}}}", members.join(&format!(",{space}")))
        });
        prop_oneof![list, object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_documents_come_back_byte_for_byte(
        value in json(),
        path in prop::sample::select(&["$.d", "$.d.*", "$.d[*]", "$.d.*.*", "$.d['','a','é']", "$.d[1:3]", "$.d[0]"][..]),
    ) {
        let document = format!("{{\"id\":1,\"d\":{value}}}");
        for setup in layouts(&format!(r#""path":"{path}","occurs":"optional""#)) {
            let sealed = setup.encrypt(&document);
            prop_assert_eq!(setup.decrypt(&sealed), document.clone());
        }
    }

    #[test]
    fn damaged_documents_never_panic_and_never_open_to_something_new(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(), how in 0..3u8,
    ) {
        let clear = r#"{"id":1,"a":"x","list":[{"a":[1.10,null]},{"b":"\u00e9"}]}"#;
        for setup in layouts(r#""path":"$..a""#) {
            for document in [clear.to_owned(), setup.encrypt(clear)] {
                let mut bytes = document.clone().into_bytes();
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => { bytes.drain(at.min(cut.index(document.len()))..at.max(cut.index(document.len()))); }
                }
                let _ = setup.try_encrypt(&bytes);
                if let Ok(opened) = setup.try_decrypt(&bytes) {
                    // Only clear text may have changed: every protected value is one that was encrypted.
                    for place in locate(&opened, "$..a", &Limits::default()).unwrap() {
                        let value = &opened[place.start..place.end];
                        prop_assert!(value == b"\"x\"" || value == b"[1.10,null]");
                    }
                }
            }
        }
    }
}
