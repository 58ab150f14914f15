//! The messages that nft sends to the kernel, as `--debug=netlink` prints them: what a rule is, whatever its text looked like.

use galaf::config::Family;
use galaf::paths::TABLE;

/// What matches. Everything else that a rule can consist of acts, or decides.
const MATCHES: [&str; 17] = [
    "bitwise ",
    "byteorder ",
    "cmp ",
    "connlimit ",
    "ct load ",
    "exthdr load ",
    "fib ",
    "hash ",
    "limit ",
    "meta load ",
    "numgen ",
    "osf ",
    "payload load ",
    "range ",
    "rt load ",
    "socket load ",
    "xfrm load ",
];

/// The expressions of each rule of `chain`.
pub(super) fn rules<'a>(messages: &'a str, chain: &str) -> Vec<Vec<&'a str>> {
    let head = format!("inet {TABLE} {chain}");
    let mut rules = Vec::new();
    let mut is_inside = false;
    for line in messages.lines().map(str::trim_end) {
        let expression = line.strip_prefix("  [ ").and_then(|rest| rest.strip_suffix(" ]"));
        match expression {
            Some(expression) if is_inside => {
                rules.last_mut().into_iter().for_each(|rule: &mut Vec<_>| rule.push(expression))
            }
            Some(_) => {}
            None if line == head => {
                is_inside = true;
                rules.push(Vec::new());
            }
            // The comment.
            None if line.starts_with("  ") => {}
            None => is_inside = false,
        }
    }
    rules
}

/// Panics unless `rule` speaks for `family` only, only matches, and then accepts.
pub(super) fn assert_matches_and_accepts(rule: &[&str], family: Family) {
    let number = match family {
        Family::Ipv4 => "0x00000002",
        Family::Ipv6 => "0x0000000a",
    };
    let guard = format!("cmp eq reg 1 {number}");
    let [load, compare, between @ .., verdict] = rule else { panic!("not a whole rule: {rule:#?}") };
    assert!(*load == "meta load nfproto => reg 1" && *compare == guard, "not for {family} only: {rule:#?}");
    assert_eq!(*verdict, "immediate reg 0 accept", "{rule:#?}");
    for expression in between {
        assert!(only_matches(expression), "'{expression}' is no match: {rule:#?}");
    }
}

fn only_matches(expression: &str) -> bool {
    // A set without a name is the rule's own; with `dreg` it is a map, and register 0 is the verdict.
    expression.strip_prefix("lookup ").is_some_and(|rest| rest.contains(" set __set") && !rest.contains("dreg"))
        || expression.starts_with("immediate reg ") && !expression.starts_with("immediate reg 0 ")
        || MATCHES.iter().any(|what| expression.starts_with(what))
}
