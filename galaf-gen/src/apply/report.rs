//! What an apply did.

use std::fmt;

use super::dnsmasq::Outcome;
use super::ping;
use crate::diff::Diff;

/// The outcome of each part.
#[derive(Debug)]
pub struct Report {
    /// What is other than before.
    pub diff: Diff,
    /// What became of the resolver.
    pub resolver: Outcome,
    /// Who may open ICMP sockets.
    pub ping: ping::Outcome,
    /// What is wrong with the marks.
    pub marks: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diff.brief())?;
        writeln!(f, "  resolver {}", self.resolver)?;
        self.ping.fmt(f)?;
        self.marks.iter().try_for_each(|problem| writeln!(f, "  marks    {problem}"))
    }
}
