//! The firewall from boot to reset: what it does when something is missing, wrong, or in the way.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, PEER, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

/// Other people's tables, with a set and a counter each: what a firewall manager, containers or a VPN would have.
const FOREIGN: &str = "
table inet filter {
    set blocked { type ipv4_addr; flags interval; elements = { 10.9.0.0/16, 10.11.0.1 } }
    chain input {
        type filter hook input priority 10; policy accept;
        ip saddr @blocked counter packets 3 bytes 9 drop
    }
}
table ip nat {
    chain postrouting { type nat hook postrouting priority 100; oifname \"other\" masquerade; }
}
table inet galaf_other {
    chain output { type filter hook output priority 20; }
}
";
const FOREIGN_TABLES: [[&str; 2]; 3] = [["inet", "filter"], ["ip", "nat"], ["inet", "galaf_other"]];

/// How often an apply is killed, each time a little later.
const KILLS: u8 = 18;

fn config() -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } },
        "groups": {
            "editor": { "execv": ["/usr/bin/env", "…"], "rule": "ip daddr 198.51.100.0/24" },
            "browser": { "execv": ["/usr/bin/env", "…"], "domains": ["granted.test"], "rule": "" }
        }
    })
}

/// A laboratory with the firewall of [`config`].
fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config()).unwrap();
    Some(lab)
}

fn galaf_gen(lab: &Lab, command: &str) -> Outcome {
    lab.run(&Identity::ROOT, &["galaf-gen", command]).unwrap()
}

/// The objects of the table, without counters and expiries. Their order tells only which was made first.
fn table(lab: &Lab) -> Option<Vec<String>> {
    let outcome = lab.run(&Identity::ROOT, &["nft", "-s", "list", "table", "inet", "galaf"]).unwrap();
    let body = outcome.stdout.strip_prefix("table inet galaf {\n")?.strip_suffix("}\n")?;
    let mut objects: Vec<String> = body.split("\n\n").map(|object| object.trim_end().to_owned()).collect();
    objects.sort();
    Some(objects)
}

fn foreign_tables(lab: &Lab) -> Vec<String> {
    FOREIGN_TABLES.map(|[family, name]| lab.root(&["nft", "list", "table", family, name]).unwrap()).into()
}

