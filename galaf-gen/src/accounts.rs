//! Users, groups and subordinate ids of a machine, from the files of passwd(5), group(5) and subgid(5).

use std::collections::BTreeMap;

use galaf::id::{GroupId, UserId};

use crate::groups::routing::FwMark;

/// What the files say. Lines that are not of their form are passed over, as the C library does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// By name.
    pub users: BTreeMap<String, User>,
    /// By name.
    pub groups: BTreeMap<String, Group>,
    /// From `/etc/subuid`.
    pub subuids: Vec<SubIds>,
    /// From `/etc/subgid`.
    pub subgids: Vec<SubIds>,
    /// Ports by name and protocol, from services(5).
    pub services: Services,
    /// Marks that other software routes by; none where it is not this machine's file.
    pub routed_marks: Vec<FwMark>,
}

/// Ports by name and protocol.
pub type Services = BTreeMap<(String, String), u16>;

/// A line of passwd(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub uid: UserId,
    /// The group the user logs in with.
    pub gid: GroupId,
}

/// A line of group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub gid: GroupId,
    /// Names of its members beside those whose login group it is.
    pub members: Vec<String>,
}

/// Ids that an ordinary user may take in a user namespace of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubIds {
    /// Name or id of the user.
    pub owner: String,
    /// First id.
    pub first: u32,
    /// Last id.
    pub last: u32,
}

impl SubIds {
    /// Whether any id of `first..=last` is among them.
    pub fn overlaps(&self, first: u32, last: u32) -> bool {
        self.first <= last && first <= self.last
    }
}

/// The texts of the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files<'a> {
    /// passwd(5).
    pub passwd: &'a str,
    /// group(5).
    pub group: &'a str,
    /// subuid(5).
    pub subuid: &'a str,
    /// subgid(5).
    pub subgid: &'a str,
    /// services(5).
    pub services: &'a str,
}

impl Accounts {
    /// Reads the texts of the files.
    pub fn parse(files: &Files<'_>) -> Self {
        let Files { passwd, group, subuid, subgid, services } = files;
        Self {
            users: passwd.lines().filter_map(user).collect(),
            groups: group.lines().filter_map(self::group).collect(),
            subuids: subuid.lines().filter_map(sub_ids).collect(),
            subgids: subgid.lines().filter_map(sub_ids).collect(),
            // The first line of a name wins, as for getservbyname(3).
            services: services.lines().rev().flat_map(service).collect(),
            routed_marks: Vec::new(),
        }
    }
}

fn user(line: &str) -> Option<(String, User)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((name.to_owned(), User { uid: UserId(uid), gid: GroupId(gid) }))
}

fn group(line: &str) -> Option<(String, Group)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next().unwrap_or_default();
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some((name.to_owned(), Group { gid: GroupId(gid), members }))
}

/// A line has a name, `PORT/PROTOCOL`, further names, and a comment.
fn service(line: &str) -> Vec<((String, String), u16)> {
    let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
    let (Some(name), Some((port, protocol))) = (words.next(), words.next().and_then(|word| word.split_once('/')))
    else {
        return Vec::new();
    };
    let Ok(port) = port.parse() else { return Vec::new() };
    std::iter::once(name).chain(words).map(|name| ((name.to_owned(), protocol.to_owned()), port)).collect()
}

fn sub_ids(line: &str) -> Option<SubIds> {
    let mut fields = line.split(':');
    let owner = fields.next()?;
    let first: u32 = fields.next()?.parse().ok()?;
    let count: u32 = fields.next()?.parse().ok()?;
    let last = first.saturating_add(count.checked_sub(1)?);
    Some(SubIds { owner: owner.to_owned(), first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_debian_system_are_read() {
        let accounts = Accounts::parse(&Files {
            passwd: "root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\nbroken\n+::::::\n",
            group: "root:x:0:\naudio:x:29:pulse,alex\n",
            subuid: "alex:100000:65536\n",
            subgid: "alex:100000:65536\nempty:1:0\n",
            services: "# comment\ndomain\t53/tcp\ndomain 53/udp\nhttp 80/tcp www # web\nhttp 81/tcp\n",
        });
        let service =
            |name: &str, protocol: &str| accounts.services.get(&(name.to_owned(), protocol.to_owned())).copied();
        assert_eq!(service("domain", "udp"), Some(53));
        assert_eq!(service("www", "tcp"), Some(80));
        assert_eq!(service("http", "tcp"), Some(80));
        assert_eq!(service("http", "udp"), None);
        assert_eq!(accounts.users["_apt"], User { uid: UserId(42), gid: GroupId(65534) });
        assert_eq!(accounts.users.len(), 2);
        assert_eq!(accounts.groups["audio"].members, ["pulse", "alex"]);
        assert_eq!(accounts.groups["root"].members, Vec::<String>::new());
        assert_eq!(accounts.subgids, [SubIds { owner: "alex".into(), first: 100_000, last: 165_535 }]);
    }

    #[test]
    fn ranges_overlap_when_they_share_an_id() {
        let ids = SubIds { owner: String::new(), first: 100, last: 199 };
        assert!(ids.overlaps(199, 300) && ids.overlaps(0, 100) && ids.overlaps(150, 160) && ids.overlaps(0, 1000));
        assert!(!ids.overlaps(200, 300) && !ids.overlaps(0, 99));
    }
}
