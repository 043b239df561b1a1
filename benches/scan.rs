//! The validating scan. `locate` of the root is the public path to it: it refuses duplicate names and also builds
//! the span index, which encryption mostly does without. The peer skips over the values with `serde_json` after the
//! standard library's UTF-8 check; it allows duplicate names.

use std::hint::black_box;
use std::time::Duration;

use apiseal::Limits;
use apiseal_benches::cases::Corpus;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;

fn scan(criterion: &mut Criterion) {
    let limits = Limits::default();
    for corpus in Corpus::all() {
        let mut group = criterion.benchmark_group(format!("scan/{}", corpus.name));
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Bytes((corpus.len() / corpus.documents.len()) as u64));
        let mut documents = corpus.documents.iter().cycle();
        let mut next = move || documents.next().expect("a cycle has no end");
        group.bench_function("locate the root", |bencher| {
            bencher.iter(|| apiseal::locate(black_box(next()), "$", &limits).expect("the document is valid"));
        });
        group.bench_function("serde_json IgnoredAny", |bencher| {
            bencher.iter(|| {
                let text = std::str::from_utf8(black_box(next())).expect("the document is UTF-8");
                serde_json::from_str::<IgnoredAny>(text).expect("the document is JSON")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, scan);
criterion_main!(benches);
