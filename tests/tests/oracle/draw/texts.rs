//! Rules in nft's words, some of which only nft can tell.

use galaf::config::Family;

use super::{Drawn, addresses, port};
use crate::random::Random;

/// Draws the matches of one rule.
pub(super) fn text(random: &mut Random, drawn: &mut Drawn, family: Family) -> String {
    let is_ipv4 = family == Family::Ipv4;
    let (daddr, icmp) = if is_ipv4 { ("ip daddr", "icmp") } else { ("ip6 daddr", "icmpv6") };
    let (elsewhere, other_type) =
        if is_ipv4 { ("192.0.2.99", "time-exceeded") } else { ("2001:db8:9::9", "nd-redirect") };
    let mut terms = Vec::new();
    if random.once_in(3) {
        terms.push(set(random, daddr, elsewhere, |random| addresses(random, drawn, family)));
    }
    match random.below(9) {
        0 | 1 => terms.push(set(random, "tcp dport", OTHER_PORT, |random| port(random, drawn))),
        2 | 3 => terms.push(set(random, "udp dport", OTHER_PORT, |random| port(random, drawn))),
        4 => {
            terms.push("meta l4proto { tcp, udp }".to_owned());
            terms.push(set(random, "th dport", OTHER_PORT, |random| port(random, drawn)));
        }
        5 => terms.push(set(random, "meta l4proto", "sctp", |random| one_of(random, &["tcp", "udp", "icmp", "58"]))),
        6 => terms.push(set(random, &format!("{icmp} type"), other_type, |random| {
            one_of(random, &["echo-request", "echo-reply", "128", "8"])
        })),
        7 => terms.push("th dport 443".to_owned()),
        _ => {}
    }
    if random.once_in(6) {
        terms.push(one_of(random, &["oifname \"lan\"", "oifname != \"lan\"", "meta length 1-65535"]));
    }
    terms.join(" ")
}

/// In no other range: nft takes no elements that overlap.
const OTHER_PORT: &str = "0";

fn one_of(random: &mut Random, all: &[&str]) -> String {
    (*random.pick(all)).to_owned()
}

/// A field compared with one value or a set of some.
fn set(random: &mut Random, field: &str, other: &str, value: impl FnOnce(&mut Random) -> String) -> String {
    let negation = if random.once_in(4) { "!= " } else { "" };
    let form = random.below(3);
    let value = value(random);
    match form {
        0 => format!("{field} {negation}{value}"),
        1 => format!("{field} {negation}{{ {value} }}"),
        _ => format!("{field} {negation}{{{other},{value}}}"),
    }
}
