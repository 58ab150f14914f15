//! Who is shut out for a time.

use std::fmt;
use std::net::IpAddr;

use super::Counter;

/// Bits of an address that tell a host's network (RFC 4291 section 2.5.1).
const NETWORK_BITS: u8 = 64;

/// A source that is let in nowhere for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// An address, or the first one of a network.
    pub(crate) address: IpAddr,
    /// What it was refused since.
    pub(crate) counter: Counter,
    /// Seconds for which it is shut out.
    pub(crate) timeout: Option<u64>,
    /// Seconds until it no longer is.
    pub(crate) expires: Option<u64>,
}

impl Source {
    /// How many bits of the address count. The firewall knows a host of an IPv6 network by its /64, and one on the
    /// link by its whole address.
    pub(crate) fn prefix(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(address) if address.is_unicast_link_local() => 128,
            IpAddr::V6(_) => NETWORK_BITS,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.prefix() == NETWORK_BITS { write!(f, "/{NETWORK_BITS}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_host_or_the_network_of_one() {
        for (address, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1::", "2001:db8:1::/64"),
            ("fd00::", "fd00::/64"),
            ("fe80::1", "fe80::1"),
        ] {
            let source = Source {
                address: address.parse().unwrap(),
                counter: Counter { packets: 0, bytes: 0 },
                timeout: None,
                expires: None,
            };
            assert_eq!(source.to_string(), shown);
        }
    }
}
