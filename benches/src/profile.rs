//! Runs one job of the library in a loop, for a profiler.
//!
//! `profile payment|orders|large T|D|D-whole encrypt|decrypt DOCUMENTS`

use std::hint::black_box;

use apiseal_benches::cases::{Corpus, Variant, context};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, variant, job, count] = arguments.as_slice() else {
        return Err("profile payment|orders|large T|D|D-whole encrypt|decrypt DOCUMENTS".into());
    };
    let corpus = match corpus.as_str() {
        "payment" => Corpus::payment(),
        "orders" => Corpus::orders(),
        _ => Corpus::large(),
    };
    let variant = Variant::ALL.into_iter().find(|own| own.name() == variant).ok_or("no such variant")?;
    let cipher = corpus.cipher(variant);
    let mut out = Vec::new();
    let encrypted = if job == "decrypt" { corpus.encrypted(&cipher) } else { Vec::new() };
    for at in 0..count.parse()? {
        if let Some(document) = encrypted.get(at % corpus.documents.len()) {
            black_box(cipher.decrypt(document, context())?);
        } else if let Some(document) = corpus.documents.get(at % corpus.documents.len()) {
            cipher.encrypt_into(document, context(), &mut out)?;
        }
        black_box(&out);
    }
    Ok(())
}
