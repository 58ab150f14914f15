//! Sets of addresses of one family as the fewest ranges.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ranges;
use crate::config::Family;

/// Addresses of one family: sorted ranges that neither overlap nor touch.
///
/// nft refuses overlapping elements in a set, so what the file names twice is merged here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    family: Family,
    ranges: Vec<Range>,
}

/// First and last address, as numbers.
pub(super) type Range = (u128, u128);

/// Why a text names no addresses; ends a sentence that begins with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not of any form that is known.
    Form,
    /// A prefix length beyond the family's.
    Prefix(u8),
    /// Bits after the prefix.
    Host,
    /// The last is before the first.
    Order,
    /// The ends are of different families.
    Mixed,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("is no address, expected ADDRESS, ADDRESS/PREFIX or FIRST-LAST"),
            Self::Prefix(bits) => write!(f, "has a prefix longer than {bits} bits"),
            Self::Host => f.write_str("has bits set behind its prefix"),
            Self::Order => f.write_str("ends before it begins"),
            Self::Mixed => f.write_str("begins and ends in different families"),
        }
    }
}

/// Bits of an address of `family`.
const fn bits(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// Every address of `family`, as a range's last one.
const fn highest(family: Family) -> u128 {
    u128::MAX >> (128 - bits(family))
}

/// Reads an address, a prefix or a range.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<(Family, Range), AddressError> {
    if let Some((address, prefix)) = text.split_once('/') {
        let (family, first) = number(address)?;
        let length: u8 = prefix.parse().map_err(|_| AddressError::Form)?;
        let host = bits(family).checked_sub(length).ok_or(AddressError::Prefix(bits(family)))?;
        let mask = block(host);
        return if first & mask == 0 { Ok((family, (first, first | mask))) } else { Err(AddressError::Host) };
    }
    if let Some((first, last)) = text.split_once('-') {
        let ((family, first), (other, last)) = (number(first)?, number(last)?);
        return match (family == other, first <= last) {
            (false, _) => Err(AddressError::Mixed),
            (true, false) => Err(AddressError::Order),
            (true, true) => Ok((family, (first, last))),
        };
    }
    number(text).map(|(family, address)| (family, (address, address)))
}

/// The lowest `host` bits.
const fn block(host: u8) -> u128 {
    if host == 0 { 0 } else { u128::MAX >> (128 - host) }
}

fn number(text: &str) -> Result<(Family, u128), AddressError> {
    text.parse().map(number_of).map_err(|_| AddressError::Form)
}

fn number_of(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(address) => (Family::Ipv4, u128::from(address.to_bits())),
        IpAddr::V6(address) => (Family::Ipv6, address.to_bits()),
    }
}

impl Addresses {
    /// The fewest ranges with the same addresses as `ranges`, which are all of `family`.
    pub(super) fn merge(family: Family, ranges: Vec<Range>) -> Self {
        Self { family, ranges: ranges::merge(ranges, |last, first| last.checked_add(1) == Some(first)) }
    }

