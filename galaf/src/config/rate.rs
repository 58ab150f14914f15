//! How often something may happen.

use std::fmt;

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    unit: Unit,
}

/// nft's word for a time, and its seconds.
type Unit = (&'static str, u32);

const SECOND: Unit = ("second", 1);
const MINUTE: Unit = ("minute", 60);
const UNITS: [Unit; 4] = [SECOND, MINUTE, ("hour", 3600), ("day", 86400)];

impl Rate {
    /// What pings are answered at if the file does not say it.
    pub const OF_PINGS: Self = Self { count: 10, unit: SECOND };
    /// How many closed ports a source may touch if the file does not say it.
    pub const OF_CLOSED_PORTS: Self = Self { count: 20, unit: MINUTE };

    /// Reads `10/second`.
    ///
    /// # Errors
    /// What is expected.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "is no rate, expected a number and a time, as in '10/second', '3/minute', '100/hour'";
        let (count, unit) = text.split_once('/').ok_or(EXPECTED)?;
        let unit = UNITS.into_iter().find(|(known, _)| *known == unit).ok_or(EXPECTED)?;
        let count = count.parse().ok().filter(|count| (1..=1_000_000).contains(count)).ok_or(EXPECTED)?;
        Ok(Self { count, unit })
    }

    /// How many.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// In how many seconds.
    pub const fn seconds(self) -> u32 {
        self.unit.1
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for (text, seconds) in [("1/second", 1), ("10/minute", 60), ("100/hour", 3600), ("1000000/day", 86400)] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.to_string().as_str(), rate.seconds()), (text, seconds));
        }
        for text in ["", "10", "0/second", "-1/second", "1000001/second", "10/seconds", "10 /second", "10/"] {
            assert!(Rate::parse(text).is_err(), "{text:?}");
        }
    }
}
