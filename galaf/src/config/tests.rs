//! Whole files. The exact message of each kind of error is in the golden folders.

use super::*;

fn read(texts: &[&str]) -> Result<Parsed, Problems> {
    let part = |(index, text): (usize, &&str)| Part { name: format!("file{index}"), text: (*text).to_owned() };
    Config::read(&Source::merge(texts.iter().enumerate().map(part).collect())?)
}

fn parse(text: &str) -> Parsed {
    read(&[text]).unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(text: &str) -> Vec<String> {
    let problems = read(&[text]).expect_err("the file is good");
    problems.0.iter().map(|p| format!("{}:{} {}", p.position.line, p.position.column, p.message)).collect()
}

fn granted(parsed: &Parsed, group: &str) -> Vec<(u8, String)> {
    let entry = &parsed.config.groups[group];
    entry.grants.iter().map(|g| (g.family.number(), g.condition.as_str().to_owned())).collect()
}

#[test]
fn a_file_in_the_published_format_is_taken_as_it_stands() {
    let parsed = parse(
        r##"{
        "config": { "gid_range": [30000, 59999], "inet": true, "table": "filter", "defaults": { "families": [4] } },
        "users": {
            "_apt": { "domains": ["deb.example.org", "security.example.org"] },
            "dnsmasq": { "#rule": "a server in the LAN", "rule": "ip daddr 192.168.1.1 meta l4proto {tcp, udp} @th,16,16 53" },
            "sshd": { "#": "only the mark" }
        },
        "groups": {
            "browser": { "execv": ["/usr/bin/browser", "…"], "families": [4, 6], "rule": "", "rule6": "" },
            "mail": { "execv": ["/usr/bin/mail", "…"], "domains": ["imap.example.com"], "rule": "tcp dport { 465, 993 }" },
            "mail2": { "execv": ["/usr/bin/mail2", "…"], "domains": "mail", "rule": "tcp dport 993" },
            "ping": { "execv": ["/usr/bin/ping", "…"], "rule": "icmp type echo-request" },
            "NDP6": null
        }
    }"##,
    );
    let config = &parsed.config;
    assert_eq!(granted(&parsed, "browser"), [(4, String::new()), (6, String::new())]);
    assert_eq!(granted(&parsed, "mail"), [(4, "tcp dport { 465, 993 }".to_owned())]);
    assert_eq!(config.domains_of(&config.groups["mail2"]), [Domain::new("imap.example.com").unwrap()]);
    assert_eq!(config.groups["NDP6"], Entry::default());
    assert_eq!(config.users["sshd"].grants, []);
    let notices: Vec<&str> = parsed.notices.iter().map(|(_, message)| message.as_str()).collect();
    assert!(matches!(notices[..], [one] if one.contains("'inet galaf'")), "{notices:?}");
}

