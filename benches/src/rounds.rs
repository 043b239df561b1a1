//! Rounds of the library on demand, so that benches in another language take turns with it.
//!
//! `rounds DIRECTORY` writes the documents there, each behind its length (four bytes, little-endian), and then answers each
//! line `encrypt|decrypt payment|orders|large T|D|D-whole COUNT` or `sign|verify GET|POST - COUNT` on standard input with the
//! seconds that so many calls took. Each call states its context, as calls in other languages do.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use apiseal::{Context, FieldCipher, NoReplayCheck, Profile, Suite, Verifier};
use apiseal_benches::cases::{Corpus, Variant, context};
use apiseal_benches::requests::{CLOCK, Request, ring, signer};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("rounds DIRECTORY")?;
    let corpora = Corpus::all();
    for corpus in &corpora {
        let mut all = Vec::new();
        for document in &corpus.documents {
            all.extend(u32::try_from(document.len())?.to_le_bytes());
            all.extend_from_slice(document);
        }
        std::fs::write(format!("{folder}/{}", corpus.name), all)?;
    }
    let mut jobs: Vec<(String, Job)> = Vec::new();
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, count) = line.rsplit_once(' ').ok_or("a job and a count")?;
        let at = match jobs.iter().position(|(own, _)| own == name) {
            Some(at) => at,
            None => {
                jobs.push((name.to_owned(), Job::new(&corpora, name)?));
                jobs.len() - 1
            }
        };
        let (count, job) = (count.parse()?, &jobs[at].1);
        let start = Instant::now();
        job.run(count)?;
        writeln!(out, "{}", start.elapsed().as_secs_f64())?;
        out.flush()?;
    }
    Ok(())
}

enum Job {
    Encrypt(FieldCipher, Vec<Vec<u8>>),
    Decrypt(FieldCipher, Vec<Vec<u8>>),
    Sign(Vec<Request>),
    Verify(Box<Verifier>, Vec<Request>),
}

impl Job {
    fn new(corpora: &[Corpus], name: &str) -> Result<Self, Box<dyn Error>> {
        let words: Vec<&str> = name.split(' ').collect();
        let [operation, what, variant] = words.as_slice() else { return Err("no such job".into()) };
        if matches!(*operation, "sign" | "verify") {
            let make = if *what == "GET" { Request::get } else { Request::post };
            let requests: Vec<Request> = (0..1024).map(make).collect();
            if *operation == "sign" {
                return Ok(Job::Sign(requests));
            }
            let signer = signer(Suite::HmacSha256);
            let signed = requests.into_iter().map(|request| {
                let signed = signer.sign(&request.message(&request.lines()), &CLOCK)?;
                Ok(request.carrying(&signed))
            });
            let signed = signed.collect::<apiseal::Result<Vec<_>>>()?;
            let verifier = Verifier::new(ring(Suite::HmacSha256), Profile::apiseal_v1(), NoReplayCheck);
            return Ok(Job::Verify(Box::new(verifier), signed));
        }
        let corpus = corpora.iter().find(|own| own.name == *what).ok_or("no such corpus")?;
        let variant = Variant::ALL.into_iter().find(|own| own.name() == *variant).ok_or("no such variant")?;
        let cipher = corpus.cipher(variant);
        match *operation {
            "encrypt" => Ok(Job::Encrypt(cipher, corpus.documents.clone())),
            _ => {
                let sealed = corpus.encrypted(&cipher);
                Ok(Job::Decrypt(cipher, sealed))
            }
        }
    }

    fn run(&self, count: usize) -> apiseal::Result<()> {
        let stated = || Context::from_pairs(context().pairs());
        match self {
            Job::Encrypt(cipher, documents) => documents
                .iter()
                .cycle()
                .take(count)
                .try_for_each(|own| cipher.encrypt(own, &stated()?).map(|out| drop(black_box(out)))),
            Job::Decrypt(cipher, documents) => documents
                .iter()
                .cycle()
                .take(count)
                .try_for_each(|own| cipher.decrypt(own, &stated()?).map(|out| drop(black_box(out)))),
            Job::Sign(requests) => {
                let signer = signer(Suite::HmacSha256);
                requests.iter().cycle().take(count).try_for_each(|own| {
                    signer.sign(&own.message(&own.lines()), &CLOCK).map(|out| drop(black_box(out)))
                })
            }
            Job::Verify(verifier, requests) => requests.iter().cycle().take(count).try_for_each(|own| {
                verifier.verify(&own.message(&own.lines()), &CLOCK).map(|out| drop(black_box(out)))
            }),
        }
    }
}
