//! From the running table to the wanted one in a single nft transaction. Pure.
//!
//! Chains are emptied and filled, maps are flushed and filled, and everything that packets and
//! dnsmasq put into sets stays. The maps and sets must survive by name: a packet that is
//! on its way through the old rules looks into them, and finds nothing in one that was made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use galaf::paths::TABLE;

use crate::render::nft::{Chain, ChainKind, Ruleset, Set, SetKind, Table};

/// What the kernel has of our table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Chains, each with the comments of its rules where these were read.
    pub chains: BTreeMap<String, Vec<String>>,
    /// Where those of them begin that a hook calls.
    pub bases: BTreeMap<String, Base>,
    /// Sets.
    pub sets: BTreeMap<String, Shape>,
    /// Maps.
    pub maps: Vec<String>,
}

/// What cannot be changed of a chain that is there: the kernel answers EOPNOTSUPP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// `NF_INET_*` (linux/netfilter.h).
    pub hook: u32,
    /// Its place among the hook's chains.
    pub priority: i32,
}

impl Base {
    /// Where `chain` will begin, if a hook calls it.
    pub fn of(chain: &Chain) -> Option<Self> {
        match chain.kind {
            ChainKind::Regular => None,
            ChainKind::Base { hook, priority, .. } => Some(Self { hook: hook.number(), priority: priority.number() }),
        }
    }
}

/// What cannot be changed of a set that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// nft's number of the key type (datatype.h of nftables, `enum datatypes`); of a concatenation, six bits a part.
    pub key_type: u32,
    /// `NFT_SET_*` flags (linux/netfilter/nf_tables.h).
    pub flags: u32,
}

const NFT_SET_INTERVAL: u32 = 0x4;
const NFT_SET_TIMEOUT: u32 = 0x10;
const NFT_SET_EVAL: u32 = 0x20;

impl Shape {
    /// The shape that `set` will have.
    pub fn of(set: &Set) -> Self {
        let key_type = set.key.split(" . ").fold(0, |number, part| (number << 6) | type_number(part));
        let flags = match set.kind {
            SetKind::Learned | SetKind::Recorded | SetKind::Counting => NFT_SET_EVAL | NFT_SET_TIMEOUT,
            SetKind::Statistics => NFT_SET_EVAL,
            SetKind::Static(_) => NFT_SET_INTERVAL,
        };
        Self { key_type, flags }
    }
}

/// The types that sets of ours have.
fn type_number(name: &str) -> u32 {
    match name {
        "ipv4_addr" => 7,
        "ipv6_addr" => 8,
        "inet_proto" => 12,
        "inet_service" => 13,
        "mark" => 19,
        _ => 0,
    }
}

/// A transaction, and what it does to the sets that dnsmasq fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// For `nft -f`.
    pub text: String,
    /// Lines before the first of the ruleset.
    pub offset: usize,
    /// Learned sets that will be empty though they are wanted: dnsmasq must forget its cached answers.
    pub made_anew: Vec<String>,
}

/// The transaction from `live` (`None`: there is no table) to `table`. What is in the sets of `outdated` is forgotten.
pub fn transaction(live: Option<&Live>, table: &Table, ruleset: &Ruleset, outdated: &BTreeSet<String>) -> Transaction {
    let mut text = String::new();
    let made_anew = table
        .sets
        .iter()
        .filter(|set| set.kind == SetKind::Learned)
        .filter(|set| outdated.contains(&set.name) || !is_kept(live, set))
        .map(|set| set.name.clone())
        .collect();
    if let Some(live) = live {
        clear(&mut text, live, table, outdated);
    }
    let offset = text.lines().count();
    text.push_str(&ruleset.text);
    Transaction { text, offset, made_anew }
}

/// Whether the kernel has `set` already, of the same shape.
fn is_kept(live: Option<&Live>, set: &Set) -> bool {
    live.and_then(|live| live.sets.get(&set.name)) == Some(&Shape::of(set))
}

/// Whether nothing that is in such a set outlives an apply. A limit would go on as it was made, whatever the file says now.
const fn begins_anew(kind: &SetKind) -> bool {
    matches!(kind, SetKind::Static(_) | SetKind::Counting)
}

