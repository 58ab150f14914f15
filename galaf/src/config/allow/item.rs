//! One grant or denial.

use super::{Aliases, Destinations, Port, Protocol, Scope, Until, ports, to};
use crate::config::at::At;
use crate::config::fields::{self, Fields};
use crate::config::problem::Report;
use crate::json::Node;

const KEYS: [&str; 7] = ["to", "tcp", "udp", "icmp", "log", "comment", "until"];

/// Reads an entry's `allow` or `deny`; `noun` is what its items are called.
pub(crate) fn read(node: &Node, noun: &str, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Option<Vec<Scope>> {
    let what = format!("{noun}s");
    let items = fields::list(node, at, report, &what, |node, at, report| Some(item(node, aliases, at, report)))?;
    if items.is_empty() {
        report.problem(at, format!("is empty, expected at least one {noun}"));
    }
    Some(items)
}

fn item(node: &Node, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Scope {
    let fields = Fields::of(node, at, report, &KEYS);
    if fields.get("to").is_none() {
        report.problem(at, "has no 'to', expected names, addresses, \"lan\" or \"any\"");
    }
    let to: Destinations =
        fields.get("to").map(|node| to::read(node, aliases, at.key("to"), report)).unwrap_or_default();
    let protocols = read_protocols(&fields, at, report);
    Scope {
        to,
        protocols,
        log: fields.read("log", at, report, fields::boolean).unwrap_or(false),
        comment: read_comment(&fields, at, report),
        until: fields.read("until", at, report, |node, at, report| fields::checked(node, at, report, Until::parse)),
    }
}

/// The keys `tcp`, `udp` and `icmp`.
pub(crate) fn read_protocols(fields: &Fields<'_>, at: At<'_>, report: &mut Report) -> Vec<Protocol> {
    let mut protocols = Vec::new();
    protocols.extend(fields.read("tcp", at, report, read_ports).map(Protocol::Tcp));
    protocols.extend(fields.read("udp", at, report, read_ports).map(Protocol::Udp));
    match fields.read("icmp", at, report, fields::boolean) {
        Some(true) => protocols.push(Protocol::Icmp),
        // Alone, it would leave no protocol named, which is every protocol.
        Some(false) => report.problem(at.key("icmp"), "is false, expected true or nothing"),
        None => {}
    }
    protocols
}

/// The key `comment`.
pub(crate) fn read_comment(fields: &Fields<'_>, at: At<'_>, report: &mut Report) -> Option<String> {
    fields.read("comment", at, report, |node, at, report| fields::checked(node, at, report, comment))
}

/// One port or a list of them; `true` is every port.
fn read_ports(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<Port>> {
    match node {
        Node::Bool(true) => Some(Vec::new()),
        Node::Array(items) => {
            if items.is_empty() {
                report.problem(at, "is empty, expected ports, or true for every port");
            }
            fields::list(node, at, report, "ports", read_port)
        }
        _ => read_port(node, at, report).map(|port| vec![port]),
    }
}

fn read_port(node: &Node, at: At<'_>, report: &mut Report) -> Option<Port> {
    let single = |port| Port::Range(port, port);
    let read = |text: &str| match ports::range(text) {
        Some(range) => range.map(|(first, last)| Port::Range(first, last)),
        None if is_service(text) => Ok(Port::Service(text.to_owned())),
        None => ports::number(text).map(single),
    };
    if let Node::Number(number) = node {
        let port = ports::number(&number.to_string());
        return port.map(single).map_err(|error| report.problem(at, format!("{number} {error}"))).ok();
    }
    fields::checked(node, at, report, read)
}

/// RFC 6335 section 5.1: letters, digits and hyphens, with at least one letter. Some names have dots and underscores.
fn is_service(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

/// nft has no escapes in comments.
fn comment(text: &str) -> Result<String, &'static str> {
    if text.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
        return Err("has a quotation mark, backslash or control character, which no comment of nftables can have");
    }
    Ok(text.to_owned())
}
