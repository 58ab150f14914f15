//! What a reload changes, in words.

use std::collections::BTreeMap;

use crate::policy::Policy;
use crate::render::nft::names;

/// Who is granted more, less or something else between two rulesets of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Entries that had no rules.
    pub added: Vec<String>,
    /// Entries whose rules differ.
    pub changed: Vec<String>,
    /// Entries that have no rules any more.
    pub removed: Vec<String>,
    /// Whether anything else differs: the base chains, or ids.
    pub machine: bool,
}

/// Compares the chains of `old` with those of `new`.
pub fn changes(old: &str, new: &str, policy: &Policy) -> Changes {
    let (before, after) = (chains(old), chains(new));
    let mut changes = Changes::default();
    let mut ours = Vec::new();
    for subject in policy.subjects() {
        let chain = names::chain(subject);
        match (before.get(chain.as_str()), after.get(chain.as_str())) {
            (None, Some(_)) => changes.added.push(subject.name.to_string()),
            (Some(old), Some(new)) if old != new => changes.changed.push(subject.name.to_string()),
            (Some(_), None) => changes.removed.push(subject.name.to_string()),
            (Some(_), Some(_)) | (None, None) => {}
        }
        ours.push(chain);
    }
    for chain in before.keys().filter(|chain| !after.contains_key(*chain)) {
        if let Some(name) = chain.strip_prefix("app_").or_else(|| chain.strip_prefix("user_"))
            && !ours.iter().any(|name| name == chain)
        {
            changes.removed.push(name.to_owned());
        }
    }
    changes.machine =
        old != new && changes.added.is_empty() && changes.changed.is_empty() && changes.removed.is_empty();
    changes
}

/// The lines of each chain of a ruleset that `render::nft::text` made.
fn chains(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut chains: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("\tchain ").and_then(|rest| rest.strip_suffix(" {")) {
            current = Some(name);
            chains.insert(name, Vec::new());
        } else if line == "\t}" {
            current = None;
        } else if let Some(rules) = current.and_then(|name| chains.get_mut(name)) {
            rules.push(line);
        }
    }
    chains
}
