//! The dnsmasq that is the resolver. It reads its sets and allowlist only when it starts.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use galaf::config::Instance;

use super::files;
use super::place::Place;
use super::running::{PATIENCE, Running, SYSTEMD};

pub(super) const DNSMASQ: &str = "/usr/sbin/dnsmasq";
const UNIT: &str = "galaf-dnsmasq.service";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file needs no resolver.
    NotUsed,
    /// Nothing to tell it.
    Unchanged,
    /// It was started anew.
    Restarted,
    /// It was told to forget its answers.
    Forgot,
    /// It does not run.
    NotRunning(Instance),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUsed => "not needed",
            Self::Unchanged => "unchanged",
            Self::Restarted => "restarted",
            Self::Forgot => "forgot its cached answers",
            Self::NotRunning(Instance::Own) => {
                "does not run: no names are resolved; start it with 'systemctl enable --now galaf-dnsmasq'"
            }
            Self::NotRunning(Instance::NetworkManager) => {
                "does not run: no names are resolved; have NetworkManager.conf(5) say 'dns=dnsmasq' in its section \
                 '[main]', and restart NetworkManager"
            }
        })
    }
}

/// Has dnsmasq read the file at `path`.
///
/// # Errors
/// What it said, or if it is not installed.
pub(super) fn test(path: &Path) -> Result<()> {
    let mut conf = std::ffi::OsString::from("--conf-file=");
    conf.push(path);
    let output = Command::new(DNSMASQ)
        .arg("--test")
        .arg(conf)
        .output()
        .with_context(|| format!("cannot run '{DNSMASQ}'; install the package 'dnsmasq-base'"))?;
    if !output.status.success() {
        bail!("dnsmasq refuses its configuration: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Starts it anew if it runs, or if systemd would have it run.
///
/// # Errors
/// If it does not stop or start.
pub(super) fn restart(place: &Place) -> Result<Outcome> {
    match (place.instance, Running::find(place)) {
        (Instance::NetworkManager, Some(running)) => running.replace(place)?,
        (Instance::Own, Some(running)) if !running.is_supervised() => {
            running.stop()?;
            running.start_again()?;
        }
        (Instance::Own, Some(_)) => restart_unit(place)?,
        (Instance::Own, None) if is_wanted() => restart_unit(place)?,
        (instance, None) => return Ok(Outcome::NotRunning(instance)),
    }
    Ok(Outcome::Restarted)
}

fn restart_unit(place: &Place) -> Result<()> {
    let status = systemctl(&["restart", UNIT]).status().context("cannot run 'systemctl'")?;
    // It may run as another user now.
    let place = &place.read_again();
    // systemd has seen it begin, and not yet whether it gets its port.
    let start = Instant::now();
    while status.success() && start.elapsed() < PATIENCE {
        match Running::find(place) {
            Some(running) if running.has_started() => return Ok(()),
            Some(_) => std::thread::sleep(Duration::from_millis(10)),
            None => break,
        }
    }
    bail!("'{UNIT}' does not start; see 'systemctl status {UNIT}'")
}

/// Whether the unit was started and failed, with a configuration that is another one by now.
fn is_wanted() -> bool {
    let state = || systemctl(&["show", "--property=ActiveState", "--value", UNIT]).output().ok();
    Path::new(SYSTEMD).exists()
        && state().is_some_and(|output| matches!(output.stdout.trim_ascii(), b"activating" | b"failed"))
}

fn systemctl(args: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/systemctl");
    command.args(args).stdin(Stdio::null());
    command
}

/// Has it forget cached answers: a cached answer does not fill a set that was made anew.
///
/// # Errors
/// If the signal cannot be sent.
pub(super) fn forget_answers(place: &Place) -> Result<Outcome> {
    let Some(running) = Running::find(place) else { return Ok(Outcome::NotRunning(place.instance)) };
    running.forget_answers()?;
    Ok(Outcome::Forgot)
}

/// Takes the configuration away where it no longer is, and whoever read it from it: the own instance ends, so that
/// NetworkManager's can listen, and NetworkManager's starts anew without.
///
/// # Errors
/// If the file cannot be removed, or the process does not end.
pub fn leave(place: &Place) -> Result<()> {
    if !place.conf.exists() {
        return Ok(());
    }
    files::remove(&place.conf)?;
    match (place.instance, Running::find(place)) {
        (_, None) => Ok(()),
        (Instance::NetworkManager, Some(running)) => running.replace(place),
        (Instance::Own, Some(running)) if running.is_supervised() => {
            if !systemctl(&["stop", UNIT]).status().context("cannot run 'systemctl'")?.success() {
                bail!("'{UNIT}' does not stop; see 'systemctl status {UNIT}'");
            }
            Ok(())
        }
        (Instance::Own, Some(running)) => running.stop(),
    }
}
