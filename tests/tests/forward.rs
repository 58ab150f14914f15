//! Packets that only pass through the workstation.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, PEER, WORKSTATION, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use serde_json::json;

/// A machine behind the workstation, which forwards for it.
const BEHIND: &str = "ip netns add behind
    ip link add inner type veth peer name outer netns behind
    echo 0 > /proc/sys/net/ipv6/conf/inner/accept_dad
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    ip address add 10.9.0.1/24 dev inner
    ip address add 2001:db8:9::1/64 dev inner nodad
    ip link set inner up
    ip -n behind address add 10.9.0.2/24 dev outer
    ip -n behind address add 2001:db8:9::2/64 dev outer nodad
    ip -n behind link set outer up
    ip -n behind route add default via 10.9.0.1
    ip -n behind route add default via 2001:db8:9::1";

fn reached(lab: &Lab) -> Vec<bool> {
    let targets = Family::ALL.map(|family| Target::new(Protocol::Tcp, office(1).address(family), ECHO).to_string());
    let argv = ["nsenter", "--net=/run/netns/behind", PEER, "try", &targets[0], &targets[1]];
    lab.root(&argv).unwrap().lines().map(|line| Attempt::from_json(line).unwrap().reached()).collect()
}

#[test]
fn what_passes_through_is_dropped_on_request_and_left_alone_otherwise() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.shell(BEHIND).unwrap();
    for (net, family) in [("10.9.0.0/24", Family::Ipv4), ("2001:db8:9::/64", Family::Ipv6)] {
        let via = WORKSTATION.address(family).to_string();
        lab.internet().root(&["ip", "route", "add", net, "via", &via]).unwrap();
    }
    for (forward, passes) in [("leave", true), ("drop", false), ("leave", true)] {
        lab.apply(&json!({ "config": { "forward": forward } })).unwrap();
        assert_eq!(reached(&lab), [passes, passes], "{forward}");
    }
}
