//! A rule's text, asked of nft: see [`galaf_tests::properties::rule`]. A `6` in front makes it one for IPv6.

#![no_main]

use galaf::config::Family;
use galaf_tests::properties::{enter, rule};

libfuzzer_sys::fuzz_target!(
    init: enter().unwrap_or_else(|error| panic!("{error:#}")),
    |text: &str| match text.strip_prefix('6') {
        Some(text) => drop(rule(Family::Ipv6, text)),
        None => drop(rule(Family::Ipv4, text)),
    }
);
