//! A network of the test's own, and what its kernel does with packets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use galaf_gen::kernel::nft;
use galaf_gen::why::{Protocol, Verdict};
use galaf_tests::run::Outcome;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, connect, sendto, setsockopt,
    socket, sockopt,
};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

/// Addresses of the machine itself.
pub(crate) const OWN: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

/// The interface takes every packet and asks for no neighbour; whoever is at its other end is not meant by any.
const NETWORK: &str = "\
ip link set lo up
ip link add lan type veth peer name far
ip link set lan arp off
ip link set far up
ip address add 192.0.2.10/24 dev lan
ip address add 2001:db8::10/64 dev lan nodad
ip link set lan up
ip route add default dev lan
ip -6 route add default dev lan
echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range
";

/// Behind every chain of galaf's: whose packets were let out.
const OBSERVER: &str = "table inet observer {
    set passed { type mark; flags dynamic; size 65535; }
    chain output {
        type filter hook output priority 300;
        meta mark != 0 update @passed { meta mark }
    }
}";

/// A packet to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) gid: u32,
    pub(crate) uid: u32,
    pub(crate) address: IpAddr,
    pub(crate) protocol: Protocol,
    /// The destination's; 0 for ICMP.
    pub(crate) port: u16,
    /// The source's, where it matters.
    pub(crate) from: Option<u16>,
}

/// The namespace of the calling thread.
pub(crate) struct Place {
    lan: u32,
}

impl Place {
    pub(crate) fn enter() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        Outcome::of(Command::new("sh").args(["-ec", NETWORK])).unwrap().success().unwrap();
        Self { lan: if_nametoindex("lan").unwrap() }
    }

    /// Puts a ruleset in the place of the one before, with what the resolver would have put into its sets.
    pub(crate) fn load(&self, ruleset: &str, elements: &BTreeMap<String, BTreeSet<IpAddr>>) -> Result<(), String> {
        let mut text = String::new();
        for table in ["galaf", "observer"] {
            text += &format!("table inet {table}\ndelete table inet {table}\n");
        }
        text = text + ruleset + OBSERVER + "\n";
        for (set, addresses) in elements.iter().filter(|(_, addresses)| !addresses.is_empty()) {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            text += &format!("add element inet galaf {set} {{ {} }}\n", addresses.join(", "));
        }
        nft::load(&text).map_err(|error| error.to_string())
    }

    /// Sends `packet` with a mark that tells it from all others.
    pub(crate) fn send(&self, packet: &Sent, mark: u32) {
        let socket = open(packet, mark);
        let to = match packet.address {
            // What is on the link needs to be told which.
            IpAddr::V6(address) => SocketAddr::V6(SocketAddrV6::new(address, packet.port, 0, self.lan)),
            IpAddr::V4(address) => (address, packet.port).into(),
        };
        let to = SockaddrStorage::from(to);
        let echo_request = [if packet.address.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0, 0, 0, 1];
        let result = match packet.protocol {
            Protocol::Tcp => connect(socket.as_raw_fd(), &to),
            Protocol::Udp => sendto(socket.as_raw_fd(), b"x", &to, MsgFlags::empty()).map(drop),
            Protocol::Icmp => sendto(socket.as_raw_fd(), &echo_request, &to, MsgFlags::empty()).map(drop),
        };
        // What else can go wrong leaves no trace, which `verdict` finds out.
        assert_ne!(result, Err(Errno::EINVAL), "{packet:?}");
    }

    /// What became of each mark.
    pub(crate) fn verdicts(&self) -> BTreeMap<u32, Vec<Verdict>> {
        let mut verdicts: BTreeMap<u32, Vec<Verdict>> = BTreeMap::new();
        let audited: BTreeSet<u32> = marks("galaf", "audited4").chain(marks("galaf", "audited6")).collect();
        for mark in marks("observer", "passed") {
            let verdict = if audited.contains(&mark) { Verdict::Audit } else { Verdict::Allow };
            verdicts.entry(mark).or_default().push(verdict);
        }
        for mark in marks("galaf", "refused4").chain(marks("galaf", "refused6")) {
            verdicts.entry(mark).or_default().push(Verdict::Refuse);
        }
        verdicts
    }
}

/// A socket whose creator had the packet's ids: those that count for files are those that the kernel keeps.
fn open(packet: &Sent, mark: u32) -> OwnedFd {
    let family = if packet.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let (kind, protocol) = match packet.protocol {
        Protocol::Tcp => (SockType::Stream, SockProtocol::Tcp),
        Protocol::Udp => (SockType::Datagram, SockProtocol::Udp),
        Protocol::Icmp if packet.address.is_ipv4() => (SockType::Datagram, SockProtocol::Icmp),
        Protocol::Icmp => (SockType::Datagram, SockProtocol::IcmpV6),
    };
    setfsgid(Gid::from_raw(packet.gid));
    setfsuid(Uid::from_raw(packet.uid));
    let made = socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol);
    setfsuid(Uid::from_raw(0));
    setfsgid(Gid::from_raw(0));
    let socket = made.unwrap();
    setsockopt(&socket, sockopt::Mark, &mark).unwrap();
    setsockopt(&socket, sockopt::Broadcast, &true).unwrap();
    if let Some(port) = packet.from {
        let any = if packet.address.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
        bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::from((any, port)))).unwrap();
    }
    socket
}

/// The mark of each element of a set, where there is such a set.
fn marks(table: &str, set: &str) -> impl Iterator<Item = u32> {
    let listing = nft::list_json(&["set", "inet", table, set]).unwrap_or_default();
    let listing: serde_json::Value = serde_json::from_str(&listing).unwrap_or_default();
    let sets = listing["nftables"].as_array().cloned().unwrap_or_default();
    let elements = sets.iter().find_map(|object| object["set"]["elem"].as_array().cloned()).unwrap_or_default();
    elements.into_iter().filter_map(|element| {
        let value = element.get("elem").map_or(&element, |element| &element["val"]);
        let mark = value["concat"].get(0).unwrap_or(value);
        mark.as_u64().and_then(|mark| u32::try_from(mark).ok()).filter(|mark| *mark != 0)
    })
}
