#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shipwright_fuzz::settings(data));
