//! What the machine offers. Everything is read below a folder that stands for `/proc`, so that tests can lay one out.

pub(crate) mod cgroup;
pub(crate) mod mounts;
pub(crate) mod privileges;
pub(crate) mod release;

/// The kernel's own.
pub(crate) const PROC: &str = "/proc";

use std::fs;
use std::path::{Path, PathBuf};

use galaf::trust::text_of;

/// A file below `/proc` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read '{}': {cause}", path.display())]
pub(crate) struct Unreadable {
    path: PathBuf,
    cause: String,
}

fn read(path: &Path) -> Result<String, Unreadable> {
    fs::read_to_string(path).map_err(|error| Unreadable { path: path.to_owned(), cause: text_of(&error) })
}
