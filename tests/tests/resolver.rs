//! Where galaf's resolver asks, and who asks it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::dns::NOERROR;
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

fn browser(domains: &[&str]) -> Value {
    json!({ "execv": ["/usr/bin/env", "…"], "domains": domains, "families": [4, 6] })
}

fn lab() -> Option<Lab> {
    lab_with(Marking::Ebpf)
}

fn lab_with(marking: Marking) -> Option<Lab> {
    let lab = Lab::for_test(marking)?;
    let host = |name: &str, site: Site| format!("host-record={name},{},{}", site.ipv4, site.ipv6);
    let records = [host("granted.test", office(1)), host("second.test", office(2))];
    lab.internet().serve_names(&records.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    Some(lab)
}

fn has_name(lab: &Lab, name: &str) -> bool {
    let answer = lab.ask(lab.alice(), &["galaf", "browser"], name, &["4"]).unwrap();
    answer.code == NOERROR && !answer.addresses.is_empty()
}

#[test]
fn without_upstream_the_resolver_asks_where_the_machine_did_and_nobody_else() {
    let Some(lab) = lab() else { return };
    let config = json!({ "groups": { "browser": browser(&["granted.test"]) } });
    let refused = lab.try_apply(&config).unwrap();
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("no name server is known that is not this machine itself"), "{refused:?}");

    lab.shell(&format!(
        "mkdir -p /run/systemd/resolve; echo 'nameserver {NAME_SERVER}' > /run/systemd/resolve/resolv.conf"
    ))
    .unwrap();
    let found = format!("{NAME_SERVER}#53, from '/run/systemd/resolve/resolv.conf'");
    let checked = lab.root(&["galaf-gen", "check"]).unwrap();
    assert!(checked.contains(&format!("names are asked of {found}\n")), "{checked}");
    let applied = lab.apply(&config).unwrap();
    assert!(applied.contains(&format!("resolver asks {found}\n")), "{applied}");
    lab.start_resolver().unwrap();
    assert!(has_name(&lab, "granted.test"));

    let uid = lab.shell("id -u dnsmasq").unwrap().trim().parse().unwrap();
    let target = Target::new(Protocol::Tcp, elsewhere(1).ipv4.into(), 53);
    let attempt = lab.attempt(&Identity::new(uid, 65534), &[], target).unwrap();
    assert!(attempt.refused_at_once(), "{attempt}");

    // The network is gone, and with it what it said.
    lab.shell("rm /run/systemd/resolve/resolv.conf").unwrap();
    let applied = lab.apply(&config).unwrap();
    assert!(
        applied.contains(&format!("resolver asks {NAME_SERVER}#53, from '/var/lib/galaf/dnsmasq.conf'\n")),
        "{applied}"
    );
    assert!(has_name(&lab, "granted.test"));
}

#[test]
fn programs_are_made_to_ask_galaf_when_the_file_says_so_and_no_longer_after_a_reset() {
    let Some(lab) = lab() else { return };
    let config = |dns: Value| json!({ "config": { "dns": dns }, "groups": { "browser": browser(&["granted.test"]) } });
    lab.shell(&format!(
        "mkdir -p /run/systemd/resolve; cd /run/systemd/resolve\n\
         echo 'nameserver {NAME_SERVER}' > resolv.conf; echo 'nameserver 127.0.0.53' > stub-resolv.conf\n\
         ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"
    ))
    .unwrap();
    let link = || lab.root(&["readlink", "/etc/resolv.conf"]).unwrap();
    let finds = || lab.run(lab.alice(), &["galaf", "browser", "getent", "ahostsv4", "granted.test"]).unwrap().code == 0;

    let said = lab.apply(&config(json!({}))).unwrap();
    assert!(said.contains("'/etc/resolv.conf' does not ask galaf's resolver"), "{said}");
    lab.start_resolver().unwrap();
    assert_eq!(link(), "../run/systemd/resolve/stub-resolv.conf\n");
    assert!(!finds(), "the stub of another resolver answers nobody here");

    let said = lab.apply(&config(json!({ "manage_resolv_conf": true }))).unwrap();
    assert!(said.contains("'/etc/resolv.conf' asks galaf's resolver now"), "{said}");
    assert!(finds());
    let said = lab.apply(&config(json!({ "manage_resolv_conf": true }))).unwrap();
    assert!(!said.contains("programs "), "{said}");
    assert!(finds());

    let said = lab.root(&["galaf-gen", "reset"]).unwrap();
    assert!(said.contains("'/etc/resolv.conf' is the former one again"), "{said}");
    assert_eq!(link(), "../run/systemd/resolve/stub-resolv.conf\n");
    assert!(!lab.path("/var/lib/galaf/resolv.conf").exists());
}

