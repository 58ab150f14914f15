//! Audit, with packets: what would be refused is let through, and can be seen.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf::mark::{Mark, half};
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target, assert_reached, assert_refused};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

fn lab(mode: &str, groups: &Value, users: &Value) -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    let said = lab.apply(&config(mode, groups, users)).unwrap();
    assert!(said.contains("  audit    on: "), "apply does not say that audit is on:\n{said}");
    Some(lab)
}

fn config(mode: &str, groups: &Value, users: &Value) -> Value {
    let settings = json!({ "mode": mode, "dns": { "upstream": [NAME_SERVER.to_string()] } });
    json!({ "config": settings, "groups": groups, "users": users })
}

/// An application that is granted TCP to port 1.
fn narrow() -> Value {
    json!({ "execv": ["/usr/bin/env", "…"], "families": [4, 6], "allow": [{ "to": "any", "tcp": 1 }] })
}

fn with(mut entry: Value, key: &str, value: &Value) -> Value {
    entry[key] = value.clone();
    entry
}

fn tries(lab: &Lab, who: &Identity, launch: &[&str], protocol: Protocol, site: Site, family: Family) -> Attempt {
    let target = Target::new(protocol, site.address(family), ECHO);
    lab.attempt(who, launch, target).unwrap()
}

fn tcp(lab: &Lab, who: &Identity, launch: &[&str]) -> Attempt {
    tries(lab, who, launch, Protocol::Tcp, office(1), Family::Ipv4)
}

#[test]
fn an_audited_application_is_let_through_and_what_it_lacks_can_be_seen_apart() {
    let groups = json!({ "audited": with(narrow(), "mode", &json!("audit")), "other": narrow() });
    let Some(lab) = lab("enforce", &groups, &json!({})) else { return };
    for protocol in Protocol::ALL {
        for family in Family::ALL {
            assert_reached(&tries(&lab, lab.alice(), &["galaf", "audited"], protocol, office(1), family));
            assert_refused(&tries(&lab, lab.alice(), &["galaf", "other"], protocol, elsewhere(1), family));
            assert_refused(&tries(&lab, lab.alice(), &[], protocol, elsewhere(1), family));
        }
    }
    let counters = lab.counters().unwrap();
    let mark = Mark::from_halves(half(lab.gid("audited").unwrap().0), half(lab.alice().uid.0));
    for protocol in Protocol::ALL {
        for family in Family::ALL {
            let address = office(1).address(family);
            let port = if protocol == Protocol::Icmp { 0 } else { ECHO };
            let destination = (mark.0, address, protocol.number(address), port);
            assert!(counters.audited.contains_key(&destination), "{destination:?} is not in {:?}", counters.audited);
        }
    }
    assert_eq!(counters.refused_to(mark).packets, 0, "{:?}", counters.refused);
    assert!(counters.audited.keys().all(|(owner, ..)| *owner == mark.0), "{:?}", counters.audited);
    assert_eq!(counters.out_before[&mark.0], counters.out_after[&mark.0]);
    assert!(lab.root(&["galaf-stats"]).unwrap().contains("note: audit is on: "));
    // Enforced again, it is refused, and no trace of the audit is left.
    lab.apply(&config("enforce", &json!({ "audited": narrow(), "other": narrow() }), &json!({}))).unwrap();
    assert_refused(&tcp(&lab, lab.alice(), &["galaf", "audited"]));
    let left = lab.root(&["nft", "list", "table", "inet", "galaf"]).unwrap();
    assert!(["audited4", "mode_by_gid", "chain audit "].iter().all(|object| !left.contains(object)), "{left}");
}

#[test]
fn with_everything_audited_only_entries_that_enforce_are_refused_anything() {
    let groups = json!({ "strict": with(narrow(), "mode", &json!("enforce")), "other": narrow() });
    let Some(lab) = lab("audit", &groups, &json!({ "bob": { "mode": "enforce" } })) else { return };
    assert_reached(&tcp(&lab, lab.alice(), &[]));
    assert_reached(&tcp(&lab, &Identity::ROOT, &[]));
    assert_reached(&tcp(&lab, lab.alice(), &["galaf", "other"]));
    assert_refused(&tcp(&lab, lab.alice(), &["galaf", "strict"]));
    assert_refused(&tcp(&lab, lab.bob(), &[]));
    assert_refused(&tcp(&lab, lab.bob(), &["galaf", "other"]));
}

#[test]
fn a_denial_follows_the_mode_of_the_entry_that_denies() {
    let deny = json!([{ "to": "any", "tcp": ECHO }]);
    let audited = with(with(narrow(), "deny", &deny), "mode", &json!("audit"));
    let Some(lab) = lab("enforce", &json!({ "audited": audited }), &json!({ "bob": { "deny": deny } })) else { return };
    assert_reached(&tcp(&lab, lab.alice(), &["galaf", "audited"]));
    assert_refused(&tcp(&lab, lab.bob(), &["galaf", "audited"]));
    let mark = Mark::from_halves(half(lab.gid("audited").unwrap().0), half(lab.alice().uid.0));
    let audited = lab.counters().unwrap().audited;
    // The first packet of the connection, once.
    let destination = (mark.0, office(1).address(Family::Ipv4), 6, ECHO);
    assert_eq!(audited.get(&destination).map(|count| count.packets), Some(1), "{audited:?}");
}

#[test]
fn names_that_were_not_granted_resolve_for_whoever_is_audited() {
    let names = |mode: &str| json!({ "execv": ["/usr/bin/env", "…"], "domains": ["granted.test"], "mode": mode });
    let groups = json!({ "audited": names("audit"), "strict": names("enforce") });
    let Some(lab) = lab("enforce", &groups, &json!({})) else { return };
    lab.internet().serve_names(&[&format!("host-record=other.test,{}", elsewhere(1).ipv4)]).unwrap();
    lab.start_resolver().unwrap();
    let ask = |launch: &[&str]| lab.ask(lab.alice(), launch, "other.test", &[]).unwrap();
    let found = [elsewhere(1).address(Family::Ipv4)];
    assert_eq!(ask(&["galaf", "audited"]).addresses, found);
    assert!(ask(&["galaf", "strict"]).is_blocked());
    assert!(ask(&[]).is_blocked());
    lab.apply(&config("audit", &groups, &json!({}))).unwrap();
    assert_eq!(ask(&["galaf", "audited"]).addresses, found);
    assert_eq!(ask(&[]).addresses, found);
}
