//! The last good ruleset, loaded again.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use galaf::paths::TABLE;
use galaf::trust;

use crate::kernel::nft;

/// Loads the ruleset at `path` in the place of whatever table of ours there is, in one transaction.
///
/// # Errors
/// If the file is not root's alone, cannot be read, is cut off, or `nft` refuses it.
pub fn last_good(path: &Path) -> Result<()> {
    trust::check_file(path)?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    // nft takes an empty file for a good one, and the machine would be open.
    ensure!(is_whole(&text), "'{}' is cut off", path.display());
    // Declared before it is deleted: deleting a table that is not there is an error.
    nft::load(&format!("table inet {TABLE}\ndelete table inet {TABLE}\n{text}"))?;
    Ok(())
}

/// Whether `text` reaches to the end of the table, as all that [`render`](crate::render) makes. What is cut off
/// within the table, nft refuses by itself.
fn is_whole(text: &str) -> bool {
    text.ends_with("\n}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_power_failure_leaves_of_a_file_is_no_ruleset() {
        let ruleset = "# Made by galaf-gen\ntable inet galaf {\n\tchain output {\n\t}\n}\n";
        assert!(is_whole(ruleset));
        for length in 0..ruleset.len() {
            assert!(!is_whole(&ruleset[..length]), "{length} bytes");
        }
    }
}
