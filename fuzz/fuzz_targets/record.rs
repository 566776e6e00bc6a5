#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jingyue_fuzz::run("record", bytes));
