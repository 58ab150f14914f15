//! A cgroup, a bpf file system and a pin folder of a test's own, gone when it ends.

#![allow(dead_code, reason = "each test file uses its part")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::geteuid;
use serde_json::Value;

/// The program under test.
pub(crate) const GALAF_EBPF: &str = env!("CARGO_BIN_EXE_galaf-ebpf");
/// Seconds after which a command counts as hung.
const TIME_LIMIT: &str = "20";

/// Whether a test that needs root can run; it says so if not, and fails where nothing may be skipped.
pub(crate) fn is_root() -> bool {
    if geteuid().is_root() {
        return true;
    }
    assert!(env::var_os("GALAF_NO_SKIP").is_none(), "this test needs root");
    println!("skipped: needs root");
    false
}

/// The root of the cgroup v2 tree.
pub(crate) fn cgroup_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.contains(" cgroup2 ")).expect("cgroup v2 is mounted");
    PathBuf::from(line.split(' ').nth(1).unwrap())
}

/// A process's ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    pub(crate) gid: u32,
    pub(crate) uid: u32,
}

pub(crate) struct Scene {
    dir: tempfile::TempDir,
    pub(crate) cgroup: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("galaf-ebpf-").tempdir().unwrap();
        let name = dir.path().file_name().unwrap();
        let cgroup = cgroup_root().join(name);
        fs::create_dir(&cgroup).unwrap();
        let scene = Self { dir, cgroup };
        mount(Some("bpf"), scene.bpffs(), Some("bpf"), MsFlags::empty(), Some("mode=700")).unwrap();
        scene
    }

    pub(crate) fn bpffs(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn pin_dir(&self) -> PathBuf {
        self.bpffs().join("galaf")
    }

    /// `galaf-ebpf load` into this scene.
    pub(crate) fn load(&self, options: &[&str]) -> Output {
        let mut command = galaf_ebpf("load");
        command.arg("--cgroup").arg(&self.cgroup).arg("--pin-dir").arg(self.pin_dir()).args(options);
        if let Some(object) = env::var_os("GALAF_EBPF_OBJECT") {
            command.arg("--object").arg(object);
        }
        command.output().unwrap()
    }

    /// Another subcommand on this scene.
    pub(crate) fn run(&self, subcommand: &str, options: &[&str]) -> Output {
        galaf_ebpf(subcommand).arg("--pin-dir").arg(self.pin_dir()).args(options).output().unwrap()
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&self.run("status", &["--json"]).stdout).unwrap()
    }

    /// What a process with these ids, in this scene's cgroup and a network namespace of its own,
    /// reads from one socket of each kind. It may make all of them.
    pub(crate) fn probe(&self, ids: Ids) -> Vec<(String, Result<u32, String>)> {
        probe_in(&self.cgroup, ids)
    }

    /// Shell text that moves the shell into the scene's cgroup.
    pub(crate) fn enter(&self) -> String {
        enter(&self.cgroup)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let unmounted = umount2(self.bpffs(), MntFlags::MNT_DETACH);
        let removed = fs::remove_dir(&self.cgroup);
        if !std::thread::panicking() {
            unmounted.unwrap();
            removed.unwrap();
        }
    }
}

/// A command that cannot hang.
pub(crate) fn limited(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", TIME_LIMIT, program]);
    command
}

pub(crate) fn galaf_ebpf(subcommand: &str) -> Command {
    let mut command = limited(GALAF_EBPF);
    command.arg(subcommand);
    command
}

pub(crate) fn probe_in(cgroup: &Path, Ids { gid, uid }: Ids) -> Vec<(String, Result<u32, String>)> {
    let script = format!(
        "{} && echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range && \
         exec setpriv --regid {gid} --reuid {uid} --clear-groups --inh-caps +net_raw --ambient-caps +net_raw \
         '{GALAF_EBPF}' probe --json",
        enter(cgroup)
    );
    let output = limited("unshare").args(["--net", "sh", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{gid}/{uid}: {}", String::from_utf8_lossy(&output.stderr));
    marks(&output.stdout)
}

fn enter(cgroup: &Path) -> String {
    format!("echo 0 > '{}/cgroup.procs'", cgroup.display())
}

/// The sockets of `galaf-ebpf probe --json`.
pub(crate) fn marks(json: &[u8]) -> Vec<(String, Result<u32, String>)> {
    let value: Value = serde_json::from_slice(json).unwrap();
    let rows = value["sockets"].as_array().unwrap().iter();
    rows.map(|row| {
        let mark = row["mark"].as_u64().map(|mark| u32::try_from(mark).unwrap());
        let error = || row["error"].as_str().unwrap().to_owned();
        (row["kind"].as_str().unwrap().to_owned(), mark.ok_or_else(error))
    })
    .collect()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
pub(crate) fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}: {}", output.status, stderr(output));
}
