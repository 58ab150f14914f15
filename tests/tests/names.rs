//! Names: who may ask for which, and that an answer opens its address for those who were granted the name.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use galaf_tests::lab::{Lab, Marking, NAME_SERVER, PEER, Site, elsewhere, office};
use galaf_tests::peer::dns::{Answer, NOERROR};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target, assert_reached, assert_refused};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

/// More names than fit one line of dnsmasq's configuration.
const MANY: usize = 45;

fn config(mark: &str) -> Value {
    let tcp = |domains: Value| json!({ "execv": ["/usr/bin/env", "…"], "domains": domains, "rule": "tcp dport 7", "rule6": "tcp dport 7" });
    let many: Vec<String> = (0..MANY).map(many).collect();
    json!({
        "config": {
            "mark": mark,
            "defaults": { "families": [4, 6] },
            "dns": { "upstream": [NAME_SERVER.to_string()] }
        },
        "users": {
            "bob": { "domains": ["packages.test"], "rule": "tcp dport 7", "rule6": "tcp dport 7" }
        },
        "groups": {
            "browser": tcp(json!(["granted.test"])),
            "reader": tcp(json!("browser")),
            "child": tcp(json!(["inner.granted.test"])),
            "collector": tcp(json!(many)),
            "anywhere": { "execv": ["/usr/bin/env", "…"], "rule": "", "rule6": "" },
            "nowhere": { "execv": ["/usr/bin/env", "…"] }
        }
    })
}

fn many(number: usize) -> String {
    format!("a-name-of-some-length-number-{number:02}.test")
}

/// What the name server knows.
fn records() -> Vec<String> {
    let host = |name: &str, site: Site| format!("host-record={name},{},{}", site.ipv4, site.ipv6);
    let mut records = vec![
        host("granted.test", office(1)),
        host("www.granted.test", office(2)),
        host("a.b.c.d.e.granted.test", office(3)),
        host("inner.granted.test", office(4)),
        host("packages.test", office(5)),
        host("cdn.provider.test", office(6)),
        "cname=outsourced.granted.test,cdn.provider.test".to_owned(),
        host("other.test", elsewhere(1)),
        host("notgranted.test", elsewhere(2)),
        host("granted.test.other.test", elsewhere(3)),
    ];
    records.extend((0..MANY).map(|number| host(&many(number), elsewhere(4))));
    records
}

fn lab(marking: Marking) -> Option<Lab> {
    let lab = Lab::for_test(marking)?;
    let records = records();
    lab.internet().serve_names(&records.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let mark = if marking == Marking::Ebpf { "ebpf" } else { "nft" };
    lab.apply(&config(mark)).unwrap();
    lab.start_resolver().unwrap();
    Some(lab)
}

/// alice, asking through an application.
fn ask(lab: &Lab, application: &str, name: &str) -> Answer {
    lab.ask(lab.alice(), &["galaf", application], name, &["4"]).unwrap()
}

fn ask6(lab: &Lab, application: &str, name: &str) -> Answer {
    lab.ask(lab.alice(), &["galaf", application], name, &["6"]).unwrap()
}

fn tcp(lab: &Lab, application: &str, address: IpAddr) -> Attempt {
    let target = Target::new(Protocol::Tcp, address, ECHO);
    lab.attempt(lab.alice(), &["galaf", application], target).unwrap()
}

#[track_caller]
fn assert_answered(answer: &Answer, address: IpAddr) {
    assert_eq!((answer.code, answer.addresses.as_slice()), (NOERROR, [address].as_slice()), "{answer}");
}

#[track_caller]
fn assert_blocked(answer: &Answer) {
    assert!(answer.is_blocked(), "{answer}");
}

#[test]
fn an_answer_opens_its_address_in_its_family_for_those_who_were_granted_the_name() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let Site { ipv4, ipv6 } = office(1);
    assert_refused(&tcp(&lab, "browser", ipv4.into()));
    assert_answered(&ask(&lab, "browser", "granted.test"), ipv4.into());
    assert_reached(&tcp(&lab, "browser", ipv4.into()));
    assert_refused(&tcp(&lab, "browser", ipv6.into()));
    assert_answered(&ask6(&lab, "browser", "granted.test"), ipv6.into());
    assert_reached(&tcp(&lab, "browser", ipv6.into()));

    // The rule of the entry narrows it further, and nobody else has the address.
    let udp = Target::new(Protocol::Udp, ipv4.into(), ECHO);
    assert_refused(&lab.attempts(lab.alice(), &["galaf", "browser"], &[udp]).unwrap()[0]);
    assert_refused(&tcp(&lab, "child", ipv4.into()));
    let plain = Target::new(Protocol::Tcp, ipv4.into(), ECHO);
    assert_refused(&lab.attempts(lab.alice(), &[], &[plain]).unwrap()[0]);
}

