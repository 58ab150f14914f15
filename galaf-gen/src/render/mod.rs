//! From a [`Policy`] to the texts that carry it out. Pure: the same policy gives the same bytes.

pub mod dnsmasq;
pub mod group;
pub mod launch;
pub mod learned;
pub mod nft;

use crate::policy::Policy;
use crate::resolve::Messages;
use learned::LearnedSets;

/// Everything a policy becomes.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The firewall.
    pub table: nft::Table,
    /// The firewall as `nft -f` reads it.
    pub ruleset: nft::Ruleset,
    /// The sets that the resolver fills.
    pub learned: LearnedSets,
    /// The resolver's configuration; `None` if there is no resolver.
    pub dnsmasq: Option<String>,
    /// Groups to be made, as lines of group(5).
    pub groups: String,
    /// What the launcher reads.
    pub launch_index: String,
}

/// Renders everything.
///
/// # Errors
/// Names that dnsmasq's line length leaves no room for.
pub fn render(policy: &Policy) -> Result<Artifacts, Messages> {
    let learned = LearnedSets::of(policy)?;
    let table = nft::table(policy, &learned);
    Ok(Artifacts {
        ruleset: nft::text(&table),
        table,
        dnsmasq: dnsmasq::render(policy, &learned)?,
        groups: group::render(&policy.new_groups),
        launch_index: launch::render(policy),
        learned,
    })
}
