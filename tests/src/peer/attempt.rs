//! How an attempt came out.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use galaf::mark::Mark;
use serde_json::{Value, json};

/// What the program saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The other side answered.
    Reached,
    /// The kernel said no, with this error.
    Refused(String),
    /// Nothing came back in time.
    Silent,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried.
    pub target: String,
    /// How it came out.
    pub verdict: Verdict,
    /// From before the first packet until the verdict.
    pub elapsed: Duration,
    /// The mark of the socket.
    pub mark: Mark,
}

impl Attempt {
    /// Whether the other side answered.
    pub fn reached(&self) -> bool {
        self.verdict == Verdict::Reached
    }

    /// Whether it was refused before a second packet could have been sent: a SYN is repeated after one second.
    pub fn refused_at_once(&self) -> bool {
        matches!(self.verdict, Verdict::Refused(_)) && self.elapsed < Duration::from_millis(500)
    }

    /// One line of what `galaf-peer` prints.
    pub fn to_json(&self) -> Value {
        let (verdict, error) = match &self.verdict {
            Verdict::Reached => ("reached", Value::Null),
            Verdict::Refused(error) => ("refused", json!(error)),
            Verdict::Silent => ("silent", Value::Null),
        };
        let elapsed = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX);
        json!({ "target": self.target, "verdict": verdict, "error": error, "elapsed_us": elapsed, "mark": self.mark.0 })
    }

    /// Reads what [`Self::to_json`] made.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let read = || -> Option<Self> {
            let value: Value = serde_json::from_str(text).ok()?;
            let verdict = match value["verdict"].as_str()? {
                "reached" => Verdict::Reached,
                "refused" => Verdict::Refused(value["error"].as_str()?.to_owned()),
                "silent" => Verdict::Silent,
                _ => return None,
            };
            Some(Self {
                target: value["target"].as_str()?.to_owned(),
                verdict,
                elapsed: Duration::from_micros(value["elapsed_us"].as_u64()?),
                mark: Mark(u32::try_from(value["mark"].as_u64()?).ok()?),
            })
        };
        read().with_context(|| format!("not an attempt: '{text}'"))
    }
}

/// Panics unless the target was reached.
#[track_caller]
pub fn assert_reached(attempt: &Attempt) {
    assert!(attempt.reached(), "{attempt}");
}

/// Panics unless it was refused, and at once.
#[track_caller]
pub fn assert_refused(attempt: &Attempt) {
    assert!(attempt.refused_at_once(), "{attempt}");
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.target)?;
        match &self.verdict {
            Verdict::Reached => write!(f, "reached")?,
            Verdict::Refused(error) => write!(f, "refused ({error})")?,
            Verdict::Silent => write!(f, "silent")?,
        }
        write!(f, " after {:.1} ms, mark {}", self.elapsed.as_secs_f64() * 1000.0, self.mark)
    }
}
