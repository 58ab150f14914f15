//! What each subcommand does.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, Result, bail};
use galaf::config::Problems;
use galaf::json::JsonPath;
use jiff::Timestamp;

use crate::apply as apply_steps;
use crate::apply::{files, lock, restore, state};
use crate::cli::{ApplyArgs, CheckArgs, DiffArgs, RenderArgs, StateArgs};
use crate::input::{self, Input};
use crate::judge::{Judgement, judge};
use crate::kernel::locked;
use crate::notices::notices;
use crate::render::{Artifacts, render as render_policy};

/// `check`.
pub fn check(args: &CheckArgs) -> Result<()> {
    let input = input::read(&args.file, &args.etc.etc_dir, now())?;
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
    say(&format!(
        "'{}' is good: {applications}, {users}, {}{asked}
",
        input.file,
        counted(names, "name")
    ))
}

/// `render`.
pub fn render(args: &RenderArgs) -> Result<()> {
    let now = args.now.map_or_else(now, |time| time.as_second());
    let input = input::read(&args.file, &args.etc.etc_dir, now)?;
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
    let input = input::read(&args.file, &args.etc.etc_dir, now())?;
    let artifacts = rendered(&input)?;
    let diff = crate::diff::diff(&state::read(&args.state.state_dir), &artifacts, &input.policy.new_groups);
    say(&if args.json { format!("{:#}\n", diff.to_json()) } else { diff.to_string() })?;
    Ok(diff.is_empty())
}

/// `apply`.
pub fn apply(args: &ApplyArgs) -> Result<()> {
    require_root("apply")?;
    let _lock = lock::take(&args.state.state_dir)?;
    input::trust(&args.file)?;
    let input = input::read(&args.file, std::path::Path::new("/etc"), now())?;
    let artifacts = rendered(&input)?;
    if let Judgement::Bad(problems) = judge(&artifacts.ruleset)? {
        return Err(input.bad(problems).into());
    }
    show_notices(&input, notices(&input.policy, now()));
    let report = apply_steps::apply(&input.policy, &artifacts, &args.state.state_dir)?;
    say(&format!("applied '{}'\n{report}", input.file))
}

/// `reset`.
pub fn reset(args: &StateArgs) -> Result<()> {
    require_root("reset")?;
    let _lock = lock::take(&args.state_dir)?;
    locked::remove()?;
    say("the firewall is gone: every program can talk to the network\n\
         'galaf-gen apply' brings it back, and so does the next boot while galaf-firewall.service is enabled\n")
}

/// `boot`.
pub fn boot(args: &StateArgs) -> Result<()> {
    require_root("boot")?;
    let path = args.state_dir.join(galaf::paths::RULESET);
    match restore::last_good(&path) {
        Ok(()) => say(&format!("loaded '{}'\n", path.display())),
        Err(error) => {
            locked::lock().context("cannot even lock the network")?;
            bail!("locked: nothing may talk to the network until 'galaf-gen apply': {error:#}")
        }
    }
}

/// Seconds since the epoch.
fn now() -> i64 {
    Timestamp::now().as_second()
}

fn rendered(input: &Input) -> Result<Artifacts> {
    render_policy(&input.policy).map_err(|problems| input.bad(problems).into())
}

fn show_notices(input: &Input, more: Vec<(JsonPath, String)>) {
    let mut all = input.notices.clone();
    all.0.extend(Problems::placed(more, &input.text).0);
    all.0.sort_by_key(|notice| notice.position);
    for notice in &mut all.0 {
        notice.message.insert_str(0, "notice: ");
    }
    eprint!("{}", all.display(&input.file));
}

fn require_root(command: &str) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("'{command}' needs root; try 'sudo galaf-gen {command}'");
    }
    Ok(())
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn say(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
