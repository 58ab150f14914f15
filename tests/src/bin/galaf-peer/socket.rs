//! Sockets that cannot wait for ever.

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use galaf::mark::Mark;
use galaf_tests::peer::{Protocol, Target};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, getsockopt, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// Seconds after which an attempt counts as silent: more than the one after which a SYN is repeated.
const LIMIT: i64 = 2;

/// A socket for `target`, bound to its local port. The limits live in the socket and go with it when it is passed on.
pub(crate) fn open(target: &Target) -> Result<OwnedFd> {
    let ipv4 = target.address.is_ipv4();
    let family = if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let (kind, protocol) = match target.protocol {
        Protocol::Tcp => (SockType::Stream, SockProtocol::Tcp),
        Protocol::Udp => (SockType::Datagram, SockProtocol::Udp),
        Protocol::Icmp if ipv4 => (SockType::Datagram, SockProtocol::Icmp),
        Protocol::Icmp => (SockType::Datagram, SockProtocol::IcmpV6),
    };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol).context("cannot open a socket")?;
    let limit = TimeVal::seconds(LIMIT);
    setsockopt(&socket, sockopt::ReceiveTimeout, &limit).context("cannot limit the waiting")?;
    setsockopt(&socket, sockopt::SendTimeout, &limit).context("cannot limit the waiting")?;
    if let Some(local) = target.local() {
        setsockopt(&socket, sockopt::ReuseAddr, &true).context("cannot share the port")?;
        bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrStorage::from(local))
            .with_context(|| format!("cannot take {local}"))?;
    }
    Ok(socket)
}

/// The mark of a socket, which everybody may read of their own.
pub(crate) fn mark(socket: &impl std::os::fd::AsFd) -> Result<Mark> {
    Ok(Mark(getsockopt(socket, sockopt::Mark).context("cannot read the mark")?))
}
