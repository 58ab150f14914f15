//! Where the programs under test are.

use std::path::PathBuf;

/// What is installed on the workstation.
pub(super) const PROGRAMS: [&str; 5] = ["galaf", "galaf-ebpf", "galaf-gen", "galaf-stats", "galaf-peer"];
/// Names another folder to take them from.
const BIN_DIR: &str = "GALAF_BIN_DIR";

/// The folder that cargo put them in: that of this test, or the one above.
pub(super) fn dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(BIN_DIR) {
        return Some(dir.into());
    }
    let test = std::env::current_exe().ok()?;
    let dir = test.parent()?;
    let dir = if dir.ends_with("deps") { dir.parent()? } else { dir };
    Some(dir.to_owned())
}

/// Which one is not there, and what to do.
pub(super) fn missing() -> Option<String> {
    let Some(dir) = dir() else { return Some("the folder of the programs cannot be found".to_owned()) };
    let missing = PROGRAMS.into_iter().find(|program| !dir.join(program).is_file())?;
    Some(format!("'{}' is missing: run 'cargo build' first, or set {BIN_DIR}", dir.join(missing).display()))
}
