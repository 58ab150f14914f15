//! Names of the table's objects. Every name that an entry gives stands behind a prefix, so it can never
//! be a keyword of nft or one of our own.

use galaf::config::{Domain, Family};

use crate::policy::{Grant, Place, Subject, SubjectId};

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

/// The set of addresses that the names of one grant had as answers. Without `/`, which dnsmasq reads as a separator.
pub fn learned_set(subject: &Subject, grant: &Grant) -> String {
    format!("{}_dns{}", place(subject, grant), grant.family.number())
}

/// The set of addresses that names which many grants have in common had as answers, called after one of the names.
pub fn common_set(family: Family, name: &Domain) -> String {
    format!("dns{}_{name}", family.number())
}

/// The kernel's limit of an object's name, in bytes (`NFT_NAME_MAXLEN` less the final NUL).
pub const MAX_LENGTH: usize = 255;

/// The set of addresses that one grant lists.
pub fn address_set(subject: &Subject, grant: &Grant) -> String {
    format!("{}_net{}", place(subject, grant), grant.family.number())
}

/// The set of ports that one grant lists.
pub fn port_set(subject: &Subject, grant: &Grant, protocol: &str) -> String {
    format!("{}_{protocol}", place(subject, grant))
}

/// An entry may be called `x_allow1`, so the number stands in front, where no entry's name is.
fn place(subject: &Subject, grant: &Grant) -> String {
    match grant.place {
        Place::Rule => chain(subject),
        Place::Allow(index) => format!("allow{index}_{}", chain(subject)),
    }
}
