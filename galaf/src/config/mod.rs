//! `galaf.json`: from text to a [`Config`] in which everything that can be known from the file alone is checked.
//!
//! What depends on the machine (which users and groups exist, what nft says of a rule) is galaf-gen's to check.

mod allow;
mod at;
mod domain;
mod entry;
mod execv;
mod fields;
mod grant;
mod inbound;
mod problem;
mod rule_text;
mod sections;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use allow::{AddressError, Addresses, Destinations, Port, PortError, Ports, Protocol, Scope, Until};
pub use domain::Domain;
pub use entry::{Domains, Entry, Launch};
pub use grant::{Family, Grant};
pub use inbound::{Inbound, Rate};
pub use problem::{Problem, Problems};
pub use rule_text::RuleText;
pub use settings::{Dns, Forward, MarkSource, Mode, Refusal, Settings, Upstream};

use crate::json::Node;
use crate::name::Name;
use at::At;
use problem::Report;

/// A whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The `config` section.
    pub settings: Settings,
    /// Accounts that may talk to the network whatever group they run with.
    pub users: BTreeMap<Name, Entry>,
    /// Services that may be reached from outside.
    pub inbound: Vec<Inbound>,
    /// Applications, each with a group of its own.
    pub groups: BTreeMap<Name, Entry>,
}

/// A good file, and what a person should know about it all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The file's meaning.
    pub config: Config,
    /// Things that have no effect or another one than expected.
    pub notices: Problems,
}

impl Config {
    /// Reads `text`.
    ///
    /// # Errors
    /// Every problem of the file at once; for a syntax error, that one.
    pub fn parse(text: &str) -> Result<Parsed, Problems> {
        let document = Node::parse(text).map_err(|error| Problems::syntax(text, &error))?;
        let mut report = Report::default();
        let config = sections::read(&document, At::ROOT, &mut report);
        report.finish(text).map(|notices| Parsed { config, notices })
    }

    /// The names that `entry` may reach, its own or those of the entry it names.
    pub fn domains_of<'a>(&'a self, entry: &'a Entry) -> &'a [Domain] {
        let mut domains = &entry.domains;
        // `sections` refused loops, so this ends.
        while let Domains::SameAs(name) = domains {
            match self.groups.get(name).or_else(|| self.users.get(name)) {
                Some(other) => domains = &other.domains,
                None => return &[],
            }
        }
        match domains {
            Domains::List(list) => list,
            Domains::None | Domains::SameAs(_) => &[],
        }
    }
}
