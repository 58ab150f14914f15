//! One chain an application or user, reached through a verdict map, so that their number does not matter to a packet.
//! Who is denied something has a second one, reached before any of the first.

use std::collections::{BTreeMap, BTreeSet};

use galaf::config::Mode;

use super::grant::rules;
use super::table::{Chain, Map, Set, SetKind, Table};
use super::{audit, names, words};
use crate::policy::{Grant, Policy, Subject, SubjectId};
use crate::render::learned::LearnedSets;

/// Adds the sets, chains and maps of every subject.
pub(super) fn add(table: &mut Table, policy: &Policy, learned: &LearnedSets) {
    let mut context = Context { table, policy, learned, filled: BTreeSet::new() };
    let mut denied = Dispatch::default();
    let mut audited = Dispatch::default();
    let mut granted = Dispatch::default();
    for subject in policy.subjects() {
        let (dispatch, mode) = match policy.audits(subject) {
            false => (&mut denied, Mode::Enforce),
            true => (&mut audited, Mode::Audit),
        };
        let end = format!("jump {}", audit::end(mode));
        dispatch.add(&mut context, subject, names::denials(subject), &subject.denials, &end);
        granted.add(&mut context, subject, names::chain(subject), &subject.grants, "accept");
    }
    let maps = [
        (names::DENIED_APPLICATIONS, "gid : verdict", denied.applications),
        (names::DENIED_USERS, "uid : verdict", denied.users),
        (names::AUDITED_APPLICATIONS, "gid : verdict", audited.applications),
        (names::AUDITED_USERS, "uid : verdict", audited.users),
        (names::APPLICATIONS, "gid : verdict", granted.applications),
        (names::USERS, "uid : verdict", granted.users),
    ];
    for (name, types, elements) in maps {
        // Where nobody is denied anything, no packet asks who is.
        if !elements.is_empty() || [names::APPLICATIONS, names::USERS].contains(&name) {
            table.maps.push(Map { name, types, elements: elements.into_iter().collect() });
        }
    }
}

/// What every chain is made from and added to.
struct Context<'a> {
    table: &'a mut Table,
    policy: &'a Policy,
    learned: &'a LearnedSets,
    /// Learned sets that are in the table already.
    filled: BTreeSet<&'a str>,
}

/// Chains by the ids that lead to them.
#[derive(Default)]
struct Dispatch {
    applications: BTreeMap<u32, String>,
    users: BTreeMap<u32, String>,
}

impl Dispatch {
    /// Adds the chain `name` with a rule for each of `grants`, if there are any.
    fn add(&mut self, context: &mut Context<'_>, subject: &Subject, name: String, grants: &[Grant], verdict: &str) {
        if grants.is_empty() {
            return;
        }
        let map = match subject.id {
            SubjectId::Group(_) => &mut self.applications,
            SubjectId::User(_) => &mut self.users,
        };
        map.extend(with_containers(subject.id.number(), context.policy).map(|id| (id, format!("jump {name}"))));
        let mut chain = Chain::regular(name);
        let mut sets: Vec<Set> = Vec::new();
        for grant in grants {
            if grant.to.names().is_empty() {
                chain.rules.extend(rules(subject, grant, None, verdict, &mut sets));
            }
            // One rule a set: its own, and those that it shares with others.
            for set in context.learned.of_grant(subject, grant) {
                chain.rules.extend(rules(subject, grant, Some(set), verdict, &mut sets));
                if context.filled.insert(set) {
                    let key = words::address_type(grant.family);
                    sets.push(Set { name: set.to_owned(), key, kind: SetKind::Learned });
                }
            }
        }
        // Grants that differ only in what with share the set of where to.
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        sets.dedup_by(|next, set| next.name == set.name);
        context.table.sets.extend(sets);
        context.table.chains.push(chain);
    }
}

/// An id on the host and in every trusted container.
pub(crate) fn with_containers(id: u32, policy: &Policy) -> impl Iterator<Item = u32> + '_ {
    std::iter::once(id).chain(policy.containers.iter().filter_map(move |base| base.get().checked_add(id)))
}
