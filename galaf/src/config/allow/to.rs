//! Destinations.

use std::collections::BTreeMap;

use super::Destinations;
use super::addresses::{self, Addresses, Range};
use crate::config::at::At;
use crate::config::domain;
use crate::config::fields::{self, Fields};
use crate::config::problem::Report;
use crate::config::suggest::did_you_mean;
use crate::config::{Domain, Family};
use crate::json::Node;

/// Every destination.
const ANY: &str = "any";
/// What is not routed on the Internet.
const LAN: &str = "lan";
/// Private, link-local and local multicast addresses (RFC 1918, RFC 3927, RFC 5771 section 4, RFC 4193, RFC 4291).
const LAN_RANGES: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "224.0.0.0/24",
    "255.255.255.255",
    "fc00::/7",
    "fe80::/10",
    "ff02::/16",
];

/// The top-level `aliases`: names for lists of destinations.
#[derive(Default)]
pub(crate) struct Aliases(BTreeMap<String, Destinations>);

impl Aliases {
    /// Reads the section. An alias names destinations, not other aliases.
    pub(crate) fn read(section: Option<&Node>, at: At<'_>, report: &mut Report) -> Self {
        let Some(section) = section else { return Self::default() };
        let mut aliases = BTreeMap::new();
        for (name, node) in Fields::any(section, at, report).iter() {
            let at = at.key(name);
            if name == ANY || name == LAN || name.contains(['.', ':']) || name.is_empty() {
                report
                    .problem(at, format!("'{}' cannot be an alias: it would hide a destination", name.escape_debug()));
            }
            let to = read(node, &Self::default(), at, report);
            aliases.insert(name.to_owned(), to);
        }
        Self(aliases)
    }
}

/// Reads one destination or a list of them.
pub(crate) fn read(node: &Node, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Destinations {
    let mut found = Found::default();
    if let Node::String(text) = node {
        found.add(text, aliases, at, report);
    } else {
        let added = fields::list(node, at, report, "destinations", |node, at, report| {
            let text = fields::text(node, at, report)?;
            found.add(text, aliases, at, report);
            Some(())
        });
        if added.is_some_and(|added| added.is_empty()) {
            report.problem(at, "is empty, expected at least one destination");
        }
    }
    found.merged()
}

/// Reads sources in the same way. `expected` says what of it can be one.
pub(crate) fn read_sources(
    node: &Node,
    aliases: &Aliases,
    expected: &str,
    at: At<'_>,
    report: &mut Report,
) -> Destinations {
    let sources = read(node, aliases, at, report);
    if !sources.domains.is_empty() {
        report.problem(at, format!("has a name: who sends cannot be known by name, {expected}"));
    }
    sources
}

/// Destinations that are not merged yet.
#[derive(Default)]
struct Found {
    anywhere: bool,
    domains: Vec<Domain>,
    ranges: Vec<(Family, Range)>,
    shared: Vec<(Family, Range)>,
}

impl Found {
    fn add(&mut self, text: &str, aliases: &Aliases, at: At<'_>, report: &mut Report) {
        if let Some(alias) = aliases.0.get(text) {
            self.anywhere |= alias.anywhere;
            self.domains.extend(alias.domains.iter().cloned());
            self.shared.extend(alias.addresses.iter().chain(&alias.shared).flat_map(Addresses::tagged));
            return;
        }
        match text {
            ANY => self.anywhere = true,
            LAN => self.shared.extend(LAN_RANGES.iter().filter_map(|range| addresses::parse(range).ok())),
            _ if looks_like_an_address(text) => match addresses::parse(text) {
                Ok(range) => self.ranges.push(range),
                Err(error) => report.problem(at, format!("'{}' {error}", text.escape_debug())),
            },
            _ => match Domain::new(text) {
                Ok(domain) => {
                    domain::tell_ascii_form(text, &domain, at, report);
                    self.domains.push(domain);
                }
                Err(error) => {
                    let known = aliases.0.keys().map(String::as_str).chain([ANY, LAN]);
                    let hint = did_you_mean(text, known);
                    report.problem(at, format!("'{}' {error}{hint}", text.escape_debug()));
                }
            },
        }
    }

    fn merged(mut self) -> Destinations {
        self.domains.sort();
        self.domains.dedup();
        Destinations {
            anywhere: self.anywhere,
            domains: self.domains,
            addresses: by_family(&self.ranges),
            shared: by_family(&self.shared),
        }
    }
}

fn by_family(ranges: &[(Family, Range)]) -> Vec<Addresses> {
    let of = |family| {
        let ranges = ranges.iter().filter(|(other, _)| *other == family).map(|(_, range)| *range);
        Addresses::merge(family, ranges.collect())
    };
    Family::ALL.into_iter().map(of).filter(|addresses| !addresses.is_empty()).collect()
}

/// Whatever no name can be: with a colon, a slash, or digits and dots only.
fn looks_like_an_address(text: &str) -> bool {
    text.contains([':', '/']) || !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
}
