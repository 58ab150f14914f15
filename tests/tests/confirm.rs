//! An apply that has to be confirmed, and the way back.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

/// The longest that a watcher of one second may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn open() -> Value {
    json!({ "groups": { "editor": { "execv": ["/usr/bin/env", "…"], "rule": "" } } })
}

fn closed() -> Value {
    json!({ "groups": { "editor": { "execv": ["/usr/bin/env", "…"], "rule": "tcp dport 1" } } })
}

fn galaf_gen(lab: &Lab, args: &[&str]) -> Outcome {
    lab.run(&Identity::ROOT, &[&["galaf-gen"], args].concat()).unwrap()
}

/// Writes `config` and applies it on probation.
fn try_out(lab: &Lab, config: &Value, patience: &str) -> Outcome {
    lab.write_config(&config.to_string()).unwrap();
    let outcome = galaf_gen(lab, &["apply", "--confirm", patience]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome
}

fn editor(lab: &Lab) -> Attempt {
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), ECHO);
    lab.attempt(lab.alice(), &["galaf", "editor"], target).unwrap()
}

fn wait_until(lab: &Lab, what: &str, condition: impl Fn(&Lab) -> bool) {
    let start = Instant::now();
    while !condition(lab) {
        assert!(start.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(100));
    }
}

fn is_pending(lab: &Lab) -> bool {
    lab.path("/var/lib/galaf/pending").exists()
}

fn table_exists(lab: &Lab) -> bool {
    lab.run(&Identity::ROOT, &["nft", "list", "table", "inet", "galaf"]).unwrap().code == 0
}

#[test]
fn whoever_locks_himself_out_only_has_to_wait() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    let outcome = try_out(&lab, &closed(), "2s");
    assert!(outcome.stdout.contains("unless 'galaf-gen confirm' comes within 2s"), "{outcome:?}");
    assert!(editor(&lab).refused_at_once());
    wait_until(&lab, "the former state does not return", |lab| !is_pending(lab));
    assert!(editor(&lab).reached());
    // The file is still the bad one; what is in force is not.
    assert_eq!(galaf_gen(&lab, &["diff"]).code, 1);
}

#[test]
fn the_way_back_does_not_need_the_terminal() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    lab.write_config(&closed().to_string()).unwrap();
    // The terminal goes as soon as the apply is done, and everything in its session with it.
    lab.run(&Identity::ROOT, &["script", "-qec", "galaf-gen apply --confirm 2s; kill -HUP -$$", "/dev/null"]).unwrap();
    assert!(is_pending(&lab));
    wait_until(&lab, "the former state does not return", |lab| !is_pending(lab));
    assert!(editor(&lab).reached());
}

#[test]
fn what_is_confirmed_stays() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    try_out(&lab, &closed(), "2s");
    let outcome = galaf_gen(&lab, &["confirm"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    sleep(Duration::from_secs(4));
    assert!(editor(&lab).refused_at_once());
    let late = galaf_gen(&lab, &["confirm"]);
    assert_eq!(late.code, 1);
    assert!(late.stderr.contains("no apply waits to be confirmed"), "{late:?}");
}

#[test]
fn while_one_apply_waits_no_other_is_taken() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    try_out(&lab, &closed(), "60s");
    let outcome = galaf_gen(&lab, &["apply"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("waits to be confirmed"), "{outcome:?}");
    // There is no need to wait for the watcher.
    assert_eq!(galaf_gen(&lab, &["rollback"]).code, 0);
    assert!(!is_pending(&lab));
    assert!(editor(&lab).reached());
}

#[test]
fn without_a_former_state_there_is_no_firewall_again() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    try_out(&lab, &closed(), "1s");
    assert!(table_exists(&lab));
    wait_until(&lab, "the firewall stays", |lab| !is_pending(lab));
    assert!(!table_exists(&lab));
    let left: Vec<String> = fs::read_dir(lab.path("/var/lib/galaf"))
        .unwrap()
        .map(|e| e.unwrap().file_name().display().to_string())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn a_machine_that_goes_down_unconfirmed_comes_up_with_the_former_state() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    try_out(&lab, &closed(), "60s");
    // What a reboot leaves: the files, and neither table nor watcher.
    lab.shell("nft delete table inet galaf; pkill -KILL -f '[r]ollback --if-pending'").unwrap();
    let outcome = galaf_gen(&lab, &["boot"]);
    assert_eq!((outcome.code, is_pending(&lab)), (0, false), "{outcome:?}");
    assert!(editor(&lab).reached());
}

#[test]
fn two_rollbacks_lead_back_to_where_they_began() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    let outcome = galaf_gen(&lab, &["rollback"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("there is no former state"), "{outcome:?}");
    lab.apply(&open()).unwrap();
    lab.apply(&closed()).unwrap();
    assert_eq!(galaf_gen(&lab, &["rollback"]).code, 0);
    assert!(editor(&lab).reached());
    assert_eq!(galaf_gen(&lab, &["rollback"]).code, 0);
    assert!(editor(&lab).refused_at_once());
}

#[test]
fn diff_says_what_an_apply_would_change_and_nothing_after_it() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&open()).unwrap();
    assert_eq!(galaf_gen(&lab, &["diff"]), Outcome { code: 0, stdout: String::new(), stderr: String::new() });
    let mut more = closed();
    more["groups"]["notes"] = json!({ "execv": ["/usr/bin/env"], "rule": "" });
    lab.write_config(&more.to_string()).unwrap();
    let outcome = galaf_gen(&lab, &["diff", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let diff: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(diff["groups"]["added"][0]["name"], "notes");
    assert_eq!(diff["rules"]["editor"]["removed"].as_array().unwrap().len(), 1);
    assert_eq!(diff["launch"], json!(["notes"]));
    assert_eq!(galaf_gen(&lab, &["apply"]).code, 0);
    assert_eq!(galaf_gen(&lab, &["diff"]).code, 0);
}
