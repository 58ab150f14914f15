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
        let is_filter = rules[0].contains(" priority filter") && rules[0].ends_with("; policy drop;");
        assert!(is_filter, "{name}: {chain} does not drop: {}", rules[0]);
        for rule in &rules[1..] {
            assert_ne!(without_comment(rule), "accept", "{name}: {chain} lets everything through");
        }
    }
    // Only a folder that says so in its name lets anybody through.
    let end = if name.contains("audit-everything") { "counter jump audit" } else { "counter jump refuse" };
    assert_eq!(chains["output"].last().map(|rule| without_comment(rule)), Some(end), "{name}");
    assert_eq!(chains.contains_key("audit"), name.contains("audit"), "{name}");
    for (chain, rules) in &chains {
        if chain.starts_with("app_") || chain.starts_with("user_") {
            rules.iter().for_each(|rule| speaks_for_one_family(name, chain, chain, "accept", rule));
        } else if let Some(subject) = chain.strip_prefix("deny_") {
            rules.iter().for_each(|rule| speaks_for_one_family(name, chain, subject, denial(text, chain), rule));
        }
    }
    denials_stand_before_grants(name, &chains["output"]);
    every_map_element_leads_to_its_own_chain(name, text, &chains);
}

fn one_table_and_nothing_before_it(name: &str, text: &str) {
    let top: Vec<&str> = text.lines().filter(|line| !line.starts_with(['\t', '#', '}']) && !line.is_empty()).collect();
    assert_eq!(top, ["table inet galaf {"], "{name}");
}

/// How the rules of a chain of denials end.
fn denial(text: &str, chain: &str) -> &'static str {
    let element = format!(" : jump {chain},");
    let is_in = |map: &str| {
        let body = text.split_once(&format!("map {map} {{")).and_then(|(_, rest)| rest.split_once("\n\t}"));
        body.is_some_and(|(body, _)| body.contains(&element))
    };
    if is_in("audited_by_gid") || is_in("audited_by_uid") { "jump audit" } else { "jump refuse" }
}

/// A table of family inet asks IPv4's rules about IPv6 packets too.
fn speaks_for_one_family(name: &str, chain: &str, subject: &str, verdict: &str, rule: &str) {
    let (own, foreign) = if rule.starts_with("meta nfproto ipv4 ") {
        (["ip daddr", "_dns4"], ["ip6 ", "_dns6"])
    } else {
        assert!(rule.starts_with("meta nfproto ipv6 "), "{name}: {chain} names no family first: {rule}");
        (["ip6 daddr", "_dns6"], ["ip daddr", "_dns4"])
    };
    let rule = without_comment(rule);
    let logs = rule.contains(" limit rate ") && rule.ends_with(": \" level info");
    assert!(logs || rule.ends_with(&format!(" {verdict}")), "{name}: {chain}: {rule}");
    assert!(!foreign.iter().any(|word| rule.contains(word)), "{name}: {chain} speaks for two families: {rule}");
    let suffixes: &[&str] = if own[1] == "_dns4" { &["_dns4", "_net4"] } else { &["_dns6", "_net6"] };
    for set in sets(rule) {
        // One that entries have in common, called after a name, of the rule's family.
        if set.starts_with(&format!("{}_", &own[1][1..])) {
            assert!(rule.contains(&format!(" {} @{set} ", own[0])), "{name}: {chain} does not ask '{set}': {rule}");
            continue;
        }
        // `x`, or `allow3_x` and `deny3_x` for one of its structured grants and denials.
        let item = if chain == subject { "allow" } else { "deny" };
        let place = set.strip_prefix(item).map_or(set, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        let kind = place.strip_prefix('_').unwrap_or(place).strip_prefix(subject);
        let kind = kind.unwrap_or_else(|| panic!("{name}: {chain} uses another's set: {rule}"));
        assert!(suffixes.contains(&kind) || ["_tcp", "_udp"].contains(&kind), "{name}: {chain} uses '{set}': {rule}");
        // Whoever has names is let through to addresses learned for it, and to no others.
        let is_asked = rule.contains(&format!(" {} @{set} ", own[0])) || rule.contains(&format!(" dport @{set} "));
        assert!(is_asked, "{name}: {chain} does not ask '{set}': {rule}");
    }
}

/// A grant of another entry would otherwise open what one denies.
fn denials_stand_before_grants(name: &str, output: &[&str]) {
    let at = |map: &str| output.iter().position(|rule| without_comment(rule).ends_with(&format!(" vmap @{map}")));
    let first_grant = at("app_by_gid").min(at("user_by_uid"));
    let last_denial = at("denied_by_gid").max(at("denied_by_uid"));
    let audited = [at("audited_by_gid"), at("audited_by_uid")];
    assert!(first_grant.is_some() && last_denial < first_grant, "{name}");
    assert!(audited.into_iter().flatten().all(|at| Some(at) > last_denial && Some(at) < first_grant), "{name}");
}

/// Names behind `@`, but for raw payload.
fn sets(rule: &str) -> impl Iterator<Item = &str> {
    let behind = rule.split('@').skip(1).filter(|rest| !["th,", "nh,", "ih,"].iter().any(|raw| rest.starts_with(raw)));
    behind.filter_map(|rest| rest.split(' ').next())
}

/// No id leads to a chain that is not there, no chain is led to by nobody, and an application's never by a uid.
fn every_map_element_leads_to_its_own_chain(name: &str, text: &str, chains: &BTreeMap<&str, Vec<&str>>) {
    let maps = [
        ("app_by_gid", "app_"),
        ("user_by_uid", "user_"),
        ("denied_by_gid", "deny_app_"),
        ("denied_by_uid", "deny_user_"),
    ];
    let elements = |map: &str| {
        let body = text.split_once(&format!("map {map} {{")).map_or("", |(_, body)| body);
        body.split_once("\n\t}").map_or("", |(body, _)| body).lines()
    };
    for (map, prefix) in maps {
        assert!(elements(map).next().is_some() || map.starts_with("denied"), "{name}: no map {map}");
        let audited = map.replace("denied", "audited");
        let targets: BTreeSet<&str> = elements(map)
            .chain(elements(&audited).filter(|_| audited != map))
            .filter_map(|line| line.split_once(" : jump "))
            .map(|(_, chain)| chain.trim_end_matches(','))
            .collect();
        let ours: BTreeSet<&str> = chains.keys().copied().filter(|chain| chain.starts_with(prefix)).collect();
        assert_eq!(targets, ours, "{name}: {map}");
    }
}
