#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shipwright::internals::exercise_evidence(data));
