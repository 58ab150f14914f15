//! `why`: who, where to, by which rules, and what is said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Result, bail};
use galaf::config::{Part, Problem, did_you_mean};
use galaf::name::Name;
use galaf::paths::CONFIG_PATH;
use galaf::printable::printable;

use super::{now, require_root, say};
use crate::accounts::{Accounts, Services};
use crate::apply::state;
use crate::cli::WhyArgs;
use crate::granted::{Granted, NewGrant};
use crate::input::{self, Input, InputError, Machine};
use crate::kernel::{elements, maps, own, read};
use crate::policy::{Place, Policy};
use crate::render::{Artifacts, nft::Table};
use crate::sources::Files;
use crate::transaction::{applied_at, differences, is_locked};
use crate::why::{Destination, Facts, Outcome, Protocol, Remedy, Report, Running, Target, json, words};

/// `why`.
pub fn why(args: &WhyArgs) -> Result<Outcome> {
    let machine = Machine { etc_dir: &args.etc.etc_dir, state_dir: &args.state.state_dir };
    let accounts = input::accounts(machine.etc_dir)?;
    let target = Target::parse(&args.destination, &accounts.services)?;
    if args.live {
        require_root("why --live")?;
    }
    let rules = if args.live { Rules::applied(machine)? } else { Rules::of_file(&args.file, machine)? };
    let who = Who::find(args, &rules.input, &accounts, machine)?;
    let (running, found) = if args.live {
        let (running, found) = rules.running(&who)?;
        (Some(running), Some(found))
    } else {
        (None, None)
    };
    let own = if machine.is_here() { own::addresses() } else { Vec::new() };
    let knowledge = Knowledge { services: &accounts.services, own: &own, elements: found.as_ref() };
    let mut report = rules.report(&who, &target, &knowledge);
    report.running = running;
    report.remedy = remedy(args, &report, &rules, &who, &knowledge);
    say(&if args.json { format!("{:#}\n", json(&report)) } else { words(&report) })?;
    Ok(report.outcome())
}

/// What is known beside the rules.
struct Knowledge<'a> {
    services: &'a Services,
    own: &'a [IpAddr],
    elements: Option<&'a BTreeMap<String, BTreeSet<IpAddr>>>,
}

/// A configuration, resolved and rendered.
struct Rules<'a> {
    parts: Vec<Part>,
    machine: Machine<'a>,
    now: i64,
    input: Input,
    artifacts: Artifacts,
}

impl<'a> Rules<'a> {
    fn of_file(file: &Path, machine: Machine<'a>) -> Result<Self> {
        Self::of(Files::find(file)?.read()?, machine, now())
    }

    fn of(parts: Vec<Part>, machine: Machine<'a>, now: i64) -> Result<Self> {
        let input = input::resolved(parts.clone(), machine, now)?;
        let artifacts = super::rendered(&input)?;
        Ok(Self { parts, machine, now, input, artifacts })
    }

    /// What the last apply put into force. Durations began then.
    fn applied(machine: Machine<'a>) -> Result<Self> {
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
    fn running(&self, who: &Who) -> Result<(Running, BTreeMap<String, BTreeSet<IpAddr>>)> {
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
        let subjects = self.input.policy.subjects().filter(|subject| who.has(subject.id.section(), &subject.name));
        let rules =
            subjects.flat_map(|subject| subject.grants.iter().chain(&subject.denials).map(move |it| (subject, it)));
        let wanted: BTreeSet<&String> =
            rules.flat_map(|(subject, grant)| self.artifacts.learned.of_grant(subject, grant)).collect();
        table.sets.iter().map(|set| &set.name).filter(|name| wanted.contains(name)).map(String::as_str).collect()
    }

    fn report<'r>(&'r self, who: &Who, target: &'r Target, known: &Knowledge<'r>) -> Report<'r> {
        let Knowledge { services, own, elements } = *known;
        let learned = &self.artifacts.learned;
        let facts = Facts { policy: &self.input.policy, learned, services, own, elements, now: now() };
        Report::of(facts, &self.input.source, (who.gid, who.uid), target, who.to_string())
    }
}

/// Whose packets.
struct Who {
    application: Option<String>,
    user: Option<String>,
    gid: Option<u32>,
    uid: Option<u32>,
}

impl Who {
    fn find(args: &WhyArgs, input: &Input, accounts: &Accounts, machine: Machine<'_>) -> Result<Self> {
        let gid = args.application.as_deref().map(|name| gid(name, input)).transpose()?;
        let uid = args.user.as_deref().map(|name| uid(name, &input.policy, accounts, machine)).transpose()?;
        Ok(Self { application: args.application.clone(), user: args.user.clone(), gid, uid })
    }

    fn has(&self, section: &str, name: &Name) -> bool {
        let wanted = if section == "users" { &self.user } else { &self.application };
        wanted.as_deref() == Some(name.as_str())
    }

