//! galaf's eBPF program on a cgroup of the benchmark's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::place::{INSTALLED, Place, output};

/// A cgroup whose sockets galaf's program marks. The program is detached with it.
pub(super) struct Label {
    pub(super) cgroup: PathBuf,
}

impl Label {
    /// The pin lives in a bpf file system of `place` alone.
    pub(super) fn new(place: &Place) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read '/proc/self/mounts'")?;
        let root = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let dir = fields.next()?;
            (fields.next()? == "cgroup2").then_some(dir)
        });
        let root = root.context("no cgroup v2 is mounted")?;
        let cgroup = Path::new(root).join(format!("galaf-bench-{}", place.pid()));
        fs::create_dir(&cgroup).with_context(|| format!("cannot make '{}'", cgroup.display()))?;
        let label = Self { cgroup };
        let pins = format!("{INSTALLED}/bpf");
        place.script(&format!("mkdir {pins} && mount -t bpf bpf {pins}"))?;
        let program = format!("{INSTALLED}/galaf-ebpf");
        output(
            place
                .command()
                .args([&program, "load", "--pin-dir", &format!("{pins}/galaf"), "--cgroup"])
                .arg(&label.cgroup),
        )?;
        Ok(label)
    }
}

impl Drop for Label {
    fn drop(&mut self) {
        // Its last process may still be leaving; what is left then is an empty folder.
        let _ = fs::remove_dir(&self.cgroup);
    }
}
