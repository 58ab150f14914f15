//! The programs that the machine is made with.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Each with the Debian package it comes in.
const NEEDED: [(&str, &str); 3] =
    [("qemu-system-x86_64", "qemu-system-x86"), ("mmdebstrap", "mmdebstrap"), ("mkfs.ext4", "e2fsprogs")];
/// Fetching Debian takes half a minute over a good line.
const PATIENCE: &str = "300";

/// Why no machine can be made here.
pub(crate) fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("making a disk with root's files needs root".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    NEEDED
        .iter()
        .find(|(program, _)| !is_there(program))
        .map(|(program, package)| format!("'{program}' is missing; install the package '{package}'"))
}

/// Runs `command` to its end, within five minutes.
///
/// # Errors
/// If it fails; with what it said.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = Path::new(command.get_program()).to_owned();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_owned).collect();
    let output = Command::new("timeout")
        .args(["--kill-after=5", PATIENCE])
        .arg(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run 'timeout'")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("'{}' failed ({}): {}", program.display(), output.status, said.trim());
    }
    Ok(())
}
