//! Files drawn from bytes: mostly good ones, with texts in them that would like to be something else.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// One in so many values is none that belongs there.
const SLIP: u8 = 40;

const HOSTILE: [&str; 16] = [
    "",
    "\n",
    "a\nb",
    "\" accept comment \"",
    "\\",
    "; accept",
    "} accept",
    "# x",
    "$x",
    "@refused4",
    "\u{1b}[2J",
    "\u{202e}",
    "\r",
    "\u{0}",
    "\u{2028}server=192.0.2.66",
    "x, y: z",
];
const COMMENTS: [&str; 6] = ["clone and push", "} ; accept #", "'`$@{[(", "für Jörg: 日本語 🦀", "%s%n", " "];
const DOMAINS: [&str; 8] = [
    "example.org",
    "www.example.org",
    "a.b.c.d.e.f.example.org",
    "Deb.Example.ORG.",
    "bücher.example",
    "xn--bcher-kva.example",
    "faß.example",
    "x.test",
];
const ADDRESSES: [&str; 10] = [
    "192.0.2.1",
    "192.0.2.0/24",
    "192.0.2.7-192.0.2.9",
    "0.0.0.0/0",
    "255.255.255.255",
    "0.0.0.0-255.255.255.254",
    "2001:db8::1",
    "::/0",
    "2001:db8::/33",
    "::ffff:192.0.2.1-ffff::",
];
const NAMES: [&str; 8] =
    ["browser", "_a", "x.y-z", "alice", "accept", "app_by_gid", "A", "name-as-long-as-a-group-may-be.32"];
const USERS: [&str; 6] = ["root", "_apt", "alice", "nobody", "directory", "systemd-timesync"];
const RULES: [&str; 8] = [
    "",
    "tcp dport { 465, 993 }",
    "meta l4proto { tcp, udp } th dport 53",
    "icmp type echo-request",
    "oifname \"eth0\" tcp dport 1-1023",
    "ct state new limit rate 10/second",
    "ip daddr 192.0.2.0/24",
    "ip6 daddr != fe80::/10",
];

/// The file that `bytes` stand for. The same bytes, the same file.
pub fn document(bytes: &[u8]) -> Value {
    // Where no bytes are left, what is drawn is the first of all, so nothing fails for want of them.
    Draw(Unstructured::new(bytes)).file().unwrap_or_default()
}

struct Draw<'a>(Unstructured<'a>);

