//! Configurations and packets, drawn so that what is sent lies near the edges of what is granted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use galaf::config::Family;
use serde_json::{Map, Value, json};

use crate::random::Random;

/// Accounts of the machine; uid of each.
pub(crate) const PASSWD: &str = "root:x:0:0::/:\ndnsmasq:x:107:65534::/:\nsystemd-network:x:998:998::/:\n\
    alice:x:1001:1001::/:\nbob:x:1002:1002::/:\ntwin:x:1002:1002::/:\n";
/// services(5).
pub(crate) const SERVICES: &str =
    "ssh 22/tcp\ndomain 53/tcp\ndomain 53/udp\nntp 123/udp\nhttps 443/tcp\nhttps 443/udp\n";
/// The base of the container that some files trust.
pub(crate) const CONTAINER: u32 = 16 << 16;

/// Names that entries have, and names that somebody looks up.
const NAMES: [&str; 5] = ["one.test", "www.one.test", "two.test", "three.test", "deep.www.one.test"];
pub(crate) const LOOKED_UP: [&str; 6] =
    ["one.test", "www.one.test", "x.www.one.test", "two.test", "a.b.three.test", "nobodys.test"];
const PORTS: [u16; 9] = [1, 22, 53, 67, 123, 443, 1000, 2000, 65535];

/// A file, and what it speaks of.
#[derive(Default)]
pub(crate) struct Drawn {
    pub(crate) config: Value,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ports: Vec<u16>,
}

/// Draws a file; `now` is in seconds since the epoch.
pub(crate) fn config(random: &mut Random, now: i64) -> Drawn {
    let mut drawn = Drawn { ports: vec![7, 53, 67, 547], ..Drawn::default() };
    let mut settings = Map::new();
    settings.insert("dns".into(), json!({ "upstream": ["192.0.2.53", "2001:db8::53"] }));
    if random.once_in(5) {
        settings.insert("mode".into(), json!("audit"));
    }
    if random.once_in(3) {
        settings.insert("refuse".into(), json!("drop"));
    }
    if random.once_in(3) {
        settings.insert("containers".into(), json!([CONTAINER]));
    }
    if random.once_in(4) {
        settings.insert("priority".into(), json!(random.pick(&[-49, -1, 1, 49])));
    }
    if random.once_in(4) {
        settings
            .insert("defaults".into(), json!({ "families": [4, 6], "rule": "tcp dport 22", "rule6": "udp dport 53" }));
    }
    let both = [Family::Ipv4, Family::Ipv6];
    let office = random.some(1, 3, |random| destination(random, &mut drawn, &both, false));
    let mut entries = |names: &[&str], random: &mut Random| -> Value {
        let mut section = Map::new();
        for name in names {
            if !random.once_in(4) {
                let entry = if random.once_in(8) { Value::Null } else { entry(random, &mut drawn, now) };
                section.insert((*name).into(), entry);
            }
        }
        section.into()
    };
    let mut groups = entries(&["a", "b", "c"], random);
    let users = entries(&["root", "alice", "bob", "twin", "dnsmasq"], random);
    if random.once_in(3) {
        // So many with one name that dnsmasq's line has no room for a set of each.
        for number in 0..30 {
            groups[format!("one-of-a-crowd-{number}")] = json!({ "domains": ["one.test"], "families": [4, 6] });
        }
    }
    let mut config = json!({ "config": settings, "aliases": { "office": office }, "groups": groups, "users": users });
    if random.once_in(4) {
        config["inbound"] = json!([{ "service": "dns", "udp": 53, "from": "any" }]);
    }
    drawn.config = config;
    drawn
}

fn entry(random: &mut Random, drawn: &mut Drawn, now: i64) -> Value {
    let mut entry = Map::new();
    let families: [&[u8]; 4] = [&[4], &[6], &[4, 6], &[4, 6]];
    let families = *random.pick(&families);
    entry.insert("families".into(), json!(families));
    let families: Vec<Family> = Family::ALL.into_iter().filter(|family| families.contains(&family.number())).collect();
    if random.once_in(4) {
        entry.insert("domains".into(), json!(random.some(1, 3, |random| *random.pick(&NAMES))));
    }
    for (family, key) in Family::ALL.into_iter().zip(["rule", "rule6"]) {
        if random.once_in(3) {
            entry.insert(key.into(), json!(text(random, drawn, family)));
        }
    }
    if !random.once_in(3) {
        entry.insert("allow".into(), random.some(1, 3, |random| item(random, drawn, &families, now)).into());
    }
    if random.once_in(3) {
        entry.insert("deny".into(), random.some(1, 2, |random| item(random, drawn, &Family::ALL, now)).into());
    }
    if random.once_in(4) {
        entry.insert("mode".into(), json!(random.pick(&["enforce", "audit"])));
    }
    if random.once_in(8) {
        entry.insert("log".into(), json!(true));
    }
    entry.into()
}

