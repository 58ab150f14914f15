//! What is wrong with a file, and where.

use std::fmt;

use super::at::At;
use super::source::Source;
use crate::json::{JsonPath, Position};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it is shown.
    pub file: String,
    /// Where it begins in the text.
    pub position: Position,
    /// The value it is about; `None` for a syntax error.
    pub path: Option<JsonPath>,
    /// What is wrong and what was expected: lower case, no full stop.
    pub message: String,
    /// The line of the file it stands in.
    pub line: String,
}

/// Problems in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// `line` is the whole one that `position` is in.
    pub(super) fn new(file: &str, line: &str, position: Position, path: Option<JsonPath>, message: String) -> Self {
        Self { file: file.to_owned(), position, path, message, line: line.to_owned() }
    }

    pub(super) fn syntax(file: &str, text: &str, error: &serde_json::Error) -> Self {
        // serde_json counts bytes in the line and gives column 0 for an end of line or file.
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let bytes = error.column().saturating_sub(1).min(line.len());
        let characters = line.char_indices().take_while(|(at, _)| *at < bytes).count();
        let position = Position { line: error.line(), column: characters + 1 };
        let full = error.to_string();
        let message = full.split(" at line ").next().unwrap_or_default();
        Self::new(file, line, position, None, format!("not valid JSON: {message}"))
    }
}

impl Problems {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, as words.
    pub fn count(&self) -> String {
        match self.0.len() {
            1 => "1 problem".to_owned(),
            n => format!("{n} problems"),
        }
    }
}

/// As a person reads them, the file in front of each.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| {
            let Position { line, column } = problem.position;
            write!(f, "{}:{line}:{column}: ", problem.file)?;
            if let Some(path) = &problem.path {
                write!(f, "{path}: ")?;
            }
            writeln!(f, "{}", problem.message)?;
            // Tabs and control characters would move the caret, or the terminal.
            let shown: String = problem.line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(f, "{line:>5} | {shown}")?;
            writeln!(f, "      | {:>column$}", '^')
        })
    }
}

/// What a reading of a file gathers.
#[derive(Default)]
pub(super) struct Report {
    problems: Vec<(JsonPath, String)>,
    notices: Vec<(JsonPath, String)>,
}

impl Report {
    pub(super) fn problem(&mut self, at: At<'_>, message: impl Into<String>) {
        self.problems.push((at.to_path(), message.into()));
    }

    pub(super) fn notice(&mut self, at: At<'_>, message: impl Into<String>) {
        self.notices.push((at.to_path(), message.into()));
    }

    /// The notices, or the problems if there are any.
    pub(super) fn finish(self, source: &Source) -> Result<Vec<(JsonPath, String)>, Problems> {
        if self.problems.is_empty() { Ok(self.notices) } else { Err(source.place(self.problems)) }
    }
}
