//! Decryption of single positions: lenient, partial, and the search for the reason of a refusal.

use apiseal::{Code, Context, KeyState, Stage};
use apiseal_workspace::{KeySpec, Setup, code, edit_body, put, swap, value_at};

const DOCUMENT: &str = r#"{"id": 1, "ssn": "078-05-1120", "pan": 4111, "notes": {"a": [null]}}"#;
const PATHS: [&str; 3] = ["$.ssn", "$.pan", "$.notes"];

fn token() -> Setup {
    Setup::token(
        &PATHS.map(|path| format!(r#""path":"{path}","bind":["$.id"]"#)).each_ref().map(String::as_str),
    )
}

fn document(bind: &str) -> Setup {
    Setup::document(bind, &PATHS.map(|path| format!(r#""path":"{path}""#)).each_ref().map(String::as_str))
}

fn setups() -> [Setup; 3] {
    [token(), document("[\"$.id\"]"), document("[\"$\"]")]
}

/// A path, and the text of its value or a code.
type Found = (String, Result<String, Code>);

/// What lenient decryption says of each position, and whether they are bound.
fn lenient(setup: &Setup, sealed: &str) -> (Vec<Found>, bool) {
    let lenient =
        setup.cipher().unwrap().decrypt_lenient(sealed.as_bytes(), &setup.context().unwrap()).unwrap();
    let position = |own: &apiseal::LenientPosition| {
        let value = own.value.as_ref().map(|text| String::from_utf8(text.to_vec()).unwrap());
        (own.path.clone(), value.map_err(|error| error.code()))
    };
    (lenient.positions.iter().map(position).collect(), lenient.is_bound())
}

fn partial(setup: &Setup, sealed: &str, chosen: &[&str]) -> apiseal::Result<apiseal::Partial> {
    setup.cipher().unwrap().decrypt_partial(sealed.as_bytes(), chosen, &setup.context().unwrap())
}

/// Changes one byte of the ciphertext of a token or field string.
fn altered(sealed: &str, path: &str) -> String {
    put(sealed, path, &edit_body(value_at(sealed, path), |body| *body.last_mut().unwrap() ^= 1))
}

#[test]
fn lenient_decryption_gives_what_opens_and_says_why_the_rest_does_not() {
    let texts = [r#""078-05-1120""#, "4111", r#"{"a": [null]}"#];
    let names = ["$['ssn']", "$['pan']", "$['notes']"];
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        let (all, bound) = lenient(&setup, &sealed);
        let expected: Vec<_> =
            names.iter().zip(texts).map(|(name, text)| ((*name).to_owned(), Ok(text.to_owned()))).collect();
        assert_eq!((all, bound), (expected, true));

        let (some, bound) = lenient(&setup, &altered(&sealed, "$.pan"));
        assert_eq!(some[1].1, Err(Code::Rejected));
        assert_eq!((&some[0].1, &some[2].1), (&Ok(texts[0].to_owned()), &Ok(texts[2].to_owned())));
        assert_eq!(bound, setup.policy.contains("\"test\",\"rules\""), "layout D notices the set");

        let (clear, _) = lenient(&setup, &put(&sealed, "$.ssn", "\"clear\""));
        assert_eq!(clear[0].1, Err(Code::NotEncrypted));
        assert_eq!(clear[1].1, Ok("4111".to_owned()));
    }
}

#[test]
fn a_value_that_lost_its_bound_member_does_not_disturb_its_neighbours() {
    let setup =
        Setup::token(&[r#""path":"$..['x','y']","bind":["1/id"]"#, r#""path":"$..z","bind":["1/id"]"#]);
    let document = r#"{"id":1,"x":"a","c":{"id":2,"x":"b","z":"c"},"y":"d","z":"e"}"#;
    let torn = setup.encrypt(document).replace(r#""id":2,"#, "");
    let (found, _) = lenient(&setup, &torn);
    let values: Vec<_> = found.iter().map(|own| own.1.as_deref()).collect();
    let lost = Err(&Code::Rejected);
    assert_eq!(values, [Ok(r#""a""#), lost, lost, Ok(r#""d""#), Ok(r#""e""#)]);
}

#[test]
fn lenient_decryption_names_places_but_not_of_what_was_rejected() {
    let setup = token();
    let sealed = altered(&put(&setup.encrypt(DOCUMENT), "$.ssn", "true"), "$.pan");
    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    let lenient = cipher.decrypt_lenient(sealed.as_bytes(), &context).unwrap();
    let error = |at: usize| lenient.positions[at].value.as_ref().unwrap_err();
    assert_eq!(error(0).path(), Some("$['ssn']"));
    assert_eq!((error(1).path(), error(1).key_id()), (None, None));
}

#[test]
fn faults_of_the_whole_document_stay_errors() {
    for setup in setups() {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        for text in ["{", "{\"a\":1,\"a\":2}", ""] {
            let found = cipher.decrypt_lenient(text.as_bytes(), &context).unwrap_err();
            assert!(matches!(found.code(), Code::MalformedJson | Code::DuplicateName), "{text}");
        }
        let purposeless = Context::from_pairs([("tenant", "acme")]).unwrap();
        assert_eq!(code(cipher.decrypt_lenient(b"{}", &purposeless)), Some(Code::ContextMissing));
    }
    let setup = document("[\"$\"]");
    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    assert_eq!(code(cipher.decrypt_lenient(b"[]", &context)), Some(Code::RootNotObject));
    assert_eq!(code(cipher.decrypt_lenient(DOCUMENT.as_bytes(), &context)), Some(Code::NotEncrypted));
    let torn = br#"{"ssn":"as1f.AAAAAAAA"}"#;
    assert_eq!(code(cipher.decrypt_lenient(torn, &context)), Some(Code::Rejected));
    let other = setup.encrypt(DOCUMENT);
    let wrong = Context::new("users").unwrap();
    assert_eq!(code(cipher.decrypt_lenient(other.as_bytes(), &wrong)), Some(Code::Rejected));
}

#[test]
fn partial_decryption_opens_what_was_chosen_and_nothing_else() {
    for setup in setups() {
        let sealed = setup.encrypt(DOCUMENT);
        let opened = partial(&setup, &sealed, &["$.pan", "$['ssn', 'pan']"]).unwrap();
        let paths: Vec<_> = opened.values.iter().map(|value| value.path.as_str()).collect();
        assert_eq!(paths, ["$['ssn']", "$['pan']"]);
        assert_eq!(&opened.values[1].value[..], b"4111");
        assert!(opened.is_bound());
        let view = std::str::from_utf8(opened.document()).unwrap();
        assert_eq!(value_at(view, "$.ssn"), r#""078-05-1120""#);
        assert_eq!(value_at(view, "$.notes"), value_at(&sealed, "$.notes"));
        assert!(!format!("{opened:?}").contains("4111"));

        // What was not chosen may be broken, what was chosen may not.
        let broken = altered(&sealed, "$.notes");
        let opened = partial(&setup, &broken, &["$.pan"]).unwrap();
        assert_eq!(opened.is_bound(), !setup.policy.contains("document"));
        assert_eq!(code(partial(&setup, &broken, &["$.pan", "$.notes"])), Some(Code::Rejected));
        assert_eq!(code(partial(&setup, &put(&sealed, "$.pan", "1"), &["$.pan"])), Some(Code::NotEncrypted));
    }
}

#[test]
fn partial_decryption_of_nothing_is_an_error() {
    let setup = token();
    let sealed = setup.encrypt(DOCUMENT);
    for path in ["$.nothing", "$.id", "$.notes.a", "$"] {
        let error = partial(&setup, &sealed, &["$.ssn", path]).unwrap_err();
        assert_eq!(error.code(), Code::NoMatch);
        assert!(error.detail().unwrap().contains(path), "{error}");
    }
    assert_eq!(code(partial(&setup, &sealed, &["$["])), Some(Code::InvalidPath));
    // A wide query may meet clear values on its way.
    assert_eq!(partial(&setup, &sealed, &["$..*"]).unwrap().values.len(), 3);
    assert!(partial(&setup, &sealed, &[]).unwrap().values.is_empty());
}

#[test]
fn case_34_what_is_read_of_a_changed_document_is_marked_unbound() {
    for bind in ["[\"$.id\"]", "[\"$\"]"] {
        let setup = document(bind);
        let sealed = put(&setup.encrypt(DOCUMENT), "$.id", "2");
        assert_eq!(code(setup.try_decrypt(&sealed)), Some(Code::Rejected));
        let opened = partial(&setup, &sealed, &["$.pan"]).unwrap();
        assert_eq!((opened.is_bound(), &opened.values[0].value[..]), (false, &b"4111"[..]));
        assert!(!lenient(&setup, &sealed).1);
    }
    // A token is bound by itself: it does not open.
    let setup = token();
    let sealed = put(&setup.encrypt(DOCUMENT), "$.id", "2");
    assert_eq!(code(partial(&setup, &sealed, &["$.pan"])), Some(Code::Rejected));
}

#[test]
fn types_hold_for_single_positions_too() {
    let wide = token();
    let narrow = wide.but(|setup| {
        setup.policy =
            setup.policy.replacen(r#""bind":["$.id"]"#, r#""bind":["$.id"],"types":["number"]"#, 1);
    });
    let sealed = wide.encrypt(DOCUMENT);
    assert_eq!(lenient(&narrow, &sealed).0[0].1, Err(Code::TypeMismatch));
    assert_eq!(code(partial(&narrow, &sealed, &["$.ssn"])), Some(Code::TypeMismatch));
    assert!(partial(&narrow, &sealed, &["$.pan"]).is_ok());
}

/// Stage and matching candidate of each finding.
fn stages(
    setup: &Setup,
    sealed: &str,
    candidates: &[Context],
) -> Vec<(Option<String>, Stage, Option<usize>)> {
    let diagnosis =
        setup.cipher().unwrap().diagnose(sealed.as_bytes(), &setup.context().unwrap(), candidates).unwrap();
    diagnosis.findings.into_iter().map(|own| (own.path, own.stage, own.candidate)).collect()
}

#[test]
fn a_diagnosis_of_tokens_tells_the_stage_of_each() {
    let setup = token();
    let sealed = setup.encrypt(DOCUMENT);
    let only = |sealed: &str| stages(&setup, sealed, &[]).into_iter().map(|own| own.1).collect::<Vec<_>>();
    assert_eq!(only(&sealed), [Stage::Opens; 3]);
    assert_eq!(only(&altered(&sealed, "$.pan")), [Stage::Opens, Stage::Ciphertext, Stage::Opens]);
    assert_eq!(only(&swap(&sealed, "$.ssn", "$.pan"))[..2], [Stage::Commitment; 2]);
    assert_eq!(only(&put(&sealed, "$.id", "2")), [Stage::Commitment; 3]);
    assert_eq!(only(&sealed.replace("\"id\"", "\"no\"")), [Stage::Commitment; 3]);
    assert_eq!(only(&put(&sealed, "$.ssn", "1"))[0], Stage::Syntax);
    assert_eq!(only(&sealed.replacen("as1.k1.", "as1.k9.", 1))[0], Stage::Key);

    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    let unknown = sealed.replacen("as1.k1.", "as1.k9.", 1);
    let diagnosis = cipher.diagnose(unknown.as_bytes(), &context, &[]).unwrap();
    let first = &diagnosis.findings[0];
    assert_eq!((first.path.as_deref(), first.key_id.as_deref()), (Some("$['ssn']"), Some("k9")));
    assert_eq!(first.fault.as_ref().map(|fault| fault.code()), Some(Code::UnknownKey));
    let text = format!("{diagnosis:?}");
    assert!(!text.contains("078-05") && !text.contains("4111"));

    // A clear text may begin like a token: no part of it is taken for a key's id.
    for clear in ["as1.the diagnosis.x", "as1.078-05-1120", "as1.078-05-1120.AQ.x"] {
        let clear = put(&sealed, "$.ssn", &format!("\"{clear}\""));
        let diagnosis = cipher.diagnose(clear.as_bytes(), &context, &[]).unwrap();
        assert_eq!((diagnosis.findings[0].stage, &diagnosis.findings[0].key_id), (Stage::Syntax, &None));
    }
}

#[test]
fn a_diagnosis_finds_the_context_among_the_candidates() {
    let context = |tenant: &str| Context::new("users").unwrap().with("tenant", tenant).unwrap();
    let candidates = [context("one"), context("two"), context("three")];
    for setup in setups() {
        let sealed = setup.under(&[("purpose", "users"), ("tenant", "two")]).encrypt(DOCUMENT);
        let found = stages(&setup, &sealed, &candidates);
        assert!(!found.is_empty());
        for (_, stage, candidate) in found {
            assert_eq!((stage, candidate), (Stage::Commitment, Some(1)));
        }
        assert!(stages(&setup, &sealed, &candidates[2..]).iter().all(|own| own.2.is_none()));

        // Within the key's scope and state only.
        let scoped = setup.but(|setup| setup.keys[0].scope = &[("tenant", "acme")]);
        assert!(stages(&scoped, &sealed, &candidates).iter().all(|own| own.2.is_none()));
        let disabled = setup.but(|setup| setup.keys[0].state = KeyState::Disabled);
        assert!(
            stages(&disabled, &sealed, &candidates).iter().all(|own| own.1 == Stage::Key && own.2.is_none())
        );

        let many: Vec<Context> = (0..65).map(|number| context(&number.to_string())).collect();
        let (cipher, stated) = (setup.cipher().unwrap(), setup.context().unwrap());
        assert_eq!(code(cipher.diagnose(sealed.as_bytes(), &stated, &many)), Some(Code::InvalidArgument));
        assert!(cipher.diagnose(sealed.as_bytes(), &stated, &many[..64]).is_ok());
    }
}

#[test]
fn a_diagnosis_of_a_document_tells_set_and_ciphertext_apart() {
    let setup = document("[\"$.id\"]");
    let sealed = setup.encrypt(DOCUMENT);
    let only = |sealed: &str| stages(&setup, sealed, &[]).into_iter().map(|own| own.1).collect::<Vec<_>>();
    assert_eq!(only(&sealed), [Stage::Opens; 4]);
    let set = [Stage::Set, Stage::Opens, Stage::Opens, Stage::Opens];
    assert_eq!(only(&put(&sealed, "$.id", "2")), set);
    let [whole, ssn, pan, notes] = only(&altered(&sealed, "$.pan"))[..] else { panic!() };
    assert_eq!((whole, ssn, pan, notes), (Stage::Set, Stage::Opens, Stage::Ciphertext, Stage::Opens));
    let swapped = only(&swap(&sealed, "$.ssn", "$.pan"));
    assert_eq!(swapped, [Stage::Set, Stage::Ciphertext, Stage::Ciphertext, Stage::Opens]);
    assert_eq!(only(&put(&sealed, "$.ssn", "1"))[..2], [Stage::Set, Stage::Syntax]);
    assert_eq!(only(DOCUMENT), [Stage::Syntax]);
    let other_ring = setup.but(|setup| setup.keys = vec![KeySpec { primary: true, ..KeySpec::new("k2", 2) }]);
    assert_eq!(stages(&other_ring, &sealed, &[])[0].1, Stage::Key);
    let other_secret = setup.but(|setup| setup.keys[0].secret = 9);
    assert_eq!(stages(&other_secret, &sealed, &[]), [(None, Stage::Commitment, None)]);
}