#[test]
fn a_name_that_was_not_granted_is_blocked_and_so_is_its_address() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    for name in ["other.test", "notgranted.test", "granted.test.other.test", "test", "packages.test"] {
        assert_blocked(&ask(&lab, "browser", name));
        assert_blocked(&ask6(&lab, "browser", name));
    }
    assert_refused(&tcp(&lab, "browser", elsewhere(1).ipv4.into()));
    // Nor is it opened for this application by another one's question.
    assert_answered(&ask(&lab, "anywhere", "other.test"), elsewhere(1).ipv4.into());
    assert_refused(&tcp(&lab, "browser", elsewhere(1).ipv4.into()));
}

#[test]
fn subdomains_and_aliases_of_a_granted_name_are_granted_with_it() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    for (name, site) in
        [("www.granted.test", office(2)), ("a.b.c.d.e.granted.test", office(3)), ("WWW.Granted.Test", office(2))]
    {
        assert_answered(&ask(&lab, "browser", name), site.ipv4.into());
        assert_reached(&tcp(&lab, "browser", site.ipv4.into()));
    }
    // The provider's name is not granted, but what the granted name is an alias of is reachable.
    assert_answered(&ask(&lab, "browser", "outsourced.granted.test"), office(6).ipv4.into());
    assert_reached(&tcp(&lab, "browser", office(6).ipv4.into()));
    assert_blocked(&ask(&lab, "browser", "cdn.provider.test"));
}

#[test]
fn an_entry_that_names_another_shares_its_names() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    assert_answered(&ask(&lab, "reader", "www.granted.test"), office(2).ipv4.into());
    assert_reached(&tcp(&lab, "reader", office(2).ipv4.into()));
    assert_blocked(&ask(&lab, "reader", "other.test"));
}

#[test]
fn a_subdomain_that_another_entry_lists_still_belongs_to_the_entry_with_its_parent() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    assert_answered(&ask(&lab, "browser", "inner.granted.test"), office(4).ipv4.into());
    assert_reached(&tcp(&lab, "browser", office(4).ipv4.into()));
    assert_reached(&tcp(&lab, "child", office(4).ipv4.into()));
    assert_blocked(&ask(&lab, "child", "granted.test"));
    assert_blocked(&ask(&lab, "child", "www.granted.test"));
}

#[test]
fn who_was_granted_nothing_is_answered_nothing() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    for name in ["granted.test", "other.test", "packages.test"] {
        assert_blocked(&lab.ask(lab.alice(), &[], name, &[]).unwrap());
        assert_blocked(&lab.ask(&Identity::ROOT, &[], name, &[]).unwrap());
        assert_blocked(&ask(&lab, "nowhere", name));
    }
}

#[test]
fn a_socket_without_a_mark_may_not_ask() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let root = lab.cgroup().parent().unwrap().join("cgroup.procs");
    // Outside the cgroup the program does not see the socket, as with one that was made before it was loaded.
    let leave =
        format!("echo 0 > {} && exec setpriv --reuid alice --regid alice --clear-groups \"$@\"", root.display());
    for protocol in ["udp", "tcp"] {
        let argv = ["sh", "-ec", &leave, "sh", PEER, "ask", "127.0.0.1", "granted.test", "4", protocol];
        let outcome = lab.run(&Identity::ROOT, &argv).unwrap();
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.stderr.starts_with("galaf-peer: cannot ask: "), "{outcome:?}");
    }
}

