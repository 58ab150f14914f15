//! Control groups: this process's own, those with an id, and the v1 controllers that stand in the way.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Unreadable, read};

/// v1 controllers that, once in use, took a socket's v2 cgroup away before Linux 5.15.
const NETWORK_CONTROLLERS: [&str; 2] = ["net_cls", "net_prio"];

/// v1 network controllers in use: mounted, with groups of their own (`/proc/cgroups`, cgroups(7)).
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn v1_network_controllers(proc: &Path) -> Result<Vec<&'static str>, Unreadable> {
    Ok(in_use(&read(&proc.join("cgroups"))?))
}

/// A controller of hierarchy 0 is not mounted as v1; one group is the root alone.
fn in_use(table: &str) -> Vec<&'static str> {
    let is_used = |name: &str| {
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            matches!(fields[..], [n, hierarchy, groups, ..] if n == name && hierarchy != "0" && groups != "1")
        })
    };
    NETWORK_CONTROLLERS.into_iter().filter(|name| is_used(name)).collect()
}

/// This process's v2 cgroup, as a folder below the mount `root`.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn own(proc: &Path, root: &Path) -> Result<Option<PathBuf>, Unreadable> {
    let table = read(&proc.join("self/cgroup"))?;
    let path = table.lines().find_map(|line| line.strip_prefix("0::/"));
    Ok(path.map(|path| if path.is_empty() { root.to_owned() } else { root.join(path) }))
}

/// The folder below `root` of the cgroup with this id. The id is the folder's inode number.
pub(crate) fn find_by_id(root: &Path, id: u64) -> Option<PathBuf> {
    let mut ahead = vec![root.to_owned()];
    while let Some(dir) = ahead.pop() {
        // A cgroup may vanish while its parent is listed.
        let Ok(metadata) = fs::symlink_metadata(&dir) else { continue };
        if metadata.ino() == id {
            return Some(dir);
        }
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        ahead.extend(entries.flatten().filter(is_dir).map(|entry| entry.path()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n";

    #[test]
    fn a_controller_that_merely_exists_is_not_in_the_way() {
        assert!(in_use(&format!("{HEADER}net_cls\t0\t1\t1\nnet_prio\t0\t1\t1\n")).is_empty());
    }

    #[test]
    fn a_mounted_controller_without_groups_is_not_in_the_way() {
        assert!(in_use(&format!("{HEADER}net_cls\t9\t1\t1\n")).is_empty());
    }

    #[test]
    fn a_controller_with_groups_is_named() {
        assert_eq!(
            in_use(&format!("{HEADER}cpu\t3\t40\t1\nnet_cls\t9\t2\t1\nnet_prio\t9\t2\t1\n")),
            ["net_cls", "net_prio"]
        );
    }

    #[test]
    fn groups_counted_in_the_v2_tree_are_not_v1s() {
        assert!(in_use(&format!("{HEADER}net_cls\t0\t120\t1\n")).is_empty());
    }

    #[test]
    fn the_own_cgroup_is_the_line_of_hierarchy_0() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir(proc.path().join("self")).unwrap();
        let write = |text| fs::write(proc.path().join("self/cgroup"), text).unwrap();
        let root = Path::new("/cg");
        write("4:memory:/elsewhere\n0::/user.slice/a\n");
        assert_eq!(own(proc.path(), root).unwrap().unwrap(), Path::new("/cg/user.slice/a"));
        write("0::/\n");
        assert_eq!(own(proc.path(), root).unwrap().unwrap(), root);
        write("4:memory:/elsewhere\n");
        assert_eq!(own(proc.path(), root).unwrap(), None);
    }

    #[test]
    fn a_cgroup_is_found_by_id_at_any_depth() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let id = fs::metadata(&deep).unwrap().ino();
        assert_eq!(find_by_id(root.path(), id), Some(deep.clone()));
        fs::remove_dir(&deep).unwrap();
        assert_eq!(find_by_id(root.path(), id), None);
    }
}
