//! Packets, and addresses of names, near the edges of what a file grants.

use std::net::IpAddr;

use galaf::config::{Domain, Family};
use galaf_gen::policy::Policy;
use galaf_gen::why::Protocol;

use crate::addresses::{near, near_port, unlisted};
use crate::draw::{CONTAINER, Drawn};
use crate::place::Sent;
use crate::random::Random;

/// The address of a name: one of its own, or one that the file has.
pub(crate) fn answer(random: &mut Random, drawn: &Drawn, family: Family) -> IpAddr {
    let known: Vec<IpAddr> =
        drawn.addresses.iter().copied().filter(|address| address.is_ipv4() == (family == Family::Ipv4)).collect();
    if random.once_in(4) && !known.is_empty() {
        return *random.pick(&known);
    }
    unlisted(random, family)
}

/// A packet to be sent.
pub(crate) fn packet(random: &mut Random, drawn: &Drawn, policy: &Policy, answers: &[(IpAddr, Domain)]) -> Sent {
    let mut gids = vec![0, 1001, 30_000, 30_003];
    gids.extend(policy.applications.iter().map(|application| application.gid.0));
    let uids = [0, 107, 998, 1001, 1001, 1002, 1003];
    let inside = |random: &mut Random, id: u32| if random.once_in(10) { CONTAINER + id } else { id };
    let gid = *random.pick(&gids);
    let uid = *random.pick(&uids);
    let address = match random.below(12) {
        0..4 if !drawn.addresses.is_empty() => {
            let around = *random.pick(&drawn.addresses);
            near(random, around)
        }
        4 => ["192.0.2.53", "2001:db8::53", "192.0.2.10", "2001:db8::10", "127.0.0.1", "::1"][random.below(6)]
            .parse()
            .unwrap(),
        5 => ["203.0.113.200", "2001:db8:300::1"][random.below(2)].parse().unwrap(),
        _ => random.pick(answers).0,
    };
    let is_many = match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    };
    let protocol = match random.below(5) {
        // No connection is made to many.
        0 | 1 if !is_many => Protocol::Tcp,
        4 => Protocol::Icmp,
        _ => Protocol::Udp,
    };
    let around = *random.pick(&drawn.ports);
    let port = if protocol == Protocol::Icmp { 0 } else { near_port(random, around) };
    let from = (protocol == Protocol::Udp && [67, 547].contains(&port) && random.once_in(2))
        .then_some(if address.is_ipv4() { 68 } else { 546 });
    Sent { gid: inside(random, gid), uid: inside(random, uid), address, protocol, port, from }
}
