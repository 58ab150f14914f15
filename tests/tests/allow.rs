//! Structured grants, with packets.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use serde_json::{Value, json};

fn lab(allow: &Value) -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config(allow)).unwrap();
    Some(lab)
}

fn config(allow: &Value) -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } },
        "aliases": { "office": ["198.51.100.0/24"] },
        "groups": { "editor": { "execv": ["/usr/bin/env", "…"], "families": [4, 6], "allow": allow } }
    })
}

fn tries(lab: &Lab, protocol: Protocol, site: Site, family: Family) -> Attempt {
    let target = Target::new(protocol, site.address(family), ECHO);
    lab.attempt(lab.alice(), &["galaf", "editor"], target).unwrap()
}

/// Tries everything and compares with what `granted` says of it.
fn assert_granted(lab: &Lab, granted: impl Fn(Protocol, bool, Family) -> bool) {
    for protocol in Protocol::ALL {
        for (site, is_office) in [(office(1), true), (elsewhere(1), false)] {
            for family in Family::ALL {
                let attempt = tries(lab, protocol, site, family);
                if granted(protocol, is_office, family) {
                    assert!(attempt.reached(), "{attempt}");
                } else {
                    assert!(attempt.refused_at_once(), "{attempt}");
                }
            }
        }
    }
}

#[test]
fn an_address_is_granted_with_its_ports_and_nothing_beside_it() {
    // Several ports and ranges, so that named sets decide.
    let ports = json!([1, ECHO, "60000-60010"]);
    let Some(lab) = lab(&json!([{ "to": "office", "tcp": ports }])) else { return };
    assert_granted(&lab, |protocol, office, family| protocol == Protocol::Tcp && office && family == Family::Ipv4);
}

#[test]
fn any_is_every_address_of_the_entrys_families_with_what_was_named() {
    let Some(lab) = lab(&json!([{ "to": "any", "udp": ECHO, "icmp": true }])) else { return };
    assert_granted(&lab, |protocol, _, _| protocol != Protocol::Tcp);
}

#[test]
fn ports_that_are_not_listed_stay_closed() {
    let Some(lab) = lab(&json!([{ "to": "any", "tcp": [ECHO + 1, ECHO - 1], "udp": [1, 2] }])) else { return };
    assert_granted(&lab, |_, _, _| false);
}

#[test]
fn a_reload_replaces_the_elements_of_a_list() {
    let one = office(1).ipv4.to_string();
    let Some(lab) = lab(&json!([{ "to": [one, "203.0.113.77", "192.0.2.200"], "tcp": ECHO }])) else { return };
    assert!(tries(&lab, Protocol::Tcp, office(1), Family::Ipv4).reached());
    lab.apply(&config(&json!([{ "to": ["203.0.113.77", "192.0.2.201"], "tcp": ECHO }]))).unwrap();
    let attempt = tries(&lab, Protocol::Tcp, office(1), Family::Ipv4);
    assert!(attempt.refused_at_once(), "{attempt}");
}

#[test]
fn names_in_a_grant_may_be_looked_up_and_reached_on_its_ports_only() {
    let Some(lab) = lab(&json!([{ "to": "granted.test", "udp": ECHO }, { "to": "198.51.100.9" }])) else { return };
    lab.internet().serve_names(&[&format!("host-record=granted.test,{}", office(1).ipv4)]).unwrap();
    lab.start_resolver().unwrap();
    let launch = ["galaf", "editor"];
    let answer = lab.ask(lab.alice(), &launch, "granted.test", &[]).unwrap();
    assert_eq!(answer.addresses, [office(1).address(Family::Ipv4)], "{answer:?}");
    assert!(tries(&lab, Protocol::Udp, office(1), Family::Ipv4).reached());
    assert!(tries(&lab, Protocol::Tcp, office(1), Family::Ipv4).refused_at_once());
    // Addresses beside the names do not let it ask for more.
    let answer = lab.ask(lab.alice(), &launch, "elsewhere.test", &[]).unwrap();
    assert!(answer.is_blocked(), "{answer:?}");
}

#[test]
fn a_grant_lapses_by_the_kernels_clock_alone() {
    let Some(lab) = lab(&json!([{ "to": "office", "udp": ECHO, "until": "4s" }])) else { return };
    let start = Instant::now();
    assert!(tries(&lab, Protocol::Udp, office(1), Family::Ipv4).reached());
    while tries(&lab, Protocol::Udp, office(1), Family::Ipv4).reached() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not lapse");
        sleep(Duration::from_millis(300));
    }
    let attempt = tries(&lab, Protocol::Udp, office(1), Family::Ipv4);
    assert!(attempt.refused_at_once(), "{attempt}");
    assert!(start.elapsed() > Duration::from_secs(2), "it lapsed early");
}
