//! What one entry grants, one family at a time.

use super::at::At;
use super::problem::Report;
use super::rule_text::RuleText;

/// An address family. Every generated rule speaks for exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// Both, in the order they are written.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The number people call it by: 4 or 6.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 4,
            Self::Ipv6 => 6,
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IPv{}", self.number())
    }
}

/// Destinations of one family. The entry's names, if it has any, are a further condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The family; the rule never admits the other.
    pub family: Family,
    /// Further condition.
    pub condition: RuleText,
}

/// The parts of an entry that decide what it grants.
pub(super) struct Parts {
    pub(super) families: Vec<Family>,
    pub(super) has_domains: bool,
    pub(super) rule: Option<RuleText>,
    pub(super) rule6: Option<RuleText>,
}

/// One grant a family.
///
/// Names without any rule mean every port in every family named. As soon as one rule narrows one
/// family, the other is granted only by its own: otherwise `families: [4, 6]` with a `rule` for
/// port 443 would open every port over IPv6.
pub(super) fn grants(parts: &Parts, at: At<'_>, report: &mut Report) -> Vec<Grant> {
    let no_rule = parts.rule.is_none() && parts.rule6.is_none();
    let mut grants = Vec::new();
    for family in Family::ALL {
        let (key, rule) = match family {
            Family::Ipv4 => ("rule", &parts.rule),
            Family::Ipv6 => ("rule6", &parts.rule6),
        };
        match (parts.families.contains(&family), rule) {
            (true, Some(condition)) => grants.push(Grant { family, condition: condition.clone() }),
            (true, None) if no_rule && parts.has_domains => {
                grants.extend(RuleText::new("").map(|condition| Grant { family, condition }));
            }
            (true, None) if !no_rule => {
                report.notice(at, format!("{family} is in 'families' but there is no '{key}': nothing is granted over {family}; \"{key}\": \"\" grants it without further condition"));
            }
            (false, Some(_)) => {
                report.notice(at, format!("'{key}' has no effect: 'families' does not have {}", family.number()));
            }
            (true | false, None) => {}
        }
    }
    grants
}
