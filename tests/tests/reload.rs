//! A change of the file while everything goes on.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use galaf_tests::lab::{Lab, Marking, NAME_SERVER, PEER, elsewhere, office};
use galaf_tests::peer::{Attempt, CHARGEN, ECHO, Protocol, Target};
use galaf_tests::run::Background;
use serde_json::{Value, json};

const RELOADS: usize = 300;

fn config(domains: &[&str]) -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } },
        "groups": {
            "editor": { "execv": ["/usr/bin/env", "…"], "rule": "ip daddr 198.51.100.0/24" },
            "viewer": { "execv": ["/usr/bin/env", "…"], "rule": "ip daddr 203.0.113.0/24" },
            "browser": { "execv": ["/usr/bin/env", "…"], "domains": domains, "rule": "" }
        }
    })
}

/// A laboratory with names and the firewall of [`config`] for `one.test`.
fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.internet().serve_names(&["host-record=one.test,198.51.100.11", "host-record=two.test,198.51.100.12"]).unwrap();
    lab.apply(&config(&["one.test"])).unwrap();
    lab.start_resolver().unwrap();
    Some(lab)
}

fn table(lab: &Lab) -> String {
    lab.root(&["nft", "-s", "list", "table", "inet", "galaf"]).unwrap()
}

fn learned(lab: &Lab) -> String {
    lab.root(&["nft", "-j", "list", "set", "inet", "galaf", "app_browser_dns4"]).unwrap()
}

fn browser_reaches(lab: &Lab, number: u8) -> Attempt {
    let target = Target::new(Protocol::Tcp, office(number).ipv4.into(), ECHO);
    lab.attempt(lab.alice(), &["galaf", "browser"], target).unwrap()
}

fn browser_asks(lab: &Lab, name: &str) -> bool {
    !lab.ask(lab.alice(), &["galaf", "browser"], name, &["4"]).unwrap().addresses.is_empty()
}

fn download(lab: &Lab) -> Background {
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), CHARGEN).to_string();
    lab.background(lab.alice(), &["galaf", "editor", PEER, "download", &target]).unwrap()
}

/// Bytes, and the longest pause in milliseconds.
fn end_download(download: Background) -> (u64, u64) {
    let result: Value = serde_json::from_str(&download.stop().unwrap().success().unwrap()).unwrap();
    (result["bytes"].as_u64().unwrap(), result["longest_pause_ms"].as_u64().unwrap())
}

#[test]
fn the_same_file_again_changes_nothing_and_forgets_nothing() {
    let Some(lab) = lab() else { return };
    assert!(browser_asks(&lab, "one.test"));
    assert!(browser_reaches(&lab, 11).reached());
    let (rules, pid) = (table(&lab), lab.resolver_pid().unwrap());
    // A FIN that is on its way would be counted between the two readings.
    std::thread::sleep(Duration::from_millis(200));
    let counters = lab.counters().unwrap();
    let printed = lab.apply(&config(&["one.test"])).unwrap();
    assert!(printed.contains("rules    unchanged") && printed.contains("resolver unchanged"), "{printed}");
    assert_eq!(table(&lab), rules);
    assert_eq!(lab.resolver_pid().unwrap(), pid);
    let again = lab.counters().unwrap();
    let mark = galaf::mark::Mark::new(lab.gid("browser").unwrap(), lab.alice().uid).0;
    assert_eq!(
        (again.out_after.get(&mark), again.in_after.get(&mark)),
        (counters.out_after.get(&mark), counters.in_after.get(&mark))
    );
    assert!(counters.out_after.contains_key(&mark));
    assert!(learned(&lab).contains("198.51.100.11"));
    assert!(browser_reaches(&lab, 11).reached(), "without asking again");
}

#[test]
fn an_application_that_is_added_or_removed_takes_effect_and_the_others_do_not_notice() {
    let Some(lab) = lab() else { return };
    assert!(browser_asks(&lab, "one.test"));
    let download = download(&lab);
    let target = Target::new(Protocol::Udp, elsewhere(1).ipv4.into(), ECHO);
    let tries = |application| lab.attempt(lab.alice(), &["galaf", application], target).unwrap();

    let mut more = config(&["one.test"]);
    more["groups"]["late"] = json!({ "execv": ["/usr/bin/env", "…"], "rule": "udp dport 7" });
    let printed = lab.apply(&more).unwrap();
    assert!(printed.contains("groups   added: late (") && printed.contains("rules    added: late"), "{printed}");
    assert!(tries("late").reached());

    // A socket that it still has open is of no use to it any more.
    let flood = target.to_string();
    let flood = lab.background(lab.alice(), &["galaf", "late", PEER, "flood", &flood]).unwrap();
    let printed = lab.apply(&config(&["one.test"])).unwrap();
    assert!(printed.contains("rules    removed: late"), "{printed}");
    let refused = lab.run(lab.alice(), &["galaf", "late", "true"]).unwrap();
    assert_eq!(refused.code, 125, "{refused:?}");
    std::thread::sleep(Duration::from_millis(100));
    let result: Value = serde_json::from_str(&flood.stop().unwrap().success().unwrap()).unwrap();
    assert!(result["refused"].as_u64().unwrap() > 0, "{result}");

    assert!(tries("viewer").reached());
    assert!(browser_reaches(&lab, 11).reached());
    let (bytes, pause) = end_download(download);
    assert!(bytes > 0 && pause < 1000, "{bytes} bytes, a pause of {pause} ms");
}

