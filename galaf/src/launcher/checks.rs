//! Everything that must hold before anything is changed.
//!
//! Launching and explaining run the same list, so that the one does what the other said.

use std::ffi::OsString;

use galaf::id::GidRange;
use galaf::launch::LaunchEntry;

use super::caller::Caller;
use super::failure::Failure;
use super::program;
use galaf::printable::printable;

/// Who wants to launch what.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) caller: &'a Caller,
    pub(super) range: GidRange,
    pub(super) entry: &'a LaunchEntry,
    pub(super) further: &'a [OsString],
}

/// One condition and how it came out.
pub(super) struct Check {
    /// What it is about, in one word.
    pub(super) subject: &'static str,
    /// The finding, if the condition holds.
    pub(super) outcome: Result<String, Failure>,
}

/// Runs every check, whether or not the ones before it held.
pub(super) fn run(request: &Request<'_>) -> Vec<Check> {
    let &Request { caller, range, entry, further } = request;
    let list = [
        ("caller", not_root(caller)),
        ("user", user(caller, entry)),
        ("group", group(range, entry)),
        ("restrictions", restrictions(entry)),
        ("arguments", program::command(entry, further).map(|(_, list)| format!("{} in all", list.len()))),
        ("program", program::check(entry).map(|end| found(entry, &printable(end)))),
        ("capability", capability(caller)),
    ];
    list.into_iter().map(|(subject, outcome)| Check { subject, outcome }).collect()
}

/// The failure that decides.
pub(super) fn first_failure(checks: Vec<Check>) -> Result<(), Failure> {
    checks.into_iter().try_for_each(|check| check.outcome.map(drop))
}

fn not_root(caller: &Caller) -> Result<String, Failure> {
    if caller.is_root() { Err(Failure::Root) } else { Ok(format!("user {} is not root", caller.uid())) }
}

fn user(caller: &Caller, entry: &LaunchEntry) -> Result<String, Failure> {
    match &entry.users {
        None => Ok("everybody may launch it".into()),
        Some(users) if users.contains(&caller.uid()) => Ok(format!("user {} may launch it", caller.uid())),
        Some(_) => Err(Failure::User(caller.uid())),
    }
}

fn group(range: GidRange, entry: &LaunchEntry) -> Result<String, Failure> {
    if !range.contains(entry.gid) {
        return Err(Failure::Group(entry.gid, range));
    }
    Ok(format!("{} lies in {range}", entry.gid))
}

/// Installing a filter without privileges sets no_new_privs as well (seccomp(2)), against the entry's word.
fn restrictions(entry: &LaunchEntry) -> Result<String, Failure> {
    if entry.seccomp && !entry.no_new_privileges {
        return Err(Failure::Restrictions);
    }
    Ok("the entry does not contradict itself".into())
}

fn found(entry: &LaunchEntry, end: &str) -> String {
    let owner = if entry.user_owned { "the entry allows any owner" } else { "only root can change it" };
    format!("{end}: {owner}")
}

fn capability(caller: &Caller) -> Result<String, Failure> {
    if !caller.may_set_groups {
        return Err(Failure::NoCapability(caller.no_new_privileges));
    }
    Ok("CAP_SETGID is effective".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use galaf::id::{GroupId, UserId};

    fn caller() -> Caller {
        Caller {
            uids: [UserId(1000); 3],
            gid: GroupId(1000),
            groups: vec![],
            may_set_groups: true,
            no_new_privileges: false,
        }
    }

    fn entry() -> LaunchEntry {
        LaunchEntry {
            gid: GroupId(30000),
            execv: vec!["/bin/sh".into()],
            users: None,
            env: vec![],
            keep_env: vec![],
            no_new_privileges: true,
            seccomp: true,
            user_owned: false,
        }
    }

    fn failure(caller: &Caller, entry: &LaunchEntry, further: &[OsString]) -> Option<Failure> {
        first_failure(run(&Request { caller, range: GidRange::DEFAULT, entry, further })).err()
    }

    #[test]
    fn a_sound_request_passes() {
        let failure = failure(&caller(), &entry(), &[]);
        assert!(failure.is_none(), "{failure:?}");
    }

    #[test]
    fn root_in_any_of_the_user_ids_is_refused() {
        for at in 0..3 {
            let mut caller = caller();
            caller.uids[at] = UserId::ROOT;
            assert!(matches!(failure(&caller, &entry(), &[]), Some(Failure::Root)), "uid number {at}");
        }
    }

    #[test]
    fn users_are_matched_by_the_real_user_id() {
        let entry = LaunchEntry { users: Some(vec![UserId(1001)]), ..entry() };
        let caller = Caller { uids: [UserId(1000), UserId(1001), UserId(1001)], ..caller() };
        assert!(matches!(failure(&caller, &entry, &[]), Some(Failure::User(UserId(1000)))));
    }

    #[test]
    fn an_empty_list_of_users_is_nobody() {
        let entry = LaunchEntry { users: Some(vec![]), ..entry() };
        assert!(matches!(failure(&caller(), &entry, &[]), Some(Failure::User(_))));
    }

    #[test]
    fn a_group_outside_the_range_is_refused_at_both_ends() {
        for gid in [0, 29999, 60000] {
            let entry = LaunchEntry { gid: GroupId(gid), ..entry() };
            assert!(matches!(failure(&caller(), &entry, &[]), Some(Failure::Group(..))), "gid {gid}");
        }
    }

    #[test]
    fn seccomp_without_no_new_privileges_is_refused() {
        let entry = LaunchEntry { no_new_privileges: false, ..entry() };
        assert!(matches!(failure(&caller(), &entry, &[]), Some(Failure::Restrictions)));
    }

    #[test]
    fn a_program_must_be_an_absolute_path_even_if_the_user_may_own_it() {
        for execv in [vec![], vec!["sh".into()], vec!["bin/sh".into()]] {
            let entry = LaunchEntry { execv, user_owned: true, ..entry() };
            assert!(failure(&caller(), &entry, &[]).is_some(), "{:?}", entry.execv);
        }
    }

    #[test]
    fn an_entry_without_a_place_refuses_further_arguments() {
        assert!(matches!(failure(&caller(), &entry(), &["x".into()]), Some(Failure::FurtherArguments)));
    }
}
