//! The guard against port scans, with packets from outside.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use galaf::config::Family;
use galaf_tests::lab::{Internet, Lab, Marking, NAME_SERVER, PEER, Site, WORKSTATION, elsewhere, office};
use galaf_tests::peer::{Attempt, CHARGEN, ECHO, Protocol, Target, Verdict};
use galaf_tests::run::{Background, Identity};
use serde_json::{Value, json};

/// The end of the line that the workstation is on.
const NEAR: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
/// A rate whose limit does not fill again during a test.
const TEN: &str = "10/day";

/// Services for everybody, and what alice's editor may reach.
fn config(guard: &Value) -> Value {
    json!({
        "config": { "inbound_guard": guard, "dns": { "upstream": [NAME_SERVER] } },
        "inbound": [
            { "service": "echo", "tcp": ECHO, "udp": ECHO, "from": "any" },
            { "service": "pings", "icmp": true, "from": "any" }
        ],
        "groups": {
            "editor": { "execv": ["/usr/bin/env", "…"], "domains": ["www.example.test"] },
            "explorer": { "execv": ["/usr/bin/env", "…"], "families": [4, 6], "allow": [{ "to": "any" }] }
        }
    })
}

/// A workstation with servers of root's.
fn lab(guard: &Value) -> Option<(Lab, Background)> {
    let lab = Lab::for_test(Marking::Ebpf)?;
    lab.apply(&config(guard)).unwrap();
    let addresses = Family::ALL.map(|family| WORKSTATION.address(family).to_string());
    let servers = lab.background(&Identity::ROOT, &[PEER, "serve", &addresses[0], &addresses[1]]).unwrap();
    // Neighbours are found, so that no packet of a scan waits for that behind the test's back.
    NEAR.iter().for_each(|address| assert_let_in(&lab, address.parse().unwrap()));
    Some((lab, servers))
}

fn from(source: IpAddr, protocol: Protocol, port: u16) -> Target {
    let family = if source.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    Target { source: Some(source), ..Target::new(protocol, WORKSTATION.address(family), port) }
}

/// What comes of calls from `source` over each protocol, to a service that is granted.
fn calls(lab: &Lab, source: IpAddr, protocols: &[Protocol]) -> Vec<Attempt> {
    let targets = protocols.iter().map(|protocol| from(source, *protocol, ECHO).to_string());
    let argv: Vec<String> = [PEER.to_owned(), "try".to_owned()].into_iter().chain(targets).collect();
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    lab.internet().root(&argv).unwrap().lines().map(|line| Attempt::from_json(line).unwrap()).collect()
}

fn assert_let_in(lab: &Lab, source: IpAddr) {
    calls(lab, source, &Protocol::ALL).iter().for_each(|attempt| assert!(attempt.reached(), "{attempt}"));
}

fn assert_shut_out(lab: &Lab, source: IpAddr, protocols: &[Protocol]) {
    let attempts = calls(lab, source, protocols);
    attempts.iter().for_each(|attempt| assert_eq!(attempt.verdict, Verdict::Silent, "{attempt}"));
}

/// One packet to each of these ports.
fn scan(internet: &Internet, source: IpAddr, protocol: Protocol, ports: Range<u16>) {
    throw(internet, "S", ports.map(|port| from(source, protocol, port)));
}

fn throw(internet: &Internet, flags: &str, targets: impl Iterator<Item = Target>) {
    let targets: Vec<String> = targets.map(|target| target.to_string()).collect();
    let argv: Vec<&str> = [PEER, "throw", flags].into_iter().chain(targets.iter().map(String::as_str)).collect();
    internet.root(&argv).unwrap();
}

/// The number of the interface that leads to the workstation.
fn wan_index(lab: &Lab) -> String {
    let line = lab.internet().root(&["ip", "-o", "link", "show", "wan"]).unwrap();
    line.split(':').next().unwrap().to_owned()
}

/// The sources that `galaf-stats` shows.
fn guarded(lab: &Lab) -> Vec<String> {
    let report: Value = serde_json::from_str(&lab.root(&["galaf-stats", "--json"]).unwrap()).unwrap();
    let sources = report["guarded"].as_array().unwrap().iter();
    sources.map(|source| format!("{}/{}", source["address"].as_str().unwrap(), source["prefix"])).collect()
}

