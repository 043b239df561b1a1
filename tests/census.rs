//! The census: every string of ours is found, told apart, and counted under the key that it names.

use apiseal::{Code, Limits, Part, Sighting, Suite, inspect};
use apiseal_workspace::{KeySpec, Setup, code, put, value_at};

fn found(document: &str) -> Vec<Sighting> {
    inspect(document.as_bytes(), &Limits::default()).unwrap()
}

/// Path, part, key and mode of each.
fn brief(document: &str) -> Vec<(String, &'static str, Option<String>, Option<&'static str>)> {
    let brief = |sighting: Sighting| {
        assert!(!sighting.authenticated);
        let kid = sighting.kid.map(|kid| kid.as_str().to_owned());
        (sighting.path, sighting.part.name(), kid, sighting.mode)
    };
    found(document).into_iter().map(brief).collect()
}

fn token() -> String {
    let sealed = Setup::token(&[r#""path":"$.v","bind":[]"#]).encrypt(r#"{"v":1}"#);
    value_at(&sealed, "$.v").trim_matches('"').to_owned()
}

fn document_setup() -> Setup {
    Setup::document("[\"$\"]", &[r#""path":"$.list[*]""#])
}

fn k1() -> Option<String> {
    Some("k1".to_owned())
}

#[test]
fn tokens_are_found_wherever_they_stand() {
    let token = token();
    let escaped: String = token.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let document = format!(r#"["x",{{"a'\n":[1,"{token}"],"as1.k1.x":"{escaped}"}}]"#);
    let sightings = found(&document);
    let paths: Vec<&str> = sightings.iter().map(|sighting| sighting.path.as_str()).collect();
    assert_eq!(paths, [r"$[1]['a\'\n'][1]", "$[1]['as1.k1.x']"]);
    for sighting in &sightings {
        assert_eq!(
            (sighting.part, sighting.suite, sighting.mode),
            (Part::Token, Some(Suite::Aes256Gcm), Some("exact"))
        );
        // The decoded string counts, not its spelling.
        assert_eq!(sighting.len, token.len());
        let value = &document[sighting.start..sighting.end];
        assert_eq!(serde_json::from_str::<String>(value).unwrap(), token);
    }
    assert_eq!(brief(&format!("\"{token}\"")), [("$".to_owned(), "token", k1(), Some("exact"))]);
}

#[test]
fn modes_suites_and_keys_are_read() {
    let rules = [
        r#""path":"$.a","bind":[]"#,
        r#""path":"$.b[*]","position":"elements","movable":true,"bind":[]"#,
        r#""path":"$.c","position":"named","label":"c","bind":[],"keys":["k2"]"#,
    ];
    let setup = Setup::token(&rules).but(|setup| {
        let mut second = KeySpec::new("k2", 5);
        second.suite = Suite::ChaCha20Poly1305;
        setup.keys.push(second);
    });
    let sealed = setup.encrypt(r#"{"a":1,"b":[2],"c":3}"#);
    let expected = [("$['a']", "k1", "exact"), ("$['b'][0]", "k1", "elements"), ("$['c']", "k2", "named")]
        .map(|(path, kid, mode)| (path.to_owned(), "token", Some(kid.to_owned()), Some(mode)));
    assert_eq!(brief(&sealed), expected);
    assert_eq!(found(&sealed)[2].suite, Some(Suite::ChaCha20Poly1305));
}

#[test]
fn field_strings_belong_to_the_only_header_of_the_root() {
    let sealed = document_setup().encrypt(r#"{"list":[1,2]}"#);
    let header = value_at(&sealed, "$._seal").to_owned();
    let row = |path: &str, part, kid: Option<String>| {
        let mode = kid.is_some().then_some("document");
        (path.to_owned(), part, kid, mode)
    };
    assert_eq!(
        brief(&sealed),
        [
            row("$['_seal']", "header", k1()),
            row("$['list'][0]", "field", k1()),
            row("$['list'][1]", "field", k1())
        ]
    );
    // Another name of the header, and its place in the root, do not matter.
    let renamed = format!("{{\"list\":{},\"h\":{header}}}", value_at(&sealed, "$.list"));
    assert_eq!(brief(&renamed)[0], row("$['list'][0]", "field", k1()));
    // None, two, or one that is no member of the root: the key is not known.
    let fields = value_at(&sealed, "$.list");
    for document in [
        format!("{{\"list\":{fields}}}"),
        format!("{{\"x\":{header},\"list\":{fields},\"y\":{header}}}"),
        format!("{{\"x\":[{header}],\"list\":{fields}}}"),
        format!("[{header},{fields}]"),
    ] {
        let found = found(&document);
        let fields: Vec<_> = found.iter().filter(|sighting| sighting.part == Part::Field).collect();
        assert_eq!(fields.len(), 2, "{document}");
        assert!(
            fields.iter().all(|field| field.kid.is_none() && field.suite.is_none() && field.mode.is_none())
        );
    }
}

#[test]
fn what_is_not_complete_is_not_listed() {
    let token = token();
    for text in [
        "as1".to_owned(),
        "as1.".to_owned(),
        "as1.k1.AAAA".to_owned(),
        "as1f.AAAA".to_owned(),
        "as1d.k1.AAAA".to_owned(),
        "as1r.k1.AAAA".to_owned(),
        token.replace("as1.", "as2."),
        token.replace("as1.", "AS1."),
        format!("{token}="),
        format!(" {token}"),
        token.replace(".k1.", "._."),
    ] {
        assert!(found(&format!("[\"{text}\"]")).is_empty(), "{text}");
    }
    // A suite or mode that does not exist is still a use of the key.
    let unknown = apiseal_workspace::edit_body(&token, |body| {
        body[0] = 0x7f;
        body[1] = 0x77;
    });
    let sighting = found(&unknown).remove(0);
    assert_eq!((sighting.kid.unwrap().as_str(), sighting.suite, sighting.mode), ("k1", None, None));
}

#[test]
fn faults_of_the_document_are_told_as_everywhere() {
    let limits = Limits::default();
    assert_eq!(code(inspect(b"{\"a\":", &limits)), Some(Code::MalformedJson));
    assert_eq!(code(inspect(b"{\"a\":1,\"a\":2}", &limits)), Some(Code::DuplicateName));
    let mut small = Limits::default();
    (small.document, small.field, small.bound, small.depth) = (10, 10, 10, 2);
    assert_eq!(code(inspect(b"[[[1]]]", &small)), Some(Code::LimitDepth));
    assert_eq!(code(inspect(b"[1,2,3,4,5]", &small)), Some(Code::LimitDocument));
    small.depth = 0;
    assert_eq!(code(inspect(b"1", &small)), Some(Code::InvalidArgument));
    // Many tokens below a long name: the paths would be far longer than the document.
    let long = format!("{{\"{}\":[\"{}\"]}}", "n".repeat(1_000_000), vec![token(); 2000].join("\",\""));
    assert_eq!(code(inspect(long.as_bytes(), &limits)), Some(Code::LimitVisits));
}

#[test]
fn verified_means_decrypted() {
    for setup in [Setup::token(&[r#""path":"$.list[*]","bind":["$.id"]"#]), document_setup()] {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        let sealed = setup.encrypt(r#"{"id":7,"list":["4111",2]}"#);
        let plain = found(&sealed);
        let verified = cipher.inspect(sealed.as_bytes(), &context).unwrap();
        assert!(verified.iter().all(|sighting| sighting.authenticated));
        let mut same = verified.clone();
        same.iter_mut().for_each(|sighting| sighting.authenticated = false);
        assert_eq!(same, plain);
        // All or nothing: what does not open is no census.
        let altered = put(&sealed, "$.id", "8");
        assert_eq!(found(&altered).len(), plain.len());
        assert_eq!(code(cipher.inspect(altered.as_bytes(), &context)), Some(Code::Rejected));
        assert_eq!(code(cipher.inspect(br#"{"id":7,"list":[1]}"#, &context)), Some(Code::NotEncrypted));
    }
}

#[test]
fn tokens_that_no_rule_selects_are_not_authenticated() {
    let mut setup = Setup::token(&[r#""path":"$.v","bind":[]"#]);
    let sealed = put(&setup.encrypt(r#"{"v":1,"w":2}"#), "$.w", &format!("\"{}\"", token()));
    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    assert_eq!(code(cipher.inspect(sealed.as_bytes(), &context)), Some(Code::UnselectedToken));
    setup.policy = setup.policy.replace("\"rules\"", "\"unselected\":\"keep\",\"rules\"");
    let found = setup.cipher().unwrap().inspect(sealed.as_bytes(), &context).unwrap();
    let marks: Vec<(&str, bool)> = found.iter().map(|s| (s.path.as_str(), s.authenticated)).collect();
    assert_eq!(marks, [("$['v']", true), ("$['w']", false)]);
}
