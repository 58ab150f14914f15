//! Single packets, among them TCP segments that no connection has.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use galaf_tests::peer::{Protocol, Target};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, sendto, setsockopt, socket,
    sockopt,
};

use crate::socket;

/// Where a segment is from if its target does not say it.
const LOCAL_PORT: u16 = 40000;
/// Length of a TCP header without options, in bytes.
const HEADER: u8 = 20;

/// The flags of a TCP segment (RFC 9293 section 3.1).
#[derive(Clone, Copy)]
pub(crate) struct Flags(u8);

impl FromStr for Flags {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let bit = |letter| match letter {
            'F' => Ok(0x01),
            'S' => Ok(0x02),
            'R' => Ok(0x04),
            'P' => Ok(0x08),
            'A' => Ok(0x10),
            'U' => Ok(0x20),
            other => bail!("'{other}' is not a flag, expected letters of 'FSRPAU' or '-'"),
        };
        let letters = if text == "-" { "" } else { text };
        letters.chars().try_fold(0, |flags, letter| Ok(flags | bit(letter)?)).map(Self)
    }
}

/// Sends each of `targets` one packet.
pub(crate) fn all(flags: Flags, targets: &[&str]) -> Result<()> {
    for target in targets {
        let target: Target = target.parse()?;
        match target.protocol {
            Protocol::Tcp => segment(flags, &target)?,
            Protocol::Udp => datagram(&target)?,
            Protocol::Icmp => bail!("only TCP and UDP can be thrown"),
        }
    }
    Ok(())
}

fn datagram(target: &Target) -> Result<()> {
    let socket = socket::open(target)?;
    setsockopt(&socket, sockopt::Broadcast, &true).context("cannot address everybody")?;
    sendto(socket.as_raw_fd(), b"x", &SockaddrStorage::from(target.address), MsgFlags::empty())
        .with_context(|| format!("cannot send to {target}"))?;
    Ok(())
}

fn segment(flags: Flags, target: &Target) -> Result<()> {
    let source = target.source.with_context(|| format!("{target} names no local address"))?;
    let family = if source.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket =
        socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Tcp).context("cannot open a raw socket")?;
    // raw(7) knows no ports, and refuses those of IPv6.
    let without_port = |mut address: SocketAddr| {
        address.set_port(0);
        SockaddrStorage::from(address)
    };
    let local = target.local().map(without_port);
    local
        .map_or(Ok(()), |local| bind(socket.as_raw_fd(), &local))
        .with_context(|| format!("cannot send from {source}"))?;
    let header = header(flags, source, target);
    sendto(socket.as_raw_fd(), &header, &without_port(target.address), MsgFlags::empty())
        .with_context(|| format!("cannot send to {target}"))?;
    Ok(())
}

/// A TCP header (RFC 9293 section 3.1) with its checksum: conntrack takes a wrong one for a reason of its own.
fn header(flags: Flags, source: IpAddr, target: &Target) -> Vec<u8> {
    let mut header = Vec::with_capacity(usize::from(HEADER));
    header.extend(target.from.unwrap_or(LOCAL_PORT).to_be_bytes());
    header.extend(target.address.port().to_be_bytes());
    // Sequence and acknowledgement.
    header.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    // Its own length in words, flags, window, room for the checksum, urgent pointer.
    header.extend([(HEADER / 4) << 4, flags.0, 0x20, 0, 0, 0, 0, 0]);
    let mut summed = [bytes(source), bytes(target.address.ip())].concat();
    summed.extend([0, target.protocol.number(source), 0, HEADER]);
    summed.extend(&header);
    header[16..18].copy_from_slice(&checksum(&summed).to_be_bytes());
    header
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

/// The Internet checksum (RFC 1071) of an even number of bytes. The pseudo header's sum is the same for both families:
/// IPv6's wider fields add zeros only.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let mut sum: u32 = words.sum();
    while let (Ok(high @ 1..), low) = (u16::try_from(sum >> 16), sum & 0xffff) {
        sum = low + u32::from(high);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_rfc() {
        // The example of RFC 1071 section 3.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn letters_are_flags() {
        for (text, flags) in [("-", 0), ("S", 2), ("FPU", 0x29), ("SA", 0x12), ("SR", 6)] {
            assert_eq!(text.parse::<Flags>().unwrap().0, flags, "{text}");
        }
        assert!("X".parse::<Flags>().is_err());
    }
}