#[test]
fn a_name_is_added_while_a_download_runs() {
    let Some(lab) = lab() else { return };
    assert!(browser_asks(&lab, "one.test") && !browser_asks(&lab, "two.test"));
    let download = download(&lab);
    let pid = lab.resolver_pid().unwrap();
    let printed = lab.apply(&config(&["one.test", "two.test"])).unwrap();
    assert!(printed.contains("resolver restarted"), "{printed}");
    assert_ne!(lab.resolver_pid().unwrap(), pid);
    assert!(browser_asks(&lab, "two.test"));
    assert!(browser_reaches(&lab, 12).reached());
    assert!(browser_reaches(&lab, 11).reached(), "what was learned before stays");
    let (bytes, pause) = end_download(download);
    assert!(bytes > 0 && pause < 1000, "{bytes} bytes, a pause of {pause} ms");
}

#[test]
fn the_addresses_of_a_name_that_is_removed_are_refused_from_then_on() {
    let Some(lab) = lab() else { return };
    lab.apply(&config(&["one.test", "two.test"])).unwrap();
    for (name, number) in [("one.test", 11), ("two.test", 12)] {
        assert!(browser_asks(&lab, name) && browser_reaches(&lab, number).reached());
    }
    lab.apply(&config(&["one.test"])).unwrap();
    let attempt = browser_reaches(&lab, 12);
    assert!(attempt.refused_at_once(), "{attempt}");
    assert!(browser_asks(&lab, "one.test") && !browser_asks(&lab, "two.test"));
    let attempt = browser_reaches(&lab, 11);
    assert!(attempt.reached(), "{attempt}");
}

#[test]
fn the_resolver_runs_on_when_only_rules_change() {
    let Some(lab) = lab() else { return };
    let pid = lab.resolver_pid().unwrap();
    let mut changed = config(&["one.test"]);
    changed["groups"]["editor"]["rule"] = json!("ip daddr 198.51.100.0/25");
    let printed = lab.apply(&changed).unwrap();
    assert!(printed.contains("rules    changed: editor") && printed.contains("resolver unchanged"), "{printed}");
    assert_eq!(lab.resolver_pid().unwrap(), pid);
}

#[test]
fn an_answer_that_the_resolver_remembers_opens_its_address_after_the_sets_were_made_anew() {
    let Some(lab) = lab() else { return };
    assert!(browser_asks(&lab, "one.test"));
    let pid = lab.resolver_pid().unwrap();
    lab.root(&["galaf-gen", "reset"]).unwrap();
    let printed = lab.root(&["galaf-gen", "apply", "--no-resolve"]).unwrap();
    assert!(printed.contains("resolver forgot its cached answers"), "{printed}");
    assert_eq!(lab.resolver_pid().unwrap(), pid);
    assert!(!browser_reaches(&lab, 11).reached(), "the sets are empty");
    assert!(browser_asks(&lab, "one.test"));
    let attempt = browser_reaches(&lab, 11);
    assert!(attempt.reached(), "{attempt}");
}

#[test]
fn through_many_reloads_no_granted_packet_is_refused_and_no_other_leaves() {
    let Some(lab) = lab() else { return };
    // The same two sites for both: each is granted one of them, so a verdict of the wrong application would show.
    let flood = |application, site: galaf_tests::lab::Site| {
        let target = Target::new(Protocol::Udp, site.ipv4.into(), 9).to_string();
        lab.background(lab.alice(), &["galaf", application, PEER, "flood", &target]).unwrap()
    };
    let granted = [flood("editor", office(1)), flood("viewer", elsewhere(1))];
    let denied = [flood("editor", elsewhere(2)), flood("viewer", office(2))];
    for round in 0..RELOADS {
        // A different file every time: chains and map elements come and go.
        let mut changed = config(&["one.test"]);
        if round % 2 == 0 {
            changed["groups"]["aaa"] = json!({ "execv": ["/usr/bin/env", "…"], "rule": "" });
        }
        if round % 3 == 0 {
            changed["groups"]["viewer"]["rule"] = json!("ip daddr { 203.0.113.0/24 }");
        }
        lab.apply(&changed).unwrap();
    }
    let end = |flood: Background| -> (u64, u64) {
        let result: Value = serde_json::from_str(&flood.stop().unwrap().success().unwrap()).unwrap();
        (result["sent"].as_u64().unwrap(), result["refused"].as_u64().unwrap())
    };
    let (granted, denied) = (granted.map(end), denied.map(end));
    // The counters live through every reload, too.
    let counters = lab.counters().unwrap();
    for (number, application) in ["editor", "viewer"].into_iter().enumerate() {
        let mark = galaf::mark::Mark::new(lab.gid(application).unwrap(), lab.alice().uid);
        let (sent, refused) = (granted[number].0, denied[number].1);
        let packets = (counters.out_before[&mark.0].packets, counters.out_after[&mark.0].packets);
        assert_eq!(packets, (sent + refused, sent), "{application}");
        assert_eq!(counters.refused_to(mark).packets, refused, "{application}");
    }
    let seen = lab.internet().seen().unwrap();
    let arrived =
        |site: galaf_tests::lab::Site| seen.get(&(site.ipv4.into(), 17)).map_or(0, |traffic| traffic.arrived.packets);
    for ((sent, refused), site) in granted.into_iter().zip([office(1), elsewhere(1)]) {
        assert_eq!((refused, arrived(site)), (0, sent), "granted packets refused, or lost on the way");
        assert!(sent > 1000, "only {sent} packets");
    }
    for ((sent, refused), site) in denied.into_iter().zip([elsewhere(2), office(2)]) {
        assert_eq!((sent, arrived(site)), (0, 0), "packets that were not granted left");
        assert!(refused > 1000, "only {refused} packets");
    }
}
