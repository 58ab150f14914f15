//! A destination as a person writes it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use galaf::config::{Domain, Family};
use galaf::printable::printable;

use crate::accounts::Services;

/// Where to, and what with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub to: Destination,
    /// The protocol; `None`: whichever.
    pub protocol: Option<Protocol>,
    /// The port of a protocol that has ports; `None`: whichever.
    pub port: Option<u16>,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One address.
    Address(IpAddr),
    /// The addresses that the resolver answers for a name.
    Name(Domain),
}

/// What can begin something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Echo requests.
    Icmp,
}

/// Why a text is no destination; names what was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl Protocol {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    /// Its number in `family` (IANA, Protocol Numbers).
    pub const fn number(self, family: Family) -> u8 {
        match (self, family) {
            (Self::Tcp, _) => 6,
            (Self::Udp, _) => 17,
            (Self::Icmp, Family::Ipv4) => 1,
            (Self::Icmp, Family::Ipv6) => 58,
        }
    }
}

impl Target {
    /// Reads `HOST[:PORT][/PROTOCOL]`; an IPv6 address with a port stands in brackets. A port without a protocol is one of
    /// TCP. Names of ports are those of `services`.
    ///
    /// # Errors
    /// The part that is wrong, and what was expected.
    pub fn parse(text: &str, services: &Services) -> Result<Self, TargetError> {
        let (rest, protocol) = match text.rsplit_once('/') {
            Some((rest, name)) => (rest, Some(protocol(name)?)),
            None => (text, None),
        };
        let (host, port) = host_and_port(rest)?;
        let protocol = protocol.or(port.map(|_| Protocol::Tcp));
        let port = match (port, protocol) {
            (Some(_), Some(Protocol::Icmp)) => return Err(TargetError("icmp has no ports".to_owned())),
            (Some(port), Some(protocol)) => Some(number(port, protocol, services)?),
            _ => None,
        };
        Ok(Self { to: destination(host)?, protocol, port })
    }

    /// The families in which it can be reached.
    pub fn families(&self) -> &'static [Family] {
        match self.to {
            Destination::Address(IpAddr::V4(_)) => &[Family::Ipv4],
            Destination::Address(IpAddr::V6(_)) => &[Family::Ipv6],
            Destination::Name(_) => &Family::ALL,
        }
    }
}

fn protocol(name: &str) -> Result<Protocol, TargetError> {
    let all = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp];
    all.into_iter()
        .find(|protocol| protocol.name() == name)
        .ok_or_else(|| TargetError(format!("'{}' is no protocol, expected tcp, udp or icmp", printable(name))))
}

fn host_and_port(text: &str) -> Result<(&str, Option<&str>), TargetError> {
    if let Some(rest) = text.strip_prefix('[') {
        let unclosed = || TargetError(format!("'{}' has no ']'", printable(text)));
        let (host, rest) = rest.split_once(']').ok_or_else(unclosed)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(TargetError(format!("'{}' is behind the ']', expected ':' and a port", printable(rest)))),
        };
    }
    match text.split_once(':') {
        // More than one colon: an IPv6 address.
        Some((host, port)) if !port.contains(':') => Ok((host, Some(port))),
        _ => Ok((text, None)),
    }
}

fn number(text: &str, protocol: Protocol, services: &Services) -> Result<u16, TargetError> {
    let named = || services.get(&(text.to_owned(), protocol.name().to_owned())).copied();
    let port = text.parse().ok().or_else(named).filter(|&port| port != 0);
    port.ok_or_else(|| {
        TargetError(format!(
            "'{}' is no port, expected 1 to 65535 or the name of a service over {}",
            printable(text),
            protocol.name()
        ))
    })
}

fn destination(text: &str) -> Result<Destination, TargetError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        // The kernel sends to an IPv4 address that is written as an IPv6 one over IPv4.
        return Ok(Destination::Address(address.to_canonical()));
    }
    // RFC 6761 section 6.3.
    if text == "localhost" || text.ends_with(".localhost") {
        return Ok(Destination::Address(Ipv4Addr::LOCALHOST.into()));
    }
    Domain::new(text)
        .map(Destination::Name)
        .map_err(|error| TargetError(format!("'{}' is neither an address nor a name: it {error}", printable(text))))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.to, self.port) {
            (Destination::Address(IpAddr::V6(address)), Some(_)) => write!(f, "[{address}]")?,
            (Destination::Address(address), _) => write!(f, "{address}")?,
            (Destination::Name(name), _) => write!(f, "{name}")?,
        }
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))?;
        self.protocol.iter().try_for_each(|protocol| write!(f, "/{}", protocol.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let services = [(("ssh".to_owned(), "tcp".to_owned()), 22)].into();
        Target::parse(text, &services).map(|target| target.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_people_write_is_read() {
        for (text, same) in [
            ("example.org", "example.org"),
            ("Example.ORG.:443", "example.org:443/tcp"),
            ("example.org:ssh", "example.org:22/tcp"),
            ("192.0.2.1:53/udp", "192.0.2.1:53/udp"),
            ("192.0.2.1/icmp", "192.0.2.1/icmp"),
            ("[2001:db8::1]:443/tcp", "[2001:db8::1]:443/tcp"),
            ("2001:db8::1", "2001:db8::1"),
            ("[::1]", "::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("localhost:631", "127.0.0.1:631/tcp"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(same), "{text}");
        }
    }

    #[test]
    fn what_is_no_destination_is_refused_for_its_reason() {
        for (text, reason) in [
            ("example.org:443/tpc", "'tpc' is no protocol"),
            ("10.0.0.0/8", "'8' is no protocol"),
            ("example.org:0", "'0' is no port"),
            ("example.org:ssh/udp", "'ssh' is no port"),
            ("example.org:443/icmp", "icmp has no ports"),
            ("[::1:443", "has no ']'"),
            ("[::1]443", "behind the ']'"),
            ("browser", "neither an address nor a name: it has one label only"),
            ("", "it is empty"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
