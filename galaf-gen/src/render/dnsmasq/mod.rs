//! The resolver's configuration: which answers fill which sets, and who may ask what.

mod allowlist;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use galaf::config::{Domain, Family};
use galaf::json::JsonPath;
use galaf::paths::TABLE;

use super::nft::names;
use crate::policy::{Policy, Resolver, Subject};
use crate::resolve::Messages;

/// dnsmasq reads lines into a buffer of MAXDNAME (1025) bytes and calls a longer one a bad option.
const MAX_LINE: usize = 1000;
/// An answer that is cached longer than its address is in the set would be an answer that leads nowhere.
const MAX_CACHE_SECONDS: u32 = 3600;

/// The configuration, or `None` without a resolver.
///
/// # Errors
/// A domain that so many entries name that their sets do not fit one line.
pub fn render(policy: &Policy) -> Result<Option<String>, Messages> {
    let Some(resolver) = &policy.resolver else { return Ok(None) };
    let mut text = String::new();
    server(&mut text, resolver);
    allowlist::add(&mut text, policy)?;
    learned_sets(&mut text, policy)?;
    Ok(Some(text))
}

fn server(text: &mut String, resolver: &Resolver) {
    let dns = &resolver.dns;
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "# Made by galaf-gen from galaf.json; the next 'galaf-gen apply' overwrites it.\n\
         port={}\n\
         listen-address={}\n\
         bind-interfaces\n\
         user={}\n\
         max-cache-ttl={MAX_CACHE_SECONDS}\n\
         no-resolv\n",
        dns.listen.port, dns.listen.address, dns.user
    );
    for upstream in &dns.upstream {
        let _ = writeln!(text, "server={upstream}");
    }
}

/// One line a name, because dnsmasq uses the line of the longest name that matches and no other:
/// a name's line therefore carries the sets of its parents too.
fn learned_sets(text: &mut String, policy: &Policy) -> Result<(), Messages> {
    let mut own: BTreeMap<Domain, BTreeSet<(Family, String)>> = BTreeMap::new();
    for subject in policy.subjects() {
        for grant in &subject.grants {
            let set = (grant.family, names::learned_set(subject, grant));
            for domain in grant.to.names() {
                own.entry(domain.clone()).or_default().insert(set.clone());
            }
        }
    }
    text.push_str("\n# Answers are added to these sets before they are given.\n");
    let mut problems = Vec::new();
    for domain in own.keys() {
        let inherited =
            std::iter::once(domain.as_str()).chain(domain.parents()).filter_map(|name| own.get(name)).flatten();
        let sets: BTreeSet<&(Family, String)> = inherited.collect();
        let sets: Vec<String> =
            sets.iter().map(|(family, set)| format!("{}#inet#{TABLE}#{set}", family.number())).collect();
        let line = format!("nftset=/{domain}/{}", sets.join(","));
        if line.len() > MAX_LINE {
            problems.push(too_many(policy, domain, line.len()));
            continue;
        }
        text.push_str(&line);
        text.push('\n');
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn too_many(policy: &Policy, domain: &Domain, length: usize) -> (JsonPath, String) {
    let sharing: Vec<&Subject> = policy.subjects().filter(|subject| subject.domains().contains(domain)).collect();
    let names: Vec<&str> = sharing.iter().map(|subject| subject.name.as_str()).collect();
    let at = sharing
        .last()
        .map_or_else(JsonPath::root, |subject| JsonPath::root().key(subject.id.section()).key(subject.name.as_str()));
    (
        at,
        format!(
            "the name '{domain}' and its parents fill so many sets that dnsmasq's line has {length} of at most {MAX_LINE} characters; entries with it: {}",
            names.join(", ")
        ),
    )
}
