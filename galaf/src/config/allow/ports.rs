//! Sets of ports as the fewest ranges.

use std::fmt;

use super::ranges;

/// Ports: sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(Vec<(u16, u16)>);

/// Why a text or number names no ports; ends a sentence that begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortError {
    /// Not 1 to 65535.
    Number,
    /// The last is before the first.
    Order,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "is no port, expected 1 to 65535, a range FIRST-LAST, or the name of a service",
            Self::Order => "ends before it begins",
        })
    }
}

/// Reads `FIRST-LAST`; `None` if the text does not have this form.
pub(super) fn range(text: &str) -> Option<Result<(u16, u16), PortError>> {
    let (first, last) = text.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let ends = number(first).and_then(|first| Ok((first, number(last)?)));
    Some(ends.and_then(|(first, last)| if first <= last { Ok((first, last)) } else { Err(PortError::Order) }))
}

/// Reads a port.
pub(super) fn number(text: &str) -> Result<u16, PortError> {
    text.parse().ok().filter(|&port| port != 0).ok_or(PortError::Number)
}

impl Ports {
    /// The fewest ranges with the same ports.
    pub fn merge(ranges: Vec<(u16, u16)>) -> Self {
        Self(ranges::merge(ranges, |last, first| last.checked_add(1) == Some(first)))
    }

    /// Whether `port` is among them.
    pub fn contains(&self, port: u16) -> bool {
        ranges::contain(&self.0, port)
    }

    /// As nft writes the elements of an interval set.
    pub fn elements(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_merged() {
        assert_eq!(Ports::merge(vec![(443, 443), (80, 80), (81, 90), (85, 100)]).elements(), ["80-100", "443"]);
        assert_eq!(Ports::merge(vec![(1, 65535), (7, 7)]).elements(), ["1-65535"]);
    }

    #[test]
    fn a_range_has_its_ends_and_not_their_neighbours() {
        let ports = Ports::merge(vec![(80, 90), (443, 443)]);
        let there: Vec<u16> =
            [79, 80, 85, 90, 91, 442, 443, 444].into_iter().filter(|&port| ports.contains(port)).collect();
        assert_eq!(there, [80, 85, 90, 443]);
    }

    #[test]
    fn what_is_no_port_is_refused() {
        assert_eq!(number("0"), Err(PortError::Number));
        assert_eq!(number("65536"), Err(PortError::Number));
        assert_eq!(range("90-80"), Some(Err(PortError::Order)));
        assert_eq!(range("1-70000"), Some(Err(PortError::Number)));
        assert_eq!(range("ftp-data"), None);
        assert_eq!(range("80"), None);
    }
}