    /// Reads an address, `FIRST-LAST` or `ADDRESS/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        parse(text).map(|(family, range)| Self { family, ranges: vec![range] })
    }

    /// Whether `address` is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (family, number) = number_of(address);
        family == self.family && ranges::contain(&self.ranges, number)
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The ranges, each with the family.
    pub(super) fn tagged(&self) -> impl Iterator<Item = (Family, Range)> + '_ {
        self.ranges.iter().map(|&range| (self.family, range))
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether every address of the family is there.
    pub fn is_everything(&self) -> bool {
        self.ranges == [(0, highest(self.family))]
    }

    /// As nft writes the elements of an interval set: a range that is a prefix as that, the others by their ends.
    pub fn elements(&self) -> Vec<String> {
        self.ranges.iter().map(|&(first, last)| self.element(first, last)).collect()
    }

    fn element(&self, first: u128, last: u128) -> String {
        let shown = |address| self.address(address);
        let size = last - first;
        let is_prefix = size & size.wrapping_add(1) == 0 && first & size == 0;
        match (size, is_prefix) {
            (0, _) => shown(first),
            (_, true) => format!("{}/{}", shown(first), u32::from(bits(self.family)) - size.count_ones()),
            (_, false) => format!("{}-{}", shown(first), shown(last)),
        }
    }

    fn address(&self, address: u128) -> String {
        match self.family {
            Family::Ipv4 => Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(u32::MAX)).to_string(),
            Family::Ipv6 => Ipv6Addr::from_bits(address).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(texts: &[&str]) -> Vec<String> {
        let parsed: Vec<(Family, Range)> = texts.iter().map(|text| parse(text).unwrap()).collect();
        Addresses::merge(parsed[0].0, parsed.into_iter().map(|(_, range)| range).collect()).elements()
    }

    #[test]
    fn what_overlaps_or_touches_becomes_one() {
        assert_eq!(merged(&["10.0.0.0/24", "10.0.0.5", "10.0.1.0/24"]), ["10.0.0.0/23"]);
        assert_eq!(merged(&["192.0.2.9", "192.0.2.1-192.0.2.8"]), ["192.0.2.1-192.0.2.9"]);
        assert_eq!(merged(&["192.0.2.1", "192.0.2.3"]), ["192.0.2.1", "192.0.2.3"]);
        assert_eq!(merged(&["2001:db8::/33", "2001:db8:8000::/33"]), ["2001:db8::/32"]);
        assert_eq!(merged(&["::/0"]), ["::/0"]);
        assert_eq!(merged(&["0.0.0.0/1", "128.0.0.0-255.255.255.255"]), ["0.0.0.0/0"]);
    }

    #[test]
    fn what_is_no_address_is_refused_for_its_reason() {
        for (text, error) in [
            ("10.0.0", AddressError::Form),
            ("10.0.0.0/x", AddressError::Form),
            ("10.0.0.0/33", AddressError::Prefix(32)),
            ("2001:db8::/129", AddressError::Prefix(128)),
            ("10.0.0.1/24", AddressError::Host),
            ("10.0.0.9-10.0.0.1", AddressError::Order),
            ("10.0.0.1-::1", AddressError::Mixed),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    /// Addresses 10.0.0.0 to 10.0.0.255, one bit each.
    fn in_small_space(elements: &[String]) -> [bool; 256] {
        let mut space = [false; 256];
        for element in elements {
            let (_, range) = parse(element).unwrap();
            for address in range.0..=range.1 {
                space[usize::try_from(address & 0xff).unwrap()] = true;
            }
        }
        space
    }

    #[test]
    fn an_address_is_known_by_its_family_too() {
        let low = Addresses::parse("0.0.0.0-0.0.0.9").unwrap();
        for (address, is_there) in [("0.0.0.0", true), ("0.0.0.9", true), ("0.0.0.10", false), ("::9", false)] {
            assert_eq!(low.contains(address.parse().unwrap()), is_there, "{address}");
        }
    }

    proptest! {
        #[test]
        fn merging_keeps_every_address_and_adds_none(pairs in proptest::collection::vec((0u8.., 0u8..), 0..20)) {
            let texts: Vec<String> = pairs.iter().map(|(a, b)| format!("10.0.0.{}-10.0.0.{}", a.min(b), a.max(b))).collect();
            let ranges = texts.iter().map(|text| parse(text).unwrap().1).collect();
            let elements = Addresses::merge(Family::Ipv4, ranges).elements();
            let space = in_small_space(&texts);
            prop_assert_eq!(in_small_space(&elements), space);
            let runs = (0..256).filter(|&at| space[at] && (at == 0 || !space[at - 1])).count();
            prop_assert_eq!(elements.len(), runs, "not the fewest: {:?}", elements);
        }

        #[test]
        fn an_element_reads_back_as_itself(first in any::<u128>(), last in any::<u128>()) {
            let range = (first.min(last), first.max(last));
            let elements = Addresses::merge(Family::Ipv6, vec![range]).elements();
            prop_assert_eq!(parse(&elements[0]), Ok((Family::Ipv6, range)));
        }
    }
}
