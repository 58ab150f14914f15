//! An apply that fails late: what was in force stays, or comes back, and the error says which.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, NAME_SERVER, elsewhere, office};
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

const STATE_DIR: &str = "/var/lib/galaf";
/// The longest that a watcher of one second may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Holds the port that a resolver would need.
const OCCUPY: &str = "import signal, socket
holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
holder.bind(('127.0.0.2', 53))
print('ready', flush=True)
signal.pause()";

fn config(network: &str) -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } },
        "groups": {
            "editor": { "execv": ["/usr/bin/env", "…"], "rule": format!("ip daddr {network}") },
            "browser": { "execv": ["/usr/bin/env", "…"], "domains": ["one.test"], "rule": "" }
        }
    })
}

fn office_only() -> Value {
    config("198.51.100.0/24")
}

fn elsewhere_only() -> Value {
    config("203.0.113.0/24")
}

/// Whether the editor reaches the office, and elsewhere.
fn editor_reaches(lab: &Lab) -> [bool; 2] {
    let targets = [office(1), elsewhere(1)].map(|site| Target::new(Protocol::Tcp, site.ipv4.into(), ECHO));
    let attempts = lab.attempts(lab.alice(), &["galaf", "editor"], &targets).unwrap();
    [attempts[0].reached(), attempts[1].reached()]
}

/// Name and content of what the state folder has, but the lock.
fn kept(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(lab.path(STATE_DIR)).unwrap().map(|entry| entry.unwrap());
    let files = entries.map(|entry| (entry.file_name().display().to_string(), fs::read(entry.path()).unwrap()));
    files.filter(|(name, _)| name != "lock" && name != "filling").collect()
}

#[track_caller]
fn assert_kept(lab: &Lab, before: &BTreeMap<String, Vec<u8>>, when: &str) {
    let now = kept(lab);
    let changed = |name: &&String| now.get(*name) != before.get(*name);
    let changed: Vec<&String> = now.keys().chain(before.keys()).filter(changed).collect();
    assert!(changed.is_empty(), "{when}: {changed:?}");
}

fn apply(lab: &Lab, config: &Value, options: &[&str]) -> Outcome {
    lab.write_config(&config.to_string()).unwrap();
    lab.run(&Identity::ROOT, &[&["galaf-gen", "apply"], options].concat()).unwrap()
}

#[test]
fn a_disk_that_is_full_keeps_the_former_state_whole() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&office_only()).unwrap();
    lab.shell(
        "cp -a /var/lib/galaf /run/kept
        mount -t tmpfs -o size=160k,mode=755 tmpfs /var/lib/galaf
        cp -a /run/kept/. /var/lib/galaf",
    )
    .unwrap();
    let before = kept(&lab);
    let (mut failed, mut done) = (0, 0);
    // From a disk without a free block to one that has enough.
    for blocks in 0..24 {
        lab.shell(&format!(
            "rm -f /var/lib/galaf/filling
            free=$(stat --file-system --format=%a /var/lib/galaf)
            head -c $(((free - {blocks}) * 4096)) /dev/zero > /var/lib/galaf/filling"
        ))
        .unwrap();
        let options: &[&str] = if blocks % 2 == 0 { &[] } else { &["--confirm", "60s"] };
        let outcome = apply(&lab, &elsewhere_only(), options);
        if outcome.code == 0 {
            done += 1;
            assert_eq!(editor_reaches(&lab), [false, true], "{blocks} blocks");
            lab.shell("rm /var/lib/galaf/filling").unwrap();
            lab.root(&["galaf-gen", "rollback"]).unwrap();
            lab.apply(&office_only()).unwrap();
        } else {
            failed += 1;
            assert_eq!(outcome.code, 1, "{outcome:?}");
            assert!(outcome.stderr.contains("no space left on device"), "{outcome:?}");
            assert_eq!(editor_reaches(&lab), [true, false], "{blocks} blocks");
            assert_kept(&lab, &before, &format!("{blocks} blocks"));
        }
    }
    assert!(failed > 2 && done > 2, "{failed} failed, {done} done");
}

#[test]
fn a_resolver_that_does_not_start_again_takes_the_whole_apply_back() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.internet().serve_names(&["host-record=one.test,198.51.100.11"]).unwrap();
    lab.apply(&office_only()).unwrap();
    lab.start_resolver().unwrap();
    let before = kept(&lab);
    let occupied = lab.background(&Identity::ROOT, &["python3", "-c", OCCUPY]).unwrap();
    let mut config = elsewhere_only();
    config["config"]["dns"]["listen"] = json!("127.0.0.2");
    for options in [[].as_slice(), &["--confirm", "60s"]] {
        let outcome = apply(&lab, &config, options);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.stderr.contains("dnsmasq does not start again"), "{outcome:?}");
        assert!(outcome.stderr.contains("what was in force before is in force again"), "{outcome:?}");
        assert_eq!(editor_reaches(&lab), [true, false]);
        assert_kept(&lab, &before, &options.join(" "));
        lab.start_resolver().unwrap();
        let answer = lab.ask(lab.alice(), &["galaf", "browser"], "one.test", &["4"]).unwrap();
        assert_eq!(answer.addresses.len(), 1);
    }
    occupied.stop().unwrap();
    assert_eq!(apply(&lab, &config, &[]).code, 0);
    assert_eq!(editor_reaches(&lab), [false, true]);
}

#[test]
fn a_first_apply_that_fails_late_leaves_its_rules_and_says_so_and_probation_still_takes_them_back() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    // A container's resolv.conf is such a mount: it can be written, and not replaced.
    lab.shell("cp /etc/resolv.conf /run/mounted; mount --bind /run/mounted /etc/resolv.conf").unwrap();
    let mut config = office_only();
    config["config"]["dns"]["manage_resolv_conf"] = json!(true);
    let outcome = apply(&lab, &config, &[]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("'/etc/resolv.conf' cannot be replaced"), "{outcome:?}");
    assert!(outcome.stderr.contains("the new rules are in force, not all of the rest"), "{outcome:?}");
    assert_eq!(editor_reaches(&lab), [true, false]);
    lab.root(&["galaf-gen", "reset"]).unwrap();

    let outcome = apply(&lab, &config, &["--confirm", "1s"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let start = Instant::now();
    while lab.path("/var/lib/galaf/pending").exists() {
        assert!(start.elapsed() < PATIENCE, "it is not taken back");
        sleep(Duration::from_millis(100));
    }
    assert_ne!(lab.run(&Identity::ROOT, &["nft", "list", "table", "inet", "galaf"]).unwrap().code, 0);

    lab.shell("umount /etc/resolv.conf").unwrap();
    assert_eq!(apply(&lab, &config, &[]).code, 0);
    assert_eq!(editor_reaches(&lab), [true, false]);
}