fn item(random: &mut Random, drawn: &mut Drawn, families: &[Family], now: i64) -> Value {
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
fn port(random: &mut Random, drawn: &mut Drawn) -> String {
    let (a, b) = (*random.pick(&PORTS), *random.pick(&PORTS));
    drawn.ports.extend([a, b]);
    match random.below(4) {
        0 => "domain".to_owned(),
        1 => format!("{}-{}", a.min(b), a.max(b)),
        _ => a.to_string(),
    }
}

fn destination(random: &mut Random, drawn: &mut Drawn, families: &[Family], in_entry: bool) -> Value {
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
fn addresses(random: &mut Random, drawn: &mut Drawn, family: Family) -> String {
    let base = if family == Family::Ipv4 { 0xc633_6400u128 } else { 0x2001_0db8_0100_0000_0000_0000_0000_0000 };
    let (a, b) = (base + random.next() as u128 % 64, base + random.next() as u128 % 64);
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

/// Where the addresses begin that no file lists.
const fn unlisted_base(family: Family) -> u128 {
    match family {
        Family::Ipv4 => 0xcb00_7100,
        Family::Ipv6 => 0x2001_0db8_0200_0000_0000_0000_0000_0000,
    }
}

/// An address that no file lists.
pub(crate) fn unlisted(random: &mut Random, family: Family) -> IpAddr {
    address(family, unlisted_base(family) + u128::from(random.next() % 64))
}

pub(crate) fn is_listed_nowhere(address: IpAddr) -> bool {
    let (number, family) = match address {
        IpAddr::V4(address) => (address.to_bits().into(), Family::Ipv4),
        IpAddr::V6(address) => (address.to_bits(), Family::Ipv6),
    };
    (unlisted_base(family)..unlisted_base(family) + 64).contains(&number)
}

/// Matches in nft's words, some of which only nft can tell.
fn text(random: &mut Random, drawn: &mut Drawn, family: Family) -> String {
    let (daddr, icmp) = if family == Family::Ipv4 { ("ip daddr", "icmp") } else { ("ip6 daddr", "icmpv6") };
    let mut terms = Vec::new();
    if random.once_in(3) {
        terms.push(set(random, daddr, |random| addresses(random, drawn, family)));
    }
    match random.below(9) {
        0 | 1 => terms.push(set(random, "tcp dport", |random| port(random, drawn))),
        2 | 3 => terms.push(set(random, "udp dport", |random| port(random, drawn))),
        4 => {
            terms.push("meta l4proto { tcp, udp }".to_owned());
            terms.push(set(random, "th dport", |random| port(random, drawn)));
        }
        5 => terms.push(set(random, "meta l4proto", |random| (*random.pick(&["tcp", "udp", "icmp", "58"])).to_owned())),
        6 => terms.push(set(random, &format!("{icmp} type"), |random| {
            (*random.pick(&["echo-request", "echo-reply", "128", "8"])).to_owned()
        })),
        7 => terms.push("th dport 443".to_owned()),
        _ => {}
    }
    if random.once_in(6) {
        terms.push((*random.pick(&["oifname \"lan\"", "oifname != \"lan\"", "meta length 1-65535"])).to_owned());
    }
    terms.join(" ")
}

/// A field compared with one value or a set of them.
fn set(random: &mut Random, field: &str, mut value: impl FnMut(&mut Random) -> String) -> String {
    let negation = if random.once_in(4) { "!= " } else { "" };
    if random.once_in(2) {
        return format!("{field} {negation}{}", value(random));
    }
    // One element, since nft takes none that overlap.
    format!("{field} {negation}{{ {} }}", value(random))
}

pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into(),
        Family::Ipv6 => Ipv6Addr::from_bits(number).into(),
    }
}

/// An address or one beside it.
pub(crate) fn near(random: &mut Random, around: IpAddr) -> IpAddr {
    let moved = |number: u128, random: &mut Random| match random.below(4) {
        0 => number.saturating_sub(1),
        1 => number.saturating_add(1),
        _ => number,
    };
    match around {
        IpAddr::V4(it) => address(Family::Ipv4, moved(it.to_bits().into(), random).min(u32::MAX.into())),
        IpAddr::V6(it) => address(Family::Ipv6, moved(it.to_bits(), random)),
    }
}

/// A port or one beside it.
pub(crate) fn near_port(random: &mut Random, around: u16) -> u16 {
    match random.below(4) {
        0 => around.saturating_sub(1).max(1),
        1 => around.saturating_add(1),
        _ => around,
    }
}
