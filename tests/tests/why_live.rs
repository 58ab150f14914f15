//! What 'galaf-gen why --live' says, against what a program gets to know.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::{Identity, Outcome};
use serde_json::{Value, json};

fn config() -> Value {
    json!({
        "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } },
        "groups": { "editor": {
            "execv": ["/usr/bin/env", "…"], "families": [4, 6],
            "allow": [
                { "to": "granted.test", "tcp": ECHO },
                { "to": "203.0.113.1", "tcp": ECHO, "until": "1h" }
            ],
            "deny": [{ "to": "ads.test" }]
        } }
    })
}

fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config()).unwrap();
    let record = |name: &str, site: Site| format!("host-record={name},{},{}", site.ipv4, site.ipv6);
    let records = [record("granted.test", office(1)), record("ads.test", elsewhere(1))];
    lab.internet().serve_names(&records.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    lab.start_resolver().unwrap();
    Some(lab)
}

fn why(lab: &Lab, args: &[&str]) -> Outcome {
    lab.run(&Identity::ROOT, &[&["galaf-gen", "why"], args].concat()).unwrap()
}

/// Asks, and has alice try it through the application.
#[track_caller]
fn assert_agrees(lab: &Lab, site: Site, family: Family, is_open: bool, told: &str) {
    let target = Target::new(Protocol::Tcp, site.address(family), ECHO);
    let destination = match family {
        Family::Ipv4 => format!("{}:{ECHO}", site.ipv4),
        Family::Ipv6 => format!("[{}]:{ECHO}", site.ipv6),
    };
    let said = why(lab, &["editor", &destination, "--live"]);
    let attempt = lab.attempts(lab.alice(), &["galaf", "editor"], &[target]).unwrap().remove(0);
    assert_eq!((said.code, attempt.reached()), (i32::from(!is_open), is_open), "{said:?}, {attempt}");
    assert!(said.stdout.contains(told), "no \"{told}\" in:\n{}", said.stdout);
}

#[test]
fn an_address_is_open_from_when_it_is_learned_and_why_knows() {
    let Some(lab) = lab() else { return };
    for family in Family::ALL {
        assert_agrees(&lab, office(1), family, false, "nothing grants it");
    }
    assert_agrees(&lab, elsewhere(1), Family::Ipv4, true, "allow[1] of 'editor' grants it");
    let offline = why(&lab, &["editor", &format!("{}:{ECHO}", office(1).ipv4)]);
    assert!(
        offline.code == 3 && offline.stdout.contains("if the resolver answered the address for granted.test"),
        "{offline:?}"
    );

    let launch = ["galaf", "editor"];
    for (name, options) in [("granted.test", ["4"]), ("granted.test", ["6"])] {
        lab.ask(lab.alice(), &launch, name, &options).unwrap();
    }
    for family in Family::ALL {
        assert_agrees(&lab, office(1), family, true, "allow[0] of 'editor' grants it");
    }
    let named = why(&lab, &["editor", &format!("granted.test:{ECHO}"), "--live"]);
    assert!(named.code == 0 && named.stdout.contains("open now: 1"), "{named:?}");

    // As if somebody who may ask for the denied name had done so.
    lab.root(&["nft", "add", "element", "inet", "galaf", "deny0_app_editor_dns4", "{ 203.0.113.1 }"]).unwrap();
    assert_agrees(&lab, elsewhere(1), Family::Ipv4, false, "deny[0] of 'editor' denies it");
    let unasked = why(&lab, &["editor", "ads.test:7", "--live"]);
    let answer = lab.ask(lab.alice(), &launch, "ads.test", &[]).unwrap();
    assert!(answer.is_blocked() && unasked.code == 1, "{answer}, {unasked:?}");
    assert!(unasked.stdout.contains("the resolver does not answer 'ads.test'"), "{}", unasked.stdout);
}

#[test]
fn the_command_that_is_offered_opens_it() {
    let Some(lab) = lab() else { return };
    for (target, protocol) in [("198.51.100.2:7/udp", Protocol::Udp), ("198.51.100.2/icmp", Protocol::Icmp)] {
        let refused = why(&lab, &["editor", target, "--json"]);
        assert_eq!(refused.code, 1, "{refused:?}");
        let said: Value = serde_json::from_str(&refused.stdout).unwrap();
        let command: Vec<&str> = said["remedy"]["command"].as_str().unwrap().split(' ').collect();
        lab.root(&command).unwrap();
        assert_eq!(why(&lab, &["editor", target, "--live"]).code, 0);
        let target = Target::new(protocol, office(2).ipv4.into(), ECHO);
        let attempt = lab.attempts(lab.alice(), &["galaf", "editor"], &[target]).unwrap().remove(0);
        assert!(attempt.reached(), "{attempt}");
    }
}

#[test]
fn what_was_applied_is_asked_and_not_what_was_edited() {
    let Some(lab) = lab() else { return };
    let target = format!("{}:{ECHO}", elsewhere(1).ipv4);
    lab.write_config(r#"{ "groups": { "editor": null } }"#).unwrap();
    let (file, live) = (why(&lab, &["editor", &target]), why(&lab, &["editor", &target, "--live"]));
    assert_eq!((file.code, live.code), (1, 0), "{file:?}, {live:?}");
    assert!(live.stdout.contains("/var/lib/galaf/applied.json:"), "{}", live.stdout);
    let alice = lab.run(lab.alice(), &["galaf-gen", "why", "editor", &target, "--live"]).unwrap();
    assert!(alice.code == 2 && alice.stderr.contains("needs root"), "{alice:?}");
}

#[test]
fn a_table_that_is_missing_locked_or_changed_is_told() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    let target = format!("{}:{ECHO}", elsewhere(2).ipv4);
    let asked = || why(&lab, &["editor", &target, "--live"]);
    lab.write_config(&config().to_string()).unwrap();
    let never = asked();
    assert!(never.code == 2 && never.stderr.contains("nothing was applied yet"), "{never:?}");
    lab.apply(&config()).unwrap();
    assert_eq!(asked().code, 1);

    lab.root(&["nft", "add", "rule", "inet", "galaf", "app_editor", "accept"]).unwrap();
    let changed = asked();
    assert!(changed.code == 3 && changed.stdout.contains("chain 'app_editor' has"), "{changed:?}");
    lab.root(&["nft", "delete", "table", "inet", "galaf"]).unwrap();
    let missing = asked();
    assert!(missing.code == 0 && missing.stdout.contains("no firewall is loaded"), "{missing:?}");
    fs::write(lab.path("/var/lib/galaf/galaf.nft"), "broken").unwrap();
    assert_eq!(lab.run(&Identity::ROOT, &["galaf-gen", "boot"]).unwrap().code, 1);
    let locked = asked();
    assert!(locked.code == 1 && locked.stdout.contains("the firewall is locked"), "{locked:?}");
    let local = why(&lab, &["editor", "127.0.0.1:7", "--live"]);
    assert_eq!(local.code, 0, "{local:?}");
}
