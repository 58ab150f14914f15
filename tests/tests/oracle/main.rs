//! `why` against the kernel: random files and packets, what is said of them, and what nftables does.
//!
//! `GALAF_ORACLE_SEED` repeats the one file that a failure names.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod draw;
mod place;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use galaf::config::{Config, Domain, Family};
use galaf_gen::accounts::{Accounts, Files};
use galaf_gen::policy::Policy;
use galaf_gen::render::render;
use galaf_gen::resolve::resolve;
use galaf_gen::why::{Answer, Destination, Facts, Outcome, Packet, Protocol, Target, Verdict, walk};
use galaf_tests::lab::{obstacle, skip};

use draw::Drawn;
use place::{OWN, Place, Sent};
use random::Random;

/// At least so many packets are compared.
const PACKETS: usize = 12_000;
/// Of each file.
const PACKETS_OF_A_FILE: usize = 150;
/// The whole of it.
const LIMIT: Duration = Duration::from_secs(120);
const SEED: &str = "GALAF_ORACLE_SEED";

type Elements = BTreeMap<String, BTreeSet<IpAddr>>;

#[test]
fn why_says_what_the_kernel_does_with_random_packets_of_random_files() {
    if let Some(reason) = obstacle() {
        skip(&reason);
        return;
    }
    let start = Instant::now();
    let place = Place::enter();
    let mut tally = Tally::default();
    if let Ok(seed) = std::env::var(SEED) {
        return compare(&place, seed.parse().unwrap(), &mut tally);
    }
    let first = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let mut seeds = Random::new(first.into());
    while tally.packets < PACKETS {
        compare(&place, seeds.next(), &mut tally);
        assert!(start.elapsed() < LIMIT, "only {} packets in {LIMIT:?}", tally.packets);
    }
    println!("{tally:?} in {:?}", start.elapsed());
    // What is said must be worth something: with all known only rare texts are left to nft, and every verdict occurs.
    assert!(tally.told * 100 > tally.packets * 95, "{tally:?}");
    assert!(
        tally.by_verdict.values().all(|count| count * 20 > tally.packets) && tally.by_verdict.len() == 3,
        "{tally:?}"
    );
}

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    packets: usize,
    /// Packets of which one verdict was foretold.
    told: usize,
    /// Questions beside, of which less was known: all, and those with one verdict all the same.
    vague: (usize, usize),
    by_verdict: BTreeMap<&'static str, usize>,
}

/// Draws a file and packets from `seed` and compares.
fn compare(place: &Place, seed: u64, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let now = jiff::Timestamp::now().as_second();
    let drawn = draw::config(&mut random, now);
    let shown = || format!("{SEED}={seed}\n{}", drawn.config);
    let accounts = Accounts::parse(&Files { passwd: draw::PASSWD, services: draw::SERVICES, ..Files::default() });
    let config = Config::parse(&drawn.config.to_string()).unwrap_or_else(|error| panic!("{}\n{error}", shown())).config;
    let policy = resolve(&config, &accounts, &[], now).unwrap_or_else(|error| panic!("{}\n{error:?}", shown()));
    let artifacts = render(&policy).unwrap_or_else(|error| panic!("{}\n{error:?}", shown()));

    let mut elements = Elements::new();
    let mut answers: Vec<(IpAddr, Domain)> = Vec::new();
    for (name, family) in draw::LOOKED_UP.iter().flat_map(|name| Family::ALL.map(|family| (name, family))) {
        let name = Domain::new(name).unwrap();
        let address = answer(&mut random, &drawn, family);
        for set in filled(artifacts.dnsmasq.as_deref().unwrap_or_default(), &name, family) {
            elements.entry(set).or_default().insert(address);
        }
        answers.push((address, name));
    }
    place.load(&artifacts.ruleset.text, &elements).unwrap_or_else(|error| panic!("{}\n{error}", shown()));

    let own = OWN.map(|address| address.parse().unwrap());
    let facts = Facts {
        policy: &policy,
        learned: &artifacts.learned,
        services: &accounts.services,
        own: &own,
        elements: Some(&elements),
        now,
    };
    let packets: Vec<Sent> = (0..PACKETS_OF_A_FILE).map(|_| packet(&mut random, &drawn, &policy, &answers)).collect();
    for (mark, packet) in (1..).zip(&packets) {
        place.send(packet, mark);
    }
    let verdicts = place.verdicts();
    tally.files += 1;
    for (mark, packet) in (1..).zip(&packets) {
        let failed = |what: &str, asked: &dyn std::fmt::Debug| panic!("{}\n{packet:?}\n{what}\n{asked:#?}", shown());
        let verdict = match verdicts.get(&mark).map(Vec::as_slice) {
            Some([verdict]) => *verdict,
            other => failed("the kernel must do one thing with a packet", &other),
        };
        tally.packets += 1;
        *tally.by_verdict.entry(Outcome::from(verdict).name()).or_default() += 1;
        for (index, (facts, target)) in questions(&facts, packet, &answers).into_iter().enumerate() {
            let family = if packet.address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
            let asked = Packet { gid: Some(packet.gid), uid: Some(packet.uid), target: &target, family };
            let answer = walk(&facts, &asked);
            let is_surely_right = !is_only_of(&target, packet.address, &answers)
                || answer.outcome() == Outcome::Depends
                || answer.outcome() == verdict.into();
            if !admitted(&answer).contains(&verdict) || !is_surely_right {
                failed(&format!("the kernel: {verdict:?}, but why says {:?} of {target}", answer.outcome()), &answer);
            }
            let is_told = usize::from(admitted(&answer).len() == 1);
            if index == 0 {
                tally.told += is_told;
            } else {
                tally.vague = (tally.vague.0 + 1, tally.vague.1 + is_told);
            }
        }
    }
}

