#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| apiseal_workspace::fuzzing::explain(data));
