//! Where a problem is.

use galaf::config::{Part, Problem, Problems};

/// Panics unless each of `problems` has a place inside one of `parts`, and all can be shown on a terminal.
pub(super) fn assert_placed(problems: &Problems, parts: &[Part]) {
    problems.0.iter().for_each(|problem| assert_inside(problem, parts));
    let shown = problems.to_string();
    let stray = shown.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(stray, None, "a control character reaches the terminal: {shown:?}");
    // Place and message, the line, the caret.
    assert_eq!(shown.lines().count(), 3 * problems.0.len(), "a message of several lines: {shown}");
}

fn assert_inside(problem: &Problem, parts: &[Part]) {
    let Some(part) = parts.iter().find(|part| part.name == problem.file) else {
        panic!("no file of this name: {problem:?}");
    };
    let place = problem.position;
    // A text that ends too early does so after its last line.
    let last = part.text.matches('\n').count() + 1;
    assert!((1..=last).contains(&place.line), "no such line: {problem:?}");
    let line = part.text.lines().nth(place.line - 1).unwrap_or_default();
    assert_eq!(problem.line, line, "{problem:?}");
    assert!((1..=line.chars().count() + 1).contains(&place.column), "no such column: {problem:?}");
}