type Key<'a> = (&'static str, fn(&mut Draw<'a>) -> Result<Value>);

impl<'a> Draw<'a> {
    fn file(&mut self) -> Result<Value> {
        let mut file = self.some(&[
            ("config", Self::config),
            ("aliases", |draw| draw.entries(&["office", "home", "lan."], Self::to)),
            ("inbound", |draw| draw.list(3, Self::service)),
            ("users", |draw| draw.entries(&USERS, Self::entry)),
        ])?;
        let mut groups = self.entries(&NAMES, Self::application)?;
        if let (true, Value::Object(groups)) = (self.one_in(12)?, &mut groups) {
            self.crowd(groups)?;
        }
        file["groups"] = groups;
        Ok(file)
    }

    /// So many entries with one name that its line does not fit.
    fn crowd(&mut self, groups: &mut Map<String, Value>) -> Result<()> {
        let domains = self.list(3, Self::domain)?;
        for number in 0..self.0.int_in_range(20..=80)? {
            groups.insert(format!("crowd{number}"), json!({ "domains": domains, "families": [4, 6] }));
        }
        Ok(())
    }

    fn config(&mut self) -> Result<Value> {
        self.some(&[
            ("gid_range", |draw| draw.one(&[json!([30000, 59999]), json!([1000, 61183]), json!([30000, 30003])])),
            ("mark", |draw| draw.one(&["nft".into(), "ebpf".into()])),
            ("mode", |draw| draw.one(&["enforce".into(), "audit".into()])),
            ("refuse", |draw| draw.one(&["drop".into(), "reject".into()])),
            ("forward", |draw| draw.one(&["drop".into(), "leave".into()])),
            ("priority", |draw| Ok(draw.0.int_in_range(-49..=49)?.into())),
            ("containers", |draw| draw.one(&[json!([524_288]), json!([]), json!([2_147_418_112, 524_288])])),
            ("table", Self::text),
            ("dns", |draw| {
                draw.some(&[
                    ("upstream", |draw| {
                        draw.list(3, |draw| {
                            draw.one(&["192.0.2.53".into(), "2001:db8::53#5353".into(), "fe80::1".into()])
                        })
                    }),
                    ("listen", |draw| draw.one(&["127.0.0.2".into(), "::1#54".into(), "127.0.0.1".into()])),
                    ("user", |draw| draw.one(&USERS.map(Value::from))),
                    ("max_cache_ttl", |draw| Ok(draw.0.int_in_range(1..=86400)?.into())),
                ])
            }),
            ("defaults", |draw| {
                draw.some(&[
                    ("families", Self::families),
                    ("rule", Self::rule),
                    ("rule6", Self::rule),
                    ("domains", Self::domains),
                ])
            }),
        ])
    }

    fn entry(&mut self) -> Result<Value> {
        if self.one_in(10)? {
            return Ok(Value::Null);
        }
        self.some(&[
            ("domains", Self::domains),
            ("families", Self::families),
            ("rule", Self::rule),
            ("rule6", Self::rule),
            ("allow", |draw| draw.list(4, Self::scope)),
            ("deny", |draw| draw.list(3, Self::scope)),
            ("log", Self::boolean),
            ("mode", |draw| draw.one(&["audit".into(), "enforce".into()])),
            ("# note", Self::text),
        ])
    }

    fn application(&mut self) -> Result<Value> {
        let mut entry = self.entry()?;
        if let (Value::Object(entry), true) = (&mut entry, self.one_in(2)?) {
            let launch = self.some(&[
                ("users", |draw| draw.list(3, |draw| draw.one(&USERS.map(Value::from)))),
                ("env", |draw| Ok(json!({ "LANG": draw.text()?, "_x1": draw.text()? }))),
                ("keep_env", |draw| draw.one(&[json!(["TERM", "_"]), json!([])])),
                ("no_new_privileges", Self::boolean),
                ("seccomp", Self::boolean),
                ("user_owned", Self::boolean),
            ])?;
            entry.extend(launch.as_object().cloned().unwrap_or_default());
            let program = format!("/nonexistent/{}", self.words()?);
            let arguments = [program, "…".to_owned(), self.words()?];
            entry.insert("execv".to_owned(), arguments.into_iter().map(Value::from).collect());
        }
        Ok(entry)
    }

    fn scope(&mut self) -> Result<Value> {
        let mut scope = self.some(&[
            ("tcp", Self::ports),
            ("udp", Self::ports),
            ("icmp", |_| Ok(true.into())),
            ("log", Self::boolean),
            ("comment", Self::comment),
            ("until", |draw| {
                let times = [
                    "2030-01-31T18:00:00Z",
                    "90m",
                    "1h 3s",
                    "1900-01-01T00:00:00Z",
                    "9999-12-30T22:00:00Z",
                    "1970-01-01T00:00:00Z",
                ];
                draw.one(&times.map(Value::from))
            }),
        ])?;
        scope["to"] = self.to()?;
        Ok(scope)
    }

    fn service(&mut self) -> Result<Value> {
        let mut service = self.some(&[
            ("udp", Self::ports),
            ("icmp", |_| Ok(true.into())),
            ("mark", |draw| draw.one(&["alice".into(), "root".into(), "audio".into(), "browser".into()])),
            ("limit", |draw| draw.one(&["1/second".into(), "1000000/day".into(), "10/minute".into()])),
            ("comment", Self::comment),
        ])?;
        service["service"] = self.one(&NAMES.map(Value::from))?;
        service["tcp"] = self.ports()?;
        service["from"] =
            if self.one_in(2)? { self.one(&["any".into(), "lan".into()])? } else { self.list(4, Self::address)? };
        Ok(service)
    }

    fn to(&mut self) -> Result<Value> {
        self.list(5, |draw| match draw.0.int_in_range(0..=9)? {
            0 => Ok("any".into()),
            1 => Ok("lan".into()),
            2..=4 => draw.domain(),
            _ => draw.address(),
        })
    }

    fn ports(&mut self) -> Result<Value> {
        let ports = [
            json!(true),
            json!(443),
            json!("ssh"),
            json!("6881-6889"),
            json!(["https", 80, "1-65535"]),
            json!([1, 2, 4]),
            json!(65535),
        ];
        self.one(&ports)
    }

    fn address(&mut self) -> Result<Value> {
        if self.one_in(4)? {
            let host = self.0.arbitrary::<u8>()?;
            return Ok(format!("10.0.0.{}-10.0.{host}.255", host / 2).into());
        }
        self.one(&ADDRESSES.map(Value::from))
    }

    fn domain(&mut self) -> Result<Value> {
        if self.one_in(4)? {
            let length = self.0.int_in_range(1..=63)?;
            return Ok(format!("{}.{}", "x".repeat(length), self.one_text(&DOMAINS)?).into());
        }
        self.one(&DOMAINS.map(Value::from))
    }

    fn domains(&mut self) -> Result<Value> {
        self.list(4, Self::domain)
    }

    fn families(&mut self) -> Result<Value> {
        self.one(&[json!([4, 6]), json!([4]), json!([6])])
    }

    fn boolean(&mut self) -> Result<Value> {
        Ok(self.0.arbitrary::<bool>()?.into())
    }

    fn rule(&mut self) -> Result<Value> {
        self.one(&RULES.map(Value::from))
    }

    /// Shorter and longer than what nft has room for.
    fn comment(&mut self) -> Result<Value> {
        if self.one_in(8)? {
            return self.text();
        }
        let times = self.0.int_in_range(1..=12)?;
        Ok(self.one_text(&COMMENTS)?.repeat(times).into())
    }

    fn text(&mut self) -> Result<Value> {
        self.words().map(Value::from)
    }

    fn words(&mut self) -> Result<String> {
        let text: &str = self.0.arbitrary()?;
        Ok(if text.is_empty() { self.one_text(&HOSTILE)? } else { text.to_owned() }.replace(['\0', '…'], ""))
    }

    /// Whether it happens that happens once in `times`; not where no bytes are left.
    fn one_in(&mut self, times: u8) -> Result<bool> {
        Ok(self.0.int_in_range(1..=times)? == times)
    }

    fn one_text(&mut self, texts: &[&str]) -> Result<String> {
        self.0.choose(texts).map(|text| (*text).to_owned())
    }

    /// One of `good`, or rarely a text that is none of them.
    fn one(&mut self, good: &[Value]) -> Result<Value> {
        if self.one_in(SLIP)? { self.one_text(&HOSTILE).map(Value::from) } else { self.0.choose(good).cloned() }
    }

    /// One to `most`.
    fn list(&mut self, most: usize, item: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        (0..self.0.int_in_range(1..=most)?).map(|_| item(self)).collect()
    }

    fn entries(&mut self, names: &[&str], entry: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        let mut entries = Map::new();
        for _ in 0..self.0.int_in_range(0..=3)? {
            let name = self.one(&names.iter().copied().map(Value::from).collect::<Vec<_>>())?;
            entries.insert(name.as_str().unwrap_or_default().to_owned(), entry(self)?);
        }
        Ok(entries.into())
    }

    /// An object with each of `keys`, or not.
    fn some(&mut self, keys: &[Key<'a>]) -> Result<Value> {
        let mut object = Map::new();
        for (key, value) in keys {
            if self.one_in(3)? {
                object.insert((*key).to_owned(), value(self)?);
            }
        }
        Ok(object.into())
    }
}
