//! `galaf-ebpf unload`

use std::io::{self, Write};

use anyhow::Result;

use super::require_privileges;
use crate::cli;
use crate::pins;

pub(crate) fn unload(options: &cli::Unload) -> Result<()> {
    require_privileges()?;
    if !pins::remove_all(&options.pins.dir)? {
        writeln!(io::stdout(), "not loaded")?;
    }
    Ok(())
}
