//! Ending early without leaving anything behind.
//!
//! A process that keeps signals for later hands that down to everything it starts, and galaf-gen could not stop
//! dnsmasq any more. So one process waits for signals and another tells the story, until its standard input ends.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{SigSet, Signal};

/// The exit code of a process that SIGINT ended, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

static HAPPENED: AtomicBool = AtomicBool::new(false);
static CGROUP: OnceLock<PathBuf> = OnceLock::new();

/// Runs this program with `argument`; a signal becomes the end of its standard input. Returns its exit code.
pub(crate) fn supervise(argument: &str) -> Result<ExitCode> {
    let signals = signals();
    signals.thread_block()?;
    let own = std::env::current_exe().context("cannot find this program's own file")?;
    let mut story = Command::new(own);
    // In a process group of its own, it does not get the terminal's signals.
    let mut child = story.arg(argument).stdin(Stdio::piped()).process_group(0).spawn().context("cannot start")?;
    let stdin = child.stdin.take();
    thread::spawn(move || {
        let _ = signals.wait();
        drop(stdin);
    });
    let code = child.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Watches for the end of standard input, in the process that [`supervise`] started.
pub(crate) fn watch() -> Result<()> {
    signals().thread_unblock()?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        HAPPENED.store(true, Ordering::Relaxed);
        if let Some(cgroup) = CGROUP.get() {
            // So that nothing is waited for. Before Linux 5.14 there is no such file, and the step that runs ends first.
            let _ = fs::write(cgroup.join("cgroup.kill"), "1");
        }
    });
    Ok(())
}

/// Names the cgroup whose processes are ended then.
pub(crate) fn ends(cgroup: &Path) {
    let _ = CGROUP.set(cgroup.to_owned());
}

pub(crate) fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}

/// # Errors
/// After a signal.
pub(crate) fn check() -> Result<()> {
    ensure!(!happened(), "interrupted");
    Ok(())
}

fn signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals
}
