//! ICMP sockets without privileges: icmp(7) lets groups of net.ipv4.ping_group_range open them, for IPv6 too.
//!
//! The range only ever grows. It decides who may open such a socket, not what the firewall lets through.

use std::fmt;
use std::path::Path;

use anyhow::{Result, anyhow};
use galaf::id::GroupId;
use galaf::trust::text_of;

use super::files;
use crate::policy::{Application, Policy, With};

const RANGE: &str = "/proc/sys/net/ipv4/ping_group_range";
/// What sets it at boot. The number is low, so that any file of the administrator's or the distribution's counts more.
const SYSCTL_D: &str = "/etc/sysctl.d/10-galaf.conf";
/// The match of a rule that a program needs such a socket for.
const ECHO: &str = "echo-request";

/// First and last gid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
}

/// What became of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing had to be done.
    Unchanged,
    /// It is wider now.
    Widened(String),
    /// It would have to be wider.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => Ok(()),
            Self::Widened(range) => {
                writeln!(f, "  ping     groups {range} may open ICMP sockets (net.ipv4.ping_group_range)")
            }
            Self::Failed(why) => {
                writeln!(f, "  ping     net.ipv4.ping_group_range cannot be set: {why}")
            }
        }
    }
}

/// Widens the range as far as the applications of `policy` need it, now and for the next boot. A failure concerns ping
/// alone, so it is told and stops nothing.
pub(super) fn widen(policy: &Policy) -> Outcome {
    let widened = match needed(policy) {
        Some(needed) => widen_to(needed),
        None => files::remove(Path::new(SYSCTL_D)).map(|()| Outcome::Unchanged),
    };
    widened.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")))
}

fn widen_to(needed: Range) -> Result<Outcome> {
    let present = std::fs::read_to_string(RANGE).map_err(|error| anyhow!("{}", text_of(&error)))?;
    let Some(Range { first, last }) = needed.beyond(Range::parse(&present)) else { return Ok(Outcome::Unchanged) };
    std::fs::write(RANGE, format!("{first} {last}")).map_err(|error| anyhow!("{}", text_of(&error)))?;
    let file = Path::new(SYSCTL_D);
    std::fs::create_dir_all(file.parent().unwrap_or(file))?;
    let text = format!(
        "# Made by galaf-gen: these groups may open ICMP sockets (ping).\nnet.ipv4.ping_group_range = {first} {last}\n"
    );
    files::replace(file, &text)?;
    Ok(Outcome::Widened(format!("{first}-{last}")))
}

/// The gids of the applications that are granted echo requests, by `icmp` or by a rule that names them.
fn needed(policy: &Policy) -> Option<Range> {
    let pings = |application: &&Application| {
        application.subject.grants.iter().any(|grant| match &grant.with {
            With::Icmp => true,
            With::Text(rule) => rule.as_str().contains(ECHO),
            With::Everything | With::Tcp(_) | With::Udp(_) => false,
        })
    };
    let gids = || policy.applications.iter().filter(pings).map(|application| application.gid);
    let (GroupId(first), GroupId(last)) = gids().min().zip(gids().max())?;
    Some(Range { first, last })
}

impl Range {
    /// Two numbers; `1 0` is nobody.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (first <= last).then_some(Self { first, last })
    }

    /// The range that has both; `None` if `present` has this one already.
    fn beyond(self, present: Option<Self>) -> Option<Self> {
        let Some(present) = present else { return Some(self) };
        let both = Self { first: self.first.min(present.first), last: self.last.max(present.last) };
        (both != present).then_some(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beyond(needed: (u32, u32), present: &str) -> Option<(u32, u32)> {
        let needed = Range { first: needed.0, last: needed.1 };
        needed.beyond(Range::parse(present)).map(|range| (range.first, range.last))
    }

    #[test]
    fn the_range_grows_as_far_as_it_must_and_never_shrinks() {
        assert_eq!(beyond((30000, 30002), "1\t0\n"), Some((30000, 30002)));
        assert_eq!(beyond((30000, 30002), "0\t2147483647\n"), None);
        assert_eq!(beyond((30000, 30002), "30000 30001"), Some((30000, 30002)));
        assert_eq!(beyond((30000, 30002), "100 200"), Some((100, 30002)));
        assert_eq!(beyond((30000, 30002), "30001 40000"), Some((30000, 40000)));
    }
}
