//! `why` against the kernel: random files and packets, what is said of them, and what nftables does.
//!
//! `GALAF_ORACLE_SEED` repeats the one file that a failure names.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod addresses;
mod draw;
mod packets;
mod place;
mod questions;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use galaf::config::{Config, Domain, Family};
use galaf_gen::accounts::{Accounts, Files};
use galaf_gen::render::render;
use galaf_gen::resolve::resolve;
use galaf_gen::why::{Facts, Outcome, Packet, walk};
use galaf_tests::lab::{obstacle, skip};

use packets::{answer, packet};
use place::{OWN, Place, Sent};
use questions::{admitted, is_only_of, questions};
use random::Random;

/// At least so many packets are compared.
const PACKETS: usize = 12_000;
/// Of each file.
const PACKETS_OF_A_FILE: usize = 75;
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

/// The sets that dnsmasq puts addresses of `name` into: those of the line of the longest name that is it or a parent.
fn filled(conf: &str, name: &Domain, family: Family) -> Vec<String> {
    let lines = conf.lines().filter_map(|line| line.strip_prefix("nftset=/")?.split_once('/'));
    let is_meant = |of: &str| name.as_str() == of || name.as_str().ends_with(&format!(".{of}"));
    let longest = lines.filter(|(of, _)| is_meant(of)).max_by_key(|(of, _)| of.len());
    let sets = longest.map(|(_, sets)| sets).unwrap_or_default().split(',');
    let family = format!("{}#inet#galaf#", family.number());
    sets.filter_map(|set| set.strip_prefix(&family)).map(str::to_owned).collect()
}
