//! Services that others may reach, with packets from outside.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf::mark::{Mark, UNKNOWN, half};
use galaf_tests::lab::{Lab, Marking, PEER, WORKSTATION};
use galaf_tests::peer::{Attempt, CHARGEN, ECHO, Protocol, Target, Verdict};
use galaf_tests::run::{Background, Identity};
use serde_json::{Value, json};

/// Where others call from.
const NEAR: [&str; 2] = ["192.0.2.0/24", "2001:db8::/64"];

fn config(inbound: &Value) -> Value {
    json!({ "inbound": inbound, "groups": { "echo": null } })
}

/// A workstation with servers of root's.
fn lab(inbound: &Value) -> Option<(Lab, Background)> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config(inbound)).unwrap();
    let addresses = Family::ALL.map(|family| WORKSTATION.address(family).to_string());
    let servers = lab.background(&Identity::ROOT, &[PEER, "serve", &addresses[0], &addresses[1]]).unwrap();
    Some((lab, servers))
}

/// Attempts of somebody outside.
fn calls(lab: &Lab, targets: &[Target]) -> Vec<Attempt> {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let argv: Vec<&str> = [PEER, "try"].into_iter().chain(targets.iter().map(String::as_str)).collect();
    lab.internet().root(&argv).unwrap().lines().map(|line| Attempt::from_json(line).unwrap()).collect()
}

fn call(lab: &Lab, protocol: Protocol, family: Family) -> Attempt {
    calls(lab, &[Target::new(protocol, WORKSTATION.address(family), ECHO)]).remove(0)
}

fn assert_silent(attempt: &Attempt) {
    assert_eq!(attempt.verdict, Verdict::Silent, "{attempt}");
}

#[test]
fn what_is_let_in_is_answered_in_both_families_and_nothing_else_is() {
    let inbound = json!([
        { "service": "echo", "tcp": [ECHO, 2222], "from": NEAR },
        { "service": "datagrams", "udp": [ECHO, "4000-4001"], "from": "any" },
        { "service": "pings", "icmp": true, "from": "any" }
    ]);
    let Some((lab, _servers)) = lab(&inbound) else { return };
    for family in Family::ALL {
        for protocol in Protocol::ALL {
            let attempt = call(&lab, protocol, family);
            assert!(attempt.reached(), "{attempt}");
        }
        // The same server listens there.
        assert_silent(&calls(&lab, &[Target::new(Protocol::Tcp, WORKSTATION.address(family), CHARGEN)])[0]);
    }
    // The ports of a service let nobody begin anything, not even who runs it.
    let begun = Family::ALL.map(|family| {
        let address = if family == Family::Ipv4 { "192.0.2.1" } else { "2001:db8::1" };
        Target { from: Some(4000), ..Target::new(Protocol::Udp, address.parse().unwrap(), ECHO) }
    });
    for who in [lab.alice(), &Identity::ROOT] {
        for attempt in lab.attempts(who, &[], &begun).unwrap() {
            assert!(attempt.refused_at_once(), "{attempt}");
        }
    }
}

#[test]
fn only_those_named_are_let_in_and_a_reload_ends_it_for_datagrams_at_once() {
    let from = |from: &str| {
        json!([
            { "service": "echo", "tcp": ECHO, "udp": ECHO, "from": from },
            { "service": "pings", "icmp": true, "from": from }
        ])
    };
    let Some((lab, _servers)) = lab(&from("192.0.2.0/24")) else { return };
    // From one port throughout, so that conntrack knows the flow already.
    let target = Target { from: Some(5000), ..Target::new(Protocol::Udp, WORKSTATION.address(Family::Ipv4), ECHO) };
    assert!(calls(&lab, &[target])[0].reached());
    for protocol in Protocol::ALL {
        assert!(call(&lab, protocol, Family::Ipv4).reached());
        assert_silent(&call(&lab, protocol, Family::Ipv6));
    }
    lab.apply(&config(&from("198.51.100.0/24"))).unwrap();
    assert_silent(&calls(&lab, &[target])[0]);
    for protocol in Protocol::ALL {
        assert_silent(&call(&lab, protocol, Family::Ipv4));
    }
}

#[test]
fn the_traffic_of_a_service_is_counted_for_its_mark_and_not_for_its_sockets() {
    let inbound = json!([
        { "service": "echo", "tcp": ECHO, "udp": ECHO, "from": "any", "mark": "echo" },
        { "service": "pings", "icmp": true, "from": "any", "mark": "bob" }
    ]);
    let Some((lab, _servers)) = lab(&inbound) else { return };
    for family in Family::ALL {
        for protocol in Protocol::ALL {
            let attempt = call(&lab, protocol, family);
            assert!(attempt.reached(), "{attempt}");
        }
    }
    let counters = lab.counters().unwrap();
    let service = Mark::from_halves(half(lab.gid("echo").unwrap().0), UNKNOWN);
    let pings = Mark::from_halves(UNKNOWN, half(lab.bob().uid.0));
    let packets = |mark: Mark| {
        [&counters.out_after, &counters.in_after].map(|set| set.get(&mark.0).map_or(0, |count| count.packets))
    };
    // Two datagrams and at least SYN, ACK, data and FIN each way.
    assert!(packets(service).iter().all(|&count| count >= 2 * 4), "{counters:?}");
    assert_eq!(packets(pings), [2, 2], "{counters:?}");
    assert_eq!(packets(Mark::ROOT), [0, 0], "{counters:?}");
}

#[test]
fn no_more_begin_than_the_limit_lets() {
    let inbound = json!([
        { "service": "echo", "tcp": ECHO, "from": "any", "limit": "1/minute" },
        { "service": "pings", "icmp": true, "from": "any", "limit": "1/minute" }
    ]);
    let Some((lab, _servers)) = lab(&inbound) else { return };
    for protocol in [Protocol::Tcp, Protocol::Icmp] {
        let target = Target::new(protocol, WORKSTATION.address(Family::Ipv4), ECHO);
        let reached = calls(&lab, &[target; 8]).iter().filter(|attempt| attempt.reached()).count();
        // nft's default burst is five.
        assert_eq!(reached, 5, "{protocol:?}");
    }
}
