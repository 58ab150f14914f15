//! A table as a value: what is rendered to text, and what the kernel is compared with.

use galaf::config::Family;

use crate::policy::{Place, SubjectId};

/// The whole table, in the order it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Sets that packets and dnsmasq fill.
    pub sets: Vec<Set>,
    /// Maps that galaf-gen fills.
    pub maps: Vec<Map>,
    /// Chains; nft makes all of them before the first rule, so any may jump to any.
    pub chains: Vec<Chain>,
}

impl Table {
    /// The names of the sets that dnsmasq fills.
    pub fn learned_sets(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().filter(|set| set.kind == SetKind::Learned).map(|set| set.name.as_str())
    }
}

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// nft's name of its key type.
    pub key: &'static str,
    /// What fills it.
    pub kind: SetKind,
}

/// What a set is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// Addresses that dnsmasq adds and traffic keeps. No size is declared: the kernel would
    /// set aside memory for all of it at once.
    Learned,
    /// Counters that live as long as the table.
    Statistics,
    /// Counters that are forgotten after a while, so many at most.
    Recorded,
    /// What is being counted, so many at most; begins anew with each apply.
    Counting,
    /// Elements of the file, which may be ranges.
    Static(Vec<String>),
}

/// A map whose elements are all ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Its name.
    pub name: &'static str,
    /// nft's names of key and value types.
    pub types: &'static str,
    /// Key and value, sorted by key.
    pub elements: Vec<(u32, String)>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets come from.
    pub kind: ChainKind,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// Where a chain's packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainKind {
    /// Jumped to.
    Regular,
    /// A hook of netfilter.
    Base {
        /// The hook.
        hook: Hook,
        /// Its place among the hook's chains.
        priority: Priority,
        /// Whether packets that no rule decides are dropped.
        drops: bool,
    },
}

/// A place among the chains of a hook (nft(8), table 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    name: &'static str,
    value: i32,
    offset: i32,
}

impl Priority {
    /// The first after connection tracking, without which a mark goes nowhere.
    pub const MANGLE: Self = Self { name: "mangle", value: -150, offset: 0 };
    /// Where verdicts are expected.
    pub const FILTER: Self = Self { name: "filter", value: 0, offset: 0 };

    /// So much later, or earlier.
    pub const fn plus(self, offset: i32) -> Self {
        Self { offset: self.offset + offset, ..self }
    }

    /// As the kernel has it.
    pub const fn number(self) -> i32 {
        self.value + self.offset
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        match self.offset {
            0 => Ok(()),
            offset if offset > 0 => write!(f, " + {offset}"),
            offset => write!(f, " - {}", offset.unsigned_abs()),
        }
    }
}

/// A hook of netfilter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Packets to this machine.
    Input,
    /// Packets that only pass through.
    Forward,
    /// Packets of this machine's sockets.
    Output,
}

impl Hook {
    /// `NF_INET_*` (linux/netfilter.h).
    pub const fn number(self) -> u32 {
        match self {
            Self::Input => 1,
            Self::Forward => 2,
            Self::Output => 3,
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Matches and statements.
    pub text: String,
    /// What `nft list` shows behind it.
    pub comment: String,
    /// The entry whose text is in it.
    pub origin: Option<Origin>,
}

/// The part of the file that a rule is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose entry.
    pub subject: SubjectId,
    /// The entry's name.
    pub name: String,
    /// Where in the entry.
    pub place: Place,
    /// `rule` or `rule6`, where the place is that.
    pub family: Family,
}

impl Chain {
    /// A chain that is jumped to.
    pub fn regular(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: ChainKind::Regular, rules: Vec::new() }
    }

    /// A chain that begins at a hook and drops what no rule decides.
    pub fn dropping(name: &str, hook: Hook, priority: Priority) -> Self {
        Self { name: name.to_owned(), kind: ChainKind::Base { hook, priority, drops: true }, rules: Vec::new() }
    }

    /// A chain that begins at a hook and only looks.
    pub fn looking(name: &str, hook: Hook, priority: Priority) -> Self {
        Self { name: name.to_owned(), kind: ChainKind::Base { hook, priority, drops: false }, rules: Vec::new() }
    }

    /// Adds a rule of galaf's own.
    pub fn rule(&mut self, text: impl Into<String>, comment: &str) {
        self.rules.push(Rule { text: text.into(), comment: format!("galaf: {comment}"), origin: None });
    }
}