#[test]
fn questions_over_tcp_are_filtered_and_open_addresses_like_those_over_udp() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let tcp_question = |application, name| lab.ask(lab.alice(), &["galaf", application], name, &["4", "tcp"]).unwrap();
    assert_answered(&tcp_question("browser", "granted.test"), office(1).ipv4.into());
    assert_reached(&tcp(&lab, "browser", office(1).ipv4.into()));
    assert_blocked(&tcp_question("browser", "other.test"));
    assert_blocked(&lab.ask(lab.alice(), &[], "granted.test", &["4", "tcp"]).unwrap());
}

#[test]
fn every_name_of_a_long_list_is_granted() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let conf = std::fs::read_to_string(lab.path("/var/lib/galaf/dnsmasq.conf")).unwrap();
    let lines = conf.lines().filter(|line| line.starts_with("connmark-allowlist=") && line.contains("number-"));
    assert!(lines.count() > 2, "the list is too short to need several lines");
    for number in 0..MANY {
        assert_answered(&ask(&lab, "collector", &many(number)), elsewhere(4).ipv4.into());
        assert_blocked(&ask(&lab, "browser", &many(number)));
    }
    assert_reached(&tcp(&lab, "collector", elsewhere(4).ipv4.into()));
    assert_blocked(&ask(&lab, "collector", &many(MANY)));
}

#[test]
fn names_of_the_application_and_of_its_user_join() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let bob_asks = |launch: &[&str], name| lab.ask(lab.bob(), launch, name, &[]).unwrap();
    let through = ["galaf", "browser"];
    assert_answered(&bob_asks(&through, "granted.test"), office(1).ipv4.into());
    assert_answered(&bob_asks(&through, "packages.test"), office(5).ipv4.into());
    assert_blocked(&bob_asks(&through, "other.test"));
    assert_answered(&bob_asks(&[], "packages.test"), office(5).ipv4.into());
    assert_blocked(&bob_asks(&[], "granted.test"));
    let both = [office(1), office(5)].map(|site| Target::new(Protocol::Tcp, site.ipv4.into(), ECHO));
    for attempt in lab.attempts(lab.bob(), &through, &both).unwrap() {
        assert_reached(&attempt);
    }
    assert_refused(&lab.attempts(lab.alice(), &through, &both[1..]).unwrap()[0]);
}

#[test]
fn without_the_mark_program_names_are_filtered_by_application_or_user() {
    let Some(lab) = lab(Marking::Nft) else { return };
    assert_answered(&ask(&lab, "browser", "granted.test"), office(1).ipv4.into());
    assert_reached(&tcp(&lab, "browser", office(1).ipv4.into()));
    assert_blocked(&ask(&lab, "browser", "other.test"));
    assert_answered(&lab.ask(lab.bob(), &[], "packages.test", &[]).unwrap(), office(5).ipv4.into());
    for who in [lab.alice(), &Identity::ROOT] {
        assert_blocked(&lab.ask(who, &[], "granted.test", &[]).unwrap());
        assert_blocked(&lab.ask(who, &[], "granted.test", &["tcp"]).unwrap());
    }
    assert_refused(&tcp(&lab, "browser", elsewhere(1).ipv4.into()));
}

/// Opens an MPTCP socket (IPPROTO_MPTCP is 262), which nothing may wait for longer than two seconds, and becomes the
/// rest of its arguments with it as standard input.
const MPTCP: &str = r"use Socket; use POSIX;
    socket(S, AF_INET, SOCK_STREAM, 262) or die qq(no MPTCP: $!\n);
    setsockopt(S, SOL_SOCKET, $_, pack(q(qq), 2, 0)) for SO_RCVTIMEO, SO_SNDTIMEO;
    POSIX::dup2(fileno(S), 0);
    exec @ARGV";

