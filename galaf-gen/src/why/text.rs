//! Whether the text of a rule matches, as far as that can be told without nft.
//!
//! Read are the matches that most rules are made of: ports, destination addresses, protocols and echo requests, one value or a
//! set, `!=` too. A rule's matches hold together, so one that does not hold decides, whatever follows; any other text is nft's to judge.

use std::net::IpAddr;

use galaf::config::{Addresses, Family, RuleText};

use super::Protocol;
use crate::accounts::Services;

/// What is known of a packet.
pub(super) struct Header {
    pub(super) family: Family,
    pub(super) address: Option<IpAddr>,
    pub(super) protocol: Option<Protocol>,
    pub(super) port: Option<u16>,
}

/// Words that go on with the expression before them instead of beginning a match.
const OPERATORS: [&str; 5] = ["and", "or", "xor", "lshift", "rshift"];

/// Whether `rule` matches; `None` if that is not known.
pub(super) fn matches(rule: &RuleText, header: &Header, services: &Services) -> Option<bool> {
    let words = words(rule.as_str());
    let mut rest = words.as_slice();
    let mut result = Some(true);
    while !rest.is_empty() {
        let (term, after) = term(rest)?;
        match term.holds(header, services) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
        rest = after;
    }
    result
}

/// Braces and commas stand alone, everything else is divided by white space.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in text.split_ascii_whitespace() {
        let mut rest = part;
        while let Some(at) = rest.find(['{', '}', ',']) {
            let (before, after) = rest.split_at(at);
            let (sign, after) = after.split_at(1);
            words.extend([before, sign].into_iter().filter(|word| !word.is_empty()));
            rest = after;
        }
        words.extend(Some(rest).filter(|word| !word.is_empty()));
    }
    words
}

/// `FIELD [!=] VALUE`.
struct Term<'a> {
    field: Field,
    negated: bool,
    values: Vec<&'a str>,
}

/// What is compared.
#[derive(Clone, Copy)]
enum Field {
    /// The destination port of this protocol, or of any that has ports.
    Port(Option<Protocol>),
    /// The destination address.
    Address(Family),
    /// The number of the protocol; of IPv4's header.
    Protocol(Option<Family>),
    /// The type of an ICMP message.
    IcmpType(Family),
}

/// The first match of `words`, and what follows it.
fn term<'a, 'w>(words: &'w [&'a str]) -> Option<(Term<'a>, &'w [&'a str])> {
    let (field, rest) = match words {
        ["tcp", "dport", rest @ ..] => (Field::Port(Some(Protocol::Tcp)), rest),
        ["udp", "dport", rest @ ..] => (Field::Port(Some(Protocol::Udp)), rest),
        ["th", "dport", rest @ ..] => (Field::Port(None), rest),
        ["ip", "daddr", rest @ ..] => (Field::Address(Family::Ipv4), rest),
        ["ip6", "daddr", rest @ ..] => (Field::Address(Family::Ipv6), rest),
        ["meta", "l4proto", rest @ ..] => (Field::Protocol(None), rest),
        ["ip", "protocol", rest @ ..] => (Field::Protocol(Some(Family::Ipv4)), rest),
        ["icmp", "type", rest @ ..] => (Field::IcmpType(Family::Ipv4), rest),
        ["icmpv6", "type", rest @ ..] => (Field::IcmpType(Family::Ipv6), rest),
        _ => return None,
    };
    let (negated, rest) = match rest {
        ["!=", rest @ ..] => (true, rest),
        ["==", rest @ ..] | rest => (false, rest),
    };
    let (values, rest) = match rest {
        ["{", rest @ ..] => {
            let end = rest.iter().position(|word| *word == "}")?;
            let (values, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
            (values.iter().copied().filter(|word| *word != ",").collect(), rest)
        }
        [value, rest @ ..] => (vec![*value], rest),
        [] => return None,
    };
    // What follows must begin another match: an operator would change this one.
    let is_whole = rest
        .first()
        .is_none_or(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()) && !OPERATORS.contains(next));
    is_whole.then_some((Term { field, negated, values }, rest))
}

impl Term<'_> {
    fn holds(&self, header: &Header, services: &Services) -> Option<bool> {
        let is_among = match self.field {
            Field::Port(wanted) => {
                if wanted.is_some_and(|wanted| header.protocol.is_some_and(|protocol| protocol != wanted)) {
                    return Some(false);
                }
                // Of a packet without ports nft reads something else there.
                let port = header.port?;
                self.any(|value| Some(range(value, |text| service(text, services))?.contains(&port)))?
            }
            Field::Address(family) => {
                if family != header.family {
                    return Some(false);
                }
                let address = header.address?;
                self.any(|value| Some(Addresses::parse(value).ok()?.contains(address)))?
            }
            Field::Protocol(family) => {
                if family.is_some_and(|family| family != header.family) {
                    return Some(false);
                }
                let number = u16::from(header.protocol?.number(header.family));
                self.any(|value| Some(range(value, protocol_number)?.contains(&number)))?
            }
            Field::IcmpType(family) => {
                if header.protocol? != Protocol::Icmp || family != header.family {
                    return Some(false);
                }
                let echo_request = if family == Family::Ipv4 { 8 } else { 128 };
                self.any(|value| match value {
                    "echo-request" => Some(true),
                    name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => Some(false),
                    _ => Some(range(value, number)?.contains(&echo_request)),
                })?
            }
        };
        Some(is_among != self.negated)
    }

    /// Whether one of the values matches; `None` if one cannot be read.
    fn any(&self, matches: impl Fn(&str) -> Option<bool>) -> Option<bool> {
        let found: Option<Vec<bool>> = self.values.iter().map(|value| matches(value)).collect();
        found.map(|found| found.contains(&true))
    }
}

