//! What the kernel tells about a link.

use std::fs;
use std::path::Path;

use aya::programs::links::{FdLink, LinkError};

/// A link between a program and a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The kernel's number of the link.
    pub(crate) id: u32,
    /// The kernel's number of the program.
    pub(crate) program_id: u32,
    /// The cgroup; `None` once it was removed.
    pub(crate) cgroup_id: Option<u64>,
}

/// Asks the kernel about an open link.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn inspect(link: &FdLink, proc: &Path) -> Result<Link, LinkError> {
    let info = link.info()?;
    Ok(Link { id: info.id(), program_id: info.program_id(), cgroup_id: cgroup_id(proc, info.id()) })
}

/// The library gives neither the descriptor nor the cgroup, so the link is looked up among our own descriptors.
fn cgroup_id(proc: &Path, link_id: u32) -> Option<u64> {
    let descriptors = fs::read_dir(proc.join("self/fdinfo")).ok()?;
    descriptors.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()).find_map(|info| {
        let is_it = field(&info, "link_id:").is_some_and(|id| id == u64::from(link_id));
        if is_it { field(&info, "cgroup_id:").filter(|&id| id != 0) } else { None }
    })
}

fn field(info: &str, name: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str =
        "pos:\t0\nlink_type:\tcgroup\nlink_id:\t7\nprog_id:\t31\ncgroup_id:\t4294967377\nattach_type:\t2\n";

    fn proc_with(descriptors: &[&str]) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        let dir = proc.path().join("self/fdinfo");
        fs::create_dir_all(&dir).unwrap();
        for (number, info) in descriptors.iter().enumerate() {
            fs::write(dir.join(number.to_string()), info).unwrap();
        }
        proc
    }

    #[test]
    fn the_cgroup_is_the_one_of_the_link_asked_for() {
        let other = INFO.replace("link_id:\t7", "link_id:\t70").replace("4294967377", "5");
        let proc = proc_with(&["pos:\t0\nflags:\t02\n", &other, INFO]);
        assert_eq!(cgroup_id(proc.path(), 7), Some(4_294_967_377));
        assert_eq!(cgroup_id(proc.path(), 70), Some(5));
        assert_eq!(cgroup_id(proc.path(), 8), None);
    }

    #[test]
    fn a_link_whose_cgroup_was_removed_has_none() {
        let proc = proc_with(&[&INFO.replace("4294967377", "0")]);
        assert_eq!(cgroup_id(proc.path(), 7), None);
    }
}
