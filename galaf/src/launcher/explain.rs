//! `--explain`: what a launch would do, found out without doing it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

use galaf::id::GroupId;

use super::checks::{self, Check, Request};
use super::{environment, groups, list, program};
use galaf::printable::printable;

/// The report, and the exit code that the launch would end with before its application runs: 0 for none.
pub(super) fn text(name: &OsStr, request: &Request<'_>) -> (String, u8) {
    let checks = checks::run(request);
    let code = checks.iter().find_map(|check| check.outcome.as_ref().err()).map_or(0, |failure| failure.exit_code());
    let mut lines = Lines(String::new());
    match code {
        0 => lines.heading(&format!("'{}' would be launched", printable(name))),
        _ => lines.heading(&format!("'{}' would not be launched: exit code {code}", printable(name))),
    }
    for Check { subject, outcome } in &checks {
        match outcome {
            Ok(finding) => lines.row(subject, &format!("ok: {finding}")),
            Err(failure) => lines.row(subject, &format!("refused: {failure}")),
        }
    }
    lines.heading("Process");
    process(&mut lines, request);
    lines.heading("Environment");
    let environment = environment::select(environment::of_caller(), &request.entry.keep_env, &request.entry.env);
    for (label, names) in [("kept", environment.kept), ("set", environment.set), ("dropped", environment.dropped)] {
        lines.row(label, &words(names.iter().map(printable)));
    }
    (lines.0, code)
}

fn process(lines: &mut Lines, request: &Request<'_>) {
    let Request { caller, range, entry, further } = *request;
    let own = || entry.execv.iter().map(OsString::from).collect();
    let arguments: Vec<OsString> = program::command(entry, further).map_or_else(|_| own(), |(_, arguments)| arguments);
    lines.row("command", &words(arguments.iter().map(|argument| format!("'{}'", printable(argument)))));
    lines.row("user", &caller.uid().to_string());
    lines.row("group", &format!("{}, as real, effective, saved and file system group", entry.gid));
    let groups = groups::supplementary(caller, range);
    let numbers = |list: &[GroupId]| words(list.iter().map(ToString::to_string));
    lines.row("groups kept", &numbers(&groups.kept));
    lines.row("groups dropped", &numbers(&groups.dropped));
    lines.row("capabilities", "none");
    lines.row("restrictions", &list::restrictions(entry));
}

fn words(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

/// Headings and rows of two columns.
struct Lines(String);

impl Lines {
    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }

    fn row(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.0, "  {label:<16}{text}");
    }
}
