//! Structured grants and denials: an entry's `allow` and `deny`.

mod addresses;
mod item;
mod ports;
mod ranges;
mod to;
mod until;

pub use addresses::{AddressError, Addresses};
pub(super) use item::{read, read_comment, read_protocols};
pub use ports::{PortError, Ports};
pub(super) use to::{Aliases, read_sources};
pub use until::Until;

use super::{Domain, Family};
use addresses::Range;

/// What one item of an entry's `allow` or `deny` covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Where to.
    pub to: Destinations,
    /// What with; empty for every protocol.
    pub protocols: Vec<Protocol>,
    /// For whoever reads the rules.
    pub comment: Option<String>,
    /// Write what it decides to the kernel's log.
    pub log: bool,
    /// When the item lapses.
    pub until: Option<Until>,
}

/// What `to` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Every address of the entry's families.
    pub anywhere: bool,
    /// Names and their subdomains, in the entry's families.
    pub domains: Vec<Domain>,
    /// Addresses that stand there themselves and bring their family along. At most one element a family.
    pub addresses: Vec<Addresses>,
    /// Addresses of `lan` and of aliases, of which the entry's families count. At most one element a family.
    pub shared: Vec<Addresses>,
}

impl Destinations {
    /// The addresses of `family`, for an entry of `families`; `None` if there are none.
    pub fn addresses_of(&self, family: Family, families: &[Family]) -> Option<Addresses> {
        let shared = self.shared.iter().filter(|_| families.contains(&family));
        let all = self.addresses.iter().chain(shared).flat_map(Addresses::tagged);
        let ranges: Vec<Range> = all.filter(|(other, _)| *other == family).map(|(_, range)| range).collect();
        (!ranges.is_empty()).then(|| Addresses::merge(family, ranges))
    }
}

/// A protocol and, where it has them, ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP; an empty list is every port.
    Tcp(Vec<Port>),
    /// UDP; an empty list is every port.
    Udp(Vec<Port>),
    /// Echo requests (ping).
    Icmp,
}

/// Ports as the file names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// First and last.
    Range(u16, u16),
    /// A name of services(5).
    Service(String),
}
