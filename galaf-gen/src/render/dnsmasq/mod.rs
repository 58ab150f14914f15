//! The resolver's configuration: which answers fill which sets, and who may ask what.

mod allowlist;

use std::fmt::Write;

pub use allowlist::may_ask;
use galaf::config::Instance;

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
    text.push_str("# Made by galaf-gen from galaf.json; the next 'galaf-gen apply' overwrites it.\n");
    // Writing to a String cannot fail.
    let _ = match dns.instance {
        Instance::Own => {
            write!(text, "port={}\nlisten-address={}\nbind-interfaces\n", dns.listen.port, dns.listen.address)
        }
        Instance::NetworkManager => {
            writeln!(
                text,
                "# What is commented out is NetworkManager's to say. The rules let the resolver ask these servers only."
            )
        }
    };
    let _ = write!(text, "user={}\nmax-cache-ttl={}\n", dns.user, dns.max_cache_ttl);
    // NetworkManager gives it as an option, and the servers while it runs.
    let comment = if dns.instance == Instance::Own { "" } else { "# " };
    let _ = writeln!(text, "{comment}no-resolv");
    for upstream in &dns.upstream {
        let _ = writeln!(text, "{comment}server={upstream}");
    }
}
