//! Runs one job of the library in a loop, for a profiler.
//!
//! `profile payment|orders|large T|D|D-whole encrypt|decrypt DOCUMENTS`

use apiseal::FieldCipher;
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
    let encrypted = if job == "decrypt" { corpus.encrypted(&cipher) } else { Vec::new() };
    let documents = if job == "decrypt" { &encrypted } else { &corpus.documents };
    let mut out = Vec::new();
    for document in documents.iter().cycle().take(count.parse()?) {
        match job.as_str() {
            "decrypt" => decrypt(&cipher, document)?,
            _ => encrypt(&cipher, document, &mut out)?,
        }
    }
    Ok(())
}

/// A frame of its own, so that a profiler can leave out everything else.
#[inline(never)]
fn encrypt(cipher: &FieldCipher, document: &[u8], out: &mut Vec<u8>) -> apiseal::Result<()> {
    cipher.encrypt_into(document, context(), out)
}

/// A frame of its own, so that a profiler can leave out everything else.
#[inline(never)]
fn decrypt(cipher: &FieldCipher, document: &[u8]) -> apiseal::Result<()> {
    cipher.decrypt(document, context()).map(drop)
}