#[test]
fn a_rule_for_ipv4_never_opens_ipv6() {
    let parsed = parse(r#"{"groups": {"x": {"families": [4, 6], "domains": ["a.test"], "rule": "tcp dport 443"}}}"#);
    assert_eq!(granted(&parsed, "x"), [(4, "tcp dport 443".to_owned())]);
    assert!(parsed.notices[0].1.contains("nothing is granted over IPv6"));
}

#[test]
fn names_alone_grant_every_family_named() {
    let parsed = parse(r#"{"groups": {"x": {"families": [6, 4], "domains": ["a.test"]}}}"#);
    assert_eq!(granted(&parsed, "x"), [(4, String::new()), (6, String::new())]);
}

#[test]
fn neither_names_nor_rule_grant_nothing_even_with_families() {
    assert_eq!(granted(&parse(r#"{"groups": {"x": {"families": [4, 6]}, "y": {}}}"#), "x"), []);
}

#[test]
fn defaults_are_for_entries_and_not_for_null_or_bare_ones() {
    let text = r##"{"config": {"defaults": {"families": [6], "rule6": "tcp dport 22"}},
        "groups": {"a": {"execv": ["/x"]}, "b": null, "c": {"#": ""}, "d": {"rule6": ""}}}"##;
    let parsed = parse(text);
    assert_eq!(granted(&parsed, "a"), [(6, "tcp dport 22".to_owned())]);
    assert_eq!(granted(&parsed, "b"), []);
    assert_eq!(granted(&parsed, "c"), []);
    assert_eq!(granted(&parsed, "d"), [(6, String::new())]);
}

#[test]
fn every_problem_is_reported_at_once_in_the_order_of_the_file() {
    let text = "{\n \"groups\": {\n  \"a\": {\"domain\": []},\n  \"b\": {\"rule\": \"accept\"},\n  \"b\": null\n },\n \"x\": 1\n}";
    let problems = refused(text);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("3:19 unknown key 'domain'") && problems[0].ends_with("did you mean 'domains'?"));
    assert!(problems[1].starts_with("4:17 'accept' has the word 'accept'"), "{}", problems[1]);
    assert_eq!(problems[2], "5:8 the key 'b' is there twice");
    assert!(problems[3].starts_with("7:7 unknown key 'x'"));
}

#[test]
fn aliases_must_end_at_a_list() {
    let circle = refused(r#"{"groups": {"a": {"domains": "b"}, "b": {"domains": "a"}, "c": {"domains": "c"}}}"#);
    assert_eq!(circle.len(), 3);
    assert!(circle[0].ends_with("leads in a circle: b -> a -> b"), "{}", circle[0]);
    assert!(refused(r#"{"groups": {"a": {"domains": "mial"}, "mail": null}}"#)[0].contains("did you mean 'mail'?"));
    assert!(
        refused(r#"{"groups": {"a": {"domains": "b"}, "b": {"rule": ""}}}"#)[0]
            .ends_with("the entry 'b' has no domains")
    );
}

#[test]
fn a_chain_of_aliases_is_followed_to_its_list() {
    let parsed =
        parse(r#"{"users": {"u": {"domains": "a"}}, "groups": {"a": {"domains": "b"}, "b": {"domains": ["x.test"]}}}"#);
    assert_eq!(parsed.config.domains_of(&parsed.config.users["u"])[0].as_str(), "x.test");
}

#[test]
fn a_filter_needs_no_new_privileges_and_follows_it_by_default() {
    let parsed = parse(r#"{"groups": {"a": {"execv": ["/x"]}, "b": {"execv": ["/x"], "no_new_privileges": false}}}"#);
    let launch = |name: &str| parsed.config.groups[name].launch.clone().unwrap();
    assert!(launch("a").no_new_privileges && launch("a").seccomp);
    assert!(!launch("b").no_new_privileges && !launch("b").seccomp);
    let text = r#"{"groups": {"a": {"execv": ["/x"], "no_new_privileges": false, "seccomp": true}}}"#;
    assert!(refused(text)[0].contains("needs 'no_new_privileges'"));
}

#[test]
fn a_file_that_is_not_json_says_where() {
    assert_eq!(refused("{\n  \"groups\": {,}\n}"), ["2:14 not valid JSON: key must be a string"]);
    assert_eq!(refused(""), ["1:1 not valid JSON: EOF while parsing a value"]);
    assert!(refused("[]")[0].contains("is an array, expected an object"));
}

#[test]
fn an_allow_brings_names_addresses_and_ports_together() {
    let parsed = parse(
        r#"{"aliases": {"office": ["203.0.113.0/24", "vpn.test"]},
        "groups": {"x": {"allow": [{"to": ["office", "203.0.112.0/24", "a.test"], "tcp": [443, "ssh", "1-9"], "icmp": true}]}}}"#,
    );
    let [item] = parsed.config.groups["x"].allow.as_slice() else { panic!("one item") };
    assert_eq!(item.to.domains, ["a.test", "vpn.test"].map(|name| Domain::new(name).unwrap()));
    let addresses = item.to.addresses_of(Family::Ipv4, &[Family::Ipv4]).unwrap();
    assert_eq!(addresses.elements(), ["203.0.112.0/23"]);
    let ports = vec![Port::Range(443, 443), Port::Service("ssh".into()), Port::Range(1, 9)];
    assert_eq!(item.protocols, [Protocol::Tcp(ports), Protocol::Icmp]);
}

#[test]
fn a_denial_may_be_of_a_family_that_the_entry_does_not_have() {
    let parsed =
        parse(r#"{"users": {"u": {"families": [4], "rule": "", "deny": [{"to": "2001:db8::1", "udp": true}]}}}"#);
    let [item] = parsed.config.users["u"].deny.as_slice() else { panic!("one item") };
    assert_eq!(item.to.addresses[0].family(), Family::Ipv6);
    assert_eq!(item.protocols, [Protocol::Udp(Vec::new())]);
    assert_eq!(parsed.config.users["u"].allow, []);
}

#[test]
fn a_priority_is_a_whole_number_between_connection_tracking_and_nat() {
    for (text, priority) in [("-49", -49), ("0", 0), ("49", 49)] {
        assert_eq!(parse(&format!(r#"{{"config": {{"priority": {text}}}}}"#)).config.settings.priority, priority);
    }
    for text in ["-50", "50", "1.5", "9223372036854775808", "true"] {
        let problems = refused(&format!(r#"{{"config": {{"priority": {text}}}}}"#));
        assert!(
            matches!(&problems[..], [one] if one.contains("expected a whole number from -49 to 49")),
            "{problems:?}"
        );
    }
}

#[test]
fn what_an_allow_cannot_mean_is_refused() {
    for (item, message) in [
        (r#"{"tcp": 1}"#, "has no 'to'"),
        (r#"{"to": []}"#, "is empty"),
        (r#"{"to": "lna"}"#, "did you mean 'lan'?"),
        (r#"{"to": "10.0.0.1/24"}"#, "bits set behind its prefix"),
        (r#"{"to": "any", "tcp": 0}"#, "0 is no port"),
        (r#"{"to": "any", "tcp": "9-1"}"#, "ends before it begins"),
        (r#"{"to": "any", "udp": []}"#, "is empty"),
        (r#"{"to": "any", "icmp": false}"#, "is false"),
        (r#"{"to": "any", "comment": "a\"b"}"#, "quotation mark"),
        (r#"{"to": "any", "until": "soon"}"#, "is no time"),
        (r#"{"to": "any", "ports": 1}"#, "unknown key 'ports'"),
    ] {
        let problems = refused(&format!(r#"{{"groups": {{"x": {{"allow": [{item}]}}}}}}"#));
        assert!(matches!(&problems[..], [one] if one.contains(message)), "{item}: {problems:?}");
    }
    let problems = refused(r#"{"groups": {"x": {"families": [4], "allow": [{"to": "2001:db8::1"}]}}}"#);
    assert!(problems[0].contains("has IPv6 addresses"), "{problems:?}");
    let problems = refused(r#"{"aliases": {"any": "lan", "a.b": "lan"}}"#);
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn lan_and_aliases_follow_the_entrys_families_and_written_addresses_bring_theirs() {
    let text = r#"{"aliases": {"office": ["203.0.113.1", "2001:db8::1"]},
        "groups": {"x": {"families": [4], "allow": [{"to": ["lan", "office"]}]}, "y": {"allow": [{"to": "2001:db8::2"}]}}}"#;
    let parsed = parse(text);
    let of = |name: &str, family| {
        let entry = &parsed.config.groups[name];
        entry.allow[0].to.addresses_of(family, &entry.families)
    };
    assert!(of("x", Family::Ipv4).unwrap().elements().contains(&"203.0.113.1".to_owned()));
    assert_eq!(of("x", Family::Ipv6), None);
    assert_eq!(of("y", Family::Ipv6).unwrap().elements(), ["2001:db8::2"]);
}

#[test]
fn a_drop_in_adds_grants_and_entries_and_replaces_other_values() {
    let parsed = read(&[
        r#"{"config": {"mark": "nft", "gid_range": [30000, 30099]}, "aliases": {"office": ["192.0.2.1"]},
            "groups": {"git": {"execv": ["/usr/bin/git", "…"], "allow": [{"to": "office"}]}, "ping": null}}"#,
        r#"{"aliases": {"office": ["192.0.2.2"]}, "config": {"mark": "ebpf"},
            "groups": {"git": {"allow": [{"to": "any", "tcp": 22}], "execv": ["/usr/bin/tig"]}, "ping": {"rule": ""}}}"#,
        r#"{"groups": {"git": null, "mail": {"rule": ""}}, "users": {"_apt": {"allow": [{"to": "any"}]}}}"#,
    ]);
    let config = parsed.unwrap_or_else(|problems| panic!("{problems}")).config;
    assert_eq!((config.settings.mark, config.settings.gid_range.max.0), (MarkSource::Ebpf, 30099));
    let git = &config.groups["git"];
    assert_eq!((git.allow.len(), git.launch.as_ref().unwrap().execv.as_slice()), (2, &["/usr/bin/tig".to_owned()][..]));
    // A later alias counts for earlier files, too.
    assert_eq!(git.allow[0].to.addresses_of(Family::Ipv4, &git.families).unwrap().elements(), ["192.0.2.2"]);
    assert_eq!((config.groups["ping"].grants.len(), config.groups.len(), config.users.len()), (1, 3, 1));
}

#[test]
fn every_problem_is_told_with_its_own_file() {
    let problems = read(&[
        r#"{"groups": {"a": {"allow": [{"to": "any", "tcp": 0}]}}}"#,
        "{\n\"groups\": {\"a\": {\"allow\": [{\"to\": \"any\"},\n{\"to\": \"any\", \"udp\": 0}]},\n\"a\": {}}}",
        r#"{"confg": {}}"#,
    ]);
    let places: Vec<String> = problems
        .unwrap_err()
        .0
        .iter()
        .map(|p| format!("{}:{}:{} {}", p.file, p.position.line, p.position.column, p.path.clone().unwrap_or_default()))
        .collect();
    assert_eq!(
        places,
        [
            "file0:1:50 /groups/a/allow/0/tcp",
            "file1:3:22 /groups/a/allow/1/udp",
            "file1:4:6 /groups/a",
            "file2:1:11 /confg"
        ]
    );
}

#[test]
fn every_drop_in_that_is_no_object_is_named() {
    let problems = read(&["{}", "[]", "{,}", "null"]).unwrap_err();
    let files: Vec<&str> = problems.0.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["file1", "file2", "file3"], "{problems}");
}
