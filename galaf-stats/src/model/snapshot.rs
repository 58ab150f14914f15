//! What the firewall's sets held when they were read.

use std::fmt;
use std::net::IpAddr;

use galaf::mark::Mark;

use super::{Counter, Source};

/// A set of table `inet galaf` that keeps statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetName {
    OutBefore,
    OutAfter,
    InAfter,
    Refused4,
    Refused6,
    Audited4,
    Audited6,
    Guarded4,
    Guarded6,
}

impl SetName {
    /// The name nftables knows it by.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::OutBefore => "out_before",
            Self::OutAfter => "out_after",
            Self::InAfter => "in_after",
            Self::Refused4 => "refused4",
            Self::Refused6 => "refused6",
            Self::Audited4 => "audited4",
            Self::Audited6 => "audited6",
            Self::Guarded4 => "guarded4",
            Self::Guarded6 => "guarded6",
        }
    }

    /// Whether it counts what passed.
    pub(crate) fn is_traffic(self) -> bool {
        matches!(self, Self::OutBefore | Self::OutAfter | Self::InAfter)
    }

    /// What the firewall can no longer do once the set is full.
    pub(crate) fn when_full(self) -> &'static str {
        match self {
            Self::OutBefore | Self::OutAfter | Self::InAfter => {
                "traffic of further users and applications is not counted"
            }
            Self::Refused4 | Self::Refused6 | Self::Audited4 | Self::Audited6 => {
                "further destinations are not recorded"
            }
            Self::Guarded4 | Self::Guarded6 => "further sources are not guarded against",
        }
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One set with its elements.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Set<E> {
    /// How many elements fit, where nft says so.
    pub(crate) size: Option<usize>,
    pub(crate) elements: Vec<E>,
}

impl<E> Set<E> {
    pub(crate) fn is_full(&self) -> bool {
        self.size.is_some_and(|size| self.elements.len() >= size)
    }
}

/// Traffic counted under one mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) mark: Mark,
    pub(crate) counter: Counter,
}

/// A destination that was refused, or would have been but for an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) mark: Mark,
    pub(crate) address: IpAddr,
    pub(crate) protocol: Protocol,
    /// None where the protocol has no ports.
    pub(crate) port: Option<u16>,
    pub(crate) counter: Counter,
    /// Seconds that a refusal is remembered.
    pub(crate) timeout: Option<u64>,
    /// Seconds until this one is forgotten.
    pub(crate) expires: Option<u64>,
}

impl Refusal {
    /// Seconds since the last packet, which set the element's timeout anew.
    pub(crate) fn last_seen(&self) -> Option<u64> {
        Some(self.timeout?.saturating_sub(self.expires?))
    }
}

/// An IP protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Protocol(pub(crate) u8);

/// IANA's "Assigned Internet Protocol Numbers", by the names that nft prints.
const PROTOCOLS: [(u8, &str); 13] = [
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (103, "pim"),
    (108, "comp"),
    (132, "sctp"),
    (136, "udplite"),
];

impl Protocol {
    pub(crate) fn name(self) -> Option<&'static str> {
        PROTOCOLS.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        PROTOCOLS.iter().find(|(_, known)| *known == name).map(|(number, _)| Self(*number))
    }

    /// Whether its header begins with two ports.
    pub(crate) fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }
}

/// Everything that was read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) out_before: Set<Traffic>,
    pub(crate) out_after: Set<Traffic>,
    pub(crate) in_after: Set<Traffic>,
    pub(crate) refused4: Set<Refusal>,
    pub(crate) refused6: Set<Refusal>,
    /// What was let through by audit; `None` if nothing is audited.
    pub(crate) audited: Option<Families<Refusal>>,
    /// Who is shut out; `None` if nobody is guarded against.
    pub(crate) guarded: Option<Families<Source>>,
}

/// A set of each family.
#[derive(Debug)]
pub(crate) struct Families<E> {
    pub(crate) ipv4: Set<E>,
    pub(crate) ipv6: Set<E>,
}

impl<E> Families<E> {
    pub(crate) fn elements(&self) -> impl Iterator<Item = &E> {
        self.ipv4.elements.iter().chain(&self.ipv6.elements)
    }
}

impl Snapshot {
    pub(crate) fn traffic_sets(&self) -> [(SetName, &Set<Traffic>); 3] {
        [
            (SetName::OutBefore, &self.out_before),
            (SetName::OutAfter, &self.out_after),
            (SetName::InAfter, &self.in_after),
        ]
    }

    /// The sets that are there and have no room left, with their size.
    pub(crate) fn full_sets(&self) -> Vec<(SetName, usize)> {
        fn full<E>((name, set): (SetName, &Set<E>)) -> Option<(SetName, usize)> {
            set.size.filter(|_| set.is_full()).map(|size| (name, size))
        }
        let mut sets: Vec<_> = self.traffic_sets().into_iter().filter_map(full).collect();
        let mut destinations = vec![(SetName::Refused4, &self.refused4), (SetName::Refused6, &self.refused6)];
        if let Some(audited) = &self.audited {
            destinations.extend([(SetName::Audited4, &audited.ipv4), (SetName::Audited6, &audited.ipv6)]);
        }
        sets.extend(destinations.into_iter().filter_map(full));
        if let Some(guarded) = &self.guarded {
            let sources = [(SetName::Guarded4, &guarded.ipv4), (SetName::Guarded6, &guarded.ipv6)];
            sets.extend(sources.into_iter().filter_map(full));
        }
        sets
    }

    /// All refusals, of both families.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.refused4.elements.iter().chain(&self.refused6.elements)
    }

    /// Everything let through by audit, of both families; `None` if nothing is audited.
    pub(crate) fn let_through(&self) -> Option<impl Iterator<Item = &Refusal>> {
        self.audited.as_ref().map(Families::elements)
    }

    /// Every mark that occurs, as often as it does.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> {
        let traffic = self.traffic_sets().into_iter().flat_map(|(_, set)| set.elements.iter().map(|e| e.mark));
        traffic.chain(self.refusals().chain(self.let_through().into_iter().flatten()).map(|refusal| refusal.mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_full_when_as_many_elements_are_in_it_as_fit() {
        let set = |size| Set { size, elements: vec![(), ()] };
        assert!(set(Some(2)).is_full());
        assert!(!set(Some(3)).is_full());
        assert!(!set(None).is_full(), "without a declared size the set grows");
    }

    #[test]
    fn every_protocol_name_is_read_back_as_its_number() {
        for (number, name) in PROTOCOLS {
            assert_eq!(Protocol::from_name(name), Some(Protocol(number)));
            assert_eq!(Protocol(number).name(), Some(name));
        }
        assert_eq!(Protocol(253).name(), None);
    }
}
