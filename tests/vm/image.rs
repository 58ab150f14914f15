//! The disk: Debian 12, and galaf installed in it as on any machine.

use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::tools::run;

const RELEASE: &str = "bookworm";
/// What galaf's README names as needed, a kernel and an init, and `socat` as the application.
const PACKAGES: &str = "systemd,systemd-sysv,linux-image-cloud-amd64,nftables,dnsmasq-base,iproute2,libcap2-bin,socat";
/// Translations and manuals are a third of the disk.
const OPTIONS: [&str; 6] = [
    "--mode=root",
    "--variant=minbase",
    "--aptopt=Acquire::Languages \"none\"",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];
const INSTALLED: [(&str, &str); 4] = [
    ("galaf", "usr/local/bin"),
    ("galaf-stats", "usr/local/sbin"),
    ("galaf-gen", "usr/local/sbin"),
    ("galaf-ebpf", "usr/local/sbin"),
];
const UNITS: [&str; 3] = ["galaf-firewall.service", "galaf-ebpf.service", "galaf-dnsmasq.service"];
const DROP_IN: &str = "nftables.service.d/galaf.conf";
const GUEST_UNITS: [&str; 5] = [
    "systemd-networkd.service",
    "galaf-vm-chatter.service",
    "galaf-vm-network.service",
    "galaf-vm-upstream.service",
    "galaf-vm-checks.service",
];

/// A disk, with its kernel beside it; all gone when dropped.
pub(crate) struct Image {
    dir: TempDir,
}

impl Image {
    /// Installs the programs in `programs_dir` and the rest of galaf in the archive `debian`. Needs root.
    ///
    /// # Errors
    /// If a program fails.
    pub(crate) fn build(debian: &Path, work_dir: &Path, programs_dir: &Path) -> Result<Self> {
        let image = Self { dir: TempDir::with_prefix_in("machine-", work_dir)? };
        let root = image.dir().join("root");
        fs::create_dir(&root)?;
        // The kernel mounts its own /dev, and not every root may make device files.
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--numeric-owner", "--exclude=./dev/*", "--file"]).arg(debian);
        run(unpack.arg("--directory").arg(&root))?;
        install(&root, programs_dir)?;
        for kind in ["vmlinuz", "initrd.img"] {
            fs::copy(boot_file(&root, kind)?, image.dir().join(kind))?;
        }
        fs::File::create(image.disk())?.set_len(2 << 30)?;
        run(Command::new("mkfs.ext4").args(["-q", "-d"]).arg(&root).arg(image.disk()))?;
        fs::remove_dir_all(&root)?;
        Ok(image)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn disk(&self) -> PathBuf {
        self.dir().join("disk")
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.dir().join("vmlinuz")
    }

    pub(crate) fn initrd(&self) -> PathBuf {
        self.dir().join("initrd.img")
    }
}

/// An archive of Debian with [`PACKAGES`]. Fetched once, and kept in `cache_dir`.
///
/// # Errors
/// If it cannot be fetched.
pub(crate) fn debian(cache_dir: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (RELEASE, PACKAGES, OPTIONS).hash(&mut hasher);
    let path = cache_dir.join(format!("debian-{:016x}.tar", hasher.finish()));
    if !path.exists() {
        fs::create_dir_all(cache_dir)?;
        let unfinished = TempDir::with_prefix_in("debian-", cache_dir)?;
        let archive = unfinished.path().join("debian.tar");
        run(Command::new("mmdebstrap").args(OPTIONS).arg(format!("--include={PACKAGES}")).arg(RELEASE).arg(&archive))?;
        fs::rename(archive, &path)?;
    }
    Ok(path)
}

/// Which of galaf's programs is not in `programs_dir`, and what to do.
pub(crate) fn missing(programs_dir: &Path) -> Option<String> {
    let path = INSTALLED.iter().map(|(program, _)| programs_dir.join(program)).find(|path| !path.is_file())?;
    Some(format!("'{}' is missing: run 'cargo build' first, or set GALAF_BIN_DIR", path.display()))
}

fn install(root: &Path, programs_dir: &Path) -> Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (program, dir) in INSTALLED {
        let from = programs_dir.join(program);
        place(&from, &root.join(dir).join(program), 0o755)?;
    }
    let systemd = tests.join("../systemd");
    for unit in UNITS.into_iter().chain([DROP_IN]) {
        place(&systemd.join(unit), &root.join("etc/systemd/system").join(unit), 0o644)?;
    }
    place_all(&tests.join("vm/guest"), root)?;
    // An unset id would make it a first boot, on which systemd enables units by itself.
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")?;
    let inside = |args: &[&str]| run(Command::new("chroot").arg(root).args(args));
    inside(&["/sbin/setcap", "cap_setgid+ep", "/usr/local/bin/galaf"])?;
    inside(&["/usr/sbin/useradd", "--create-home", "--shell=/bin/bash", "alice"])?;
    inside(&[&["/usr/bin/systemctl", "enable"], &UNITS[..], &GUEST_UNITS[..]].concat())
}

/// Every file below `from` at the same place below `to`, belonging to root and to be written by nobody else.
fn place_all(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let (from, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            place_all(&from, &to)?;
        } else {
            place(&from, &to, fs::metadata(&from)?.permissions().mode() & 0o755)?;
        }
    }
    Ok(())
}

fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let place = || -> std::io::Result<()> {
        fs::create_dir_all(to.parent().unwrap_or(Path::new("/")))?;
        fs::copy(from, to)?;
        fs::set_permissions(to, Permissions::from_mode(mode))
    };
    place().with_context(|| format!("cannot install '{}'", from.display()))
}

/// The one file of Debian's `/boot` whose name begins with `kind`.
fn boot_file(root: &Path, kind: &str) -> Result<PathBuf> {
    let mut files = fs::read_dir(root.join("boot"))?.flatten().map(|entry| entry.path());
    files
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind)))
        .with_context(|| format!("Debian came without '/boot/{kind}-*'"))
}
