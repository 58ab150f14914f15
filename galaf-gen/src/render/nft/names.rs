//! Names of the table's objects. Every name that an entry gives stands behind a prefix, so it can never
//! be a keyword of nft or one of our own.

use galaf::config::{Domain, Family};

use crate::policy::{Grant, Place, Subject, SubjectId};

/// Verdict map from an application's gid to its chain.
pub const APPLICATIONS: &str = "app_by_gid";
/// Verdict map from a user's uid to its chain.
pub const USERS: &str = "user_by_uid";
/// Verdict map from an application's gid to the chain of what it is denied.
pub const DENIED_APPLICATIONS: &str = "denied_by_gid";
/// Verdict map from a user's uid to the chain of what it is denied.
pub const DENIED_USERS: &str = "denied_by_uid";
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

/// Verdict map from an application's gid to the chain of what it is denied and let through all the same.
pub const AUDITED_APPLICATIONS: &str = "audited_by_gid";
/// Verdict map from a user's uid to the chain of what it is denied and let through all the same.
pub const AUDITED_USERS: &str = "audited_by_uid";
/// Verdict map from the gid of an application that has a mode of its own to the end of its packets.
pub const MODE_OF_GID: &str = "mode_by_gid";
/// Verdict map from the uid of a user that has a mode of its own to the end of its packets.
pub const MODE_OF_UID: &str = "mode_by_uid";

/// The chain that lets the answers of services out.
pub const ANSWERS: &str = "answers";
/// The chain that records and lets through.
pub const AUDIT: &str = "audit";
/// The chain that records and rejects.
pub const REFUSE: &str = "refuse";

/// The chain that guards against a packet's source.
pub const GUARD: &str = "guard";
/// The chain that guards against whoever sends TCP flags that no connection has.
pub const IMPOSSIBLE: &str = "impossible";
/// The chain that counts the closed ports that a source touches.
pub const CLOSED: &str = "closed";

/// The set of sources that are let in nowhere.
pub const fn guarded_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "guarded4",
        Family::Ipv6 => "guarded6",
    }
}

/// The set of sources that are never guarded against.
pub const fn except_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "guard_except4",
        Family::Ipv6 => "guard_except6",
    }
}

/// The set of closed ports that sources touched of late.
pub const fn touched_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "touched4",
        Family::Ipv6 => "touched6",
    }
}

/// The set of sources that touched closed ports of late, each with its limit.
pub const fn touching_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "touching4",
        Family::Ipv6 => "touching6",
    }
}

/// The set of refused destinations.
pub const fn refused_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "refused4",
        Family::Ipv6 => "refused6",
    }
}

/// The set of destinations that would have been refused.
pub const fn audited_set(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "audited4",
        Family::Ipv6 => "audited6",
    }
}

/// The chain of what one subject is denied.
pub fn denials(subject: &Subject) -> String {
    format!("deny_{}", chain(subject))
}

/// The chain of what one subject is granted.
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

/// The set of addresses that one item of `inbound` lists.
pub fn inbound_address_set(index: usize, family: Family) -> String {
    format!("inbound{index}_net{}", family.number())
}

/// The set of ports that one item of `inbound` lists.
pub fn inbound_port_set(index: usize, protocol: &str) -> String {
    format!("inbound{index}_{protocol}")
}

/// An entry may be called `x_allow1`, so the number stands in front, where no entry's name is.
fn place(subject: &Subject, grant: &Grant) -> String {
    match grant.place {
        Place::Rule => chain(subject),
        Place::Allow(index) => format!("allow{index}_{}", chain(subject)),
        Place::Deny(index) => format!("deny{index}_{}", chain(subject)),
    }
}
