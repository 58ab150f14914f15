//! The resolver's process.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use galaf::id::UserId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::dnsmasq::DNSMASQ;
use super::place::Place;

/// sd_booted(3): this folder exists while systemd is the machine's init.
pub(super) const SYSTEMD: &str = "/run/systemd/system";
/// dnsmasq stops at once; a machine under load may take a little.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The process that runs with our configuration in our network namespace.
pub(super) struct Running {
    pid: Pid,
    command: Vec<String>,
}

impl Running {
    pub(super) fn find(place: &Place) -> Option<Self> {
        let ours = fs::read_link("/proc/self/ns/net").ok()?;
        let argument = place.argument();
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let command = command_line(&entry.path())?;
            let is_dnsmasq = Path::new(command.first()?).file_name()? == "dnsmasq";
            let same_network = || fs::read_link(entry.path().join("ns/net")).is_ok_and(|net| net == ours);
            let is_trusted = || owner(&entry.path()).is_some_and(|owner| place.may_be_of(owner));
            (is_dnsmasq && command.contains(&argument) && same_network() && is_trusted())
                .then(|| Self { pid: Pid::from_raw(pid), command })
        })
    }

    /// Whether somebody else starts it again when it ends.
    pub(super) fn is_supervised(&self) -> bool {
        Path::new(SYSTEMD).exists() && self.command.iter().any(|argument| argument == "--keep-in-foreground")
    }

    pub(super) fn stop(&self) -> Result<()> {
        kill(self.pid, Signal::SIGTERM).context("cannot stop dnsmasq")?;
        // The kernel closes a process's sockets before it becomes a zombie, but after its memory, and with it its
        // command line, is gone.
        self.wait_until("does not stop", |state| matches!(state, 'Z' | 'X'))
    }

    /// Starts it again as it was, after it was stopped.
    pub(super) fn start_again(&self) -> Result<()> {
        let status = Command::new(DNSMASQ)
            .args(self.command.iter().skip(1))
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run '{DNSMASQ}'"))?;
        if !status.success() {
            bail!("dnsmasq does not start again");
        }
        Ok(())
    }

    /// Whether it has its ports: it gives up root when it has opened them.
    pub(super) fn has_started(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        uids(&status).is_some_and(|[_, effective]| effective != UserId::ROOT)
    }

    /// Ends it and waits for the one that whoever runs it starts in its place.
    pub(super) fn replace(&self, place: &Place) -> Result<()> {
        self.stop()?;
        // It may run as another user now.
        let place = &place.read_again();
        let start = Instant::now();
        while Self::find(place).is_none_or(|running| running.pid == self.pid) {
            if start.elapsed() > PATIENCE {
                bail!("NetworkManager does not start its dnsmasq again; see 'journalctl -u NetworkManager'");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Has it forget cached answers (SIGHUP, dnsmasq(8)), and waits until it has.
    pub(super) fn forget_answers(&self) -> Result<()> {
        kill(self.pid, Signal::SIGHUP).context("cannot signal dnsmasq")?;
        // Until then it answers from the cache, and such an answer would not open its address. The signal has made the
        // process runnable, and it does not sleep before it has done what the signal asks for.
        self.wait_until("does not forget its answers", |state| state == 'S')
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

/// The state in a line of proc_pid_stat(5).
fn state(stat: &str) -> Option<char> {
    // The name, in parentheses, may itself have parentheses and spaces.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The real user. Not who the folder belongs to: that is root for every process that makes itself undumpable (proc(5)).
fn owner(process: &Path) -> Option<UserId> {
    uids(&fs::read_to_string(process.join("status")).ok()?).map(|[real, _]| real)
}

/// The real and the effective uid in proc_pid_status(5).
fn uids(status: &str) -> Option<[UserId; 2]> {
    let mut uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace();
    let mut next = || uids.next()?.parse().ok().map(UserId);
    Some([next()?, next()?])
}

fn command_line(process: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(process.join("cmdline")).ok()?;
    let command: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    (!command.is_empty()).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::{state, uids};
    use galaf::id::UserId;

    #[test]
    fn the_state_is_found_behind_any_name() {
        assert_eq!(state("7 (dnsmasq) R 1 7 7 0"), Some('R'));
        assert_eq!(state("7 (Z) ) S 1 7 7 0"), Some('S'));
        assert_eq!(state("7 (odd) name) X 1 7 7 0"), Some('X'));
        assert_eq!(state("7"), None);
    }

    #[test]
    fn the_first_uid_is_the_real_one_and_the_second_the_effective_one() {
        let status = "Name:\tdnsmasq\nUid:\t0\t999\t7\t8\nGid:\t1\t2\t3\t4\n";
        assert_eq!(uids(status), Some([UserId(0), UserId(999)]));
        assert_eq!(uids("Name:\tdnsmasq\n"), None);
    }
}
