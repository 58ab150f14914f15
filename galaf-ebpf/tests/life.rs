//! Loading, asking, replacing, removing, and what is said when it cannot be.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use support::{GALAF_EBPF, Ids, Scene, assert_success, galaf_ebpf, is_root, limited, stderr, stdout};

const APPLICATION: Ids = Ids { gid: 30004, uid: 1000 };
const MARK: u32 = 0x7534_03e8;

fn is_marked(scene: &Scene) -> bool {
    let mut marks = scene.probe(APPLICATION).into_iter().map(|(_, mark)| mark.unwrap());
    let first = marks.next().unwrap();
    assert!(marks.all(|mark| mark == first));
    assert!(first == 0 || first == MARK, "{first:#x}");
    first == MARK
}

#[test]
fn nothing_keeps_running_and_the_program_stays() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert!(!is_marked(&scene));
    assert_success(&scene.load(&[]));
    assert!(is_marked(&scene));
}

#[test]
fn unload_removes_the_program_and_the_folder_and_may_be_repeated() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    assert_success(&scene.run("unload", &[]));
    assert!(!is_marked(&scene));
    assert!(!scene.pin_dir().exists());
    let again = scene.run("unload", &[]);
    assert_success(&again);
    assert_eq!(stdout(&again), "not loaded\n");
}

#[test]
fn status_tells_by_its_exit_code_and_in_json() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let before = scene.run("status", &["--json"]);
    assert_eq!(before.status.code(), Some(1));
    assert_eq!(stdout(&before).trim(), r#"{"loaded":false,"marking":false}"#);
    assert_success(&scene.load(&["--trusted-base", "524288"]));
    let loaded = scene.run("status", &[]);
    assert_success(&loaded);
    let text = stdout(&loaded);
    assert!(text.contains(&format!("attached to: '{}'", scene.cgroup.display())), "{text}");
    assert!(text.contains("own sockets: not tried, this process is outside the cgroup"), "{text}");
    let status = scene.status();
    assert_eq!(status["loaded"], true);
    assert_eq!(status["cgroup"].as_str(), scene.cgroup.to_str());
    assert_eq!(status["trusted_bases"], serde_json::json!([524_288]));
}

#[test]
fn status_tries_a_socket_of_its_own_inside_the_cgroup() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let script = format!("{} && exec '{GALAF_EBPF}' status --pin-dir '{}'", scene.enter(), scene.pin_dir().display());
    let output = limited("sh").args(["-c", &script]).output().unwrap();
    assert_success(&output);
    assert!(stdout(&output).contains("own sockets: 0xfff10000 (root), as expected"), "{}", stdout(&output));
}

#[test]
fn status_says_so_when_the_cgroup_is_gone() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let below = scene.cgroup.join("below");
    fs::create_dir(&below).unwrap();
    assert_success(&scene.load(&[]));
    let output = galaf_ebpf("load").arg("--cgroup").arg(&below).arg("--pin-dir").arg(scene.pin_dir()).output().unwrap();
    assert_success(&output);
    fs::remove_dir(&below).unwrap();
    let status = scene.run("status", &[]);
    assert_eq!(status.status.code(), Some(1));
    assert!(stdout(&status).contains("attached to: nothing, the cgroup was removed"), "{}", stdout(&status));
}

#[test]
fn a_second_load_replaces_the_first_and_leaves_one_link() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let first = scene.status()["program"]["id"].clone();
    assert_success(&scene.load(&[]));
    assert_ne!(scene.status()["program"]["id"], first);
    assert_eq!(pins(&scene), ["link"]);
    assert_eq!(programs_attached(&scene), 1);
}

#[test]
fn what_a_load_killed_between_two_links_left_is_cleared_by_the_next() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    // As if killed after pinning the second link: both are attached.
    assert_success(&scene.load(&[]));
    rename(&scene, "link", "aside");
    assert_success(&scene.load(&[]));
    rename(&scene, "link", "link_next");
    rename(&scene, "aside", "link");
    assert_eq!(programs_attached(&scene), 2);
    assert_success(&scene.load(&[]));
    assert_eq!(pins(&scene), ["link"]);
    assert_eq!(programs_attached(&scene), 1);
    assert!(is_marked(&scene));
}

#[test]
fn what_a_first_load_killed_before_its_last_step_left_counts_as_loaded() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    rename(&scene, "link", "link_next");
    assert_success(&scene.run("status", &[]));
    assert_success(&scene.load(&[]));
    assert_eq!(pins(&scene), ["link"]);
    rename(&scene, "link", "link_next");
    assert_success(&scene.run("unload", &[]));
    assert!(!is_marked(&scene));
}

#[test]
fn a_socket_of_foreign_ids_leaves_a_line_in_the_log_and_an_ordinary_one_none() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let mut reader = Reader::start(&scene);
    scene.probe(APPLICATION);
    scene.probe(Ids { gid: 161_076, uid: 1000 });
    assert_eq!(
        reader.line(),
        "gid 161076 uid 1000: ids neither of the host nor of a trusted container, marked 0xfff003e8"
    );
    // The reader must go on with the program that takes over.
    assert_success(&scene.load(&[]));
    reader.lines_until_quiet();
    scene.probe(Ids { gid: 161_077, uid: 0 });
    assert_eq!(
        reader.line(),
        "gid 161077 uid 0: ids neither of the host nor of a trusted container, marked 0xfff00000"
    );
}