#[test]
fn who_scans_is_shut_out_for_a_time_and_nobody_else_is() {
    const TIME: Duration = Duration::from_secs(10);
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN, "for": "10s" })) else { return };
    for (scanner, protocol) in [(office(1), Protocol::Tcp), (elsewhere(1), Protocol::Udp)] {
        for family in Family::ALL {
            let source = scanner.address(family);
            assert_let_in(&lab, source);
            let start = Instant::now();
            scan(lab.internet(), source, protocol, 1000..1020);
            assert_shut_out(&lab, source, &[Protocol::Tcp, Protocol::Udp]);
            // Trying meanwhile does not make it longer.
            let again = loop {
                if calls(&lab, source, &[Protocol::Tcp])[0].reached() {
                    break start.elapsed();
                }
                assert!(start.elapsed() < 2 * TIME, "{source} is shut out for ever");
            };
            assert!(again > TIME - Duration::from_millis(500), "{source} was let in after {again:?}");
            assert_let_in(&lab, source);
        }
    }
}

#[test]
fn an_address_of_ipv4_and_a_network_of_ipv6_are_shut_out_and_no_others() {
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    for family in Family::ALL {
        scan(lab.internet(), office(1).address(family), Protocol::Tcp, 1000..1020);
    }
    assert_eq!(guarded(&lab), ["198.51.100.1/32", "2001:db8:100::/64"]);
    for family in Family::ALL {
        assert_shut_out(&lab, office(1).address(family), &Protocol::ALL);
        assert_let_in(&lab, elsewhere(1).address(family));
    }
    assert_let_in(&lab, office(2).ipv4.into());
    // Another address of the scanner's network.
    assert_shut_out(&lab, office(2).ipv6.into(), &[Protocol::Tcp]);
}

/// All hosts of a link have an address of `fe80::/64`.
#[test]
fn of_the_hosts_on_a_link_only_the_one_that_scans_is_shut_out() {
    const NEIGHBOURS: [&str; 2] = ["fe80::a", "fe80::b"];
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    for neighbour in NEIGHBOURS {
        lab.internet().root(&["ip", "address", "add", &format!("{neighbour}/64"), "dev", "wan", "nodad"]).unwrap();
    }
    let index = wan_index(&lab);
    let scan = |neighbour: &str, ports: Range<u16>| {
        let to = WORKSTATION.ipv6;
        let targets = ports.map(|port| format!("tcp:[{to}%{index}]:{port}@{neighbour}").parse().unwrap());
        throw(lab.internet(), "S", targets);
    };
    scan(NEIGHBOURS[0], 1000..1020);
    assert_eq!(guarded(&lab), ["fe80::a/128"]);
    scan(NEIGHBOURS[1], 1000..1010);
    assert_eq!(guarded(&lab), ["fe80::a/128"]);
    scan(NEIGHBOURS[1], 1010..1011);
    assert_eq!(guarded(&lab), ["fe80::a/128", "fe80::b/128"]);
}

#[test]
fn flags_that_no_connection_has_are_dropped_and_guarded_against_at_once() {
    let Some((lab, _servers)) = lab(&json!(true)) else { return };
    let arrived = || {
        let seen = lab.internet().seen().unwrap();
        Family::ALL.map(|family| {
            let key = (office(1).address(family), Protocol::Tcp.number(office(1).address(family)));
            seen.get(&key).copied().unwrap_or_default().arrived
        })
    };
    let throw = |flags: &str| {
        // To an open port, which answers every segment that a connection can have.
        let target = |family: Family| from(office(1).address(family), Protocol::Tcp, ECHO);
        throw(lab.internet(), flags, Family::ALL.into_iter().map(target));
    };
    for flags in ["S", "SP", "SA", "A", "AU", "R", "RA", "FA", "FPA"] {
        throw(flags);
        assert_eq!(guarded(&lab), [""; 0], "{flags}");
    }
    let before = arrived();
    assert!(before.iter().all(|count| count.packets > 0), "the port answers nothing");
    for flags in ["SF", "SFA", "SR", "SRA", "FR", "FRA", "F", "FPU", "-", "P", "U", "FSRPAU"] {
        throw(flags);
        assert_eq!(guarded(&lab), ["198.51.100.1/32", "2001:db8:100::/64"], "{flags}");
        lab.shell("nft flush set inet galaf guarded4; nft flush set inet galaf guarded6").unwrap();
    }
    assert_eq!(arrived(), before, "something was answered");
    throw("FPU");
    for family in Family::ALL {
        assert_shut_out(&lab, office(1).address(family), &[Protocol::Tcp]);
    }
}

