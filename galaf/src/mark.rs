//! The 32-bit mark of a socket: its group in the high half, its user in the low half.
//!
//! Ids 0..=65519 and 65534 stand for themselves. The system assigns no id in 65520..=65533
//! (systemd's UIDS-GIDS document), so three of those values carry meanings of ours. Every other
//! id becomes [`OVERFLOW`]: cutting an id to 16 bits instead would let an ordinary user take
//! the mark of an application through the stock subordinate ids of `/etc/subgid`.

use core::fmt;

use crate::id::{GroupId, UserId};

/// Half of a mark whose id does not fit.
pub const OVERFLOW: u16 = 0xfff0;
/// Group half of root's own sockets (uid 0, gid 0), whose plain mark would be 0, "unmarked".
pub const ROOT_GROUP: u16 = 0xfff1;
/// Half of a mark that was set by nftables, which knows one of the two ids only.
pub const UNKNOWN: u16 = 0xfff2;

/// The highest id below the reserved values.
pub const MAX_PLAIN_ID: u32 = 65519;
/// `nobody` and `nogroup` on every current distribution; Debian's `_apt` runs with this group.
pub const NOBODY: u32 = 65534;

/// Selects the group half of a mark.
pub const GROUP_MASK: u32 = 0xffff_0000;
/// Selects the user half of a mark.
pub const USER_MASK: u32 = 0x0000_ffff;

/// A socket or connection mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u32);

/// One half of a mark, read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// The id itself.
    Id(u16),
    /// Some id that does not fit into 16 bits.
    Overflow,
    /// Not recorded: the mark was set by nftables.
    Unknown,
    /// A reserved value that no version of galaf writes here.
    Reserved(u16),
}

/// Whom a mark names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// No mark: made before the program was loaded, by the kernel, or outside its cgroup.
    Unmarked,
    /// uid 0 with gid 0.
    Root,
    /// Any other pair of ids.
    Pair {
        /// The group half.
        group: Half,
        /// The user half.
        user: Half,
    },
}

/// Whether `id` stands for itself in a mark.
pub const fn is_plain(id: u32) -> bool {
    id <= MAX_PLAIN_ID || id == NOBODY
}

/// The half that `id` takes in a mark: itself, or [`OVERFLOW`].
#[allow(clippy::as_conversions, reason = "TryFrom is not const; is_plain bounds the value to 16 bits")]
pub const fn half(id: u32) -> u16 {
    if is_plain(id) { id as u16 } else { OVERFLOW }
}

impl Mark {
    /// No mark.
    pub const UNMARKED: Self = Self(0);
    /// Root's own sockets.
    pub const ROOT: Self = Self::from_halves(ROOT_GROUP, 0);

    /// The mark of a socket created by `gid` and `uid`. Never 0.
    pub const fn new(gid: GroupId, uid: UserId) -> Self {
        if gid.0 == 0 && uid.0 == 0 {
            return Self::ROOT;
        }
        Self::from_halves(half(gid.0), half(uid.0))
    }

    /// A mark of two halves as they stand.
    #[allow(clippy::as_conversions, reason = "From is not const; widening loses nothing")]
    pub const fn from_halves(group: u16, user: u16) -> Self {
        Self((group as u32) << 16 | user as u32)
    }

    /// Whom the mark names.
    #[allow(clippy::as_conversions, reason = "each half is cut out of the 32 bits on purpose")]
    pub const fn owner(self) -> Owner {
        if self.0 == Self::UNMARKED.0 {
            return Owner::Unmarked;
        }
        if self.0 == Self::ROOT.0 {
            return Owner::Root;
        }
        Owner::Pair { group: read_half((self.0 >> 16) as u16), user: read_half(self.0 as u16) }
    }
}

/// Marks are read in hexadecimal everywhere but in dnsmasq's configuration.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

