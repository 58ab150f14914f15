//! What an apply would change, or changed. Pure: texts against texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::policy::NewGroup;
use crate::render::Artifacts;

/// The texts that are in force; empty where there are none.
#[derive(Clone, Debug, Default)]
pub struct Former {
    /// The ruleset.
    pub ruleset: String,
    /// The resolver's configuration; `None` if it is not known.
    pub dnsmasq: Option<String>,
    /// The launch index.
    pub launch_index: String,
}

/// Everything that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Groups to be made.
    pub groups: Vec<NewGroup>,
    /// Chains whose rules differ, by the name of the entry.
    pub rules: BTreeMap<String, Lines>,
    /// Rules and objects that are no entry's: chains of every packet, maps, sets.
    pub machine: Lines,
    /// Names that somebody may look up.
    pub names: Lines,
    /// Other lines of the resolver's configuration.
    pub resolver: Lines,
    /// Applications that are launched in another way, or not any more.
    pub launch: BTreeSet<String>,
}

/// Lines that come and go, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Only in the new text.
    pub added: Vec<String>,
    /// Only in the former text.
    pub removed: Vec<String>,
}

impl Lines {
    fn between(former: &BTreeSet<&str>, new: &BTreeSet<&str>) -> Self {
        let only = |a: &BTreeSet<&str>, b: &BTreeSet<&str>| a.difference(b).map(|line| (*line).to_owned()).collect();
        Self { added: only(new, former), removed: only(former, new) }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn to_json(&self) -> Value {
        json!({ "added": self.added, "removed": self.removed })
    }
}

/// Compares what is in force with `new`.
pub fn diff(former: &Former, new: &Artifacts, groups: &[NewGroup]) -> Diff {
    let (before, after) = (Ruleset::of(&former.ruleset), Ruleset::of(&new.ruleset.text));
    let mut rules = BTreeMap::new();
    let none = BTreeSet::new();
    for chain in before.entries.keys().chain(after.entries.keys()) {
        let old = before.entries.get(chain).unwrap_or(&none);
        let lines = Lines::between(old, after.entries.get(chain).unwrap_or(&none));
        if !lines.is_empty() {
            rules.insert((*chain).to_owned(), lines);
        }
    }
    let former_dnsmasq = former.dnsmasq.as_deref().unwrap_or_default();
    let dnsmasq = new.dnsmasq.as_deref().unwrap_or_default();
    let (known, wanted) = (names(former_dnsmasq), names(dnsmasq));
    Diff {
        groups: groups.to_vec(),
        rules,
        machine: Lines::between(&before.machine, &after.machine),
        names: Lines::between(&known, &wanted),
        resolver: Lines::between(&settings(former_dnsmasq), &settings(dnsmasq)),
        launch: launches(&former.launch_index, &new.launch_index),
    }
}

/// A ruleset that `render::nft::text` made, cut into what is an entry's and what is the machine's.
struct Ruleset<'a> {
    entries: BTreeMap<&'a str, BTreeSet<&'a str>>,
    machine: BTreeSet<&'a str>,
}

impl<'a> Ruleset<'a> {
    fn of(text: &'a str) -> Self {
        let mut ruleset = Self { entries: BTreeMap::new(), machine: BTreeSet::new() };
        let mut entry = None;
        for line in text.lines() {
            let chain = line.strip_prefix("\tchain ").and_then(|rest| rest.strip_suffix(" {"));
            if let Some(name) = chain {
                entry = name.strip_prefix("app_").or_else(|| name.strip_prefix("user_"));
                if let Some(name) = entry {
                    ruleset.entries.entry(name).or_default();
                }
                continue;
            }
            let line = line.trim();
            match (entry, line) {
                (_, "" | "{" | "}") => {}
                (Some(name), rule) => {
                    ruleset.entries.entry(name).or_default().insert(rule);
                }
                (None, line) if line.starts_with('#') => {}
                (None, line) => {
                    ruleset.machine.insert(line);
                }
            }
        }
        ruleset
    }
}

/// Names in `nftset=/NAME/…`.
fn names(conf: &str) -> BTreeSet<&str> {
    conf.lines().filter_map(|line| line.strip_prefix("nftset=/")?.split('/').next()).collect()
}

/// Everything that is neither about one name nor a comment.
fn settings(conf: &str) -> BTreeSet<&str> {
    let is_setting = |line: &&str| !line.is_empty() && !line.starts_with(['#']) && !line.starts_with("nftset=");
    conf.lines().filter(is_setting).filter(|line| !line.starts_with("connmark-allowlist=")).collect()
}

