//! An apply that is killed (SIGKILL) before each of its effects, one after the other. strace(1) stops it at a system
//! call that changes something or waits for somebody who does, so no step is forgotten, and none has to be named.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, NAME_SERVER};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

/// Every call of the first thread that leaves something behind, or during which a child does. Modes and owners are
/// given to files that are not in their places yet.
const EFFECTS: &str = "clone,clone3,fork,vfork,wait4,waitid,write,pwrite64,sendto,sendmsg,kill,\
    mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,ftruncate";
const LOG: &str = "/tmp/effects";
const RULESET: &str = "/var/lib/galaf/galaf.nft";
/// There while an apply is under way.
const UNFINISHED: &str = "/var/lib/galaf/unfinished.json";
/// There while an apply waits to be confirmed.
const PENDING: &str = "/var/lib/galaf/pending";
/// Probation takes a second each time, so not every step is tried.
const STRIDE: usize = 4;
/// The longest that a child of what was killed may go on.
const PATIENCE: Duration = Duration::from_secs(20);
/// 128 and the number of the signal.
const KILLED: i32 = 137;

fn former() -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()], "manage_resolv_conf": true } },
        "groups": { "browser": { "execv": ["/usr/bin/env", "…"], "domains": ["one.test"], "rule": "" } }
    })
}

fn new() -> Value {
    let mut config = former();
    config["groups"]["browser"]["domains"] = json!(["two.test"]);
    config["groups"]["late"] = json!({ "execv": ["/usr/bin/env", "…"], "allow": [{ "to": "any", "icmp": true }] });
    config
}

/// A laboratory with names and the firewall of [`former`].
fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.internet().serve_names(&["host-record=one.test,198.51.100.11", "host-record=two.test,198.51.100.12"]).unwrap();
    lab.apply(&former()).unwrap();
    lab.start_resolver().unwrap();
    Some(lab)
}

/// Everything that the firewall is, and what its resolver answers.
#[derive(Clone, PartialEq, Eq)]
struct State {
    /// Their order tells only which was made first.
    objects: Vec<String>,
    ruleset: String,
    answered: Vec<&'static str>,
}

impl State {
    #[track_caller]
    fn assert_is(&self, other: &Self, when: &str) {
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|object| !those.contains(object)).cloned().collect::<Vec<_>>().join("\n")
        };
        assert!(
            self == other,
            "{when}:\nanswered: {:?}, expected: {:?}\nsaved as expected: {}\nfound:\n{}\nexpected:\n{}",
            self.answered,
            other.answered,
            self.ruleset == other.ruleset,
            only(&self.objects, &other.objects),
            only(&other.objects, &self.objects),
        );
    }
}

/// The objects of the table, without counters, expiries and what was learned.
fn objects(lab: &Lab) -> Vec<String> {
    let table = lab.root(&["nft", "-s", "-t", "list", "table", "inet", "galaf"]).unwrap();
    let mut objects: Vec<String> = table.split("\n\n").map(|object| object.trim().to_owned()).collect();
    objects.sort();
    objects
}

fn state(lab: &Lab) -> State {
    let is_answered =
        |name: &&str| !lab.ask(lab.alice(), &["galaf", "browser"], name, &["4"]).unwrap().addresses.is_empty();
    State {
        objects: objects(lab),
        ruleset: fs::read_to_string(lab.path(RULESET)).unwrap(),
        answered: ["one.test", "two.test"].into_iter().filter(is_answered).collect(),
    }
}

fn traced(lab: &Lab, how: &[&str], command: &[&str]) -> Outcome {
    let trace = format!("--trace={EFFECTS}");
    let argv = [&["strace", "-o", LOG, &trace], how, &["galaf-gen"], command].concat();
    lab.run(&Identity::ROOT, &argv).unwrap()
}

