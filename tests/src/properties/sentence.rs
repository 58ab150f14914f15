//! A rule's text drawn from bytes: nft takes little of what is put together from letters.

use arbitrary::{Result, Unstructured};

/// One in so many words is none that belongs there.
const SLIP: u8 = 8;

/// What can be asked of a packet, each with values that it can have.
const MATCHES: [(&str, &[&str]); 22] = [
    ("tcp dport", PORTS),
    ("udp sport", PORTS),
    ("th dport", PORTS),
    ("@th,16,16", PORTS),
    ("ip daddr", IPV4),
    ("ip saddr", IPV4),
    ("ip6 daddr", &["::1", "2001:db8::/32", "{ ::1, fe80::1 }", "2001:db8::1-2001:db8::9"]),
    ("ip daddr . tcp dport", &["{ 192.0.2.1 . 443 }", "192.0.2.1 . 80", "{ 192.0.2.0/24 . 1-1023 }"]),
    ("meta l4proto", &["tcp", "{ tcp, udp }", "17", "sctp"]),
    ("meta nfproto", &["ipv4", "ipv6", "{ ipv4, ipv6 }"]),
    ("meta length", NUMBERS),
    ("meta mark", NUMBERS),
    ("meta mark & 0xff", NUMBERS),
    ("meta skuid", &["0", "1000-2000", "{ 0, 1000 }"]),
    ("ct state", &["new", "established, related", "{ new, invalid }"]),
    ("ct count", &["20", "over 20"]),
    ("limit rate", &["10/second", "over 5 mbytes/second", "1/hour burst 5 packets"]),
    ("tcp flags & (syn | ack)", &["syn", "syn | ack", "0x2"]),
    ("icmp type", &["echo-request", "{ 8, 13 }"]),
    ("fib daddr type", &["local", "{ local, broadcast }"]),
    ("oifname", &["\"eth0\"", "\"w*\"", "{ \"eth0\", \"lo\" }", "\"x y\""]),
    ("numgen random mod 8", NUMBERS),
];
const PORTS: &[&str] = &["443", "{ 80, 443 }", "1-1023", "{ 1-5, 9 }", "https", "22 lshift 1"];
const IPV4: &[&str] = &["192.0.2.1", "192.0.2.0/24", "{ 10.0.0.0/8, 192.0.2.1 }", "192.0.2.1-192.0.2.9", "& 0xff == 1"];
const NUMBERS: &[&str] = &["1", "{ 1, 2 }", "1-5", "0xff", "@out_before", "0"];
const OPERATORS: [&str; 10] = ["", "", "", "!=", "==", "<", ">=", "and", "|", "-"];
/// What has no place in a match.
const STRAYS: [&str; 24] = [
    "accept",
    "drop",
    "jump refuse",
    "continue",
    "return",
    "counter",
    "log",
    "last",
    "set",
    "vmap { 1 : drop }",
    "map { 1 : 2 }",
    "timeout 1h",
    "comment \"x\"",
    "\"",
    ";",
    "#",
    "\n",
    "{",
    "}",
    ".",
    ",",
    "-ipv6",
    "or 8",
    "@refused4",
];

/// The text that `bytes` stand for.
pub fn sentence(bytes: &[u8]) -> String {
    // Where no bytes are left, what is drawn is the first of all, so nothing fails for want of them.
    draw(&mut Unstructured::new(bytes)).unwrap_or_default()
}

fn draw(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut words: Vec<&str> = Vec::new();
    for _ in 0..bytes.int_in_range(1..=3)? {
        let (what, values) = bytes.choose(&MATCHES)?;
        let operator = bytes.choose(&OPERATORS)?;
        let (_, others) = if slips(bytes)? { bytes.choose(&MATCHES)? } else { &(*what, *values) };
        words.extend([what, operator, bytes.choose(others)?]);
        if slips(bytes)? {
            let at = bytes.int_in_range(0..=words.len())?;
            words.insert(at, bytes.choose(&STRAYS)?);
        }
    }
    words.retain(|word| !word.is_empty());
    Ok(words.join(" "))
}

fn slips(bytes: &mut Unstructured<'_>) -> Result<bool> {
    Ok(bytes.int_in_range(1..=SLIP)? == SLIP)
}
