//! What 'galaf-gen why' says of a file, offline.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWD: &str = "root:x:0:0::/:\n_apt:x:42:65534::/:\nalice:x:1001:1001::/:\ndnsmasq:x:107:65534::/:\n";

/// A machine's account files and its galaf.json.
struct World(TempDir);

struct Said {
    code: i32,
    text: String,
}

impl World {
    fn new(config: &Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("passwd", PASSWD), ("group", ""), ("services", "https 443/tcp\nhttps 443/udp\n")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let world = Self(dir);
        world.write(config);
        world
    }

    fn write(&self, config: &Value) {
        fs::write(self.file(), format!("{config:#}")).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("galaf.json")
    }

    fn why(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galaf-gen"));
        command.arg("why").args(args).arg("--file").arg(self.file()).arg("--etc").arg(self.0.path());
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        Said { code: output.status.code().unwrap(), text: text.replace(self.0.path().to_str().unwrap(), "") }
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.why(&[args, &["--json"]].concat()).text).unwrap()
    }
}

fn config() -> Value {
    json!({
        "config": { "dns": { "upstream": ["192.0.2.53"] } },
        "aliases": { "office": ["203.0.113.0/24"] },
        "users": {
            "alice": { "allow": [{ "to": "198.51.100.1", "tcp": 22 }], "deny": [{ "to": "any", "udp": 123 }] },
            "_apt": { "domains": ["deb.example.org"] }
        },
        "groups": {
            "browser": {
                "families": [4, 6],
                "allow": [
                    { "to": "example.org", "tcp": [80, "https"], "comment": "the shop" },
                    { "to": "office", "tcp": 22, "until": "2020-01-01T00:00:00Z" }
                ],
                "deny": [{ "to": "lan" }]
            },
            "narrow": { "families": [4], "allow": [{ "to": "192.0.2.0/28", "tcp": 443 }] },
            "tunnel": { "rule": "oifname \"tun0\" tcp dport 443" },
            "watched": { "mode": "audit", "deny": [{ "to": "192.0.2.1" }] },
            "idle": null
        }
    })
}

#[track_caller]
fn assert_says(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}", said.text);
    for part in parts {
        assert!(said.text.contains(part), "no \"{part}\" in:\n{}", said.text);
    }
}

#[test]
fn what_is_granted_is_told_with_its_rule_and_place() {
    let world = World::new(&config());
    let line =
        1 + fs::read_to_string(world.file()).unwrap().lines().position(|line| line.contains("the shop")).unwrap();
    let said = world.why(&["browser", "www.example.org:https"]);
    assert_says(
        &said,
        0,
        &[
            "browser to www.example.org:443/tcp: allowed\n",
            "the resolver answers 'www.example.org'",
            "allow[0] of 'browser' grants it (/galaf.json:",
            "\"the shop\"",
            "from when the name is looked up",
            "but if its address is among 10.0.0.0/8",
        ],
    );
    let step = &world.json(&["browser", "www.example.org:https"])["families"][0]["steps"][1];
    assert_eq!(step["rule"]["path"], "/groups/browser/allow/0");
    // The object begins some lines above its comment.
    let found = step["rule"]["line"].as_u64().unwrap();
    assert!((1..5).contains(&(u64::try_from(line).unwrap() - found)), "{found}, and the comment is in {line}");
    assert_says(
        &world.why(&["narrow", "192.0.2.15:443"]),
        0,
        &["narrow to 192.0.2.15:443/tcp: allowed", "192.0.2.0/28"],
    );
    assert_says(&world.why(&["idle", "localhost:631/udp"]), 0, &["the machine's traffic with itself is open"]);
    assert_says(
        &world.why(&["--user", "dnsmasq", "192.0.2.53:53/udp"]),
        0,
        &["the resolver's account asks this server"],
    );
}

#[test]
fn what_is_refused_is_told_with_what_nearly_grants_it() {
    let world = World::new(&config());
    assert_says(
        &world.why(&["browser", "example.org:25"]),
        1,
        &[
            "nothing grants it",
            "allow[0] of 'browser'",
            "is for tcp 80, 443 only",
            r#"{ "to": "example.org", "tcp": 25 }"#,
        ],
    );
    assert_says(&world.why(&["browser", "203.0.113.7:22"]), 1, &["allow[1] of", "lapsed at 2020-01-01T00:00:00Z"]);
    assert_says(&world.why(&["browser", "10.1.2.3/icmp"]), 1, &["deny[0] of 'browser' denies it", "no grant opens"]);
    assert_says(&world.why(&["narrow", "192.0.2.16:443"]), 1, &["nothing grants it"]);
    assert_says(&world.why(&["narrow", "example.org:443"]), 1, &["the resolver does not answer 'example.org'"]);
    assert_says(
        &world.why(&["narrow", "[2001:db8::1]:443"]),
        1,
        &["has IPv6 addresses, but 'families' does not have 6"],
    );
    assert_says(
        &world.why(&["--user", "_apt", "deb.example.org"]),
        0,
        &["domains of '_apt' grants it", "IPv6: nothing"],
    );
}

