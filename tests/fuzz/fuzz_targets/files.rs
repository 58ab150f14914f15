//! galaf.json and its drop-ins, as text: see [`galaf_tests::properties::files`].

#![no_main]

use galaf_tests::properties::files;

libfuzzer_sys::fuzz_target!(|text: &str| files(text));
