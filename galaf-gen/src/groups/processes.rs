//! Who runs with which group.

use std::collections::BTreeMap;
use std::path::Path;

use galaf::id::GroupId;

/// The processes of `proc_dir` by every group they have. Processes that end meanwhile, or that the caller may not
/// look at, are left out.
pub fn by_group(proc_dir: &Path) -> BTreeMap<GroupId, Vec<u32>> {
    let mut processes: BTreeMap<GroupId, Vec<u32>> = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(proc_dir) else { return processes };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let mut groups = groups(&status);
        groups.sort_unstable();
        groups.dedup();
        for gid in groups {
            processes.entry(gid).or_default().push(pid);
        }
    }
    processes
}

/// The real, effective, saved, file system and supplementary groups (proc_pid_status(5)).
fn groups(status: &str) -> Vec<GroupId> {
    let lines = status.lines().filter_map(|line| line.strip_prefix("Gid:").or_else(|| line.strip_prefix("Groups:")));
    lines.flat_map(str::split_ascii_whitespace).filter_map(|gid| gid.parse().ok()).map(GroupId).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_groups_and_its_supplementary_ones() {
        let dir = tempfile::tempdir().unwrap();
        for (pid, status) in [
            ("7", "Name:\tx\nGid:\t30000\t30000\t30000\t30000\nGroups:\t27 30001 \n"),
            ("9", "Gid:\t1\t1\t30000\t1\nGroups:\t\n"),
            ("self", "Gid:\t30000\n"),
        ] {
            std::fs::create_dir(dir.path().join(pid)).unwrap();
            std::fs::write(dir.path().join(pid).join("status"), status).unwrap();
        }
        let processes = by_group(dir.path());
        let sorted = |gid: u32| {
            let mut pids = processes[&GroupId(gid)].clone();
            pids.sort_unstable();
            pids
        };
        assert_eq!((sorted(30000), sorted(30001), sorted(1)), (vec![7, 9], vec![7], vec![9]));
    }
}
