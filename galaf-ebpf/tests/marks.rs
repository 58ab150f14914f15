//! The marks that real sockets get.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::fs;

use support::{GALAF_EBPF, Ids, Scene, assert_success, is_root, limited, marks, probe_in, stderr};

/// Root's sockets.
const ROOT: u32 = 0xfff1_0000;
/// Ids where the meaning changes, with the half each has in a mark.
const HALVES: [(u32, u32); 12] = [
    (0, 0),
    (1000, 1000),
    (30000, 30000),
    (30004, 30004),
    (65519, 65519),
    (65520, 0xfff0),
    (65533, 0xfff0),
    (65534, 65534),
    (65535, 0xfff0),
    (161_076, 0xfff0),
    (2_147_483_647, 0xfff0),
    (4_294_967_294, 0xfff0),
];
/// The highest gid that net.ipv4.ping_group_range can name.
const MAX_PING_GID: u32 = 2_147_483_647;
/// tcp, udp, ping and raw, each in IPv4 and IPv6.
const KINDS: usize = 8;

/// All sockets of a process with these ids have this mark.
#[track_caller]
fn assert_marks(scene: &Scene, gid: u32, uid: u32, expected: u32) {
    let sockets = scene.probe(Ids { gid, uid });
    assert_eq!(sockets.len(), KINDS);
    for (kind, mark) in sockets {
        if kind.starts_with("ping") && gid > MAX_PING_GID {
            assert_eq!(mark, Err("permission denied".to_owned()), "{gid}/{uid} {kind}");
        } else {
            assert_eq!(mark, Ok(expected), "{gid}/{uid} {kind}: expected {expected:#x}");
        }
    }
}

#[test]
fn every_pair_of_boundary_ids_marks_every_kind_of_socket() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    for (gid, group) in HALVES {
        for (uid, user) in HALVES {
            let expected = if (gid, uid) == (0, 0) { ROOT } else { group << 16 | user };
            assert_marks(&scene, gid, uid, expected);
        }
    }
}

#[test]
fn sockets_outside_the_cgroup_are_not_marked() {
    if !is_root() {
        return;
    }
    let (scene, elsewhere) = (Scene::new(), Scene::new());
    assert_success(&scene.load(&[]));
    for (kind, mark) in probe_in(&elsewhere.cgroup, Ids { gid: 30004, uid: 1000 }) {
        assert_eq!(mark, Ok(0), "{kind}");
    }
}

#[test]
fn a_cgroup_below_is_marked_too() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let below = scene.cgroup.join("below");
    fs::create_dir(&below).unwrap();
    let sockets = probe_in(&below, Ids { gid: 30004, uid: 1000 });
    fs::remove_dir(&below).unwrap();
    assert!(sockets.iter().all(|(_, mark)| *mark == Ok(0x7534_03e8)), "{sockets:x?}");
}

/// With a stock line of /etc/subgid a user gets gid 161076, whose lower 16 bits are those of application 30004.
#[test]
fn a_user_with_subordinate_ids_cannot_borrow_an_applications_mark() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&[]));
    let subordinate = tempfile::NamedTempFile::new().unwrap();
    fs::write(subordinate.path(), "nobody:100000:65536\n").unwrap();
    let script = format!(
        "{enter} && mount --bind '{file}' /etc/subuid && mount --bind '{file}' /etc/subgid && \
         exec setpriv --reuid nobody --regid nogroup --clear-groups \
         unshare --user --setuid 0 --setgid 61076 --map-users 100000,0,65536 --map-groups 100000,0,65536 \
         '{GALAF_EBPF}' probe --json",
        enter = scene.enter(),
        file = subordinate.path().display(),
    );
    let output = limited("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let tcp_and_udp: Vec<_> = marks(&output.stdout).into_iter().filter(|(_, mark)| mark.is_ok()).collect();
    assert!(tcp_and_udp.len() >= 4, "{tcp_and_udp:?}");
    for (kind, mark) in tcp_and_udp {
        assert_eq!(mark, Ok(0xfff0_fff0), "{kind}");
    }
}

#[test]
fn a_trusted_containers_ids_are_marked_as_the_container_sees_them() {
    if !is_root() {
        return;
    }
    let (first, second, untrusted) = (524_288, 589_824, 655_360);
    let scene = Scene::new();
    assert_success(&scene.load(&["--trusted-base", "524288", "--trusted-base", "589824"]));
    let application = 0x7534_03e8;
    assert_marks(&scene, first + 30004, first + 1000, application);
    assert_marks(&scene, second + 30004, second + 1000, application);
    assert_marks(&scene, first, first, ROOT);
    assert_marks(&scene, first + 65535, first + 1000, 0xfff0_03e8);
    assert_marks(&scene, untrusted + 30004, untrusted + 1000, 0xfff0_fff0);
    // Ids of two blocks belong to no container that root named.
    assert_marks(&scene, first + 30004, second + 1000, 0xfff0_fff0);
    assert_marks(&scene, first + 30004, 1000, 0xfff0_03e8);
    assert_marks(&scene, 30004, first + 1000, 0x7534_fff0);
}

#[test]
fn a_reload_forgets_the_bases_that_are_no_longer_trusted() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_success(&scene.load(&["--trusted-base", "524288"]));
    assert_eq!(scene.status()["trusted_bases"], serde_json::json!([524_288]));
    assert_success(&scene.load(&[]));
    assert_eq!(scene.status()["trusted_bases"], serde_json::json!([]));
    assert_marks(&scene, 524_288 + 30004, 524_288 + 1000, 0xfff0_fff0);
}

#[test]
fn as_many_bases_as_documented_can_be_trusted_and_one_more_is_an_error() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let bases: Vec<String> = (1..=257u32).map(|block| format!("--trusted-base={}", block << 16)).collect();
    let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
    assert_success(&scene.load(&bases[..256]));
    let output = scene.load(&bases);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "galaf-ebpf: 257 trusted bases are given, at most 256 fit\n");
    assert_eq!(scene.status()["trusted_bases"].as_array().unwrap().len(), 256, "the former program stays");
}
