//! A gid for every application.

use std::collections::{BTreeMap, BTreeSet};

use galaf::config::{Config, Entry};
use galaf::id::{GidRange, GroupId};
use galaf::json::JsonPath;
use galaf::name::Name;

use super::Messages;
use crate::accounts::{Accounts, Group};
use crate::groups::routing::FwMark;
use crate::policy::NewGroup;

/// Who has which gid.
pub(super) struct Allocation {
    pub(super) gids: BTreeMap<Name, GroupId>,
    pub(super) new_groups: Vec<NewGroup>,
}

/// Keeps the gid of a group that is there and gives the others the lowest free ones, in the order of their names.
pub(super) fn allocate(config: &Config, accounts: &Accounts, problems: &mut Messages) -> Allocation {
    let mut taken: BTreeSet<GroupId> = accounts.groups.values().map(|group| group.gid).collect();
    taken.extend(accounts.users.values().map(|user| user.gid));
    let mut lowest_free: BTreeMap<GroupId, GroupId> = BTreeMap::new();
    let mut allocation = Allocation { gids: BTreeMap::new(), new_groups: Vec::new() };
    for (name, entry) in &config.groups {
        let range = entry.gid_range.unwrap_or(config.settings.gid_range);
        let outcome = match accounts.groups.get(name.as_str()) {
            Some(group) => existing(name, group, range, accounts),
            None => free(range, &accounts.routed_marks, &mut taken, &mut lowest_free).inspect(|&gid| {
                allocation.new_groups.push(NewGroup { name: name.clone(), gid });
            }),
        };
        match outcome {
            Ok(gid) => {
                allocation.gids.insert(name.clone(), gid);
            }
            Err(message) => problems.push((path(name, entry), message)),
        }
    }
    allocation
}

fn path(name: &Name, entry: &Entry) -> JsonPath {
    let at = JsonPath::root().key("groups").key(name.as_str());
    if entry.gid_range.is_some() { at.key("gid_range") } else { at }
}

/// A group that is there must be an application's and nobody's beside: whoever is a member has its grants without the launcher.
fn existing(name: &Name, group: &Group, range: GidRange, accounts: &Accounts) -> Result<GroupId, String> {
    if !range.contains(group.gid) {
        return Err(format!(
            "the group '{name}' is there with gid {}, outside {range}; choose another name",
            group.gid
        ));
    }
    if let Some(member) = group.members.first() {
        return Err(format!(
            "the group '{name}' has the member '{member}', who has its grants in every program; remove it with 'gpasswd -d {member} {name}'"
        ));
    }
    if let Some((user, _)) = accounts.users.iter().find(|(_, user)| user.gid == group.gid) {
        return Err(format!("the group '{name}' is the login group of '{user}', who has its grants in every program"));
    }
    Ok(group.gid)
}

fn free(
    range: GidRange,
    routed_marks: &[FwMark],
    taken: &mut BTreeSet<GroupId>,
    lowest_free: &mut BTreeMap<GroupId, GroupId>,
) -> Result<GroupId, String> {
    let start = lowest_free.get(&range.min).copied().unwrap_or(range.min);
    let gid = (start.0..=range.max.0)
        .map(GroupId)
        // An application whose mark a VPN routes by would leave by the VPN, or pass it by.
        .find(|gid| !taken.contains(gid) && !routed_marks.iter().any(|rule| rule.can_meet(*gid)))
        .ok_or_else(|| format!("no gid of {range} is free"))?;
    taken.insert(gid);
    lowest_free.insert(range.min, gid);
    Ok(gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gid_whose_mark_other_software_routes_by_is_passed_over() {
        let range = GidRange { min: GroupId(30214), max: GroupId(30218) };
        // Tailscale's rule; 30216 is 0x7608.
        let routed = [FwMark { mark: 0x80000, mask: 0xff0000, priority: 5210 }];
        let (mut taken, mut lowest_free) = ([GroupId(30215)].into(), BTreeMap::new());
        let mut next = || free(range, &routed, &mut taken, &mut lowest_free).map(|gid| gid.0);
        assert_eq!((next(), next(), next()), (Ok(30214), Ok(30217), Ok(30218)));
        assert!(next().is_err());
    }
}
