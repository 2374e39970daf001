#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| duku_fuzz::token_request::run(data));
