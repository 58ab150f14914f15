//! The place of galaf's chains among those of other tables, with packets.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf::mark::{Mark, half};
use galaf_tests::lab::{Lab, Marking, Site, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use serde_json::{Value, json};

fn config(priority: i32) -> Value {
    json!({
        "config": { "priority": priority },
        "groups": { "editor": { "execv": ["/usr/bin/env", "…"], "families": [4, 6], "allow": [{ "to": "198.51.100.0/24" }] } }
    })
}

fn udp(lab: &Lab, site: Site) -> Attempt {
    let target = Target::new(Protocol::Udp, site.address(Family::Ipv4), ECHO);
    lab.attempt(lab.alice(), &["galaf", "editor"], target).unwrap()
}

#[test]
fn every_priority_enforces_marks_and_counts_and_a_reload_can_change_it() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    let mut counted = 0;
    for priority in [0, -49, 49, 0] {
        lab.apply(&config(priority)).unwrap();
        let listing = lab.root(&["nft", "-n", "-y", "list", "table", "inet", "galaf"]).unwrap();
        for (chain, place) in
            [("output_before", -150), ("output", 0), ("output_after", 10), ("input", 0), ("input_after", 10)]
        {
            let body = listing.split_once(&format!("chain {chain} {{")).unwrap().1;
            let place = format!(" priority {}; ", place + priority);
            assert!(body.lines().nth(1).unwrap().contains(&place), "{chain} is not at{place}:\n{listing}");
        }
        assert!(udp(&lab, office(1)).reached());
        let attempt = udp(&lab, elsewhere(1));
        assert!(attempt.refused_at_once(), "{attempt}");
        let mark = Mark::from_halves(half(lab.gid("editor").unwrap().0), half(lab.alice().uid.0));
        let counters = lab.counters().unwrap();
        counted += 1;
        // Two datagrams and one answer each time; counters survive.
        assert_eq!(counters.out_before[&mark.0].packets, 2 * counted, "{priority}");
        assert_eq!(counters.out_after[&mark.0].packets, counted, "{priority}");
        assert_eq!(counters.in_after[&mark.0].packets, counted, "{priority}");
    }
}

#[test]
fn a_chain_of_another_table_comes_before_or_after_as_asked() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    // It sees a refused packet only if it is asked first.
    lab.shell(
        "nft 'table inet other { counter seen { }; chain output { type filter hook output priority filter + 5; ip daddr 203.0.113.1 counter name seen; }; }'",
    )
    .unwrap();
    let seen = || {
        let listing = lab.root(&["nft", "reset", "counter", "inet", "other", "seen"]).unwrap();
        !listing.contains("packets 0 ")
    };
    for (priority, sees) in [(0, false), (20, true), (-20, false)] {
        lab.apply(&config(priority)).unwrap();
        let attempt = udp(&lab, elsewhere(1));
        assert!(attempt.refused_at_once(), "{attempt}");
        assert_eq!(seen(), sees, "{priority}");
    }
}
