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
    /// Where it asks, if the file does not say it.
    pub upstream: Option<String>,
    /// What became of looking names up ahead, if there was a reason to.
    pub ahead: Option<String>,
    /// What was done to resolv.conf(5), or is to be.
    pub resolv_conf: Option<String>,
    /// Who may open ICMP sockets.
    pub ping: ping::Outcome,
    /// What is wrong with the marks.
    pub marks: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diff.brief())?;
        writeln!(f, "  resolver {}", self.resolver)?;
        self.upstream.iter().try_for_each(|found| writeln!(f, "  resolver asks {found}"))?;
        self.ahead.iter().try_for_each(|said| writeln!(f, "  names    {said}"))?;
        self.resolv_conf.iter().try_for_each(|said| writeln!(f, "  programs {said}"))?;
        self.ping.fmt(f)?;
        self.marks.iter().try_for_each(|problem| writeln!(f, "  marks    {problem}"))
    }
}
