//! What an apply did.

use std::fmt;

use super::dnsmasq::Outcome;
use crate::policy::NewGroup;
use crate::summary::Changes;

/// The outcome of each part.
#[derive(Debug)]
pub struct Report {
    /// Groups that were made.
    pub groups: Vec<NewGroup>,
    /// Who is granted something else than before.
    pub changes: Changes,
    /// What became of the resolver.
    pub resolver: Outcome,
    /// What is wrong with the marks.
    pub marks: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> = self.groups.iter().map(|group| format!("{} ({})", group.name, group.gid)).collect();
        line(f, "groups", "added", &groups)?;
        line(f, "rules", "added", &self.changes.added)?;
        line(f, "rules", "changed", &self.changes.changed)?;
        line(f, "rules", "removed", &self.changes.removed)?;
        if self.changes.machine {
            writeln!(f, "  rules    changed for the machine or its ids")?;
        } else if self.changes == Changes::default() {
            writeln!(f, "  rules    unchanged")?;
        }
        writeln!(f, "  resolver {}", self.resolver)?;
        self.marks.iter().try_for_each(|problem| writeln!(f, "  marks    {problem}"))
    }
}

fn line(f: &mut fmt::Formatter<'_>, part: &str, what: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() { Ok(()) } else { writeln!(f, "  {part:<8} {what}: {}", names.join(", ")) }
}
