//! `galaf-ebpf load`

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use galaf::fold::IdBase;
use galaf::launch::Index;
use galaf::paths::LAUNCH_INDEX;
use galaf::trust::{Untrusted, check_file};

use super::require_privileges;
use crate::attach::{Cgroup, attach};
use crate::host::release::{self, Release};
use crate::host::{PROC, cgroup, mounts};
use crate::pins::Pins;
use crate::{bpffs, cli, object};

pub(crate) fn load(options: &cli::Load) -> Result<()> {
    let proc = Path::new(PROC);
    require_privileges()?;
    let kernel = release::running(proc)?;
    ensure!(kernel >= Release::OLDEST, "the kernel is Linux {kernel}, {} or later is needed", Release::OLDEST);
    let root = mounts::cgroup2_root(&mounts::read_mounts(proc)?).map(Path::to_owned);
    let root = root.context(
        "no cgroup v2 is mounted: 'mount -t cgroup2 none DIR', or boot without systemd.unified_cgroup_hierarchy=0",
    )?;
    let dir = options.cgroup.clone().unwrap_or_else(|| root.clone());
    refuse_v1_network_controllers(proc, kernel, &root, &dir)?;
    let cgroup = Cgroup::open(&dir)?;
    let object = object::read(options.object.as_deref())?;
    bpffs::ensure(&options.pins.dir)?;
    let pins = Pins::create(&options.pins.dir)?;
    pins.recover()?;
    let mut trusted = applied_containers(&options.state_dir)?;
    trusted.extend(&options.trusted_bases);
    pins.replace(attach(&object, &cgroup, &trusted)?)?;
    Ok(())
}

/// The containers of the file that is in force; none before the first 'galaf-gen apply'.
fn applied_containers(state_dir: &Path) -> Result<Vec<IdBase>> {
    let path = state_dir.join(LAUNCH_INDEX);
    let cannot = || format!("cannot read the trusted containers from '{}'", path.display());
    let path = match check_file(&path) {
        Err(Untrusted::Io(_, error)) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        checked => checked.with_context(cannot)?,
    };
    let index = Index::open(File::open(&path).with_context(cannot)?).with_context(cannot)?;
    Ok(index.header().containers.clone())
}

/// An older kernel counts a socket to the root of the v2 tree alone, once a v1 network controller was used.
fn refuse_v1_network_controllers(proc: &Path, kernel: Release, root: &Path, dir: &Path) -> Result<()> {
    if kernel >= Release::SEPARATE_CGROUPS || dir == root {
        return Ok(());
    }
    let in_use = cgroup::v1_network_controllers(proc)?;
    if !in_use.is_empty() {
        bail!(
            "the cgroup v1 controller {} is in use: before Linux {} it hides '{}' from sockets; leave out --cgroup or boot with cgroup_no_v1=net_cls,net_prio",
            in_use.join(" and "),
            Release::SEPARATE_CGROUPS,
            dir.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The answer for a cgroup of its own on a kernel, with net_cls as this row of `/proc/cgroups` says.
    fn answer(kernel: Release, dir: &str, hierarchy_and_groups: &str) -> Result<()> {
        let proc = tempfile::tempdir().unwrap();
        fs::write(proc.path().join("cgroups"), format!("net_cls\t{hierarchy_and_groups}\t1\n")).unwrap();
        refuse_v1_network_controllers(proc.path(), kernel, Path::new("/cg"), Path::new(dir))
    }

    #[test]
    fn an_old_hybrid_hosts_controller_is_named_with_the_remedy() {
        let error = answer(Release(5, 10), "/cg/a", "9\t2").unwrap_err().to_string();
        assert!(
            error.starts_with("the cgroup v1 controller net_cls is in use: before Linux 5.15 it hides '/cg/a'"),
            "{error}"
        );
        assert!(error.ends_with("leave out --cgroup or boot with cgroup_no_v1=net_cls,net_prio"), "{error}");
    }

    #[test]
    fn the_same_host_may_mark_the_whole_tree_and_a_newer_one_any_cgroup() {
        assert!(answer(Release(5, 10), "/cg", "9\t2").is_ok());
        assert!(answer(Release(5, 15), "/cg/a", "9\t2").is_ok());
        assert!(answer(Release(5, 10), "/cg/a", "0\t1").is_ok());
    }
}
