//! The table in nft's own language, one object or rule a line.

use std::collections::BTreeMap;
use std::fmt::{Arguments, Write};

use galaf::paths::TABLE;

use super::table::{Chain, ChainKind, Hook, Map, Origin, Rule, Set, SetKind, Table};

/// How long an address stays granted after it was last an answer or a destination.
const LEARNED_TIMEOUT: &str = super::grant::LEARNED_TIMEOUT;
/// How long a refused destination is remembered.
const RECORDED_TIMEOUT: &str = "1h";
/// How many refused destinations are remembered: about 160 KiB a family, set aside at once.
const RECORDED_SIZE: u32 = 4096;
/// How many sources or touched ports are counted: about 130 KiB a set, set aside at once.
const COUNTING_SIZE: u32 = 4096;
/// nft's limit of a comment, in bytes.
const MAX_COMMENT: usize = 128;

/// A text for `nft -f`, and which of its lines come from whose entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// The declaration of the table; loads where no table is.
    pub text: String,
    /// By line, from 1.
    pub origins: BTreeMap<usize, Origin>,
}

/// Renders `table`.
pub fn text(table: &Table) -> Ruleset {
    let mut writer = Writer { text: String::new(), line: 1, origins: BTreeMap::new() };
    writer.line(0, format_args!("# Made by galaf-gen from galaf.json; the next 'galaf-gen apply' overwrites it."));
    writer.line(0, format_args!("table inet {TABLE} {{"));
    table.sets.iter().for_each(|set| writer.set(set));
    table.maps.iter().for_each(|map| writer.map(map));
    table.chains.iter().for_each(|chain| writer.chain(chain));
    writer.line(0, format_args!("}}"));
    Ruleset { text: writer.text, origins: writer.origins }
}

struct Writer {
    text: String,
    line: usize,
    origins: BTreeMap<usize, Origin>,
}

impl Writer {
    fn line(&mut self, depth: usize, line: Arguments<'_>) {
        for _ in 0..depth {
            self.text.push('\t');
        }
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
        self.line += 1;
    }

    fn set(&mut self, set: &Set) {
        let Set { name, key, .. } = set;
        match &set.kind {
            SetKind::Learned => self.line(
                1,
                format_args!("set {name} {{ type {key}; flags dynamic,timeout; timeout {LEARNED_TIMEOUT}; }}"),
            ),
            SetKind::Statistics => self.line(1, format_args!("set {name} {{ type {key}; flags dynamic; counter; }}")),
            SetKind::Static(elements) => self.line(
                1,
                format_args!(
                    "set {name} {{ type {key}; flags interval; elements = {{ {} }}; }}",
                    elements.join(", ")
                ),
            ),
            // Each element has a timeout of its own.
            SetKind::Counting => {
                self.line(1, format_args!("set {name} {{ type {key}; flags dynamic,timeout; size {COUNTING_SIZE}; }}"));
            }
            SetKind::Recorded => self.line(
                1,
                format_args!(
                    "set {name} {{ type {key}; flags dynamic,timeout; timeout {RECORDED_TIMEOUT}; size {RECORDED_SIZE}; counter; }}"
                ),
            ),
        }
    }

    fn map(&mut self, map: &Map) {
        self.line(1, format_args!("map {} {{", map.name));
        self.line(2, format_args!("type {};", map.types));
        if !map.elements.is_empty() {
            self.line(2, format_args!("elements = {{"));
            for (key, value) in &map.elements {
                self.line(3, format_args!("{key} : {value},"));
            }
            self.line(2, format_args!("}}"));
        }
        self.line(1, format_args!("}}"));
    }

    fn chain(&mut self, chain: &Chain) {
        self.line(1, format_args!("chain {} {{", chain.name));
        if let ChainKind::Base { hook, priority, drops } = chain.kind {
            let hook = match hook {
                Hook::Input => "input",
                Hook::Forward => "forward",
                Hook::Output => "output",
            };
            let policy = if drops { "drop" } else { "accept" };
            self.line(2, format_args!("type filter hook {hook} priority {priority}; policy {policy};"));
        }
        chain.rules.iter().for_each(|rule| self.rule(rule));
        self.line(1, format_args!("}}"));
    }

    fn rule(&mut self, rule: &Rule) {
        if let Some(origin) = &rule.origin {
            self.origins.insert(self.line, origin.clone());
        }
        // Neither names nor comments of the file can have what nft would read as the end of the string.
        self.line(2, format_args!("{} comment \"{}\"", rule.text, cut(&rule.comment)));
    }
}

/// As many whole characters as fit a comment.
fn cut(comment: &str) -> &str {
    let end = (0..=MAX_COMMENT.min(comment.len())).rev().find(|&end| comment.is_char_boundary(end));
    &comment[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_comment_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(64)).len(), 128);
        assert_eq!(cut(&("x".to_owned() + &"ä".repeat(64))).len(), 127);
    }
}
