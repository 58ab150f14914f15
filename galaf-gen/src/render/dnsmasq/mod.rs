//! The resolver's configuration: which answers fill which sets, and who may ask what.

mod allowlist;

use std::fmt::Write;

pub use allowlist::may_ask;

use super::learned::LearnedSets;
use crate::policy::{Policy, Resolver};
use crate::resolve::Messages;

/// The configuration, or `None` without a resolver.
///
/// # Errors
/// An entry with more names than dnsmasq can tell apart.
pub fn render(policy: &Policy, learned: &LearnedSets) -> Result<Option<String>, Messages> {
    let Some(resolver) = &policy.resolver else { return Ok(None) };
    let mut text = String::new();
    server(&mut text, resolver);
    allowlist::add(&mut text, policy)?;
    text.push_str("\n# Answers are added to these sets before they are given.\n");
    learned.add_lines(&mut text);
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
         max-cache-ttl={}\n\
         no-resolv\n",
        dns.listen.port, dns.listen.address, dns.user, dns.max_cache_ttl
    );
    for upstream in &dns.upstream {
        let _ = writeln!(text, "server={upstream}");
    }
}