/// The calls of [`EFFECTS`] that `command` makes, in order, each with how many of its kind there were before.
fn effects(lab: &Lab, command: &[&str]) -> Vec<(String, usize)> {
    let outcome = traced(lab, &[], command);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let log = fs::read_to_string(lab.path(LOG)).unwrap();
    let mut seen = BTreeMap::new();
    let names = log.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name);
    names
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(|name| {
            let number = seen.entry(name.to_owned()).or_insert(0);
            *number += 1;
            (name.to_owned(), *number)
        })
        .collect()
}

/// Runs `command` until it is about to make that call, and waits for its children.
fn run_until(lab: &Lab, command: &[&str], (name, number): &(String, usize)) -> Outcome {
    let outcome = traced(lab, &[&format!("--inject={name}:signal=KILL:when={number}")], command);
    wait_for_end(lab, &["-x", "nft|groupadd|groupdel"]);
    outcome
}

/// Whether a process runs that pgrep(1) finds so. The first process of a laboratory waits for nobody, so those that have
/// ended stay as zombies.
fn runs(lab: &Lab, pattern: &[&str]) -> bool {
    lab.run(&Identity::ROOT, &[&["pgrep", "--runstates", "R,S,D"], pattern].concat()).unwrap().code == 0
}

fn wait_for_end(lab: &Lab, pattern: &[&str]) {
    let start = Instant::now();
    while runs(lab, pattern) {
        assert!(start.elapsed() < PATIENCE, "{pattern:?} goes on");
        sleep(Duration::from_millis(5));
    }
}

/// What a service manager sees to if galaf-gen is killed between the end of the resolver and its new beginning.
fn revive_resolver(lab: &Lab) {
    if !runs(lab, &["-f", "[c]onf-file=/var/lib/galaf"]) {
        lab.start_resolver().unwrap();
    }
}

