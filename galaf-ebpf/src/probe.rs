//! Sockets made to read their mark.

use std::fmt;

use galaf::mark::{Half, Mark, Owner};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, getsockopt, socket, sockopt};

/// A kind of socket and its mark, or why the process may not make one.
pub(crate) struct Probe {
    /// Protocol and family: `udp6`.
    pub(crate) kind: &'static str,
    /// What `SO_MARK` reads.
    pub(crate) mark: Result<Mark, Errno>,
}

/// Everything that `socket(2)` makes in the two families the program sees.
const KINDS: [(&str, AddressFamily, SockType, SockProtocol); 8] = [
    ("tcp4", AddressFamily::Inet, SockType::Stream, SockProtocol::Tcp),
    ("tcp6", AddressFamily::Inet6, SockType::Stream, SockProtocol::Tcp),
    ("udp4", AddressFamily::Inet, SockType::Datagram, SockProtocol::Udp),
    ("udp6", AddressFamily::Inet6, SockType::Datagram, SockProtocol::Udp),
    ("ping4", AddressFamily::Inet, SockType::Datagram, SockProtocol::Icmp),
    ("ping6", AddressFamily::Inet6, SockType::Datagram, SockProtocol::IcmpV6),
    ("raw4", AddressFamily::Inet, SockType::Raw, SockProtocol::Icmp),
    ("raw6", AddressFamily::Inet6, SockType::Raw, SockProtocol::IcmpV6),
];

/// Makes one socket of each kind.
pub(crate) fn all() -> Vec<Probe> {
    let mark = |family, kind, protocol| {
        let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol)?;
        getsockopt(&socket, sockopt::Mark).map(Mark)
    };
    KINDS
        .into_iter()
        .map(|(name, family, kind, protocol)| Probe { kind: name, mark: mark(family, kind, protocol) })
        .collect()
}

/// Whom a mark names, for people.
pub(crate) struct Name(pub(crate) Mark);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.owner() {
            Owner::Unmarked => f.write_str("not marked"),
            Owner::Root => f.write_str("root"),
            Owner::Pair { group, user } => write!(f, "group {}, user {}", HalfName(group), HalfName(user)),
        }
    }
}

struct HalfName(Half);

impl fmt::Display for HalfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Half::Id(id) => id.fmt(f),
            Half::Overflow => f.write_str("without a mark of its own"),
            Half::Unknown => f.write_str("not recorded"),
            Half::Reserved(half) => write!(f, "reserved {half:#06x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use galaf::id::{GroupId, UserId};

    #[test]
    fn marks_are_told_in_words() {
        let name = |gid, uid| Name(Mark::new(GroupId(gid), UserId(uid))).to_string();
        assert_eq!(name(30004, 1000), "group 30004, user 1000");
        assert_eq!(name(0, 0), "root");
        assert_eq!(name(161_076, 1000), "group without a mark of its own, user 1000");
        assert_eq!(Name(Mark::UNMARKED).to_string(), "not marked");
    }
}
