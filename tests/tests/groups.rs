//! The groups of applications: listed, renamed, deleted.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::MetadataExt;

use galaf_tests::lab::{Lab, Marking, office};
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

/// A part of the range that no file of the machine has.
const RANGE: [u32; 2] = [58_990, 58_999];

fn config(applications: &[&str]) -> Value {
    let entry = json!({ "execv": ["/usr/bin/env", "…"], "rule": "" });
    let groups: serde_json::Map<String, Value> =
        applications.iter().map(|name| ((*name).to_owned(), entry.clone())).collect();
    json!({ "config": { "gid_range": RANGE }, "groups": groups })
}

fn lab(applications: &[&str]) -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    // Files are searched for everywhere. What is not the laboratory's own must stay as it is, whatever happens.
    lab.shell("mount -o remount,bind,ro /").unwrap();
    lab.apply(&config(applications)).unwrap();
    Some(lab)
}

fn galaf_gen(lab: &Lab, args: &[&str]) -> Outcome {
    lab.run(&Identity::ROOT, &[&["galaf-gen"], args].concat()).unwrap()
}

fn succeeds(lab: &Lab, args: &[&str]) -> String {
    galaf_gen(lab, args).success().unwrap()
}

fn gid_of(lab: &Lab, path: &str) -> u32 {
    fs::symlink_metadata(lab.path(path)).unwrap().gid()
}

