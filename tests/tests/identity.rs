//! Attempts to pass for somebody else.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::os::unix::fs::MetadataExt;

use galaf::config::Family;
use galaf::id::GroupId;
use galaf::mark::Mark;
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, PEER, elsewhere, office};
use galaf_tests::peer::dns::{Answer, NOERROR};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use galaf_tests::run::Identity;
use serde_json::json;

/// The launcher, which is not on the PATH that it gives to applications.
const GALAF: &str = "/opt/galaf/bin/galaf";
/// A program with this bit runs in the group of its file (inode(7)).
const S_ISGID: u32 = 0o2000;

fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.internet()
        .serve_names(&["host-record=editor.test,198.51.100.1", "host-record=viewer.test,203.0.113.1"])
        .unwrap();
    lab.apply(&json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] }, "defaults": { "families": [4, 6] } },
        "groups": {
            "editor": {
                "execv": ["/usr/bin/env", "…"],
                "rule": "ip daddr 198.51.100.0/24", "rule6": "ip6 daddr 2001:db8:100::/48"
            },
            "viewer": {
                "execv": ["/usr/bin/env", "…"],
                "rule": "ip daddr 203.0.113.0/24", "rule6": "ip6 daddr 2001:db8:200::/48"
            },
            "asker": { "execv": ["/usr/bin/env", "…"], "domains": ["editor.test"], "rule": "", "rule6": "" },
            "only-ipv4": { "execv": ["/usr/bin/env", "…"], "families": [4], "rule": "" },
            "only-ipv6": { "execv": ["/usr/bin/env", "…"], "families": [6], "rule6": "" },
            "unfiltered": { "execv": ["/usr/bin/env", "…"], "seccomp": false, "rule": "", "rule6": "" },
            "unconfined": { "execv": ["/usr/bin/env", "…"], "no_new_privileges": false, "rule": "", "rule6": "" }
        }
    }))
    .unwrap();
    lab.start_resolver().unwrap();
    Some(lab)
}

fn one(lab: &Lab, who: &Identity, launch: &[&str], target: Target) -> Attempt {
    lab.attempt(who, launch, target).unwrap()
}

#[test]
fn a_port_that_changes_hands_does_not_pass_on_what_was_granted() {
    let Some(lab) = lab() else { return };
    for family in Family::ALL {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let target = Target { from: Some(40001), ..Target::new(protocol, office(1).address(family), ECHO) };
            let granted = one(&lab, lab.alice(), &["galaf", "editor"], target);
            assert!(granted.reached(), "{granted}");
            // The connection is still known: conntrack keeps it for a while, and the packets look the same.
            for launch in [[].as_slice(), &["galaf", "viewer"]] {
                let other = one(&lab, lab.alice(), launch, target);
                assert!(other.refused_at_once(), "{launch:?}: {other}");
            }
            let again = one(&lab, lab.alice(), &["galaf", "editor"], target);
            assert!(again.reached(), "{again}");
        }
    }
}

#[test]
fn a_port_that_changes_hands_does_not_pass_on_who_may_ask() {
    let Some(lab) = lab() else { return };
    let ask = |launch: &[&str]| lab.ask(lab.alice(), launch, "editor.test", &["40002"]).unwrap();
    for _ in 0..2 {
        let granted = ask(&["galaf", "asker"]);
        assert_eq!(granted.code, NOERROR, "{granted}");
        let plain = ask(&[]);
        assert!(plain.is_blocked(), "{plain}");
    }
}

#[test]
fn a_rule_for_one_family_does_not_open_the_other() {
    let Some(lab) = lab() else { return };
    for (application, open) in [("only-ipv4", Family::Ipv4), ("only-ipv6", Family::Ipv6)] {
        for protocol in Protocol::ALL {
            for family in Family::ALL {
                let target = Target::new(protocol, elsewhere(2).address(family), ECHO);
                let attempt = one(&lab, lab.alice(), &["galaf", application], target);
                let right = if family == open { attempt.reached() } else { attempt.refused_at_once() };
                assert!(right, "{application}: {attempt}");
            }
        }
    }
}

#[test]
fn an_application_cannot_return_to_its_users_group() {
    let Some(lab) = lab() else { return };
    let (alice, gid) = (lab.alice(), lab.alice().gid.to_string());
    for way in [vec!["sg", "alice", "-c", "id -g"], vec!["setpriv", "--regid", &gid, "--keep-groups", "id", "-g"]] {
        for application in ["editor", "unfiltered"] {
            let outcome = lab.run(alice, &[&["galaf", application], way.as_slice()].concat()).unwrap();
            assert_ne!(outcome.stdout.trim(), gid, "{application} {way:?}: {outcome:?}");
        }
    }
    // The way is open to whoever may gain privileges, so this is no accident.
    let open = lab.run(alice, &["galaf", "unconfined", "sg", "alice", "-c", "id -g"]).unwrap();
    assert_eq!(open.stdout.trim(), gid, "{open:?}");
}

