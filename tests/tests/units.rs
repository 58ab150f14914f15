//! The units in `systemd/`, read by systemd's own tools. What they do at a boot is the virtual machine's to show.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy's exception for tests leaves their helpers out")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const FIREWALL: &str = "galaf-firewall.service";
const EBPF: &str = "galaf-ebpf.service";
const DNSMASQ: &str = "galaf-dnsmasq.service";
const UNITS: [&str; 3] = [FIREWALL, EBPF, DNSMASQ];
/// Where the units expect what the README installs.
const INSTALLED: &str = "/usr/local/sbin";
/// Highest exposure that systemd-analyze(1) may find, times ten; what it calls a medium one begins at 50.
const MOST_EXPOSED: [(&str, u32); 3] = [(FIREWALL, 19), (EBPF, 26), (DNSMASQ, 26)];

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("systemd")
}

fn unit(name: &str) -> String {
    fs::read_to_string(dir().join(name)).unwrap()
}

/// Values of a setting, one for each line of it.
fn values<'a>(unit: &'a str, setting: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('=')).collect()
}

fn words<'a>(unit: &'a str, setting: &str) -> Vec<&'a str> {
    values(unit, setting).into_iter().flat_map(str::split_whitespace).collect()
}

/// Whether `systemd-analyze` succeeded and what it said; `None` where it is not installed.
fn analyze(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("timeout").args(["60", "systemd-analyze"]).args(arguments).output().unwrap();
    // timeout(1): 127 is a command that was not found.
    if output.status.code() == Some(127) {
        let reason = "the program 'systemd-analyze' is missing";
        assert!(std::env::var_os("GALAF_NO_SKIP").is_none_or(|value| value != "1"), "cannot run: {reason}");
        // The stream itself, because the harness swallows what macros print.
        let _ = std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
        return None;
    }
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn systemd_finds_nothing_to_complain_of() {
    let machine = tempfile::tempdir().unwrap();
    let programs = machine.path().to_str().unwrap();
    // A unit whose program is missing is refused, and galaf need not be installed here.
    for program in ["galaf-gen", "galaf-ebpf"] {
        fs::copy("/bin/true", machine.path().join(program)).unwrap();
    }
    let mut arguments = vec!["verify".to_owned(), "--man=no".to_owned()];
    for name in UNITS {
        let path = machine.path().join(name);
        let unit = unit(name).replace(INSTALLED, programs).replace("/usr/sbin/dnsmasq", "/bin/true");
        fs::write(&path, unit).unwrap();
        arguments.push(path.to_str().unwrap().to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((_, said)) = analyze(&arguments) else { return };
    // It also speaks of other units of the machine, which are not ours to mend.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("galaf") || line.contains(programs)).collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn no_unit_is_more_exposed_than_its_work_needs() {
    for (name, most) in MOST_EXPOSED {
        let path = dir().join(name).to_str().unwrap().to_owned();
        let threshold = format!("--threshold={most}");
        let Some((is_good, said)) = analyze(&["security", "--offline=true", &threshold, &path]) else { return };
        assert!(is_good, "{name} is more exposed than {most}: {said}");
    }
}

#[test]
fn stopping_a_unit_neither_opens_the_firewall_nor_takes_the_labels_away() {
    for name in UNITS {
        let unit = unit(name);
        for setting in ["ExecStop", "ExecStopPost"] {
            assert!(values(&unit, setting).is_empty(), "{name} has {setting}=");
        }
    }
}

#[test]
fn firewall_and_labels_are_there_before_any_network_and_any_ordinary_service() {
    for name in [FIREWALL, EBPF] {
        let unit = unit(name);
        for target in ["network-pre.target", "sysinit.target"] {
            assert!(words(&unit, "Before").contains(&target), "{name} is not before {target}");
        }
        // network-pre.target is passive: nothing else pulls it in (systemd.special(7)).
        assert!(words(&unit, "Wants").contains(&"network-pre.target"), "{name}");
        assert_eq!(values(&unit, "DefaultDependencies"), ["no"], "{name}");
        assert_eq!(words(&unit, "WantedBy"), ["sysinit.target"], "{name}");
        // A mount that fails would keep the unit from running, and the network open.
        assert!(values(&unit, "RequiresMountsFor").is_empty() && values(&unit, "Requires").is_empty(), "{name}");
    }
}

#[test]
fn the_resolver_is_started_so_that_galaf_gen_finds_it_again() {
    let unit = unit(DNSMASQ);
    let conf = format!("{}/{}", galaf::paths::STATE_DIR, galaf::paths::DNSMASQ_CONF);
    let command = words(&unit, "ExecStart");
    assert!(command.contains(&"--keep-in-foreground"), "{command:?}");
    assert!(command.contains(&format!("--conf-file={conf}").as_str()), "{command:?}");
    assert_eq!(values(&unit, "ConditionPathExists"), [conf.as_str()]);
}
