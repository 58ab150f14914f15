//! A machine with few groups, for `nft`.
//!
//! nft takes each number of a group for a name first, and getgrnam(3) reads `/etc/group` to its end before it knows that
//! there is none. With the groups of thousands of applications in the file, a load would take the square of their number.

use std::collections::BTreeSet;
use std::{fs, io, thread};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

const GROUP: &str = "/etc/group";
/// From this many on it pays: the namespace takes some milliseconds to make and to leave.
const MANY: usize = 200;
/// A folder that every machine has. It is covered only while the file is written.
const FOLDER: &str = "/tmp";
/// What no name has in it.
const BETWEEN_NAMES: [char; 15] = [' ', '\t', ',', '{', '}', '"', '!', '=', '<', '>', '(', ')', '|', '&', '^'];
const FILE: &str = "/tmp/group";

/// Where there are many groups, the children of `work` have an `/etc/group` with those alone that `ruleset` names; nobody
/// else has. Without `CAP_SYS_ADMIN`, as in a unit that restricts namespaces, and in a chroot they have the machine's.
pub(super) fn with_few_groups<T: Send>(ruleset: &str, work: impl FnOnce() -> T + Send) -> T {
    // A thread has a mount namespace of its own, which ends with it and its children.
    let outcome = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // It would only be faster.
            let _ = leave_out_groups(ruleset);
            work()
        });
        thread.join()
    });
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn leave_out_groups(ruleset: &str) -> io::Result<()> {
    const NONE: Option<&str> = None;
    let groups = fs::read_to_string(GROUP)?;
    if groups.lines().count() < MANY {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Before anything is mounted: what follows must not reach the machine's own namespace.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    mount(Some("tmpfs"), FOLDER, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    fs::write(FILE, named(ruleset, &groups))?;
    mount(Some(FILE), GROUP, NONE, MsFlags::MS_BIND, NONE)?;
    // The file stays in the place of the other.
    umount2(FOLDER, MntFlags::MNT_DETACH)?;
    Ok(())
}

/// The lines of `groups` (group(5)) whose names `ruleset` may mean: those that stand where a rule asks for a group.
fn named(ruleset: &str, groups: &str) -> String {
    let rules = ruleset.lines().filter(|line| line.contains("skgid"));
    let names: BTreeSet<&str> = rules.flat_map(|rule| rule.split(BETWEEN_NAMES)).collect();
    let is_named = |line: &&str| line.split(':').next().is_some_and(|name| names.contains(name));
    groups.lines().filter(is_named).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    const GROUPS: &str = "root:x:0:\ngit:x:30001:alice\nweb-1.x:x:30002:\nsudo:x:27:alice\n";

    #[test]
    fn the_groups_that_a_rule_asks_for_stay_as_they_are() {
        let kept = |rule: &str| named(&format!("table inet galaf {{\n\tchain c {{\n\t\t{rule}\n"), GROUPS);
        assert_eq!(kept("meta skgid git accept"), "git:x:30001:alice\n");
        assert_eq!(kept("meta skgid {git,\"web-1.x\"} tcp dport 22"), "git:x:30001:alice\nweb-1.x:x:30002:\n");
        assert_eq!(kept("meta skgid != sudo"), "sudo:x:27:alice\n");
        assert_eq!(kept("meta skgid!=sudo"), "sudo:x:27:alice\n");
    }

    #[test]
    fn groups_that_only_stand_elsewhere_or_within_a_name_do_not_stay() {
        let ruleset = "\tchain app_git {\n\t\tmeta skgid 30001 jump app_web-1.x comment \"galaf: a\"\n\t}\n\tmap git {\n\t\t30001 : jump app_git,\n\t}\n";
        assert_eq!(named(ruleset, GROUPS), "");
    }
}
