//! The file's sections, and what must agree between them.

use std::collections::BTreeMap;

use super::allow::Aliases;
use super::at::At;
use super::entry::{Domains, Entry, Shared, read_group, read_user};
use super::fields::{self, Fields};
use super::problem::Report;
use super::suggest::did_you_mean;
use super::{Config, inbound, settings};
use crate::json::Node;
use crate::name::Name;

/// `$schema` is for editors.
const SECTIONS: [&str; 6] = ["config", "aliases", "inbound", "users", "groups", "$schema"];

pub(super) fn read(document: &Node, at: At<'_>, report: &mut Report) -> Config {
    let sections = Fields::of(document, at, report, &SECTIONS);
    sections.read("$schema", at, report, fields::text);
    let aliases = Aliases::read(sections.get("aliases"), at.key("aliases"), report);
    let (settings, defaults) = settings::read(sections.get("config"), &aliases, at.key("config"), report);
    let inbound = inbound::read(sections.get("inbound"), &aliases, at.key("inbound"), report);
    if settings.inbound_guard.is_some() && inbound.is_empty() {
        let at = at.key("config");
        report.notice(at.key("inbound_guard"), "guards nothing: no service is let in, see 'inbound'");
    }
    let shared = Shared { defaults, aliases };
    let users = read_entries(sections.get("users"), &shared, at.key("users"), report, read_user);
    let groups = read_entries(sections.get("groups"), &shared, at.key("groups"), report, read_group);
    let config = Config { settings, inbound, users, groups };
    check_gid_ranges(&config, at.key("groups"), report);
    check_aliases(&config, at, report);
    config
}

type ReadEntry = fn(&Node, &Shared, At<'_>, &mut Report) -> Entry;

fn read_entries(
    section: Option<&Node>,
    shared: &Shared,
    at: At<'_>,
    report: &mut Report,
    read: ReadEntry,
) -> BTreeMap<Name, Entry> {
    let Some(section) = section else { return BTreeMap::new() };
    let mut entries = BTreeMap::new();
    for (key, node) in Fields::any(section, at, report).iter() {
        let at = at.key(key);
        let entry = read(node, shared, at, report);
        match Name::new(key) {
            Ok(name) => {
                entries.insert(name, entry);
            }
            Err(error) => report.problem(at, format!("the name '{}' {error}", key.escape_debug())),
        }
    }
    entries
}

fn check_gid_ranges(config: &Config, at: At<'_>, report: &mut Report) {
    let whole = config.settings.gid_range;
    for (name, entry) in &config.groups {
        if let Some(range) = entry.gid_range
            && !(whole.contains(range.min) && whole.contains(range.max))
        {
            let at = at.key(name.as_str());
            report.problem(at.key("gid_range"), format!("{range} is not within the file's range {whole}"));
        }
    }
}

/// Every alias must end at a list.
fn check_aliases(config: &Config, at: At<'_>, report: &mut Report) {
    for (section, entries) in [("users", &config.users), ("groups", &config.groups)] {
        let at = at.key(section);
        for (name, entry) in entries {
            if let Err(message) = follow(config, &entry.domains) {
                let at = at.key(name.as_str());
                report.problem(at.key("domains"), message);
            }
        }
    }
}

fn follow(config: &Config, domains: &Domains) -> Result<(), String> {
    let mut domains = domains;
    let mut seen: Vec<&str> = Vec::new();
    while let Domains::SameAs(name) = domains {
        if seen.contains(&name.as_str()) {
            seen.push(name.as_str());
            return Err(format!("leads in a circle: {}", seen.join(" -> ")));
        }
        seen.push(name.as_str());
        let Some(entry) = config.groups.get(name).or_else(|| config.users.get(name)) else {
            let known = config.groups.keys().chain(config.users.keys()).map(Name::as_str);
            return Err(format!(
                "no entry is called '{name}'{}; names stand in a list: [\"{name}\"]",
                did_you_mean(name.as_str(), known)
            ));
        };
        domains = &entry.domains;
        if *domains == Domains::None {
            return Err(format!("the entry '{name}' has no domains"));
        }
    }
    Ok(())
}
