//! When a grant lapses.

use jiff::{SignedDuration, Timestamp};

/// A moment, or a time from the moment the file is put into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Seconds since the epoch.
    At(i64),
    /// Seconds from the apply.
    After(i64),
}

/// The last second that fits the kernel's clock, 64 bits of nanoseconds since the epoch: in the year 2554. nft takes
/// later ones and cuts them off, so that a denial until 2600 would have been over in 2016.
const LAST: i64 = 18_446_744_073;

impl Until {
    /// Reads an RFC 3339 time or a duration such as `90m` or `1h 30m`.
    ///
    /// # Errors
    /// If it is neither, or a duration that is not positive.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time.as_second()));
        }
        let duration: SignedDuration = text.parse().map_err(
            |_| "is no time, expected one as in RFC 3339 (2030-01-31T18:00:00Z) or a duration (90m, 1h 30m)",
        )?;
        if duration.as_secs() > 0 { Ok(Self::After(duration.as_secs())) } else { Err("is not a time to come") }
    }

    /// The moment, if the apply is at `now` (seconds since the epoch), or the nearest that a rule can tell.
    pub fn at(self, now: i64) -> i64 {
        let time = match self {
            Self::At(time) => time,
            Self::After(seconds) => now.saturating_add(seconds),
        };
        time.clamp(0, LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST, Until};

    #[test]
    fn times_and_durations_are_told_apart() {
        assert_eq!(Until::parse("2030-01-31T18:00:00Z"), Ok(Until::At(1_896_112_800)));
        assert_eq!(Until::parse("2030-01-31T20:00:00+02:00"), Ok(Until::At(1_896_112_800)));
        assert_eq!(Until::parse("90m"), Ok(Until::After(5400)));
        assert_eq!(Until::parse("1h 30m"), Ok(Until::After(5400)));
        assert_eq!(Until::After(60).at(1000), 1060);
        for text in ["", "tomorrow", "-1h", "0s", "18:00", "2030-01-31"] {
            assert!(Until::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_moment_that_nft_would_refuse_or_cut_off_becomes_the_nearest_one() {
        assert_eq!(u128::from(u64::MAX) / 1_000_000_000, u128::try_from(LAST).unwrap());
        for (text, moment) in [
            ("1900-01-01T00:00:00Z", 0),
            ("2554-07-21T23:34:33Z", LAST),
            ("2600-01-01T00:00:00Z", LAST),
            ("9999-12-30T22:00:00Z", LAST),
            ("20000000h", LAST),
        ] {
            assert_eq!(Until::parse(text).unwrap().at(1_800_000_000), moment, "{text}");
        }
    }
}
