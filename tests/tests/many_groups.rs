//! A machine with thousands of groups, each of which nft would read for every number of the rules.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use galaf_tests::lab::{Lab, Marking, office};
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

const GROUPS: u32 = 3000;
/// Above those of applications and of people, below those of user namespaces.
const FIRST_GID: u32 = 70_000;
/// The application's. Another group's name looks like it.
const EDITOR: u32 = 31_000;

fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    let mut file = OpenOptions::new().append(true).open(lab.path("/etc/group")).unwrap();
    for number in 0..GROUPS {
        writeln!(file, "other{number}:x:{}:", FIRST_GID + number).unwrap();
    }
    // A rule can name a group only if it is there before the file is judged.
    writeln!(file, "editor:x:{EDITOR}:\nviewer:x:{}:\n{EDITOR}:x:{}:", EDITOR + 1, FIRST_GID + GROUPS).unwrap();
    // What is mounted for nft alone would be everybody's here, if it were mounted in the wrong order.
    lab.shell("mount --make-rshared /").unwrap();
    Some(lab)
}

fn config() -> Value {
    let launched = |rule: &str| json!({ "execv": ["/usr/bin/env", "…"], "rule": rule });
    json!({
        "users": { "bob": { "rule": "meta skgid { \"viewer\", other7 }" } },
        "groups": { "editor": launched(""), "viewer": launched("udp dport 9") }
    })
}

fn reaches(lab: &Lab, who: &Identity, launch: &[&str]) -> bool {
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO);
    lab.attempts(who, launch, &[target]).unwrap().remove(0).reached()
}

#[track_caller]
fn assert_in_force(lab: &Lab) {
    assert!(reaches(lab, lab.alice(), &["galaf", "editor"]));
    assert!(!reaches(lab, lab.alice(), &["galaf", "viewer"]));
    assert!(!reaches(lab, lab.bob(), &[]));
    assert!(reaches(lab, lab.bob(), &["galaf", "viewer"]));
}

#[test]
fn no_group_but_those_that_rules_name_is_looked_at_and_the_machine_keeps_its_own() {
    let Some(lab) = lab() else { return };
    // Read to its end, the file would have the editor's number for the name of another group.
    let before = lab.shell("cat /proc/self/mountinfo; ls -A /tmp").unwrap();
    lab.apply(&config()).unwrap();
    assert_in_force(&lab);
    lab.root(&["galaf-gen", "boot"]).unwrap();
    assert_in_force(&lab);
    assert_eq!(lab.shell("cat /proc/self/mountinfo; ls -A /tmp").unwrap(), before);
    let groups = fs::read_to_string(lab.path("/etc/group")).unwrap();
    assert_eq!(groups.lines().filter(|line| line.starts_with("other")).count(), usize::try_from(GROUPS).unwrap());
}

#[test]
fn where_nothing_can_be_mounted_the_rules_are_loaded_all_the_same() {
    let Some(lab) = lab() else { return };
    lab.shell(&format!("sed -i /^{EDITOR}:/d /etc/group")).unwrap();
    lab.write_config(&serde_json::to_string(&config()).unwrap()).unwrap();
    for command in ["apply", "boot"] {
        lab.root(&["setpriv", "--bounding-set=-sys_admin", "galaf-gen", command]).unwrap();
        assert_in_force(&lab);
    }
}
