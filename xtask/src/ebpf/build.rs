//! One build, the same bytes on every machine.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::toolchain::{Core, Toolchain};
use crate::workspace::{self, command, run};

/// Joins compiler flags in `CARGO_ENCODED_RUSTFLAGS`, where a space may be part of one.
const SEPARATOR: &str = "\x1f";

/// Builds into the target folder and gives the object's path.
pub(super) fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let root = workspace::root()?;
    let target_dir = workspace::target_dir()?.join("ebpf");
    let mut cargo = command(&toolchain.cargo);
    cargo
        .current_dir(root)
        .env("RUSTC", &toolchain.rustc)
        // The target is tier 3, and its `asm!` unstable; Debian's compiler is a stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags()?)
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker)
        .env("CARGO_TARGET_DIR", &target_dir)
        .args(["build", "--locked", "--profile", "ebpf", "--package", "galaf-ebpf-program"])
        .args(["--target", "bpfel-unknown-none"]);
    if toolchain.core == Core::FromSource {
        cargo.args(["-Z", "build-std=core"]);
    }
    run(&mut cargo)?;
    Ok(target_dir.join("bpfel-unknown-none/ebpf/galaf-ebpf-program"))
}

fn flags() -> Result<String> {
    let root = workspace::root()?.display().to_string();
    let cargo_home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"));
    let cargo_home = cargo_home.context("neither CARGO_HOME nor HOME is set")?;
    Ok([
        // 32-bit arithmetic and jumps, which every kernel that can load the program has (5.1).
        "-Ctarget-cpu=v3".to_owned(),
        // No path of the machine gets into the object.
        format!("--remap-path-prefix={cargo_home}=/cargo"),
        format!("--remap-path-prefix={root}=/galaf"),
    ]
    .join(SEPARATOR))
}
