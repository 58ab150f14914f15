//! The answer for a program.

use serde_json::{Value, json as value};

use super::answer::{By, Lookup, Missed, Step, Verdict};
use super::report::{Remedy, Report, Running};
use super::{Answer, phrases};
use crate::policy::{Grant, Subject};

/// An object; `version` changes when the meaning of a key does.
pub fn json(report: &Report<'_>) -> Value {
    let answers: Vec<Value> = report
        .answers
        .iter()
        .map(|(family, answer)| {
            value!({
                "family": family.number(),
                "outcome": answer.outcome().name(),
                "steps": answer.steps.iter().map(|step| self::step(report, step)).collect::<Vec<_>>(),
                "missed": missed(report, answer),
            })
        })
        .collect();
    value!({
        "version": 1,
        "who": report.who,
        "target": report.target.to_string(),
        "outcome": report.outcome().name(),
        "name": report.lookup.map(|lookup| match lookup {
            Lookup::Answered => "answered",
            Lookup::Refused => "refused",
            Lookup::Elsewhere => "elsewhere",
        }),
        "running": report.running.as_ref().map(running),
        "families": answers,
        "remedy": report.remedy.as_ref().map(remedy),
    })
}

fn running(running: &Running) -> Value {
    match running {
        Running::Applied => value!({ "state": "applied" }),
        Running::Other(differences) => value!({ "state": "other", "differences": differences }),
        Running::Locked => value!({ "state": "locked" }),
        Running::Nothing => value!({ "state": "nothing" }),
    }
}

fn step(report: &Report<'_>, step: &Step<'_>) -> Value {
    let (by, rule) = match step.by {
        By::Loopback => ("loopback", Value::Null),
        By::Dhcp => ("dhcp", Value::Null),
        By::Resolver => ("resolver", Value::Null),
        By::Entry(subject, grant) => ("entry", rule(report, subject, grant)),
        By::Mode(subject) => ("mode", value!({ "entry": subject.name.as_str(), "section": subject.id.section() })),
        By::Rest => ("rest", Value::Null),
    };
    value!({
        "verdict": match step.verdict {
            Verdict::Allow => "allow",
            Verdict::Refuse => "refuse",
            Verdict::Audit => "audit",
        },
        "by": by,
        "rule": rule,
        "if": step.open.iter().map(phrases::condition).collect::<Vec<_>>(),
        "exceptional": step.is_exceptional(),
    })
}

fn missed(report: &Report<'_>, answer: &Answer<'_>) -> Vec<Value> {
    let one = |missed: &Missed<'_>| {
        value!({
            "rule": rule(report, missed.subject, missed.grant),
            "why": phrases::why(missed.why, missed.grant),
        })
    };
    answer.missed.iter().map(one).collect()
}

fn rule(report: &Report<'_>, subject: &Subject, grant: &Grant) -> Value {
    let (path, found) = report.written(subject, grant);
    value!({
        "entry": subject.name.as_str(),
        "section": subject.id.section(),
        "part": phrases::part(grant),
        "path": path.to_string(),
        "file": found.map(|(file, _)| file),
        "line": found.map(|(_, at)| at.line),
        "column": found.map(|(_, at)| at.column),
        "scope": phrases::scope(grant),
        "until": grant.until,
        "comment": grant.comment,
        "open_now": report.open_now(subject, grant),
    })
}

fn remedy(remedy: &Remedy) -> Value {
    match remedy {
        Remedy::None(why) => value!({ "none": why }),
        Remedy::Grant { section, name, grant, by_command } => value!({
            "section": section,
            "entry": name,
            "allow": serde_json::to_value(grant.to_node()).unwrap_or_default(),
            "command": by_command.then(|| format!("galaf-gen grant {}", grant.arguments(section, name))),
        }),
    }
}