/// One value, or `FIRST-LAST`.
fn range(text: &str, read: impl Fn(&str) -> Option<u16>) -> Option<std::ops::RangeInclusive<u16>> {
    if let Some(value) = read(text) {
        return Some(value..=value);
    }
    let (first, last) = text.split_once('-')?;
    Some(number(first)?..=number(last)?)
}

/// A decimal number; nft reads one that begins with 0 in another base.
fn number(text: &str) -> Option<u16> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_decimal { text.parse().ok() } else { None }
}

/// A number, or a name that has the same port with every protocol.
fn service(text: &str, services: &Services) -> Option<u16> {
    let mut ports = services.iter().filter(|((name, _), _)| name == text).map(|(_, port)| *port);
    number(text).or_else(|| ports.next().filter(|first| ports.all(|port| port == *first)))
}

/// A number, or one of the names that nft has for it.
fn protocol_number(text: &str) -> Option<u16> {
    let names =
        [("icmp", 1), ("tcp", 6), ("udp", 17), ("icmpv6", 58), ("ipv6-icmp", 58), ("sctp", 132), ("udplite", 136)];
    number(text).or_else(|| names.into_iter().find(|(name, _)| *name == text).map(|(_, number)| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(address: &str, protocol: Option<Protocol>, port: Option<u16>) -> Header {
        let address: IpAddr = address.parse().unwrap();
        let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        Header { family, address: Some(address), protocol, port }
    }

    fn asked(text: &str, header: &Header) -> Option<bool> {
        let services = [(("https".to_owned(), "tcp".to_owned()), 443), (("https".to_owned(), "udp".to_owned()), 443)];
        matches(&RuleText::new(text).unwrap(), header, &services.into())
    }

    #[test]
    fn ports_protocols_and_addresses_are_compared() {
        let web = header("192.0.2.7", Some(Protocol::Tcp), Some(443));
        for (text, expected) in [
            ("", true),
            ("tcp dport 443", true),
            ("tcp dport https", true),
            ("tcp dport {80,443}", true),
            ("tcp dport 1-442", false),
            ("tcp dport != { 80, 443 }", false),
            ("udp dport 443", false),
            // Not TCP at all: the protocol is part of the match.
            ("udp dport != 53", false),
            ("th dport 440-443", true),
            ("meta l4proto { tcp, udp } th dport != 53", true),
            ("ip protocol != tcp", false),
            ("ip daddr 192.0.2.0/29 tcp dport 443", true),
            ("ip daddr { 198.51.100.1, 192.0.2.8-192.0.2.9 }", false),
            ("ip6 daddr ::/0", false),
            ("icmp type echo-request", false),
        ] {
            assert_eq!(asked(text, &web), Some(expected), "{text}");
        }
        let ping = header("2001:db8::1", Some(Protocol::Icmp), None);
        assert_eq!(asked("icmpv6 type { 1-4, 128 }", &ping), Some(true));
        assert_eq!(asked("icmpv6 type != echo-request", &ping), Some(false));
        assert_eq!(asked("icmp type echo-request", &ping), Some(false));
    }

    #[test]
    fn what_nft_alone_can_tell_is_not_guessed() {
        let web = header("192.0.2.7", Some(Protocol::Tcp), Some(443));
        for text in [
            "oifname \"tun0\"",
            "tcp dport 443 limit rate 1/second",
            "tcp dport 442 or 1",
            "tcp dport 442 . ip daddr { 443 . 192.0.2.7 }",
            "tcp dport 0443",
            "tcp dport nameless",
            "ip daddr 192.0.2.7/24",
            "ip daddr & 255.0.0.0 == 192.0.0.0",
            "@th,16,16 443",
        ] {
            assert_eq!(asked(text, &web), None, "{text}");
        }
        // One match that does not hold is enough.
        assert_eq!(asked("tcp dport 80 oifname \"tun0\"", &web), Some(false));
        assert_eq!(asked("tcp dport 443", &header("192.0.2.7", None, None)), None);
        assert_eq!(asked("th dport 443", &header("192.0.2.7", Some(Protocol::Icmp), None)), None);
    }
}
