//! What an apply did.

use std::fmt;

use galaf::config::Mode;

use super::dnsmasq::Outcome;
use super::ping;
use crate::diff::Diff;
use crate::policy::Policy;

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
    /// Who is let through to what is not granted.
    pub audit: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diff.brief())?;
        writeln!(f, "  resolver {}", self.resolver)?;
        self.upstream.iter().try_for_each(|found| writeln!(f, "  resolver asks {found}"))?;
        self.ahead.iter().try_for_each(|said| writeln!(f, "  names    {said}"))?;
        self.resolv_conf.iter().try_for_each(|said| writeln!(f, "  programs {said}"))?;
        self.ping.fmt(f)?;
        self.marks.iter().try_for_each(|problem| writeln!(f, "  marks    {problem}"))?;
        self.audit.iter().try_for_each(|audit| writeln!(f, "  audit    {audit}"))
    }
}

/// Who is let through to what is not granted.
pub(super) fn audit(policy: &Policy) -> Option<String> {
    let named = |audited: bool| {
        let subjects = policy.subjects().filter(|subject| subject.mode.is_some() && policy.audits(subject) == audited);
        subjects.map(|subject| subject.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (audited, enforced) = (named(true), named(false));
    match (policy.mode, audited.is_empty(), enforced.is_empty()) {
        (Mode::Enforce, true, _) => None,
        (Mode::Enforce, false, _) => {
            Some(format!("on: nothing is refused to {audited}; 'galaf-stats' shows what would be"))
        }
        (Mode::Audit, _, true) => Some("on: nothing is refused; 'galaf-stats' shows what would be".to_owned()),
        (Mode::Audit, _, false) => {
            Some(format!("on: nothing is refused but to {enforced}; 'galaf-stats' shows what would be"))
        }
    }
}
