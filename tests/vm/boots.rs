//! The three boots, made once for all tests of this file.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Result;
use galaf_tests::lab::skip;

use crate::image::{self, Image};
use crate::machine::{Boot, boot};
use crate::tools;

/// One disk, booted three times.
pub(crate) struct Boots {
    /// Installed, and nothing was ever applied. Ends with `galaf-gen apply`.
    pub(crate) fresh: Boot,
    /// What was applied is in force. Ends with an empty file in the place of the last good ruleset, as a power
    /// failure can leave it.
    pub(crate) applied: Boot,
    /// Begins with that file, is repaired by `galaf-gen apply` and opened by `galaf-gen reset`.
    pub(crate) damaged: Boot,
}

enum Outcome {
    Booted(Box<Boots>),
    Obstacle(String),
    Failed(String),
}

static OUTCOME: LazyLock<Outcome> = LazyLock::new(|| {
    if let Some(reason) = tools::missing() {
        return Outcome::Obstacle(reason);
    }
    let Some((target_dir, programs_dir)) = dirs() else {
        return Outcome::Obstacle("the folder of the programs cannot be found".to_owned());
    };
    if let Some(reason) = image::missing(&programs_dir) {
        return Outcome::Obstacle(reason);
    }
    let cache_dir = target_dir.join("vm");
    match image::debian(&cache_dir) {
        Err(error) => Outcome::Obstacle(format!("Debian cannot be fetched: {error:#}")),
        Ok(debian) => match boot_all(&debian, &cache_dir, &programs_dir) {
            Ok(boots) => Outcome::Booted(Box::new(boots)),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        },
    }
});

fn boot_all(debian: &Path, work_dir: &Path, programs_dir: &Path) -> Result<Boots> {
    let image = Image::build(debian, work_dir, programs_dir)?;
    Ok(Boots { fresh: boot(&image, "fresh")?, applied: boot(&image, "applied")?, damaged: boot(&image, "damaged")? })
}

/// Cargo's target folder, and the folder in it (unless `GALAF_BIN_DIR` names another) with the programs:
/// the test is in `TARGET/PROFILE/deps`.
fn dirs() -> Option<(PathBuf, PathBuf)> {
    let test = std::env::current_exe().ok()?;
    let profile_dir = test.ancestors().nth(2)?;
    let programs_dir = std::env::var_os("GALAF_BIN_DIR").map_or_else(|| profile_dir.to_owned(), PathBuf::from);
    Some((profile_dir.parent()?.to_owned(), programs_dir))
}

/// The boots, or `None` after saying why there are none.
///
/// # Panics
/// If galaf cannot be installed, or the machine does not end its boots.
pub(crate) fn boots() -> Option<&'static Boots> {
    match &*OUTCOME {
        Outcome::Booted(boots) => Some(boots),
        Outcome::Failed(error) => panic!("{error}"),
        Outcome::Obstacle(reason) => {
            skip(reason);
            None
        }
    }
}
