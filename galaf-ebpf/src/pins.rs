//! The pinned link: a file in a bpf file system that keeps the program attached without a process.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, PinnedLink};
use galaf::trust::text_of;
use nix::fcntl::{Flock, FlockArg};

use crate::cause::cause;

/// The link that counts.
const LINK: &str = "link";
/// The one about to take its place. (bpf file systems take no dot in a name.)
const NEXT: &str = "link_next";
/// Write permission of the group and of everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a pin could not be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PinError {
    /// A file operation failed.
    #[error("cannot {verb} '{}': {cause}", path.display())]
    File { verb: &'static str, path: PathBuf, cause: String },
    /// Somebody else could replace the link.
    #[error("'{}' must belong to root and be writable by nobody else", .0.display())]
    Untrusted(PathBuf),
}

/// The pin folder, held by this process alone.
pub(crate) struct Pins {
    dir: PathBuf,
    _lock: Flock<File>,
}

impl Pins {
    /// Makes the folder if it is missing, and waits until no other galaf-ebpf is changing it.
    ///
    /// # Errors
    /// When it cannot be made, or is not root's alone.
    pub(crate) fn create(dir: &Path) -> Result<Self, PinError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| failed("create", dir, &error))?;
        Self::open(dir)
    }

    /// Like [`Self::create`], for a folder that exists.
    fn open(dir: &Path) -> Result<Self, PinError> {
        let file = File::open(dir).map_err(|error| failed("open", dir, &error))?;
        let metadata = file.metadata().map_err(|error| failed("look at", dir, &error))?;
        if metadata.uid() != 0 || metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(PinError::Untrusted(dir.to_owned()));
        }
        let lock =
            Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| failed("lock", dir, &error.into()))?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Clears what a load that was killed half-way left. One link stays attached throughout if one was.
    ///
    /// # Errors
    /// When a file cannot be renamed or removed.
    pub(crate) fn recover(&self) -> Result<(), PinError> {
        let (link, next) = (self.dir.join(LINK), self.dir.join(NEXT));
        match (exists(&link)?, exists(&next)?) {
            (_, false) => Ok(()),
            (true, true) => remove(&next),
            (false, true) => fs::rename(&next, &link).map_err(|error| failed("rename", &next, &error)),
        }
    }

    /// Pins `link`; only then does the former one go. [`Self::recover`] must have run.
    ///
    /// # Errors
    /// When pinning fails. The former link is then still in place.
    pub(crate) fn replace(&self, link: FdLink) -> Result<(), PinError> {
        let (path, next) = (self.dir.join(LINK), self.dir.join(NEXT));
        link.pin(&next).map_err(|error| PinError::File { verb: "pin", path: next.clone(), cause: cause(&error) })?;
        // A rename onto the former link removes that in the same step.
        fs::rename(&next, &path).map_err(|error| failed("rename", &next, &error))
    }
}

/// The link in `dir`, if one is there.
///
/// # Errors
/// When it cannot be looked at.
pub(crate) fn current(dir: &Path) -> Result<Option<FdLink>, PinError> {
    for path in [dir.join(LINK), dir.join(NEXT)] {
        if exists(&path)? {
            let open = |error| PinError::File { verb: "open", path: path.clone(), cause: cause(&error) };
            return Ok(Some(PinnedLink::from_pin(&path).map_err(open)?.into()));
        }
    }
    Ok(None)
}

/// Removes all links and the folder. Says whether there was a link.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn remove_all(dir: &Path) -> Result<bool, PinError> {
    if !exists(dir)? {
        return Ok(false);
    }
    let pins = Pins::open(dir)?;
    let mut found = false;
    for path in [pins.dir.join(LINK), pins.dir.join(NEXT)] {
        if exists(&path)? {
            remove(&path)?;
            found = true;
        }
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(failed("remove", dir, &error)),
        _ => Ok(found),
    }
}

fn exists(path: &Path) -> Result<bool, PinError> {
    path.try_exists().map_err(|error| failed("look at", path, &error))
}

fn remove(path: &Path) -> Result<(), PinError> {
    fs::remove_file(path).map_err(|error| failed("remove", path, &error))
}

fn failed(verb: &'static str, path: &Path, error: &io::Error) -> PinError {
    PinError::File { verb, path: path.to_owned(), cause: text_of(error) }
}
