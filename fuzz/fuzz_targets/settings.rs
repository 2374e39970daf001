#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| duku_fuzz::settings::run(data));
