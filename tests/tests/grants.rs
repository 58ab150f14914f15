//! Drop-ins, and the one that 'grant' and 'revoke' write, with packets.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, PEER, elsewhere, office};
use galaf_tests::peer::{Attempt, CHARGEN, ECHO, Protocol, Target};
use galaf_tests::run::{Background, Identity, Outcome};
use serde_json::{Value, json};

const DROP_INS: &str = "/etc/galaf/galaf.d";
const GRANTED: &str = "/etc/galaf/galaf.d/50-granted.json";

fn config() -> Value {
    json!({ "groups": { "editor": { "execv": ["/usr/bin/env", "…"] }, "idle": null } })
}

fn lab(marking: Marking) -> Option<Lab> {
    let lab = Lab::for_test(marking)?;
    lab.apply(&config()).unwrap();
    Some(lab)
}

fn galaf_gen(lab: &Lab, args: &[&str]) -> Outcome {
    lab.run(&Identity::ROOT, &[&["galaf-gen"], args].concat()).unwrap()
}

fn succeeds(lab: &Lab, args: &[&str]) -> String {
    galaf_gen(lab, args).success().unwrap()
}

fn write_drop_in(lab: &Lab, name: &str, content: &Value) {
    fs::create_dir_all(lab.path(DROP_INS)).unwrap();
    fs::write(lab.path(&format!("{DROP_INS}/{name}")), content.to_string()).unwrap();
}

fn editor(lab: &Lab, protocol: Protocol, number: u8) -> Attempt {
    let target = Target::new(protocol, office(number).ipv4.into(), ECHO);
    lab.attempt(lab.alice(), &["galaf", "editor"], target).unwrap()
}

fn download(lab: &Lab) -> Background {
    let target = Target::new(Protocol::Tcp, office(1).ipv4.into(), CHARGEN).to_string();
    lab.background(lab.alice(), &["galaf", "editor", PEER, "download", &target]).unwrap()
}

#[test]
fn what_a_drop_in_grants_is_in_force_and_a_rollback_returns_to_it_without_the_file() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
    let grant = json!({ "groups": { "editor": { "allow": [{ "to": "198.51.100.1", "tcp": ECHO }] } } });
    write_drop_in(&lab, "10-one.json", &grant);
    assert_eq!(galaf_gen(&lab, &["diff"]).code, 1);
    let printed = succeeds(&lab, &["apply"]);
    assert!(printed.contains("with 1 drop-in") && printed.contains("rules    added: editor"), "{printed}");
    assert!(editor(&lab, Protocol::Tcp, 1).reached());
    assert!(editor(&lab, Protocol::Udp, 1).refused_at_once());

    fs::remove_file(lab.path(&format!("{DROP_INS}/10-one.json"))).unwrap();
    succeeds(&lab, &["apply"]);
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
    succeeds(&lab, &["rollback"]);
    assert!(editor(&lab, Protocol::Tcp, 1).reached());
}

#[test]
fn a_drop_in_that_others_can_write_is_not_applied() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    write_drop_in(&lab, "10-one.json", &json!({ "groups": { "editor": { "rule": "" } } }));
    lab.shell(&format!("chown alice {DROP_INS}/10-one.json")).unwrap();
    for args in [&["apply"][..], &["grant", "editor", "--to", "any"], &["revoke", "editor", "--now"]] {
        let outcome = galaf_gen(&lab, args);
        assert!(outcome.code == 2 && outcome.stderr.contains("10-one.json' belongs to uid"), "{args:?}: {outcome:?}");
    }
    // A folder of hers would let her add one later.
    lab.shell(&format!("rm {DROP_INS}/10-one.json; chown alice {DROP_INS}")).unwrap();
    let outcome = galaf_gen(&lab, &["grant", "editor", "--to", "any"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("galaf.d' belongs to uid"), "{outcome:?}");
    assert!(!lab.path(GRANTED).exists());
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
}

#[test]
fn a_grant_for_a_time_lapses_by_itself_and_leaves_the_file_with_the_next_one() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let echo = ECHO.to_string();
    let printed = succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1", "--udp", &echo, "--for", "5s"]);
    assert!(printed.contains("granted to 'editor' until 2"), "{printed}");
    let start = Instant::now();
    assert!(editor(&lab, Protocol::Udp, 1).reached());
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
    // The end is a moment, not a duration: another apply does not move it.
    succeeds(&lab, &["apply"]);
    while editor(&lab, Protocol::Udp, 1).reached() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not lapse");
        sleep(Duration::from_millis(300));
    }
    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.2", "--tcp", &echo, "--comment", "for good"]);
    let text = fs::read_to_string(lab.path(GRANTED)).unwrap();
    assert!(!text.contains("198.51.100.1\"") && text.contains("for good"), "{text}");
    assert!(editor(&lab, Protocol::Tcp, 2).reached());
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
}

