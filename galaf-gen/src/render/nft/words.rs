//! nft's words for a family.

use galaf::config::Family;

pub(super) const fn nfproto(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

pub(super) const fn daddr(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip daddr",
        Family::Ipv6 => "ip6 daddr",
    }
}

pub(super) const fn saddr(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip saddr",
        Family::Ipv6 => "ip6 saddr",
    }
}

pub(super) const fn address_type(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4_addr",
        Family::Ipv6 => "ipv6_addr",
    }
}

pub(super) const fn echo_reply(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "icmp type echo-reply",
        Family::Ipv6 => "icmpv6 type echo-reply",
    }
}

pub(super) const fn echo_request(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "icmp type echo-request",
        Family::Ipv6 => "icmpv6 type echo-request",
    }
}
