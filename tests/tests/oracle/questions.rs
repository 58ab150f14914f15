//! Questions about a packet, and what its verdict may be if the answer is right.

use std::net::IpAddr;

use galaf::config::Domain;
use galaf_gen::why::{Answer, Destination, Facts, Outcome, Protocol, Step, Target, Verdict};

use crate::addresses::is_listed_nowhere;
use crate::place::Sent;

/// What the kernel may do if `answer` is right.
pub(crate) fn admitted(answer: &Answer<'_>) -> Vec<Verdict> {
    let outcome = answer.outcome();
    let possible = |step: &&Step<'_>| {
        outcome == Outcome::Depends || step.is_exceptional() || Outcome::from(step.verdict) == outcome
    };
    let mut verdicts: Vec<Verdict> = answer.steps.iter().filter(possible).map(|step| step.verdict).collect();
    verdicts.dedup();
    verdicts
}

/// The packet itself, then questions about it that say less, all of which must be right.
pub(crate) fn questions<'a>(
    facts: &Facts<'a>,
    packet: &Sent,
    answers: &[(IpAddr, Domain)],
) -> Vec<(Facts<'a>, Target)> {
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

/// Whether `target` is by name, and the name's address is in no list of the file and no other name's.
pub(crate) fn is_only_of(target: &Target, address: IpAddr, answers: &[(IpAddr, Domain)]) -> bool {
    let names = answers.iter().filter(|(other, _)| *other == address);
    matches!(target.to, Destination::Name(_)) && is_listed_nowhere(address) && names.count() == 1
}
