//! Where to, and how.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

/// An attempt to be made, written `tcp:198.51.100.1:7`, `udp:[2001:db8::1]:7@4000` (from port 4000) or
/// `icmp:198.51.100.1@192.0.2.1` (from that address).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What carries it.
    pub protocol: Protocol,
    /// Where to; port 0 with ICMP.
    pub address: SocketAddr,
    /// The local port, if it matters.
    pub from: Option<u16>,
    /// The local address, if it matters.
    pub source: Option<IpAddr>,
}

impl Target {
    /// Any local port. `port` is not used with ICMP.
    pub const fn new(protocol: Protocol, address: IpAddr, port: u16) -> Self {
        let port = if matches!(protocol, Protocol::Icmp) { 0 } else { port };
        Self { protocol, address: SocketAddr::new(address, port), from: None, source: None }
    }

    /// The local end, if it matters: an unspecified address and port 0 stand for any.
    pub fn local(&self) -> Option<SocketAddr> {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let matters = self.from.is_some() || self.source.is_some();
        let mut local = SocketAddr::new(self.source.unwrap_or(any), self.from.unwrap_or(0));
        if let (SocketAddr::V6(local), SocketAddr::V6(to)) = (&mut local, self.address) {
            // A link-local address is one of the interface that the other end is on.
            local.set_scope_id(to.scope_id());
        }
        matters.then_some(local)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Tcp => write!(f, "tcp:{}", self.address)?,
            Protocol::Udp => write!(f, "udp:{}", self.address)?,
            Protocol::Icmp => write!(f, "icmp:{}", self.address.ip())?,
        }
        match (self.source, self.from) {
            (None, None) => Ok(()),
            (None, Some(port)) => write!(f, "@{port}"),
            (Some(source), None) => write!(f, "@{source}"),
            (Some(source), Some(port)) => write!(f, "@{}", SocketAddr::new(source, port)),
        }
    }
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (to, local) = text.split_once('@').map_or((text, None), |(to, local)| (to, Some(local)));
        let (source, from) = local.map(parse_local).transpose()?.unwrap_or_default();
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
        Ok(Self { protocol, address, from, source })
    }
}

/// `PORT`, `ADDRESS` or `ADDRESS:PORT`.
fn parse_local(text: &str) -> Result<(Option<IpAddr>, Option<u16>)> {
    if let Ok(port) = text.parse() {
        return Ok((None, Some(port)));
    }
    if let Ok(source) = text.parse() {
        return Ok((Some(source), None));
    }
    let local: SocketAddr = text.parse().with_context(|| format!("'{text}' is not a port or an address"))?;
    Ok((Some(local.ip()), Some(local.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_is_written_as_is_read_as_the_same() {
        for text in ["tcp:198.51.100.1:7", "udp:[2001:db8::1]:7@4000", "icmp:198.51.100.1", "icmp:2001:db8::1"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["tcp:198.51.100.1:7@192.0.2.1:80", "icmp:2001:db8::1@2001:db8::2", "udp:[2001:db8::1]:7@[::1]:9"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tcp",
            "sctp:192.0.2.1:1",
            "tcp:192.0.2.1",
            "icmp:192.0.2.1:7",
            "udp:192.0.2.1:7@x",
            "tcp:192.0.2.1:7@",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
