//! An apply that is taken back unless somebody confirms it.
//!
//! The marker is written before anything changes and removed by `confirm`. Whoever finds it after its
//! time, the watcher or the next boot, returns to the former state; so it does not matter which of us is killed when.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::files;

const MARKER: &str = "pending";
/// What to return to; missing if there was nothing.
const TARGET: &str = "pending.json";

/// Marks the state in `state_dir` as unconfirmed and starts the watcher, which outlives this process and its terminal.
///
/// # Errors
/// If the marker cannot be written or the watcher not be started; nothing is pending then.
pub fn begin(state_dir: &Path, patience: Duration) -> Result<()> {
    let began = note(state_dir).and_then(|id| watch(state_dir, &id, patience));
    if began.is_err() {
        end(state_dir)?;
    }
    began
}

/// Writes the marker and returns its id.
fn note(state_dir: &Path) -> Result<String> {
    // Before the marker: whoever sees that takes this for the truth.
    match super::state::applied(state_dir)? {
        Some(text) => drop(files::replace(&state_dir.join(TARGET), &text)?),
        None => files::remove(&state_dir.join(TARGET))?,
    }
    let id = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    files::replace(&state_dir.join(MARKER), &id)?;
    Ok(id)
}

fn watch(state_dir: &Path, id: &str, patience: Duration) -> Result<()> {
    let started = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(["rollback", "--if-pending", id, "--after"])
            .arg(patience.as_secs().to_string())
            .arg("--state-dir")
            .arg(state_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    });
    started.map(drop).context("cannot start the watcher that would take the apply back")
}

/// The id of the apply that waits for confirmation.
///
/// # Errors
/// If the marker cannot be read.
pub fn id(state_dir: &Path) -> Result<Option<String>> {
    match fs::read_to_string(state_dir.join(MARKER)) {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read whether an apply is pending"),
    }
}

/// The configuration to return to; `None` if there was no firewall.
pub fn target(state_dir: &Path) -> Option<PathBuf> {
    Some(state_dir.join(TARGET)).filter(|path| path.exists())
}

/// Nothing is pending any more.
///
/// # Errors
/// If the marker cannot be removed.
pub fn end(state_dir: &Path) -> Result<()> {
    files::remove(&state_dir.join(MARKER))?;
    files::remove(&state_dir.join(TARGET))
}
