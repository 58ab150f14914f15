//! galaf's programs on the workstation, as a package would install them.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::binaries;
use super::namespace::Namespaces;
use crate::run::Outcome;

/// Where they are; it is on everybody's PATH.
pub const BIN_DIR: &str = "/opt/galaf/bin";
/// The program that tries connections, by the absolute path that an `execv` needs.
pub const PEER: &str = "/opt/galaf/bin/galaf-peer";

pub(super) fn install(namespaces: &Namespaces) -> Result<()> {
    let from = binaries::dir().context("the programs cannot be found")?;
    let to = namespaces.path(BIN_DIR);
    fs::create_dir_all(&to)?;
    for program in binaries::PROGRAMS {
        // Copied: the launcher trusts only what belongs to root, and capabilities belong to the file. By a process of its own:
        // a child of another test's thread would inherit what this one has open for writing, and a program that is
        // cannot be executed (ETXTBSY).
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(from.join(program)).arg(&to);
        Outcome::of(&mut install)?.success().with_context(|| format!("cannot install '{program}'"))?;
    }
    namespaces.shell(&format!("setcap cap_setgid+ep {BIN_DIR}/galaf")).map(drop)
}