#[test]
fn the_group_of_an_application_cannot_be_entered_without_the_launcher() {
    let Some(lab) = lab() else { return };
    let gid = lab.gid("editor").unwrap().to_string();
    for way in [
        vec!["sg", "editor", "-c", "id -g"],
        vec!["setpriv", "--regid", &gid, "--keep-groups", "id", "-g"],
        vec!["unshare", "--user", "--map-group", &gid, "id", "-g"],
        vec!["sh", "-c", "cp /opt/galaf/bin/galaf /tmp/copy && exec /tmp/copy editor id -g"],
    ] {
        let outcome = lab.run(lab.alice(), &way).unwrap();
        let printed = outcome.stdout.trim();
        // A user namespace of one's own may show any number; what counts is who the kernel takes the process for.
        if way[0] == "unshare" {
            let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO);
            let attempt = one(&lab, lab.alice(), &["unshare", "--user", "--map-group", &gid], target);
            assert!(attempt.refused_at_once(), "{attempt}");
            assert_eq!(attempt.mark, Mark::new(lab.alice().gid, lab.alice().uid));
        } else {
            assert_ne!(printed, gid, "{way:?}: {outcome:?}");
        }
    }
}

#[test]
fn root_of_a_user_namespace_is_still_its_user() {
    let Some(lab) = lab() else { return };
    for site in [office(1), elsewhere(1)] {
        for protocol in Protocol::ALL {
            let target = Target::new(protocol, site.ipv4.into(), ECHO);
            let attempt = one(&lab, lab.alice(), &["unshare", "--user", "--map-root-user"], target);
            assert!(attempt.refused_at_once(), "{attempt}");
            assert_eq!(attempt.mark, Mark::new(lab.alice().gid, lab.alice().uid), "{attempt}");
        }
    }
}

#[test]
fn an_application_cannot_leave_a_file_that_hands_on_its_group() {
    let Some(lab) = lab() else { return };
    let leave = |name: &str| format!("cp /opt/galaf/bin/galaf-peer /tmp/{name} && chmod 2755 /tmp/{name}");
    let confined = lab.run(lab.alice(), &["galaf", "editor", "sh", "-c", &leave("confined")]).unwrap();
    assert_ne!(confined.code, 0, "{confined:?}");
    let metadata = lab.path("/tmp/confined").metadata().unwrap();
    assert_eq!((metadata.mode() & S_ISGID, metadata.gid()), (0, lab.gid("editor").unwrap().0));
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO);
    let tried = lab.run(lab.bob(), &["/tmp/confined", "try", &target.to_string()]).unwrap().success().unwrap();
    assert!(Attempt::from_json(&tried).unwrap().refused_at_once(), "{tried}");

    // Without the filter it would work: the file system takes the bit.
    lab.run(lab.alice(), &["galaf", "unconfined", "sh", "-c", &leave("handed-on")]).unwrap().success().unwrap();
    let tried = lab.run(lab.bob(), &["/tmp/handed-on", "try", &target.to_string()]).unwrap().success().unwrap();
    assert!(Attempt::from_json(&tried).unwrap().reached(), "{tried}");
}

#[test]
fn an_application_cannot_launch_another_one() {
    let Some(lab) = lab() else { return };
    let nested = lab.run(lab.alice(), &["galaf", "editor", GALAF, "viewer", "id", "-g"]).unwrap();
    // env(1) is what the launcher ran, and passes the exit code on.
    assert_eq!((nested.code, nested.stdout.as_str()), (125, ""), "{nested:?}");
    assert!(nested.stderr.starts_with("galaf: "), "{nested:?}");
}

#[test]
fn an_application_that_may_launch_another_does_not_add_its_own_grants() {
    let Some(lab) = lab() else { return };
    let nested = ["galaf", "unconfined", GALAF, "editor"];
    let to = |site: galaf_tests::lab::Site| Target::new(Protocol::Tcp, site.ipv4.into(), ECHO);
    let granted = one(&lab, lab.alice(), &nested, to(office(1)));
    assert!(granted.reached(), "{granted}");
    assert_eq!(granted.mark, Mark::new(lab.gid("editor").unwrap(), lab.alice().uid));
    let other = one(&lab, lab.alice(), &nested, to(elsewhere(1)));
    assert!(other.refused_at_once(), "{other}");
}

