//! Encryption and decryption of fields beside the naive pipeline and the floor.

use std::hint::black_box;
use std::time::Duration;

use apiseal_benches::cases::{Corpus, Variant, context};
use apiseal_benches::floor::{Floor, Shape};
use apiseal_benches::naive::Naive;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A subject of a bench: handles the document with this number.
type Subject<'a> = (&'a str, Box<dyn FnMut(usize) + 'a>);

fn fields(criterion: &mut Criterion) {
    for corpus in Corpus::all() {
        for variant in Variant::ALL {
            let cipher = corpus.cipher(variant);
            let naive = Naive::new(corpus.paths);
            let encrypted = corpus.encrypted(&cipher);
            let pairs = corpus.documents.iter().zip(&encrypted);
            let shapes: Vec<Shape> =
                pairs.map(|(clear, sealed)| Shape::of(&corpus, variant, clear, sealed)).collect();

            let (mut out, mut floor) = (Vec::new(), Floor::default());
            let ours = |at: usize| {
                cipher
                    .encrypt_into(&corpus.documents[at], context(), &mut out)
                    .expect("the document is valid");
            };
            let subjects: [Subject<'_>; 3] = [
                ("apiseal", Box::new(ours)),
                ("naive", Box::new(|at| drop(black_box(naive.encrypt(&corpus.documents[at]))))),
                ("floor", Box::new(|at| floor.encrypt(&shapes[at], &corpus.documents[at]))),
            ];
            compare(criterion, "encrypt", &corpus, variant, subjects);

            let sealed: Vec<String> =
                corpus.documents.iter().map(|document| naive.encrypt(document)).collect();
            let mut floor = Floor::default();
            let ours =
                |at: usize| drop(cipher.decrypt(&encrypted[at], context()).expect("the document is ours"));
            let subjects: [Subject<'_>; 3] = [
                ("apiseal", Box::new(ours)),
                ("naive", Box::new(|at| drop(black_box(naive.decrypt(sealed[at].as_bytes()))))),
                ("floor", Box::new(|at| floor.decrypt(&shapes[at], &encrypted[at]))),
            ];
            compare(criterion, "decrypt", &corpus, variant, subjects);
        }
    }
}

fn compare(
    criterion: &mut Criterion,
    job: &str,
    corpus: &Corpus,
    variant: Variant,
    subjects: [Subject<'_>; 3],
) {
    let mut group = criterion.benchmark_group(format!("{job}/{}/{}", corpus.name, variant.name()));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Bytes((corpus.len() / corpus.documents.len()) as u64));
    for (name, mut subject) in subjects {
        let mut at = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                subject(at);
                at = (at + 1) % corpus.documents.len();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fields);
criterion_main!(benches);
