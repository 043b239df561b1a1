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

/// Compares the table with the document's, or writes it there with `APISEAL_WRITE_DOCS=1`.
///
/// # Panics
/// If they differ.
pub fn compare(table: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/signing.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the place has an end");
    if std::env::var_os("APISEAL_WRITE_DOCS").is_some() {
        return std::fs::write(&path, [before, BEGIN, table, END, after].concat()).unwrap();
    }
    assert_eq!(shown, table, "docs/signing.md: write it anew with APISEAL_WRITE_DOCS=1");
}
