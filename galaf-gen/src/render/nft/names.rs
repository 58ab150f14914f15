//! Names of the table's objects. Every name that an entry gives stands behind a prefix, so it can never
//! be a keyword of nft or one of our own.

use galaf::config::Family;

use crate::policy::{Subject, SubjectId};

/// Verdict map from an application's gid to its chain.
pub const APPLICATIONS: &str = "app_by_gid";
/// Verdict map from a user's uid to its chain.
pub const USERS: &str = "user_by_uid";
/// Marks by gid, for connections whose socket has none.
pub const MARK_OF_GID: &str = "mark_of_gid";
/// Marks by uid, for connections whose socket has none.
pub const MARK_OF_UID: &str = "mark_of_uid";

/// Counters by mark of what was to be sent.
pub const OUT_BEFORE: &str = "out_before";
/// Counters by mark of what was sent.
pub const OUT_AFTER: &str = "out_after";
/// Counters by mark of what was received.
pub const IN_AFTER: &str = "in_after";

/// The chain that records and rejects.
pub const REFUSE: &str = "refuse";

/// The set of refused destinations.
pub const fn refused_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "refused4",
        Family::Ipv6 => "refused6",
    }
}

/// The chain of one subject.
pub fn chain(subject: &Subject) -> String {
    let prefix = match subject.id {
        SubjectId::Group(_) => "app",
        SubjectId::User(_) => "user",
    };
    format!("{prefix}_{}", subject.name)
}

/// The set of addresses that the names of one subject had as answers.
pub fn learned_set(subject: &Subject, family: Family) -> String {
    format!("{}_dns{}", chain(subject), family.number())
}
