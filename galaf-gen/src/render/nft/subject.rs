//! One chain an application or user, reached through a verdict map, so that their number does not matter to a packet.

use std::collections::{BTreeMap, BTreeSet};

use galaf::config::Ports;

use super::names;
use super::table::{Chain, Map, Origin, Rule, Set, SetKind, Table};
use super::words;
use crate::policy::{Grant, Place, Policy, Subject, SubjectId, To, With};
use crate::render::learned::LearnedSets;

/// How long an address stays granted after it was last an answer or a destination.
pub(super) const LEARNED_TIMEOUT: &str = "1d";

/// Adds the sets, chains and maps of every subject.
pub(super) fn add(table: &mut Table, policy: &Policy, learned: &LearnedSets) {
    let mut applications = BTreeMap::new();
    let mut users = BTreeMap::new();
    let mut filled = BTreeSet::new();
    for subject in policy.subjects().filter(|subject| !subject.grants.is_empty()) {
        let mut chain = Chain::regular(names::chain(subject));
        let mut sets = Vec::new();
        for grant in &subject.grants {
            if grant.to.names().is_empty() {
                chain.rules.push(rule(subject, grant, None, &mut sets));
            }
            // One rule a set: its own, and those that it shares with others.
            for set in learned.of_grant(subject, grant) {
                chain.rules.push(rule(subject, grant, Some(set.as_str()), &mut sets));
                if filled.insert(set) {
                    let key = words::address_type(grant.family);
                    sets.push(Set { name: set.clone(), key, kind: SetKind::Learned });
                }
            }
        }
        // Grants that differ only in what with share the set of where to.
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        sets.dedup_by(|next, set| next.name == set.name);
        table.sets.extend(sets);
        let map = match subject.id {
            SubjectId::Group(_) => &mut applications,
            SubjectId::User(_) => &mut users,
        };
        map.extend(with_containers(subject.id.number(), policy).map(|id| (id, format!("jump {}", chain.name))));
        table.chains.push(chain);
    }
    let map =
        |name, types, elements: BTreeMap<u32, String>| Map { name, types, elements: elements.into_iter().collect() };
    table.maps.push(map(names::APPLICATIONS, "gid : verdict", applications));
    table.maps.push(map(names::USERS, "uid : verdict", users));
}

/// An id on the host and in every trusted container.
pub(super) fn with_containers(id: u32, policy: &Policy) -> impl Iterator<Item = u32> + '_ {
    std::iter::once(id).chain(policy.containers.iter().filter_map(move |base| base.get().checked_add(id)))
}

/// The rule of a grant; of one by name, that for the addresses in the set `learned`.
fn rule(subject: &Subject, grant: &Grant, learned: Option<&str>, sets: &mut Vec<Set>) -> Rule {
    // The family is named even where another match implies it: a condition like `tcp dport 443` does not,
    // and in a table of family inet would speak for IPv6 too.
    let mut parts = vec![format!("meta nfproto {}", words::nfproto(grant.family))];
    if let Some(until) = grant.until {
        // The kernel's clock decides, so the grant lapses with nothing running, and after a suspend too.
        parts.push(format!("meta time < {until}"));
    }
    let daddr = words::daddr(grant.family);
    parts.extend(learned.map(|set| format!("{daddr} @{set}")));
    if let To::Addresses(addresses) = &grant.to {
        let name = names::address_set(subject, grant);
        parts.push(member(daddr, addresses.elements(), name, words::address_type(grant.family), sets));
    }
    parts.extend(with(subject, grant, sets));
    // The element is there, so the update only renews its timeout; it cannot fail and take the verdict with it.
    parts.extend(learned.map(|set| format!("update @{set} {{ {daddr} timeout {LEARNED_TIMEOUT} }}")));
    parts.push("accept".to_owned());
    Rule {
        text: parts.join(" "),
        comment: comment(subject, grant),
        origin: Some(Origin {
            subject: subject.id,
            name: subject.name.to_string(),
            place: grant.place,
            family: grant.family,
        }),
    }
}

fn with(subject: &Subject, grant: &Grant, sets: &mut Vec<Set>) -> Option<String> {
    let ports = |protocol: &str, ports: &Option<Ports>, sets: &mut Vec<Set>| match ports {
        None => format!("meta l4proto {protocol}"),
        Some(ports) => {
            let name = names::port_set(subject, grant, protocol);
            member(&format!("{protocol} dport"), ports.elements(), name, "inet_service", sets)
        }
    };
    match &grant.with {
        With::Everything => None,
        With::Text(text) => (!text.as_str().is_empty()).then(|| text.as_str().to_owned()),
        With::Tcp(list) => Some(ports("tcp", list, sets)),
        With::Udp(list) => Some(ports("udp", list, sets)),
        With::Icmp => Some(words::echo_request(grant.family).to_owned()),
    }
}

/// A match against elements: the one itself, or a named set of several. An anonymous set would be gone for a packet that
/// is on its way through the old rules while new ones come.
fn member(field: &str, elements: Vec<String>, name: String, key: &'static str, sets: &mut Vec<Set>) -> String {
    if let [element] = elements.as_slice() {
        return format!("{field} {element}");
    }
    let text = format!("{field} @{name}");
    sets.push(Set { name, key, kind: SetKind::Static(elements) });
    text
}

fn comment(subject: &Subject, grant: &Grant) -> String {
    let by = match (&grant.to, grant.place) {
        (To::Names(_), _) => "by name",
        (To::Addresses(_), _) => "by address",
        (To::Anywhere, Place::Rule) => "by rule",
        (To::Anywhere, Place::Allow(_)) => "to any address",
    };
    let text = grant.comment.iter().map(|comment| format!(", {comment}"));
    format!("{}: {} {by}{}", subject.name, grant.family, text.collect::<String>())
}
