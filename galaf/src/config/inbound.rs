//! The top-level `inbound`: services of this machine that others may reach.

use super::allow::{self, Aliases, Destinations, Protocol};
use super::at::At;
use super::fields::{self, Fields};
use super::problem::Report;
use super::rate::Rate;
use crate::json::Node;
use crate::name::Name;

/// A service that may be reached from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// What people call it.
    pub service: Name,
    /// From where; never by name.
    pub from: Destinations,
    /// What is let in; not empty.
    pub protocols: Vec<Protocol>,
    /// The user or group that its connections are counted for.
    pub mark: Option<Name>,
    /// How many connections may begin.
    pub limit: Option<Rate>,
    /// For whoever reads the rules.
    pub comment: Option<String>,
}

const KEYS: [&str; 8] = ["service", "from", "tcp", "udp", "icmp", "mark", "limit", "comment"];

/// Reads the section.
pub(super) fn read(section: Option<&Node>, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Vec<Inbound> {
    let Some(section) = section else { return Vec::new() };
    fields::list(section, at, report, "services", |node, at, report| item(node, aliases, at, report))
        .unwrap_or_default()
}

fn item(node: &Node, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Option<Inbound> {
    let fields = Fields::of(node, at, report, &KEYS);
    if !matches!(node, Node::Object(_)) {
        return None;
    }
    let name = |node: &Node, at: At<'_>, report: &mut Report| fields::checked(node, at, report, Name::new);
    if fields.get("service").is_none() {
        report.problem(at, "has no 'service', expected what people call it, as in \"ssh\"");
    }
    let from = fields.read("from", at, report, |node, at, report| {
        Some(allow::read_sources(node, aliases, "expected addresses, \"lan\" or \"any\"", at, report))
    });
    if from.is_none() {
        report.problem(at, "has no 'from', expected addresses, \"lan\" or \"any\"");
    }
    let protocols = allow::read_protocols(&fields, at, report);
    if ["tcp", "udp", "icmp"].iter().all(|key| fields.get(key).is_none()) {
        report.problem(at, "has neither 'tcp' nor 'udp' nor 'icmp'");
    }
    let mark = fields.read("mark", at, report, name);
    let limit = fields.read("limit", at, report, |node, at, report| fields::checked(node, at, report, Rate::parse));
    let comment = allow::read_comment(&fields, at, report);
    let service = fields.read("service", at, report, name)?;
    Some(Inbound { service, from: from?, protocols, mark, limit, comment })
}
