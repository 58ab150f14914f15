//! Namespaces, and commands inside them.

use std::fs;
use std::io::Read;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::interrupt;

/// Where a place has the programs under test. The folder is the place's own.
pub(super) const INSTALLED: &str = "/opt";
/// Seconds after which a command counts as hung. Two thousand applications with names take the longest.
const TIME_LIMIT: &str = "600";

/// The programs under test.
pub(super) struct Binaries(Vec<PathBuf>);

impl Binaries {
    pub(super) fn in_dir(dir: &Path) -> Result<Self> {
        let paths: Vec<PathBuf> = super::PACKAGES.iter().map(|name| dir.join(name)).collect();
        for path in &paths {
            ensure!(path.is_file(), "'{}' is not there; 'cargo xtask bench' builds it", path.display());
        }
        Ok(Self(paths))
    }
}

/// A network and a mount namespace.
pub(super) struct Place {
    holder: Held,
}

/// Who runs a command.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// An ordinary user, whom no account needs to have.
pub(super) const USER: Ids = Ids { uid: 1000, gid: 1000 };

impl Place {
    pub(super) fn new(binaries: &Binaries) -> Result<Self> {
        let script = format!(
            "mount -t tmpfs -o mode=755 tmpfs {INSTALLED} && mount -t tmpfs -o mode=755 tmpfs /var/lib && \
             ip link set lo up && echo ready && exec cat"
        );
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--propagation", "private", "sh", "-c", &script]);
        let place = Self { holder: Held::start(&mut command)? };
        for path in &binaries.0 {
            let name = path.file_name().context("a program has no name")?;
            fs::copy(path, place.outside(INSTALLED).join(name))?;
        }
        Ok(place)
    }

    /// A path of the place as this process reaches it.
    pub(super) fn outside(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.pid()))
    }

    pub(super) fn pid(&self) -> u32 {
        self.holder.0.id()
    }

    /// A file of root's that everybody may read.
    pub(super) fn write(&self, inside: &str, text: &str) -> Result<()> {
        let path = self.outside(inside);
        fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
        Ok(())
    }

    /// Runs a shell script as root.
    pub(super) fn script(&self, script: &str) -> Result<()> {
        output(self.command().args(["sh", "-ec", script])).map(drop).with_context(|| script.to_owned())
    }

    /// A command of root's, to be continued with the program and its arguments.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "--signal=KILL", TIME_LIMIT, "nsenter"]);
        command.args(
            [("net", "ns/net"), ("mount", "ns/mnt"), ("root", "root"), ("wd", "root")]
                .map(|(option, file)| format!("--{option}=/proc/{}/{file}", self.pid())),
        );
        command.arg("--");
        command.stdin(Stdio::null());
        command
    }

    /// Has the measuring process do `task`, as an ordinary user; its samples.
    pub(super) fn measure(&self, cgroup: Option<&Path>, ids: Ids, task: &[&str]) -> Result<Vec<Duration>> {
        let worker = format!("{INSTALLED}/xtask");
        let mut command = self.command();
        if let Some(cgroup) = cgroup {
            command.args(["sh", "-ec", "echo 0 > \"$0\"/cgroup.procs; exec \"$@\""]).arg(cgroup);
        }
        let Ids { uid, gid } = ids;
        command.args(["setpriv", &format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups", "--"]);
        let text = output(command.args([&worker, "bench-worker"]).args(task))?;
        let samples = text.lines().map(|line| Ok(Duration::from_nanos(line.parse()?)));
        samples.collect::<Result<Vec<_>>>().with_context(|| format!("'{}' printed something else", task.join(" ")))
    }

    /// Starts a shell command of root's, which ends with the value. SIGTERM is blocked in
    /// what the benchmark starts.
    pub(super) fn hold(&self, command: &str) -> Result<Held> {
        Held::start(self.command().args([
            "sh",
            "-c",
            &format!("{command} & echo ready; cat; {{ kill -KILL $!; wait $!; }} 2>/dev/null"),
        ]))
    }

    /// Starts a name server, which ends with the value.
    pub(super) fn answer_names(&self, address: SocketAddrV4) -> Result<Held> {
        let worker = format!("{INSTALLED}/xtask");
        Held::start(self.command().args([&worker, "bench-worker", "answer-names", &address.to_string()]))
    }

    /// Starts the other end of a measurement, which ends with the value.
    pub(super) fn serve(&self, port: u16, answering_port: u16) -> Result<Held> {
        let worker = format!("{INSTALLED}/xtask");
        Held::start(self.command().args([
            &worker,
            "bench-worker",
            "serve",
            &port.to_string(),
            &answering_port.to_string(),
        ]))
    }
}

/// A process that ends when its standard input does, however this one ends.
pub(super) struct Held(Child);

impl Held {
    /// The process has said that it is ready.
    fn start(command: &mut Command) -> Result<Self> {
        let mut held = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let mut answer = [0; 6];
        let said = held.0.stdout.as_mut().map_or(Ok(()), |pipe| pipe.read_exact(&mut answer));
        ensure!(said.is_ok() && answer == *b"ready\n", "a process of the measurement does not start");
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Runs to success, unless somebody wants it to end.
pub(super) fn output(command: &mut Command) -> Result<String> {
    interrupt::check()?;
    let outcome = crate::workspace::output(command);
    interrupt::check()?;
    outcome
}
