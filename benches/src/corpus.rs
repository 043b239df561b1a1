//! Writes the payments to standard output, with a NUL behind each, for the benches of other languages.

use std::io::Write;

use apiseal_benches::cases::Corpus;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for document in &Corpus::payment().documents[..512] {
        out.write_all(document)?;
        out.write_all(&[0])?;
    }
    out.flush()
}
