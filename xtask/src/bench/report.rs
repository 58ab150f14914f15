//! The figures as Markdown.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::Result;

use super::statistics::{Series, Short};

/// The text so far.
pub(super) struct Report(String);

/// A table's row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) applications: Option<u32>,
    pub(super) series: Series,
}

impl Report {
    pub(super) fn new(machine: &str) -> Self {
        Self(format!("Machine: {machine}.\n"))
    }

    /// Rows beside the first of them.
    pub(super) fn compare(&mut self, title: &str, rows: &[Row]) -> Result<()> {
        let Some((base, _)) = rows.split_first() else { return Ok(()) };
        write!(
            self.0,
            "\n### {title}\n\n| | applications | median | rounds from – to | 99 of 100 below | × {} | rounds from – to |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
            base.name
        )?;
        for Row { name, applications, series } in rows {
            let (Some(time), Some(worst), Some(ratio)) =
                (series.spread(), series.worst_of_a_hundred(), series.ratio(&base.series))
            else {
                continue;
            };
            writeln!(
                self.0,
                "| {name} | {} | {} | {} | {} | {:.2} | {} |",
                count(*applications),
                Short(time.median),
                range(Short(time.low), Short(time.high)),
                Short(worst),
                ratio.median,
                range(format_args!("{:.2}", ratio.low), format_args!("{:.2}", ratio.high)),
            )?;
        }
        Ok(())
    }

    /// Single times.
    pub(super) fn list(&mut self, title: &str, rows: &[(String, u32, Duration)]) -> Result<()> {
        write!(self.0, "\n### {title}\n\n| | applications | time |\n|---|--:|--:|\n")?;
        for (name, applications, time) in rows {
            writeln!(self.0, "| {name} | {} | {} |", count(Some(*applications)), Short(*time))?;
        }
        Ok(())
    }

    /// Sizes in bytes, and what they are for one application.
    pub(super) fn sizes(&mut self, title: &str, rows: &[(String, u32, u64)]) -> Result<()> {
        write!(self.0, "\n### {title}\n\n| | applications | size | an application |\n|---|--:|--:|--:|\n")?;
        for (name, applications, bytes) in rows {
            let each = bytes / u64::from((*applications).max(1));
            writeln!(self.0, "| {name} | {} | {} KiB | {each} bytes |", count(Some(*applications)), bytes / 1024)?;
        }
        Ok(())
    }

    /// # Errors
    /// If standard output takes nothing; a closed pipe is no error.
    pub(super) fn print(&self) -> Result<()> {
        match io::stdout().write_all(self.0.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn range(low: impl Display, high: impl Display) -> String {
    format!("{low} – {high}")
}

fn count(applications: Option<u32>) -> String {
    let Some(number) = applications else { return String::new() };
    let (thousands, rest) = (number / 1000, number % 1000);
    if thousands == 0 { number.to_string() } else { format!("{thousands},{rest:03}") }
}
