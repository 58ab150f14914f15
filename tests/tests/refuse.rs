//! What whoever is refused gets to know, with packets.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf::mark::{Mark, half};
use galaf_tests::lab::{Lab, Marking, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target, Verdict};
use serde_json::{Value, json};

fn config(refuse: &str) -> Value {
    json!({
        "config": { "refuse": refuse },
        "groups": { "editor": { "execv": ["/usr/bin/env", "…"], "families": [4, 6], "rule": "udp dport 1", "rule6": "udp dport 1" } }
    })
}

fn tries(lab: &Lab, protocol: Protocol) -> Vec<Attempt> {
    let targets = Family::ALL.map(|family| Target::new(protocol, office(1).address(family), ECHO));
    lab.attempts(lab.alice(), &["galaf", "editor"], &targets).unwrap()
}

#[test]
fn with_drop_a_connection_gets_no_answer_and_is_recorded_all_the_same() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&config("drop")).unwrap();
    for attempt in tries(&lab, Protocol::Tcp) {
        assert_eq!(attempt.verdict, Verdict::Silent, "{attempt}");
    }
    for attempt in tries(&lab, Protocol::Udp) {
        assert!(!attempt.reached(), "{attempt}");
    }
    let mark = Mark::from_halves(half(lab.gid("editor").unwrap().0), half(lab.alice().uid.0));
    assert!(lab.counters().unwrap().refused_to(mark).packets >= 4, "{:?}", lab.counters().unwrap().refused);
    // Back again: they are told at once.
    lab.apply(&config("reject")).unwrap();
    for attempt in [tries(&lab, Protocol::Tcp), tries(&lab, Protocol::Udp)].concat() {
        assert!(attempt.refused_at_once(), "{attempt}");
    }
}
