//! The firewall: one table of family inet.

mod audit;
mod base;
mod grant;
mod guard;
mod inbound;
mod marks;
pub mod names;
mod record;
mod subject;
mod table;
mod text;
mod words;

pub(crate) use subject::with_containers;
pub use table::{Chain, ChainKind, Hook, Map, Origin, Priority, Rule, Set, SetKind, Table};
pub use text::{Ruleset, text};

use super::learned::LearnedSets;
use crate::policy::Policy;

/// The table of `policy`.
pub fn table(policy: &Policy, learned: &LearnedSets) -> Table {
    let mut table = Table::default();
    marks::add(&mut table, policy);
    subject::add(&mut table, policy, learned);
    audit::add(&mut table, policy);
    inbound::add(&mut table, policy);
    guard::add(&mut table, policy);
    base::add(&mut table, policy);
    table
}
