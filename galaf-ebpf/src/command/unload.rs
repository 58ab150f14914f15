//! `galaf-ebpf unload`

use std::io::{self, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aya::programs::loaded_links;

use super::require_privileges;
use crate::cli;
use crate::pins;

/// The kernel lets go of a link behind its last pin in a work of its own: at once, or a little later on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn unload(options: &cli::Unload) -> Result<()> {
    require_privileges()?;
    let attached = attached(&options.pins.dir)?;
    if !pins::remove_all(&options.pins.dir)? {
        writeln!(io::stdout(), "not loaded")?;
    }
    let start = Instant::now();
    while let Some(id) = attached.filter(|id| is_loaded(*id)) {
        ensure!(start.elapsed() < PATIENCE, "the kernel still holds link {id}: is another process using it?");
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The kernel's number of the link in `dir`.
fn attached(dir: &Path) -> Result<Option<u32>> {
    let Some(link) = pins::current(dir)? else { return Ok(None) };
    Ok(Some(link.info().context("cannot ask the kernel about the link")?.id()))
}

fn is_loaded(id: u32) -> bool {
    loaded_links().flatten().any(|link| link.id() == id)
}
