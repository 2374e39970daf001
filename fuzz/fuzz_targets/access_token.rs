#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| duku_fuzz::access_token::run(data));
