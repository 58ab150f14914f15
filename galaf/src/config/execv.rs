//! The command line of an application.

use super::at::At;
use super::fields;
use super::problem::Report;
use crate::json::Node;
use crate::launch::PLACEHOLDER;

pub(super) fn read(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<String>> {
    let parts = fields::list(node, at, report, "strings", |item, at, report| {
        let text = fields::text(item, at, report)?;
        if text.contains('\0') {
            report.problem(at, "has a NUL character, which no argument can have");
            return None;
        }
        if text == "..." {
            report.notice(
                at,
                "three dots are passed on as they are; the caller's arguments go where the one character '…' stands",
            );
        }
        Some(text.to_owned())
    })?;
    let Some(program) = parts.first() else {
        report.problem(at, "is empty, expected the absolute path of a program and its arguments");
        return None;
    };
    if !program.starts_with('/') {
        report.problem(at.index(0), format!("'{}' is not an absolute path", program.escape_debug()));
        return None;
    }
    if let Some(second) =
        parts.iter().enumerate().filter(|(_, part)| *part == PLACEHOLDER).map(|(index, _)| index).nth(1)
    {
        report.problem(at.index(second), format!("a second '{PLACEHOLDER}', expected at most one"));
        return None;
    }
    Some(parts)
}
