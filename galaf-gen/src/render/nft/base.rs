//! The chains every packet passes: what the machine needs, then the verdict maps, then refusal.

use galaf::config::{Forward, MarkSource, Refusal, Upstream};

use super::table::{Chain, Hook, Priority, Table};
use super::{audit, guard, inbound, names, record};
use crate::policy::{Policy, Resolver};

/// Protocols whose packets do not all belong to the connection that conntrack counts them to.
const REUSABLE: &str = "{ tcp, udp, udplite, icmp, icmpv6 }";

pub(super) fn add(table: &mut Table, policy: &Policy) {
    table.chains.push(refuse(policy.refuse));
    let output = output(table, policy);
    table.chains.push(output);
    table.chains.push(input(policy));
    if policy.forward == Forward::Drop {
        let mut chain = Chain::dropping("forward", Hook::Forward, Priority::FILTER.plus(policy.priority));
        chain.rule("counter drop", "nothing passes through");
        table.chains.push(chain);
    }
}

/// Records where somebody was not let through, and ends it.
fn refuse(refusal: Refusal) -> Chain {
    let mut chain = Chain::regular(names::REFUSE);
    record::add_rules(&mut chain, names::refused_set);
    match refusal {
        Refusal::Reject => {
            // A reset ends connect() at once in both families; after an ICMPv6 error it would try for a second.
            chain.rule("meta l4proto tcp reject with tcp reset", "refuse at once");
            chain.rule("reject with icmpx admin-prohibited", "refuse at once");
        }
        Refusal::Drop => chain.rule("drop", "refuse silently"),
    }
    chain
}

fn output(table: &Table, policy: &Policy) -> Chain {
    let mut chain = Chain::dropping("output", Hook::Output, Priority::FILTER.plus(policy.priority));
    if let (Some(resolver), MarkSource::Ebpf) = (&policy.resolver, policy.mark) {
        // The resolver does not filter unmarked queries: a socket made before the program was loaded could ask for anything.
        chain.rule(
            format!("oif \"lo\" ct mark 0 {} jump {}", query(&resolver.dns.listen), audit::end(policy.mode)),
            "no names for unmarked sockets",
        );
    }
    chain.rule("oif \"lo\" accept", "the machine with itself");
    chain.rule("ct state invalid counter drop", "of no connection");
    chain.rule("ct state related accept", "errors about what was granted");
    // A port that a granted program just left can be bound by any other, and conntrack would take its packets for
    // the same flow. So only packets that cannot begin anything pass unseen; the rest are decided by their creator each time.
    chain.rule("ct state established tcp flags & (syn | ack) != syn accept", "what was granted before");
    chain.rule(format!("ct state established meta l4proto != {REUSABLE} accept"), "what was granted before");
    inbound::answer(&mut chain, policy);
    // RFC 4861: hop limit 255 proves that a packet was not forwarded.
    chain.rule(
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
        "neighbour discovery",
    );
    chain.rule(
        "icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 accept",
        "neighbour discovery through switches",
    );
    if !policy.dhcp_clients.is_empty() {
        let uids: Vec<String> = policy.dhcp_clients.iter().map(ToString::to_string).collect();
        let uids = uids.join(", ");
        chain.rule(format!("meta nfproto ipv4 meta skuid {{ {uids} }} udp sport 68 udp dport 67 accept"), "DHCP");
        chain.rule(format!("meta nfproto ipv6 meta skuid {{ {uids} }} udp sport 546 udp dport 547 accept"), "DHCPv6");
    }
    if let Some(resolver) = &policy.resolver {
        to_upstream(&mut chain, resolver);
    }
    // Every denial stands before the first grant, so that no grant of another entry opens what one denies.
    // One that is only audited lets through, so it stands after all that are not.
    for (id, map, what) in [
        ("skgid", names::DENIED_APPLICATIONS, "what applications are denied"),
        ("skuid", names::DENIED_USERS, "what users are denied"),
        ("skgid", names::AUDITED_APPLICATIONS, "what audited applications are denied"),
        ("skuid", names::AUDITED_USERS, "what audited users are denied"),
    ] {
        ask(&mut chain, table, id, map, what);
    }
    chain.rule(format!("meta skgid vmap @{}", names::APPLICATIONS), "applications");
    chain.rule(format!("meta skuid vmap @{}", names::USERS), "users");
    ask(&mut chain, table, "skgid", names::MODE_OF_GID, "applications with a mode of their own");
    ask(&mut chain, table, "skuid", names::MODE_OF_UID, "users with a mode of their own");
    chain.rule(format!("counter jump {}", audit::end(policy.mode)), "everything else");
    chain
}

/// Looks `id` up in `map`, where there is such a map.
fn ask(chain: &mut Chain, table: &Table, id: &str, map: &str, comment: &str) {
    if table.maps.iter().any(|other| other.name == map) {
        chain.rule(format!("meta {id} vmap @{map}"), comment);
    }
}

/// The resolver's account may ask its upstream servers, and nothing else.
fn to_upstream(chain: &mut Chain, resolver: &Resolver) {
    for server in &resolver.dns.upstream {
        chain.rule(format!("meta skuid {} {} accept", resolver.uid, query(server)), "the resolver asks its upstream");
    }
}

/// Matches questions to `server`.
pub(super) fn query(server: &Upstream) -> String {
    let Upstream { address, port } = server;
    let family = if address.is_ipv4() { "ip" } else { "ip6" };
    format!("{family} daddr {address} meta l4proto {{ tcp, udp }} th dport {port}")
}

fn input(policy: &Policy) -> Chain {
    let mut chain = Chain::dropping("input", Hook::Input, Priority::FILTER.plus(policy.priority));
    chain.rule("iif \"lo\" accept", "the machine with itself");
    guard::look_at_flags(&mut chain, policy);
    chain.rule("ct state invalid counter drop", "of no connection");
    inbound::limit_pings(&mut chain, policy);
    chain.rule("ct state established,related accept", "answers");
    chain.rule("icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept", "neighbour discovery");
    chain.rule("icmpv6 type { mld-listener-query } ip6 hoplimit 1 accept", "neighbour discovery through switches");
    chain.rule("meta nfproto ipv4 icmp type destination-unreachable icmp code frag-needed accept", "path MTU");
    chain.rule("meta nfproto ipv6 icmpv6 type packet-too-big accept", "path MTU");
    chain.rule("meta nfproto ipv4 udp sport 67 udp dport 68 accept", "DHCP");
    chain.rule("ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept", "DHCPv6");
    guard::shut_out(&mut chain, policy);
    inbound::accept(&mut chain, policy);
    guard::count_closed_ports(&mut chain, policy);
    chain.rule("counter drop", "everything else");
    chain
}
