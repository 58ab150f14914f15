//! What needs no privilege and changes nothing in the system.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use galaf::paths::STATE_DIR;

use super::{counted, now, rendered, say, show_notices};
use crate::apply::{files, state};
use crate::cli::{CheckArgs, DiffArgs, EtcArgs, RenderArgs};
use crate::input::{self, Machine};
use crate::judge::{Judgement, judge};
use crate::notices::notices;
use crate::upstream;

fn machine<'a>(etc: &'a EtcArgs, state_dir: &'a Path) -> Machine<'a> {
    Machine { etc_dir: &etc.etc_dir, state_dir }
}

/// `check`.
pub fn check(args: &CheckArgs) -> Result<()> {
    let input = input::read(&args.file, machine(&args.etc, Path::new(STATE_DIR)), now())?;
    let artifacts = rendered(&input)?;
    let asked = match judge(&artifacts.ruleset)? {
        Judgement::Good => String::new(),
        Judgement::Bad(problems) => return Err(input.bad(problems).into()),
        Judgement::NotAsked(why) => format!("; nft was not asked: {why}"),
    };
    show_notices(&input, notices(&input.policy, now()));
    let policy = &input.policy;
    let names = policy.subjects().map(|subject| subject.domains().len()).sum::<usize>();
    let (applications, users) =
        (counted(policy.applications.len(), "application"), counted(policy.users.len(), "user"));
    let found = policy.resolver.as_ref().and_then(upstream::described);
    say(&format!(
        "{} is good: {applications}, {users}, {}{asked}\n{}",
        input.source.described(),
        counted(names, "name"),
        found.map(|found| format!("names are asked of {found}\n")).unwrap_or_default()
    ))
}

/// `render`.
pub fn render(args: &RenderArgs) -> Result<()> {
    let now = args.now.map_or_else(now, |time| time.as_second());
    let input = input::read(&args.file, machine(&args.etc, Path::new(STATE_DIR)), now)?;
    let artifacts = rendered(&input)?;
    show_notices(&input, Vec::new());
    let dir = &args.out_dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make '{}'", dir.display()))?;
    let mut made = String::new();
    for (name, text) in [
        (galaf::paths::RULESET, Some(&artifacts.ruleset.text)),
        (galaf::paths::DNSMASQ_CONF, artifacts.dnsmasq.as_ref()),
        ("group", Some(&artifacts.groups)),
        (galaf::paths::LAUNCH_INDEX, Some(&artifacts.launch_index)),
    ] {
        let path = dir.join(name);
        match text {
            Some(text) => {
                files::replace(&path, text)?;
                writeln!(made, "{}", path.display())?;
            }
            None => files::remove(&path)?,
        }
    }
    say(&made)
}

/// `diff`; whether nothing differs.
pub fn diff(args: &DiffArgs) -> Result<bool> {
    let input = input::read(&args.file, machine(&args.etc, &args.state.state_dir), now())?;
    let artifacts = rendered(&input)?;
    let diff = crate::diff::diff(&state::read(&args.state.state_dir), &artifacts, &input.policy.new_groups);
    say(&if args.json { format!("{:#}\n", diff.to_json()) } else { diff.to_string() })?;
    Ok(diff.is_empty())
}

/// `schema`.
pub fn schema() -> Result<()> {
    say(crate::SCHEMA)
}
