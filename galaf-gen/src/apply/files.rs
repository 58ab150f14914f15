//! Files that are whole at every moment.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use galaf::trust::text_of;
use tempfile::NamedTempFile;

/// Root writes, everybody reads: nothing in these files is secret, and the launcher runs as any user.
const MODE: u32 = 0o644;
/// How the names of files begin that have not taken their places yet.
pub(super) const PREFIX: &str = ".galaf-";

/// A new content, on disk beside the file whose place it will take.
pub struct Staged {
    file: NamedTempFile,
    path: PathBuf,
    changed: bool,
}

impl Staged {
    /// Writes `text` beside `path`, durably.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(path: &Path, text: &str) -> Result<Self> {
        let changed = fs::read(path).map_or(true, |former| former != text.as_bytes());
        let write = || -> std::io::Result<NamedTempFile> {
            let dir = path.parent().unwrap_or(Path::new("/"));
            let mut file = NamedTempFile::with_prefix_in(PREFIX, dir)?;
            file.write_all(text.as_bytes())?;
            file.as_file().set_permissions(Permissions::from_mode(MODE))?;
            if changed {
                // The content must be there before the name is: a power failure would leave an empty ruleset.
                file.as_file().sync_all()?;
            }
            Ok(file)
        };
        let file = write().map_err(|error| anyhow!("cannot write '{}': {}", path.display(), text_of(&error)))?;
        Ok(Self { file, path: path.to_owned(), changed })
    }

    /// Where it is until it is committed.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Takes the file's place, and says whether that changes anything.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn commit(self) -> Result<bool> {
        if self.changed {
            let commit = |file: NamedTempFile| -> std::io::Result<()> {
                file.persist(&self.path)?;
                File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
            };
            commit(self.file)
                .map_err(|error| anyhow!("cannot replace '{}': {}", self.path.display(), text_of(&error)))?;
        }
        Ok(self.changed)
    }
}

/// Replaces the content of `path` in one step.
///
/// # Errors
/// If it cannot be written; the former content stays.
pub fn replace(path: &Path, text: &str) -> Result<bool> {
    Staged::new(path, text)?.commit()
}

/// Removes `path` if it is there.
///
/// # Errors
/// If it cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove '{}'", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes from `dir` what a galaf-gen that was killed had staged. Only for who holds the [lock](super::lock).
///
/// # Errors
/// If the folder cannot be read, or a file not be removed.
pub fn sweep(dir: &Path) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read '{}'", dir.display()))?,
    };
    let is_ours = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
    entries.flatten().filter(is_ours).try_for_each(|entry| remove(&entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_says_whether_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(replace(&path, "one").unwrap());
        assert!(!replace(&path, "one").unwrap());
        assert!(replace(&path, "two").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_staged_and_not_committed_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "former").unwrap();
        drop(Staged::new(&path, "new").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "former");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_staged_by_somebody_who_was_killed_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "former").unwrap();
        std::mem::forget(Staged::new(&path, "new").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        sweep(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "former");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        sweep(&dir.path().join("nothing")).unwrap();
    }
}
