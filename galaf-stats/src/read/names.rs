//! Names of users and groups.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use galaf::id::{GroupId, UserId};
use nix::unistd;

use crate::model::{NamedId, Names, User};

/// How long the name services are asked in all. One that does not answer must not hold back the figures.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks `ids` up in `passwd` and `group` of `etc_dir`, then in the name services for as long as `PATIENCE`.
///
/// The files come first since getgrgid(3) reads them from the start for each id: with 60,000 groups that
/// takes 3 ms. The order is that of every distribution's nsswitch.conf. An id nobody knows stays without a name, and
/// so does one whose service fails: the figures matter more.
pub(crate) fn resolve(ids: &BTreeSet<NamedId>, etc_dir: &Path) -> Names {
    resolve_within(PATIENCE, ids, etc_dir)
}

fn resolve_within(patience: Duration, ids: &BTreeSet<NamedId>, etc_dir: &Path) -> Names {
    let mut users = users_of(&text(&etc_dir.join("passwd")));
    let mut groups = groups_of(&text(&etc_dir.join("group")));
    let mut names = Names::default();
    let mut unknown = Vec::new();
    for &id in ids {
        match id {
            NamedId::User(uid) => match users.remove(&uid) {
                Some(user) => drop(names.users.insert(uid, user)),
                None => unknown.push(id),
            },
            NamedId::Group(gid) => match groups.remove(&gid) {
                Some(name) => drop(names.groups.insert(gid, name)),
                None => unknown.push(id),
            },
        }
    }
    let start = Instant::now();
    for id in unknown {
        if start.elapsed() >= patience {
            names.not_asked += 1;
            continue;
        }
        match id {
            NamedId::User(uid) => names.users.extend(ask_user(uid).map(|user| (uid, user))),
            NamedId::Group(gid) => names.groups.extend(ask_group(gid).map(|name| (gid, name))),
        }
    }
    names
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn ask_user(uid: UserId) -> Option<User> {
    let user = unistd::User::from_uid(uid.0.into()).ok()??;
    Some(User { name: user.name, gid: GroupId(user.gid.as_raw()) })
}

fn ask_group(gid: GroupId) -> Option<String> {
    Some(unistd::Group::from_gid(gid.0.into()).ok()??.name)
}

/// passwd(5). Of two lines with one uid the first counts, as with getpwuid(3).
fn users_of(passwd: &str) -> BTreeMap<UserId, User> {
    let mut users = BTreeMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if let (Some(name), _, Some(uid), Some(gid)) =
            (fields.next(), fields.next(), number(fields.next()), number(fields.next()))
        {
            users.entry(UserId(uid)).or_insert_with(|| User { name: name.to_owned(), gid: GroupId(gid) });
        }
    }
    users
}

/// group(5).
fn groups_of(group: &str) -> BTreeMap<GroupId, String> {
    let mut groups = BTreeMap::new();
    for line in group.lines() {
        let mut fields = line.split(':');
        if let (Some(name), _, Some(gid)) = (fields.next(), fields.next(), number(fields.next())) {
            groups.entry(GroupId(gid)).or_insert_with(|| name.to_owned());
        }
    }
    groups
}

fn number(field: Option<&str>) -> Option<u32> {
    field?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_an_id_names_it_and_broken_lines_name_nothing() {
        let users =
            users_of("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n+::::::\nalice:x:1000:100:,,,:/:\nx:1\n\n");
        assert_eq!(users.len(), 2);
        assert_eq!(users[&UserId(0)].name, "root");
        assert_eq!(users[&UserId(1000)], User { name: "alice".to_owned(), gid: GroupId(100) });

        let groups = groups_of("firefox:x:30004:\nbrowser:x:30004:alice\nbad:x:many:\n");
        assert_eq!(groups, [(GroupId(30004), "firefox".to_owned())].into());
    }

    #[test]
    fn an_id_that_the_files_lack_is_asked_of_the_name_services() {
        let ids = [NamedId::User(UserId(0)), NamedId::Group(GroupId(0)), NamedId::Group(GroupId(59_321))].into();
        let names = resolve(&ids, Path::new("/nonexistent"));
        assert_eq!(names.users[&UserId(0)], User { name: "root".to_owned(), gid: GroupId(0) });
        assert_eq!(names.groups, [(GroupId(0), "root".to_owned())].into());
        assert_eq!(names.not_asked, 0);
    }

    #[test]
    fn ids_that_there_was_no_time_to_ask_for_are_counted() {
        let ids = [NamedId::User(UserId(0)), NamedId::Group(GroupId(0))].into();
        let names = resolve_within(Duration::ZERO, &ids, Path::new("/nonexistent"));
        assert_eq!((names.users.len(), names.groups.len(), names.not_asked), (0, 0, 2));
        let names = resolve_within(Duration::ZERO, &ids, Path::new("/etc"));
        assert_eq!((names.users.len(), names.groups.len(), names.not_asked), (1, 1, 0), "files need no patience");
    }
}