/// Files of ours that nobody waits for any more.
fn litter(lab: &Lab) -> Vec<String> {
    let names = |dir: &str| fs::read_dir(lab.path(dir)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = ["/var/lib/galaf", "/etc"].into_iter().flat_map(names).map(|name| name.display().to_string());
    names.filter(|name| name.starts_with(".galaf-") || name == "unfinished.json").collect()
}

/// Back to [`former`], and nothing else.
fn begin_again(lab: &Lab) {
    lab.apply(&former()).unwrap();
    let _ = lab.run(&Identity::ROOT, &["groupdel", "late"]).unwrap();
}

/// Before and after the apply that is killed.
struct Pair {
    old: State,
    wanted: State,
}

/// Kills an apply at each of its steps. The rules are the old or the new ones each time; `then` leads out of it.
fn kill_at_every_step(lab: &Lab, then: impl Fn(&Pair, &str)) {
    let old = state(lab);
    lab.write_config(&new().to_string()).unwrap();
    let effects = effects(lab, &["apply"]);
    let pair = Pair { old, wanted: state(lab) };
    let Pair { old, wanted } = &pair;
    assert_eq!([&old.answered, &wanted.answered], [&vec!["one.test"], &vec!["two.test"]]);
    assert!(effects.len() > 50, "{effects:?}");

    let mut found_old = 0;
    for effect in &effects {
        begin_again(lab);
        assert!(objects(lab) == old.objects);
        lab.write_config(&new().to_string()).unwrap();
        let outcome = run_until(lab, &["apply"], effect);
        // It may need one wait less than the first time.
        assert!([0, KILLED].contains(&outcome.code), "{effect:?}: {outcome:?}");
        let objects = objects(lab);
        found_old += usize::from(objects == old.objects);
        assert!(objects == old.objects || objects == wanted.objects, "{effect:?}:\n{}", objects.join("\n"));
        let ruleset = fs::read_to_string(lab.path(RULESET)).unwrap();
        assert!(ruleset == old.ruleset || ruleset == wanted.ruleset, "{effect:?}: the boot has\n{ruleset}");
        revive_resolver(lab);
        then(&pair, &format!("killed before {effect:?}"));
        assert_eq!(litter(lab), Vec::<String>::new(), "{effect:?}");
    }
    assert!(found_old > 10 && found_old + 10 < effects.len(), "{found_old} of {}", effects.len());
}

#[test]
fn killed_at_any_step_it_leaves_the_old_or_the_new_rules_and_the_next_apply_works() {
    let Some(lab) = lab() else { return };
    kill_at_every_step(&lab, |pair, when| {
        lab.root(&["galaf-gen", "apply"]).unwrap();
        state(&lab).assert_is(&pair.wanted, when);
    });
}

#[test]
fn killed_at_any_step_it_can_be_rolled_back() {
    let Some(lab) = lab() else { return };
    kill_at_every_step(&lab, |pair, when| {
        // Before it began, or after it ended, the way back leads past it: to what was in force before `begin_again`.
        let began = lab.path(UNFINISHED).exists();
        let was_applied = fs::read_to_string(lab.path("/var/lib/galaf/applied.json")).unwrap();
        lab.root(&["galaf-gen", "rollback"]).unwrap();
        let is_old = began || was_applied.contains("two.test");
        state(&lab).assert_is(if is_old { &pair.old } else { &pair.wanted }, when);
    });
}

#[test]
fn killed_at_any_step_on_probation_it_is_taken_back() {
    let Some(lab) = lab() else { return };
    let old = state(&lab);
    let on_probation = ["apply", "--confirm", "1s"];
    lab.write_config(&new().to_string()).unwrap();
    let effects = effects(&lab, &on_probation);
    let mut found_old = 0;
    for effect in effects.iter().step_by(STRIDE) {
        wait_for_end(&lab, &["-f", "[r]ollback --if-pending"]);
        if lab.path(PENDING).exists() {
            // Killed before there was a watcher, and before anything changed.
            assert!(objects(&lab) == old.objects, "{effect:?}");
            lab.root(&["galaf-gen", "rollback"]).unwrap();
        }
        begin_again(&lab);
        lab.write_config(&new().to_string()).unwrap();
        run_until(&lab, &on_probation, effect);
        let began = lab.path(PENDING).exists();
        found_old += usize::from(objects(&lab) == old.objects);
        if began && runs(&lab, &["-f", "[r]ollback --if-pending"]) {
            wait_for_end(&lab, &["-f", "[r]ollback --if-pending"]);
            assert!(!lab.path(PENDING).exists(), "{effect:?}");
        }
        revive_resolver(&lab);
        state(&lab).assert_is(&old, &format!("on probation, killed before {effect:?}"));
    }
    assert!(found_old * STRIDE < effects.len(), "it was always killed before it changed anything");
}

#[test]
fn a_boot_that_is_killed_leaves_the_machine_locked_or_with_its_rules() {
    let Some(lab) = lab() else { return };
    let rules = objects(&lab);
    let remove = || lab.root(&["nft", "delete", "table", "inet", "galaf"]).unwrap();
    remove();
    let effects = effects(&lab, &["boot"]);
    assert!(objects(&lab) == rules);
    // The first thing that it tells the kernel is to lock; what it asks before comes by the same call.
    let locks = effects.iter().position(|(name, _)| name.starts_with("clone")).unwrap();
    assert!(locks > 0 && locks + 1 < effects.len(), "{effects:?}");
    for effect in &effects[locks..] {
        remove();
        let outcome = run_until(&lab, &["boot"], effect);
        assert!([0, KILLED].contains(&outcome.code), "{effect:?}: {outcome:?}");
        let found = objects(&lab);
        let text = found.join("\n");
        let count = |what| text.matches(what).count();
        let is_locked = (count("policy drop"), count("accept"), count("\"lo\" accept")) == (2, 2, 2);
        assert!(found == rules || is_locked, "{effect:?}:\n{text}");
    }
}