#[test]
fn the_list_tells_what_gives_an_applications_gid_to_others_and_its_advice_helps() {
    let Some(lab) = lab(&["editor", "post"]) else { return };
    lab.apply(&config(&["editor"])).unwrap();
    lab.shell("gpasswd -a bob post; sed -i '/^GID_MAX/d' /etc/login.defs").unwrap();
    let outcome = galaf_gen(&lab, &["groups", "list"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for expected in
        ["'post' has the member 'bob'", "'post' is no application", "the line 'GID_MAX 58989' in /etc/login.defs"]
    {
        assert!(outcome.stderr.contains(expected), "{expected}: {outcome:?}");
    }
    let running = lab.background(lab.alice(), &["galaf", "editor", "sh", "-c", "echo ready; exec cat"]).unwrap();
    let listed: Value = serde_json::from_str(&succeeds(&lab, &["groups", "list", "--json"])).unwrap();
    drop(running);
    let editor = json!({ "name": "editor", "gid": 58_990, "members": [], "in_file": true, "processes": 1 });
    assert_eq!(listed["groups"][0], editor);
    assert_eq!(listed["groups"][1]["members"], json!(["bob"]));

    lab.shell("echo 'GID_MAX 58989' >> /etc/login.defs; groupadd ordinary").unwrap();
    let gid = lab.gid("ordinary").unwrap().0;
    assert!(gid < RANGE[0], "{gid}");
    assert!(!galaf_gen(&lab, &["groups", "list"]).stderr.contains("GID_MAX"));
}

#[test]
fn an_application_is_not_given_a_gid_whose_mark_a_vpn_routes_by() {
    let Some(lab) = lab(&[]) else { return };
    // 58990 is 0xe66e.
    lab.shell("ip rule add pref 77 fwmark 0xe66e0000/0xffff0000 table main").unwrap();
    lab.shell("ip -6 rule add pref 78 fwmark 0xe66f0000/0xffff0000 table main").unwrap();
    lab.apply(&config(&["editor"])).unwrap();
    assert_eq!(lab.gid("editor").unwrap().0, 58_992);
    lab.shell("ip rule add pref 79 fwmark 0xe6700000/0xfff00000 table main").unwrap();
    let outcome = galaf_gen(&lab, &["groups", "list"]);
    assert!(!outcome.stderr.contains("'ip rule' 77"), "{outcome:?}");
    lab.shell("ip rule add pref 80 fwmark 0xe6700000/0xffff0000 table main").unwrap();
    let outcome = galaf_gen(&lab, &["groups", "list"]);
    assert!(outcome.stderr.contains("packets of 'editor' can be routed by 'ip rule' 80"), "{outcome:?}");
}

#[test]
fn a_group_with_another_name_keeps_gid_files_and_grants() {
    let Some(lab) = lab(&["editor", "post"]) else { return };
    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1", "--comment", "kept"]);
    let gid = lab.gid("editor").unwrap();
    let taken = galaf_gen(&lab, &["groups", "rename", "editor", "post"]);
    assert!(taken.code == 1 && taken.stderr.contains("'post' already"), "{taken:?}");
    for (old, new, reason) in
        [("root", "x", "outside 58990-58999"), ("none", "x", "no group"), ("editor", "a b", "'a b'")]
    {
        let outcome = galaf_gen(&lab, &["groups", "rename", old, new]);
        assert!(outcome.code == 1 && outcome.stderr.contains(reason), "{outcome:?}");
    }
    let printed = succeeds(&lab, &["groups", "rename", "editor", "writer"]);
    assert!(printed.contains("now rename the entry 'editor'"), "{printed}");
    let printed = lab.apply(&config(&["writer", "post"])).unwrap();
    assert!(!printed.contains("groups "), "{printed}");
    assert_eq!(lab.gid("writer").unwrap(), gid);
    assert!(lab.root(&["nft", "list", "chain", "inet", "galaf", "app_writer"]).unwrap().contains("kept"));
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO);
    assert!(lab.attempts(lab.alice(), &["galaf", "writer"], &[target]).unwrap()[0].reached());
}

#[test]
fn a_deleted_group_leaves_no_file_to_the_next_one_with_its_gid() {
    let Some(lab) = lab(&["editor"]) else { return };
    let alice = lab.alice().gid.0;
    let gid = lab.gid("editor").unwrap().0;
    lab.shell(&format!(
        "cd /home/alice; mkdir -p 'a\nb/deep'; cp /bin/true setgid; touch 'a\nb/deep/file' orphan bystander target; ln -s target link\n\
         chown -R -h alice:alice . ; chgrp -h {gid} . setgid 'a\nb/deep/file' link orphan; chown 4242 orphan; chmod 2755 setgid"
    ))
    .unwrap();
    let in_file = galaf_gen(&lab, &["groups", "delete", "editor"]);
    assert!(in_file.code == 1 && in_file.stderr.contains("remove it there"), "{in_file:?}");
    let running = lab.background(lab.alice(), &["galaf", "editor", "sh", "-c", "echo ready; exec cat"]).unwrap();
    lab.apply(&config(&[])).unwrap();
    let in_use = galaf_gen(&lab, &["groups", "delete", "editor"]);
    assert!(in_use.code == 1 && in_use.stderr.contains("1 process runs with the group 'editor'"), "{in_use:?}");
    drop(running);

    let printed = succeeds(&lab, &["groups", "delete", "editor", "--dry-run"]);
    assert!(
        printed.contains("'/home/alice/a\\nb/deep/file' would get gid") && printed.contains("would change 5 files"),
        "{printed}"
    );
    assert_eq!(gid_of(&lab, "/home/alice/setgid"), gid);

    let printed = succeeds(&lab, &["groups", "delete", "editor"]);
    assert!(printed.starts_with("changed 5 files of ") && printed.contains("deleted the group 'editor'"), "{printed}");
    for (path, expected) in [("", alice), ("setgid", alice), ("a\nb/deep/file", alice), ("link", alice), ("orphan", 0)]
    {
        assert_eq!(gid_of(&lab, &format!("/home/alice/{path}")), expected, "{path:?}");
    }
    assert_eq!(fs::metadata(lab.path("/home/alice/setgid")).unwrap().mode() & 0o7000, 0, "it would run with her group");
    assert!(lab.gid("editor").is_err());
}

#[test]
fn a_link_of_the_group_is_changed_itself_and_not_what_it_leads_to() {
    let Some(lab) = lab(&["editor"]) else { return };
    let gid = lab.gid("editor").unwrap().0;
    lab.apply(&config(&[])).unwrap();
    lab.shell(&format!("touch /var/lib/secret; chgrp daemon /var/lib/secret; cd /home/alice; ln -s /var/lib/secret link; chown -h alice:{gid} link")).unwrap();
    let daemon = gid_of(&lab, "/var/lib/secret");
    succeeds(&lab, &["groups", "delete", "editor"]);
    assert_eq!(gid_of(&lab, "/var/lib/secret"), daemon);
    assert_eq!(gid_of(&lab, "/home/alice/link"), lab.alice().gid.0);
}

#[test]
fn a_group_whose_files_cannot_all_be_changed_stays() {
    let Some(lab) = lab(&["editor"]) else { return };
    let gid = lab.gid("editor").unwrap().0;
    lab.apply(&config(&[])).unwrap();
    lab.shell(&format!(
        "mkdir /home/medium; mount -t tmpfs tmpfs /home/medium; touch /home/medium/file; chgrp {gid} /home/medium/file; mount -o remount,ro /home/medium"
    ))
    .unwrap();
    let outcome = galaf_gen(&lab, &["groups", "delete", "editor"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("'/home/medium/file': read-only file system"), "{outcome:?}");
    assert_eq!(lab.gid("editor").unwrap().0, gid);
}

#[test]
fn somebody_who_nests_folders_without_end_is_named_and_breaks_nothing() {
    let Some(lab) = lab(&["editor"]) else { return };
    lab.apply(&config(&[])).unwrap();
    lab.shell("cd /home/alice; for i in $(seq 1200); do mkdir d; cd d; done").unwrap();
    // As many files as it likes: its own limit must hold, not the system's.
    let outcome =
        lab.run(&Identity::ROOT, &["prlimit", "--nofile=8192", "galaf-gen", "groups", "delete", "editor"]).unwrap();
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("cannot see to '/home/alice/d/d/"), "{outcome:?}");
    assert!(outcome.stderr.contains("/d': file name too long"), "{outcome:?}");
    lab.shell("rm -rf /home/alice/d").unwrap();
    succeeds(&lab, &["groups", "delete", "editor"]);
}
