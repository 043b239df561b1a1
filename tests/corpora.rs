//! The corpora of the fuzz targets, as plain tests.

use apiseal_workspace::{fuzzing::TARGETS, repository};

#[test]
fn every_input_of_every_corpus_keeps_the_promises() {
    for (name, target) in TARGETS {
        let folder = repository("fuzz/corpus").join(name);
        let mut ran = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            ran += 1;
        }
        assert!(ran >= 5, "{name}: the corpus is there");
    }
}

#[test]
fn every_cut_and_every_changed_byte_of_the_corpora_too() {
    for (name, target) in TARGETS {
        for entry in std::fs::read_dir(repository("fuzz/corpus").join(name)).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            for at in 0..seed.len().min(300) {
                target(&seed[..at]);
                let mut changed = seed.clone();
                changed[at] ^= 1 << (at % 8);
                target(&changed);
            }
        }
    }
}
