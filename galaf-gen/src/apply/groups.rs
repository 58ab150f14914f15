//! Groups, made and removed by shadow's own tools, which know how to lock the files.

use std::io::IsTerminal;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::policy::NewGroup;

const GROUPADD: &str = "/usr/sbin/groupadd";
const GROUPMOD: &str = "/usr/sbin/groupmod";
const GROUPDEL: &str = "/usr/sbin/groupdel";
/// From this many groups on it takes long enough to say how far it is.
const MANY: usize = 50;

/// Adds `groups` with the gids they were given. If one fails, those before it are removed again.
///
/// # Errors
/// What the tool said.
pub(super) fn add(groups: &[NewGroup]) -> Result<Vec<NewGroup>> {
    let progress = groups.len() >= MANY && std::io::stderr().is_terminal();
    for (index, group) in groups.iter().enumerate() {
        if progress {
            eprint!("\rgroups: {}/{}", index + 1, groups.len());
        }
        if let Err(error) = run(GROUPADD, &["-g", &group.gid.to_string(), group.name.as_str()]) {
            remove(&groups[..index])?;
            return Err(error.context(format!("cannot add the group '{}'", group.name)));
        }
    }
    if progress {
        eprintln!();
    }
    Ok(groups.to_vec())
}

/// Removes `groups`.
///
/// # Errors
/// What the tool said of the first that it could not remove.
pub(super) fn remove(groups: &[NewGroup]) -> Result<()> {
    for group in groups {
        delete(group.name.as_str())?;
    }
    Ok(())
}

/// Gives a group another name; its gid stays.
///
/// # Errors
/// What the tool said.
pub fn rename(old: &str, new: &str) -> Result<()> {
    run(GROUPMOD, &["-n", new, old]).with_context(|| format!("cannot rename the group '{old}'"))
}

/// Removes a group.
///
/// # Errors
/// What the tool said.
pub fn delete(name: &str) -> Result<()> {
    run(GROUPDEL, &[name]).with_context(|| format!("cannot remove the group '{name}'"))
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program).args(args).output().with_context(|| format!("cannot run '{program}'"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
