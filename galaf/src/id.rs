//! Kernel ids as types, so that a gid is never passed where a uid is meant.

use core::fmt;

/// A user id as the initial user namespace sees it (a kuid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u32);

/// A group id as the initial user namespace sees it (a kgid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

impl UserId {
    /// The superuser.
    pub const ROOT: Self = Self(0);
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Group ids that applications are given, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GidRange {
    /// Lowest gid of the range.
    pub min: GroupId,
    /// Highest gid of the range.
    pub max: GroupId,
}

impl GidRange {
    /// Where a file says nothing: 30000 to 59999, free on Debian, Fedora and Arch
    /// (systemd's UIDS-GIDS document assigns none of it).
    pub const DEFAULT: Self = Self { min: GroupId(30000), max: GroupId(59999) };

    /// Whether `gid` lies in the range.
    pub const fn contains(self, gid: GroupId) -> bool {
        self.min.0 <= gid.0 && gid.0 <= self.max.0
    }
}

impl fmt::Display for GidRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.min, self.max)
    }
}
