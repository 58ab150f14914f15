//! Debian 12 boots in a virtual machine with galaf installed. Its network card leads to a wire that the test reads,
//! and something on it tries to send from the first moment on.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy's exception for tests leaves their helpers out")]

#[path = "../vm/boots.rs"]
mod boots;
#[path = "../vm/capture.rs"]
mod capture;
#[path = "../vm/image.rs"]
mod image;
#[path = "../vm/machine.rs"]
mod machine;
#[path = "../vm/report.rs"]
mod report;
#[path = "../vm/tools.rs"]
mod tools;

use boots::{Boots, boots};
use capture::Sent;
use machine::{ANSWER, Boot, PEER};
use report::Report;

/// The chains that decide, as `nft` lists them.
const INPUT: &str = "hook input priority filter; policy drop";
const OUTPUT: &str = "hook output priority filter; policy drop";
/// What the rules of an applied file tell a program that was granted nothing.
const REFUSED: &str = "Connection refused";
/// The locked table tells nothing.
const SILENCE: &str = "Connection timed out";
/// Source port of the attempts of a plain process and of root (`guest/usr/local/lib/galaf-vm/checks`).
const FORBIDDEN: u16 = 4001;
/// Destination ports of `guest/usr/local/lib/galaf-vm/chatter`: always, and once it may get out.
const CHATTER: u16 = 9999;
const CHATTER_WHEN_OPEN: u16 = 9998;

