//! The bpf file system that pins live in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use galaf::trust::text_of;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

/// Where systemd mounts it, too.
const MOUNT_POINT: &str = "/sys/fs/bpf";

/// Why there is no place to pin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BpffsError {
    /// A folder of another file system.
    #[error("'{}' is not in a bpf file system: mount one there ('mount -t bpf bpf DIR')", .0.display())]
    NotBpffs(PathBuf),
    /// It was not mounted, and mounting it failed.
    #[error("cannot mount the bpf file system on '{MOUNT_POINT}': {0}")]
    Mount(String),
    /// A folder cannot be looked at.
    #[error("cannot look at '{}': {cause}", path.display())]
    Look { path: PathBuf, cause: String },
}

/// Makes sure that `dir`, which need not exist yet, lies in a bpf file system; mounts the usual one if it is missing.
///
/// # Errors
/// When it lies elsewhere, or the mount fails.
pub(crate) fn ensure(dir: &Path) -> Result<(), BpffsError> {
    if is_bpffs(dir)? {
        return Ok(());
    }
    if dir.starts_with(MOUNT_POINT) && !is_bpffs(Path::new(MOUNT_POINT))? {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("bpf"), MOUNT_POINT, Some("bpf"), flags, Some("mode=700"))
            .map_err(|error| BpffsError::Mount(text_of(&error.into())))?;
    }
    if is_bpffs(dir)? { Ok(()) } else { Err(BpffsError::NotBpffs(dir.to_owned())) }
}

/// Asks about the nearest folder above that exists.
fn is_bpffs(dir: &Path) -> Result<bool, BpffsError> {
    for ancestor in dir.ancestors() {
        match fs::metadata(ancestor) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(BpffsError::Look { path: ancestor.to_owned(), cause: text_of(&error) }),
            Ok(_) => {
                let kind = statfs(ancestor)
                    .map_err(|error| BpffsError::Look { path: ancestor.to_owned(), cause: text_of(&error.into()) })?;
                return Ok(kind.filesystem_type() == BPF_FS_MAGIC);
            }
        }
    }
    Ok(false)
}
