//! Medians, and how far they can be trusted.

use std::fmt;
use std::time::Duration;

/// Samples of one measurement, round by round. No round is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    rounds: Vec<Vec<Duration>>,
}

/// The lowest, middle and highest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread<T> {
    pub(super) low: T,
    pub(super) median: T,
    pub(super) high: T,
}

impl Series {
    pub(super) fn push(&mut self, round: Vec<Duration>) {
        self.rounds.push(round);
    }

    /// The median of each round, and the spread of these.
    pub(super) fn spread(&self) -> Option<Spread<Duration>> {
        Spread::of(self.medians())
    }

    /// The latency that one sample of a hundred exceeds.
    pub(super) fn worst_of_a_hundred(&self) -> Option<Duration> {
        let mut samples: Vec<Duration> = self.rounds.iter().flatten().copied().collect();
        samples.sort_unstable();
        samples.get((samples.len() * 99 / 100).min(samples.len().saturating_sub(1))).copied()
    }

    /// How many times longer than `base`, each round compared with the same round: a machine that is slower for a
    /// while is so for both.
    pub(super) fn ratio(&self, base: &Self) -> Option<Spread<f64>> {
        let pairs = self.medians().into_iter().zip(base.medians());
        Spread::of(pairs.map(|(own, base)| own.as_secs_f64() / base.as_secs_f64()).collect())
    }

    fn medians(&self) -> Vec<Duration> {
        self.rounds.iter().filter_map(|round| Some(Spread::of(round.clone())?.median)).collect()
    }
}

impl<T: PartialOrd + Copy> Spread<T> {
    /// `None` without figures.
    pub(super) fn of(mut figures: Vec<T>) -> Option<Self> {
        figures.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let (low, high) = (*figures.first()?, *figures.last()?);
        Some(Self { low, median: *figures.get(figures.len() / 2)?, high })
    }
}

/// A duration with three significant digits.
#[derive(Clone, Copy)]
pub(super) struct Short(pub(super) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let (number, unit) = match seconds {
            _ if seconds < 1e-3 => (seconds * 1e6, "µs"),
            _ if seconds < 1.0 => (seconds * 1e3, "ms"),
            _ => (seconds, "s"),
        };
        let decimals = match number {
            _ if number < 9.995 => 2,
            _ if number < 99.95 => 1,
            _ => 0,
        };
        write!(f, "{number:.decimals$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rounds: &[&[u64]]) -> Series {
        let micros = |round: &&[u64]| round.iter().map(|&micros| Duration::from_micros(micros)).collect();
        Series { rounds: rounds.iter().map(micros).collect() }
    }

    #[test]
    fn one_slow_sample_or_round_does_not_move_the_median() {
        let spread = series(&[&[40, 9000, 41], &[900, 901, 902], &[43, 42, 41]]).spread().unwrap();
        let micros = [spread.low, spread.median, spread.high].map(|duration| duration.as_micros());
        assert_eq!(micros, [41, 42, 901]);
    }

    #[test]
    fn a_ratio_compares_rounds_of_the_same_time() {
        let ratio = series(&[&[50], &[500], &[55]]).ratio(&series(&[&[40], &[400], &[50]])).unwrap();
        assert_eq!((ratio.low, ratio.median, ratio.high), (1.1, 1.25, 1.25));
    }

    #[test]
    fn one_in_a_hundred_is_slower_than_the_worst_of_a_hundred() {
        let samples: Vec<u64> = (1..=200).collect();
        assert_eq!(series(&[&samples]).worst_of_a_hundred(), Some(Duration::from_micros(199)));
        assert_eq!(series(&[&[7]]).worst_of_a_hundred(), Some(Duration::from_micros(7)));
        assert_eq!(series(&[]).worst_of_a_hundred(), None);
    }

    #[test]
    fn durations_are_short_in_every_unit() {
        let short = |nanos| Short(Duration::from_nanos(nanos)).to_string();
        assert_eq!(short(1_234), "1.23 µs");
        assert_eq!(short(99_960), "100 µs");
        assert_eq!(short(12_340_000), "12.3 ms");
        assert_eq!(short(2_346_000_000), "2.35 s");
    }
}
