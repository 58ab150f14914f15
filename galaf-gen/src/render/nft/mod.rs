//! The firewall: one table of family inet.

mod base;
mod marks;
pub mod names;
mod subject;
mod table;
mod text;
mod words;

pub use table::{Chain, ChainKind, Hook, Map, Origin, Rule, Set, SetKind, Table};
pub use text::{Ruleset, text};

use super::learned::LearnedSets;
use crate::policy::Policy;

/// The table of `policy`.
pub fn table(policy: &Policy, learned: &LearnedSets) -> Table {
    let mut table = Table::default();
    marks::add(&mut table, policy);
    subject::add(&mut table, policy, learned);
    base::add(&mut table, policy);
    table
}
