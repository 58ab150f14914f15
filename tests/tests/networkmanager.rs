//! NetworkManager's own dnsmasq as galaf's resolver, with dnsmasq itself and NetworkManager's command line.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use galaf_tests::lab::{Lab, Marking, NAME_SERVER, Site, elsewhere, office};
use galaf_tests::peer::dns::NOERROR;
use galaf_tests::peer::{ECHO, Protocol, Target};
use galaf_tests::run::{Background, Identity};
use serde_json::{Value, json};

/// What NetworkManager 1.42 starts dnsmasq with (nm-dns-dnsmasq.c), and it starts it again when it ends. The server
/// stands for the one that NetworkManager names over D-Bus.
const NETWORK_MANAGER: &str = "echo ready; while :; do
    /usr/sbin/dnsmasq --no-resolv --keep-in-foreground --no-hosts --bind-interfaces \
    --pid-file=/run/NetworkManager/dnsmasq.pid --listen-address=127.0.0.1 --cache-size=400 --clear-on-reload \
    --conf-file=/dev/null --proxy-dnssec --enable-dbus=org.freedesktop.NetworkManager.dnsmasq \
    --conf-dir=/etc/NetworkManager/dnsmasq.d --server=\"$1\" || true
    sleep 0.1
done";
const DROP_IN: &str = "/etc/NetworkManager/dnsmasq.d/galaf.conf";

fn config(instance: &str, domains: &[&str]) -> Value {
    json!({
        "config": { "dns": { "instance": instance } },
        "groups": { "browser": { "execv": ["/usr/bin/env", "…"], "domains": domains, "families": [4, 6] } }
    })
}

/// A machine whose network NetworkManager set up.
fn lab() -> Option<Lab> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    let host = |name: &str, site: Site| format!("host-record={name},{},{}", site.ipv4, site.ipv6);
    let records = [host("granted.test", office(1)), host("second.test", office(2)), host("other.test", elsewhere(1))];
    lab.internet().serve_names(&records.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    lab.shell(&format!(
        "mkdir -p /etc/NetworkManager/dnsmasq.d /run/NetworkManager
         echo 'nameserver {NAME_SERVER}' > /run/NetworkManager/no-stub-resolv.conf"
    ))
    .unwrap();
    Some(lab)
}

