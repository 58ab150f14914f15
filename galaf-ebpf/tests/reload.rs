//! Replacing the program under load. Alone in its file: the whole test process joins the cgroup.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt};
use support::{Scene, assert_success, cgroup_root, is_root};

/// Root's sockets.
const ROOT: u32 = 0xfff1_0000;
const RELOADS: usize = 20;

/// Puts this process into a cgroup and, when it ends, back.
struct Inside(PathBuf);

impl Inside {
    fn join(cgroup: &Path) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap().to_owned();
        fs::write(cgroup.join("cgroup.procs"), "0").unwrap();
        Self(cgroup_root().join(own))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        fs::write(self.0.join("cgroup.procs"), "0").unwrap();
    }
}

#[test]
fn no_socket_is_left_unmarked_while_the_program_is_replaced() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let _inside = Inside::join(&scene.cgroup);
    let is_done = AtomicBool::new(false);
    let (made, unmarked) = thread::scope(|scope| {
        let maker = scope.spawn(|| {
            let (mut made, mut unmarked) = (0u64, 0u64);
            while !is_done.load(Ordering::Relaxed) {
                let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
                made += 1;
                unmarked += u64::from(getsockopt(&socket, sockopt::Mark).unwrap() != ROOT);
            }
            (made, unmarked)
        });
        let outputs: Vec<_> = (0..RELOADS).map(|_| scene.load(&[])).collect();
        is_done.store(true, Ordering::Relaxed);
        outputs.iter().for_each(assert_success);
        maker.join().unwrap()
    });
    println!("{made} sockets during {RELOADS} reloads");
    assert!(made > 1000, "only {made} sockets were made, which shows nothing");
    assert_eq!(unmarked, 0, "of {made} sockets");
}
