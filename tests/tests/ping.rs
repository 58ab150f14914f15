//! ICMP sockets for applications that are granted ping, on a machine where nobody may open them.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf_tests::lab::{Lab, Marking, PEER, office};
use galaf_tests::peer::{Protocol, Target};
use serde_json::{Value, json};

const RANGE: &str = "/proc/sys/net/ipv4/ping_group_range";
const SYSCTL_D: &str = "/etc/sysctl.d/10-galaf.conf";

fn config(allow: &Value, rule: &str) -> Value {
    let execv = json!(["/usr/bin/env", "…"]);
    json!({
        "groups": {
            "a-browser": { "execv": execv, "rule": "tcp dport 443" },
            "monitor": { "execv": execv, "families": [4, 6], "allow": allow },
            "ping": { "execv": execv, "rule": rule }
        }
    })
}

fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.shell(&format!("echo 1 0 > {RANGE}; mkdir -p /etc/sysctl.d")).unwrap();
    Some(lab)
}

fn range(lab: &Lab) -> String {
    lab.shell(&format!("cat {RANGE}")).unwrap().split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the application can open the socket at all, and then reaches the other side.
fn pings(lab: &Lab, application: &str, target: Target) -> bool {
    let argv = ["galaf", application, PEER, "try", &target.to_string()];
    let outcome = lab.run(lab.alice(), &argv).unwrap();
    outcome.code == 0 && outcome.stdout.contains("reached")
}

#[test]
fn an_application_that_is_granted_ping_can_open_the_socket_and_others_cannot() {
    let Some(lab) = lab() else { return };
    let (four, six) =
        (Target::new(Protocol::Icmp, office(1).ipv4.into(), 0), Target::new(Protocol::Icmp, office(1).ipv6.into(), 0));
    lab.apply(&config(&json!([{ "to": "any", "tcp": 1 }]), "")).unwrap();
    assert_eq!(range(&lab), "1 0", "nobody was granted ping by name");
    assert!(!pings(&lab, "monitor", four));

    let printed = lab.apply(&config(&json!([{ "to": "any", "icmp": true }]), "icmp type echo-request")).unwrap();
    assert!(printed.contains("groups 30001-30002 may open ICMP sockets"), "{printed}");
    assert!(pings(&lab, "monitor", four) && pings(&lab, "monitor", six) && pings(&lab, "ping", four));
    assert!(!pings(&lab, "a-browser", four));

    // The next boot begins with what sysctl finds.
    lab.shell(&format!("echo 1 0 > {RANGE}; sysctl -q -p {SYSCTL_D}")).unwrap();
    assert_eq!(range(&lab), "30001 30002");
    lab.apply(&config(&json!([{ "to": "any", "tcp": 1 }]), "")).unwrap();
    assert_eq!(range(&lab), "30001 30002", "the range never shrinks under programs that run");
    assert!(!lab.path(SYSCTL_D).exists());
}

#[test]
fn a_range_that_has_the_group_already_is_not_touched() {
    let Some(lab) = lab() else { return };
    for wide in ["0 2147483647", "29000 30001"] {
        lab.shell(&format!("echo {wide} > {RANGE}")).unwrap();
        let printed = lab.apply(&config(&json!([{ "to": "any", "icmp": true }]), "")).unwrap();
        assert!(!printed.contains("ping  "), "{printed}");
        assert_eq!(range(&lab), wide);
        assert!(!lab.path(SYSCTL_D).exists());
    }
    lab.shell(&format!("echo 100 200 > {RANGE}")).unwrap();
    lab.apply(&config(&json!([{ "to": "any", "icmp": true }]), "")).unwrap();
    assert_eq!(range(&lab), "100 30001", "who could ping can do so still");
}
