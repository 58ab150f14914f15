//! Sockets of those who may ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use anyhow::{Context, Result};
use nix::unistd::{Gid, Uid, getresgid, getresuid, setresgid, setresuid};

use crate::policy::SubjectId;

/// A socket to `resolver` that is made with the id of `asker`, as firewall and resolver know it by. It does not wait.
///
/// # Errors
/// If it cannot be made.
pub(super) fn socket(asker: SubjectId, resolver: SocketAddr) -> Result<UdpSocket> {
    let any: IpAddr = if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let make = || -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(resolver)?;
        Ok(socket)
    };
    let made = match asker {
        SubjectId::Group(gid) => {
            let (own, gid) = (getresgid()?, Gid::from_raw(gid.0));
            setresgid(gid, gid, own.effective)?;
            let made = make();
            setresgid(own.real, own.effective, own.saved).context("cannot return to root's group")?;
            made
        }
        SubjectId::User(uid) => {
            let (own, uid) = (getresuid()?, Uid::from_raw(uid.0));
            setresuid(uid, uid, own.effective)?;
            let made = make();
            setresuid(own.real, own.effective, own.saved).context("cannot return to root")?;
            made
        }
    };
    made.context("cannot make a socket to ask the resolver")
}
