//! What left the machine, as the wire saw it: QEMU's `filter-dump` writes every frame in pcap form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const ETHERNET_HEADER: usize = 14;
const IPV6_HEADER: usize = 40;
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// One frame that the machine sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Address resolution, which no table of family `inet` sees.
    Arp,
    /// To a port of a host, through a transport that has ports.
    Port { protocol: &'static str, from: u16, to: IpAddr, port: u16 },
    /// ICMPv6, by its type.
    Icmpv6(u8),
    /// Anything else: the EtherType and the protocol number.
    Other(u16, u8),
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arp => f.write_str("arp"),
            Self::Port { protocol, from, to, port } => write!(f, "{protocol} from port {from} to {to} port {port}"),
            Self::Icmpv6(kind) => write!(f, "icmpv6 type {kind}"),
            Self::Other(ethertype, protocol) => write!(f, "ethertype {ethertype:#06x} protocol {protocol}"),
        }
    }
}

/// The frames of the capture file `pcap` that carry the sender's address `mac`, in order.
///
/// # Errors
/// If the file or a frame ends too early.
pub(crate) fn sent_by(mac: [u8; 6], pcap: &[u8]) -> Result<Vec<Sent>> {
    let mut rest = pcap.get(FILE_HEADER..).context("the capture has no header")?;
    let mut sent = Vec::new();
    while !rest.is_empty() {
        let length = rest.get(8..12).context("the capture ends within a record's header")?;
        let length = usize::try_from(u32::from_ne_bytes(length.try_into()?))?;
        let end = RECORD_HEADER + length;
        let frame = rest.get(RECORD_HEADER..end).context("the capture ends within a frame")?;
        rest = &rest[end..];
        if frame.get(6..12) == Some(&mac) {
            sent.push(classify(frame).context("a frame is shorter than its headers")?);
        }
    }
    Ok(sent)
}

fn classify(frame: &[u8]) -> Option<Sent> {
    let ethertype = u16_at(frame, 12)?;
    let packet = frame.get(ETHERNET_HEADER..)?;
    match ethertype {
        0x0806 => Some(Sent::Arp),
        0x0800 => {
            let header = usize::from(packet.first()? & 0x0f) * 4;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            payload(ethertype, *packet.get(9)?, Ipv4Addr::from(to).into(), packet.get(header..)?)
        }
        0x86dd => {
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            let to = Ipv6Addr::from(to).into();
            match *packet.get(6)? {
                // Multicast listener reports carry a router alert before the ICMPv6 header.
                HOP_BY_HOP => {
                    let options = IPV6_HEADER + (usize::from(*packet.get(IPV6_HEADER + 1)?) + 1) * 8;
                    payload(ethertype, *packet.get(IPV6_HEADER)?, to, packet.get(options..)?)
                }
                next => payload(ethertype, next, to, packet.get(IPV6_HEADER..)?),
            }
        }
        _ => Some(Sent::Other(ethertype, 0)),
    }
}

fn payload(ethertype: u16, protocol: u8, to: IpAddr, bytes: &[u8]) -> Option<Sent> {
    Some(match protocol {
        TCP => Sent::Port { protocol: "tcp", from: u16_at(bytes, 0)?, to, port: u16_at(bytes, 2)? },
        UDP => Sent::Port { protocol: "udp", from: u16_at(bytes, 0)?, to, port: u16_at(bytes, 2)? },
        ICMPV6 => Sent::Icmpv6(*bytes.first()?),
        other => Sent::Other(ethertype, other),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
