//! `docs/errors.md` is made from the table of codes: run with APISEAL_WRITE_DOCS=1 to write it anew.

use std::fmt::Write;

use apiseal::{Code, Kind};
use apiseal_workspace::repository;
use serde_json::Value;

fn group(kind: Kind) -> &'static str {
    match kind {
        Kind::Argument => "Arguments",
        Kind::Context => "Context",
        Kind::Policy => "Policy, and documents that do not fit it",
        Kind::Document => "Document",
        Kind::Key => "Keys",
        Kind::Token => "Malformed tokens",
        Kind::Rejected => "Failed authentication",
        Kind::Signature => "Signatures",
        Kind::Internal => "Internal",
        _ => panic!("a group without a heading"),
    }
}

/// Negative cases by number, with the outcomes that the shared vectors expect.
fn cases(file: &str) -> Vec<(String, String, String)> {
    let file = std::fs::read_to_string(repository(file)).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let mut rows = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let name = case["case"].as_str().unwrap().replace('_', " ");
        let what = case["what"].as_str().unwrap();
        let what =
            case["operation"].as_str().map_or(what.to_owned(), |operation| format!("{operation}: {what}"));
        let outcome =
            case["expected"]["error"].as_str().map_or("succeeds".to_owned(), |code| format!("`{code}`"));
        rows.push((name, what, outcome));
    }
    rows
}

fn document() -> String {
    let mut out = String::from(
        "# Errors\n\nOne table for every language. Numbers are for ever: a retired one is never used again. Each error has its code, one\n\
         sentence, and where it applies the normalized path of a value (RFC 9535, section 2.7), a byte offset or a key id.\n\
         It never holds text of the document beyond member names, and never a secret.\n\n\
         Towards a peer, answer every failure from 500 on alike. `Rejected` tells nothing more on purpose. A message that does\n\
         not verify is a plain 401, whatever the code; where the replay store cannot decide (616, 617), 503.\n\n\
         The command exits with 1 for documents and messages that were refused (211–226, 501, 600–619 and 621–624), 2 for arguments,\n\
         contexts, policies, profiles and keys, 3 for malformed or too large input (300–317, 500), 4 for failed input or output, 5 for internal errors.\n",
    );
    let mut last = None;
    for code in Code::ALL {
        if last != Some(code.kind()) {
            last = Some(code.kind());
            write!(out, "\n## {}\n\n| code | name | text | when |\n|---|---|---|---|\n", group(code.kind()))
                .unwrap();
        }
        writeln!(out, "| {} | `{}` | {} | {} |", code.number(), code.name(), code.sentence(), code.when())
            .unwrap();
    }
    out.push_str(
        "\n## Negative cases\n\nThe cases of `format.md`, section 23, as `tests/vectors/negative.json` holds them for every language.\n\n\
         | case | situation | outcome |\n|---|---|---|\n",
    );
    for (case, what, outcome) in cases("tests/vectors/negative.json") {
        writeln!(out, "| {case} | {what} | {outcome} |").unwrap();
    }
    out.push_str(
        "\n## Negative cases of signatures\n\nRequests and how the profile `apiseal-v1` judges them, as `tests/vectors/signing/negative.json` holds them.\n\n\
         | case | situation | outcome |\n|---|---|---|\n",
    );
    for (case, what, outcome) in cases("tests/vectors/signing/negative.json") {
        writeln!(out, "| {case} | {what} | {outcome} |").unwrap();
    }
    out
}

#[test]
fn the_document_is_made_from_the_table() {
    let path = repository("docs/errors.md");
    if std::env::var_os("APISEAL_WRITE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == document(), "docs/errors.md is stale");
}

#[test]
fn numbers_stay_in_their_ranges() {
    for code in Code::ALL {
        let range = match code.kind() {
            Kind::Argument => 100..110,
            Kind::Context => 200..210,
            Kind::Policy => 210..230,
            Kind::Document => 300..320,
            Kind::Key => 400..420,
            Kind::Token => 500..501,
            Kind::Rejected => 501..502,
            Kind::Signature => 600..630,
            _ => 900..902,
        };
        assert!(range.contains(&code.number()), "{}", code.name());
    }
}

#[test]
fn every_outcome_of_the_format_is_a_code() {
    let format = std::fs::read_to_string(repository("docs/format.md")).unwrap();
    let outcomes = format.split("## 21. Outcomes").nth(1).unwrap().split("\n## ").next().unwrap();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let mut found = 0;
    for name in outcomes.split('`').skip(1).step_by(2).filter(|name| name.starts_with(char::is_uppercase)) {
        assert!(known.contains(&name), "{name}");
        found += 1;
    }
    assert!(found > 30);
}
