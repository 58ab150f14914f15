//! Where the folders are.

use std::fs;
use std::path::{Path, PathBuf};

/// One case.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Below `tests/golden/`.
    pub(crate) name: String,
}

impl Folder {
    /// The accounts of the machine that the file is for.
    pub(crate) fn etc(&self) -> String {
        let own = self.path.join("etc");
        let etc = if own.exists() { own } else { root().join("etc") };
        etc.into_os_string().into_string().unwrap()
    }
}

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn root() -> PathBuf {
    workspace().join("tests/golden")
}

pub(crate) fn accepted() -> Vec<Folder> {
    numbered("")
}

pub(crate) fn rejected() -> Vec<Folder> {
    numbered("rejected/")
}

pub(crate) fn notices() -> Vec<Folder> {
    numbered("notices/")
}

/// The folders whose names begin with a number, in that order.
fn numbered(below: &str) -> Vec<Folder> {
    let mut names: Vec<String> = fs::read_dir(root().join(below))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no folder below 'tests/golden/{below}'");
    names
        .into_iter()
        .map(|name| format!("{below}{name}"))
        .map(|name| Folder { path: root().join(&name), name })
        .collect()
}
