//! What entries write to the kernel's log.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, elsewhere, office};
use galaf_tests::peer::{ECHO, Protocol, Target};
use serde_json::json;

/// Network namespaces other than the first write no log by default (netfilter-sysctl of the kernel's documentation).
const EVERYWHERE: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// Lets namespaces log for a while.
struct LogEverywhere {
    before: String,
}

impl LogEverywhere {
    fn new() -> Self {
        let before = fs::read_to_string(EVERYWHERE).unwrap();
        fs::write(EVERYWHERE, "1").unwrap();
        Self { before }
    }
}

impl Drop for LogEverywhere {
    fn drop(&mut self) {
        let _ = fs::write(EVERYWHERE, self.before.trim());
    }
}

/// The kernel's log from now on.
struct KernelLog(File);

impl KernelLog {
    fn from_now_on() -> Self {
        let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let mut log = OpenOptions::new().read(true).custom_flags(nonblocking).open("/dev/kmsg").unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self(log)
    }

    /// Records of the entry, one read(2) each.
    fn records(&mut self) -> Vec<String> {
        let mut records = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            match self.0.read(&mut buffer) {
                Ok(length) => records.push(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Records that were overwritten before they were read.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) => panic!("/dev/kmsg: {error}"),
            }
        }
        records.retain(|record| record.contains("galaf editor "));
        records
    }

    /// Waits for a record with all of `words`.
    fn wait_for(&mut self, words: &[&str]) -> String {
        let limit = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(record) =
                self.records().into_iter().find(|record| words.iter().all(|word| record.contains(word)))
            {
                return record;
            }
            assert!(Instant::now() < limit, "the log has no record with {words:?}");
            sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn what_an_entry_logs_names_the_entry_and_the_destination_and_is_limited() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&json!({ "groups": {
        "editor": {
            "execv": ["/usr/bin/env", "…"], "families": [4, 6],
            "allow": [{ "to": "any", "tcp": ECHO, "log": true }, { "to": "any", "udp": ECHO }],
            "deny": [{ "to": "203.0.113.0/24", "log": true }]
        }
    } }))
    .unwrap();
    let _everywhere = LogEverywhere::new();
    let tries = |protocol, address: IpAddr| {
        let target = Target::new(protocol, address, ECHO);
        lab.attempt(lab.alice(), &["galaf", "editor"], target).unwrap()
    };
    let mut log = KernelLog::from_now_on();
    for family in Family::ALL {
        let address = office(1).address(family);
        assert!(tries(Protocol::Tcp, address).reached());
        let dpt = format!("DPT={ECHO} ");
        let record = log.wait_for(&["galaf editor allowed: ", "PROTO=TCP", &dpt]);
        assert!(record.starts_with("6,"), "not of level info: {record}");
        if let IpAddr::V4(address) = address {
            assert!(record.contains(&format!("DST={address} ")), "{record}");
        }
    }
    assert!(tries(Protocol::Tcp, elsewhere(1).ipv4.into()).refused_at_once());
    log.wait_for(&["galaf editor denied: ", "PROTO=TCP"]);
    // An item that does not say it writes nothing.
    assert!(tries(Protocol::Udp, office(1).ipv4.into()).reached());
    sleep(Duration::from_millis(200));
    assert_eq!(log.records(), Vec::<String>::new());
    // A flood of connections writes no flood of records: twenty at once, then ten a second.
    let start = Instant::now();
    let targets = vec![Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO); 200];
    let reached = lab.attempts(lab.alice(), &["galaf", "editor"], &targets).unwrap();
    assert!(reached.iter().all(galaf_tests::peer::Attempt::reached), "the limit ends more than the log");
    let most = 21 + 10 * usize::try_from(start.elapsed().as_secs() + 1).unwrap();
    sleep(Duration::from_millis(200));
    let written = log.records().len();
    assert!((15..=most).contains(&written) && written < 150, "{written} records, at most {most}");
}
