//! galaf's programs on the workstation, as a package would install them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};

use super::binaries;
use super::namespace::Namespaces;

/// Where they are; it is on everybody's PATH.
pub const BIN_DIR: &str = "/opt/galaf/bin";
/// The program that tries connections, by the absolute path that an `execv` needs.
pub const PEER: &str = "/opt/galaf/bin/galaf-peer";

pub(super) fn install(namespaces: &Namespaces) -> Result<()> {
    let from = binaries::dir().context("the programs cannot be found")?;
    let to = namespaces.path(BIN_DIR);
    fs::create_dir_all(&to)?;
    for program in binaries::PROGRAMS {
        // Copied: the launcher trusts only what belongs to root, and capabilities belong to the file.
        fs::copy(from.join(program), to.join(program)).with_context(|| format!("cannot install '{program}'"))?;
        fs::set_permissions(to.join(program), fs::Permissions::from_mode(0o755))?;
    }
    namespaces.shell(&format!("setcap cap_setgid+ep {BIN_DIR}/galaf")).map(drop)
}
