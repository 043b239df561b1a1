//! Every recipe of docs/operations.md and docs/signing.md, run as it stands.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const POLICY: &str = r#"{"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"], "types": ["string"]}]}"#;

/// A block of commands and whether it must be refused.
struct Recipe {
    commands: String,
    refused: bool,
}

/// The chapters with their recipes, in order.
fn chapters(text: &str) -> Vec<(String, Vec<Recipe>)> {
    let mut chapters = Vec::new();
    for chapter in text.split("\n## ").skip(1) {
        let title = chapter.lines().next().unwrap().to_owned();
        let mut recipes = Vec::new();
        for block in chapter.split("\n```sh").skip(1) {
            let (head, rest) = block.split_once('\n').unwrap();
            let commands = rest.split("\n```").next().unwrap().to_owned();
            assert!(["", " refused"].contains(&head), "{title}: ```sh{head}");
            recipes.push(Recipe { commands, refused: head == " refused" });
        }
        chapters.push((title, recipes));
    }
    chapters
}

struct Folder(PathBuf);

impl Folder {
    fn new(document: &str, number: usize) -> Self {
        let name = format!("apiseal-{document}-{number}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("orders.policy.json"), POLICY).unwrap();
        let orders: String = (1..=50)
            .map(|id| format!("{{\"id\": {id}, \"card\": \"4111-{id:04}\", \"total\": 1.10}}\n"))
            .collect();
        std::fs::write(folder.join("orders.ndjson"), orders).unwrap();
        Folder(folder)
    }

    fn run(&self, commands: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_apiseal")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(&self.0)
            .env("PATH", path)
            .env("APISEAL_PASSPHRASE", "correct horse battery staple")
            .env_remove("APISEAL_WRAPPING_KEY")
            .env_remove("APISEAL_NEW_PASSPHRASE")
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{name}.md"))).unwrap()
}

/// Runs every recipe of a document; how many were done, and how many refused.
fn run(name: &str) -> (usize, usize) {
    let (mut done, mut refused) = (0, 0);
    for (number, (title, recipes)) in chapters(&document(name)).iter().enumerate() {
        let folder = Folder::new(name, number);
        for recipe in recipes {
            let output = folder.run(&recipe.commands);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let what = format!("chapter {title}\n{}\n{told}", recipe.commands);
            if recipe.refused {
                assert!(matches!(output.status.code(), Some(1..=3)), "not refused: {what}");
                assert!(told.contains("apiseal: ") && output.stdout.is_empty(), "{what}");
                refused += 1;
            } else {
                assert!(output.status.success(), "{:?}: {what}", output.status.code());
                done += 1;
            }
        }
    }
    (done, refused)
}

#[test]
fn every_recipe_does_what_it_says() {
    assert!(document("operations").contains(POLICY), "the document shows the policy of its examples");
    let (done, refused) = run("operations");
    assert!(done >= 18 && refused >= 8, "{done} recipes, {refused} refusals");
}

#[test]
fn every_recipe_about_signing_does_what_it_says() {
    let (done, refused) = run("signing");
    assert!(done >= 6 && refused >= 5, "{done} recipes, {refused} refusals");
}

#[test]
fn the_table_of_column_sizes_is_right() {
    let text = document("operations");
    let kid = apiseal::Kid::parse("k-345678").unwrap();
    for (bytes, shown) in [(32, "155"), (64, "197"), (256, "453"), (1024, "1477"), (4096, "5573")] {
        assert_eq!(apiseal::token_len(apiseal::Padding::Default, bytes, &kid).unwrap().to_string(), shown);
        assert!(text.contains(&format!("| {shown} |")), "{shown}");
    }
}
