//! What is in force, as the last apply left it, and what was before.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use galaf::paths::{DNSMASQ_CONF, LAUNCH_INDEX, RULESET};

use super::files;
use crate::diff::Former;

/// The configuration that is in force.
const APPLIED: &str = "applied.json";
/// The one before it.
const FORMER: &str = "former.json";

/// Reads the texts in `state_dir`; what is not there is nothing.
pub fn read(state_dir: &Path) -> Former {
    let text = |name: &str| fs::read_to_string(state_dir.join(name)).ok();
    Former {
        ruleset: text(RULESET).unwrap_or_default(),
        dnsmasq: text(DNSMASQ_CONF),
        launch_index: text(LAUNCH_INDEX).unwrap_or_default(),
    }
}

/// Where the configuration before the present one is, if there was one.
pub fn former_path(state_dir: &Path) -> Option<PathBuf> {
    Some(state_dir.join(FORMER)).filter(|path| path.exists())
}

/// Where the configuration that is in force is.
pub fn applied_path(state_dir: &Path) -> PathBuf {
    state_dir.join(APPLIED)
}

/// The configuration that is in force.
///
/// # Errors
/// If it cannot be read.
pub fn applied(state_dir: &Path) -> Result<Option<String>> {
    let path = applied_path(state_dir);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    }
}

/// Notes that `text` is in force now. What was in force becomes the former one; after a rollback, too, so that two
/// rollbacks lead back to where they began.
///
/// # Errors
/// If a file cannot be written.
pub fn advance(state_dir: &Path, text: &str) -> Result<()> {
    let present = applied(state_dir)?;
    if present.as_deref() == Some(text) {
        return Ok(());
    }
    if let Some(present) = present {
        files::replace(&state_dir.join(FORMER), &present)?;
    }
    files::replace(&state_dir.join(APPLIED), text)?;
    Ok(())
}

/// Forgets everything that is in force: there is no firewall.
///
/// # Errors
/// If a file cannot be removed.
pub fn forget(state_dir: &Path) -> Result<()> {
    [RULESET, DNSMASQ_CONF, LAUNCH_INDEX, APPLIED].iter().try_for_each(|name| files::remove(&state_dir.join(name)))
}
