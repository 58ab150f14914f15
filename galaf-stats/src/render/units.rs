//! Numbers for people.

const IEC: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const SI: [&str; 5] = ["k", "M", "G", "T", "P"];
/// Up to here packets are given exactly.
const EXACT_PACKETS: u64 = 9_999_999;

/// Bytes in IEC units (IEC 80000-13) with one decimal, or exactly.
pub(super) fn bytes(count: u64, exact: bool) -> String {
    if exact {
        return count.to_string();
    }
    if count < 1024 {
        return format!("{count} B");
    }
    scaled(count, 1024, &IEC[1..])
}

/// Packets: exact while the number is short, then in SI units with one decimal.
pub(super) fn packets(count: u64, exact: bool) -> String {
    if exact || count <= EXACT_PACKETS {
        return count.to_string();
    }
    scaled(count, 1000, &SI)
}

/// Whole units of a time span, rounded down.
pub(super) fn seconds(span: u64) -> String {
    match span {
        0..60 => format!("{span} s"),
        60..3600 => format!("{} min", span / 60),
        3600..86400 => format!("{} h", span / 3600),
        _ => format!("{} d", span / 86400),
    }
}

/// In integers: a float could not hold every count.
fn scaled(count: u64, base: u128, units: &[&str]) -> String {
    let count = u128::from(count);
    let mut unit = base;
    let mut units = units.iter();
    let mut name = units.next();
    loop {
        let tenths = (count * 10 + unit / 2) / unit;
        match (units.next(), name) {
            // Rounding must not print 1024.0 KiB.
            (next @ Some(_), _) if tenths >= base * 10 => {
                name = next;
                unit *= base;
            }
            (_, name) => return format!("{}.{} {}", tenths / 10, tenths % 10, name.copied().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_unit_that_leaves_one_to_four_digits() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_048_576, "1.0 MiB"),
            (1_073_217_536, "1023.5 MiB"),
            (1_099_511_627_776, "1.0 TiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count, false), text, "{count}");
        }
    }

    #[test]
    fn exact_numbers_have_no_unit() {
        assert_eq!(bytes(u64::MAX, true), "18446744073709551615");
        assert_eq!(packets(12_345_678, true), "12345678");
    }

    #[test]
    fn packets_are_exact_until_they_are_long() {
        assert_eq!(packets(9_999_999, false), "9999999");
        assert_eq!(packets(10_000_000, false), "10.0 M");
        assert_eq!(packets(999_960_000, false), "1.0 G");
    }

    #[test]
    fn time_spans_are_never_rounded_up() {
        for (span, text) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400, "1 d")] {
            assert_eq!(seconds(span), text);
        }
    }
}