#[test]
fn an_apply_that_nobody_confirms_takes_the_former_resolv_conf_back_too() {
    let Some(lab) = lab() else { return };
    lab.shell("echo '# mine' > /etc/resolv.conf").unwrap();
    let dns = json!({ "upstream": [NAME_SERVER.to_string()], "manage_resolv_conf": true });
    let config = json!({ "config": { "dns": dns }, "groups": { "browser": browser(&["granted.test"]) } });
    lab.write_config(&config.to_string()).unwrap();
    lab.root(&["galaf-gen", "apply", "--confirm", "1h"]).unwrap();
    let text = || lab.root(&["cat", "/etc/resolv.conf"]).unwrap();
    assert!(text().contains("\nnameserver 127.0.0.1\n"));
    lab.root(&["galaf-gen", "rollback"]).unwrap();
    assert_eq!(text(), "# mine\n");
}

fn reaches(lab: &Lab, application: &[&str], address: IpAddr) -> bool {
    let attempt = lab.attempt(lab.bob(), application, Target::new(Protocol::Tcp, address, ECHO)).unwrap();
    assert!(attempt.reached() || attempt.refused_at_once(), "{attempt}");
    attempt.reached()
}

/// An entry that loses a name loses the addresses of its others with it, since an address does not tell its name.
fn addresses_that_programs_remember(marking: Marking, mark: &str) {
    let Some(lab) = lab_with(marking) else { return };
    let config = |domains: &[&str]| {
        json!({
            "config": { "mark": mark, "dns": { "upstream": [NAME_SERVER.to_string()] } },
            "users": { "bob": { "domains": domains, "families": [4, 6] } },
            "groups": { "browser": browser(domains) }
        })
    };
    let both = ["granted.test", "second.test"];
    let said = lab.apply(&config(&both)).unwrap();
    assert!(!said.contains("looked up ahead"), "no resolver runs yet: {said}");
    lab.start_resolver().unwrap();
    for name in both {
        assert!(has_name(&lab, name));
    }
    let browser = ["galaf", "browser"].as_slice();
    let said = lab.apply(&config(&["second.test"])).unwrap();
    assert!(said.contains("looked up ahead: 2 of 2 questions answered"), "{said}");
    for address in [office(2).ipv4.into(), office(2).ipv6.into()] {
        assert!(reaches(&lab, browser, address), "{address} was not opened again for the application");
        assert!(reaches(&lab, &[], address), "{address} was not opened again for the user");
    }
    assert!(!reaches(&lab, browser, office(1).ipv4.into()), "the name that was removed is still granted");

    let said = lab.apply(&config(&both)).unwrap();
    assert!(!said.contains("looked up ahead"), "nothing was forgotten: {said}");
    lab.write_config(&config(&["second.test"]).to_string()).unwrap();
    lab.root(&["galaf-gen", "apply", "--no-resolve"]).unwrap();
    assert!(!reaches(&lab, browser, office(2).ipv4.into()));
    assert!(has_name(&lab, "second.test"));
    assert!(reaches(&lab, browser, office(2).ipv4.into()));
}

