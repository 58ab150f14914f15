//! Words for the parts of a rule.

use jiff::Timestamp;

use galaf::config::{Addresses, Domain, Family, Ports};

use super::answer::{By, Open, Verdict, Why};
use crate::policy::{Grant, Place, Subject, To, With};

/// More of a list are counted and not listed.
const LISTED: usize = 6;

fn listed<T: ToString>(all: &[T]) -> String {
    let shown: Vec<String> = all.iter().take(LISTED).map(ToString::to_string).collect();
    match all.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn names(names: &[Domain]) -> String {
    listed(names)
}

fn addresses(addresses: &Addresses) -> String {
    listed(&addresses.elements())
}

/// The part of an entry: `allow[0]`.
pub(super) fn part(grant: &Grant) -> String {
    match grant.place {
        Place::Rule if with(&grant.with).is_empty() && !grant.to.names().is_empty() => "domains".to_owned(),
        Place::Rule if grant.family == Family::Ipv6 => "rule6".to_owned(),
        Place::Rule => "rule".to_owned(),
        Place::Allow(index) => format!("allow[{index}]"),
        Place::Deny(index) => format!("deny[{index}]"),
    }
}

/// What a rule is for: `example.org, tcp 443`.
pub(super) fn scope(grant: &Grant) -> String {
    let to = match &grant.to {
        To::Anywhere => "any address".to_owned(),
        To::Names(list) => names(list),
        To::Addresses(list) => addresses(list),
    };
    let parts = [Some(to), Some(with(&grant.with)).filter(|with| !with.is_empty()), until(grant), comment(grant)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn until(grant: &Grant) -> Option<String> {
    grant.until.map(|until| format!("until {}", moment(until)))
}

fn comment(grant: &Grant) -> Option<String> {
    grant.comment.as_ref().map(|comment| format!("\"{comment}\""))
}

fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

/// Protocol and ports; nothing for every protocol.
pub(super) fn with(with: &With) -> String {
    let ports = |protocol: &str, list: &Option<Ports>| match list {
        None => protocol.to_owned(),
        Some(list) => format!("{protocol} {}", listed(&list.elements())),
    };
    match with {
        With::Everything => String::new(),
        With::Text(text) => text.as_str().to_owned(),
        With::Tcp(list) => ports("tcp", list),
        With::Udp(list) => ports("udp", list),
        With::Icmp => "icmp".to_owned(),
    }
}

/// What would have to be so.
pub(super) fn condition(open: &Open<'_>) -> String {
    match open {
        Open::With(what) => format!("with {}", with(what)),
        Open::Learned(list) => format!("if the resolver answered the address for {}", names(list)),
        Open::Among(list) => format!("if its address is among {}", addresses(list)),
        Open::Shares(list) => format!("if its address is also one of {}", names(list)),
        Open::Text(text) => format!("if nft matches '{}'", text.as_str()),
        Open::Ports(from, to) => format!("from port {from} to port {to} of udp"),
        Open::Port(port) => format!("to port {port} of tcp or udp"),
    }
}

/// What a rule does.
pub(super) fn deed(verdict: Verdict, by: By<'_>) -> String {
    let audited = |whose: &str| format!("; \"mode\": \"audit\" of {whose} lets it through and records it");
    let nothing = "nothing grants it";
    match (by, verdict) {
        (By::Loopback, _) => "the machine's traffic with itself is open".to_owned(),
        (By::Dhcp, _) => "this account renews the machine's own address".to_owned(),
        (By::Resolver, _) => "the resolver's account asks this server".to_owned(),
        (By::Entry(subject, grant), Verdict::Allow) => format!("{} of '{}' grants it", part(grant), subject.name),
        (By::Entry(subject, grant), verdict) => {
            let denied = format!("{} of '{}' denies it", part(grant), subject.name);
            if verdict == Verdict::Audit { denied + &audited(&mode_of(subject)) } else { denied }
        }
        (By::Mode(_) | By::Rest, Verdict::Allow | Verdict::Refuse) => nothing.to_owned(),
        (By::Mode(subject), Verdict::Audit) => nothing.to_owned() + &audited(&mode_of(subject)),
        (By::Rest, Verdict::Audit) => nothing.to_owned() + &audited("'config'"),
    }
}

/// Whose mode counts for a denial of `subject`.
fn mode_of(subject: &Subject) -> String {
    if subject.mode.is_some() { format!("'{}'", subject.name) } else { "'config'".to_owned() }
}

/// What is in the way.
pub(super) fn why(why: Why, grant: &Grant) -> String {
    match why {
        Why::Lapsed => format!("lapsed at {}", moment(grant.until.unwrap_or_default())),
        Why::Family => format!("is for {} only", grant.family),
        Why::With => format!("is for {} only", with(&grant.with)),
    }
}
