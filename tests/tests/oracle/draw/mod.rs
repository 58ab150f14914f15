//! Configurations.

mod grants;
mod texts;

use std::net::IpAddr;

use galaf::config::Family;
use serde_json::{Map, Value, json};

use crate::random::Random;
use grants::{addresses, destination, item, port};
use texts::text;

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
    if random.once_in(2) {
        entry.insert("deny".into(), random.some(1, 2, |random| item(random, drawn, &Family::ALL, now)).into());
    }
    if random.once_in(3) {
        entry.insert("mode".into(), json!(random.pick(&["enforce", "audit"])));
    }
    if random.once_in(8) {
        entry.insert("log".into(), json!(true));
    }
    entry.into()
}
