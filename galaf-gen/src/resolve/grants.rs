//! What an entry grants and denies, as one rule after the other.

use galaf::config::{Config, Entry, Family, Port, Ports, Protocol, Scope};
use galaf::json::JsonPath;

use super::{Context, Messages};
use crate::policy::{Grant, Place, To, With};

/// The grants of `domains`, `rule` and `rule6`.
pub(super) fn from_rules(config: &Config, entry: &Entry) -> Vec<Grant> {
    let domains = config.domains_of(entry);
    let to = if domains.is_empty() { To::Anywhere } else { To::Names(domains.to_vec()) };
    let rule = |grant: &galaf::config::Grant| Grant {
        place: Place::Rule,
        family: grant.family,
        to: to.clone(),
        with: With::Text(grant.condition.clone()),
        until: None,
        log: entry.log,
        comment: None,
    };
    entry.grants.iter().map(rule).collect()
}

/// The grants of `allow`.
pub(super) fn from_allow(entry: &Entry, context: &Context<'_>, at: &JsonPath, problems: &mut Messages) -> Vec<Grant> {
    let mut families = entry.families.clone();
    families.sort_unstable();
    from_items(entry, &entry.allow, Place::Allow, &families, context, &at.key("allow"), problems)
}

/// The denials of `deny`, in both families: one that was left out in `families` may be granted by another entry.
pub(super) fn from_deny(entry: &Entry, context: &Context<'_>, at: &JsonPath, problems: &mut Messages) -> Vec<Grant> {
    from_items(entry, &entry.deny, Place::Deny, &Family::ALL, context, &at.key("deny"), problems)
}

fn from_items(
    entry: &Entry,
    items: &[Scope],
    place: impl Fn(usize) -> Place,
    families: &[Family],
    context: &Context<'_>,
    at: &JsonPath,
    problems: &mut Messages,
) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let with = with(&item.protocols, context, &at.index(index), problems);
        for (family, to) in destinations(item, families) {
            grants.extend(with.iter().map(|with| Grant {
                place: place(index),
                family,
                to: to.clone(),
                with: with.clone(),
                until: item.until.map(|until| until.at(context.now)),
                log: entry.log || item.log,
                comment: item.comment.clone(),
            }));
        }
    }
    grants
}

/// Where `item` leads; names, every address, "lan" and aliases in `families`.
fn destinations(item: &Scope, families: &[Family]) -> Vec<(Family, To)> {
    let mut destinations = Vec::new();
    for &family in families {
        // Every address includes the others.
        if item.to.anywhere {
            destinations.push((family, To::Anywhere));
        }
        if !item.to.domains.is_empty() {
            destinations.push((family, To::Names(item.to.domains.clone())));
        }
    }
    for family in Family::ALL {
        let addresses = item.to.addresses_of(family, families);
        destinations.extend(addresses.map(|addresses| (family, To::Addresses(addresses))));
    }
    destinations
}

/// What `protocols` are, with the ports that services have on this machine.
pub(super) fn with(protocols: &[Protocol], context: &Context<'_>, at: &JsonPath, problems: &mut Messages) -> Vec<With> {
    if protocols.is_empty() {
        return vec![With::Everything];
    }
    let mut resolved = |key: &str, protocol: &str, list: &[Port]| {
        let ranges: Vec<(u16, u16)> =
            list.iter().filter_map(|port| range(port, protocol, context, &at.key(key), problems)).collect();
        (!list.is_empty()).then(|| Ports::merge(ranges))
    };
    let protocol = |protocol: &Protocol| match protocol {
        Protocol::Tcp(list) => With::Tcp(resolved("tcp", "tcp", list)),
        Protocol::Udp(list) => With::Udp(resolved("udp", "udp", list)),
        Protocol::Icmp => With::Icmp,
    };
    protocols.iter().map(protocol).collect()
}

fn range(
    port: &Port,
    protocol: &str,
    context: &Context<'_>,
    at: &JsonPath,
    problems: &mut Messages,
) -> Option<(u16, u16)> {
    match port {
        Port::Range(first, last) => Some((*first, *last)),
        Port::Service(name) => {
            let found = context.accounts.services.get(&(name.clone(), protocol.to_owned())).copied();
            if found.is_none() {
                problems.push((
                    at.clone(),
                    format!("this machine's services(5) know no '{name}' over {protocol}; write the number"),
                ));
            }
            found.map(|port| (port, port))
        }
    }
}
