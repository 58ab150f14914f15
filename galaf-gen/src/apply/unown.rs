//! Files that belong to a group which is to go.
//!
//! The next group with the same id would inherit them, setgid programs included. Every folder is opened below its parent
//! and every file is changed through the descriptor that was looked at, so nobody can put another file in its place
//! meanwhile, and no link is followed.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use galaf::id::GroupId;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, fchownat};

/// File systems that keep groups and are this machine's own.
const LOCAL: [&str; 11] =
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "overlay", "tmpfs"];

/// Folders within folders are followed so far. Each level holds a descriptor, of which 1024 are usual, and a piece of the
/// stack; whoever nests deeper keeps the group from being deleted, and no more.
const MAX_DEPTH: usize = 1000;

/// What became of the files.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Files of the group, each with the gid it gets.
    pub found: Vec<(PathBuf, GroupId)>,
    /// What could not be looked at or changed, and why.
    pub failed: Vec<(PathBuf, Errno)>,
    /// How many files were looked at.
    pub seen: u64,
}

/// Where the local file systems are mounted, from the text of proc_pid_mountinfo(5).
pub fn local_mounts(mountinfo: &str) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut mounts = Vec::new();
    for line in mountinfo.lines() {
        let Some((front, back)) = line.split_once(" - ") else { continue };
        let front: Vec<&str> = front.split(' ').collect();
        let (Some(device), Some(root), Some(mount_point)) = (front.get(2), front.get(3), front.get(4)) else {
            continue;
        };
        let is_local = back.split(' ').next().is_some_and(|kind| LOCAL.contains(&kind));
        // The same part of a file system in two places needs one look.
        if is_local && seen.insert((device.to_owned(), root.to_owned())) {
            mounts.push(unescaped(mount_point));
        }
    }
    mounts
}

/// Space, tab, newline and backslash stand there in octal.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.filter(|_| first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// Finds every file of `gid` on the file system mounted at each of `mounts`, and, with `change`, gives it the group that
/// `heir` names for its owner. `progress` is told of every folder.
pub fn unown(
    mounts: &[PathBuf],
    gid: GroupId,
    change: bool,
    heir: &dyn Fn(u32) -> GroupId,
    progress: &mut dyn FnMut(u64),
) -> Outcome {
    let mut walk = Walk { gid, change, heir, progress, outcome: Outcome::default() };
    for mount in mounts {
        // The path of a mount is root's to choose; below it nobody's path is trusted.
        match nix::fcntl::open(mount, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(file) => walk.file(&file, mount, None, 0),
            // Unmounted meanwhile, or hidden below another mount.
            Err(Errno::ENOENT) => {}
            Err(error) => walk.outcome.failed.push((mount.clone(), error)),
        }
    }
    walk.outcome
}

struct Walk<'a> {
    gid: GroupId,
    change: bool,
    heir: &'a dyn Fn(u32) -> GroupId,
    progress: &'a mut dyn FnMut(u64),
    outcome: Outcome,
}

impl Walk<'_> {
    /// Looks at what `file`, opened by O_PATH, is, and below it if it is a folder of the file system `device`.
    fn file(&mut self, file: &OwnedFd, path: &Path, device: Option<u64>, depth: usize) {
        let status = match fstat(file) {
            Ok(status) => status,
            Err(error) => return self.outcome.failed.push((path.to_owned(), error)),
        };
        if device.is_some_and(|device| device != status.st_dev) {
            return;
        }
        self.outcome.seen += 1;
        if status.st_gid == self.gid.0 {
            let heir = (self.heir)(status.st_uid);
            let done = if self.change {
                // The kernel takes setuid and setgid bits from a program on the way (chown(2)).
                fchownat(file, "", None, Some(Gid::from_raw(heir.0)), AtFlags::AT_EMPTY_PATH)
            } else {
                Ok(())
            };
            match done {
                Ok(()) => self.outcome.found.push((path.to_owned(), heir)),
                Err(error) => self.outcome.failed.push((path.to_owned(), error)),
            }
        }
        if SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            (self.progress)(self.outcome.seen);
            if let Err(error) = self.folder(file, path, status.st_dev, depth + 1) {
                self.outcome.failed.push((path.to_owned(), error));
            }
        }
    }

    fn folder(&mut self, folder: &OwnedFd, path: &Path, device: u64, depth: usize) -> nix::Result<()> {
        if depth > MAX_DEPTH {
            return Err(Errno::ENAMETOOLONG);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        // Read and closed first: each level of depth holds one descriptor.
        let names: Vec<CString> = Dir::openat(folder, ".", flags, Mode::empty())?
            .iter()
            .map(|entry| entry.map(|entry| entry.file_name().to_owned()))
            .collect::<nix::Result<_>>()?;
        for name in names.iter().filter(|name| !matches!(name.as_bytes(), b"." | b"..")) {
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let entry = nix::fcntl::openat(folder, name.as_c_str(), flags, Mode::empty());
            let name = OsStr::from_bytes(name.as_bytes());
            match entry {
                Ok(file) => self.file(&file, &path.join(name), Some(device), depth),
                Err(Errno::ENOENT) => {}
                Err(error) => self.outcome.failed.push((path.join(name), error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_file_systems_are_looked_at_once_and_others_not_at_all() {
        let mountinfo = "\
            20 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            21 20 0:5 / /proc rw - proc proc rw\n\
            22 20 8:1 /srv /mnt/bind rw shared:1 - ext4 /dev/sda1 rw\n\
            23 20 0:40 / /mnt/a\\040b rw - tmpfs tmpfs rw\n\
            24 20 0:41 / /mnt/nfs rw - nfs4 server:/x rw\n\
            25 20 8:1 / /mnt/again rw - ext4 /dev/sda1 rw\n";
        let expected: Vec<PathBuf> = ["/", "/mnt/bind", "/mnt/a b"].iter().map(PathBuf::from).collect();
        assert_eq!(local_mounts(mountinfo), expected);
    }
}
