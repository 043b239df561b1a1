//! The table of `docs/signing.md`: what survives which proxy.

use std::fmt::Write;
use std::path::PathBuf;

const BEGIN: &str = "<!-- what survives: begin -->\n";
const END: &str = "<!-- what survives: end -->";

/// The table as Markdown.
///
/// # Panics
/// Never: a string takes what is written.
#[must_use]
pub fn markdown(columns: &[&str], rows: &[(String, Vec<String>)]) -> String {
    let mut out = String::from("| | ");
    writeln!(out, "{} |", columns.join(" | ")).unwrap();
    writeln!(out, "|---{}|", "|---".repeat(columns.len())).unwrap();
    for (name, cells) in rows {
        let cells: Vec<&str> =
            cells.iter().map(|cell| if cell == "verifies" { "✓" } else { cell.as_str() }).collect();
        writeln!(out, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    out
}

/// Compares the table with the document's, or writes it there with `APISEAL_WRITE_DOCS=1`. What the document says is true of
/// the versions that it names: beside others a difference is shown and is no fault of ours.
///
/// # Panics
/// If they differ, between the same versions.
pub fn compare(table: &str, versions: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/signing.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the place has an end");
    let made = format!("{table}\nMade with {versions}.\n");
    if std::env::var_os("APISEAL_WRITE_DOCS").is_some() {
        return std::fs::write(&path, [before, BEGIN, &made, END, after].concat()).unwrap();
    }
    if !shown.ends_with(&format!("\nMade with {versions}.\n")) {
        for (shown, own) in shown.lines().zip(table.lines()).filter(|(shown, own)| shown != own) {
            eprintln!("NOT COMPARED, {versions} is here:\n  documented {shown}\n  here       {own}");
        }
        return;
    }
    assert_eq!(shown, made, "docs/signing.md: write it anew with APISEAL_WRITE_DOCS=1");
}
