//! Who a connection belongs to, and what it moved.

use std::collections::BTreeMap;

use galaf::config::{Family, MarkSource};
use galaf::id::UserId;
use galaf::mark::{Mark, UNKNOWN, half};

use super::base::query;
use super::table::{Chain, Hook, Map, Priority, Set, SetKind, Table};
use super::{inbound, names, record};
use crate::policy::{Policy, SubjectId};

/// Adds statistics sets and the chains that mark and count.
pub(super) fn add(table: &mut Table, policy: &Policy) {
    for name in [names::OUT_BEFORE, names::OUT_AFTER, names::IN_AFTER] {
        table.sets.push(Set { name: name.to_owned(), key: "mark", kind: SetKind::Statistics });
    }
    table.sets.extend(Family::ALL.map(|family| record::set(names::refused_set(family), family)));

    let mut before = Chain::looking("output_before", Hook::Output, Priority::MANGLE.plus(policy.priority));
    if policy.mark == MarkSource::Ebpf {
        mark_by_socket(&mut before, policy);
    }
    mark_by_creator(table, &mut before, policy);
    if policy.mark == MarkSource::Nft {
        // Nobody is granted names for this mark; unmarked, the resolver would answer everything.
        let other = Mark::from_halves(UNKNOWN, UNKNOWN);
        before.rule(format!("ct state new ct mark 0 ct mark set {other}"), "everybody else");
    }
    // An update stands alone in its rule: with the set full it ends the rule, and must not end a verdict with it.
    before.rule(count(names::OUT_BEFORE, "oif"), "asked to send");
    table.chains.push(before);

    let behind_the_filter = Priority::FILTER.plus(policy.priority + 10);
    let mut after = Chain::looking("output_after", Hook::Output, behind_the_filter);
    after.rule(count(names::OUT_AFTER, "oif"), "sent");
    table.chains.push(after);

    let mut received = Chain::looking("input_after", Hook::Input, behind_the_filter);
    received.rule(count(names::IN_AFTER, "iif"), "received");
    table.chains.push(received);
}

/// The machine's traffic with itself is not the network's.
fn count(set: &str, interface: &str) -> String {
    format!("{interface} != \"lo\" update @{set} {{ ct mark }}")
}

/// With the program, every packet carries its socket's mark.
///
/// Towards the network one end is ours, and each packet says whose it is: a port that changes hands takes its
/// flow's mark along. On the loopback both ends are ours, and the mark of the one that began stays; but a
/// question for the resolver is always the asker's, whoever had the port before.
fn mark_by_socket(chain: &mut Chain, policy: &Policy) {
    let take = "meta mark != 0 ct mark set meta mark";
    let given = inbound::marks(policy);
    let kept = if given.is_empty() {
        String::new()
    } else {
        // What a service's mark is for: its sockets are root's, or of whoever else it runs as.
        let given = given.into_iter().collect::<Vec<_>>().join(", ");
        chain.rule(
            format!("oif != \"lo\" ct direction reply ct mark != {{ {given} }} {take}"),
            "an answer takes that of its socket, unless its service has one",
        );
        "ct direction original ".to_owned()
    };
    chain.rule(format!("oif != \"lo\" {kept}{take}"), "a connection takes the mark of its socket");
    chain.rule(format!("oif \"lo\" ct state new ct mark 0 {take}"), "a local one that of its beginner");
    if let Some(resolver) = &policy.resolver {
        chain.rule(format!("oif \"lo\" {} {take}", query(&resolver.dns.listen)), "a question that of its asker");
    }
}

/// What carries no mark of a socket gets the half that a rule can know: every connection without the program, and with
/// it those of MPTCP, which the kernel makes by itself, and of sockets older than the program.
fn mark_by_creator(table: &mut Table, chain: &mut Chain, policy: &Policy) {
    let mut gids = BTreeMap::new();
    let mut uids = BTreeMap::from([(UserId::ROOT.0, Mark::ROOT)]);
    for subject in policy.subjects() {
        let (map, mark) = match subject.id {
            SubjectId::Group(gid) => (&mut gids, Mark::from_halves(half(gid.0), UNKNOWN)),
            SubjectId::User(UserId::ROOT) => (&mut uids, Mark::ROOT),
            SubjectId::User(uid) => (&mut uids, Mark::from_halves(UNKNOWN, half(uid.0))),
        };
        map.extend(super::subject::with_containers(subject.id.number(), policy).map(|id| (id, mark)));
    }
    let elements = |map: BTreeMap<u32, Mark>| map.into_iter().map(|(id, mark)| (id, mark.to_string())).collect();
    table.maps.push(Map { name: names::MARK_OF_GID, types: "gid : mark", elements: elements(gids) });
    table.maps.push(Map { name: names::MARK_OF_UID, types: "uid : mark", elements: elements(uids) });
    for (id, map) in [("skgid", names::MARK_OF_GID), ("skuid", names::MARK_OF_UID)] {
        chain.rule(format!("ct state new ct mark 0 ct mark set meta {id} map @{map}"), "otherwise that of its creator");
    }
}
