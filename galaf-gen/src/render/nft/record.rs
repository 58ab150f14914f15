//! Destinations that are kept for a person to look at.

use galaf::config::Family;

use super::table::{Chain, Set, SetKind};
use super::words;

/// Protocols that have ports where nft's `th dport` reads them.
pub(super) const WITH_PORTS: &str = "{ tcp, udp, sctp, dccp, udplite }";

/// The set of destinations of `family`, by mark.
pub(super) fn set(name: &str, family: Family) -> Set {
    let key = match family {
        Family::Ipv4 => "mark . ipv4_addr . inet_proto . inet_service",
        Family::Ipv6 => "mark . ipv6_addr . inet_proto . inet_service",
    };
    Set { name: name.to_owned(), key, kind: SetKind::Recorded }
}

/// Adds rules that put a packet's destination into the set of its family.
pub(super) fn add_rules(chain: &mut Chain, set: impl Fn(Family) -> &'static str) {
    for family in Family::ALL {
        let (nfproto, daddr) = (words::nfproto(family), words::daddr(family));
        let set = set(family);
        let record = |protocols: &str, port: &str| {
            format!(
                "meta nfproto {nfproto} meta l4proto {protocols} update @{set} {{ ct mark . {daddr} . meta l4proto . {port} }}"
            )
        };
        chain.rule(record(WITH_PORTS, "th dport"), &format!("record, {family}"));
        chain.rule(record(&format!("!= {WITH_PORTS}"), "0"), &format!("record, {family} without ports"));
    }
}