#[test]
fn an_address_is_asked_for_by_root_and_networkd_only_and_from_the_clients_port_only() {
    let Some(lab) = lab() else { return };
    // Otherwise the kernel would refuse the port, and the firewall would not be asked.
    lab.shell("echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    let uid = lab.root(&["id", "-u", "systemd-network"]).unwrap().trim().parse().unwrap();
    let networkd = Identity::new(uid, 65534);
    let site = office(9);
    let arrived = |family| {
        let address = site.address(family);
        let seen = lab.internet().seen().unwrap();
        seen.get(&(address, Protocol::Udp.number(address))).map_or(0, |traffic| traffic.arrived.packets)
    };
    for (family, from, to) in [(Family::Ipv4, 68, 67), (Family::Ipv6, 546, 547)] {
        let target = Target { from: Some(from), ..Target::new(Protocol::Udp, site.address(family), to) };
        let mut expected = 0;
        for (who, launch, target, passes) in [
            (&Identity::ROOT, [].as_slice(), target, true),
            (&networkd, &[], target, true),
            (lab.alice(), &[], target, false),
            (lab.alice(), &["galaf", "viewer"], target, false),
            (&Identity::ROOT, &[], Target { from: Some(1068), ..target }, false),
            (&Identity::ROOT, &[], Target::new(Protocol::Udp, site.address(family), ECHO), false),
        ] {
            let attempt = one(&lab, who, launch, target);
            expected += u64::from(passes);
            assert_eq!(arrived(family), expected, "{who:?} {launch:?}: {attempt}");
            assert!(passes || attempt.refused_at_once(), "{who:?} {launch:?}: {attempt}");
        }
    }
}

#[test]
fn only_the_resolvers_account_reaches_the_name_server_and_nothing_else_with_it() {
    let Some(lab) = lab() else { return };
    let uid = lab.root(&["id", "-u", "dnsmasq"]).unwrap().trim().parse().unwrap();
    let resolver = Identity::new(uid, 65534);
    let server = NAME_SERVER.to_string();
    let ask = |who: &Identity, launch: &[&str], protocol| {
        let argv = [launch, &[PEER, "ask", &server, "editor.test", "4", protocol]].concat();
        lab.run(who, &argv).unwrap()
    };
    for protocol in ["udp", "tcp"] {
        let answer = Answer::from_json(&ask(&resolver, &[], protocol).success().unwrap()).unwrap();
        assert_eq!(answer.code, NOERROR, "{answer}");
        // Whoever could go around the resolver could carry data out in questions.
        for (who, launch) in [(lab.alice(), [].as_slice()), (lab.alice(), &["galaf", "asker"]), (&Identity::ROOT, &[])]
        {
            let outcome = ask(who, launch, protocol);
            assert!(outcome.code == 1 && outcome.stderr.contains("cannot ask"), "{who:?} {launch:?}: {outcome:?}");
        }
    }
    for address in [NAME_SERVER, office(1).ipv4] {
        for protocol in Protocol::ALL {
            let attempt = one(&lab, &resolver, &[], Target::new(protocol, address.into(), ECHO));
            assert!(attempt.refused_at_once(), "{attempt}");
        }
    }
}

#[test]
fn a_file_that_grants_somebodys_subordinate_ids_is_refused() {
    let Some(lab) = lab() else { return };
    std::fs::write(lab.path("/etc/subgid"), "alice:29000:2000\n").unwrap();
    let outcome = lab.run(&Identity::ROOT, &["galaf-gen", "apply"]).unwrap();
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("29000-30999") && outcome.stderr.contains("'alice'"), "{outcome:?}");
}

#[test]
fn a_file_whose_application_has_a_member_is_refused() {
    let Some(lab) = lab() else { return };
    lab.shell("usermod --append --groups editor alice").unwrap();
    let outcome = lab.run(&Identity::ROOT, &["galaf-gen", "apply"]).unwrap();
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("'gpasswd -d alice editor'"), "{outcome:?}");
    // The launcher's own rule: a supplementary group of the range is not carried into another application.
    let alice = Identity { groups: vec![GroupId(lab.gid("editor").unwrap().0)], ..lab.alice().clone() };
    let groups = lab.run(&alice, &["galaf", "viewer", "id", "-G"]).unwrap().success().unwrap();
    let editor = lab.gid("editor").unwrap().to_string();
    assert!(!groups.split_whitespace().any(|gid| gid == editor), "{groups}");
}
