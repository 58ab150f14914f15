//! Whether one rule matches.

use galaf::config::Ports;

use super::answer::{Open, Why};
use super::text::{self, Header};
use super::{Destination, Facts, Packet, Protocol};
use crate::policy::{Grant, Subject, To, With};

/// What is known of one condition.
#[derive(Clone, Copy, Debug)]
enum Truth<'a> {
    No,
    Yes,
    Maybe(Open<'a>),
}

impl From<bool> for Truth<'_> {
    fn from(is_true: bool) -> Self {
        if is_true { Self::Yes } else { Self::No }
    }
}

/// Whether a rule matches.
pub(super) enum Judged<'a> {
    /// It does, if all of these turn out to be true.
    Matches(Vec<Open<'a>>),
    /// It speaks of the destination, and does not match for this reason.
    Missed(Why),
    /// It does not speak of it.
    No,
}

/// Whether the rule of `grant` matches `packet`; the conditions are those of `render::nft::grant`.
pub(super) fn judge<'a>(facts: &Facts<'a>, packet: &Packet<'_>, subject: &'a Subject, grant: &'a Grant) -> Judged<'a> {
    let to = destination(facts, packet, subject, grant);
    let with = with(facts, packet, &grant.with);
    let mut open = Vec::new();
    // Of what may be another destination nothing is missing.
    let missed = |why| if matches!(to, Truth::Yes) { Judged::Missed(why) } else { Judged::No };
    match to {
        Truth::No => return Judged::No,
        Truth::Yes => {}
        Truth::Maybe(what) => open.push(what),
    }
    if grant.until.is_some_and(|until| facts.now >= until) {
        return missed(Why::Lapsed);
    }
    if grant.family != packet.family {
        // One rule of an item speaks for each of its families.
        let has_other = subject.grants.iter().any(|it| it.place == grant.place && it.family == packet.family);
        return if has_other { Judged::No } else { missed(Why::Family) };
    }
    match with {
        Truth::No => return missed(Why::With),
        Truth::Yes => {}
        Truth::Maybe(what) => open.push(what),
    }
    Judged::Matches(open)
}

fn destination<'a>(facts: &Facts<'a>, packet: &Packet<'_>, subject: &Subject, grant: &'a Grant) -> Truth<'a> {
    match (&grant.to, &packet.target.to) {
        (To::Anywhere, _) => Truth::Yes,
        (To::Addresses(addresses), Destination::Address(address)) => addresses.contains(*address).into(),
        (To::Addresses(addresses), Destination::Name(_)) => Truth::Maybe(Open::Among(addresses)),
        (To::Names(names), Destination::Name(name)) => {
            let sets = facts.learned.of_grant(subject, grant);
            let is_filled =
                facts.learned.filled_by(name, grant.family).any(|set| sets.iter().any(|other| other == set));
            if is_filled { Truth::Yes } else { Truth::Maybe(Open::Shares(names)) }
        }
        (To::Names(names), Destination::Address(address)) => match facts.elements {
            // An address is in no set of the other family.
            _ if grant.family != packet.family => Truth::No,
            None => Truth::Maybe(Open::Learned(names)),
            Some(elements) => {
                let sets = facts.learned.of_grant(subject, grant);
                let has_it = |set| elements.get(set).is_some_and(|addresses| addresses.contains(address));
                sets.iter().any(has_it).into()
            }
        },
    }
}

fn with<'a>(facts: &Facts<'_>, packet: &Packet<'_>, with: &'a With) -> Truth<'a> {
    let Packet { target, family, .. } = *packet;
    match with {
        With::Everything => Truth::Yes,
        With::Tcp(list) => ports(packet, Protocol::Tcp, list, with),
        With::Udp(list) => ports(packet, Protocol::Udp, list, with),
        With::Icmp => match target.protocol {
            Some(protocol) => (protocol == Protocol::Icmp).into(),
            None => Truth::Maybe(Open::With(with)),
        },
        With::Text(rule) => {
            let header = Header { family, address: packet.address(), protocol: target.protocol, port: target.port };
            match text::matches(rule, &header, facts.services) {
                Some(is_true) => is_true.into(),
                None => Truth::Maybe(Open::Text(rule)),
            }
        }
    }
}

fn ports<'a>(packet: &Packet<'_>, protocol: Protocol, list: &Option<Ports>, with: &'a With) -> Truth<'a> {
    match (packet.target.protocol, list, packet.target.port) {
        (Some(other), ..) if other != protocol => Truth::No,
        (Some(_), None, _) => Truth::Yes,
        (Some(_), Some(list), Some(port)) => list.contains(port).into(),
        (None, ..) | (Some(_), Some(_), None) => Truth::Maybe(Open::With(with)),
    }
}
