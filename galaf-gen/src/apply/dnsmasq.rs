//! galaf's own dnsmasq. It reads its sets and allowlist only when it starts.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DNSMASQ: &str = "/usr/sbin/dnsmasq";
const UNIT: &str = "galaf-dnsmasq.service";
/// sd_booted(3): this folder exists while systemd is the machine's init.
const SYSTEMD: &str = "/run/systemd/system";
/// dnsmasq stops at once; a machine under load may take a little.
const PATIENCE: Duration = Duration::from_secs(5);

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
    NotRunning,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUsed => "not needed",
            Self::Unchanged => "unchanged",
            Self::Restarted => "restarted",
            Self::Forgot => "forgot its cached answers",
            Self::NotRunning => {
                "does not run: no names are resolved; start it with 'systemctl enable --now galaf-dnsmasq'"
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
pub(super) fn restart(conf: &Path) -> Result<Outcome> {
    match Running::find(conf) {
        Some(running) if !running.is_supervised() => running.replace()?,
        Some(_) => restart_unit(conf)?,
        None if is_wanted() => restart_unit(conf)?,
        None => return Ok(Outcome::NotRunning),
    }
    Ok(Outcome::Restarted)
}

fn restart_unit(conf: &Path) -> Result<()> {
    let status = systemctl(&["restart", UNIT]).status().context("cannot run 'systemctl'")?;
    // systemd has seen it begin, and not yet whether it gets its port.
    let start = Instant::now();
    while status.success() && start.elapsed() < PATIENCE {
        match Running::find(conf) {
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

/// Has it forget cached answers: a cached answer does not fill a set that was made anew (SIGHUP, dnsmasq(8)).
///
/// # Errors
/// If the signal cannot be sent.
pub(super) fn forget_answers(conf: &Path) -> Result<Outcome> {
    let Some(running) = Running::find(conf) else { return Ok(Outcome::NotRunning) };
    kill(running.pid, Signal::SIGHUP).context("cannot signal dnsmasq")?;
    // Until then it answers from the cache, and such an answer would not open its address. The signal has made the
    // process runnable, and it does not sleep before it has done what the signal asks for.
    running.wait_until("does not forget its answers", |state| state == 'S')?;
    Ok(Outcome::Forgot)
}

/// The process that runs with our configuration in our network namespace.
struct Running {
    pid: Pid,
    command: Vec<String>,
}

impl Running {
    fn find(conf: &Path) -> Option<Self> {
        let ours = fs::read_link("/proc/self/ns/net").ok()?;
        let argument = format!("--conf-file={}", conf.display());
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let command = command_line(&entry.path())?;
            let is_dnsmasq = Path::new(command.first()?).file_name()? == "dnsmasq";
            let same_network = || fs::read_link(entry.path().join("ns/net")).is_ok_and(|net| net == ours);
            (is_dnsmasq && command.contains(&argument) && same_network())
                .then(|| Self { pid: Pid::from_raw(pid), command })
        })
    }

    /// Whether somebody else starts it again when it ends.
    fn is_supervised(&self) -> bool {
        Path::new(SYSTEMD).exists() && self.command.iter().any(|argument| argument == "--keep-in-foreground")
    }

    /// Whether it has its ports: it gives up root when it has opened them.
    fn has_started(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        effective_uid(&status).is_some_and(|uid| uid != "0")
    }

    /// Stops it and starts it again with the same command.
    fn replace(&self) -> Result<()> {
        self.stop()?;
        let (program, args) = self.command.split_first().context("dnsmasq has no command line")?;
        let status = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run '{program}'"))?;
        if !status.success() {
            bail!("dnsmasq does not start again");
        }
        Ok(())
    }

    fn stop(&self) -> Result<()> {
        kill(self.pid, Signal::SIGTERM).context("cannot stop dnsmasq")?;
        // The kernel closes a process's sockets before it becomes a zombie, but after its memory, and with it its
        // command line, is gone.
        self.wait_until("does not stop", |state| matches!(state, 'Z' | 'X'))
    }

    /// Waits for a state of proc_pid_stat(5), or for the end of the process.
    fn wait_until(&self, failure: &str, is_reached: impl Fn(char) -> bool) -> Result<()> {
        let stat = format!("/proc/{}/stat", self.pid);
        let start = Instant::now();
        while fs::read_to_string(&stat).is_ok_and(|stat| !state(&stat).is_some_and(&is_reached)) {
            if start.elapsed() > PATIENCE {
                bail!("dnsmasq (pid {}) {failure}", self.pid);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The effective uid in proc_pid_status(5).
fn effective_uid(status: &str) -> Option<&str> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace().nth(1)
}

/// The state in a line of proc_pid_stat(5).
fn state(stat: &str) -> Option<char> {
    // The name, in parentheses, may itself have parentheses and spaces.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn command_line(process: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(process.join("cmdline")).ok()?;
    let command: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    (!command.is_empty()).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::{effective_uid, state};

    #[test]
    fn the_state_is_found_behind_any_name() {
        assert_eq!(state("7 (dnsmasq) R 1 7 7 0"), Some('R'));
        assert_eq!(state("7 (Z) ) S 1 7 7 0"), Some('S'));
        assert_eq!(state("7 (odd) name) X 1 7 7 0"), Some('X'));
        assert_eq!(state("7"), None);
    }

    #[test]
    fn the_effective_uid_is_the_second() {
        assert_eq!(effective_uid("Name:\tdnsmasq\nUid:\t0\t999\t0\t0\nGid:\t0\t1\t2\t3\n"), Some("999"));
        assert_eq!(effective_uid("Name:\tdnsmasq\n"), None);
    }
}
