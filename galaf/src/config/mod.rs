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
mod guard;
mod inbound;
mod problem;
mod rate;
mod rule_text;
mod sections;
mod settings;
mod source;
mod suggest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use allow::{AddressError, Addresses, Destinations, Port, PortError, Ports, Protocol, Scope, Until};
pub use domain::Domain;
pub use entry::{Domains, Entry, Launch};
pub use grant::{Family, Grant};
pub use guard::Guard;
pub use inbound::Inbound;
pub use problem::{Problem, Problems};
pub use rate::Rate;
pub use rule_text::RuleText;
pub use settings::{Dns, Forward, Instance, MarkSource, Mode, Refusal, Settings, Upstream};
pub use source::{LISTS, Part, Source, described};
pub use suggest::did_you_mean;

use crate::json::JsonPath;
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
    /// Things that have no effect or another one than expected, each with the value it is about.
    pub notices: Vec<(JsonPath, String)>,
}

impl Config {
    /// Reads one text, which its problems call `galaf.json`.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str) -> Result<Parsed, Problems> {
        Self::read(&Source::merge(vec![Part { name: "galaf.json".to_owned(), text: text.to_owned() }])?)
    }

    /// Reads what `source` says.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(source: &Source) -> Result<Parsed, Problems> {
        let mut report = Report::default();
        let config = sections::read(source.document(), At::ROOT, &mut report);
        report.finish(source).map(|notices| Parsed { config, notices })
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
