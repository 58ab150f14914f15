//! The last good ruleset, loaded again.

use std::path::Path;

use anyhow::{Context, Result};
use galaf::paths::TABLE;
use galaf::trust;

use crate::kernel::nft;

/// Loads the ruleset at `path` in the place of whatever table of ours there is, in one transaction.
///
/// # Errors
/// If the file is not root's alone, cannot be read, or `nft` refuses it.
pub fn last_good(path: &Path) -> Result<()> {
    trust::check_file(path)?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    // Declared before it is deleted: deleting a table that is not there is an error.
    nft::load(&format!("table inet {TABLE}\ndelete table inet {TABLE}\n{text}"))?;
    Ok(())
}
