//! What would be refused and is let through: recorded apart, so that a person can tell what an entry lacks.

use std::collections::BTreeMap;

use galaf::config::{Family, Mode};

use super::table::{Chain, Map, Table};
use super::{names, record, subject};
use crate::policy::{Policy, SubjectId};

/// Adds the chain and the sets, where anything is let through, and the modes that entries have of their own.
pub(super) fn add(table: &mut Table, policy: &Policy) {
    if policy.audits_anything() {
        table.sets.extend(Family::ALL.map(|family| record::set(names::audited_set(family), family)));
        let mut chain = Chain::regular(names::AUDIT);
        record::add_rules(&mut chain, names::audited_set);
        chain.rule("accept", "let through by audit");
        table.chains.push(chain);
    }
    let mut gids = BTreeMap::new();
    let mut uids = BTreeMap::new();
    for subject in policy.subjects() {
        let Some(mode) = subject.mode else { continue };
        let map = match subject.id {
            SubjectId::Group(_) => &mut gids,
            SubjectId::User(_) => &mut uids,
        };
        let ids = subject::with_containers(subject.id.number(), policy);
        map.extend(ids.map(|id| (id, format!("jump {}", end(mode)))));
    }
    for (name, types, elements) in
        [(names::MODE_OF_GID, "gid : verdict", gids), (names::MODE_OF_UID, "uid : verdict", uids)]
    {
        if !elements.is_empty() {
            table.maps.push(Map { name, types, elements: elements.into_iter().collect() });
        }
    }
}

/// The chain that ends what is not granted.
pub(super) const fn end(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => names::REFUSE,
        Mode::Audit => names::AUDIT,
    }
}
