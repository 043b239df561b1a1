//! What the documents say about the project: links lead somewhere, named tests exist, profiles load.

use std::path::{Path, PathBuf};

use apiseal::Profile;
use apiseal_workspace::repository;

fn documents() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(repository).to_vec();
    let docs = std::fs::read_dir(repository("docs")).unwrap();
    paths.extend(
        docs.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// Each link: its words and where it leads.
fn links(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let text = prose(text);
    for (at, _) in text.match_indices("](") {
        let Some(from) = text[..at].rfind('[') else { continue };
        let target = text[at + 2..].split(')').next().unwrap();
        found.push((text[from + 1..at].to_owned(), target.to_owned()));
    }
    found
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|l| anchor(l.trim_start_matches('#')))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut local = 0;
    for (path, text) in documents() {
        for (words, target) in links(&text) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let leads = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(leads.exists(), "{}: [{words}]({target})", path.display());
            if !fragment.is_empty() {
                let there = std::fs::read_to_string(&leads).unwrap();
                assert!(anchors(&there).iter().any(|own| own == fragment), "{}: {target}", path.display());
            }
            local += 1;
        }
    }
    assert!(local > 60, "{local} links");
}

/// Whether a file has a test, or a case of the shared vectors, of this name.
fn has(file: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => {
            let at = text.find(&format!("fn {name}("));
            // Properties have their attribute inside of a macro; all others right before them.
            at.is_some_and(|at| text[..at].lines().rev().take(6).any(|line| line.trim().contains("test]")))
        }
        Some("json") => text.contains(&format!("\"case\": \"{name}\"")),
        _ => false,
    }
}

/// How many tests a document names; each must be there.
fn named_tests(document: &str) -> usize {
    let path = repository(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut named = 0;
    for (words, target) in links(&text) {
        let Some(name) = words.strip_prefix('`').and_then(|words| words.strip_suffix('`')) else { continue };
        assert!(has(&path.parent().unwrap().join(&target), name), "{target} has no test `{name}`");
        named += 1;
    }
    named
}

#[test]
fn every_claim_of_the_threat_model_names_a_test_that_exists() {
    let named = named_tests("docs/threat-model.md");
    assert!(named > 50, "{named} tests");
    // Each row of a table of claims names one.
    let text = std::fs::read_to_string(repository("docs/threat-model.md")).unwrap();
    for table in text.split("| claim | shown by |\n|---|---|\n").skip(1) {
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            assert!(row.contains("[`"), "{row}");
        }
    }
    assert!(!has(&repository("tests/pipeline/main.rs"), "no_such_test"));
    assert!(!has(&repository("tests/pipeline/main.rs"), "context"), "a helper is no test");
}

#[test]
fn every_profile_of_the_documentation_loads() {
    let text = std::fs::read_to_string(repository("docs/signing.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    for block in &blocks {
        Profile::from_json(block).unwrap();
    }
    assert!(blocks.len() >= 2);
    // And each member of profile files is told of.
    let source = std::fs::read_to_string(repository("core/src/signing/profile_file.rs")).unwrap();
    let members = source.split("const MEMBERS").nth(1).unwrap().split("];").next().unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        assert!(text.contains(member), "{member}");
    }
}

#[test]
fn rules_s1_to_s27_are_told_of_and_name_their_tests() {
    let text = std::fs::read_to_string(repository("docs/signing.md")).unwrap();
    for rule in 1..=27 {
        let told = [format!("**S{rule}**"), format!("**S{rule},"), format!(", S{rule}**")];
        assert!(told.iter().any(|told| text.contains(told)), "S{rule}");
        let row = text.lines().find(|line| line.starts_with(&format!("| S{rule} | ")));
        assert!(row.is_some_and(|row| row.contains("[`")), "S{rule} names no test");
    }
    assert!(named_tests("docs/signing.md") > 27);
}

/// The programs are compiled and run by `scripts/test-c`.
#[test]
fn the_c_code_of_the_documents_is_that_of_programs_that_run() {
    let programs: String = ["quickstart", "stream", "protect", "threads", "fields", "keys", "signing"]
        .map(|name| std::fs::read_to_string(repository(&format!("tests/c/{name}.c"))).unwrap())
        .concat();
    let mut blocks = 0;
    for (path, text) in documents() {
        for block in text.split("```c\n").skip(1) {
            let code = block.split("```").next().unwrap();
            assert!(programs.contains(code.trim_end()), "{}: {code}", path.display());
            blocks += 1;
        }
    }
    assert!(blocks > 4, "{blocks}");
}
