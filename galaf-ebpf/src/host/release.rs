//! The kernel's version.

use std::fmt;
use std::path::Path;

use super::{Unreadable, read};

/// Major and minor number of a kernel release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release(pub(crate) u32, pub(crate) u32);

impl Release {
    /// The oldest that can load the program: `BPF_MAP_TYPE_RINGBUF` came with it, links to cgroups with 5.7.
    pub(crate) const OLDEST: Self = Self(5, 8);
    /// The first on which a socket keeps its v2 cgroup when a v1 network controller is in use.
    pub(crate) const SEPARATE_CGROUPS: Self = Self(5, 15);
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The running kernel's. A text that is no version (no kernel prints one) counts as 0.0.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn running(proc: &Path) -> Result<Release, Unreadable> {
    Ok(parse(&read(&proc.join("sys/kernel/osrelease"))?))
}

fn parse(text: &str) -> Release {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    Release(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_are_read() {
        assert_eq!(parse("6.1.0-37-amd64\n"), Release(6, 1));
        assert_eq!(parse("5.15-rc1\n"), Release(5, 15));
        assert_eq!(parse("6.18.44\n"), Release(6, 18));
    }

    #[test]
    fn a_release_of_two_digits_is_newer_than_one_of_one() {
        assert!(parse("5.10.0-32-amd64") > Release::OLDEST);
        assert!(parse("5.4.0-216-generic") < Release::OLDEST);
        assert!(parse("4.19.0") < Release::OLDEST);
    }
}