#[test]
fn what_is_not_known_is_told_as_such() {
    let world = World::new(&config());
    assert_says(
        &world.why(&["browser", "198.51.100.7:443"]),
        3,
        &["if the resolver answered the address for example.org", "otherwise nothing grants it"],
    );
    assert_says(&world.why(&["tunnel", "198.51.100.7:443"]), 3, &["if nft matches 'oifname \"tun0\" tcp dport 443'"]);
    assert_says(
        &world.why(&["browser", "example.org"]),
        3,
        &["with tcp 80, 443: allow[0]", "otherwise nothing grants it"],
    );
}

#[test]
fn audit_lets_through_and_says_that_it_does() {
    let world = World::new(&config());
    assert_says(
        &world.why(&["watched", "198.51.100.7:443"]),
        0,
        &["let through and recorded", "\"mode\": \"audit\" of 'watched'"],
    );
    assert_says(&world.why(&["watched", "192.0.2.1:443"]), 0, &["deny[0] of 'watched' denies it; \"mode\": \"audit\""]);
    assert_says(&world.why(&["watched", "any.test:443"]), 0, &["the resolver answers 'any.test'"]);
}

#[test]
fn what_the_user_is_granted_and_denied_counts_for_the_application_too() {
    let world = World::new(&config());
    assert_says(&world.why(&["idle", "198.51.100.1:22"]), 1, &["nothing grants it"]);
    assert_says(&world.why(&["idle", "198.51.100.1:22", "--user", "alice"]), 0, &["allow[0] of 'alice' grants it"]);
    let said = world.why(&["watched", "198.51.100.1:123/udp", "--user", "alice"]);
    assert_says(&said, 1, &["watched as alice to", "deny[0] of 'alice' denies it"]);
    assert_says(&world.why(&["idle", "deb.example.org:80", "--user", "_apt"]), 0, &["the resolver answers"]);
}

#[test]
fn without_the_mark_program_an_application_may_not_ask_what_its_user_may() {
    let mut config = config();
    config["config"]["mark"] = json!("nft");
    let world = World::new(&config);
    let args = ["idle", "deb.example.org:80", "--user", "_apt"];
    assert_says(&world.why(&args), 1, &["the resolver does not answer 'deb.example.org'"]);
    assert_says(&world.why(&args[1..]), 0, &["the resolver answers 'deb.example.org'"]);
}

#[test]
fn a_slip_is_told_and_is_no_answer() {
    let world = World::new(&config());
    assert_says(
        &world.why(&["browserr", "example.org"]),
        2,
        &["no application is called 'browserr'", "did you mean 'browser'?"],
    );
    assert_says(&world.why(&["--user", "alise", "example.org"]), 2, &["no user 'alise'", "did you mean 'alice'?"]);
    assert_says(&world.why(&["browser", "example.org:http"]), 2, &["'http' is no port"]);
    assert_says(&world.why(&["example.org"]), 2, &["APPLICATION"]);
    world.write(&json!({ "groups": { "browser": { "alow": [] } } }));
    assert_says(&world.why(&["browser", "example.org"]), 2, &["unknown key 'alow'"]);
}

#[test]
fn the_line_that_is_offered_grants_it() {
    let mut tried = 0;
    let names = ["browser", "narrow", "tunnel", "watched", "idle"];
    for (name, target) in names.iter().flat_map(|name| {
        let targets = [
            "other.test:25",
            "198.51.100.7:53/udp",
            "198.51.100.7/icmp",
            "198.51.100.7/tcp",
            "www.other.test",
            "192.0.2.1:9",
        ];
        targets.map(|target| (name, target))
    }) {
        let mut config = config();
        let world = World::new(&config);
        let remedy = world.json(&[name, target])["remedy"].clone();
        if remedy["allow"].is_null() {
            continue;
        }
        let entry = &mut config[remedy["section"].as_str().unwrap()][remedy["entry"].as_str().unwrap()];
        if entry.is_null() {
            *entry = json!({});
        }
        if entry["allow"].is_null() {
            entry["allow"] = json!([]);
        }
        entry["allow"].as_array_mut().unwrap().push(remedy["allow"].clone());
        world.write(&config);
        let said = world.why(&[name, target]);
        let is_open = said.text.contains(": allowed") && said.code == 0;
        assert!(is_open, "{name} {target}, with {}:\n{}", remedy["allow"], said.text);
        tried += 1;
    }
    assert!(tried > 20, "only {tried}");
}

#[test]
fn the_readme_shows_what_it_prints() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let readme = fs::read_to_string(format!("{root}/README.md")).unwrap();
    let mut shown = readme.split("$ galaf-gen why ").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut compared = 0;
    for (args, text) in shown.by_ref().map(|shown| shown.split_once('\n').unwrap()) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galaf-gen"));
        let output = command
            .current_dir(root)
            .arg("why")
            .args(args.split(' '))
            .args(["--etc", "tests/golden/etc"])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "why {args}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}
