//! What would grant what is refused.

use std::path::Path;

use anyhow::Result;
use galaf::config::{Part, Problem};
use galaf::paths::CONFIG_PATH;

use super::rules::{Knowledge, Rules};
use super::who::Who;
use crate::cli::WhyArgs;
use crate::granted::{Granted, NewGrant};
use crate::input::InputError;
use crate::policy::{Place, Policy};
use crate::why::{Destination, Outcome, Protocol, Remedy, Report, Target};

/// What would grant it, tried out.
pub(super) fn remedy(
    args: &WhyArgs,
    report: &Report<'_>,
    rules: &Rules<'_>,
    who: &Who,
    known: &Knowledge<'_>,
) -> Option<Remedy> {
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
