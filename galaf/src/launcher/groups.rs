//! The supplementary groups of an application.

use galaf::id::{GidRange, GroupId};

use super::caller::Caller;

/// The caller's groups, parted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Groups {
    /// Sorted, without repetition.
    pub(super) kept: Vec<GroupId>,
    /// Groups of other applications.
    pub(super) dropped: Vec<GroupId>,
}

/// Keeps what gives access to files and devices, the caller's primary group included, and drops every
/// application group: whoever is in one may give a file to it and set that file's setgid bit (chmod(2)).
pub(super) fn supplementary(caller: &Caller, range: GidRange) -> Groups {
    let mut all = caller.groups.clone();
    all.push(caller.gid);
    all.sort_unstable();
    all.dedup();
    let (dropped, kept) = all.into_iter().partition(|&gid| range.contains(gid));
    Groups { kept, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use galaf::id::UserId;

    fn parted(gid: u32, groups: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let caller = Caller {
            uids: [UserId(1000); 3],
            gid: GroupId(gid),
            groups: groups.iter().copied().map(GroupId).collect(),
            may_set_groups: true,
            no_new_privileges: false,
        };
        let groups = supplementary(&caller, GidRange { min: GroupId(30000), max: GroupId(59999) });
        let numbers = |list: Vec<GroupId>| list.into_iter().map(|gid| gid.0).collect();
        (numbers(groups.kept), numbers(groups.dropped))
    }

    #[test]
    fn the_old_primary_group_joins_and_application_groups_leave() {
        assert_eq!(
            parted(1000, &[100, 27, 30000, 59999, 60000, 29999]),
            (vec![27, 100, 1000, 29999, 60000], vec![30000, 59999])
        );
    }

    #[test]
    fn an_application_that_launches_another_does_not_pass_its_own_group_on() {
        assert_eq!(parted(30004, &[1000]), (vec![1000], vec![30004]));
    }

    #[test]
    fn a_group_listed_twice_is_kept_once() {
        assert_eq!(parted(1000, &[1000, 27, 27]), (vec![27, 1000], vec![]));
    }
}
