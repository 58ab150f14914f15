//! One apply at a time.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Held as long as the value lives; the kernel releases it with the process, however that ends.
pub struct Lock {
    _file: File,
}

/// Takes the lock of `state_dir`, which is made if missing.
///
/// # Errors
/// If another galaf-gen has it, or the folder cannot be written.
pub fn take(state_dir: &Path) -> Result<Lock> {
    let (path, file) = open(state_dir)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => {
            bail!("another galaf-gen is at work (it holds '{}'); wait for it", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock '{}'", path.display())),
    }
}

/// Takes the lock of `state_dir` as soon as nobody else has it.
///
/// # Errors
/// If the folder cannot be written.
pub fn wait(state_dir: &Path) -> Result<Lock> {
    let (path, file) = open(state_dir)?;
    file.lock().with_context(|| format!("cannot lock '{}'", path.display()))?;
    Ok(Lock { _file: file })
}

fn open(state_dir: &Path) -> Result<(PathBuf, File)> {
    std::fs::create_dir_all(state_dir).with_context(|| format!("cannot make '{}'", state_dir.display()))?;
    let path = state_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot open '{}'", path.display()))?;
    Ok((path, file))
}
