//! Layout D: torn, mixed and counted documents.

use apiseal::Code;
use apiseal_workspace::{Setup, edit_body, put, swap, value_at};

use crate::{Case, RECORD, SET, opens, refuses, set, ssn};

cases! {
    case_32_torn_documents: {
        let setup = set("[]");
        let one = setup.encrypt(SET);
        let other = setup.but(|setup| setup.seed = 2).encrypt(SET);
        let header = value_at(&one, "$._seal").to_owned();
        let recount = |by: u32| {
            put(&one, "$._seal", &edit_body(&header, |body| {
                let count = u32::from_be_bytes(body[58..62].try_into().unwrap()) + by;
                body[58..62].copy_from_slice(&count.to_be_bytes());
            }))
        };
        let twice = one.replacen('{', &format!(r#"{{"_seal":{header},"#), 1);
        [
            refuses("a field of another version", &setup, put(&one, "$.ssn", value_at(&other, "$.ssn")), Code::Rejected),
            refuses("the header of another version", &setup, put(&one, "$._seal", value_at(&other, "$._seal")), Code::Rejected),
            refuses("no header", &setup, one.replacen(&format!(r#""_seal":{header},"#), "", 1), Code::Rejected),
            refuses("two headers", &setup, twice, Code::DuplicateName),
            refuses("another count", &setup, recount(1), Code::Rejected),
            refuses("the header is no string", &setup, put(&one, "$._seal", "{}"), Code::MalformedToken),
            refuses("the header is cut", &setup, put(&one, "$._seal", &edit_body(&header, |body| body.truncate(93))), Code::MalformedToken),
            refuses("a header elsewhere", &setup, one.replace(r#""id":7"#, &format!(r#""id":{header}"#)), Code::UnselectedToken),
        ]
    };

    case_33_counters: {
        let setup = set("[]");
        let sealed = setup.encrypt(SET);
        let number = |counter: u32| {
            put(&sealed, "$.ssn", &edit_body(value_at(&sealed, "$.ssn"), |body| body[..4].copy_from_slice(&counter.to_be_bytes())))
        };
        let extra = sealed.replace(r#"{"id":2"#, &format!(r#"{{"pan":{},"x":3}},{{"id":2"#, value_at(&sealed, "$.ssn")));
        [
            refuses("repeated", &setup, number(0), Code::Rejected),
            refuses("gap", &setup, number(3), Code::Rejected),
            refuses("far away", &setup, number(u32::MAX), Code::Rejected),
            refuses("two fields swapped", &setup, swap(&sealed, "$.ssn", "$.cards[0].pan"), Code::Rejected),
            refuses("one field more", &setup, extra, Code::Rejected),
            refuses("a field where no rule selects", &setup, sealed.replace(r#""id":2"#, &format!(r#""id":{}"#, value_at(&sealed, "$.ssn"))), Code::UnselectedToken),
            refuses("a clear value among fields", &setup, put(&sealed, "$.ssn", "\"078\""), Code::Rejected),
            refuses("a token of the other layout", &setup, put(&sealed, "$.ssn", value_at(&ssn().encrypt(RECORD), "$.ssn")), Code::LayoutMismatch),
        ]
    };

    case_34_whole_document_bound: {
        let setup = set("[\"$\"]");
        let sealed = setup.encrypt(SET);
        [
            refuses("changed", &setup, put(&sealed, "$.id", "8"), Code::Rejected),
            refuses("removed", &setup, sealed.replace(r#""id":7,"#, ""), Code::Rejected),
            refuses("added", &setup, sealed.replace(r#""id":7,"#, r#""id":7,"x":1,"#), Code::Rejected),
            refuses("renamed", &setup, sealed.replace(r#""id":7"#, r#""ID":7"#), Code::Rejected),
            opens("re-printed with equal values", &setup, sealed.replace(r#""id":7,"#, r#" "\u0069d" : 7.0 ,"#),
                &SET.replace(r#""id":7,"#, r#" "\u0069d" : 7.0 ,"#)),
        ]
    };

    case_58_a_deselected_field: {
        let setup = Setup::document("[]", &[r#""path":"$.items[?@.kind=='card'].pan""#]);
        let sealed = setup.encrypt(r#"{"items":[{"kind":"card","pan":"4111"},{"kind":"card","pan":"5500"}]}"#);
        let flipped = put(&put(&sealed, "$.items[0].kind", "\"cash\""), "$.items[0].pan", "\"6666\"");
        [
            refuses("kind flipped, clear text put in place", &setup, flipped, Code::Rejected),
            refuses("kind flipped, field left", &setup, put(&sealed, "$.items[0].kind", "\"cash\""), Code::UnselectedToken),
        ]
    };

    case_61_header_of_another_record: {
        let setup = Setup::document("[\"$\"]", &[r#""path":"$.ssn","occurs":"optional""#]);
        let (one, other) = (setup.encrypt(r#"{"id":1}"#), setup.encrypt(r#"{"id":2}"#));
        [refuses("n = 0, whole document bound", &setup, put(&one, "$._seal", value_at(&other, "$._seal")), Code::Rejected)]
    };

    case_67_rules_do_not_see_the_header: {
        let setup = Setup::document("[]", &[r#""path":"$.*""#]);
        let document = r#"{"a":1,"b":[2]}"#;
        [opens("$.*", &setup, setup.encrypt(document), document)]
    };

    case_70_count_beyond_all_bounds: {
        let setup = set("[]");
        let sealed = setup.encrypt(SET);
        let header = edit_body(value_at(&sealed, "$._seal"), |body| body[58..62].copy_from_slice(&u32::MAX.to_be_bytes()));
        [refuses("n = 2^32-1", &setup, put(&sealed, "$._seal", &header), Code::MalformedToken)]
    };
}