fn named(boots: &Boots) -> [(&'static str, &Boot); 3] {
    [("fresh", &boots.fresh), ("applied", &boots.applied), ("damaged", &boots.damaged)]
}

#[track_caller]
fn assert_filtering(report: &Report, fact: &str) {
    let policies = report.fact(fact);
    assert!(policies.contains(INPUT) && policies.contains(OUTPUT), "{fact}: '{policies}'");
}

/// A plain process and root, with IPv4, and the machine with itself.
#[track_caller]
fn assert_nothing_but_loopback(report: &Report, when: &str, how: &str) {
    report.assert_refused(&format!("{when}.plain"), how);
    report.assert_refused(&format!("{when}.root"), how);
    report.assert_done(&format!("{when}.loopback"), "");
}

/// The application reaches what it was granted; nobody asks for names that were not.
#[track_caller]
fn assert_application_granted(report: &Report, when: &str) {
    report.assert_done(&format!("{when}.name"), ANSWER);
    report.assert_refused(&format!("{when}.unlearned"), REFUSED);
    report.assert_refused(&format!("{when}.other_name"), "name resolution");
    report.assert_refused(&format!("{when}.plain_name"), "");
}

#[test]
fn whenever_a_network_is_set_up_the_firewall_is_there_already() {
    let Some(boots) = boots() else { return };
    for (name, Boot { report, .. }) in named(boots) {
        assert_filtering(report, "network.policies");
        assert_eq!(report.fact("network.up"), "lo", "{name}: something was set up before");
        let loaded = report.moment("galaf-firewall.service.ExecMainExitTimestampMonotonic");
        let before_network = report.moment("network-pre.target.ActiveEnterTimestampMonotonic");
        let network = report.moment("systemd-networkd.service.ExecMainStartTimestampMonotonic");
        assert!(loaded < before_network && before_network < network, "{name}: {loaded}, {before_network}, {network}");
        assert_eq!(report.fact("multi-user.target.ActiveState"), "active", "{name}");
        assert!(report.fact("addresses").contains("192.0.2.15/24"), "{name}: DHCP gave no address");
    }
}

#[test]
fn nothing_that_was_not_granted_leaves_the_machine_while_it_boots_and_runs() {
    let Some(boots) = boots() else { return };
    for (name, Boot { report, sent }) in named(boots) {
        let began: f64 = report.fact("chatter.began").parse().unwrap();
        let loaded = report.moment("galaf-firewall.service.ExecMainExitTimestampMonotonic");
        assert!(began * 1e6 < f64::from(u32::try_from(loaded).unwrap()), "{name}: it did not try before the firewall");
        for frame in sent {
            assert!(may_leave(frame), "{name}: {frame} left the machine");
        }
    }
}

/// What the machine itself needs, what the application was granted, and what `galaf-gen reset` lets out.
fn may_leave(frame: &Sent) -> bool {
    match *frame {
        Sent::Arp => true,
        // Solicitations and advertisements of neighbours and routers (RFC 4861), and listener reports (RFC 3810).
        Sent::Icmpv6(kind) => matches!(kind, 133 | 135 | 136 | 143),
        Sent::Port { protocol, from: 68, port: 67, .. } => protocol == "udp",
        Sent::Port { protocol, from, to, port: 80 } => protocol == "tcp" && from != FORBIDDEN && to.to_string() == PEER,
        Sent::Port { port, .. } => port == CHATTER_WHEN_OPEN,
        Sent::Other(..) => false,
    }
}

#[test]
fn only_reset_opens_and_then_what_tried_all_along_gets_out() {
    let Some(Boots { applied, damaged, .. }) = boots() else { return };
    let chatter = |boot: &Boot, wanted: u16| {
        boot.sent.iter().filter(|frame| matches!(frame, Sent::Port { port, .. } if *port == wanted)).count()
    };
    assert_eq!((chatter(applied, CHATTER), chatter(applied, CHATTER_WHEN_OPEN)), (0, 0));
    assert_eq!(chatter(damaged, CHATTER), 0);
    assert!(chatter(damaged, CHATTER_WHEN_OPEN) > 0, "the wire would not have shown what leaks");
    damaged.report.assert_done("reset", "every program can talk to the network");
    damaged.report.assert_done("reset.plain", ANSWER);
}

#[test]
fn an_installation_that_was_never_applied_is_locked_until_it_is() {
    let Some(Boots { fresh: Boot { report, .. }, .. }) = boots() else { return };
    assert_eq!(report.fact("galaf-firewall.service.ActiveState"), "failed");
    assert!(report.fact("galaf-firewall.journal").contains("locked: nothing may talk to the network"));
    assert_nothing_but_loopback(report, "boot", SILENCE);
    report.assert_done("apply", "fetch");
    assert_application_granted(report, "applied");
    assert_nothing_but_loopback(report, "applied", REFUSED);
}

#[test]
fn what_was_applied_is_in_force_after_a_boot() {
    let Some(Boots { applied: Boot { report, .. }, .. }) = boots() else { return };
    for unit in ["galaf-firewall", "galaf-ebpf", "galaf-dnsmasq"] {
        let state = report.fact(&format!("{unit}.service.ActiveState"));
        assert_eq!(state, "active", "{unit}: {}", report.fact(&format!("{unit}.journal")));
    }
    assert_nothing_but_loopback(report, "boot", REFUSED);
    report.assert_refused("boot.plain6", REFUSED);
    assert_application_granted(report, "boot");
}

#[test]
fn sockets_are_labelled_before_any_network_is_set_up() {
    let Some(Boots { applied: Boot { report, .. }, .. }) = boots() else { return };
    // The oldest kernel that a supported Debian boots, and cgroup v2 alone.
    assert!(report.fact("kernel").starts_with("6.1."), "{}", report.fact("kernel"));
    assert_eq!(report.fact("cgroup"), "cgroup2fs");
    let labelling = report.moment("galaf-ebpf.service.ActiveEnterTimestampMonotonic");
    assert!(labelling < report.moment("network-pre.target.ActiveEnterTimestampMonotonic"));
    assert!(report.fact("network.labels").contains("as expected"), "{}", report.fact("network.labels"));
    report.assert_done("ebpf", "as expected");
    report.assert_done("pinned", "link");
    // Without the label the rules would know the group alone.
    let stats: serde_json::Value = serde_json::from_str(report.fact("stats.output")).unwrap();
    let sent = stats.pointer("/sets/out_after/elements/0").unwrap();
    let names = ["group", "user"].map(|half| sent[half]["name"].as_str().unwrap_or("none"));
    assert_eq!(names, ["fetch", "alice"], "{stats:#}");
}

#[test]
fn the_resolver_has_an_account_of_its_own_and_can_change_nothing_but_the_sets() {
    const CAP_NET_ADMIN: &str = "CapEff:\t0000000000001000";
    let Some(Boots { applied: Boot { report, .. }, .. }) = boots() else { return };
    assert_eq!(report.fact("resolver.account"), "dnsmasq");
    let limits = report.fact("resolver.limits");
    for limit in [CAP_NET_ADMIN, "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(limits.contains(limit), "'{limit}' is not in '{limits}'");
    }
    report.assert_refused("resolver.write", "cannot touch '/etc/written': Read-only file system");
    report.assert_refused("resolver.homes", "cannot access '/home/alice': No such file or directory");
}

#[test]
fn an_apply_whose_resolver_does_not_start_is_taken_back_and_names_are_there_again() {
    let Some(Boots { applied: Boot { report, .. }, .. }) = boots() else { return };
    let said = report.fact("occupied.output");
    assert_eq!(report.fact("occupied.status"), "1", "{said}");
    assert!(said.contains("'galaf-dnsmasq.service' does not start"), "{said}");
    assert!(said.contains("what was in force before is in force again"), "{said}");
    assert_application_granted(report, "occupied");
}

#[test]
fn the_distributions_own_firewall_does_not_take_ours_away() {
    let Some(Boots { damaged: Boot { report, .. }, .. }) = boots() else { return };
    for verb in ["start", "restart", "stop"] {
        report.assert_done(&format!("distribution.{verb}"), "");
        assert_filtering(report, &format!("distribution.{verb}.policies"));
    }
    assert_application_granted(report, "distribution");
}

#[test]
fn stopping_the_units_opens_nothing() {
    let Some(Boots { applied: Boot { report, .. }, .. }) = boots() else { return };
    report.assert_done("stop", "");
    assert_eq!(report.fact("stopped.firewall"), "inactive");
    assert_filtering(report, "stopped.policies");
    assert_nothing_but_loopback(report, "stopped", REFUSED);
    report.assert_refused("stopped.plain6", REFUSED);
}

#[test]
fn a_machine_whose_last_good_ruleset_is_lost_boots_locked_and_apply_repairs_it() {
    let Some(Boots { damaged: Boot { report, .. }, .. }) = boots() else { return };
    assert_eq!(report.fact("galaf-firewall.service.ActiveState"), "failed");
    assert!(report.fact("galaf-firewall.journal").contains("'/var/lib/galaf/galaf.nft' is cut off"));
    assert_filtering(report, "policies");
    assert_nothing_but_loopback(report, "boot", SILENCE);
    report.assert_refused("boot.name", SILENCE);
    report.assert_done("apply", "fetch");
    assert_application_granted(report, "applied");
    assert_nothing_but_loopback(report, "applied", REFUSED);
}
