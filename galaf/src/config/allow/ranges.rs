//! Ranges of anything that is counted.

/// The fewest ranges with the same members. `touch` tells whether the second value follows the first directly.
pub(super) fn merge<T: Copy + Ord>(mut ranges: Vec<(T, T)>, touch: impl Fn(T, T) -> bool) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 || touch(before.1, first) => before.1 = before.1.max(last),
            Some(_) | None => merged.push((first, last)),
        }
    }
    merged
}

/// Whether `value` is in one of `ranges`, which are sorted.
pub(super) fn contain<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let before = ranges.partition_point(|(first, _)| *first <= value);
    before.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, last)| value <= *last)
}
