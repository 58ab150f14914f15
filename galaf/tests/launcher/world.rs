//! A private place with an installed launcher and an index, which ends with the value that holds it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use galaf::id::{GidRange, GroupId};
use galaf::launch::{Header, LaunchEntry, compile};
use galaf::name::Name;

/// The ordinary user of the tests: ids that no account and no application has.
pub(crate) const UID: u32 = 61000;
pub(crate) const GID: u32 = 61001;
/// A group that gives access to files, and the group of another application.
pub(crate) const FILES_GID: u32 = 61002;
pub(crate) const OTHER_APPLICATION: u32 = 30077;
/// The group that [`entry`] gives.
pub(crate) const APPLICATION: u32 = 30004;

pub(crate) const GALAF: &str = "/opt/galaf";
/// A folder that the ordinary user owns.
pub(crate) const SCRATCH: &str = "/opt/scratch";

const SECONDS: &str = "30";

/// Unless this is set, a test that cannot run here says so and passes.
const NO_SKIP: &str = "GALAF_NO_SKIP";

/// Says why a test cannot run. The stream itself is written, because the harness swallows what macros print, and at
/// once, because tests run side by side.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os(NO_SKIP).is_none_or(|value| value != "1"), "{NO_SKIP} is set, but: {reason}");
    let _ = std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
}

/// An application with every restriction on, executing `execv`.
pub(crate) fn entry(execv: &[&str]) -> LaunchEntry {
    LaunchEntry {
        gid: GroupId(APPLICATION),
        execv: execv.iter().map(ToString::to_string).collect(),
        users: None,
        env: vec![],
        keep_env: vec![],
        no_new_privileges: true,
        seccomp: true,
        user_owned: false,
    }
}

/// The same without `no_new_privileges` and seccomp.
pub(crate) fn unrestricted(execv: &[&str]) -> LaunchEntry {
    LaunchEntry { no_new_privileges: false, seccomp: false, ..entry(execv) }
}

/// A mount namespace, held open by a process that ends when its standard input is closed.
pub(crate) struct World {
    holder: Child,
}

impl World {
    /// `None` if this machine cannot hold one, which has been said then.
    pub(crate) fn new(applications: &[(&str, LaunchEntry)]) -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            skip("needs root");
            return None;
        }
        let script = "mount -t tmpfs -o mode=755 tmpfs /opt && mount -t tmpfs -o mode=755 tmpfs /var/lib \
                      && mkdir /var/lib/galaf && echo ready && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare(1)");
        let mut answer = [0; 6];
        if holder.stdout.as_mut().expect("piped").read_exact(&mut answer).is_err() {
            let _ = holder.wait();
            skip("cannot make a mount namespace with file systems of its own");
            return None;
        }
        let world = Self { holder };
        world.install(applications);
        Some(world)
    }

    fn install(&self, applications: &[(&str, LaunchEntry)]) {
        self.put(env!("CARGO_BIN_EXE_galaf"), GALAF, "755", "");
        self.as_root(&format!("setcap cap_setgid+ep {GALAF} && mkdir {SCRATCH} && chown {UID}:{GID} {SCRATCH}"));
        self.grant(applications);
    }

    /// Writes the index anew.
    pub(crate) fn grant(&self, applications: &[(&str, LaunchEntry)]) {
        let entries: BTreeMap<Name, LaunchEntry> =
            applications.iter().map(|(name, entry)| (Name::new(name).unwrap(), entry.clone())).collect();
        self.write(
            "/var/lib/galaf/applications",
            &compile(&Header { gid_range: GidRange::DEFAULT, containers: Vec::new() }, &entries),
        );
    }

    /// A path of the namespace as this process reaches it.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.holder.id()))
    }

    /// Makes a file of root's, readable by all.
    pub(crate) fn write(&self, inside: &str, text: &str) {
        self.put("/dev/stdin", inside, "644", text);
    }

    /// Installs `from` by a process of its own: a child of another test's thread inherits every descriptor this process
    /// has open at that moment, and a program that is open for writing cannot be executed (ETXTBSY).
    fn put(&self, from: &str, inside: &str, mode: &str, input: &str) {
        let mut install = Command::new("install")
            .args(["-m", mode, from])
            .arg(self.path(inside))
            .stdin(Stdio::piped())
            .spawn()
            .expect("install(1)");
        install.stdin.take().expect("piped").write_all(input.as_bytes()).unwrap();
        assert!(install.wait().unwrap().success(), "cannot install '{inside}'");
    }

    /// Makes a link named `inside` that leads to the launcher.
    pub(crate) fn link_to_launcher(&self, inside: &str) {
        symlink(GALAF, self.path(inside)).unwrap();
    }

    /// Runs a shell script as root inside, which must succeed.
    pub(crate) fn as_root(&self, script: &str) {
        let outcome = Outcome::of(&mut self.root(&["sh", "-ec", script]));
        assert_eq!(outcome.code, 0, "{script}: {outcome:?}");
    }

    /// A command of root's inside, with an environment that is empty but for PATH.
    pub(crate) fn root(&self, command: &[&str]) -> Command {
        let namespace = format!("--mount=/proc/{}/ns/mnt", self.holder.id());
        // Entering a mount namespace leaves a chroot, and with it the file systems that cover the machine's own.
        let [root, folder] = ["root", "wd"].map(|option| format!("--{option}=/proc/{}/root", self.holder.id()));
        let mut all = Command::new("timeout");
        all.args(["--signal=KILL", SECONDS, "nsenter", &namespace, &root, &folder, "--"]).args(command);
        all.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        all
    }

    /// A command of the ordinary user inside, with an environment that is empty but for PATH.
    pub(crate) fn user(&self, command: &[&str]) -> Command {
        self.user_inheriting("-all", command)
    }

    /// The same with a change to its inheritable capabilities, as setpriv(1) writes it.
    pub(crate) fn user_inheriting(&self, capabilities: &str, command: &[&str]) -> Command {
        let (uid, gid) = (format!("--reuid={UID}"), format!("--regid={GID}"));
        let groups = format!("--groups={FILES_GID},{OTHER_APPLICATION}");
        let inheritable = format!("--inh-caps={capabilities}");
        let mut all = self.root(&["setpriv", &uid, &gid, &groups, &inheritable, "--"]);
        all.args(command);
        all
    }

    /// What the ordinary user gets from the launcher.
    pub(crate) fn galaf(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.user(&[GALAF]).args(arguments))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; 128 + N for a process that signal N ended.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap();
        Self { code, stdout: text(stdout), stderr: text(stderr) }
    }

    /// Asserts success and returns what was printed.
    pub(crate) fn output(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.stdout
    }

    /// Asserts that the launcher refused with `code` and a message that contains `words`.
    pub(crate) fn refused(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        assert!(self.stderr.starts_with("galaf: ") && self.stderr.contains(words), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
    }
}
