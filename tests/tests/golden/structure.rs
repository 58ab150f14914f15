//! What must hold for any ruleset, so that an expected file that somebody updated without reading is not the only guard.

use std::collections::{BTreeMap, BTreeSet};

/// Rules and policy by chain, as the text of a ruleset has them.
fn chains(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut chains: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            current = Some(name);
            chains.insert(name, Vec::new());
        } else if line == "}" {
            current = None;
        } else if let Some(rules) = current.and_then(|name| chains.get_mut(name)) {
            rules.push(line);
        }
    }
    chains
}

fn without_comment(rule: &str) -> &str {
    rule.split(" comment \"").next().unwrap()
}

/// Panics if `text` could let anybody out who was not granted it, or touch a table that is not galaf's.
pub(crate) fn assert_closed(name: &str, text: &str) {
    let chains = chains(text);
    one_table_and_nothing_before_it(name, text);
    for chain in ["output", "input"] {
        let rules = &chains[chain];
        assert!(rules[0].ends_with("priority filter; policy drop;"), "{name}: {chain} does not drop: {}", rules[0]);
        for rule in &rules[1..] {
            assert_ne!(without_comment(rule), "accept", "{name}: {chain} lets everything through");
        }
    }
    assert_eq!(chains["output"].last().map(|rule| without_comment(rule)), Some("counter jump refuse"), "{name}");
    for (chain, rules) in &chains {
        if chain.starts_with("app_") || chain.starts_with("user_") {
            rules.iter().for_each(|rule| speaks_for_one_family(name, chain, rule));
        }
    }
    every_map_element_leads_to_its_own_chain(name, text, &chains);
}

fn one_table_and_nothing_before_it(name: &str, text: &str) {
    let top: Vec<&str> = text.lines().filter(|line| !line.starts_with(['\t', '#', '}']) && !line.is_empty()).collect();
    assert_eq!(top, ["table inet galaf {"], "{name}");
}

/// A table of family inet asks IPv4's rules about IPv6 packets too.
fn speaks_for_one_family(name: &str, chain: &str, rule: &str) {
    let (own, foreign) = if rule.starts_with("meta nfproto ipv4 ") {
        (["ip daddr", "_dns4"], ["ip6 ", "_dns6"])
    } else {
        assert!(rule.starts_with("meta nfproto ipv6 "), "{name}: {chain} names no family first: {rule}");
        (["ip6 daddr", "_dns6"], ["ip daddr", "_dns4"])
    };
    let rule = without_comment(rule);
    assert!(rule.ends_with(" accept"), "{name}: {chain}: {rule}");
    assert!(!foreign.iter().any(|word| rule.contains(word)), "{name}: {chain} speaks for two families: {rule}");
    let suffixes: &[&str] = if own[1] == "_dns4" { &["_dns4", "_net4"] } else { &["_dns6", "_net6"] };
    for set in sets(rule) {
        // One that entries have in common, called after a name, of the rule's family.
        if set.starts_with(&format!("{}_", &own[1][1..])) {
            assert!(rule.contains(&format!(" {} @{set} ", own[0])), "{name}: {chain} does not ask '{set}': {rule}");
            continue;
        }
        // `x`, or `allow3_x` for one of its structured grants.
        let place = set.strip_prefix("allow").map_or(set, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        let kind = place.strip_prefix('_').unwrap_or(place).strip_prefix(chain);
        let kind = kind.unwrap_or_else(|| panic!("{name}: {chain} uses another's set: {rule}"));
        assert!(suffixes.contains(&kind) || ["_tcp", "_udp"].contains(&kind), "{name}: {chain} uses '{set}': {rule}");
        // Whoever has names is let through to addresses learned for it, and to no others.
        let is_asked = rule.contains(&format!(" {} @{set} ", own[0])) || rule.contains(&format!(" dport @{set} "));
        assert!(is_asked, "{name}: {chain} does not ask '{set}': {rule}");
    }
}

/// Names behind `@`, but for raw payload.
fn sets(rule: &str) -> impl Iterator<Item = &str> {
    let behind = rule.split('@').skip(1).filter(|rest| !["th,", "nh,", "ih,"].iter().any(|raw| rest.starts_with(raw)));
    behind.filter_map(|rest| rest.split(' ').next())
}

/// No id leads to a chain that is not there, no chain is led to by nobody, and an application's never by a uid.
fn every_map_element_leads_to_its_own_chain(name: &str, text: &str, chains: &BTreeMap<&str, Vec<&str>>) {
    for (map, prefix) in [("app_by_gid", "app_"), ("user_by_uid", "user_")] {
        let body = text.split_once(&format!("map {map} {{")).unwrap_or_else(|| panic!("{name}: no map {map}")).1;
        let body = body.split_once("\n\t}").unwrap().0;
        let targets: BTreeSet<&str> = body
            .lines()
            .filter_map(|line| line.split_once(" : jump "))
            .map(|(_, chain)| chain.trim_end_matches(','))
            .collect();
        let ours: BTreeSet<&str> = chains.keys().copied().filter(|chain| chain.starts_with(prefix)).collect();
        assert_eq!(targets, ours, "{name}: {map}");
    }
}