#[test]
fn a_grant_that_is_refused_leaves_everything_as_it_was() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let outcome = galaf_gen(&lab, &["grant", "editor", "--to", "any", "--tcp", "0"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("50-granted.json:"), "{outcome:?}");
    assert!(!lab.path(DROP_INS).exists());
    let outcome = galaf_gen(&lab, &["grant", "editr", "--to", "any"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("did you mean 'editor'?"), "{outcome:?}");
    let outcome = galaf_gen(&lab, &["grant", "--user", "nobody-of-this-name", "--to", "any"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("has no user"), "{outcome:?}");

    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1"]);
    let before = fs::read_to_string(lab.path(GRANTED)).unwrap();
    // What makes the last step fail: a folder that cannot be replaced by a file.
    lab.shell("rm /var/lib/galaf/applications; mkdir -p /var/lib/galaf/applications/x").unwrap();
    let outcome = galaf_gen(&lab, &["grant", "editor", "--to", "198.51.100.2"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert_eq!(fs::read_to_string(lab.path(GRANTED)).unwrap(), before);
    // The launcher's index is what was broken, so the rules are looked at themselves.
    let rules = lab.root(&["nft", "list", "table", "inet", "galaf"]).unwrap();
    assert!(rules.contains("198.51.100.1 accept") && !rules.contains("198.51.100.2"), "{rules}");
}

#[test]
fn a_grant_to_an_empty_entry_does_not_take_the_default_rule_along() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let mut config = config();
    config["config"] = json!({ "defaults": { "rule": "" } });
    lab.apply(&config).unwrap();
    let outcome = galaf_gen(&lab, &["grant", "idle", "--to", "192.0.2.1"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("'config.defaults'"), "{outcome:?}");
    assert!(!lab.path(DROP_INS).exists());
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let printed = succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1", "--dry-run"]);
    assert!(printed.contains("198.51.100.1 accept"), "{printed}");
    assert!(!lab.path(DROP_INS).exists());
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
}

#[test]
fn an_account_is_granted_something_and_loses_it_again() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let target = Target::new(Protocol::Udp, elsewhere(1).ipv4.into(), ECHO);
    let bob = || lab.attempt(lab.bob(), &[], target).unwrap();
    assert!(bob().refused_at_once());
    succeeds(&lab, &["grant", "--user", "bob", "--to", "any"]);
    assert!(bob().reached());
    succeeds(&lab, &["revoke", "--user", "bob"]);
    assert!(bob().refused_at_once());
    // Nothing is left of it.
    assert!(!lab.path(GRANTED).exists());
    assert_eq!(galaf_gen(&lab, &["diff"]).code, 0);
    let again = galaf_gen(&lab, &["revoke", "--user", "bob"]);
    assert!(again.code == 1 && again.stderr.contains("granted nothing of that to 'bob'"), "{again:?}");
}

#[test]
fn what_is_revoked_now_ends_connections_that_are_open() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1,198.51.100.2"]);
    let download = download(&lab);
    succeeds(&lab, &["revoke", "editor", "--to", "198.51.100.1"]);
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
    assert!(editor(&lab, Protocol::Tcp, 2).reached());
    let printed = succeeds(&lab, &["revoke", "editor", "--now"]);
    assert!(printed.contains("revoked: 1 destination\nended: "), "{printed}");
    // The socket is closed; nobody has to wait for it.
    sleep(Duration::from_millis(500));
    let outcome = download.stop().unwrap();
    assert!(outcome.code != 0 && outcome.stderr.contains("the connection broke"), "{outcome:?}");
}

#[test]
fn a_connection_whose_socket_has_no_mark_carries_nothing_after_revoke_now() {
    let Some(lab) = lab(Marking::Nft) else { return };
    let mut config = config();
    config["config"] = json!({ "mark": "nft" });
    lab.apply(&config).unwrap();
    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1"]);
    let undisturbed = download(&lab);
    succeeds(&lab, &["revoke", "editor"]);
    assert_eq!(undisturbed.stop().unwrap().code, 0, "without --now it goes on");

    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1"]);
    let download = download(&lab);
    let printed = succeeds(&lab, &["revoke", "editor", "--now"]);
    assert!(!printed.contains("ended: 0"), "{printed}");
    // Longer than the program waits for a single byte.
    sleep(Duration::from_millis(5500));
    let outcome = download.stop().unwrap();
    assert!(outcome.code != 0 && outcome.stderr.contains("the connection broke"), "{outcome:?}");
}

#[test]
fn without_the_tool_that_ends_connections_the_grant_is_gone_all_the_same_and_it_is_said() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    succeeds(&lab, &["grant", "editor", "--to", "198.51.100.1"]);
    lab.shell("mount --bind /dev/null /usr/sbin/conntrack").unwrap();
    let outcome = galaf_gen(&lab, &["revoke", "editor", "--now"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("open connections were not ended"), "{outcome:?}");
    assert!(outcome.stdout.contains("revoked: 1 destination"), "{outcome:?}");
    assert!(editor(&lab, Protocol::Tcp, 1).refused_at_once());
}
