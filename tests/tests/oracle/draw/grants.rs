//! What entries grant and deny.

use std::net::IpAddr;

use galaf::config::Family;
use serde_json::{Map, Value, json};

use super::{Drawn, NAMES};
use crate::addresses::{SPAN, address};
use crate::random::Random;

const PORTS: [u16; 9] = [1, 22, 53, 67, 123, 443, 1000, 2000, 65535];

/// An element of `allow` or `deny`.
pub(super) fn item(random: &mut Random, drawn: &mut Drawn, families: &[Family], now: i64) -> Value {
    let mut item = Map::new();
    let to = random.some(1, 3, |random| destination(random, drawn, families, true));
    item.insert("to".into(), to.into());
    for key in ["tcp", "udp"] {
        match random.below(5) {
            0 => drop(item.insert(key.into(), json!(true))),
            1 | 2 => drop(item.insert(key.into(), json!(random.some(1, 3, |random| port(random, drawn))))),
            _ => {}
        }
    }
    if random.once_in(5) {
        item.insert("icmp".into(), json!(true));
    }
    if random.once_in(5) {
        let moments = [now - 86_400, now - 1, now + 86_400].map(|moment| jiff::Timestamp::from_second(moment).unwrap());
        let until = if random.once_in(3) { "1h".to_owned() } else { random.pick(&moments).to_string() };
        item.insert("until".into(), json!(until));
    }
    item.into()
}

/// A port, a range of them or a service's name.
pub(super) fn port(random: &mut Random, drawn: &mut Drawn) -> String {
    let (a, b) = (*random.pick(&PORTS), *random.pick(&PORTS));
    drawn.ports.extend([a, b]);
    match random.below(4) {
        0 => "domain".to_owned(),
        1 => format!("{}-{}", a.min(b), a.max(b)),
        _ => a.to_string(),
    }
}

pub(super) fn destination(random: &mut Random, drawn: &mut Drawn, families: &[Family], in_entry: bool) -> Value {
    match random.below(if in_entry { 9 } else { 5 }) {
        0 | 8 => json!(random.pick(&NAMES)),
        5 => json!("any"),
        6 => {
            let edges =
                ["9.255.255.255", "10.0.0.0", "172.31.255.255", "192.169.0.0", "224.0.0.255", "255.255.255.255"];
            let edges = edges.iter().chain(&["fbff::1", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1"]);
            drawn.addresses.extend(edges.map(|address| address.parse::<IpAddr>().unwrap()));
            json!("lan")
        }
        7 => json!("office"),
        _ => {
            let family = *random.pick(families);
            json!(addresses(random, drawn, family))
        }
    }
}

/// An address, a range or a prefix.
pub(super) fn addresses(random: &mut Random, drawn: &mut Drawn, family: Family) -> String {
    let base = if family == Family::Ipv4 { 0xc633_6400u128 } else { 0x2001_0db8_0100_0000_0000_0000_0000_0000 };
    let (a, b) = (base + random.within(SPAN), base + random.within(SPAN));
    let (first, last) = (a.min(b), a.max(b));
    let shown = |number| address(family, number);
    match random.below(3) {
        0 => {
            drawn.addresses.push(shown(first));
            shown(first).to_string()
        }
        1 => {
            drawn.addresses.extend([shown(first), shown(last)]);
            format!("{}-{}", shown(first), shown(last))
        }
        _ => {
            let host = 1 + random.below(5);
            let first = first >> host << host;
            drawn.addresses.extend([shown(first), shown(first + (1 << host) - 1)]);
            format!("{}/{}", shown(first), if family == Family::Ipv4 { 32 } else { 128 } - host)
        }
    }
}
