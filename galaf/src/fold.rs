//! Which ids a container's socket is marked with.
//!
//! systemd-nspawn `--private-users` and the like give a container a block of 65536 ids that begins at a
//! multiple of 65536. Inside, gid 30004 is application 30004 again; outside it is base + 30004. Root can name
//! bases to trust, and only then is the block folded back. Any user with a `/etc/subgid` line can make such ids,
//! so an id of another base must never be folded: it would carry the mark of an application.

use core::fmt;

use crate::id::{GroupId, UserId};
use crate::mark::{Mark, USER_MASK, is_plain};

/// Ids in a block.
const BLOCK: u32 = 0x1_0000;

/// Most bases that can be trusted at once.
pub const MAX_TRUSTED_BASES: u32 = 256;

/// The first id of a container's block: a multiple of 65536, not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdBase(u32);

/// Why a number is not an [`IdBase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdBaseError {
    /// The block at 0 holds the host's own ids.
    Host,
    /// Not a multiple of 65536.
    Unaligned(u32),
}

impl IdBase {
    /// Checks a number that root wrote.
    ///
    /// # Errors
    /// When it is 0 or not a multiple of 65536.
    pub const fn new(base: u32) -> Result<Self, IdBaseError> {
        match base {
            0 => Err(IdBaseError::Host),
            _ if base.is_multiple_of(BLOCK) => Ok(Self(base)),
            _ => Err(IdBaseError::Unaligned(base)),
        }
    }

    /// The block that both ids lie in, if it is the same one and not the host's.
    const fn shared(gid: GroupId, uid: UserId) -> Option<Self> {
        let base = gid.0 & !USER_MASK;
        if base != 0 && base == uid.0 & !USER_MASK { Some(Self(base)) } else { None }
    }

    /// The base as a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for IdBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for IdBaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("0 is the base of the host's own ids, which need no trust"),
            Self::Unaligned(base) => write!(f, "{base} is not a multiple of {BLOCK}"),
        }
    }
}

impl core::error::Error for IdBaseError {}

/// Whether both ids stand for themselves, so that [`Mark::new`] is the whole answer.
pub const fn both_plain(gid: GroupId, uid: UserId) -> bool {
    is_plain(gid.0) && is_plain(uid.0)
}

/// The mark of ids inside a trusted block, as the container sees them. `None`: the ids share no trusted block.
pub fn fold(gid: GroupId, uid: UserId, is_trusted: impl FnOnce(IdBase) -> bool) -> Option<Mark> {
    let base = IdBase::shared(gid, uid)?;
    is_trusted(base).then(|| Mark::new(GroupId(gid.0 & USER_MASK), UserId(uid.0 & USER_MASK)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::{Half, Owner};
    use proptest::prelude::*;

    const BASE: u32 = 7 << 16;

    fn marked(gid: u32, uid: u32, trusted: &[u32]) -> Option<Mark> {
        fold(GroupId(gid), UserId(uid), |base| trusted.contains(&base.get()))
    }

    #[test]
    fn an_application_in_a_trusted_container_has_the_hosts_mark_of_it() {
        assert_eq!(marked(BASE + 30004, BASE + 1000, &[BASE]), Some(Mark::new(GroupId(30004), UserId(1000))));
    }

    #[test]
    fn a_containers_root_is_marked_as_root_and_not_unmarked() {
        assert_eq!(marked(BASE, BASE, &[BASE]), Some(Mark::ROOT));
    }

    #[test]
    fn a_containers_id_without_a_meaning_of_its_own_overflows() {
        let mark = marked(BASE + 65535, BASE + 65520, &[BASE]).unwrap();
        assert_eq!(mark.owner(), Owner::Pair { group: Half::Overflow, user: Half::Overflow });
    }

    #[test]
    fn the_hosts_own_block_cannot_be_trusted() {
        assert_eq!(IdBase::new(0), Err(IdBaseError::Host));
        assert_eq!(marked(65535, 65535, &[0]), None);
    }

    #[test]
    fn a_base_that_is_no_multiple_of_65536_is_refused_by_number() {
        assert_eq!(IdBase::new(100_000), Err(IdBaseError::Unaligned(100_000)));
        assert_eq!(IdBase::new(524_288).unwrap().to_string(), "524288");
    }

    #[test]
    fn ids_of_two_blocks_are_not_folded_though_both_are_trusted() {
        let other = BASE + BLOCK;
        for (gid, uid) in [(BASE + 30004, other + 1000), (BASE + 30004, 1000), (30004, BASE + 1000)] {
            assert_eq!(marked(gid, uid, &[BASE, other]), None, "{gid}/{uid}");
        }
    }

    proptest! {
        #[test]
        fn no_id_of_an_untrusted_block_is_folded(gid in any::<u32>(), uid in any::<u32>()) {
            let trusted = [BASE];
            if gid >> 16 != BASE >> 16 || uid >> 16 != BASE >> 16 {
                prop_assert_eq!(marked(gid, uid, &trusted), None);
            }
        }
    }
}
