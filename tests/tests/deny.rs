//! Denials, with packets: nothing opens what an entry denies.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf::config::Family;
use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target, assert_reached, assert_refused};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

fn lab(groups: &Value, users: &Value) -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config(groups, users)).unwrap();
    Some(lab)
}

fn config(groups: &Value, users: &Value) -> Value {
    json!({ "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } }, "groups": groups, "users": users })
}

/// An entry that is granted everything but `deny`.
fn editor(deny: &Value) -> Value {
    json!({ "editor": {
        "execv": ["/usr/bin/env", "…"], "families": [4, 6], "allow": [{ "to": "any" }], "rule": "", "rule6": "", "deny": deny
    } })
}

fn tries(lab: &Lab, who: &Identity, launch: &[&str], protocol: Protocol, site: Site, family: Family) -> Attempt {
    let target = Target::new(protocol, site.address(family), ECHO);
    lab.attempt(who, launch, target).unwrap()
}

#[test]
fn a_denial_wins_over_every_grant_of_its_entry_and_closes_nothing_else() {
    let deny = json!([{ "to": "198.51.100.0/24", "tcp": [1, ECHO] }, { "to": "any", "icmp": true }]);
    let Some(lab) = lab(&editor(&deny), &json!({})) else { return };
    for protocol in Protocol::ALL {
        for (site, is_office) in [(office(1), true), (elsewhere(1), false)] {
            for family in Family::ALL {
                let attempt = tries(&lab, lab.alice(), &["galaf", "editor"], protocol, site, family);
                let denied = match protocol {
                    Protocol::Tcp => is_office && family == Family::Ipv4,
                    Protocol::Udp => false,
                    Protocol::Icmp => true,
                };
                if denied { assert_refused(&attempt) } else { assert_reached(&attempt) }
            }
        }
    }
    let counters = lab.counters().unwrap();
    let site = office(1).address(Family::Ipv4);
    let is_there =
        counters.refused.keys().any(|&(_, address, protocol, port)| (address, protocol, port) == (site, 6, ECHO));
    assert!(is_there, "what was denied is not among the refused: {:?}", counters.refused);
}

#[test]
fn neither_the_application_nor_its_user_is_granted_what_the_other_is_denied() {
    let open = json!({ "families": [4, 6], "rule": "", "rule6": "" });
    let mut groups = editor(&json!([{ "to": "198.51.100.0/24" }]));
    groups["other"] = json!({ "execv": ["/usr/bin/env", "…"], "families": [4, 6], "rule": "", "rule6": "" });
    // `families` does not narrow a denial.
    let denied = json!({ "families": [4], "deny": [{ "to": "any", "udp": true }] });
    let Some(lab) = lab(&groups, &json!({ "alice": open, "bob": denied })) else { return };
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    // alice is granted everything, and so is the application but for the office.
    assert_refused(&tries(&lab, lab.alice(), &["galaf", "editor"], Protocol::Tcp, office(1), v4));
    assert_reached(&tries(&lab, lab.alice(), &[], Protocol::Tcp, office(1), v4));
    assert_reached(&tries(&lab, lab.alice(), &["galaf", "other"], Protocol::Tcp, office(1), v4));
    // bob is denied UDP, whatever is granted to the application.
    for family in [v4, v6] {
        assert_refused(&tries(&lab, lab.bob(), &["galaf", "other"], Protocol::Udp, office(1), family));
        assert_reached(&tries(&lab, lab.bob(), &["galaf", "other"], Protocol::Tcp, office(1), family));
        assert_reached(&tries(&lab, lab.alice(), &["galaf", "other"], Protocol::Udp, office(1), family));
    }
}

#[test]
fn a_denied_name_is_closed_by_its_answers_and_may_not_be_asked_for_by_being_denied() {
    let mut groups = editor(&json!([{ "to": "ads.granted.test" }]));
    groups["narrow"] =
        json!({ "execv": ["/usr/bin/env", "…"], "domains": ["granted.test"], "deny": [{ "to": "other.test" }] });
    let Some(lab) = lab(&groups, &json!({})) else { return };
    let record = |name: &str, site: Site| format!("host-record={name},{}", site.ipv4);
    let records = [
        record("granted.test", office(1)),
        record("ads.granted.test", office(2)),
        record("more.ads.granted.test", office(3)),
        record("other.test", elsewhere(1)),
    ];
    lab.internet().serve_names(&records.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    lab.start_resolver().unwrap();
    let launch = ["galaf", "editor"];
    for (name, site) in [("ads.granted.test", office(2)), ("more.ads.granted.test", office(3))] {
        let answer = lab.ask(lab.alice(), &launch, name, &[]).unwrap();
        assert_eq!(answer.addresses, [site.address(Family::Ipv4)], "{answer:?}");
        assert_refused(&tries(&lab, lab.alice(), &launch, Protocol::Tcp, site, Family::Ipv4));
    }
    lab.ask(lab.alice(), &launch, "granted.test", &[]).unwrap();
    assert_reached(&tries(&lab, lab.alice(), &launch, Protocol::Tcp, office(1), Family::Ipv4));
    let answer = lab.ask(lab.alice(), &["galaf", "narrow"], "other.test", &[]).unwrap();
    assert!(answer.is_blocked(), "{answer:?}");
}

#[test]
fn a_reload_brings_denials_into_force_and_takes_them_away() {
    let Some(lab) = lab(&editor(&json!([{ "to": "any", "tcp": ECHO }])), &json!({})) else { return };
    let tcp = || tries(&lab, lab.alice(), &["galaf", "editor"], Protocol::Tcp, office(1), Family::Ipv4);
    assert_refused(&tcp());
    let mut open = editor(&json!([]));
    open["editor"].as_object_mut().unwrap().remove("deny");
    lab.apply(&config(&open, &json!({}))).unwrap();
    assert_reached(&tcp());
    assert!(!lab.root(&["nft", "list", "table", "inet", "galaf"]).unwrap().contains("denied"), "maps are left");
    lab.apply(&config(&editor(&json!([{ "to": "any", "tcp": ECHO }])), &json!({}))).unwrap();
    assert_refused(&tcp());
}
