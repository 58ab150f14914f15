//! Rules put together from words, asked of nft: see [`galaf_tests::properties::sentence`].

#![no_main]

use galaf::config::Family;
use galaf_tests::properties::{enter, rule, sentence};

libfuzzer_sys::fuzz_target!(init: enter().unwrap_or_else(|error| panic!("{error:#}")), |bytes: &[u8]| {
    let text = sentence(bytes);
    for family in Family::ALL {
        rule(family, &text);
    }
});