/// Empties what stays and deletes what goes.
fn clear(text: &mut String, live: &Live, table: &Table, outdated: &BTreeSet<String>) {
    let mut line = |command: &str, name: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{command} inet {TABLE}{}{name}", if name.is_empty() { "" } else { " " });
    };
    // Rules first: they refer to everything else. This empties the chains and leaves sets as they are.
    line("flush table", "");
    for map in &live.maps {
        line("flush map", map);
    }
    let bases: BTreeMap<&str, Option<Base>> =
        table.chains.iter().map(|chain| (chain.name.as_str(), Base::of(chain))).collect();
    // One that begins elsewhere is declared again. Until the transaction is over the new one has its policy and no
    // rule, so a packet meanwhile is dropped and not let through.
    for chain in live.chains.keys().filter(|name| bases.get(name.as_str()) != Some(&live.bases.get(*name).copied())) {
        line("delete chain", chain);
    }
    let wanted: BTreeMap<&str, &Set> = table.sets.iter().map(|set| (set.name.as_str(), set)).collect();
    for (name, shape) in &live.sets {
        match wanted.get(name.as_str()).filter(|set| Shape::of(set) == *shape) {
            None => line("delete set", name),
            Some(set) if outdated.contains(name) || begins_anew(&set.kind) => line("flush set", name),
            Some(_) => {}
        }
    }
    for map in live.maps.iter().filter(|name| !table.maps.iter().any(|map| map.name == name.as_str())) {
        line("delete map", map);
    }
}

/// Where the kernel's table is not the wanted one; empty if it is.
pub fn differences(live: Option<&Live>, table: &Table) -> Vec<String> {
    let Some(live) = live else { return vec![format!("there is no table 'inet {TABLE}'")] };
    let mut differences = Vec::new();
    for chain in &table.chains {
        let wanted: Vec<&str> = chain.rules.iter().map(|rule| rule.comment.as_str()).collect();
        match live.chains.get(&chain.name) {
            None => differences.push(format!("chain '{}' is missing", chain.name)),
            Some(comments) if *comments != wanted => {
                differences.push(format!(
                    "chain '{}' has {} rules, expected {}, or others",
                    chain.name,
                    comments.len(),
                    wanted.len()
                ));
            }
            Some(_) if live.bases.get(&chain.name).copied() != Base::of(chain) => {
                differences.push(format!("chain '{}' begins at another hook or priority", chain.name));
            }
            Some(_) => {}
        }
    }
    let extra = |kind: &str, name: &str| format!("{kind} '{name}' is there and was not asked for");
    let chains: BTreeSet<&str> = table.chains.iter().map(|chain| chain.name.as_str()).collect();
    differences
        .extend(live.chains.keys().filter(|name| !chains.contains(name.as_str())).map(|name| extra("chain", name)));
    let shapes: BTreeMap<&str, Shape> = table.sets.iter().map(|set| (set.name.as_str(), Shape::of(set))).collect();
    for (name, shape) in &shapes {
        if live.sets.get(*name) != Some(shape) {
            differences.push(format!("set '{name}' is missing or of another type"));
        }
    }
    differences
        .extend(live.sets.keys().filter(|name| !shapes.contains_key(name.as_str())).map(|name| extra("set", name)));
    for map in &table.maps {
        if !live.maps.iter().any(|name| name == map.name) {
            differences.push(format!("map '{}' is missing", map.name));
        }
    }
    differences
}

/// Whether it is the table that `kernel::locked` puts in the place of ours.
pub fn is_locked(live: &Live) -> bool {
    live.chains.keys().all(|name| ["input", "output"].contains(&name.as_str()))
        && live.sets.is_empty()
        && live.maps.is_empty()
}

