//! Who called.

use caps::{CapSet, Capability};
use galaf::id::{GroupId, UserId};
use nix::sys::prctl;
use nix::unistd;

use super::failure::Failure;

/// The identity this process came with.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Real, effective and saved user id.
    pub(super) uids: [UserId; 3],
    /// The real group id: the caller's primary group.
    pub(super) gid: GroupId,
    /// The supplementary groups, as the kernel lists them.
    pub(super) groups: Vec<GroupId>,
    /// Whether `CAP_SETGID` is effective.
    pub(super) may_set_groups: bool,
    /// Whether `PR_SET_NO_NEW_PRIVS` is in force.
    pub(super) no_new_privileges: bool,
}

impl Caller {
    pub(super) fn read() -> Result<Self, Failure> {
        let uids = unistd::getresuid().map_err(|errno| Failure::Kernel("read the user ids", errno))?;
        let gids = unistd::getresgid().map_err(|errno| Failure::Kernel("read the group ids", errno))?;
        let groups = unistd::getgroups().map_err(|errno| Failure::Kernel("read the supplementary groups", errno))?;
        let no_new_privileges =
            prctl::get_no_new_privs().map_err(|errno| Failure::Kernel("read no_new_privs", errno))?;
        let may_set_groups = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETGID)
            .map_err(|error| Failure::Deviation(format!("cannot read the capabilities: {error}")))?;
        Ok(Self {
            uids: [uids.real, uids.effective, uids.saved].map(|uid| UserId(uid.as_raw())),
            gid: GroupId(gids.real.as_raw()),
            groups: groups.into_iter().map(|gid| GroupId(gid.as_raw())).collect(),
            may_set_groups,
            no_new_privileges,
        })
    }

    /// The real user id: whoever started this process.
    pub(super) fn uid(&self) -> UserId {
        self.uids[0]
    }

    /// Whether any user id is root's. A setuid program that came here could take root back.
    pub(super) fn is_root(&self) -> bool {
        self.uids.contains(&UserId::ROOT)
    }
}
