//! Addresses and ports, and those beside them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use galaf::config::Family;

use crate::random::Random;

/// Addresses that are drawn from one base.
pub(crate) const SPAN: u128 = 64;

pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into(),
        Family::Ipv6 => Ipv6Addr::from_bits(number).into(),
    }
}

/// Where the addresses begin that no file lists.
const fn unlisted_base(family: Family) -> u128 {
    match family {
        Family::Ipv4 => 0xcb00_7100,
        Family::Ipv6 => 0x2001_0db8_0200_0000_0000_0000_0000_0000,
    }
}

/// An address that no file lists.
pub(crate) fn unlisted(random: &mut Random, family: Family) -> IpAddr {
    address(family, unlisted_base(family) + random.within(SPAN))
}

pub(crate) fn is_listed_nowhere(address: IpAddr) -> bool {
    let (number, family) = match address {
        IpAddr::V4(address) => (address.to_bits().into(), Family::Ipv4),
        IpAddr::V6(address) => (address.to_bits(), Family::Ipv6),
    };
    (unlisted_base(family)..unlisted_base(family) + SPAN).contains(&number)
}

/// An address or one beside it.
pub(crate) fn near(random: &mut Random, around: IpAddr) -> IpAddr {
    let moved = |number: u128, random: &mut Random| match random.below(4) {
        0 => number.saturating_sub(1),
        1 => number.saturating_add(1),
        _ => number,
    };
    match around {
        IpAddr::V4(it) => address(Family::Ipv4, moved(it.to_bits().into(), random).min(u32::MAX.into())),
        IpAddr::V6(it) => address(Family::Ipv6, moved(it.to_bits(), random)),
    }
}

/// A port or one beside it.
pub(crate) fn near_port(random: &mut Random, around: u16) -> u16 {
    match random.below(4) {
        0 => around.saturating_sub(1).max(1),
        1 => around.saturating_add(1),
        _ => around,
    }
}
