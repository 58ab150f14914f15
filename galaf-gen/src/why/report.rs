//! The answer to a whole question: in each family, by name too, and of a kernel that may have other rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use galaf::config::{Family, Source};
use galaf::json::{JsonPath, Node, Position};

use super::answer::{By, Lookup, Outcome};
use super::walk::lookup;
use super::{Answer, Facts, Packet, Target, walk};
use crate::granted::NewGrant;
use crate::policy::{Grant, Place, Subject, To};

/// Everything that is said.
pub struct Report<'a> {
    /// Who asks, for a person.
    pub who: String,
    /// Where to.
    pub target: &'a Target,
    /// What becomes of its packets in each family.
    pub answers: Vec<(Family, Answer<'a>)>,
    /// Whether the name is answered; `None` for an address.
    pub lookup: Option<Lookup>,
    /// What the kernel runs; `None` if it was not asked.
    pub running: Option<Running>,
    /// What would grant it, if it is not granted.
    pub remedy: Option<Remedy>,
    /// Where the rules were written.
    pub source: &'a Source,
    /// What they were judged by.
    pub facts: Facts<'a>,
}

/// What the kernel runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Running {
    /// What was applied.
    Applied,
    /// Something else: how it differs.
    Other(Vec<String>),
    /// The table that lets nothing through.
    Locked,
    /// No table.
    Nothing,
}

/// What would grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A grant for the entry `name` of `section`.
    Grant {
        /// `groups` or `users`.
        section: &'static str,
        /// The entry.
        name: String,
        /// The element of its `allow`.
        grant: NewGrant,
        /// Whether 'galaf-gen grant' can write it.
        by_command: bool,
    },
    /// No grant can: the reason.
    None(String),
}

impl<'a> Report<'a> {
    /// Asks what becomes of `target` for whoever has these ids. A remedy is not part of it yet.
    pub fn of(
        facts: Facts<'a>,
        source: &'a Source,
        (gid, uid): (Option<u32>, Option<u32>),
        target: &'a Target,
        who: String,
    ) -> Self {
        let packet = |family| Packet { gid, uid, target, family };
        let answers = target.families().iter().map(|&family| (family, walk(&facts, &packet(family)))).collect();
        let lookup = lookup(facts.policy, &packet(Family::Ipv4));
        Self { who, target, answers, lookup, running: None, remedy: None, source, facts }
    }

    /// What becomes of it. A name is reached if it is answered, and its packets pass in one family at least.
    pub fn outcome(&self) -> Outcome {
        let is_local = self
            .answers
            .iter()
            .all(|(_, answer)| matches!(answer.steps.as_slice(), [step] if matches!(step.by, By::Loopback)));
        match self.running {
            Some(Running::Nothing) => return Outcome::Allowed,
            Some(Running::Locked) => return if is_local { Outcome::Allowed } else { Outcome::Refused },
            Some(Running::Other(_)) => return Outcome::Depends,
            Some(Running::Applied) | None => {}
        }
        if self.lookup == Some(Lookup::Refused) {
            return Outcome::Refused;
        }
        let found: Vec<Outcome> = self.answers.iter().map(|(_, answer)| answer.outcome()).collect();
        let best = [Outcome::Allowed, Outcome::Audited, Outcome::Depends].into_iter().find(|best| found.contains(best));
        best.unwrap_or(Outcome::Refused)
    }

    /// The denial that decides, if one does.
    pub fn denial(&self) -> Option<(&'a Subject, &'a Grant)> {
        self.answers.iter().flat_map(|(_, answer)| &answer.steps).find_map(|step| match step.by {
            By::Entry(subject, grant) if matches!(grant.place, Place::Deny(_)) && step.open.is_empty() => {
                Some((subject, grant))
            }
            _ => None,
        })
    }

    /// File and place of a rule, and its path there.
    pub(super) fn written(&self, subject: &Subject, grant: &Grant) -> (JsonPath, Option<(&'a str, Position)>) {
        let entry = JsonPath::root().key(subject.id.section()).key(subject.name.as_str());
        let paths = match (grant.place, grant.family) {
            (Place::Allow(index), _) => vec![entry.key("allow").index(index)],
            (Place::Deny(index), _) => vec![entry.key("deny").index(index)],
            (Place::Rule, Family::Ipv4) => vec![entry.key("rule"), entry.key("domains"), entry],
            (Place::Rule, Family::Ipv6) => vec![entry.key("rule6"), entry.key("domains"), entry],
        };
        let found = paths.iter().find_map(|path| Some((path.clone(), Some(self.source.locate(path)?))));
        found.unwrap_or_else(|| (paths.into_iter().next().unwrap_or_default(), None))
    }

    /// What the file says there.
    pub(super) fn text(&self, subject: &Subject, grant: &Grant) -> Option<&'a Node> {
        self.source.value(&self.written(subject, grant).0)
    }

    /// How many addresses the names of `grant` have now, if the kernel was asked and it is by name.
    pub(super) fn open_now(&self, subject: &Subject, grant: &Grant) -> Option<usize> {
        let elements = self.facts.elements.filter(|_| matches!(grant.to, To::Names(_)))?;
        let sets = self.facts.learned.of_grant(subject, grant).iter().filter_map(|set| elements.get(set));
        Some(sets.flatten().collect::<BTreeSet<&IpAddr>>().len())
    }
}
