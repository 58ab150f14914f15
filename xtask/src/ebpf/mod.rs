//! Builds the kernel-side program, whose object is committed so that galaf itself builds with stable Rust alone.

mod build;
mod check;
mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::workspace;
use toolchain::Toolchain;

/// The committed object, below the workspace.
const OBJECT: &str = "galaf-ebpf/object/galaf.bpf.o";
/// What it was built with.
const RECORD: &str = "galaf-ebpf/object/toolchain.txt";

/// Rebuild the kernel-side program from source.
///
/// Writes galaf-ebpf/object/galaf.bpf.o and, beside it, toolchain.txt: the versions that made it.
///
/// Toolchain, the first that is found: Debian's
/// (apt-get install rustc-web cargo-web libstd-rust-web-dev-bpf llvm-22-dev libpolly-22-dev),
/// or rustup's nightly (rustup toolchain install nightly --component rust-src).
/// bpf-linker is taken from PATH, or installed into target/tools.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing: prove that the committed object is what the source gives
    ///
    /// With the recorded versions: byte by byte. With others: the rebuilt object is loaded, and must mark
    /// the sockets of the whole test matrix as the committed one does (needs root).
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let record = toolchain.record()?;
    let built = build::build(&toolchain)?;
    if options.check {
        return check::check(&built, &record);
    }
    let object = workspace::root()?.join(OBJECT);
    fs::create_dir_all(object.parent().unwrap_or(Path::new(".")))?;
    fs::copy(&built, &object).with_context(|| format!("cannot write '{}'", object.display()))?;
    fs::write(workspace::root()?.join(RECORD), record).with_context(|| format!("cannot write '{RECORD}'"))?;
    println!("{OBJECT}: {} bytes", fs::metadata(&object)?.len());
    Ok(())
}
