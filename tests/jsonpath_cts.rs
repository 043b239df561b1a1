//! JSONPath against the compliance suite of RFC 9535, where it is present, and against our own cases, always.
//!
//! Both files have one shape: a selector with either `invalid_selector`, or a document with the nodelist (`result` and
//! `result_paths`) or the allowed nodelists (`results` and `results_paths`). Our own file may give a document and its
//! results as exact text (`document_text`, `result_texts`).

use apiseal::{Code, Limits, Location, locate};
use apiseal_workspace::{repository, shared_vectors};
use serde_json::Value;

#[test]
fn compliance_suite() {
    if let Some(path) = shared_vectors("jsonpath-cts/cts.json") {
        run(&std::fs::read(path).unwrap());
    }
}

#[test]
fn own_cases() {
    let (valid, invalid) = run(&std::fs::read(repository("tests/vectors/jsonpath.json")).unwrap());
    assert!(valid >= 100 && invalid >= 100, "{valid} and {invalid} cases");
}

/// Runs every case of a file and returns the numbers of those with valid and with invalid selectors.
fn run(file: &[u8]) -> (usize, usize) {
    let all: Value = serde_json::from_slice(file).unwrap();
    let cases = all["tests"].as_array().unwrap();
    // Documents are taken from the file byte for byte: a parsed and printed one would have its members sorted.
    let texts = locate(file, "$.tests[*]", &Limits::default()).unwrap();
    assert_eq!(texts.len(), cases.len());
    let mut failures = Vec::new();
    let mut counts = (0, 0);
    for (case, text) in cases.iter().zip(texts) {
        let invalid = case["invalid_selector"] == true;
        *(if invalid { &mut counts.1 } else { &mut counts.0 }) += 1;
        let outcome = if invalid { refused(case) } else { selected(case, &file[text.start..text.end]) };
        if let Err(difference) = outcome {
            failures.push(format!("{} | {} | {difference}", case["name"], case["selector"]));
        }
    }
    println!("{} valid and {} invalid selectors ran", counts.0, counts.1);
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    counts
}

fn refused(case: &Value) -> Result<(), String> {
    let selector = case["selector"].as_str().unwrap();
    for document in ["{}", "[1,{\"a\":[]}]", "", "{"] {
        match locate(document.as_bytes(), selector, &Limits::default()) {
            Err(error) if error.code() == Code::InvalidPath => {
                let offset = error.offset().ok_or("no offset")?;
                if offset > selector.len() as u64 || error.detail().is_none() {
                    return Err(format!("{error:?}"));
                }
            }
            other => return Err(format!("not refused: {other:?}")),
        }
    }
    Ok(())
}

fn selected(case: &Value, case_text: &[u8]) -> Result<(), String> {
    let selector = case["selector"].as_str().unwrap();
    let document = match case["document_text"].as_str() {
        Some(text) => text.as_bytes(),
        None => match locate(case_text, "$.document", &Limits::default()).unwrap().as_slice() {
            [only] => &case_text[only.start..only.end],
            _ => return Err("the case has no document".into()),
        },
    };
    let found = locate(document, selector, &Limits::default()).map_err(|error| format!("{error:?}"))?;
    let matches = |values: &Value, paths: &Value| {
        let same_values = match values.as_array() {
            Some(values) => same_values(document, &found, values),
            None => same_texts(document, &found, case["result_texts"].as_array().unwrap()),
        };
        same_values && found.iter().map(|location| location.path.as_str()).eq(paths.as_array().unwrap())
    };
    let allowed = match case["results"].as_array() {
        Some(results) => {
            results.iter().zip(case["results_paths"].as_array().unwrap()).any(|(v, p)| matches(v, p))
        }
        None => matches(&case["result"], &case["result_paths"]),
    };
    if allowed { Ok(()) } else { Err(format!("found {found:?}")) }
}

fn same_texts(document: &[u8], found: &[Location], texts: &[Value]) -> bool {
    let texts = texts.iter().map(|text| text.as_str().unwrap().as_bytes());
    found.iter().map(|location| &document[location.start..location.end]).eq(texts)
}

fn same_values(document: &[u8], found: &[Location], values: &[Value]) -> bool {
    found.len() == values.len()
        && found.iter().zip(values).all(|(location, expected)| {
            let text = &document[location.start..location.end];
            same(&serde_json::from_slice(text).unwrap(), expected)
        })
}

/// Equality with numbers compared by value.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
