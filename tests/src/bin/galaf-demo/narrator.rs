//! What the audience sees: commands, what they print, and whether that was expected.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Result;
use galaf_tests::run::Outcome;

/// A refusal that takes longer was a timeout: a SYN is repeated after one second.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What a command should come to.
#[derive(Clone, Copy)]
pub(crate) enum Expected<'a> {
    /// Exit code 0, and every one of these in its output.
    Success(&'a [&'a str]),
    /// Another exit code, this in its output, and at once.
    Refusal(&'a str),
}

impl Expected<'_> {
    /// What is wrong, if anything is.
    fn violation(self, outcome: &Outcome, took: Duration) -> Option<String> {
        let said = |words: &str| outcome.stdout.contains(words) || outcome.stderr.contains(words);
        match self {
            Self::Success(_) if outcome.code != 0 => Some(format!("exit code {}, expected 0", outcome.code)),
            Self::Success(words) => {
                words.iter().find(|words| !said(words)).map(|words| format!("it did not say '{words}'"))
            }
            Self::Refusal(_) if outcome.code == 0 => Some("exit code 0, expected a refusal".to_owned()),
            Self::Refusal(words) if !said(words) => Some(format!("it did not say '{words}'")),
            Self::Refusal(_) if took >= AT_ONCE => Some(format!("refused only after {}", millis(took))),
            Self::Refusal(_) => None,
        }
    }
}

/// Counts steps.
pub(crate) struct Narrator {
    colour: bool,
    steps: u32,
    left_out: u32,
    failed: u32,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour, steps: 0, left_out: 0, failed: 0 }
    }

    /// Begins a step.
    pub(crate) fn headline(&mut self, text: &str) -> Result<()> {
        self.steps += 1;
        let line = format!("{}. {text}", self.steps);
        print(&format!("\n{}\n\n", self.paint("1", &line)))
    }

    /// A line of explanation.
    pub(crate) fn explain(&self, text: &str) -> Result<()> {
        print(&format!("{text}\n"))
    }

    /// A command as somebody would have typed it.
    pub(crate) fn command(&self, who: &str, line: &str) -> Result<()> {
        let prompt = if who == "root" { '#' } else { '$' };
        print(&format!("{}\n", self.paint("36", &format!("{who}{prompt} {line}"))))
    }

    /// What it printed, and whether that was expected.
    pub(crate) fn outcome(&mut self, outcome: &Outcome, took: Duration, expected: Expected<'_>) -> Result<()> {
        self.output(&outcome.stdout)?;
        self.output(&outcome.stderr)?;
        match expected.violation(outcome, took) {
            None => {
                let what = match expected {
                    Expected::Success(_) => "done".to_owned(),
                    Expected::Refusal(_) => "refused at once".to_owned(),
                };
                print(&format!("{} as expected: {what}, {} in all\n", self.paint("32", "✓"), millis(took)))
            }
            Some(violation) => self.violation(&violation),
        }
    }

    /// Something is not as expected.
    pub(crate) fn violation(&mut self, what: &str) -> Result<()> {
        self.failed += 1;
        print(&format!("{} not as expected: {what}\n", self.paint("31", "✗")))
    }

    /// The step cannot be shown here.
    pub(crate) fn leave_out(&mut self, reason: &str) -> Result<()> {
        self.left_out += 1;
        print(&format!("left out: {reason}\n"))
    }

    /// The last line, and whether all went well.
    pub(crate) fn finish(&self) -> Result<bool> {
        let mut line = match self.failed {
            0 => format!("{} steps, all as expected", self.steps),
            failed => format!("{} steps; not as expected: {failed}", self.steps),
        };
        if self.left_out > 0 {
            line.push_str(&format!("; left out: {}", self.left_out));
        }
        print(&format!("\n{}\n", self.paint("1", &line)))?;
        Ok(self.failed == 0)
    }

    fn output(&self, text: &str) -> Result<()> {
        text.lines().try_for_each(|line| print(&format!("  {line}\n")))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes to standard output, whose reader may have seen enough.
pub(crate) fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(expected: Expected<'_>, code: i32, stderr: &str, millis: u64) -> Option<String> {
        let outcome = Outcome { code, stdout: String::new(), stderr: stderr.to_owned() };
        expected.violation(&outcome, Duration::from_millis(millis))
    }

    #[test]
    fn a_refusal_counts_only_if_it_is_one_says_why_and_comes_at_once() {
        let refusal = Expected::Refusal("connection refused");
        assert_eq!(violation(refusal, 1, "connection refused", 3), None);
        assert!(violation(refusal, 0, "connection refused", 3).is_some());
        assert!(violation(refusal, 1, "no route to host", 3).is_some());
        assert!(violation(refusal, 1, "connection refused", 1000).is_some());
    }

    #[test]
    fn a_success_counts_only_if_everything_was_said() {
        let success = Expected::Success(&["one", "two"]);
        assert_eq!(violation(success, 0, "two, one", 9999), None);
        assert!(violation(success, 0, "one", 1).is_some());
        assert!(violation(success, 1, "one two", 1).is_some());
    }
}
