//! The rule of one grant or denial.

use galaf::config::Ports;

use super::table::{Origin, Rule, Set, SetKind};
use super::{names, words};
use crate::policy::{Grant, Place, Subject, To, With};

/// How long an address stays granted or denied after it was last an answer or a destination.
pub(super) const LEARNED_TIMEOUT: &str = "1d";
/// What one rule may write to the log: whoever can open connections must not be able to fill the disk.
const LOG_LIMIT: &str = "limit rate 10/second burst 20 packets";

/// What matches `grant`, of one by name for the addresses in the set `learned`, then `verdict`; after a rule that logs if it is to be; the sets they need are added to `sets`.
pub(super) fn rules(
    subject: &Subject,
    grant: &Grant,
    learned: Option<&str>,
    verdict: &str,
    sets: &mut Vec<Set>,
) -> Vec<Rule> {
    // The family is named even where another match implies it: a condition like `tcp dport 443` does not,
    // and in a table of family inet would speak for IPv6 too.
    let mut parts = vec![format!("meta nfproto {}", words::nfproto(grant.family))];
    if let Some(until) = grant.until {
        // The kernel's clock decides, so the grant lapses with nothing running, and after a suspend too.
        parts.push(format!("meta time < {until}"));
    }
    let daddr = words::daddr(grant.family);
    parts.extend(learned.map(|set| format!("{daddr} @{set}")));
    if let To::Addresses(addresses) = &grant.to {
        let name = names::address_set(subject, grant);
        parts.push(member(daddr, addresses.elements(), name, words::address_type(grant.family), sets));
    }
    parts.extend(with(subject, grant, sets));
    let rule = |text: String, comment: String| Rule {
        text,
        comment,
        origin: Some(Origin {
            subject: subject.id,
            name: subject.name.to_string(),
            place: grant.place,
            family: grant.family,
        }),
    };
    let comment = comment(subject, grant);
    // Alone in its rule: with the limit reached it ends the rule, and must not end a verdict with it.
    let log = grant.log.then(|| {
        let does = if matches!(grant.place, Place::Deny(_)) { "denied" } else { "allowed" };
        let statement = format!("log prefix \"galaf {} {does}: \" level info", subject.name);
        let text = format!("{} ct state new {LOG_LIMIT} {statement}", parts.join(" "));
        rule(text, format!("{}: log", subject.name))
    });
    // The element is there, so the update only renews its timeout; it cannot fail and take the verdict with it.
    parts.extend(learned.map(|set| format!("update @{set} {{ {daddr} timeout {LEARNED_TIMEOUT} }}")));
    parts.push(verdict.to_owned());
    log.into_iter().chain([rule(parts.join(" "), comment)]).collect()
}

fn with(subject: &Subject, grant: &Grant, sets: &mut Vec<Set>) -> Option<String> {
    let ports = |protocol: &str, ports: &Option<Ports>, sets: &mut Vec<Set>| match ports {
        None => format!("meta l4proto {protocol}"),
        Some(ports) => {
            let name = names::port_set(subject, grant, protocol);
            member(&format!("{protocol} dport"), ports.elements(), name, "inet_service", sets)
        }
    };
    match &grant.with {
        With::Everything => None,
        With::Text(text) => (!text.as_str().is_empty()).then(|| text.as_str().to_owned()),
        With::Tcp(list) => Some(ports("tcp", list, sets)),
        With::Udp(list) => Some(ports("udp", list, sets)),
        With::Icmp => Some(words::echo_request(grant.family).to_owned()),
    }
}

/// A match against elements: the one itself, or a named set of several. An anonymous set would be gone for a packet that
/// is on its way through the old rules while new ones come.
pub(super) fn member(
    field: &str,
    elements: Vec<String>,
    name: String,
    key: &'static str,
    sets: &mut Vec<Set>,
) -> String {
    if let [element] = elements.as_slice() {
        return format!("{field} {element}");
    }
    let text = format!("{field} @{name}");
    sets.push(Set { name, key, kind: SetKind::Static(elements) });
    text
}

fn comment(subject: &Subject, grant: &Grant) -> String {
    let by = match (&grant.to, grant.place) {
        (To::Names(_), _) => "by name",
        (To::Addresses(_), _) => "by address",
        (To::Anywhere, Place::Rule) => "by rule",
        (To::Anywhere, Place::Allow(_) | Place::Deny(_)) => "to any address",
    };
    let denied = if matches!(grant.place, Place::Deny(_)) { "denied, " } else { "" };
    let text = grant.comment.iter().map(|comment| format!(", {comment}"));
    format!("{}: {denied}{} {by}{}", subject.name, grant.family, text.collect::<String>())
}
