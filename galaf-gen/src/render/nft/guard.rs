//! The guard against who tries many closed ports.
//!
//! It only ever shuts out of `inbound` services: what the machine asked for, neighbour discovery and path MTU messages
//! are let in before it, so that whoever forges the address of a gateway or of a resolver cuts nobody off.

use galaf::config::{Family, Guard};

use super::grant::member;
use super::record::WITH_PORTS;
use super::table::{Chain, Set, SetKind, Table};
use super::{names, words};
use crate::policy::Policy;

/// Flags that no packet of a connection has (RFC 9293 section 3.10.7), as a mask and what must not be left of it.
const IMPOSSIBLE_FLAGS: [(&str, &str); 5] = [
    ("fin | syn", "== fin | syn"),
    ("syn | rst", "== syn | rst"),
    ("fin | rst", "== fin | rst"),
    ("fin | ack", "== fin"),
    ("fin | syn | rst | ack", "== 0"),
];

/// Packets that have their source in common.
struct Source {
    family: Family,
    /// Which packets.
    packets: &'static str,
    /// Whom they are from.
    key: &'static str,
}

/// A host of an IPv6 network has every address of its /64 (RFC 4291 section 2.5.1), but for link-local ones: all hosts
/// of a link have these of the same /64.
const SOURCES: [Source; 3] = [
    Source { family: Family::Ipv4, packets: "meta nfproto ipv4", key: "ip saddr" },
    Source {
        family: Family::Ipv6,
        packets: "meta nfproto ipv6 ip6 saddr != fe80::/10",
        key: "ip6 saddr & ffff:ffff:ffff:ffff::",
    },
    Source { family: Family::Ipv6, packets: "meta nfproto ipv6 ip6 saddr fe80::/10", key: "ip6 saddr" },
];

/// Adds the sets and the chains.
pub(super) fn add(table: &mut Table, policy: &Policy) {
    let Some(guard) = &policy.guard else { return };
    for family in Family::ALL {
        let address = words::address_type(family);
        let counting = |name: &str, key| Set { name: name.to_owned(), key, kind: SetKind::Counting };
        except(guard, family, &mut table.sets);
        table.sets.extend([
            Set { name: names::guarded_set(family).to_owned(), key: address, kind: SetKind::Recorded },
            counting(names::touched_set(family), touched_type(family)),
            counting(names::touching_set(family), address),
        ]);
    }
    table.chains.extend([guard_chain(guard), impossible(), closed(guard)]);
}

/// Before what conntrack calls invalid is dropped: none of these packets is of a connection (nf_conntrack_proto_tcp.c).
pub(super) fn look_at_flags(chain: &mut Chain, policy: &Policy) {
    if policy.guard.is_some() {
        chain.rule(
            format!("ct state invalid meta pkttype host meta l4proto tcp jump {}", names::IMPOSSIBLE),
            "flags that no connection has",
        );
    }
}

/// Drops what sources that are guarded against begin.
pub(super) fn shut_out(chain: &mut Chain, policy: &Policy) {
    let Some(guard) = &policy.guard else { return };
    for source in &SOURCES {
        let (from, key, set) = (source.guarded_by(guard), source.key, names::guarded_set(source.family));
        chain.rule(format!("{from} {key} @{set} drop"), &format!("guarded against, {}", source.family));
    }
}

/// Behind everything that is let in.
pub(super) fn count_closed_ports(chain: &mut Chain, policy: &Policy) {
    if policy.guard.is_some() {
        // What is sent to everybody on the link is no try at this machine.
        chain.rule(
            format!("ct state new meta pkttype host meta l4proto {WITH_PORTS} jump {}", names::CLOSED),
            "a closed port",
        );
    }
}

fn guard_chain(guard: &Guard) -> Chain {
    let mut chain = Chain::regular(names::GUARD);
    for source in &SOURCES {
        let (from, key, set) = (source.guarded_by(guard), source.key, names::guarded_set(source.family));
        // Not renewed by what is dropped meanwhile, so it ends for whoever goes on, too.
        let text = format!("{from} add @{set} {{ {key} timeout {}s }}", guard.seconds);
        chain.rule(text, &format!("guard against, {}", source.family));
    }
    chain
}

fn impossible() -> Chain {
    let mut chain = Chain::regular(names::IMPOSSIBLE);
    for (mask, value) in IMPOSSIBLE_FLAGS {
        chain.rule(format!("tcp flags & ({mask}) {value} jump {}", names::GUARD), "flags that no connection has");
    }
    chain
}

/// A port counts once in the time of the rate: who only repeats one slip is not guarded against. Where the set of
/// touched ports is full, each packet counts.
fn closed(guard: &Guard) -> Chain {
    let mut chain = Chain::regular(names::CLOSED);
    let (rate, seconds) = (guard.closed_ports, guard.closed_ports.seconds());
    let limit = format!("limit rate over {rate} burst {} packets", rate.count());
    for source in &SOURCES {
        let (from, key) = (source.guarded_by(guard), source.key);
        let (touched, touching) = (names::touched_set(source.family), names::touching_set(source.family));
        let port = format!("{key} . meta l4proto . th dport");
        let count = format!("update @{touching} {{ {key} timeout {seconds}s {limit} }}");
        for (text, comment) in [
            (format!("{port} @{touched} return"), "counted before"),
            (format!("add @{touched} {{ {port} timeout {seconds}s }}"), "touches a closed port"),
            (format!("{count} jump {}", names::GUARD), "touches too many"),
        ] {
            chain.rule(format!("{from} {text}"), &format!("{comment}, {}", source.family));
        }
    }
    chain
}

impl Source {
    /// Matches those of the packets that may be guarded against.
    fn guarded_by(&self, guard: &Guard) -> String {
        let except = except(guard, self.family, &mut Vec::new()).map(|except| format!(" {except}"));
        format!("{}{}", self.packets, except.unwrap_or_default())
    }
}

/// Matches whoever is not excepted, if anybody is; adds the set that this needs.
fn except(guard: &Guard, family: Family, sets: &mut Vec<Set>) -> Option<String> {
    let addresses = guard.except.addresses_of(family, &Family::ALL)?;
    let field = format!("{} !=", words::saddr(family));
    Some(member(&field, addresses.elements(), names::except_set(family).to_owned(), words::address_type(family), sets))
}

/// The type of a port that a source touched.
const fn touched_type(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4_addr . inet_proto . inet_service",
        Family::Ipv6 => "ipv6_addr . inet_proto . inet_service",
    }
}
