//! Heap allocations of one call on a warm cipher and a warm buffer.

use allocation_counter::measure;
use apiseal_benches::cases::{Corpus, Variant, context};

fn main() {
    println!("| allocations a call | encrypt_into | bytes | decrypt | bytes |");
    println!("|---|---:|---:|---:|---:|");
    for corpus in [Corpus::payment(), Corpus::orders()] {
        for variant in Variant::ALL {
            let cipher = corpus.cipher(variant);
            let document = &corpus.documents[0];
            let mut out = Vec::new();
            let mut encrypt =
                || cipher.encrypt_into(document, context(), &mut out).expect("the document is valid");
            encrypt();
            let sealing = measure(&mut encrypt);
            let opening = measure(|| drop(cipher.decrypt(&out, context()).expect("the document is ours")));
            println!(
                "| {} {} | {} | {} | {} | {} |",
                corpus.name,
                variant.name(),
                sealing.count_total,
                sealing.bytes_total,
                opening.count_total,
                opening.bytes_total,
            );
        }
    }
}