/// When `applied` was rendered, in seconds since the epoch, of what renders as `at_zero` at 0; `None` if nothing in it
/// tells. What lapses after a while shows it.
pub fn applied_at(at_zero: &str, applied: &str) -> Option<i64> {
    let until = |line: &str| -> Option<i64> {
        let (_, after) = line.split_once(" meta time < ")?;
        after.split(' ').next()?.parse().ok()
    };
    let moved = at_zero.lines().zip(applied.lines()).find(|(zero, then)| zero != then)?;
    until(moved.1)?.checked_sub(until(moved.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::nft::{Hook, Map, Priority};

    #[test]
    fn the_time_of_an_apply_is_found_where_a_duration_ended() {
        let rule =
            |until: i64| format!("chain app_x {{\n\tmeta nfproto ipv4 meta time < {until} accept comment \"x\"\n}}\n");
        assert_eq!(applied_at(&rule(3600), &rule(1_800_003_600)), Some(1_800_000_000));
        assert_eq!(applied_at(&rule(3600), &rule(3600)), None);
        assert_eq!(applied_at("chain app_x {\n", "chain app_y {\n"), None);
    }

    fn table(learned: &str) -> Table {
        Table {
            sets: vec![Set { name: learned.to_owned(), key: "ipv4_addr", kind: SetKind::Learned }],
            maps: vec![Map { name: "app_by_gid", types: "gid : verdict", elements: Vec::new() }],
            chains: vec![Chain::regular("refuse")],
        }
    }

    fn live(learned: &str, flags: u32) -> Live {
        Live {
            chains: ["app_old", "refuse"].map(|name| (name.to_owned(), Vec::new())).into(),
            bases: BTreeMap::new(),
            sets: BTreeMap::from([(learned.to_owned(), Shape { key_type: 7, flags })]),
            maps: vec!["app_by_gid".to_owned()],
        }
    }

    fn commands(live: Option<&Live>, table: &Table) -> Transaction {
        let ruleset = crate::render::nft::text(&Table::default());
        transaction(live, table, &ruleset, &BTreeSet::new())
    }

    #[test]
    fn a_set_that_lost_a_name_is_flushed_and_dnsmasq_told() {
        let ruleset = crate::render::nft::text(&Table::default());
        let outdated = BTreeSet::from(["app_x_dns4".to_owned()]);
        let made = transaction(Some(&live("app_x_dns4", 0x30)), &table("app_x_dns4"), &ruleset, &outdated);
        assert!(made.text.contains("flush set inet galaf app_x_dns4\n"), "{}", made.text);
        assert_eq!(made.made_anew, ["app_x_dns4"]);
    }

    #[test]
    fn a_set_that_is_still_wanted_is_neither_flushed_nor_deleted() {
        let made = commands(Some(&live("app_x_dns4", 0x30)), &table("app_x_dns4"));
        assert!(!made.text.contains("app_x_dns4"), "{}", made.text);
        assert_eq!(made.made_anew, Vec::<String>::new());
        assert!(
            made.text.starts_with(
                "flush table inet galaf\nflush map inet galaf app_by_gid\ndelete chain inet galaf app_old\n"
            )
        );
    }

    #[test]
    fn a_set_of_another_shape_is_deleted_and_dnsmasq_told() {
        let made = commands(Some(&live("app_x_dns4", 0x10)), &table("app_x_dns4"));
        assert!(made.text.contains("delete set inet galaf app_x_dns4\n"));
        assert_eq!(made.made_anew, ["app_x_dns4"]);
    }

    #[test]
    fn a_set_that_is_gone_from_the_file_is_deleted() {
        let made = commands(Some(&live("app_old_dns4", 0x30)), &table("app_x_dns4"));
        assert!(made.text.contains("delete set inet galaf app_old_dns4\n"));
        assert_eq!(made.made_anew, ["app_x_dns4"]);
    }

    #[test]
    fn a_chain_that_begins_elsewhere_is_deleted_and_one_that_does_not_is_kept() {
        let mut wanted = table("app_x_dns4");
        wanted.chains.push(Chain::dropping("output", Hook::Output, Priority::FILTER.plus(-5)));
        let mut found = live("app_x_dns4", 0x30);
        found.chains = ["output", "refuse"].map(|name| (name.to_owned(), Vec::new())).into();
        for (hook, priority, is_kept) in [(3, -5, true), (3, 0, false), (1, -5, false)] {
            found.bases = BTreeMap::from([("output".to_owned(), Base { hook, priority })]);
            let made = commands(Some(&found), &wanted);
            assert_eq!(made.text.contains("delete chain inet galaf output\n"), !is_kept, "{hook} {priority}");
            assert_eq!(differences(Some(&found), &wanted).is_empty(), is_kept, "{hook} {priority}");
        }
        found.bases.clear();
        assert!(commands(Some(&found), &wanted).text.contains("delete chain inet galaf output\n"));
        assert_eq!(differences(Some(&found), &wanted).len(), 1);
    }

    #[test]
    fn without_a_table_nothing_is_flushed() {
        let made = commands(None, &table("app_x_dns4"));
        assert!(!made.text.contains("flush") && !made.text.contains("delete"));
        assert_eq!(made.offset, 0);
    }

    #[test]
    fn what_differs_from_the_kernel_is_named() {
        let wanted = table("app_x_dns4");
        assert_eq!(differences(None, &wanted).len(), 1);
        let mut found = live("app_x_dns4", 0x30);
        assert_eq!(differences(Some(&found), &wanted), ["chain 'app_old' is there and was not asked for"]);
        found.chains = BTreeMap::from([("refuse".to_owned(), vec!["foreign".to_owned()])]);
        assert_eq!(differences(Some(&found), &wanted).len(), 1);
        found.maps.clear();
        assert_eq!(differences(Some(&found), &wanted).len(), 2);
    }
}
