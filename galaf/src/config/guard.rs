//! `config.inbound_guard`: who tries many closed ports is let in nowhere for a time.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::allow::{self, Aliases, Destinations};
use super::at::At;
use super::fields::{self, Fields};
use super::problem::Report;
use super::rate::Rate;
use crate::json::Node;

/// When a source is shut out, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// How many closed ports it may touch.
    pub closed_ports: Rate,
    /// Seconds for which it is shut out.
    pub seconds: u32,
    /// Who never is.
    pub except: Destinations,
}

impl Default for Guard {
    fn default() -> Self {
        Self { closed_ports: Rate::OF_CLOSED_PORTS, seconds: 600, except: Destinations::default() }
    }
}

/// More than a few, so that a slip of the hand guards nobody; fewer than a set of touched ports has room for.
const PORTS: RangeInclusive<u32> = 2..=1000;
/// A week at most: whoever has the address next is not who scanned.
const SECONDS: RangeInclusive<i64> = 1..=604_800;

/// Reads `true`, `false` or an object.
pub(super) fn read(node: &Node, aliases: &Aliases, at: At<'_>, report: &mut Report) -> Option<Guard> {
    if !matches!(node, Node::Object(_)) {
        if let Node::Bool(on) = node {
            return on.then(Guard::default);
        }
        report.problem(at, format!("is {}, expected true, false or an object", node.kind()));
        return None;
    }
    let fields = Fields::of(node, at, report, &["closed_ports", "for", "except"]);
    let default = Guard::default();
    Some(Guard {
        closed_ports: fields
            .read("closed_ports", at, report, |node, at, report| fields::checked(node, at, report, closed_ports))
            .unwrap_or(default.closed_ports),
        seconds: fields
            .read("for", at, report, |node, at, report| fields::checked(node, at, report, seconds))
            .unwrap_or(default.seconds),
        except: fields
            .read("except", at, report, |node, at, report| {
                let except = allow::read_sources(node, aliases, "expected addresses or \"lan\"", at, report);
                if except.anywhere {
                    report.problem(at, "has \"any\": nobody would be guarded against, expected addresses or \"lan\"");
                }
                Some(except)
            })
            .unwrap_or(default.except),
    })
}

fn closed_ports(text: &str) -> Result<Rate, &'static str> {
    let rate = Rate::parse(text)?;
    if PORTS.contains(&rate.count()) { Ok(rate) } else { Err("is out of range, expected 2 to 1000 ports") }
}

fn seconds(text: &str) -> Result<u32, &'static str> {
    let duration: SignedDuration =
        text.parse().map_err(|_| "is no duration, expected one as in '90s', '10m' or '1h 30m'")?;
    let seconds = u32::try_from(duration.as_secs()).ok().filter(|seconds| SECONDS.contains(&i64::from(*seconds)));
    seconds.ok_or("is out of range, expected one second to seven days")
}

#[cfg(test)]
mod tests {
    use super::{closed_ports, seconds};

    #[test]
    fn durations_are_seconds_to_a_week() {
        for (text, expected) in [("1s", 1), ("10m", 600), ("1h 30m", 5400), ("168h", 604_800)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "10", "0s", "500ms", "-1m", "169h", "99999999999h", "for ever"] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn closed_ports_are_a_few_to_a_thousand() {
        for text in ["2/second", "20/minute", "1000/day"] {
            assert_eq!(closed_ports(text).unwrap().to_string(), text);
        }
        for text in ["1/minute", "1001/minute", "20", "twenty/minute"] {
            assert!(closed_ports(text).is_err(), "{text}");
        }
    }
}
