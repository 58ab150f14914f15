//! The top-level `inbound`: services of this machine that others may reach.

use std::fmt;

use super::allow::{self, Aliases, Destinations, Protocol};
use super::at::At;
use super::fields::{self, Fields};
use super::problem::Report;
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

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    unit: &'static str,
}

impl Rate {
    /// What pings are answered at if the file does not say it.
    pub const OF_PINGS: Self = Self { count: 10, unit: "second" };

    /// Reads `10/second`.
    ///
    /// # Errors
    /// What is expected.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "is no rate, expected a number and a time, as in '10/second', '3/minute', '100/hour'";
        let (count, unit) = text.split_once('/').ok_or(EXPECTED)?;
        let unit = ["second", "minute", "hour", "day"].into_iter().find(|known| *known == unit).ok_or(EXPECTED)?;
        let count = count.parse().ok().filter(|count| (1..=1_000_000).contains(count)).ok_or(EXPECTED)?;
        Ok(Self { count, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
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
        let from = allow::read_destinations(node, aliases, at, report);
        if !from.domains.is_empty() {
            report.problem(at, "has a name: who sends cannot be known by name, expected addresses, \"lan\" or \"any\"");
        }
        Some(from)
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

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for text in ["1/second", "10/minute", "100/hour", "1000000/day"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "10", "0/second", "-1/second", "1000001/second", "10/seconds", "10 /second", "10/"] {
            assert!(Rate::parse(text).is_err(), "{text:?}");
        }
    }
}
