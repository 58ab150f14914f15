//! A laboratory must not be noticed by the machine it runs on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

/// What a laboratory could leave behind or change.
fn traces() -> Vec<String> {
    let mut traces = Vec::new();
    for path in ["/etc/passwd", "/etc/group", "/etc/resolv.conf"] {
        traces.push(fs::read_to_string(path).unwrap_or_default());
    }
    for argv in [["ip", "link"], ["ip", "netns"], ["nft", "list ruleset"]] {
        let output = Command::new(argv[0]).args(argv[1].split(' ')).stderr(Stdio::null()).output().unwrap();
        traces.push(String::from_utf8(output.stdout).unwrap());
    }
    traces
}

/// Ids of the processes in a cgroup, none if it is gone.
fn processes(cgroup: &Path) -> String {
    fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default()
}

#[test]
fn nothing_is_left_of_a_laboratory_whose_test_failed() {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    let before = traces();
    let cgroup = std::sync::Mutex::new(PathBuf::new());
    let test = std::panic::AssertUnwindSafe(|| {
        let lab = Lab::start(Marking::Ebpf).unwrap();
        *cgroup.lock().unwrap() = lab.cgroup().to_owned();
        lab.apply(&serde_json::json!({ "groups": { "editor": { "rule": "" } } })).unwrap();
        lab.shell("sleep 1000 > /dev/null 2>&1 &").unwrap();
        assert_ne!(processes(lab.cgroup()), "", "the command runs in the cgroup");
        let sleeping = lab.background(&Identity::ROOT, &["sh", "-c", "echo ready; sleep 1000"]).unwrap();
        std::mem::forget(sleeping);
        // Not panic!, which would print what looks like a failure.
        std::panic::resume_unwind(Box::new("the test fails"));
    });
    std::panic::catch_unwind(test).unwrap_err();
    let cgroup = cgroup.into_inner().unwrap();
    assert_eq!(processes(&cgroup), "");
    assert!(!cgroup.exists(), "'{}' is still there", cgroup.display());
    assert_eq!(traces(), before);
}

/// Runs the test above in a chroot, whose outside has a copy of `/etc`, so that nobody's is at stake.
const IN_A_CHROOT: &str = r#"
mkdir "$0/copy" "$0/root"
mount -t tmpfs tmpfs "$0/copy"
cp -a /etc/. "$0/copy"
mount --rbind / "$0/root"
mount --bind "$0/copy" /etc
rm -f /etc/resolv.conf
echo outside > /etc/resolv.conf
chroot "$0/root" "$@"
cat /etc/resolv.conf
"#;

#[test]
fn a_laboratory_in_a_chroot_does_not_change_what_is_outside() {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args(["60s", "unshare", "--mount", "--propagation", "private", "sh", "-ec", IN_A_CHROOT])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "lab::tests::nothing_is_left_of_a_laboratory_whose_test_failed"])
        .output()
        .unwrap();
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}{erred}");
    assert!(said.ends_with("\noutside\n"), "{said}");
}