fn network_manager(lab: &Lab) -> Background {
    let argv = ["sh", "-ec", NETWORK_MANAGER, "sh", &NAME_SERVER.to_string()];
    let manager = lab.background(&Identity::ROOT, &argv).unwrap();
    until("dnsmasq runs", || !pid(lab).is_empty());
    manager
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The process that answers, as dnsmasq itself writes it.
fn pid(lab: &Lab) -> String {
    lab.shell("cat /run/NetworkManager/dnsmasq.pid 2>/dev/null || true").unwrap().trim().to_owned()
}

fn has_name(lab: &Lab, launch: &[&str], name: &str) -> bool {
    let answer = lab.ask(lab.alice(), launch, name, &["4"]);
    answer.is_ok_and(|answer| answer.code == NOERROR && !answer.addresses.is_empty())
}

/// Everything in the folder, hidden files included.
fn drop_ins(lab: &Lab) -> String {
    lab.shell("ls -A /etc/NetworkManager/dnsmasq.d").unwrap()
}

#[test]
fn networkmanagers_dnsmasq_answers_what_was_granted_and_opens_it_and_nothing_else() {
    const BROWSER: [&str; 2] = ["galaf", "browser"];
    let Some(lab) = lab() else { return };
    let _manager = network_manager(&lab);
    let before = pid(&lab);
    let applied = lab.apply(&config("networkmanager", &["granted.test"])).unwrap();
    assert!(applied.contains("resolver restarted\n"), "{applied}");
    assert!(applied.contains(&format!("resolver asks {NAME_SERVER}#53, from '/run/NetworkManager/")), "{applied}");
    until("another process answers", || has_name(&lab, &BROWSER, "granted.test"));
    assert_ne!(pid(&lab), before);
    let owner = lab.shell("stat -c %U /proc/$(cat /run/NetworkManager/dnsmasq.pid)").unwrap();
    assert_eq!(owner.trim(), "dnsmasq");

    assert!(lab.ask(lab.alice(), &BROWSER, "granted.test", &["6"]).unwrap().code == NOERROR);
    let sites = [office(1), elsewhere(1)].map(|site| [site.ipv4.into(), site.ipv6.into()]).concat();
    let targets: Vec<Target> = sites.into_iter().map(|site| Target::new(Protocol::Tcp, site, ECHO)).collect();
    let reached: Vec<bool> =
        lab.attempts(lab.alice(), &BROWSER, &targets).unwrap().iter().map(|attempt| attempt.reached()).collect();
    assert_eq!(reached, [true, true, false, false]);
    assert!(lab.ask(lab.alice(), &BROWSER, "other.test", &[]).unwrap().is_blocked());
    assert!(lab.ask(lab.alice(), &[], "granted.test", &[]).unwrap().is_blocked());

    // Nothing to tell it, then a name more.
    let same = pid(&lab);
    let again = lab.apply(&config("networkmanager", &["granted.test"])).unwrap();
    assert!(again.contains("resolver unchanged\n") && pid(&lab) == same, "{again}");
    lab.apply(&config("networkmanager", &["granted.test", "second.test"])).unwrap();
    until("the new name is answered", || has_name(&lab, &BROWSER, "second.test"));
    // A set that was made anew: the same process forgets what it answered.
    let same = pid(&lab);
    lab.shell("nft delete table inet galaf").unwrap();
    let forgot = lab.apply(&config("networkmanager", &["granted.test", "second.test"])).unwrap();
    assert!(forgot.contains("forgot its cached answers\n") && pid(&lab) == same, "{forgot}");
    assert!(has_name(&lab, &BROWSER, "second.test"));
    assert!(
        lab.attempts(lab.alice(), &BROWSER, &[Target::new(Protocol::Tcp, office(2).ipv4.into(), ECHO)]).unwrap()[0]
            .reached()
    );
}

#[test]
fn reset_and_rollback_leave_networkmanagers_dnsmasq_as_it_was() {
    let Some(lab) = lab() else { return };
    let _manager = network_manager(&lab);
    let open = |lab: &Lab| until("everybody is answered again", || has_name(lab, &[], "other.test"));
    open(&lab);
    lab.write_config(&config("networkmanager", &["granted.test"]).to_string()).unwrap();
    for (apply, undo) in [(&["apply"][..], "reset"), (&["apply", "--confirm", "1m"], "rollback")] {
        lab.shell("rm -rf /var/lib/galaf").unwrap();
        lab.root(&[&["galaf-gen"], apply].concat()).unwrap();
        assert_eq!(drop_ins(&lab), "galaf.conf\n");
        until("it is asked", || lab.ask(lab.alice(), &[], "other.test", &[]).is_ok_and(|answer| answer.is_blocked()));
        let filtering = pid(&lab);
        lab.root(&["galaf-gen", undo]).unwrap();
        assert_eq!(drop_ins(&lab), "", "{undo}");
        // Without the firewall no question is marked, so the one that filters would answer, too.
        until("it was started without the file", || pid(&lab) != filtering);
        open(&lab);
    }
}

#[test]
fn from_one_instance_to_the_other_only_the_wanted_one_is_galafs() {
    const BROWSER: [&str; 2] = ["galaf", "browser"];
    let Some(lab) = lab() else { return };
    lab.apply(&config("own", &["granted.test"])).unwrap();
    lab.start_resolver().unwrap();
    assert!(has_name(&lab, &BROWSER, "granted.test"));
    let own = lab.resolver_pid().unwrap();

    let said = lab.apply(&config("networkmanager", &["granted.test"])).unwrap();
    assert!(said.contains("have NetworkManager.conf(5) say 'dns=dnsmasq'"), "{said}");
    assert!(!lab.path("/var/lib/galaf/dnsmasq.conf").exists());
    // Nobody reaps it here, and of a process that ended no command line is left.
    let command = lab.shell(&format!("cat /proc/{}/cmdline", own.trim())).unwrap_or_default();
    assert!(command.is_empty(), "the own instance goes on: {command}");
    let manager = network_manager(&lab);
    until("NetworkManager's is asked", || has_name(&lab, &BROWSER, "granted.test"));

    lab.apply(&config("own", &["second.test"])).unwrap();
    assert_eq!(drop_ins(&lab), "");
    manager.stop().unwrap();
    lab.shell("pkill -F /run/NetworkManager/dnsmasq.pid || true").unwrap();
    until("the port is free", || lab.start_resolver().is_ok());
    assert!(has_name(&lab, &BROWSER, "second.test") && !has_name(&lab, &BROWSER, "granted.test"));
}

#[test]
fn without_networkmanager_nothing_is_changed_and_without_a_network_its_servers_are_remembered() {
    let Some(lab) = lab() else { return };
    lab.shell("mv /etc/NetworkManager /etc/elsewhere").unwrap();
    let refused = lab.try_apply(&config("networkmanager", &["granted.test"])).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains(&format!("cannot write '{DROP_IN}'")), "{refused:?}");
    assert!(lab.root(&["nft", "list", "table", "inet", "galaf"]).is_err());
    lab.shell("mv /etc/elsewhere /etc/NetworkManager").unwrap();
    lab.apply(&config("networkmanager", &["granted.test"])).unwrap();
    lab.shell("rm /run/NetworkManager/no-stub-resolv.conf").unwrap();
    let applied = lab.apply(&config("networkmanager", &["granted.test", "second.test"])).unwrap();
    assert!(applied.contains(&format!("resolver asks {NAME_SERVER}#53, from '{DROP_IN}'")), "{applied}");
}
