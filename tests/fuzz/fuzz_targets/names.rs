//! Names of hosts and applications: see [`galaf_tests::properties::names`].

#![no_main]

use galaf_tests::properties::names;

libfuzzer_sys::fuzz_target!(|text: &str| names(text));
