//! Mounts, network and processes of a workstation's own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::install::BIN_DIR;
use crate::run::{Identity, Outcome};

/// After this long a command counts as hung, in the form of timeout(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// It is waited for.
    Short,
    /// It goes on beside the test.
    Long,
}
/// Namespaces end at once when their first process does.
const PATIENCE: Duration = Duration::from_secs(5);

/// Root's folders that the trust checks look at have mode 755 on a real machine; a tmpfs would have 1777.
const MOUNTS: &str = "\
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/etc /run/dnsmasq
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
for dir in /opt /home /var/lib; do mount -t tmpfs -o mode=755 tmpfs $dir; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
echo ready
exec cat
";

/// Namespaces held open by a process that ends when its standard input does. It is the first of its process
/// namespace, so that everything in there ends with it, even if the test is killed.
pub(super) struct Namespaces {
    holder: Child,
    cgroup: PathBuf,
}

impl Namespaces {
    pub(super) fn new(cgroup: &Path) -> Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "--mount-proc"])
            .args(["sh", "-ec", MOUNTS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run 'unshare'")?;
        let mut answer = [0; 6];
        let is_ready = holder.stdout.as_mut().is_some_and(|stdout| stdout.read_exact(&mut answer).is_ok());
        if !is_ready {
            let outcome = Outcome::from(holder.wait_with_output()?);
            bail!("cannot make namespaces with file systems of their own: {}", outcome.stderr);
        }
        Ok(Self { holder, cgroup: cgroup.to_owned() })
    }

    /// A path inside as this process reaches it.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.holder.id()))
    }

    /// A command in the workstation's network and cgroup.
    pub(super) fn command(&self, limit: Limit, who: &Identity, argv: &[&str]) -> Command {
        let enter = format!("echo 0 > '{}/cgroup.procs' && exec \"$@\"", self.cgroup.display());
        let setpriv = who.setpriv();
        let mut command = self.enter(limit);
        command.args(["sh", "-c", &enter, "sh"]).args(setpriv).args(argv);
        command
    }

    /// A command of root's in another network namespace that `ip netns` made inside.
    pub(super) fn command_elsewhere(&self, limit: Limit, network: &str, argv: &[&str]) -> Command {
        let mut command = self.enter(limit);
        command.args(["nsenter", &format!("--net=/run/netns/{network}"), "--"]).args(argv);
        command
    }

    /// Runs a shell script as root, which must succeed.
    pub(super) fn shell(&self, script: &str) -> Result<String> {
        let mut command = self.enter(Limit::Short);
        Outcome::of(command.args(["sh", "-ec", script]))?.success()
    }

    fn enter(&self, limit: Limit) -> Command {
        let limit = match limit {
            Limit::Short => "60s",
            Limit::Long => "20m",
        };
        let proc = format!("/proc/{}/ns", self.holder.id());
        let mut command = Command::new("timeout");
        command
            .args(["--signal=KILL", limit, "nsenter"])
            .args([format!("--mount={proc}/mnt"), format!("--net={proc}/net")])
            // Entering a mount namespace leaves a chroot, and with it the file systems that cover the machine's own.
            .args(["root", "wd"].map(|option| format!("--{option}=/proc/{}/root", self.holder.id())))
            .args([format!("--pid={proc}/pid_for_children"), "--".to_owned()])
            .env_clear()
            .env("PATH", format!("{BIN_DIR}:/usr/sbin:/usr/bin:/sbin:/bin"))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !matches!(self.holder.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