#[test]
fn an_address_that_a_program_remembers_stays_open_when_another_name_is_removed() {
    addresses_that_programs_remember(Marking::Ebpf, "ebpf");
}

#[test]
fn an_address_that_a_program_remembers_stays_open_without_the_mark_program_too() {
    addresses_that_programs_remember(Marking::Nft, "nft");
}

#[test]
fn names_that_nobody_answers_do_not_hold_up_an_apply_for_long() {
    let Some(lab) = lab() else { return };
    let config = |domains: &[&str]| {
        // Packets to this server of the documentation range are lost.
        json!({ "config": { "dns": { "upstream": ["192.0.2.99"] } }, "groups": { "browser": browser(domains) } })
    };
    lab.apply(&config(&["granted.test", "second.test"])).unwrap();
    lab.start_resolver().unwrap();
    let start = Instant::now();
    let said = lab.apply(&config(&["granted.test"])).unwrap();
    assert!(said.contains("looked up ahead: 0 of 2 questions answered"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_boot_takes_an_unconfirmed_resolv_conf_back_and_loads_the_rules_even_if_it_cannot() {
    let Some(lab) = lab() else { return };
    lab.shell("echo '# mine' > /etc/resolv.conf").unwrap();
    let config = |manage: bool| {
        let dns = json!({ "upstream": [NAME_SERVER.to_string()], "manage_resolv_conf": manage });
        json!({ "config": { "dns": dns }, "groups": { "browser": browser(&["granted.test"]) } })
    };
    lab.apply(&config(false)).unwrap();
    let text = || lab.root(&["cat", "/etc/resolv.conf"]).unwrap();
    for writable in [true, false] {
        lab.write_config(&config(true).to_string()).unwrap();
        lab.root(&["galaf-gen", "apply", "--confirm", "1h"]).unwrap();
        assert!(text().contains("nameserver 127.0.0.1\n"));
        // The unit that runs it at boot may not write there.
        if !writable {
            lab.shell("mount -o remount,bind,ro /etc").unwrap();
        }
        let boot = lab.run(&Identity::ROOT, &["galaf-gen", "boot"]).unwrap();
        assert_eq!((boot.code, text() == "# mine\n"), (0, writable), "{boot:?}");
        assert_eq!(boot.stderr.contains("'galaf-gen apply' tries again"), !writable, "{boot:?}");
    }
    lab.shell("mount -o remount,bind,rw /etc").unwrap();
    lab.root(&["galaf-gen", "reset"]).unwrap();
    assert_eq!(text(), "# mine\n");
}

#[test]
fn a_process_that_poses_as_the_resolver_is_neither_ended_nor_started_again_by_root() {
    let Some(lab) = lab() else { return };
    let config = |domains: &[&str]| json!({ "config": { "dns": { "upstream": [NAME_SERVER] } }, "groups": { "browser": browser(domains) } });
    lab.apply(&config(&["granted.test"])).unwrap();
    lab.shell(
        "mkdir /tmp/bin; printf '#!/bin/sh\\nid -u > /tmp/ran-as\\n' > /tmp/bin/dnsmasq; chmod 755 /tmp/bin/dnsmasq",
    )
    .unwrap();
    let pose = "exec -a /tmp/bin/dnsmasq bash -c 'echo ready; cat; echo alive' --conf-file=/var/lib/galaf/dnsmasq.conf";
    let poser = lab.background(lab.alice(), &["bash", "-c", pose]).unwrap();
    let applied = lab.apply(&config(&["granted.test", "second.test"])).unwrap();
    assert!(applied.contains("resolver does not run"), "{applied}");
    assert!(!lab.path("/tmp/ran-as").exists(), "root ran it");
    let ended = poser.stop().unwrap();
    assert_eq!(ended.success().unwrap(), "alive\n");
}
