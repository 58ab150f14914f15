//! What a loaded table takes of the kernel's memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::firewall::{Grant, RENDERED, prepare, render};
use super::place::{Binaries, Place, output};
use super::report::Report;

/// So many applications, since memory is charged to a cgroup in pieces of up to 128 KiB a processor.
const APPLICATIONS: u32 = 4000;
/// The kernel frees a table after the command has ended.
const SETTLED: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

/// The table of applications without and with names.
pub(super) fn run(binaries: &Binaries, report: &mut Report) -> Result<()> {
    let account = match Account::new() {
        Ok(account) => account,
        Err(error) => {
            eprintln!("bench: kernel memory is not measured: {error:#}");
            return Ok(());
        }
    };
    let mut rows = Vec::new();
    for (grant, what) in [(Grant::Rule, "a port each"), (Grant::Name, "a name each")] {
        eprintln!("bench: kernel memory, {what}");
        let place = Place::new(binaries)?;
        prepare(&place, APPLICATIONS, grant)?;
        render(&place)?;
        let mut load = place.command();
        load.args(["sh", "-ec", "echo 0 > \"$0\"/cgroup.procs; exec nft -f \"$1\""]);
        output(load.arg(&account.cgroup).arg(format!("{RENDERED}/{}", galaf::paths::RULESET)))?;
        let loaded = account.settled()?;
        place.script("nft delete table inet galaf")?;
        let bytes = loaded.saturating_sub(account.settled()?);
        rows.push((what.to_owned(), APPLICATIONS, bytes));
    }
    report.sizes("Kernel memory of the loaded table", &rows)
}

/// A cgroup of the benchmark's own. What the kernel allocates for a process in it is counted until it is freed.
struct Account {
    cgroup: PathBuf,
    version: Version,
}

#[derive(Clone, Copy)]
enum Version {
    V1,
    V2,
}

impl Account {
    fn new() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read '/proc/self/mounts'")?;
        let (root, version) = mounts.lines().find_map(memory_root).context("no cgroup has the memory controller")?;
        let cgroup = root.join(format!("galaf-bench-memory-{}", std::process::id()));
        fs::create_dir(&cgroup).with_context(|| format!("cannot make '{}'", cgroup.display()))?;
        let account = Self { cgroup, version };
        account.used()?;
        Ok(account)
    }

    /// Bytes of kernel memory.
    fn used(&self) -> Result<u64> {
        let read = |name: &str| {
            let path = self.cgroup.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read '{}'", path.display()))
        };
        let number = match self.version {
            Version::V1 => read("memory.kmem.usage_in_bytes")?,
            Version::V2 => {
                let text = read("memory.stat")?;
                text.lines().find_map(|line| line.strip_prefix("kernel ")).unwrap_or_default().to_owned()
            }
        };
        number.trim().parse().context("this kernel does not count the memory it uses itself")
    }

    /// The same, once it does not change any more.
    fn settled(&self) -> Result<u64> {
        let start = Instant::now();
        let mut last = self.used()?;
        while start.elapsed() < PATIENCE {
            thread::sleep(SETTLED);
            let used = self.used()?;
            if used == last {
                return Ok(used);
            }
            last = used;
        }
        bail!("the kernel's memory does not come to rest")
    }
}

/// Where cgroups that count memory are made, from a line of `/proc/self/mounts`.
fn memory_root(mount: &str) -> Option<(PathBuf, Version)> {
    let mut fields = mount.split(' ').skip(1);
    let (dir, kind, options) = (Path::new(fields.next()?), fields.next()?, fields.next()?);
    match kind {
        "cgroup" if options.split(',').any(|option| option == "memory") => Some((dir.to_owned(), Version::V1)),
        "cgroup2" => {
            let given = fs::read_to_string(dir.join("cgroup.subtree_control")).ok()?;
            given
                .split_ascii_whitespace()
                .any(|controller| controller == "memory")
                .then(|| (dir.to_owned(), Version::V2))
        }
        _ => None,
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.cgroup);
    }
}