const fn read_half(half: u16) -> Half {
    match half {
        OVERFLOW => Half::Overflow,
        UNKNOWN => Half::Unknown,
        0xfff1 | 0xfff3..=0xfffd | 0xffff => Half::Reserved(half),
        id => Half::Id(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every id near a place where the meaning changes, in both halves' widths.
    fn boundary_ids() -> Vec<u32> {
        let edges = [0u32, 1000, 30000, 59999, 65519, 65520, 65533, 65534, 65535, 65536, 1 << 17, 1 << 31, u32::MAX];
        let mut ids: Vec<u32> = edges
            .iter()
            .flat_map(|&e| (-3i64..=3).map(move |d| i64::from(e) + d))
            .filter_map(|id| u32::try_from(id).ok())
            .collect();
        // What truncation would turn into an application's gid.
        ids.extend([161_076, 30004 + 65536, 30004 | 0xabcd_0000]);
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn any_id() -> impl Strategy<Value = u32> {
        prop_oneof![proptest::sample::select(boundary_ids()), 0u32..=65535, any::<u32>()]
    }

    fn plain_id() -> impl Strategy<Value = u32> {
        any_id().prop_map(|id| if is_plain(id) { id } else { id % (MAX_PLAIN_ID + 1) })
    }

    fn mark(gid: u32, uid: u32) -> Mark {
        Mark::new(GroupId(gid), UserId(uid))
    }

    #[test]
    fn ids_that_stand_for_themselves_are_exactly_the_documented_ones() {
        for id in 0..=70_000u32 {
            assert_eq!(is_plain(id), id <= 65519 || id == 65534, "id {id}");
        }
    }

    #[test]
    fn every_plain_id_has_its_own_half_and_none_is_reserved() {
        let mut seen = std::collections::HashSet::new();
        for id in (0..=MAX_PLAIN_ID).chain([NOBODY]) {
            assert!(seen.insert(half(id)), "id {id} shares its half");
            assert!(!(0xfff0..=0xfffd).contains(&half(id)), "id {id} takes a reserved value");
        }
    }

    #[test]
    fn the_boundaries_of_both_halves_are_injective_and_never_unmarked() {
        let ids: Vec<u32> = boundary_ids().into_iter().filter(|&id| is_plain(id)).collect();
        let mut seen = std::collections::HashMap::new();
        for &gid in &ids {
            for &uid in &ids {
                let mark = mark(gid, uid);
                assert_ne!(mark, Mark::UNMARKED, "{gid}/{uid}");
                assert_eq!(seen.insert(mark, (gid, uid)), None, "{gid}/{uid} shares {mark}");
            }
        }
    }

    #[test]
    fn a_subordinate_gid_that_truncates_to_an_application_does_not_take_its_mark() {
        let application = mark(30004, 1000);
        assert_ne!(mark(161_076, 1000), application, "161076 & 0xffff is 30004");
        assert_eq!(mark(161_076, 1000).owner(), Owner::Pair { group: Half::Overflow, user: Half::Id(1000) });
    }

    #[test]
    fn root_is_not_unmarked_and_other_pairs_with_a_zero_are_not_root() {
        assert_eq!(mark(0, 0).owner(), Owner::Root);
        assert_eq!(Mark::UNMARKED.owner(), Owner::Unmarked);
        assert_eq!(mark(0, 1).owner(), Owner::Pair { group: Half::Id(0), user: Half::Id(1) });
        assert_eq!(mark(1, 0).owner(), Owner::Pair { group: Half::Id(1), user: Half::Id(0) });
    }

    proptest! {
        #[test]
        fn never_zero(gid in any_id(), uid in any_id()) {
            prop_assert_ne!(mark(gid, uid), Mark::UNMARKED);
        }

        #[test]
        fn plain_pairs_are_injective(a in (plain_id(), plain_id()), b in (plain_id(), plain_id())) {
            prop_assert_eq!(a == b, mark(a.0, a.1) == mark(b.0, b.1));
        }

        #[test]
        fn a_plain_pair_is_read_back_as_it_was(gid in plain_id(), uid in plain_id()) {
            let read = mark(gid, uid).owner();
            let expected = if (gid, uid) == (0, 0) { Owner::Root } else {
                Owner::Pair { group: Half::Id(u16::try_from(gid).unwrap()), user: Half::Id(u16::try_from(uid).unwrap()) }
            };
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_other_group_id_takes_an_applications_mark(gid in any_id(), uid in any_id(), application in 1000u32..=61183) {
            if gid != application {
                prop_assert_ne!(mark(gid, uid).0 & GROUP_MASK, mark(application, uid).0 & GROUP_MASK);
            }
        }

        #[test]
        fn no_other_user_id_takes_a_users_half(uid in any_id(), gid in any_id(), user in plain_id()) {
            if uid != user {
                prop_assert_ne!(mark(gid, uid).0 & USER_MASK, mark(gid, user).0 & USER_MASK);
            }
        }
    }
}
