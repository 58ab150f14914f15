//! A list of them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use galaf::id::{GidRange, GroupId};
use serde_json::{Value, json};

use super::routing::FwMark;
use crate::accounts::Accounts;

/// What shadow takes where login.defs(5) says nothing.
const GID_MAX: u32 = 60000;

/// A group in the range of applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its id.
    pub gid: GroupId,
    /// Members, and users whose login group it is: there should be none.
    pub members: Vec<String>,
    /// Whether the file has an entry of this name.
    pub in_file: bool,
    /// How many processes run with it.
    pub processes: usize,
}

/// All of them, sorted by gid, and what a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    range: GidRange,
    groups: Vec<Listed>,
    warnings: Vec<String>,
}

/// What it is made of.
pub struct Sources<'a> {
    /// The machine's.
    pub accounts: &'a Accounts,
    /// The range of applications.
    pub range: GidRange,
    /// The entries of the file.
    pub in_file: &'a BTreeSet<String>,
    /// Processes by group.
    pub processes: &'a BTreeMap<GroupId, Vec<u32>>,
    /// The text of login.defs(5).
    pub login_defs: &'a str,
}

impl Inventory {
    /// Takes stock.
    pub fn of(sources: &Sources<'_>) -> Self {
        let &Sources { accounts, range, .. } = sources;
        let in_range = accounts.groups.iter().filter(|(_, group)| range.contains(group.gid));
        let mut groups: Vec<Listed> = in_range
            .map(|(name, group)| {
                let login = accounts.users.iter().filter(|(_, user)| user.gid == group.gid).map(|(name, _)| name);
                Listed {
                    name: name.clone(),
                    gid: group.gid,
                    members: group.members.iter().chain(login).cloned().collect(),
                    in_file: sources.in_file.contains(name),
                    processes: sources.processes.get(&group.gid).map_or(0, Vec::len),
                }
            })
            .collect();
        groups.sort_by_key(|group| group.gid);
        let warnings = warnings(sources, &groups);
        Self { range, groups, warnings }
    }

    /// What a person should know, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let group = |group: &Listed| {
            json!({
                "name": group.name,
                "gid": group.gid.0,
                "members": group.members,
                "in_file": group.in_file,
                "processes": group.processes,
            })
        };
        json!({
            "version": 1,
            "gid_range": [self.range.min.0, self.range.max.0],
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
            "warnings": self.warnings,
        })
    }

    /// A table.
    pub fn to_table(&self) -> String {
        let width = self.groups.iter().map(|group| group.name.len()).max().unwrap_or(0).max("GROUP".len());
        let mut table = format!("{:<width$}  {:>5}  FILE  PROCESSES  MEMBERS\n", "GROUP", "GID");
        for group in &self.groups {
            let in_file = if group.in_file { "yes" } else { "no" };
            let members = if group.members.is_empty() { "-".to_owned() } else { group.members.join(",") };
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "{:<width$}  {:>5}  {in_file:<4}  {:>9}  {members}",
                group.name, group.gid, group.processes
            );
        }
        table
    }
}

fn warnings(sources: &Sources<'_>, groups: &[Listed]) -> Vec<String> {
    let &Sources { accounts, range, .. } = sources;
    let mut warnings = Vec::new();
    for group in groups {
        let Listed { name, gid, .. } = group;
        if !group.members.is_empty() {
            let members = group.members.join("', '");
            warnings.push(format!("'{name}' has the member '{members}', who has its grants in every program"));
        }
        if !group.in_file {
            warnings.push(format!(
                "'{name}' is no application of the file; 'galaf-gen groups delete {name}' removes the group and its hold on files"
            ));
        }
        for rule in accounts.routed_marks.iter().filter(|rule: &&FwMark| rule.can_meet(*gid)) {
            warnings.push(format!(
                "packets of '{name}' can be routed by 'ip rule' {}, which selects {:#x}/{:#x}; give it another gid with 'groups delete' and an apply",
                rule.priority, rule.mark, rule.mask
            ));
        }
    }
    for ids in accounts.subgids.iter().filter(|ids| ids.overlaps(range.min.0, range.max.0)) {
        warnings.push(format!(
            "/etc/subgid gives {}-{} to '{}', who can take the gid of any application there",
            ids.first, ids.last, ids.owner
        ));
    }
    let gid_max = gid_max(sources.login_defs);
    if gid_max >= range.min.0 && groups.iter().any(|group| group.gid.0 <= gid_max) {
        warnings.push(format!(
            "a plain groupadd(8) gives its groups gids behind those of applications (GID_MAX is {gid_max}); \
             the line 'GID_MAX {}' in /etc/login.defs keeps them below",
            range.min.0 - 1
        ));
    }
    warnings
}

/// The last line counts, and what stands behind `#` does not.
fn gid_max(login_defs: &str) -> u32 {
    let value = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == "GID_MAX").then(|| words.next()?.parse().ok())?
    };
    login_defs.lines().filter_map(value).next_back().unwrap_or(GID_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Files;

    fn inventory(group: &str, subgid: &str, login_defs: &str, routed: &[FwMark]) -> Inventory {
        let passwd = "root:x:0:0::/:/bin/sh\nalex:x:1000:30002::/:/bin/sh\n";
        let mut accounts = Accounts::parse(&Files { passwd, group, subgid, ..Files::default() });
        accounts.routed_marks = routed.to_vec();
        Inventory::of(&Sources {
            accounts: &accounts,
            range: GidRange::DEFAULT,
            in_file: &["git".to_owned()].into(),
            processes: &[(GroupId(30000), vec![1, 2])].into(),
            login_defs,
        })
    }

    const LOGIN_DEFS: &str = "# GID_MAX 1\nGID_MIN 1000\nGID_MAX\t29999\n";

    #[test]
    fn groups_of_the_range_are_listed_and_others_are_not() {
        let inventory = inventory("git:x:30000:\naudio:x:29:alex\n", "alex:100000:65536\n", LOGIN_DEFS, &[]);
        assert_eq!(inventory.to_table(), "GROUP    GID  FILE  PROCESSES  MEMBERS\ngit    30000  yes           2  -\n");
        assert_eq!(inventory.warnings(), [""; 0]);
        assert_eq!(inventory.to_json()["groups"][0]["processes"], 2);
    }

    #[test]
    fn whatever_gives_an_applications_group_to_others_is_told() {
        let groups = "git:x:30000:alex,sam\nold:x:30001:\nlogin:x:30002:\n";
        let rule = FwMark { mark: 0x10000, mask: 0xf0000, priority: 77 };
        let inventory = inventory(groups, "sam:59999:2\n", "", &[rule]);
        let warnings = inventory.warnings();
        for expected in [
            "'git' has the member 'alex', 'sam'",
            "'login' has the member 'alex'",
            "'old' is no application of the file",
            "packets of 'old' can be routed by 'ip rule' 77",
            "/etc/subgid gives 59999-60000 to 'sam'",
            "the line 'GID_MAX 29999' in /etc/login.defs",
        ] {
            assert_eq!(warnings.iter().filter(|it| it.contains(expected)).count(), 1, "{expected}: {warnings:#?}");
        }
        assert_eq!(warnings.len(), 7, "{warnings:#?}");
    }
}
