//! Whole files that are drawn, asked of nft and dnsmasq: see [`galaf_tests::properties::ruleset`].

#![no_main]

use galaf_tests::properties::{document, enter, ruleset};

libfuzzer_sys::fuzz_target!(init: enter().unwrap_or_else(|error| panic!("{error:#}")), |bytes: &[u8]| {
    ruleset(&document(bytes));
});
