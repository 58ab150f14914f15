//! What is found.

use galaf::config::{Addresses, Domain, Mode, RuleText};

use crate::policy::{Grant, Subject, With};

/// What becomes of one packet.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// Rules that may decide, in the order they are asked. Only the last one surely matches.
    pub steps: Vec<Step<'a>>,
    /// Grants to this destination that do not match for another reason.
    pub missed: Vec<Missed<'a>>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// What it does with what it matches.
    pub verdict: Verdict,
    /// Whose it is.
    pub by: By<'a>,
    /// What would have to be known to say that it matches; empty if it does.
    pub open: Vec<Open<'a>>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lets through.
    Allow,
    /// It refuses.
    Refuse,
    /// It would refuse, lets through and records it.
    Audit,
}

impl Verdict {
    /// What ends a packet that is not granted, or is denied.
    pub(super) const fn of_mode(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Refuse,
            Mode::Audit => Self::Audit,
        }
    }
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The machine's traffic with itself.
    Loopback,
    /// A client that renews the machine's own address.
    Dhcp,
    /// The resolver that asks its servers.
    Resolver,
    /// A grant or denial of an entry.
    Entry(&'a Subject, &'a Grant),
    /// An entry's own mode: nothing grants the packet.
    Mode(&'a Subject),
    /// The mode of everybody: nothing grants the packet.
    Rest,
}

/// What is not known.
#[derive(Clone, Copy, Debug)]
pub enum Open<'a> {
    /// Whether it is with this protocol and port: nobody said.
    With(&'a With),
    /// Whether the resolver answered the address for one of these names.
    Learned(&'a [Domain]),
    /// Whether the name has an address among these.
    Among(&'a Addresses),
    /// Whether the name shares an address with one of these.
    Shares(&'a [Domain]),
    /// What nft makes of a text.
    Text(&'a RuleText),
    /// Whether it is sent from this port of UDP to that one.
    Ports(u16, u16),
    /// Whether it is sent to this port of TCP or UDP.
    Port(u16),
}

impl Open<'_> {
    /// Whether it is about what address a name has. Of ordinary ones that belong to the name alone it is not true.
    pub(super) const fn is_exceptional(&self) -> bool {
        matches!(self, Self::Among(_) | Self::Shares(_))
    }
}

/// Why a grant to the destination does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its time is over.
    Lapsed,
    /// It is for the other family.
    Family,
    /// It is for another protocol or port, or another condition does not hold.
    With,
}

/// A grant that nearly matches.
#[derive(Clone, Copy, Debug)]
pub struct Missed<'a> {
    /// Whose it is.
    pub subject: &'a Subject,
    /// The grant.
    pub grant: &'a Grant,
    /// The first thing that is in the way.
    pub why: Why,
}

/// Whether the resolver answers a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It does.
    Answered,
    /// It refuses.
    Refused,
    /// The file calls for no resolver: names are asked elsewhere.
    Elsewhere,
}

/// What becomes of the whole question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is let through.
    Allowed,
    /// It is let through and recorded; enforced, it would be refused.
    Audited,
    /// It is refused.
    Refused,
    /// That depends on what is not known.
    Depends,
}

impl Outcome {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Audited => "audited",
            Self::Refused => "refused",
            Self::Depends => "depends",
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allowed,
            Verdict::Refuse => Self::Refused,
            Verdict::Audit => Self::Audited,
        }
    }
}

impl Step<'_> {
    /// Whether it matches only if a name has an address that is others', too.
    pub fn is_exceptional(&self) -> bool {
        self.open.iter().any(Open::is_exceptional)
    }
}

impl Answer<'_> {
    /// What becomes of the packet. Of a name: if its address is in none of the lists and belongs to no other name of the rules.
    pub fn outcome(&self) -> Outcome {
        let mut outcomes = self.steps.iter().filter(|step| !step.is_exceptional()).map(|step| step.verdict.into());
        let first = outcomes.next().unwrap_or(Outcome::Depends);
        if outcomes.all(|outcome| outcome == first) { first } else { Outcome::Depends }
    }
}