#[test]
fn a_multipath_connection_reaches_no_more_than_an_ordinary_one() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let multipath = |who: &Identity, launch: &[&str], site: Site| {
        let target = Target::new(Protocol::Tcp, site.ipv4.into(), ECHO).to_string();
        let argv = [launch, &["perl", "-e", MPTCP, PEER, "use", &target]].concat();
        Attempt::from_json(&lab.run(who, &argv).unwrap().success().unwrap()).unwrap()
    };
    let browser = ["galaf", "browser"];
    assert_refused(&multipath(lab.alice(), &browser, elsewhere(1)));
    assert_refused(&multipath(lab.alice(), &[], office(1)));
    assert_answered(&ask(&lab, "browser", "granted.test"), office(1).ipv4.into());
    assert_reached(&multipath(lab.alice(), &browser, office(1)));

    let question = |who: &Identity, launch: &[&str], name| {
        let argv = [launch, &["perl", "-e", MPTCP, PEER, "ask", "127.0.0.1", name, "inherited"]].concat();
        lab.run(who, &argv).unwrap()
    };
    let answer = |name| Answer::from_json(&question(lab.alice(), &browser, name).success().unwrap()).unwrap();
    assert_answered(&answer("www.granted.test"), office(2).ipv4.into());
    assert_blocked(&answer("other.test"));
    let plain = question(lab.alice(), &[], "granted.test");
    assert_eq!((plain.code, plain.stdout.as_str()), (1, ""), "{plain:?}");
}

/// More than dnsmasq's line has room for sets of.
const SHARING: usize = 30;

#[test]
fn a_name_that_very_many_entries_share_opens_its_addresses_for_each_of_them_and_for_no_other() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    let entry =
        |domains: Value, rule: &str| json!({ "execv": ["/usr/bin/env", "…"], "domains": domains, "rule": rule });
    let name = |number: usize| format!("application-with-a-long-name-{number:02}");
    let mut groups = serde_json::Map::new();
    for number in 0..SHARING {
        groups.insert(name(number), entry(json!(["granted.test", "packages.test"]), "tcp dport 7"));
    }
    groups.insert("child".to_owned(), entry(json!(["inner.granted.test"]), "tcp dport 7"));
    groups.insert("other".to_owned(), entry(json!(["other.test"]), "tcp dport 7"));
    groups.insert("narrow".to_owned(), entry(json!(["granted.test"]), "tcp dport 8"));
    lab.apply(&json!({ "config": { "dns": { "upstream": [NAME_SERVER.to_string()] } }, "groups": groups })).unwrap();

    let (first, last) = (name(0), name(SHARING - 1));
    assert_refused(&tcp(&lab, &last, office(2).ipv4.into()));
    assert_answered(&ask(&lab, &first, "www.granted.test"), office(2).ipv4.into());
    for application in [&first, &last] {
        assert_reached(&tcp(&lab, application, office(2).ipv4.into()));
    }
    assert_answered(&ask(&lab, &last, "packages.test"), office(5).ipv4.into());
    assert_reached(&tcp(&lab, &first, office(5).ipv4.into()));
    for application in ["child", "other", "narrow"] {
        assert_refused(&tcp(&lab, application, office(2).ipv4.into()));
    }
    assert_blocked(&ask(&lab, "narrow", "packages.test"));
    // A subdomain that somebody lists belongs to those with its parent, too, and not the other way round.
    assert_answered(&ask(&lab, "child", "inner.granted.test"), office(4).ipv4.into());
    for application in ["child", &first, &last] {
        assert_reached(&tcp(&lab, application, office(4).ipv4.into()));
    }
}

/// The limits that docs/configuration.md states: dnsmasq's patterns match names of hosts only, and `*` one label.
#[test]
fn names_of_services_and_very_deep_subdomains_are_blocked_and_international_ones_are_not() {
    let Some(lab) = lab(Marking::Ebpf) else { return };
    for name in ["_imaps._tcp.granted.test", "under_score.granted.test", "a.b.c.d.e.f.granted.test"] {
        assert_blocked(&ask(&lab, "browser", name));
    }
    let unknown = ask(&lab, "browser", "xn--bcher-kva.granted.test");
    assert!(!unknown.is_blocked(), "{unknown}");
}
