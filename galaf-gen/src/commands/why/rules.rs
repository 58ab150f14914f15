//! The rules that are asked: those of the files, or those that were applied last.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Result, bail};
use galaf::config::Part;

use super::who::Who;
use super::{now, rendered};
use crate::accounts::Services;
use crate::apply::state;
use crate::input::{self, Input, Machine};
use crate::kernel::{elements, maps, read};
use crate::render::{Artifacts, nft::Table};
use crate::sources::Files;
use crate::transaction::{applied_at, differences, is_locked};
use crate::why::{Facts, Report, Running, Target};

/// What is known beside the rules.
pub(super) struct Knowledge<'a> {
    pub(super) services: &'a Services,
    pub(super) own: &'a [IpAddr],
    pub(super) elements: Option<&'a BTreeMap<String, BTreeSet<IpAddr>>>,
}

/// A configuration, resolved and rendered.
pub(super) struct Rules<'a> {
    pub(super) parts: Vec<Part>,
    pub(super) machine: Machine<'a>,
    pub(super) now: i64,
    pub(super) input: Input,
    artifacts: Artifacts,
}

impl<'a> Rules<'a> {
    pub(super) fn of_file(file: &Path, machine: Machine<'a>) -> Result<Self> {
        Self::of(Files::find(file)?.read()?, machine, now())
    }

    pub(super) fn of(parts: Vec<Part>, machine: Machine<'a>, now: i64) -> Result<Self> {
        let input = input::resolved(parts.clone(), machine, now)?;
        let artifacts = rendered(&input)?;
        Ok(Self { parts, machine, now, input, artifacts })
    }

    /// What the last apply put into force. Durations began then.
    pub(super) fn applied(machine: Machine<'a>) -> Result<Self> {
        let Some(text) = state::applied(machine.state_dir)? else {
            bail!("nothing was applied yet; without '--live' the file is asked");
        };
        let name = state::applied_path(machine.state_dir).display().to_string();
        let parts = vec![Part { name, text }];
        let at_zero = Self::of(parts, machine, 0)?;
        let then = applied_at(&at_zero.artifacts.ruleset.text, &state::read(machine.state_dir).ruleset);
        Self::of(at_zero.parts, machine, then.unwrap_or_else(now))
    }

    /// What the kernel has of them.
    pub(super) fn running(&self, who: &Who) -> Result<(Running, BTreeMap<String, BTreeSet<IpAddr>>)> {
        let Artifacts { table, ruleset, .. } = &self.artifacts;
        let live = read::table()?;
        let Some(live) = live else { return Ok((Running::Nothing, BTreeMap::new())) };
        if is_locked(&live) {
            return Ok((Running::Locked, BTreeMap::new()));
        }
        let mut found = differences(Some(&live), table);
        if found.is_empty() {
            found = maps::differences(table)?;
        }
        if found.is_empty() && state::read(self.machine.state_dir).ruleset != ruleset.text {
            found.push("the machine's accounts, services or name servers are others than then".to_owned());
        }
        let sets = self.learned_sets(who, table);
        let sets = sets.into_iter().filter(|set| live.sets.contains_key(*set));
        let elements = sets.map(|set| Ok((set.to_owned(), elements::addresses(set)?))).collect::<Result<_>>()?;
        Ok((if found.is_empty() { Running::Applied } else { Running::Other(found) }, elements))
    }

    /// The learned sets that the rules of `who` ask.
    fn learned_sets<'t>(&self, who: &Who, table: &'t Table) -> BTreeSet<&'t str> {
        let subjects = self.input.policy.subjects().filter(|subject| who.is(subject.id));
        let rules =
            subjects.flat_map(|subject| subject.grants.iter().chain(&subject.denials).map(move |it| (subject, it)));
        let wanted: BTreeSet<&String> =
            rules.flat_map(|(subject, grant)| self.artifacts.learned.of_grant(subject, grant)).collect();
        table.sets.iter().map(|set| &set.name).filter(|name| wanted.contains(name)).map(String::as_str).collect()
    }

    pub(super) fn report<'r>(&'r self, who: &Who, target: &'r Target, known: &Knowledge<'r>) -> Report<'r> {
        let Knowledge { services, own, elements } = *known;
        let learned = &self.artifacts.learned;
        let facts = Facts { policy: &self.input.policy, learned, services, own, elements, now: now() };
        Report::of(facts, &self.input.source, (who.gid, who.uid), target, who.to_string())
    }
}
