//! `galaf-ebpf status`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use aya::programs::ProgramInfo;
use galaf::fold::fold;
use galaf::id::{GroupId, UserId};
use galaf::mark::Mark;
use nix::unistd::{getgid, getuid};
use serde_json::{Value, json};

use super::require_privileges;
use crate::cause::cause;
use crate::host::{PROC, cgroup, mounts};
use crate::link::{self, Link};
use crate::probe::{self, Name};
use crate::{cli, pins, program};

/// What is known of a loaded program.
struct Report {
    link: Link,
    program: ProgramInfo,
    /// `None` once the cgroup was removed: the program runs for nobody any more.
    cgroup: Option<PathBuf>,
    trusted_bases: Vec<u32>,
    /// `None` where this process is not in the cgroup, so that its sockets tell nothing.
    own: Option<OwnSockets>,
}

/// The marks of sockets just made by this process.
struct OwnSockets {
    expected: Mark,
    /// The first that is not as expected, or else the first.
    found: Mark,
}

impl Report {
    fn is_marking(&self) -> bool {
        self.cgroup.is_some() && self.own.as_ref().is_none_or(|own| own.found == own.expected)
    }
}

/// Prints the report. Whether the program is loaded and marks.
pub(crate) fn status(options: &cli::Status) -> Result<bool> {
    require_privileges()?;
    let report = inspect(&options.pins.dir)?;
    let mut out = io::stdout().lock();
    match &report {
        _ if options.json => writeln!(out, "{}", as_json(report.as_ref()))?,
        None => writeln!(out, "not loaded")?,
        Some(report) => print(&mut out, report)?,
    }
    Ok(report.is_some_and(|report| report.is_marking()))
}

fn inspect(pin_dir: &Path) -> Result<Option<Report>> {
    let proc = Path::new(PROC);
    let Some(fd) = pins::current(pin_dir)? else { return Ok(None) };
    let untold = |error: &(dyn std::error::Error + 'static)| format!("the kernel does not tell: {}", cause(error));
    let link = link::inspect(&fd, proc).map_err(|error| anyhow::anyhow!(untold(&error)))?;
    let program = program::find(link.program_id).map_err(|error| anyhow::anyhow!(untold(&error)))?;
    let program = program.with_context(|| format!("program {} has just been replaced", link.program_id))?;
    let trusted_bases = program::trusted_bases(&program).map_err(|error| anyhow::anyhow!(untold(&error)))?;
    let mounts = mounts::read_mounts(proc)?;
    let root = mounts::cgroup2_root(&mounts).context("no cgroup v2 is mounted")?;
    let cgroup = link.cgroup_id.and_then(|id| cgroup::find_by_id(root, id));
    let is_inside = match (&cgroup, cgroup::own(proc, root)?) {
        (Some(dir), Some(own)) => own.starts_with(dir),
        _ => false,
    };
    let own = if is_inside { own_sockets(&trusted_bases) } else { None };
    Ok(Some(Report { link, program, cgroup, trusted_bases, own }))
}

fn own_sockets(trusted: &[u32]) -> Option<OwnSockets> {
    let (gid, uid) = (GroupId(getgid().as_raw()), UserId(getuid().as_raw()));
    let expected = fold(gid, uid, |base| trusted.contains(&base.get())).unwrap_or(Mark::new(gid, uid));
    let marks: Vec<Mark> = probe::all().into_iter().filter_map(|probe| probe.mark.ok()).collect();
    let found = *marks.iter().find(|&&mark| mark != expected).or(marks.first())?;
    Some(OwnSockets { expected, found })
}

fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report { link, program, .. } = report;
    writeln!(
        out,
        "loaded: program {}, link {}, {} bytes of machine code",
        program.id(),
        link.id,
        program.size_jitted()
    )?;
    match &report.cgroup {
        Some(dir) => writeln!(out, "attached to: '{}'", dir.display())?,
        None => writeln!(out, "attached to: nothing, the cgroup was removed; run 'galaf-ebpf load'")?,
    }
    let bases: Vec<String> = report.trusted_bases.iter().map(u32::to_string).collect();
    writeln!(out, "trusted id bases: {}", if bases.is_empty() { "none".to_owned() } else { bases.join(", ") })?;
    match &report.own {
        None => writeln!(out, "own sockets: not tried, this process is outside the cgroup"),
        Some(own) if own.found == own.expected => {
            writeln!(out, "own sockets: {} ({}), as expected", own.found, Name(own.found))
        }
        Some(own) => {
            writeln!(
                out,
                "own sockets: {} ({}), expected {} ({})",
                own.found,
                Name(own.found),
                own.expected,
                Name(own.expected)
            )
        }
    }
}

fn as_json(report: Option<&Report>) -> Value {
    let Some(report) = report else { return json!({ "loaded": false, "marking": false }) };
    json!({
        "loaded": true,
        "marking": report.is_marking(),
        "program": {
            "id": report.program.id(),
            "jited_bytes": report.program.size_jitted(),
            "translated_bytes": report.program.size_translated(),
        },
        "link": report.link.id,
        "cgroup": report.cgroup,
        "trusted_bases": report.trusted_bases,
        "own_sockets": report.own.as_ref().map(|own| json!({ "mark": own.found.0, "expected": own.expected.0 })),
    })
}