#[test]
fn a_few_slips_guard_against_nobody_however_often_they_are_repeated() {
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    for family in Family::ALL {
        let source = office(1).address(family);
        for _ in 0..5 {
            scan(lab.internet(), source, Protocol::Tcp, 1000..1005);
            scan(lab.internet(), source, Protocol::Udp, 1000..1005);
            // Services are not closed ports.
            scan(lab.internet(), source, Protocol::Udp, ECHO..ECHO + 1);
        }
        assert_let_in(&lab, source);
    }
    assert_eq!(guarded(&lab), [""; 0]);
    for family in Family::ALL {
        scan(lab.internet(), office(1).address(family), Protocol::Tcp, 1005..1006);
    }
    assert_eq!(guarded(&lab), ["198.51.100.1/32", "2001:db8:100::/64"], "one port more is one too many");
}

#[test]
fn what_is_sent_to_everybody_is_no_scan() {
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    let everybody = ["192.0.2.255".to_owned(), "224.0.0.1".to_owned(), format!("[ff02::1%{}]", wan_index(&lab))];
    let received = || {
        let counters = lab.shell("nft list chain inet galaf input | grep 'everything else'").unwrap();
        let count = counters.split_once("packets ").and_then(|(_, rest)| rest.split(' ').next()).unwrap();
        count.parse::<u32>().unwrap()
    };
    let before = received();
    for (address, source) in everybody.iter().zip([NEAR[0], NEAR[0], NEAR[1]]) {
        let targets = (1000..1020).map(|port| format!("udp:{address}:{port}@{source}").parse().unwrap());
        throw(lab.internet(), "-", targets);
    }
    assert!(received() >= before + 60, "they did not get here");
    assert_eq!(guarded(&lab), [""; 0]);
}

/// Whoever can forge an address can have it guarded against. What the machine began, and what is open, goes on.
#[test]
fn a_forged_scan_cuts_nobody_off_from_what_is_open_or_asked_for() {
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    lab.internet().serve_names(&[&format!("host-record=www.example.test,{}", office(3).ipv4)]).unwrap();
    let mut config = config(&json!({ "closed_ports": TEN }));
    config["inbound"][0]["tcp"] = json!([ECHO, CHARGEN]);
    lab.apply(&config).unwrap();
    lab.start_resolver().unwrap();
    let open = Family::ALL.map(|family| {
        let target = Target::new(Protocol::Tcp, WORKSTATION.address(family), CHARGEN).to_string();
        Background::start(&mut lab.internet().command(&[PEER, "download", &target])).unwrap()
    });
    let sites = [office(3), elsewhere(3)];
    let near: [IpAddr; 2] = NEAR.map(|address| address.parse().unwrap());
    let forged = Family::ALL.into_iter().flat_map(|family| sites.map(|site: Site| site.address(family)));
    for source in forged.chain(near).chain([NAME_SERVER.into()]) {
        scan(lab.internet(), source, Protocol::Tcp, 1000..1020);
    }
    assert_eq!(guarded(&lab).len(), 2 + 1 + 1 + 3);
    assert_shut_out(&lab, near[0], &[Protocol::Tcp]);
    // Neighbours are found anew, names looked up, services of the guarded hosts reached.
    lab.shell("ip neigh flush all; ip -6 neigh flush all").unwrap();
    let answer = lab.ask(lab.alice(), &["galaf", "editor"], "www.example.test", &[]).unwrap();
    assert_eq!(answer.addresses, [IpAddr::from(office(3).ipv4)], "{answer}");
    for family in Family::ALL {
        let targets = Protocol::ALL.map(|protocol| Target::new(protocol, office(3).address(family), ECHO));
        for attempt in lab.attempts(lab.alice(), &["galaf", "explorer"], &targets).unwrap() {
            assert!(attempt.reached(), "{attempt}");
        }
    }
    for download in open {
        let outcome = download.stop().unwrap();
        let report: Value = serde_json::from_str(&outcome.success().unwrap()).unwrap();
        assert!(report["longest_pause_ms"].as_u64().unwrap() < 1500, "{report}");
    }
}