/// Name and content of everything that an apply writes.
fn files(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in ["/var/lib/galaf", "/etc"] {
        for entry in fs::read_dir(lab.path(dir)).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                let name = format!("{dir}/{}", entry.file_name().display());
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

fn tries(lab: &Lab, who: &Identity, launch: &[&str], site: galaf_tests::lab::Site) -> Attempt {
    lab.attempt(who, launch, Target::new(Protocol::Tcp, site.ipv4.into(), ECHO)).unwrap()
}

/// Whether the firewall of [`config`] is in force.
fn assert_in_force(lab: &Lab) {
    let granted = tries(lab, lab.alice(), &["galaf", "editor"], office(1));
    assert!(granted.reached(), "{granted}");
    for (launch, site) in [([].as_slice(), office(1)), (&["galaf", "editor"], elsewhere(1))] {
        let refused = tries(lab, lab.alice(), launch, site);
        assert!(refused.refused_at_once(), "{refused}");
    }
}

/// Nothing leaves the machine, in either family, not even root's; the machine still talks to itself.
fn assert_locked(lab: &Lab) {
    let launches: [(&Identity, &[&str]); 3] =
        [(&Identity::ROOT, &[]), (lab.alice(), &[]), (lab.alice(), &["galaf", "editor"])];
    let before = lab.internet().seen().unwrap();
    for (who, launch) in launches {
        // A locked machine drops, so TCP would wait: datagrams show the same at once.
        let targets = Family::ALL.map(|family| Target::new(Protocol::Udp, office(1).address(family), ECHO));
        for attempt in lab.attempts(who, launch, &targets).unwrap() {
            assert!(!attempt.reached(), "{attempt}");
        }
    }
    let sites = |seen: galaf_tests::lab::Seen| -> Vec<_> {
        seen.into_iter()
            .filter(|((address, _), _)| Family::ALL.iter().any(|f| office(1).address(*f) == *address))
            .collect()
    };
    assert_eq!(sites(lab.internet().seen().unwrap()), sites(before), "something left the machine");
    let _server = lab.background(&Identity::ROOT, &[PEER, "serve", "127.0.0.1", "::1"]).unwrap();
    for address in ["127.0.0.1", "::1"] {
        let target = Target::new(Protocol::Tcp, address.parse().unwrap(), ECHO);
        let attempt = lab.attempt(lab.alice(), &[], target).unwrap();
        assert!(attempt.reached(), "{attempt}");
    }
}

#[test]
fn other_tables_stay_as_they_are_through_apply_boot_and_reset() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    fs::write(lab.path("/tmp/foreign.nft"), FOREIGN).unwrap();
    lab.root(&["nft", "-f", "/tmp/foreign.nft"]).unwrap();
    let before = foreign_tables(&lab);
    lab.apply(&config()).unwrap();
    lab.apply(&json!({ "groups": { "editor": null } })).unwrap();
    assert_eq!(foreign_tables(&lab), before, "after apply");
    assert_eq!(galaf_gen(&lab, "boot").code, 0);
    assert_eq!(foreign_tables(&lab), before, "after boot");
    fs::remove_file(lab.path("/var/lib/galaf/galaf.nft")).unwrap();
    assert_eq!(galaf_gen(&lab, "boot").code, 1);
    assert_eq!(foreign_tables(&lab), before, "after a boot that locked");
    assert_eq!(galaf_gen(&lab, "reset").code, 0);
    assert_eq!(foreign_tables(&lab), before, "after reset");
    assert_eq!(table(&lab), None);
}

#[test]
fn boot_brings_back_the_last_good_ruleset() {
    let Some(lab) = lab() else { return };
    let before = table(&lab);
    lab.root(&["nft", "delete", "table", "inet", "galaf"]).unwrap();
    let outcome = galaf_gen(&lab, "boot");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    assert_eq!(table(&lab), before);
    assert_in_force(&lab);
}

#[test]
fn boot_locks_the_machine_when_the_last_good_ruleset_cannot_be_loaded() {
    let Some(lab) = lab() else { return };
    let path = "/var/lib/galaf/galaf.nft";
    let good = fs::read(lab.path(path)).unwrap();
    let broken: [(&str, &str); 4] = [
        ("missing", "rm galaf.nft"),
        ("cut off", "truncate --size=-20 galaf.nft"),
        ("somebody else's", "chown alice galaf.nft"),
        ("writable by others", "chmod 666 galaf.nft"),
    ];
    for (what, script) in broken {
        lab.shell(&format!("nft delete table inet galaf; cd /var/lib/galaf && {script}")).unwrap();
        let outcome = galaf_gen(&lab, "boot");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{what}: {outcome:?}");
        assert!(outcome.stderr.starts_with("galaf-gen: locked: ") && outcome.stderr.contains("'galaf-gen apply'"));
        assert_locked(&lab);
        fs::write(lab.path(path), &good).unwrap();
        lab.shell(&format!("chown root: {path} && chmod 644 {path}")).unwrap();
    }
    // And the way out that it named works.
    assert_eq!(galaf_gen(&lab, "apply").code, 0);
    assert_in_force(&lab);
}

#[test]
fn reset_opens_the_machine_and_says_so() {
    let Some(lab) = lab() else { return };
    let outcome = galaf_gen(&lab, "reset");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert!(outcome.stdout.contains("every program can talk to the network"), "{outcome:?}");
    let plain = tries(&lab, lab.alice(), &[], elsewhere(1));
    assert!(plain.reached(), "{plain}");
    // A second time there is nothing to remove, which is no error.
    assert_eq!(galaf_gen(&lab, "reset").code, 0);
    assert_eq!(galaf_gen(&lab, "apply").code, 0);
    assert_in_force(&lab);
}

#[test]
fn a_bad_file_changes_nothing() {
    let Some(lab) = lab() else { return };
    let bad: [(&str, &str); 6] = [
        ("not JSON", "{"),
        ("an unknown key", r#"{ "groups": { "editor": { "rules": "" } } }"#),
        ("an unknown user", r#"{ "users": { "nobody-of-that-name": { "rule": "" } } }"#),
        ("a group of the system", r#"{ "groups": { "daemon": { "rule": "" } } }"#),
        ("a rule that nft refuses", r#"{ "groups": { "new-one": { "rule": "tcp dport nonsense" } } }"#),
        (
            "a domain twice as long as one can be",
            r#"{ "groups": { "new-one": { "domains": ["LABEL"], "rule": "" } } }"#,
        ),
    ];
    let (rules, mut before) = (table(&lab), files(&lab));
    before.remove("/etc/galaf/galaf.json");
    for (what, text) in bad {
        lab.write_config(&text.replace("LABEL", &"long-label.".repeat(48))).unwrap();
        let outcome = galaf_gen(&lab, "apply");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{what}: {outcome:?}");
        assert!(outcome.stderr.starts_with("galaf-gen: '/etc/galaf/galaf.json' has 1 problem\n"), "{outcome:?}");
        assert_eq!(table(&lab), rules, "{what}");
        assert_eq!(files(&lab), before, "{what}");
    }
    assert_in_force(&lab);
}

#[test]
fn what_nft_says_of_a_rule_is_told_where_the_file_has_it() {
    let Some(lab) = lab() else { return };
    let outcome = lab
        .try_apply(&json!({ "groups": { "editor": { "families": [4, 6], "rule": "tcp dport 7", "rule6": "tcp dport nonsense" } } }))
        .unwrap();
    assert_eq!(outcome.code, 2);
    let place = "/etc/galaf/galaf.json:9:16: /groups/editor/rule6: nft refuses this rule: ";
    assert!(outcome.stderr.contains(place), "{}", outcome.stderr);
}

#[test]
fn a_file_that_others_can_write_is_not_applied() {
    let Some(lab) = lab() else { return };
    let (rules, before) = (table(&lab), files(&lab));
    for (spoil, repair, culprit) in [
        ("chown alice /etc/galaf/galaf.json", "chown root /etc/galaf/galaf.json", "'/etc/galaf/galaf.json' belongs"),
        (
            "chmod 664 /etc/galaf/galaf.json",
            "chmod 644 /etc/galaf/galaf.json",
            "'/etc/galaf/galaf.json' can be written",
        ),
        ("chown alice /etc/galaf", "chown root /etc/galaf", "'/etc/galaf' belongs"),
    ] {
        lab.shell(spoil).unwrap();
        let outcome = galaf_gen(&lab, "apply");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{spoil}: {outcome:?}");
        assert!(outcome.stderr.contains(culprit), "{spoil}: {outcome:?}");
        assert_eq!((table(&lab), files(&lab)), (rules.clone(), before.clone()));
        lab.shell(repair).unwrap();
    }
    assert_eq!(galaf_gen(&lab, "apply").code, 0);
}

#[test]
fn a_second_apply_at_the_same_time_is_refused() {
    let Some(lab) = lab() else { return };
    let hold = ["flock", "/var/lib/galaf/lock", "sh", "-c", "echo ready; exec cat"];
    let holder = lab.background(&Identity::ROOT, &hold).unwrap();
    for command in ["apply", "reset"] {
        let outcome = galaf_gen(&lab, command);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(outcome.stderr.contains("another galaf-gen is at work"), "{outcome:?}");
    }
    assert!(table(&lab).is_some());
    holder.stop().unwrap();
    assert_eq!(galaf_gen(&lab, "apply").code, 0);
}

#[test]
fn an_apply_that_is_killed_leaves_the_old_or_the_new_rules_and_the_next_one_works() {
    let Some(lab) = lab() else { return };
    let mut other = config();
    other["groups"]["editor"]["rule"] = json!("ip daddr 203.0.113.0/24");
    other["groups"]["late"] = json!({ "execv": ["/usr/bin/env", "…"], "rule": "" });
    let old = table(&lab).unwrap();
    lab.apply(&other).unwrap();
    let new = table(&lab).unwrap();
    assert_ne!(old, new);
    let configs = [config(), other];
    let start = Instant::now();
    lab.apply(&configs[1]).unwrap();
    let whole = start.elapsed();
    for round in 0..KILLS {
        lab.write_config(&configs[usize::from(round % 2 == 1)].to_string()).unwrap();
        // From before anything is read to after everything is done.
        let after = format!("{:.4}", 0.001 + whole.as_secs_f64() * f64::from(round) / f64::from(KILLS));
        let outcome = lab.run(&Identity::ROOT, &["timeout", "--signal=KILL", &after, "galaf-gen", "apply"]).unwrap();
        assert!([0, 137].contains(&outcome.code), "{outcome:?}");
        let found = table(&lab).unwrap();
        assert!(
            found == old || found == new,
            "after {after} s neither the old nor the new rules:\n{}",
            found.join("\n")
        );
        let saved = fs::read_to_string(lab.path("/var/lib/galaf/galaf.nft")).unwrap();
        assert!(saved.ends_with("}\n"), "the last good ruleset is cut off");
        assert_eq!(galaf_gen(&lab, "boot").code, 0, "the last good ruleset does not load");
    }
    lab.apply(&configs[0]).unwrap();
    assert_eq!(table(&lab).unwrap(), old);
    assert_in_force(&lab);
}

#[test]
fn groups_get_the_gids_that_render_showed_and_keep_them() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.write_config(&config().to_string()).unwrap();
    lab.root(&["galaf-gen", "render", "--out", "/tmp/out"]).unwrap();
    let rendered = fs::read_to_string(lab.path("/tmp/out/group")).unwrap();
    assert_eq!(rendered.lines().count(), 2, "{rendered}");
    assert_eq!(galaf_gen(&lab, "apply").code, 0);
    let mut more = config();
    more["groups"]["a-first-one"] = json!({ "rule": "" });
    lab.apply(&more).unwrap();
    let groups = fs::read_to_string(lab.path("/etc/group")).unwrap();
    for line in rendered.lines() {
        assert!(groups.lines().any(|group| group == line), "'{line}' is not in /etc/group");
    }
    let third = lab.gid("a-first-one").unwrap();
    assert!(!rendered.contains(&format!(":{third}:")), "{third} was given twice");
}
