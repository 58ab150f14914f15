//! The launch index: see [`galaf_tests::properties::index`].

#![no_main]

use galaf_tests::properties::index;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| index(bytes));
