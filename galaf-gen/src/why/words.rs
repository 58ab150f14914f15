//! The answer for a person.

use std::fmt::Write;

use galaf::config::Family;
use galaf::json::Node;
use galaf::printable::printable;

use super::answer::{By, Lookup, Outcome, Step, Verdict};
use super::report::{Remedy, Report, Running};
use super::{Answer, Destination, phrases};
use crate::policy::{Grant, Place, Subject};

/// Longer texts of the file are told in other words.
const MAX_TEXT: usize = 160;

/// Some lines; the first says who, where to, and what becomes of it.
pub fn words(report: &Report<'_>) -> String {
    let outcome = match report.outcome() {
        Outcome::Allowed => "allowed",
        Outcome::Audited => "let through and recorded",
        Outcome::Refused => "refused",
        Outcome::Depends => "it depends",
    };
    let mut text = format!("{} to {}: {outcome}\n", report.who, report.target);
    for line in running(report).into_iter().chain(name(report)) {
        add(&mut text, &line);
    }
    if !matches!(report.running, Some(Running::Nothing | Running::Locked)) {
        both(report).iter().for_each(|line| add(&mut text, line));
        remedy(report).iter().for_each(|line| add(&mut text, line));
    }
    text
}

fn add(text: &mut String, line: &str) {
    // Writing to a String cannot fail; what is from the file may have been written by anybody.
    let _ = writeln!(text, "  {}", printable(line));
}

/// The lines of each family; those that are the same in both once.
fn both(report: &Report<'_>) -> Vec<String> {
    let found: Vec<(Family, Vec<String>)> =
        report.answers.iter().map(|(family, answer)| (*family, lines(report, answer))).collect();
    let in_all = |line: &String| found.iter().all(|(_, lines)| lines.contains(line));
    let mut both: Vec<String> = Vec::new();
    for (family, line) in found.iter().flat_map(|(family, lines)| lines.iter().map(move |line| (family, line))) {
        let shown = if in_all(line) { line.clone() } else { format!("{family}: {line}") };
        if !both.contains(&shown) {
            both.push(shown);
        }
    }
    both
}

fn running(report: &Report<'_>) -> Vec<String> {
    match &report.running {
        None | Some(Running::Applied) => Vec::new(),
        Some(Running::Nothing) => vec!["no firewall is loaded: every program can talk to the network".to_owned()],
        Some(Running::Locked) => {
            vec!["the firewall is locked: nothing may talk to the network until 'galaf-gen apply'".to_owned()]
        }
        Some(Running::Other(differences)) => std::iter::once(
            "the kernel has other rules than were applied, 'galaf-gen apply' repairs them; those that were applied say:",
        )
        .map(str::to_owned)
        .chain(differences.iter().map(|difference| format!("  {difference}")))
        .collect(),
    }
}

fn name(report: &Report<'_>) -> Option<String> {
    let Destination::Name(name) = &report.target.to else { return None };
    Some(match report.lookup? {
        Lookup::Answered => format!("name: the resolver answers '{name}'"),
        Lookup::Refused => format!("name: the resolver does not answer '{name}', so there is no address to talk to"),
        Lookup::Elsewhere => "name: galaf runs no resolver here, so it is asked elsewhere".to_owned(),
    })
}

/// Steps in their order, then what a name's address could change, then grants that nearly match.
fn lines(report: &Report<'_>, answer: &Answer<'_>) -> Vec<String> {
    let outcome = answer.outcome();
    // A rule that may match and would do the same says nothing new.
    let is_told = |step: &&Step<'_>| step.open.is_empty() || Outcome::from(step.verdict) != outcome;
    let (exceptional, ordinary): (Vec<_>, Vec<_>) =
        answer.steps.iter().filter(is_told).partition(|step| step.is_exceptional());
    let mut lines = Vec::new();
    for (index, step) in ordinary.iter().enumerate() {
        let otherwise = if index > 0 && step.open.is_empty() { "otherwise " } else { "" };
        lines.push(format!("{otherwise}{}", step_line(report, step)));
    }
    // Of a name that is not answered there is no address.
    let exceptional = exceptional.into_iter().filter(|_| report.lookup != Some(Lookup::Refused));
    lines.extend(exceptional.map(|step| format!("but {}", step_line(report, step))));
    if outcome != Outcome::Allowed {
        lines.extend(answer.missed.iter().map(|missed| {
            let (subject, grant) = (missed.subject, missed.grant);
            let part = phrases::part(grant);
            format!("{part} of '{}'{} {}", subject.name, place(report, subject, grant), phrases::why(missed.why, grant))
        }));
    }
    lines
}

fn step_line(report: &Report<'_>, step: &Step<'_>) -> String {
    let conditions: Vec<String> = step.open.iter().map(phrases::condition).collect();
    let conditions = if conditions.is_empty() { String::new() } else { conditions.join(", ") + ": " };
    let deed = phrases::deed(step.verdict, step.by);
    let By::Entry(subject, grant) = step.by else { return conditions + &deed };
    let is_opened_by_name = matches!(report.target.to, Destination::Name(_))
        && step.verdict == Verdict::Allow
        && !grant.to.names().is_empty()
        && !step.is_exceptional();
    let open = match report.open_now(subject, grant) {
        _ if !is_opened_by_name => String::new(),
        Some(count) => format!("; addresses of its names that are open now: {count}"),
        None => "; from when the name is looked up".to_owned(),
    };
    format!("{conditions}{deed}{}: {}{open}", place(report, subject, grant), scope(report, subject, grant))
}

/// As it stands in the file, unless it is long or in several places of it.
fn scope(report: &Report<'_>, subject: &Subject, grant: &Grant) -> String {
    let is_one = grant.place != Place::Rule;
    let text = report.text(subject, grant).filter(|_| is_one).map(one_line);
    text.filter(|text| text.len() <= MAX_TEXT).unwrap_or_else(|| phrases::scope(grant))
}

/// ` (FILE:LINE:COLUMN)`.
fn place(report: &Report<'_>, subject: &Subject, grant: &Grant) -> String {
    let (_, found) = report.written(subject, grant);
    found.map(|(file, at)| format!(" ({file}:{}:{})", at.line, at.column)).unwrap_or_default()
}

fn remedy(report: &Report<'_>) -> Vec<String> {
    match &report.remedy {
        None => Vec::new(),
        Some(Remedy::None(why)) => vec![why.clone()],
        Some(Remedy::Grant { section, name, grant, by_command }) => {
            let mut lines =
                vec![format!("to grant it, add to 'allow' of '{name}' in '{section}': {}", one_line(&grant.to_node()))];
            if *by_command {
                lines.push(format!("or run: galaf-gen grant {}", grant.arguments(section, name)));
            }
            lines
        }
    }
}

/// In one line, with spaces as a person writes them.
fn one_line(node: &Node) -> String {
    match node {
        Node::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("\"{key}\": {}", one_line(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Node::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