/// Whether `target` is by name, and the name's address is in no list of the file and no other name's.
fn is_only_of(target: &Target, address: IpAddr, answers: &[(IpAddr, Domain)]) -> bool {
    let names = answers.iter().filter(|(other, _)| *other == address);
    matches!(target.to, Destination::Name(_)) && draw::is_listed_nowhere(address) && names.count() == 1
}

/// The sets that dnsmasq puts addresses of `name` into: those of the line of the longest name that is it or a parent.
fn filled(conf: &str, name: &Domain, family: Family) -> Vec<String> {
    let lines = conf.lines().filter_map(|line| line.strip_prefix("nftset=/")?.split_once('/'));
    let is_meant = |of: &str| name.as_str() == of || name.as_str().ends_with(&format!(".{of}"));
    let longest = lines.filter(|(of, _)| is_meant(of)).max_by_key(|(of, _)| of.len());
    let sets = longest.map(|(_, sets)| sets).unwrap_or_default().split(',');
    let family = format!("{}#inet#galaf#", family.number());
    sets.filter_map(|set| set.strip_prefix(&family)).map(str::to_owned).collect()
}

/// What the kernel may do if `answer` is right.
fn admitted(answer: &Answer<'_>) -> Vec<Verdict> {
    let outcome = answer.outcome();
    let possible = |step: &&galaf_gen::why::Step<'_>| {
        outcome == Outcome::Depends || step.is_exceptional() || Outcome::from(step.verdict) == outcome
    };
    let mut verdicts: Vec<Verdict> = answer.steps.iter().filter(possible).map(|step| step.verdict).collect();
    verdicts.dedup();
    verdicts
}

/// The packet itself, then questions about it that say less, all of which must be right.
fn questions<'a>(facts: &Facts<'a>, packet: &Sent, answers: &[(IpAddr, Domain)]) -> Vec<(Facts<'a>, Target)> {
    let to = Destination::Address(packet.address);
    let port = (packet.protocol != Protocol::Icmp).then_some(packet.port);
    let whole = Target { to, protocol: Some(packet.protocol), port };
    let offline = Facts { elements: None, ..*facts };
    let mut questions = vec![
        (*facts, whole.clone()),
        (offline, whole.clone()),
        (*facts, Target { port: None, ..whole.clone() }),
        (offline, Target { port: None, protocol: None, ..whole.clone() }),
    ];
    let names = answers.iter().filter(|(address, _)| *address == packet.address);
    // What the machine itself is reached by is not known of a name.
    let names = names.filter(|_| !facts.own.contains(&packet.address) && !is_upstream(packet.address));
    questions.extend(names.map(|(_, name)| (offline, Target { to: Destination::Name(name.clone()), ..whole.clone() })));
    questions
}

fn is_upstream(address: IpAddr) -> bool {
    ["192.0.2.53", "2001:db8::53"].iter().any(|server| address.to_string() == *server)
}

/// The address of a name: one of its own, or one that the file has.
fn answer(random: &mut Random, drawn: &Drawn, family: Family) -> IpAddr {
    let known: Vec<IpAddr> =
        drawn.addresses.iter().copied().filter(|address| address.is_ipv4() == (family == Family::Ipv4)).collect();
    if random.once_in(4) && !known.is_empty() {
        return *random.pick(&known);
    }
    draw::unlisted(random, family)
}

fn packet(random: &mut Random, drawn: &Drawn, policy: &Policy, answers: &[(IpAddr, Domain)]) -> Sent {
    let mut gids = vec![0, 1001, 30_000, 30_003];
    gids.extend(policy.applications.iter().map(|application| application.gid.0));
    let uids = [0, 107, 998, 1001, 1001, 1002, 1003];
    let inside = |random: &mut Random, id: u32| if random.once_in(10) { draw::CONTAINER + id } else { id };
    let gid = *random.pick(&gids);
    let uid = *random.pick(&uids);
    let address = match random.below(12) {
        0..4 if !drawn.addresses.is_empty() => {
            let around = *random.pick(&drawn.addresses);
            draw::near(random, around)
        }
        4 => ["192.0.2.53", "2001:db8::53", "192.0.2.10", "2001:db8::10", "127.0.0.1", "::1"][random.below(6)]
            .parse()
            .unwrap(),
        5 => ["203.0.113.200", "2001:db8:300::1"][random.below(2)].parse().unwrap(),
        _ => random.pick(answers).0,
    };
    let is_many = match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    };
    let protocol = match random.below(5) {
        // No connection is made to many.
        0 | 1 if !is_many => Protocol::Tcp,
        4 => Protocol::Icmp,
        _ => Protocol::Udp,
    };
    let around = *random.pick(&drawn.ports);
    let port = if protocol == Protocol::Icmp { 0 } else { draw::near_port(random, around) };
    let from = (protocol == Protocol::Udp && [67, 547].contains(&port) && random.once_in(2))
        .then_some(if address.is_ipv4() { 68 } else { 546 });
    Sent { gid: inside(random, gid), uid: inside(random, uid), address, protocol, port, from }
}
