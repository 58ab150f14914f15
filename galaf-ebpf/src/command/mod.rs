//! One file a subcommand.

mod load;
mod log;
mod probe;
mod status;
mod unload;

use std::path::Path;

use anyhow::{Result, ensure};

use crate::host::{PROC, privileges};

pub(crate) use load::load;
pub(crate) use log::log;
pub(crate) use probe::probe;
pub(crate) use status::status;
pub(crate) use unload::unload;

/// Asked first: the kernel's own answer to each step would be "operation not permitted" alone.
fn require_privileges() -> Result<()> {
    let missing = privileges::missing(Path::new(PROC))?;
    ensure!(missing.is_empty(), "missing {}: run it as root", missing.join(", "));
    Ok(())
}
