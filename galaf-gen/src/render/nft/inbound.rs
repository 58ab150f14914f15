//! Services that others may reach, and the way of their answers.

use std::collections::BTreeSet;

use galaf::config::{Ports, Rate};

use super::grant::member;
use super::table::{Chain, Rule, Set, Table};
use super::{names, words};
use crate::policy::{Policy, Service, With};

/// Adds the sets and the chain of answers.
pub(super) fn add(table: &mut Table, policy: &Policy) {
    let mut sets = Vec::new();
    let mut answers = Chain::regular(names::ANSWERS);
    for service in policy.inbound.iter().filter(|service| needs_a_way_out(service)) {
        let text = format!("{} accept", parts(service, Side::Answer, &mut sets).join(" "));
        answers.rules.push(rule(service, text, ", answers"));
    }
    for service in &policy.inbound {
        parts(service, Side::Question, &mut sets);
    }
    sets.sort_by(|a: &Set, b: &Set| a.name.cmp(&b.name));
    sets.dedup_by(|next, set| next.name == set.name);
    table.sets.extend(sets);
    if !answers.rules.is_empty() {
        table.chains.push(answers);
    }
}

/// Rules before the one for what is established: every ping of a run is of the same connection.
pub(super) fn limit_pings(chain: &mut Chain, policy: &Policy) {
    for service in policy.inbound.iter().filter(|service| service.with == With::Icmp) {
        let rate = service.limit.unwrap_or(Rate::OF_PINGS);
        let parts = parts(service, Side::Question, &mut Vec::new()).join(" ");
        chain.rules.push(rule(service, format!("{parts} limit rate over {rate} drop"), ", limit"));
    }
}

/// What is let in.
pub(super) fn accept(chain: &mut Chain, policy: &Policy) {
    for service in &policy.inbound {
        let mut parts = parts(service, Side::Question, &mut Vec::new());
        parts.push("ct state new".to_owned());
        if service.with != With::Icmp {
            parts.extend(service.limit.map(|rate| format!("limit rate {rate}")));
        }
        parts.extend(service.mark.map(|mark| format!("ct mark set {mark}")));
        parts.push("accept".to_owned());
        chain.rules.push(rule(service, parts.join(" "), ""));
    }
}

/// Lets the answers out, which every datagram's creator would otherwise decide.
pub(super) fn answer(chain: &mut Chain, policy: &Policy) {
    if policy.inbound.iter().any(needs_a_way_out) {
        // Only what came in first, and was let in, has this direction: nobody can begin anything with it.
        chain.rule(format!("ct state established ct direction reply jump {}", names::ANSWERS), "answers of services");
    }
}

/// The marks that services give to their connections.
pub(super) fn marks(policy: &Policy) -> BTreeSet<String> {
    policy.inbound.iter().filter_map(|service| service.mark).map(|mark| mark.to_string()).collect()
}

/// TCP's packets pass as established; the other protocols' are decided one by one.
fn needs_a_way_out(service: &Service) -> bool {
    !matches!(service.with, With::Tcp(_))
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Question,
    Answer,
}

fn parts(service: &Service, side: Side, sets: &mut Vec<Set>) -> Vec<String> {
    let is_question = side == Side::Question;
    let mut parts = vec![format!("meta nfproto {}", words::nfproto(service.family))];
    if let Some(from) = &service.from {
        let address = if is_question { words::saddr(service.family) } else { words::daddr(service.family) };
        let name = names::inbound_address_set(service.index, service.family);
        parts.push(member(address, from.elements(), name, words::address_type(service.family), sets));
    }
    let mut ports = |protocol: &str, ports: &Option<Ports>| match ports {
        None => format!("meta l4proto {protocol}"),
        Some(ports) => {
            let field = format!("{protocol} {}", if is_question { "dport" } else { "sport" });
            member(&field, ports.elements(), names::inbound_port_set(service.index, protocol), "inet_service", sets)
        }
    };
    parts.extend(match &service.with {
        With::Tcp(list) => Some(ports("tcp", list)),
        With::Udp(list) => Some(ports("udp", list)),
        With::Icmp if is_question => Some(words::echo_request(service.family).to_owned()),
        With::Icmp => Some(words::echo_reply(service.family).to_owned()),
        With::Everything | With::Text(_) => None,
    });
    parts
}

fn rule(service: &Service, text: String, what: &str) -> Rule {
    let comment: String = service.comment.iter().map(|comment| format!(", {comment}")).collect();
    Rule { text, comment: format!("inbound {}: {}{what}{comment}", service.name, service.family), origin: None }
}
