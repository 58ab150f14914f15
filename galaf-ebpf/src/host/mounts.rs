//! Mounted file systems, from `/proc/self/mounts` (proc_pid_mounts(5)).

use std::path::{Path, PathBuf};

use super::{Unreadable, read};

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where.
    pub(crate) dir: PathBuf,
    /// Of which type.
    pub(crate) kind: String,
}

/// All mounts, in the order they were made.
///
/// # Errors
/// When the table cannot be read.
pub(crate) fn read_mounts(proc: &Path) -> Result<Vec<Mount>, Unreadable> {
    Ok(parse(&read(&proc.join("self/mounts"))?))
}

/// The root of the cgroup v2 tree. A hybrid host has it beside the v1 hierarchies.
pub(crate) fn cgroup2_root(mounts: &[Mount]) -> Option<&Path> {
    mounts.iter().find(|mount| mount.kind == "cgroup2").map(|mount| mount.dir.as_path())
}

fn parse(table: &str) -> Vec<Mount> {
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some(Mount { dir: PathBuf::from(unescape(fields.next()?)), kind: fields.next()?.to_owned() })
        })
        .collect()
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
cgroup2 /mnt/my\\040cgroups cgroup2 rw 0 0
";

    #[test]
    fn a_hybrid_hosts_v2_tree_is_found_beside_its_v1_hierarchies() {
        assert_eq!(cgroup2_root(&parse(HYBRID)), Some(Path::new("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_host_with_v1_alone_has_no_v2_tree() {
        assert_eq!(cgroup2_root(&parse("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n")), None);
    }

    #[test]
    fn a_folder_with_a_space_keeps_it() {
        assert_eq!(parse(HYBRID)[3].dir, Path::new("/mnt/my cgroups"));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_named() {
        let error = read_mounts(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read '/nonexistent/self/mounts': no such file or directory");
    }
}
