//! Where things are, and how commands are run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The workspace's folder.
pub(crate) fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package lies in no workspace")
}

/// Cargo's target folder, `CARGO_TARGET_DIR` included.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(root()?.join(dir))
}

/// A command without what `cargo xtask` itself was started with: a second toolchain would pick it up.
pub(crate) fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    for name in ["CARGO", "RUSTC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    command
}

/// Runs to success, its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = name_of(command);
    let status = command.status().with_context(|| format!("cannot run '{name}'"))?;
    ensure!(status.success(), "'{name}' failed ({status})");
    Ok(())
}

/// Runs to success and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name_of(command);
    let output = command.stderr(Stdio::piped()).output().with_context(|| format!("cannot run '{name}'"))?;
    if !output.status.success() {
        bail!("'{name}' failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout).with_context(|| format!("'{name}' printed no text"))?.trim().to_owned())
}

/// Where `PATH` finds a program.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn name_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
