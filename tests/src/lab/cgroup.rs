//! The cgroup of a workstation.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const PREFIX: &str = "galaf-lab-";
/// Processes that were killed leave their cgroup a moment later.
const PATIENCE: Duration = Duration::from_secs(3);

/// A cgroup that goes with this value, and everything in it.
pub(super) struct Cgroup {
    dir: PathBuf,
}

/// The v2 mount; hybrid hosts have it beside the v1 hierarchies.
pub(super) fn root() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"))?;
    line.split(' ').nth(1).map(PathBuf::from)
}

impl Cgroup {
    /// One directly below the root, where no other's limits apply.
    pub(super) fn new() -> Result<Self> {
        let root = root().context("cgroup v2 is not mounted")?;
        remove_leftovers(&root);
        let name = format!("{PREFIX}{}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&name).tempdir_in(&root).context("cannot make a cgroup")?;
        Ok(Self { dir: dir.keep() })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // cgroup.kill is there since Linux 5.14; before, the end of the process namespace does the same.
        let _ = fs::write(self.dir.join("cgroup.kill"), "1");
        let start = Instant::now();
        while fs::remove_dir(&self.dir).is_err() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Empty cgroups of tests that were killed. One that is in use cannot be removed.
fn remove_leftovers(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid).exists()
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