#[test]
fn a_reload_keeps_who_is_shut_out_and_puts_other_settings_into_force() {
    let guard = |except: &[&str]| config(&json!({ "closed_ports": TEN, "except": except }));
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    let sources = Family::ALL.map(|family| office(1).address(family));
    sources.iter().for_each(|&source| scan(lab.internet(), source, Protocol::Tcp, 1000..1020));
    lab.apply(&config(&json!({ "closed_ports": TEN, "for": "1h" }))).unwrap();
    sources.iter().for_each(|&source| assert_shut_out(&lab, source, &[Protocol::Tcp]));
    // Whoever is excepted is let in at once, and may go on.
    lab.apply(&guard(&["198.51.100.0/24", "203.0.113.9", "2001:db8:100::/48"])).unwrap();
    for source in sources {
        assert_let_in(&lab, source);
        scan(lab.internet(), source, Protocol::Tcp, 2000..2020);
        throw(lab.internet(), "SF", [from(source, Protocol::Tcp, ECHO)].into_iter());
        assert_let_in(&lab, source);
    }
    let others = Family::ALL.map(|family| elsewhere(1).address(family));
    others.iter().for_each(|&source| scan(lab.internet(), source, Protocol::Tcp, 1000..1020));
    others.iter().for_each(|&source| assert_shut_out(&lab, source, &[Protocol::Tcp]));
    // Without a guard nobody is shut out, and with a new one nobody is yet; a limit of before counts no more.
    lab.apply(&config(&json!(false))).unwrap();
    others.iter().for_each(|&source| assert_let_in(&lab, source));
    lab.apply(&config(&json!({ "closed_ports": "5/day" }))).unwrap();
    others.iter().for_each(|&source| scan(lab.internet(), source, Protocol::Tcp, 1000..1004));
    assert_eq!(guarded(&lab), [""; 0]);
    lab.apply(&config(&json!({ "closed_ports": TEN }))).unwrap();
    others.iter().for_each(|&source| scan(lab.internet(), source, Protocol::Tcp, 2000..2010));
    assert_eq!(guarded(&lab), [""; 0]);
    others.iter().for_each(|&source| scan(lab.internet(), source, Protocol::Tcp, 2010..2011));
    assert_eq!(guarded(&lab), ["203.0.113.1/32", "2001:db8:200::/64"]);
}

#[test]
fn where_no_more_can_be_remembered_what_is_closed_stays_closed() {
    const SIZE: u32 = 4096;
    let Some((lab, _servers)) = lab(&json!({ "closed_ports": TEN })) else { return };
    let source = IpAddr::from(office(1).ipv4);
    let closed = || {
        let targets = [Protocol::Tcp, Protocol::Udp].map(|protocol| from(source, protocol, CHARGEN).to_string());
        let report = lab.internet().root(&[PEER, "try", &targets[0], &targets[1]]).unwrap();
        for attempt in report.lines().map(|line| Attempt::from_json(line).unwrap()) {
            assert_eq!(attempt.verdict, Verdict::Silent, "{attempt}");
        }
    };
    for (set, ports) in [("touched4", " . tcp . 1"), ("touching4", ""), ("guarded4", "")] {
        let elements: Vec<String> =
            (0..SIZE).map(|n| format!("10.0.{}.{}{ports} timeout 1h", n / 256, n % 256)).collect();
        let path = lab.path("/tmp/full.nft");
        std::fs::write(path, format!("add element inet galaf {set} {{ {} }}", elements.join(", "))).unwrap();
        lab.root(&["nft", "-f", "/tmp/full.nft"]).unwrap();
        closed();
        assert_let_in(&lab, source);
        // A set that is full only loses what it is for.
        scan(lab.internet(), source, Protocol::Tcp, 1000..1020);
        let is_guarded = set == "touched4";
        assert_eq!(guarded(&lab).contains(&"198.51.100.1/32".to_owned()), is_guarded, "{set}");
        closed();
        lab.shell(&format!("for set in touched4 touching4 guarded4; do nft flush set inet galaf $set; done; ! nft list set inet galaf {set} | grep -q 10.0.")).unwrap();
    }
}