    /// The entry that a grant would be written to.
    fn entry(&self) -> (&'static str, &str) {
        match (&self.application, &self.user) {
            (Some(name), _) => ("groups", name),
            (None, user) => ("users", user.as_deref().unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.application, &self.user) {
            (Some(application), Some(user)) => write!(f, "{application} as {user}"),
            (Some(name), None) | (None, Some(name)) => f.write_str(name),
            (None, None) => Ok(()),
        }
    }
}

fn gid(name: &str, input: &Input) -> Result<u32> {
    let mut applications = input.policy.applications.iter().map(|application| &application.subject);
    match applications.clone().find(|subject| subject.name.as_str() == name) {
        Some(subject) => Ok(subject.id.number()),
        None => {
            let hint = did_you_mean(name, applications.by_ref().map(|subject| subject.name.as_str()));
            bail!("no application is called '{}' in {}{hint}", printable(name), input.source.described())
        }
    }
}

/// An account needs no entry.
fn uid(name: &str, policy: &Policy, accounts: &Accounts, machine: Machine<'_>) -> Result<u32> {
    let entry = policy.users.iter().find(|subject| subject.name.as_str() == name).map(|subject| subject.id.number());
    if let Some(uid) = entry.or_else(|| accounts.users.get(name).map(|user| user.uid.0)) {
        return Ok(uid);
    }
    match machine.is_here().then(|| nix::unistd::User::from_name(name)) {
        Some(Ok(Some(user))) => Ok(user.uid.as_raw()),
        _ => {
            let hint = did_you_mean(name, accounts.users.keys().map(String::as_str));
            bail!("this machine has no user '{}'{hint}", printable(name))
        }
    }
}

/// What would grant it, tried out.
fn remedy(args: &WhyArgs, report: &Report<'_>, rules: &Rules<'_>, who: &Who, known: &Knowledge<'_>) -> Option<Remedy> {
    if !matches!(report.outcome(), Outcome::Refused | Outcome::Audited) {
        return None;
    }
    let (section, name) = who.entry();
    if let Some((subject, grant)) = report.denial() {
        let Place::Deny(index) = grant.place else { return None };
        return Some(Remedy::None(format!(
            "no grant opens what is denied; 'deny[{index}]' of '{}' would have to be narrowed",
            subject.name
        )));
    }
    let grant = grant_of(report.target);
    let tried =
        with_grant(&rules.parts, section, name, &grant).and_then(|parts| Rules::of(parts, rules.machine, rules.now));
    let tried = match tried {
        Ok(tried) => tried,
        Err(error) => return Some(Remedy::None(format!("a grant alone cannot open it: {}", first_problem(&error)))),
    };
    // What was not known before is not known then.
    if !matches!(tried.report(who, report.target, known).outcome(), Outcome::Allowed | Outcome::Depends) {
        return Some(Remedy::None("a grant alone cannot open it".to_owned()));
    }
    // An empty entry takes nothing from 'config.defaults', and one with a grant would: 'grant' refuses that.
    let by_rule = |policy: &Policy| {
        policy.subjects().flat_map(|subject| &subject.grants).filter(|grant| grant.place == Place::Rule).count()
    };
    let by_command =
        args.file == Path::new(CONFIG_PATH) && by_rule(&tried.input.policy) == by_rule(&rules.input.policy);
    Some(Remedy::Grant { section, name: name.to_owned(), grant, by_command })
}

/// The smallest grant for `target`.
fn grant_of(target: &Target) -> NewGrant {
    let to = match &target.to {
        Destination::Address(address) => address.to_string(),
        Destination::Name(name) => name.to_string(),
    };
    let ports = |wanted: Protocol| match (target.protocol == Some(wanted), target.port) {
        (false, _) => Vec::new(),
        (true, None) => vec!["all".to_owned()],
        (true, Some(port)) => vec![port.to_string()],
    };
    NewGrant {
        to: vec![to],
        tcp: ports(Protocol::Tcp),
        udp: ports(Protocol::Udp),
        icmp: target.protocol == Some(Protocol::Icmp),
        comment: None,
        until: None,
    }
}

/// The files, and behind them one more with `grant`.
fn with_grant(parts: &[Part], section: &str, name: &str, grant: &NewGrant) -> Result<Vec<Part>> {
    let mut granted = Granted::parse(None)?;
    granted.add(section, name, grant)?;
    let part = Part { name: "the grant".to_owned(), text: granted.to_text().unwrap_or_default() };
    Ok(parts.iter().cloned().chain([part]).collect())
}

fn first_problem(error: &anyhow::Error) -> String {
    match error.downcast_ref::<InputError>() {
        Some(InputError::Bad { problems, .. }) => {
            let told = |problem: &Problem| {
                let at = problem.path.as_ref().map(|path| format!("{path} ")).unwrap_or_default();
                at + &problem.message
            };
            problems.0.first().map(told).unwrap_or_default()
        }
        _ => format!("{error:#}"),
    }
}
