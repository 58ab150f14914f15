//! Addresses of this machine.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

/// The addresses of every interface: packets to them go over the loopback. None if they cannot be read.
pub fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let address = |address: nix::sys::socket::SockaddrStorage| {
        let ipv4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
        ipv4.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
    };
    interfaces.filter_map(|interface| interface.address.and_then(address)).collect()
}