#[test]
fn an_ordinary_user_is_told_what_is_missing_but_may_probe() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let as_user = |subcommand: &str| {
        limited("setpriv")
            .args(["--reuid", "1000", "--regid", "1000", "--clear-groups", GALAF_EBPF, subcommand])
            .output()
            .unwrap()
    };
    for subcommand in ["load", "unload", "status", "log"] {
        let output = as_user(subcommand);
        assert_eq!(output.status.code(), Some(2), "{subcommand}");
        assert_eq!(
            stderr(&output),
            "galaf-ebpf: missing CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF: run it as root\n",
            "{subcommand}"
        );
    }
    assert_success(&as_user("probe"));
    drop(scene);
}

#[test]
fn root_of_a_user_namespace_is_told_that_it_takes_the_hosts() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    fs::create_dir(scene.pin_dir()).unwrap();
    let output = limited("unshare")
        .args(["--user", "--map-root-user", GALAF_EBPF, "load", "--cgroup"])
        .arg(&scene.cgroup)
        .arg("--pin-dir")
        .arg(scene.pin_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "galaf-ebpf: the kernel does not permit it: run it as root of the host, not inside a container or user namespace\n"
    );
}

#[test]
fn folders_of_the_wrong_file_system_are_named() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let load = |cgroup: &str, pin_dir: &str| {
        let output = galaf_ebpf("load").args(["--cgroup", cgroup, "--pin-dir", pin_dir]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let (cgroup, pin_dir) = (scene.cgroup.to_str().unwrap().to_owned(), scene.pin_dir().to_str().unwrap().to_owned());
    assert_eq!(load("/usr", &pin_dir), "galaf-ebpf: '/usr' is not a cgroup v2 folder\n");
    assert_eq!(load("/no/where", &pin_dir), "galaf-ebpf: cannot open '/no/where': no such file or directory\n");
    let procs = format!("{cgroup}/cgroup.procs");
    assert_eq!(load(&procs, &pin_dir), format!("galaf-ebpf: '{procs}' is not a cgroup v2 folder\n"));
    assert_eq!(
        load(&cgroup, "/run/galaf-pins"),
        "galaf-ebpf: '/run/galaf-pins' is not in a bpf file system: mount one there ('mount -t bpf bpf DIR')\n"
    );
    assert!(!fs::exists("/run/galaf-pins").unwrap(), "it was refused, yet it was made");
}

#[test]
fn a_pin_folder_that_others_can_write_to_is_refused() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    fs::create_dir(scene.pin_dir()).unwrap();
    let made = Command::new("chmod").arg("0777").arg(scene.pin_dir()).status().unwrap();
    assert!(made.success());
    let output = scene.load(&[]);
    assert_eq!(output.status.code(), Some(2));
    let expected =
        format!("galaf-ebpf: '{}' must belong to root and be writable by nobody else\n", scene.pin_dir().display());
    assert_eq!(stderr(&output), expected);
    assert!(!is_marked(&scene));
}

#[test]
fn a_missing_bpf_file_system_is_mounted() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let script = format!(
        "umount -l /sys/fs/bpf 2>/dev/null; '{GALAF_EBPF}' load --cgroup '{}' && stat -f -c %T /sys/fs/bpf && ls /sys/fs/bpf/galaf",
        scene.cgroup.display()
    );
    let output = limited("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    assert_success(&output);
    assert_eq!(stdout(&output), "bpf_fs\nlink\n");
}

#[test]
fn an_object_that_is_not_galafs_is_refused_and_the_former_program_stays() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    for object in ["/usr/bin/env", "/dev/null"] {
        let output = galaf_ebpf("load")
            .arg("--cgroup")
            .arg(&scene.cgroup)
            .arg("--pin-dir")
            .arg(scene.pin_dir())
            .args(["--object", object])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{object}");
        assert!(stderr(&output).starts_with("galaf-ebpf: cannot read the object: "), "{}", stderr(&output));
    }
    assert!(is_marked(&scene));
}

/// `galaf-ebpf log`, ended on drop.
struct Reader {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Reader {
    fn start(scene: &Scene) -> Self {
        let mut child = Command::new(GALAF_EBPF)
            .arg("log")
            .arg("--pin-dir")
            .arg(scene.pin_dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(Duration::from_secs(10)).expect("a line within 10 seconds")
    }

    /// Takes what is there, until nothing has come for longer than a reload goes unnoticed.
    fn lines_until_quiet(&mut self) {
        while self.lines.recv_timeout(Duration::from_secs(2)).is_ok() {}
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pins(scene: &Scene) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(scene.pin_dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn rename(scene: &Scene, from: &str, to: &str) {
    fs::rename(scene.pin_dir().join(from), scene.pin_dir().join(to)).unwrap();
}

/// How many programs a socket of this cgroup passes, as the kernel counts the ids in a query.
fn programs_attached(scene: &Scene) -> usize {
    let output = limited("bpftool").args(["--json", "cgroup", "show"]).arg(&scene.cgroup).output().unwrap();
    assert_success(&output);
    let text = stdout(&output);
    if text.trim().is_empty() {
        0
    } else {
        serde_json::from_str::<serde_json::Value>(&text).unwrap().as_array().unwrap().len()
    }
}
