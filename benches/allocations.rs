//! Heap allocations of one call on a warm cipher and a warm buffer.

use allocation_counter::measure;
use apiseal::{NoReplayCheck, Profile, Suite, Verifier};
use apiseal_benches::cases::{Corpus, Variant, context};
use apiseal_benches::requests::{CLOCK, Request, ring, signer};

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
    println!();
    println!("| allocations a call | sign | verify |");
    println!("|---|---:|---:|");
    for (name, request) in [("GET", Request::get(1)), ("POST", Request::post(1))] {
        let signer = signer(Suite::HmacSha256);
        let verifier = Verifier::new(ring(Suite::HmacSha256), Profile::apiseal_v1(), NoReplayCheck);
        let sign = |request: &Request| {
            signer.sign(&request.message(&request.lines()), &CLOCK).expect("it can be signed")
        };
        let signed = request.clone().carrying(&sign(&request));
        let (own, received) = (request.lines(), signed.lines());
        let verify = || drop(verifier.verify(&signed.message(&received), &CLOCK).expect("it verifies"));
        verify();
        let signing =
            measure(|| drop(signer.sign(&request.message(&own), &CLOCK).expect("it can be signed")));
        let verifying = measure(verify);
        println!("| {name} | {} | {} |", signing.count_total, verifying.count_total);
    }
}
