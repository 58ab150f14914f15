//! Programs that run while the test goes on.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Outcome;

/// How long a program may take to end once it was told to.
const PATIENCE: Duration = Duration::from_secs(3);

/// A program that is told to end when this value goes: by the end of its standard input, then by SIGTERM, then by SIGKILL.
#[derive(Debug)]
pub struct Background {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Background {
    /// Starts `command` and waits for its first line, `ready`.
    ///
    /// # Errors
    /// If it cannot be started or says something else.
    pub fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().display().to_string();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run '{program}'"))?;
        let stdout = BufReader::new(child.stdout.take().context("its output is not a pipe")?);
        let mut background = Self { child, stdout };
        let mut line = String::new();
        background.stdout.read_line(&mut line)?;
        if line != "ready\n" {
            let outcome = background.stop()?;
            bail!("not ready but '{}': {}{}", line.trim(), outcome.stderr, outcome.stdout);
        }
        Ok(background)
    }

    /// The id of the process that was started.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line it prints.
    ///
    /// # Errors
    /// If it ends before.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("it ended");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Ends its standard input and waits for what it says then.
    ///
    /// # Errors
    /// If waiting fails.
    pub fn stop(mut self) -> Result<Outcome> {
        drop(self.child.stdin.take());
        let code = wait(&mut self.child)?;
        let read = |mut from: Box<dyn std::io::Read>| -> Result<String> {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let stderr = self.child.stderr.take().context("its errors are not a pipe")?;
        let mut stdout = Vec::new();
        std::io::Read::read_to_end(&mut self.stdout, &mut stdout)?;
        Ok(Outcome { code, stdout: String::from_utf8_lossy(&stdout).into_owned(), stderr: read(Box::new(stderr))? })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nothing can be reported here, and whatever it was ends with the laboratory's process namespace.
        let _ = wait(&mut self.child);
    }
}

fn wait(child: &mut Child) -> Result<i32> {
    let status = match within(child, PATIENCE)? {
        Some(status) => status,
        None => {
            kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
            match within(child, PATIENCE)? {
                Some(status) => status,
                None => {
                    child.kill()?;
                    child.wait()?
                }
            }
        }
    };
    Ok(status.code().unwrap_or(-1))
}

fn within(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
