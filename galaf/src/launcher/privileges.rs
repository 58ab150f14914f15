//! From the caller's identity with one capability to the application's with none.

use caps::CapSet;
use galaf::id::GroupId;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{self, Gid};

use super::caller::Caller;
use super::failure::Failure;

/// In this order, so that no set is filled again from one that is still full. The bounding set stays: lowering
/// it takes CAP_SETPCAP (capabilities(7)), and without a privileged program to execute it gives nothing.
const SETS: [CapSet; 4] = [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted];

const STATUS: &str = "/proc/self/status";

/// Takes `target` as the only group of every kind and `supplementary` beside it, gives up every capability, and
/// reads all of it back from the kernel.
pub(super) fn switch(caller: &Caller, target: GroupId, supplementary: &[GroupId]) -> Result<(), Failure> {
    let refused = |what| {
        move |errno| match errno {
            Errno::EPERM => Failure::NoCapability(caller.no_new_privileges),
            _ => Failure::Kernel(what, errno),
        }
    };
    let groups: Vec<Gid> = supplementary.iter().map(|gid| Gid::from_raw(gid.0)).collect();
    unistd::setgroups(&groups).map_err(refused("set the supplementary groups"))?;
    set_every_gid(target).map_err(refused("change to the application's group"))?;
    clear_capabilities()?;
    let status = status()?;
    verify_capabilities(&status)?;
    Identity::read(&status)?.verify(target, supplementary)?;
    refuse_return(caller.gid, target)
}

/// Empties every capability set of this process but the bounding set, and reads them back.
pub(super) fn drop_capabilities() -> Result<(), Failure> {
    clear_capabilities()?;
    verify_capabilities(&status()?)
}

fn clear_capabilities() -> Result<(), Failure> {
    let failed = |error| Failure::Deviation(format!("cannot drop the capabilities: {error}"));
    SETS.into_iter().try_for_each(|set| caps::clear(None, set)).map_err(failed)
}

/// What the kernel says about this process (proc_pid_status(5)).
fn status() -> Result<String, Failure> {
    let bytes = std::fs::read(STATUS).map_err(|error| Failure::Proc(STATUS, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn status_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The kernel's text, not the library that cleared them, says whether the sets are empty.
fn verify_capabilities(status: &str) -> Result<(), Failure> {
    let empty = |name: &&str| u64::from_str_radix(status_field(status, name)?, 16).ok().filter(|&bits| bits == 0);
    match ["CapAmb", "CapInh", "CapEff", "CapPrm"].iter().find(|name| empty(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(Failure::Deviation(format!("the kernel does not show the capability set {name} as empty"))),
    }
}

/// From here on no program executed by this process or its children gains ids or capabilities (prctl(2)).
pub(super) fn set_no_new_privileges() -> Result<(), Failure> {
    prctl::set_no_new_privs().map_err(|errno| Failure::Kernel("set no_new_privs", errno))
}

/// All three at once: a saved id left behind could be taken again without privilege.
fn set_every_gid(gid: GroupId) -> nix::Result<()> {
    let gid = Gid::from_raw(gid.0);
    unistd::setresgid(gid, gid, gid)
}

/// Tries what the application must not be able to do.
fn refuse_return(old: GroupId, target: GroupId) -> Result<(), Failure> {
    if old == target || set_every_gid(old) == Err(Errno::EPERM) {
        return Ok(());
    }
    Err(Failure::Deviation(format!("the way back to group {old} is open")))
}

/// The group ids of this process, as the kernel shows them.
struct Identity {
    /// Real, effective and saved.
    gids: [u32; 3],
    /// The Gid line of /proc/self/status, the only place that shows the file system gid.
    status: Option<[u32; 4]>,
    /// Sorted.
    supplementary: Vec<GroupId>,
}

impl Identity {
    fn read(status: &str) -> Result<Self, Failure> {
        let gids = unistd::getresgid().map_err(|errno| Failure::Kernel("read the group ids back", errno))?;
        let groups =
            unistd::getgroups().map_err(|errno| Failure::Kernel("read the supplementary groups back", errno))?;
        let mut supplementary: Vec<GroupId> = groups.into_iter().map(|gid| GroupId(gid.as_raw())).collect();
        supplementary.sort_unstable();
        Ok(Self {
            gids: [gids.real, gids.effective, gids.saved].map(Gid::as_raw),
            status: gid_line(status),
            supplementary,
        })
    }

    /// Compares with what was asked for. `supplementary` is sorted.
    fn verify(&self, target: GroupId, supplementary: &[GroupId]) -> Result<(), Failure> {
        if self.gids != [target.0; 3] || self.status != Some([target.0; 4]) {
            return Err(Failure::Deviation(format!("not every group id became {target}")));
        }
        if self.supplementary != supplementary {
            return Err(Failure::Deviation("the supplementary groups are not the ones that were set".into()));
        }
        Ok(())
    }
}

/// Real, effective, saved and file system gid out of a status file.
fn gid_line(status: &str) -> Option<[u32; 4]> {
    let line = status_field(status, "Gid")?;
    let gids: Vec<u32> = line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    gids.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gid_line_is_read_and_an_unknown_form_is_not_guessed() {
        assert_eq!(
            gid_line("Name:\tGid:\nUid:\t1\t1\t1\t1\nGid:\t30000\t30000\t30000\t7\n"),
            Some([30000, 30000, 30000, 7])
        );
        assert_eq!(gid_line("Gid:\t1\t1\t1\n"), None);
        assert_eq!(gid_line("Gid:\t1\t1\t1\tx\n"), None);
        assert_eq!(gid_line("Uid:\t1\t1\t1\t1\n"), None);
    }

    #[test]
    fn one_bit_in_one_set_or_a_set_that_is_not_shown_is_a_deviation() {
        let sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"];
        let status = |odd: &str, value: &str| -> String {
            let line = |name: &str| format!("{name}:\t{}\n", if name == odd { value } else { "0000000000000000" });
            sets.into_iter().map(line).collect()
        };
        assert!(verify_capabilities(&status("", "")).is_ok());
        for name in sets {
            for value in ["0000000000000040", "8000000000000000", "", "none"] {
                assert!(verify_capabilities(&status(name, value)).is_err(), "{name} {value}");
            }
            assert!(verify_capabilities(&status("", "").replace(name, "Other")).is_err(), "no {name}");
        }
    }

    fn identity() -> Identity {
        Identity { gids: [30000; 3], status: Some([30000; 4]), supplementary: vec![GroupId(27), GroupId(1000)] }
    }

    fn accepted(identity: &Identity) -> bool {
        identity.verify(GroupId(30000), &[GroupId(27), GroupId(1000)]).is_ok()
    }

    #[test]
    fn one_gid_of_another_value_is_a_deviation() {
        assert!(accepted(&identity()));
        for at in 0..3 {
            let mut identity = identity();
            identity.gids[at] = 1000;
            assert!(!accepted(&identity), "gid number {at}");
        }
        for at in 0..4 {
            let mut identity = identity();
            identity.status.as_mut().unwrap()[at] = 1000;
            assert!(!accepted(&identity), "gid number {at} of the status file");
        }
        assert!(!accepted(&Identity { status: None, ..identity() }));
    }

    #[test]
    fn a_supplementary_group_too_many_or_too_few_is_a_deviation() {
        for groups in [vec![27], vec![27, 1000, 30004], vec![]] {
            let supplementary = groups.into_iter().map(GroupId).collect();
            assert!(!accepted(&Identity { supplementary, ..identity() }));
        }
    }
}
