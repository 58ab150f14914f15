//! A workstation for each firewall, all connected to one peer.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::firewall::{ANSWERING_PORT, Firewall, GRANTED_PORT, SIZES, load};
use super::label::Label;
use super::place::{Binaries, Held, Ids, Place, USER, output};
use super::worker::Outcome;

/// Source ports stay clear of the ports above and of 61000 and more, which other defaults begin at.
const SOURCE_PORTS: std::ops::Range<u16> = 10_000..60_000;

/// A workstation and its link to the peer.
pub(super) struct Site {
    pub(super) firewall: Firewall,
    place: Place,
    cgroup: Option<PathBuf>,
    peer: Ipv4Addr,
    next_port: u16,
}

impl Site {
    /// Time of each of `samples` connections to the peer.
    pub(super) fn connect(&mut self, gid: u32, port: u16, samples: u16, outcome: Outcome) -> Result<Vec<Duration>> {
        if self.next_port > SOURCE_PORTS.end - samples {
            self.next_port = SOURCE_PORTS.start;
        }
        let to = format!("{}:{port}", self.peer);
        let (first, number) = (self.next_port.to_string(), samples.to_string());
        self.next_port += samples;
        self.measure(gid, &["connect", &to, &first, &number, outcome.word()])
    }

    /// Time of a datagram, a sample a batch.
    pub(super) fn udp(&self, gid: u32, batches: u32) -> Result<Vec<Duration>> {
        self.measure(gid, &["udp", &format!("{}:{GRANTED_PORT}", self.peer), &batches.to_string()])
    }

    /// Time of making and closing a socket, a sample a batch.
    pub(super) fn socket(&self, gid: u32, batches: u32) -> Result<Vec<Duration>> {
        self.measure(gid, &["socket", &batches.to_string()])
    }

    fn measure(&self, gid: u32, task: &[&str]) -> Result<Vec<Duration>> {
        self.place
            .measure(self.cgroup.as_deref(), Ids { gid, ..USER }, task)
            .with_context(|| format!("{}, {} applications", self.firewall, self.firewall.applications().unwrap_or(0)))
    }
}

/// All workstations, and what they need as long as they are used.
pub(super) struct Sites {
    pub(super) sites: Vec<Site>,
    _server: Held,
    _peer: Place,
    _label: Label,
}

impl Sites {
    pub(super) fn new(binaries: &Binaries) -> Result<Self> {
        let peer = Place::new(binaries)?;
        let server = peer.serve(GRANTED_PORT, ANSWERING_PORT)?;
        let label = Label::new(&peer)?;
        let galaf = SIZES.map(Firewall::Galaf);
        let linear = SIZES.map(Firewall::Linear);
        let firewalls = [Firewall::None, Firewall::Conntrack].into_iter().chain(galaf).chain(linear);
        let mut sites = Vec::new();
        for (firewall, number) in firewalls.zip(1_u8..) {
            let place = Place::new(binaries)?;
            let address = connect_to_peer(&place, &peer, number)?;
            load(firewall, &place)?;
            let cgroup = matches!(firewall, Firewall::Galaf(_)).then(|| label.cgroup.clone());
            sites.push(Site { firewall, place, cgroup, peer: address, next_port: SOURCE_PORTS.start });
        }
        Ok(Self { sites, _server: server, _peer: peer, _label: label })
    }
}

/// A veth pair in a network of its own, out of the block for benchmarks (RFC 2544); the peer's address.
pub(super) fn connect_to_peer(place: &Place, peer: &Place, number: u8) -> Result<Ipv4Addr> {
    let link = format!("peer{number}");
    let (own, other) = (format!("198.18.{number}.1/24"), format!("198.18.{number}.2/24"));
    let (own_pid, other_pid) = (place.pid().to_string(), peer.pid().to_string());
    let pair = ["link", "add", &link, "netns", &other_pid, "type", "veth", "peer", "name", "eth0", "netns", &own_pid];
    output(Command::new("ip").args(pair))?;
    peer.script(&format!("ip addr add {other} dev {link} && ip link set {link} up"))?;
    place.script(&format!("ip addr add {own} dev eth0 && ip link set eth0 up"))?;
    Ok(Ipv4Addr::new(198, 18, number, 2))
}
