//! Files that are whole at every moment.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Root writes, everybody reads: nothing in these files is secret, and the launcher runs as any user.
const MODE: u32 = 0o644;

/// A new content, on disk beside the file whose place it will take.
pub struct Staged {
    file: NamedTempFile,
    path: PathBuf,
    changed: bool,
}

impl Staged {
    /// Writes `text` beside `path`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(path: &Path, text: &str) -> Result<Self> {
        let write = || -> std::io::Result<NamedTempFile> {
            let dir = path.parent().unwrap_or(Path::new("/"));
            let mut file = NamedTempFile::with_prefix_in(".galaf-", dir)?;
            file.write_all(text.as_bytes())?;
            file.as_file().set_permissions(Permissions::from_mode(MODE))?;
            Ok(file)
        };
        let file = write().with_context(|| format!("cannot write '{}'", path.display()))?;
        let changed = fs::read(path).map_or(true, |former| former != text.as_bytes());
        Ok(Self { file, path: path.to_owned(), changed })
    }

    /// Where it is until it is committed.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Takes the file's place, and says whether that changes anything.
    ///
    /// # Errors
    /// If it cannot be made durable or renamed.
    pub fn commit(self) -> Result<bool> {
        if self.changed {
            let commit = |file: NamedTempFile| -> std::io::Result<()> {
                // The content must be there before the name is: a power failure would leave an empty ruleset.
                file.as_file().sync_all()?;
                file.persist(&self.path)?;
                File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
            };
            commit(self.file).with_context(|| format!("cannot replace '{}'", self.path.display()))?;
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
}
