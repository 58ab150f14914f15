//! The files that the boot, the launcher and the resolver read.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use galaf::fold::IdBase;
use galaf::launch::Index;
use galaf::paths::{LAUNCH_INDEX, RULESET};

use super::files::{self, Staged};
use crate::render::Artifacts;

/// All of them, on disk beside those whose places they will take: what a full disk does not hold is known before
/// anything changes.
pub(crate) struct Kept {
    ruleset: Staged,
    launch_index: Staged,
    resolver: Option<Staged>,
    resolver_path: PathBuf,
}

impl Kept {
    /// Writes what `artifacts` has into `state_dir`, which is made if missing, and the resolver's configuration beside
    /// `resolver_path`.
    ///
    /// # Errors
    /// If a file cannot be written; none has taken its place then.
    pub(crate) fn stage(artifacts: &Artifacts, state_dir: &Path, resolver_path: &Path) -> Result<Self> {
        std::fs::create_dir_all(state_dir).with_context(|| format!("cannot make '{}'", state_dir.display()))?;
        Ok(Self {
            ruleset: Staged::new(&state_dir.join(RULESET), &artifacts.ruleset.text)?,
            launch_index: Staged::new(&state_dir.join(LAUNCH_INDEX), &artifacts.launch_index)?,
            resolver: artifacts.dnsmasq.as_ref().map(|text| Staged::new(resolver_path, text)).transpose()?,
            resolver_path: resolver_path.to_owned(),
        })
    }

    /// Where the resolver's new configuration is, if there is one.
    pub(super) fn resolver(&self) -> Option<&Path> {
        self.resolver.as_ref().map(Staged::path)
    }

    /// Puts them in their places; whether the resolver has another configuration than before.
    ///
    /// # Errors
    /// If one cannot be renamed; those before it have taken their places.
    pub(crate) fn commit(self) -> Result<bool> {
        self.ruleset.commit()?;
        self.launch_index.commit()?;
        match self.resolver {
            Some(resolver) => resolver.commit(),
            None => files::remove(&self.resolver_path).map(|()| false),
        }
    }
}

/// The containers of the index in `state_dir`; none if there is no index.
pub(super) fn containers(state_dir: &Path) -> Vec<IdBase> {
    let index = File::open(state_dir.join(LAUNCH_INDEX)).ok().and_then(|file| Index::open(file).ok());
    index.map(|index| index.header().containers.clone()).unwrap_or_default()
}
