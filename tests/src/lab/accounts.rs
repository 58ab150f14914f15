//! The people of the workstation.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use galaf::id::GidRange;

use super::namespace::Namespaces;
use crate::run::Identity;

/// Accounts of daemons that the firewall has rules for; not every machine has them.
const DAEMONS: [&str; 2] = ["dnsmasq", "systemd-network"];
/// As useradd(8) gives them to the first user of a machine.
const SUBORDINATE_IDS: &str = "alice:100000:65536\n";
/// Where ids for people begin.
const FIRST_ID: u32 = 1001;

/// Who is there beside root.
pub(super) struct People {
    pub(super) alice: Identity,
    pub(super) bob: Identity,
}

/// Adds them. What the host's files say of names and ids that the tests use is left out.
pub(super) fn add(namespaces: &Namespaces) -> Result<People> {
    let read = |name: &str| fs::read_to_string(namespaces.path(&format!("/etc/{name}")));
    let mut passwd = without(&read("passwd")?, |name, _| ["alice", "bob"].contains(&name));
    let mut group = without(&read("group")?, |name, gid| {
        ["alice", "bob"].contains(&name) || GidRange::DEFAULT.contains(galaf::id::GroupId(gid))
    });
    let taken: BTreeSet<u32> = passwd.lines().chain(group.lines()).filter_map(third_field).collect();
    let mut free = (FIRST_ID..).filter(|id| !taken.contains(id));
    let mut next = || free.next().context("no id is free");

    let mut person = |name: &str| -> Result<Identity> {
        let id = next()?;
        passwd.push_str(&format!("{name}:x:{id}:{id}::/home/{name}:/bin/sh\n"));
        group.push_str(&format!("{name}:x:{id}:\n"));
        Ok(Identity::new(id, id))
    };
    let people = People { alice: person("alice")?, bob: person("bob")? };
    for daemon in DAEMONS {
        if !passwd.lines().any(|line| line.starts_with(&format!("{daemon}:"))) {
            passwd.push_str(&format!("{daemon}:x:{}:65534::/:/usr/sbin/nologin\n", next()?));
        }
    }

    for (name, text) in
        [("passwd", passwd.as_str()), ("group", &group), ("subuid", SUBORDINATE_IDS), ("subgid", SUBORDINATE_IDS)]
    {
        fs::write(namespaces.path(&format!("/etc/{name}")), text)?;
    }
    // The host's own galaf is not the one under test, and its resolver is out of reach; its link may lead out of /etc.
    namespaces.shell(
        "rm -rf /etc/galaf /etc/resolv.conf\n\
         echo 'nameserver 127.0.0.1' > /etc/resolv.conf\n\
         for name in alice bob; do install -d -o $name -g $name /home/$name; done",
    )?;
    Ok(people)
}

fn without(text: &str, leave_out: impl Fn(&str, u32) -> bool) -> String {
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !leave_out(name, third_field(line).unwrap_or(u32::MAX))
    };
    text.lines().filter(is_kept).fold(String::new(), |kept, line| kept + line + "\n")
}

/// The uid of a line of passwd(5), the gid of one of group(5).
fn third_field(line: &str) -> Option<u32> {
    line.split(':').nth(2)?.parse().ok()
}
