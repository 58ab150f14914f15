//! The way of a packet through the output chain; its order is that of `render::nft::base`.

use galaf::config::{Family, MarkSource, Mode};
use galaf::id::UserId;

use super::answer::{Answer, By, Lookup, Missed, Open, Step, Verdict};
use super::rule::{Judged, judge};
use super::{Destination, Facts, Packet, Protocol};
use crate::policy::{Grant, Policy, Subject, SubjectId};
use crate::render::dnsmasq;
use crate::render::nft::with_containers;

/// What becomes of the first packet of something that begins, sent by a socket that carries its mark.
pub fn walk<'a>(facts: &Facts<'a>, packet: &Packet<'_>) -> Answer<'a> {
    let mut answer = Answer { steps: Vec::new(), missed: Vec::new() };
    let is_decided = machine(facts, packet, &mut answer) || entries(facts, packet, &mut answer);
    if !is_decided {
        let (verdict, by) = end(facts.policy, packet);
        answer.steps.push(Step { verdict, by, open: Vec::new() });
    }
    answer
}

/// Whether the resolver answers `packet`'s name; `None` if it is for an address.
pub(crate) fn lookup(policy: &Policy, packet: &Packet<'_>) -> Option<Lookup> {
    let Destination::Name(name) = &packet.target.to else { return None };
    if policy.resolver.is_none() {
        return Some(Lookup::Elsewhere);
    }
    let is_application = policy.applications.iter().any(|application| is_of(policy, &application.subject, packet));
    // The mark has no half for the user then: without the program at all, and root's is in that of the group.
    let is_group_only = is_application && (policy.mark == MarkSource::Nft || packet.uid == Some(UserId::ROOT.0));
    let counts = |subject: &&Subject| {
        is_of(policy, subject, packet) && !(is_group_only && matches!(subject.id, SubjectId::User(_)))
    };
    let mut subjects = policy.subjects().filter(counts);
    let may_ask = policy.mode == Mode::Audit || subjects.any(|subject| dnsmasq::may_ask(policy, subject, name));
    Some(if may_ask { Lookup::Answered } else { Lookup::Refused })
}

/// What the machine needs; whether that decides.
fn machine(facts: &Facts<'_>, packet: &Packet<'_>, answer: &mut Answer<'_>) -> bool {
    let Packet { target, family, uid, .. } = *packet;
    let mut allow = |by, open: Vec<Open<'static>>| {
        let decides = open.is_empty();
        answer.steps.push(Step { verdict: Verdict::Allow, by, open });
        decides
    };
    let address = packet.address();
    // One that is not specified is this machine, too.
    if address.is_some_and(|it| it.is_loopback() || it.is_unspecified() || facts.own.contains(&it)) {
        return allow(By::Loopback, Vec::new());
    }
    let is_client = facts.policy.dhcp_clients.iter().any(|client| Some(client.0) == uid);
    let (from, to) = match family {
        Family::Ipv4 => (68, 67),
        Family::Ipv6 => (546, 547),
    };
    if is_client && target.protocol.is_none_or(|it| it == Protocol::Udp) && target.port.is_none_or(|it| it == to) {
        allow(By::Dhcp, vec![Open::Ports(from, to)]);
    }
    let Some(resolver) = facts.policy.resolver.as_ref().filter(|resolver| Some(resolver.uid.0) == uid) else {
        return false;
    };
    resolver.dns.upstream.iter().filter(|server| Some(server.address) == address).any(|server| {
        match (target.protocol, target.port) {
            (Some(Protocol::Tcp | Protocol::Udp), Some(port)) => port == server.port && allow(By::Resolver, Vec::new()),
            (Some(Protocol::Icmp), _) => false,
            (_, None) | (None, _) => allow(By::Resolver, vec![Open::Port(server.port)]),
        }
    })
}

/// Denials, then grants; whether one of them decides.
fn entries<'a>(facts: &Facts<'a>, packet: &Packet<'_>, answer: &mut Answer<'a>) -> bool {
    let policy = facts.policy;
    for mode in [Mode::Enforce, Mode::Audit] {
        let audited = mode == Mode::Audit;
        for subject in both(policy, packet, |it| policy.audits(it) == audited && !it.denials.is_empty()) {
            if ask(facts, packet, subject, &subject.denials, Verdict::of_mode(mode), answer) {
                return true;
            }
        }
    }
    both(policy, packet, |it| !it.grants.is_empty())
        .into_iter()
        .any(|subject| ask(facts, packet, subject, &subject.grants, Verdict::Allow, answer))
}

/// Asks one chain; whether it decides.
fn ask<'a>(
    facts: &Facts<'a>,
    packet: &Packet<'_>,
    subject: &'a Subject,
    rules: &'a [Grant],
    verdict: Verdict,
    answer: &mut Answer<'a>,
) -> bool {
    for grant in rules {
        match judge(facts, packet, subject, grant) {
            Judged::Matches(open) => {
                let decides = open.is_empty();
                answer.steps.push(Step { verdict, by: By::Entry(subject, grant), open });
                if decides {
                    return true;
                }
            }
            Judged::Missed(why) if verdict == Verdict::Allow => answer.missed.push(Missed { subject, grant, why }),
            Judged::Missed(_) | Judged::No => {}
        }
    }
    false
}

/// What ends a packet that nothing decided.
fn end<'a>(policy: &'a Policy, packet: &Packet<'_>) -> (Verdict, By<'a>) {
    let own = both(policy, packet, |subject| subject.mode.is_some()).into_iter().next();
    match own.and_then(|subject| Some((subject, subject.mode?))) {
        Some((subject, mode)) => (Verdict::of_mode(mode), By::Mode(subject)),
        None => (Verdict::of_mode(policy.mode), By::Rest),
    }
}

/// The application and the user of `packet`, where they are such that `wanted` holds.
fn both<'a>(policy: &'a Policy, packet: &Packet<'_>, wanted: impl Fn(&Subject) -> bool) -> Vec<&'a Subject> {
    // A map has one element an id: of accounts that share one, the last entry counts.
    let last = |is_application: bool| {
        policy
            .subjects()
            .filter(|subject| matches!(subject.id, SubjectId::Group(_)) == is_application)
            .filter(|subject| is_of(policy, subject, packet) && wanted(subject))
            .last()
    };
    [true, false].into_iter().filter_map(last).collect()
}

fn is_of(policy: &Policy, subject: &Subject, packet: &Packet<'_>) -> bool {
    let wanted = match subject.id {
        SubjectId::Group(_) => packet.gid,
        SubjectId::User(_) => packet.uid,
    };
    with_containers(subject.id.number(), policy).any(|id| Some(id) == wanted)
}
