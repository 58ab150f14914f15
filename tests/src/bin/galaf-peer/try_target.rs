//! One attempt on one socket.

use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use anyhow::Result;
use galaf::mark::Mark;
use galaf_tests::peer::{Attempt, Protocol, Target, Verdict};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, connect, recv, send};

use crate::socket;

const PAYLOAD: &[u8] = b"galaf-peer: is anybody there?";
/// icmp(7), icmpv6: types of an echo request. The kernel writes identifier and checksum.
const ECHO_REQUEST: [u8; 2] = [8, 128];
const ICMP_HEADER: usize = 8;

/// Tries every target with a socket of its own.
pub(crate) fn all(targets: &[&str]) -> Result<()> {
    for target in targets {
        let target = target.parse()?;
        let socket = socket::open(&target)?;
        print(&target, socket.as_raw_fd(), socket::mark(&socket)?);
    }
    Ok(())
}

/// Tries `target` on `socket` and prints how it came out. The descriptor may be one that was passed to this process.
pub(crate) fn print(target: &Target, socket: RawFd, mark: Mark) {
    let start = Instant::now();
    let verdict = match exchange(target, socket) {
        Ok(()) => Verdict::Reached,
        // A limit that ran out, in connect(2) and in the others.
        Err(Errno::EINPROGRESS | Errno::EAGAIN | Errno::ETIMEDOUT) => Verdict::Silent,
        Err(errno) => Verdict::Refused(format!("{errno:?}")),
    };
    let attempt = Attempt { target: target.to_string(), verdict, elapsed: start.elapsed(), mark };
    println!("{}", attempt.to_json());
}

fn exchange(target: &Target, socket: RawFd) -> Result<(), Errno> {
    connect(socket, &SockaddrStorage::from(target.address))?;
    let sent = match target.protocol {
        Protocol::Tcp | Protocol::Udp => PAYLOAD.to_vec(),
        Protocol::Icmp => {
            let kind = ECHO_REQUEST[usize::from(target.address.is_ipv6())];
            let mut packet = vec![kind, 0, 0, 0, 0, 0, 0, 1];
            packet.extend(PAYLOAD);
            packet
        }
    };
    // A connection that was reset must not end this process.
    send(socket, &sent, MsgFlags::MSG_NOSIGNAL)?;
    let mut buffer = [0; 256];
    let mut received = 0;
    while received < sent.len() {
        match recv(socket, &mut buffer[received..], MsgFlags::empty())? {
            0 => return Err(Errno::ECONNRESET),
            length => received += length,
        }
    }
    let same = match target.protocol {
        Protocol::Tcp | Protocol::Udp => buffer[..received] == sent,
        Protocol::Icmp => buffer[ICMP_HEADER..received] == sent[ICMP_HEADER..],
    };
    if same { Ok(()) } else { Err(Errno::EBADMSG) }
}
