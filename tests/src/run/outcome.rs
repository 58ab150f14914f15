//! How a program ended.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// Exit code and everything it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; 128 + N after signal N.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs `command` to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn of(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let output = command.output().with_context(|| format!("cannot run '{}'", program.display()))?;
        Ok(Self::from(output))
    }

    /// What was printed, if the code is 0.
    ///
    /// # Errors
    /// With the code and what was said otherwise.
    pub fn success(self) -> Result<String> {
        if self.code != 0 {
            bail!("exit code {}: {}{}", self.code, self.stderr, self.stdout);
        }
        Ok(self.stdout)
    }
}

impl From<Output> for Outcome {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        Self { code, stdout: text(stdout), stderr: text(stderr) }
    }
}
