//! The compiler and the linker for `bpfel-unknown-none`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{self, command, find_in_path, output, run};

const TARGET: &str = "bpfel-unknown-none";
/// Installed where none is found. Its LLVM must not be older than the compiler's.
const LINKER_VERSION: &str = "0.13.0";
/// Where Debian's llvm-22-dev puts it.
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
/// Packages of the program whose version decides what comes out.
const RECORDED_PACKAGES: [&str; 3] = ["aya-ebpf", "aya-log-ebpf", "aya-log-common"];

const HOW_TO_INSTALL: &str = "no Rust compiler for bpfel-unknown-none found; on Debian: \
    apt-get install rustc-web cargo-web libstd-rust-web-dev-bpf llvm-22-dev libpolly-22-dev; \
    with rustup: rustup toolchain install nightly --component rust-src";

/// Where the target's `core` comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Core {
    /// Ready-made: Debian's libstd-rust-web-dev-bpf.
    Installed,
    /// Built from the component rust-src.
    FromSource,
}

pub(super) struct Toolchain {
    pub(super) cargo: PathBuf,
    pub(super) rustc: PathBuf,
    pub(super) linker: PathBuf,
    pub(super) core: Core,
}

impl Toolchain {
    /// Looks for a compiler, then for the linker, which it installs if there is none.
    pub(super) fn find() -> Result<Self> {
        let (cargo, rustc, core) = debian().or_else(rustup).context(HOW_TO_INSTALL)?;
        let linker = linker(&cargo, &rustc)?;
        Ok(Self { cargo, rustc, linker, core })
    }

    /// One line a version. Equal text means equal objects.
    pub(super) fn record(&self) -> Result<String> {
        let verbose = output(command(&self.rustc).arg("-vV"))?;
        let field = |name: &str| verbose.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown");
        let mut record = format!("rustc {}\nLLVM {}\n", field("release: "), field("LLVM version: "));
        record += &format!("{}\n", output(command(&self.linker).arg("--version"))?);
        let lock = fs::read_to_string(workspace::root()?.join("Cargo.lock")).context("cannot read 'Cargo.lock'")?;
        for package in RECORDED_PACKAGES {
            record += &format!("{package} {}\n", locked_version(&lock, package)?);
        }
        Ok(record)
    }
}

fn debian() -> Option<(PathBuf, PathBuf, Core)> {
    let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
    let has_core = sysroot(&rustc)?.join("lib/rustlib").join(TARGET).is_dir();
    (cargo.is_file() && has_core).then_some((cargo, rustc, Core::Installed))
}

fn rustup() -> Option<(PathBuf, PathBuf, Core)> {
    let which =
        |tool| output(command("rustup").args(["which", "--toolchain", "nightly", tool])).ok().map(PathBuf::from);
    let rustc = which("rustc")?;
    let has_source = sysroot(&rustc)?.join("lib/rustlib/src/rust/library").is_dir();
    has_source.then_some((which("cargo")?, rustc, Core::FromSource))
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    output(command(rustc).args(["--print", "sysroot"])).ok().map(PathBuf::from)
}

fn linker(cargo: &Path, rustc: &Path) -> Result<PathBuf> {
    let tools = workspace::target_dir()?.join("tools");
    let own = tools.join("bin/bpf-linker");
    if let Some(found) = find_in_path("bpf-linker") {
        return Ok(found);
    }
    if !own.is_file() {
        install_linker(cargo, rustc, &tools)?;
    }
    Ok(own)
}

fn install_linker(cargo: &Path, rustc: &Path, tools: &Path) -> Result<()> {
    if !Path::new(LLVM_PREFIX).join("include/llvm-c").is_dir() {
        bail!(
            "no bpf-linker in PATH, and none can be built without LLVM 22: apt-get install llvm-22-dev libpolly-22-dev"
        );
    }
    eprintln!("xtask: installing bpf-linker {LINKER_VERSION} into '{}'", tools.display());
    run(command(cargo)
        .env("RUSTC", rustc)
        .env("RUSTFLAGS", format!("-L {LLVM_PREFIX}/lib"))
        .env("LLVM_PREFIX", LLVM_PREFIX)
        .env("LLVM_SYS_221_PREFIX", LLVM_PREFIX)
        .args(["install", "bpf-linker", "--locked", "--version", LINKER_VERSION])
        .args(["--no-default-features", "--features", "llvm-22", "--root"])
        .arg(tools))
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Result<&'a str> {
    let name = format!("name = \"{package}\"");
    lock.split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == name))
        .and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")))
        .map(|version| version.trim_matches('"'))
        .with_context(|| format!("'{package}' is not in Cargo.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"aya-ebpf-cty\"\nversion = \"0.3.0\"\n\n\
        [[package]]\nname = \"aya-ebpf\"\nversion = \"0.2.1\"\ndependencies = [\n \"aya-ebpf-cty\",\n]\n";

    #[test]
    fn the_version_of_a_package_is_not_that_of_one_whose_name_it_begins() {
        assert_eq!(locked_version(LOCK, "aya-ebpf").unwrap(), "0.2.1");
    }

    #[test]
    fn a_package_that_is_not_locked_is_named() {
        let error = locked_version(LOCK, "aya").unwrap_err();
        assert_eq!(error.to_string(), "'aya' is not in Cargo.lock");
    }
}
