//! `groups`: what the machine has of them, another name, and the end of one.

use std::collections::BTreeSet;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use anyhow::{Context, Result, bail};
use galaf::config::{Config, Source};
use galaf::id::{GidRange, GroupId};
use galaf::name::Name;
use galaf::paths::GRANTED;
use galaf::printable::printable;

use super::online::{ETC, take_lock};
use super::{counted, require_root, say};
use crate::accounts::{Accounts, Group};
use crate::apply::{files, groups as shadow, unown};
use crate::cli::{DeleteArgs, ListArgs, RenameArgs};
use crate::granted::Granted;
use crate::groups::inventory::{Inventory, Sources};
use crate::groups::processes;
use crate::input::{self, InputError};
use crate::sources::{Files, drop_in_dir, read_file};

const PROC: &str = "/proc";
const MOUNTS: &str = "/proc/self/mountinfo";
/// The group of files whose owner has no line in passwd(5).
const ROOT_GROUP: GroupId = GroupId(0);
/// Progress is shown each time so many files were looked at.
const STEP: u64 = 20_000;

/// `groups list`.
pub fn list(args: &ListArgs) -> Result<()> {
    let entries = Entries::read(&args.file)?;
    let accounts = input::accounts(&args.etc.etc_dir)?;
    let inventory = Inventory::of(&Sources {
        accounts: &accounts,
        range: entries.range,
        in_file: &entries.groups,
        processes: &processes::by_group(Path::new(PROC)),
        // Without the file shadow has its own defaults, and so has the reader.
        login_defs: &std::fs::read_to_string(args.etc.etc_dir.join("login.defs")).unwrap_or_default(),
    });
    if args.json {
        return say(&format!("{:#}\n", inventory.to_json()));
    }
    say(&inventory.to_table())?;
    for warning in inventory.warnings() {
        eprintln!("galaf-gen: notice: {}", printable(warning));
    }
    Ok(())
}

/// `groups rename`.
pub fn rename(args: &RenameArgs) -> Result<()> {
    require_root("groups rename")?;
    let _lock = take_lock(&args.state.state_dir)?;
    let (old, new) = (&args.old, &args.new);
    let entries = Entries::read(&args.file)?;
    let accounts = input::accounts(Path::new(ETC))?;
    application(&accounts, old, entries.range)?;
    Name::new(new).map_err(|error| anyhow::anyhow!("'{}' {error}", printable(new)))?;
    if accounts.groups.contains_key(new) {
        bail!("there is a group '{new}' already");
    }
    shadow::rename(old, new)?;
    let granted = drop_in_dir(&args.file).join(GRANTED);
    if granted.exists() {
        let mut document =
            Granted::parse(Some(&read_file(&granted)?)).with_context(|| format!("'{}'", granted.display()))?;
        document.rename("groups", old, new);
        if let Some(text) = document.to_text() {
            files::replace(&granted, &text)?;
        }
    }
    say(&format!("renamed '{old}' to '{new}', with its gid and its files\n"))?;
    say(&if entries.groups.contains(old) {
        format!("now rename the entry '{old}' in '{}' and run 'galaf-gen apply'\n", args.file.display())
    } else {
        "'galaf-gen apply' makes the launcher know the new name\n".to_owned()
    })
}

/// `groups delete`.
pub fn delete(args: &DeleteArgs) -> Result<()> {
    require_root("groups delete")?;
    let _lock = take_lock(&args.state.state_dir)?;
    let name = &args.name;
    let entries = Entries::read(&args.file)?;
    if entries.groups.contains(name) {
        bail!(
            "'{name}' is an application of '{}'; remove it there and run 'galaf-gen apply' first",
            args.file.display()
        );
    }
    let accounts = input::accounts(Path::new(ETC))?;
    let group = application(&accounts, name, entries.range)?;
    let gid = group.gid;
    if let Some((user, _)) = accounts.users.iter().find(|(_, user)| user.gid == gid) {
        bail!("'{name}' is the login group of '{user}'; 'usermod -g' gives another one");
    }
    let running = processes::by_group(Path::new(PROC)).remove(&gid).unwrap_or_default();
    if let Some(first) = running.first() {
        bail!("{} with the group '{name}', such as {first}; end them first", running_with(running.len()));
    }
    if !group.members.is_empty() {
        eprintln!("galaf-gen: notice: '{name}' has the members '{}'", printable(group.members.join("', '")));
    }
    let outcome = unown_files(&accounts, gid, !args.dry_run)?;
    if args.dry_run {
        for (path, heir) in &outcome.found {
            say(&format!("'{}' would get gid {heir}\n", printable(path)))?;
        }
    }
    for (path, error) in &outcome.failed {
        eprintln!("galaf-gen: cannot see to '{}': {}", printable(path), error.desc().to_lowercase());
    }
    let of = format!("{} of {}", counted(outcome.found.len(), "file"), outcome.seen);
    if args.dry_run {
        return say(&format!("would change {of} and delete the group '{name}' ({gid})\n"));
    }
    if !outcome.failed.is_empty() {
        bail!(
            "changed {of}, but {} could not be seen to; the group '{name}' stays, so that nobody inherits them with its gid",
            outcome.failed.len()
        );
    }
    shadow::delete(name)?;
    say(&format!("changed {of} and deleted the group '{name}' ({gid})\n"))
}

fn running_with(number: usize) -> String {
    if number == 1 { "1 process runs".to_owned() } else { format!("{number} processes run") }
}

fn application<'a>(accounts: &'a Accounts, name: &str, range: GidRange) -> Result<&'a Group> {
    let Some(group) = accounts.groups.get(name) else { bail!("there is no group '{}'", printable(name)) };
    if !range.contains(group.gid) {
        bail!("the group '{name}' has gid {}, outside {range}: it is no application's", group.gid);
    }
    Ok(group)
}

fn unown_files(accounts: &Accounts, gid: GroupId, change: bool) -> Result<unown::Outcome> {
    let mountinfo = std::fs::read_to_string(MOUNTS).with_context(|| format!("cannot read '{MOUNTS}'"))?;
    let heir = |uid: u32| {
        let owner = accounts.users.values().find(|user| user.uid.0 == uid);
        owner.map_or(ROOT_GROUP, |user| user.gid)
    };
    let is_shown = std::io::stderr().is_terminal();
    let mut next = STEP;
    let mut progress = |seen| {
        if is_shown && seen >= next {
            eprint!("\rlooked at {seen} files");
            next = seen + STEP;
        }
    };
    let outcome = unown::unown(&unown::local_mounts(&mountinfo), gid, change, &heir, &mut progress);
    if is_shown && next > STEP {
        eprintln!();
    }
    Ok(outcome)
}

/// What the file says of groups. A machine without the file has none yet.
struct Entries {
    range: GidRange,
    groups: BTreeSet<String>,
}

impl Entries {
    fn read(file: &Path) -> Result<Self> {
        if std::fs::symlink_metadata(file).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Ok(Self { range: GidRange::DEFAULT, groups: BTreeSet::new() });
        }
        let parts = Files::find(file)?.read()?;
        let described = galaf::config::described(&parts);
        let read = Source::merge(parts).and_then(|source| Config::read(&source));
        let config = read.map_err(|problems| InputError::Bad { described, problems })?.config;
        let groups = config.groups.keys().map(ToString::to_string).collect();
        Ok(Self { range: config.settings.gid_range, groups })
    }
}