fn launches(former: &str, new: &str) -> BTreeSet<String> {
    let (former, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (former.lines().skip(1).collect(), new.lines().skip(1).collect());
    former
        .symmetric_difference(&new)
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let groups: Vec<Value> =
            self.groups.iter().map(|group| json!({ "name": group.name.as_str(), "gid": group.gid.0 })).collect();
        let rules: BTreeMap<&str, Value> =
            self.rules.iter().map(|(name, lines)| (name.as_str(), lines.to_json())).collect();
        json!({
            "version": 1,
            "groups": { "added": groups },
            "rules": rules,
            "machine": self.machine.to_json(),
            "names": self.names.to_json(),
            "resolver": self.resolver.to_json(),
            "launch": self.launch,
        })
    }

    /// One line a part, with the names of the entries and nothing of their rules.
    pub fn brief(&self) -> String {
        let mut text = String::new();
        let groups: Vec<String> = self.groups.iter().map(|group| format!("{} ({})", group.name, group.gid)).collect();
        line(&mut text, "groups", "added", &groups);
        let of = |wanted: fn(&Lines) -> bool| -> Vec<String> {
            self.rules.iter().filter(|(_, lines)| wanted(lines)).map(|(name, _)| name.clone()).collect()
        };
        line(&mut text, "rules", "added", &of(|lines| lines.removed.is_empty()));
        line(&mut text, "rules", "changed", &of(|lines| !lines.removed.is_empty() && !lines.added.is_empty()));
        line(&mut text, "rules", "removed", &of(|lines| lines.added.is_empty()));
        if self.rules.is_empty() {
            text.push_str(if self.machine.is_empty() {
                "  rules    unchanged\n"
            } else {
                "  rules    changed for the machine\n"
            });
        }
        line(&mut text, "names", "added", &self.names.added);
        line(&mut text, "names", "removed", &self.names.removed);
        line(&mut text, "launch", "changed", &self.launch.iter().cloned().collect::<Vec<_>>());
        text
    }
}

/// More names than this are counted and not listed.
const LISTED: usize = 12;

fn line(text: &mut String, part: &str, what: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let listed = names[..names.len().min(LISTED)].join(", ");
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    text.push_str(&format!("  {part:<8} {what}: {listed}{more}\n"));
}

/// In full, in the manner of diff(1).
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.groups.iter().try_for_each(|group| writeln!(f, "+ group {} ({})", group.name, group.gid))?;
        for (name, lines) in &self.rules {
            writeln!(f, "{name}:")?;
            show(f, lines)?;
        }
        for (title, lines) in [("machine", &self.machine), ("names", &self.names), ("resolver", &self.resolver)] {
            if !lines.is_empty() {
                writeln!(f, "{title}:")?;
                show(f, lines)?;
            }
        }
        self.launch.iter().try_for_each(|name| writeln!(f, "launched in another way: {name}"))
    }
}

fn show(f: &mut fmt::Formatter<'_>, lines: &Lines) -> fmt::Result {
    lines.removed.iter().try_for_each(|line| writeln!(f, "  - {line}"))?;
    lines.added.iter().try_for_each(|line| writeln!(f, "  + {line}"))
}

#[cfg(test)]
mod tests {
    use galaf::id::GroupId;
    use galaf::name::Name;

    use super::*;
    use crate::render::learned::LearnedSets;
    use crate::render::nft::{Table, text};

    const RULESET: &str = "table inet galaf {\n\tchain app_a {\n\t\tone\n\t}\n\tchain app_b {\n\t\ttwo\n\t}\n\tchain output {\n\t\tbase\n\t}\n}\n";

    fn artifacts(ruleset: &str, dnsmasq: &str, index: &str) -> Artifacts {
        let mut made = text(&Table::default());
        ruleset.clone_into(&mut made.text);
        Artifacts {
            table: Table::default(),
            ruleset: made,
            learned: LearnedSets::default(),
            dnsmasq: Some(dnsmasq.to_owned()),
            groups: String::new(),
            launch_index: index.to_owned(),
        }
    }

    fn former() -> Former {
        Former {
            ruleset: RULESET.to_owned(),
            dnsmasq: Some("port=53\nnftset=/a.test/4#inet#galaf#x\n".to_owned()),
            launch_index: "{}\na\t1\nb\t2\n".to_owned(),
        }
    }

    #[test]
    fn the_same_texts_differ_in_nothing() {
        let former = former();
        let diff = diff(&former, &artifacts(RULESET, former.dnsmasq.as_deref().unwrap(), &former.launch_index), &[]);
        assert!(diff.is_empty(), "{diff}");
    }

    #[test]
    fn each_part_that_differs_is_named() {
        let ruleset = RULESET.replace("app_b", "app_c").replace("one", "three").replace("base", "other");
        let dnsmasq = "port=54\nnftset=/b.test/4#inet#galaf#x\n";
        let groups = [NewGroup { name: Name::new("c").unwrap(), gid: GroupId(30001) }];
        let diff = diff(&former(), &artifacts(&ruleset, dnsmasq, "{}\na\t1\nc\t2\n"), &groups);
        assert_eq!(
            diff.to_string(),
            "+ group c (30001)\na:\n  - one\n  + three\nb:\n  - two\nc:\n  + two\nmachine:\n  - base\n  + other\n\
             names:\n  - a.test\n  + b.test\nresolver:\n  - port=53\n  + port=54\n\
             launched in another way: b\nlaunched in another way: c\n"
        );
        assert_eq!(
            diff.brief(),
            "  groups   added: c (30001)\n  rules    added: c\n  rules    changed: a\n  rules    removed: b\n  \
             names    added: b.test\n  names    removed: a.test\n  launch   changed: b, c\n"
        );
    }
}
