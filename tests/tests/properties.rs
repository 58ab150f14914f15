//! What must hold for any input, tried with input that is the same each time. `scripts/fuzz` searches for more.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::{Family, RuleText};
use galaf_tests::lab;
use galaf_tests::properties::{document, enter, files, index, names, rule, ruleset, sentence};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// The same values in every run.
fn drawn<T>(strategy: impl Strategy<Value = T>, count: usize) -> impl Iterator<Item = T> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    (0..count).map(move |_| strategy.new_tree(&mut runner).unwrap().current())
}

/// Whether nft can be asked by this thread.
fn can_ask() -> bool {
    let obstacle = lab::obstacle();
    match &obstacle {
        Some(reason) => lab::skip(reason),
        None => enter().unwrap(),
    }
    obstacle.is_none()
}

#[test]
fn what_is_made_of_any_good_file_says_what_the_file_says_and_nothing_else() {
    for bytes in drawn(vec(any::<u8>(), 0..1500), 1500) {
        files(&document(&bytes).to_string());
    }
}

/// What nft takes and does not mean what a rule is for, or what ends it.
const LURES: [&str; 22] = [
    "meta mark @out_before",
    "-ipv6",
    "| 8",
    "^ 8",
    "or 8",
    "tcp dport 1 log",
    "tcp dport 1 counter",
    "tcp dport 1 continue",
    "log prefix \"x\"",
    "meta mark set 1",
    "ct mark set 1",
    "ct helper set \"x\"",
    "notrack",
    "tcp dport vmap { 1 : drop }",
    "meta mark set tcp dport map { 1 : 2 }",
    "update @refused4 { meta mark . ip daddr . meta l4proto . th dport }",
    "ip daddr 192.0.2.1; accept",
    "accept\n\t\ttcp dport 1",
    "limit rate 1/second\n}\nchain x {\n",
    "tcp dport 1 comment \"x\" #",
    "tcp dport { 80, 22 lshift 1 }",
    "tcp flags & (syn | ack) != { 1-5, 9 }",
];

#[test]
fn a_text_that_galaf_takes_is_one_rules_matches_to_nft_or_refused() {
    if !can_ask() {
        return;
    }
    let sentences = drawn(vec(any::<u8>(), 0..60), 500).map(|bytes| sentence(&bytes));
    let good: Vec<String> = sentences.filter(|text| RuleText::new(text).is_ok()).take(150).collect();
    assert_eq!(good.len(), 150);
    let lures = LURES.iter().flat_map(|text| Family::ALL.map(|family| (*text, family)));
    for (text, family) in lures {
        rule(family, text);
    }
    // Half of them are matches of the other family, which nft refuses.
    let taken =
        good.iter().flat_map(|text| Family::ALL.map(|family| rule(family, text))).filter(|taken| *taken).count();
    assert!(taken >= 60, "nft takes only {taken} of 300");
}

#[test]
fn nft_and_dnsmasq_take_what_is_made_of_any_good_file() {
    if !can_ask() {
        return;
    }
    let good = drawn(vec(any::<u8>(), 0..1000), 120).filter(|bytes| ruleset(&document(bytes))).count();
    assert!(good >= 40, "only {good} of 120 files are good");
}

#[test]
fn what_counts_as_a_name_can_stand_unquoted_everywhere() {
    let label = select(vec![
        "a", "bücher", "faß", "xn--", "xn--a", "-", "１", "。", "*", "_x", "\u{200d}", "\u{202e}", "A", "",
    ]);
    for labels in drawn(vec(label, 1..6), 3000) {
        names(&labels.concat());
        names(&labels.join("."));
    }
}

#[test]
fn a_damaged_index_is_refused_or_read_and_never_more() {
    let good = "{\"galaf\":1,\"gid_range\":[30000,59999],\"containers\":[]}\n\
        browser\t{\"gid\":30000,\"execv\":[\"/bin/x\"],\"users\":null,\"env\":{},\"keep_env\":[],\"no_new_privileges\":true,\"seccomp\":true,\"user_owned\":false}\n\
        mailer\t{\"gid\":30001,\"execv\":[\"/bin/y\"],\"users\":[1000],\"env\":{},\"keep_env\":[],\"no_new_privileges\":true,\"seccomp\":true,\"user_owned\":false}\n";
    index(good.as_bytes());
    for (at, byte, cut) in drawn((0..good.len(), any::<u8>(), 0..good.len()), 1500) {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = byte;
        index(&bytes);
        index(&bytes[..cut]);
        index(&good.as_bytes()[cut..]);
    }
}
