//! One chain an application or user, reached through a verdict map, so that their number does not matter to a packet.

use std::collections::BTreeMap;

use galaf::config::{Family, Grant};

use super::names;
use super::table::{Chain, Map, Origin, Rule, Set, SetKind, Table};
use crate::policy::{Policy, Subject, SubjectId};

/// How long an address stays granted after it was last an answer or a destination.
pub(super) const LEARNED_TIMEOUT: &str = "1d";

/// Adds the sets, chains and maps of every subject.
pub(super) fn add(table: &mut Table, policy: &Policy) {
    let mut applications = BTreeMap::new();
    let mut users = BTreeMap::new();
    for subject in policy.subjects().filter(|subject| !subject.grants.is_empty()) {
        let mut chain = Chain::regular(names::chain(subject));
        for grant in &subject.grants {
            if !subject.domains.is_empty() {
                let key = match grant.family {
                    Family::Ipv4 => "ipv4_addr",
                    Family::Ipv6 => "ipv6_addr",
                };
                table.sets.push(Set { name: names::learned_set(subject, grant.family), key, kind: SetKind::Learned });
            }
            chain.rules.push(rule(subject, grant));
        }
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

fn rule(subject: &Subject, grant: &Grant) -> Rule {
    // The family is named even where another match implies it: a condition like `tcp dport 443` does not,
    // and in a table of family inet would speak for IPv6 too.
    let (family, daddr) = match grant.family {
        Family::Ipv4 => ("meta nfproto ipv4", "ip daddr"),
        Family::Ipv6 => ("meta nfproto ipv6", "ip6 daddr"),
    };
    let condition = grant.condition.as_str();
    let mut parts = vec![family.to_owned()];
    let learned = (!subject.domains.is_empty()).then(|| names::learned_set(subject, grant.family));
    parts.extend(learned.iter().map(|set| format!("{daddr} @{set}")));
    if !condition.is_empty() {
        parts.push(condition.to_owned());
    }
    // The element is there, so the update only renews its timeout; it cannot fail and take the verdict with it.
    parts.extend(learned.iter().map(|set| format!("update @{set} {{ {daddr} timeout {LEARNED_TIMEOUT} }}")));
    parts.push("accept".to_owned());
    let what = if learned.is_some() { "by name" } else { "by rule" };
    Rule {
        text: parts.join(" "),
        comment: format!("{}: {} {what}", subject.name, grant.family),
        origin: Some(Origin { subject: subject.id, name: subject.name.to_string(), family: grant.family }),
    }
}
