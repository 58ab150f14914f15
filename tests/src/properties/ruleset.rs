//! What is made of whole files, as nft and dnsmasq read it.

use std::collections::BTreeMap;

use galaf::config::Part;
use galaf::paths::TABLE;
use galaf_gen::judge::{Judgement, judge};
use galaf_gen::policy::{Place, Policy, With};
use galaf_gen::render::nft::{ChainKind, Origin, Rule, Table};
use serde_json::Value;

use super::artifacts::assert_contained;
use super::files::made;
use super::kernel::{assert_dnsmasq_takes, load, loaded};

/// What decides about a packet, in nft's JSON.
const VERDICTS: [&str; 9] = ["accept", "continue", "drop", "goto", "jump", "queue", "reject", "return", "vmap"];
/// A comment is cut between characters, the longest of which has 4 bytes.
const SHORTEST_CUT: usize = 128 - 3;

/// Whatever is made of a good `document`, nft and dnsmasq take, and the kernel has the table that was meant and nothing beside it. Only the
/// administrator's own nftables text may be refused. Whether it is a good one.
///
/// Only for a thread that has [entered](super::enter) a network of its own.
pub fn ruleset(document: &Value) -> bool {
    let parts = [Part { name: "document".to_owned(), text: document.to_string() }];
    let Some((input, artifacts)) = made(&parts) else { return false };
    assert_contained(&input.policy, &artifacts);
    match load(&artifacts.ruleset.text) {
        Ok(_) => match loaded() {
            Some(loaded) => assert_is(&artifacts.table, &loaded),
            None => assert!(matches!(judge(&artifacts.ruleset), Ok(Judgement::Bad(_))), "{document:#}"),
        },
        Err(complaint) => {
            let origins = &artifacts.ruleset.origins;
            let is_text = |line| origins.get(line).is_some_and(|origin| has_text(&input.policy, origin));
            assert!(refused_lines(&complaint).iter().any(is_text), "{complaint}\n{document:#}");
        }
    }
    artifacts.dnsmasq.iter().for_each(|text| assert_dnsmasq_takes(text));
    true
}

/// The lines that nft complains of: `/dev/stdin:LINE:COLUMNS: Error: WHAT`.
pub(super) fn refused_lines(complaint: &str) -> Vec<usize> {
    let place = |line: &str| line.split_once(": Error: ").map(|(place, _)| place.to_owned());
    complaint.lines().filter_map(place).filter_map(|place| place.split(':').nth(1)?.parse().ok()).collect()
}

fn has_text(policy: &Policy, origin: &Origin) -> bool {
    let of_origin =
        policy.subjects().filter(|subject| subject.id == origin.subject).flat_map(|subject| &subject.grants);
    origin.place == Place::Rule
        && of_origin.into_iter().any(|grant| {
            grant.place == Place::Rule && matches!(&grant.with, With::Text(text) if !text.as_str().is_empty())
        })
}

/// Panics unless `loaded` is `table`, rule by rule.
pub(super) fn assert_is(table: &Table, loaded: &[Value]) {
    let mut tables = Vec::new();
    let (mut sets, mut maps) = (Vec::new(), Vec::new());
    let mut chains: BTreeMap<&str, (bool, Vec<&Value>)> = BTreeMap::new();
    for object in loaded {
        let Some((kind, body)) = object.as_object().and_then(|object| object.iter().next()) else {
            panic!("no object: {object}");
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(text("family"), "inet", "{object}");
        match kind.as_str() {
            "table" => tables.push(text("name")),
            "set" => sets.push(text("name")),
            "map" => maps.push(text("name")),
            "chain" => drop(chains.insert(text("name"), (text("policy") == "drop", Vec::new()))),
            "rule" => chains.entry(text("chain")).or_default().1.push(body),
            _ => panic!("galaf makes no such thing: {object}"),
        }
    }
    assert_eq!(tables, [TABLE]);
    assert_same_names(sets, table.sets.iter().map(|set| set.name.as_str()));
    assert_same_names(maps, table.maps.iter().map(|map| map.name));
    assert_same_names(chains.keys().copied().collect(), table.chains.iter().map(|chain| chain.name.as_str()));
    for chain in &table.chains {
        let (drops, rules) = &chains[chain.name.as_str()];
        assert_eq!(*drops, matches!(chain.kind, ChainKind::Base { drops: true, .. }), "{}", chain.name);
        assert_eq!(rules.len(), chain.rules.len(), "{}: {rules:#?}", chain.name);
        chain.rules.iter().zip(rules).for_each(|(rule, loaded)| assert_is_rule(rule, loaded));
    }
}

fn assert_same_names<'a>(mut found: Vec<&'a str>, expected: impl Iterator<Item = &'a str>) {
    let mut expected: Vec<&str> = expected.collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

/// Its comment whole, and its verdict at the end and nowhere else.
fn assert_is_rule(rule: &Rule, loaded: &Value) {
    let comment = loaded.get("comment").and_then(Value::as_str).unwrap_or_default();
    let is_cut = comment.len() >= SHORTEST_CUT && rule.comment.starts_with(comment);
    assert!(comment == rule.comment || is_cut, "{rule:?}: {loaded}");
    let Some(parts) = loaded.get("expr").and_then(Value::as_array) else { panic!("no rule: {loaded}") };
    let verdict = |part: &Value| VERDICTS.iter().find_map(|verdict| Some((*verdict, part.get(verdict)?.clone())));
    let verdicts: Vec<(usize, (&str, Value))> =
        parts.iter().enumerate().filter_map(|(at, part)| Some((at, verdict(part)?))).collect();
    let end = expected_end(&rule.text);
    match (verdicts.as_slice(), end) {
        ([], None) => {}
        ([(at, (verdict, value))], Some((expected, target))) => {
            assert!(*at + 1 == parts.len() && *verdict == expected, "{rule:?}: {loaded}");
            let found = value.get("target").and_then(Value::as_str);
            assert_eq!(found, target, "{rule:?}: {loaded}");
        }
        _ => panic!("{rule:?}: {loaded}"),
    }
}

/// The verdict that a rule's text ends with, and where a jump leads.
fn expected_end(text: &str) -> Option<(&'static str, Option<&str>)> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [.., "accept"] => Some(("accept", None)),
        [.., "drop"] => Some(("drop", None)),
        [.., "jump", target] => Some(("jump", Some(target))),
        [.., "vmap", _] => Some(("vmap", None)),
        _ if text.contains("reject with ") => Some(("reject", None)),
        _ => None,
    }
}
