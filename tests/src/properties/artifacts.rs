//! What a policy becomes, without asking the programs that read it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use galaf::config::Instance;
use galaf::launch::{Index, IndexError};
use galaf::paths::TABLE;
use galaf_gen::policy::Policy;
use galaf_gen::render::Artifacts;
use galaf_gen::render::nft::{Chain, ChainKind, Map, Ruleset, Set, SetKind, Table};

/// dnsmasq reads lines into a buffer of this size (MAXDNAME).
const DNSMASQ_LINE: usize = 1025;

/// Panics if some text of the file got out of its place in `artifacts`.
pub(super) fn assert_contained(policy: &Policy, artifacts: &Artifacts) {
    assert_lines(&artifacts.table, &artifacts.ruleset);
    if let Some(text) = &artifacts.dnsmasq {
        assert_resolver(policy, artifacts, text);
    }
    let groups: Vec<String> =
        policy.new_groups.iter().map(|group| format!("{}:x:{}:", group.name, group.gid)).collect();
    assert!(artifacts.groups.lines().eq(&groups), "{}", artifacts.groups);
    assert_index(policy, &artifacts.launch_index);
}

/// Every object and rule is one line: a text with a newline in it would be more.
fn assert_lines(table: &Table, ruleset: &Ruleset) {
    let of_map = |map: &Map| 3 + if map.elements.is_empty() { 0 } else { 2 + map.elements.len() };
    let of_chain = |chain: &Chain| 2 + usize::from(matches!(chain.kind, ChainKind::Base { .. })) + chain.rules.len();
    let expected = table.sets.len()
        + table.maps.iter().map(of_map).sum::<usize>()
        + table.chains.iter().map(of_chain).sum::<usize>()
        + 3;
    let text = &ruleset.text;
    assert_eq!(text.split_terminator(['\n', '\r']).count(), expected, "{text}");
    let top: Vec<&str> = text.lines().filter(|line| !line.starts_with(['\t', '#'])).collect();
    assert_eq!(top, [format!("table inet {TABLE} {{").as_str(), "}"], "{text}");
}

fn assert_resolver(policy: &Policy, artifacts: &Artifacts, text: &str) {
    let Some(resolver) = &policy.resolver else { panic!("a resolver's configuration without a resolver") };
    let (dns, learned) = (&resolver.dns, learned(&artifacts.table));
    let names: BTreeSet<&str> = policy
        .subjects()
        .flat_map(|subject| subject.grants.iter().chain(&subject.denials))
        .flat_map(|grant| grant.to.names())
        .map(|name| name.as_str())
        .collect();
    let mut options: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(line.len() < DNSMASQ_LINE, "{line}");
        assert!(line.chars().all(|c| c.is_ascii_graphic()), "{line}");
        let (option, value) = line.split_once('=').unwrap_or((line, ""));
        options.entry(option).or_default().push(value);
    }
    let mut take = |option: &str| options.remove(option).unwrap_or_default();
    // NetworkManager says by itself where its dnsmasq listens, and whom it asks.
    let own = |values: Vec<String>| if dns.instance == Instance::Own { values } else { Vec::new() };
    assert_eq!(take("port"), own(vec![dns.listen.port.to_string()]));
    assert_eq!(take("listen-address"), own(vec![dns.listen.address.to_string()]));
    assert_eq!(take("server"), own(dns.upstream.iter().map(ToString::to_string).collect()));
    assert_eq!(take("user"), [dns.user.as_str()]);
    assert_eq!(take("max-cache-ttl"), [dns.max_cache_ttl.to_string()]);
    let lines: Vec<(&str, &str)> =
        take("nftset").into_iter().filter_map(|value| value.strip_prefix('/')?.split_once('/')).collect();
    assert!(lines.iter().map(|(name, _)| *name).eq(names.iter().copied()), "{lines:?} for {names:?}");
    for target in lines.iter().flat_map(|(_, targets)| targets.split(',')) {
        assert!(learned.contains(target), "'{target}' is no set of names: {learned:?}");
    }
    assert!(take("connmark-allowlist").iter().all(|value| is_allowance(value, &names)), "{text}");
    for flag in ["bind-interfaces", "no-resolv", "conntrack", "connmark-allowlist-enable"] {
        assert!(take(flag).iter().all(|value| value.is_empty()), "{text}");
    }
    assert!(options.is_empty(), "unexpected: {options:?}");
}

/// The sets that dnsmasq may fill, as it names them.
fn learned(table: &Table) -> BTreeSet<String> {
    let target = |set: &Set| {
        let family = if set.key == "ipv4_addr" { 4 } else { 6 };
        format!("{family}#inet#{TABLE}#{}", set.name)
    };
    table.sets.iter().filter(|set| set.kind == SetKind::Learned).map(target).collect()
}

/// `MARK/MASK,PATTERN/PATTERN…`, each for one of `names` or all of them.
fn is_allowance(value: &str, names: &BTreeSet<&str>) -> bool {
    let Some((selector, patterns)) = value.split_once(',') else { return false };
    let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number != 0);
    selector.split_once('/').is_some_and(|(mark, mask)| is_number(mark) && is_number(mask))
        && patterns.split('/').all(|pattern| pattern == "*" || names.contains(pattern.trim_start_matches("*.")))
}

fn assert_index(policy: &Policy, text: &str) {
    let read = || -> Result<Vec<_>, IndexError> {
        let mut file = tempfile::tempfile()?;
        file.write_all(text.as_bytes())?;
        let index = Index::open(file)?;
        assert_eq!(index.header().gid_range, policy.gid_range);
        index.all()
    };
    let entries = match read() {
        Ok(entries) => entries,
        Err(error) => panic!("the index is not one: {error}\n{text}"),
    };
    let launched =
        policy.applications.iter().filter_map(|application| Some((application, application.launch.as_ref()?)));
    let (expected, found) = (launched.clone().count(), entries.len());
    assert_eq!(expected, found, "{text}");
    for ((application, (launch, users)), (name, entry)) in launched.zip(&entries) {
        assert_eq!((name.as_str(), entry.gid), (application.subject.name.as_str(), application.gid));
        assert_eq!((&entry.execv, &entry.users), (&launch.execv, users));
        assert_eq!((entry.user_owned, entry.seccomp), (launch.user_owned, launch.seccomp));
        assert_eq!(entry.no_new_privileges, launch.no_new_privileges);
        let mut env = launch.env.clone();
        env.sort();
        assert_eq!((&entry.env, &entry.keep_env), (&env, &launch.keep_env));
    }
}
