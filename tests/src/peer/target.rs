//! Where to, and how.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// What carries an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A connection.
    Tcp,
    /// A datagram and its echo.
    Udp,
    /// An echo request from a socket of icmp(7), which needs no privilege.
    Icmp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Icmp];

    /// The number in the IP header.
    pub const fn number(self, address: IpAddr) -> u8 {
        match (self, address) {
            (Self::Tcp, _) => 6,
            (Self::Udp, _) => 17,
            (Self::Icmp, IpAddr::V4(_)) => 1,
            (Self::Icmp, IpAddr::V6(_)) => 58,
        }
    }
}

/// An attempt to be made, written `tcp:198.51.100.1:7`, `udp:[2001:db8::1]:7@4000` (from port 4000) or `icmp:198.51.100.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What carries it.
    pub protocol: Protocol,
    /// Where to; port 0 with ICMP.
    pub address: SocketAddr,
    /// The local port, if it matters.
    pub from: Option<u16>,
}

impl Target {
    /// Any local port. `port` is not used with ICMP.
    pub const fn new(protocol: Protocol, address: IpAddr, port: u16) -> Self {
        let port = if matches!(protocol, Protocol::Icmp) { 0 } else { port };
        Self { protocol, address: SocketAddr::new(address, port), from: None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Tcp => write!(f, "tcp:{}", self.address)?,
            Protocol::Udp => write!(f, "udp:{}", self.address)?,
            Protocol::Icmp => write!(f, "icmp:{}", self.address.ip())?,
        }
        self.from.iter().try_for_each(|port| write!(f, "@{port}"))
    }
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (to, from) = match text.split_once('@') {
            Some((to, port)) => (to, Some(port.parse().with_context(|| format!("'{port}' is not a port"))?)),
            None => (text, None),
        };
        let (protocol, address) = to.split_once(':').with_context(|| format!("'{text}' is not a target"))?;
        let of = |address: &str| address.parse().with_context(|| format!("'{address}' is not ADDRESS:PORT"));
        let (protocol, address) = match protocol {
            "tcp" => (Protocol::Tcp, of(address)?),
            "udp" => (Protocol::Udp, of(address)?),
            "icmp" => {
                let ip: IpAddr = address.parse().with_context(|| format!("'{address}' is not an address"))?;
                (Protocol::Icmp, SocketAddr::new(ip, 0))
            }
            other => bail!("'{other}' is not a protocol, expected tcp, udp or icmp"),
        };
        Ok(Self { protocol, address, from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_is_written_as_is_read_as_the_same() {
        for text in ["tcp:198.51.100.1:7", "udp:[2001:db8::1]:7@4000", "icmp:198.51.100.1", "icmp:2001:db8::1"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "tcp", "sctp:192.0.2.1:1", "tcp:192.0.2.1", "icmp:192.0.2.1:7", "udp:192.0.2.1:7@x"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
