//! `grant` and `revoke`: the drop-in of their own, then an apply.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use galaf::config::{Config, Entry, Part, Source, did_you_mean};
use galaf::id::{GroupId, UserId};
use galaf::mark::{GROUP_MASK, Mark, USER_MASK};
use galaf::name::Name;
use galaf::paths::GRANTED;
use jiff::Timestamp;

use super::online::{ETC, judged_parts, put_into_force, take_lock};
use super::{now, require_root, say, show_notices};
use crate::apply::{Ahead, files, state};
use crate::cli::{EntryArgs, GrantArgs, RevokeArgs};
use crate::granted::{Granted, NewGrant};
use crate::input::{self, InputError, Machine};
use crate::kernel::connections::{self, Marked};
use crate::notices::notices;
use crate::policy::{Policy, SubjectId};
use crate::render::render as render_policy;
use crate::sources::{Files, drop_in_dir, read_file};

/// `grant`.
pub fn grant(args: &GrantArgs) -> Result<()> {
    let until = match args.lasts {
        Some(time) => Some(Timestamp::now().round(jiff::Unit::Second)?.checked_add(time).context("that is too long")?),
        None => None,
    };
    let new = NewGrant {
        to: args.to.clone(),
        tcp: args.tcp.clone(),
        udp: args.udp.clone(),
        icmp: args.icmp,
        comment: args.comment.clone(),
        until,
    };
    let (section, name) = section_and_name(&args.entry);
    if !args.dry_run {
        require_root("grant")?;
    }
    let lock = if args.dry_run { None } else { Some(take_lock(&args.entry.state.state_dir)?) };
    let drop_in = DropIn::read(&args.entry.file)?;
    drop_in.require_entry(section, name)?;
    let mut granted = drop_in.granted()?;
    granted.forget_lapsed(now());
    granted.add(section, name, &new).with_context(|| format!("'{}'", drop_in.path.display()))?;
    let text = granted.to_text();
    drop_in.require_no_defaults(section, name, text.as_deref())?;
    if args.dry_run {
        return show_diff(&drop_in, text.as_deref(), &args.entry);
    }
    drop_in.put_into_force(text.as_deref(), &args.entry.state.state_dir)?;
    drop(lock);
    match until {
        Some(until) => say(&format!("granted to '{name}' until {until}\n")),
        None => say(&format!("granted to '{name}'\n")),
    }
}

/// `revoke`.
pub fn revoke(args: &RevokeArgs) -> Result<()> {
    let (section, name) = section_and_name(&args.entry);
    if !args.dry_run {
        require_root("revoke")?;
    }
    let lock = if args.dry_run { None } else { Some(take_lock(&args.entry.state.state_dir)?) };
    let drop_in = DropIn::read(&args.entry.file)?;
    let mut granted = drop_in.granted()?;
    let revoked = granted.revoke(section, name, &args.to);
    if revoked == 0 && !args.now {
        bail!(
            "'galaf-gen grant' granted nothing of that to '{name}'; what another file grants is taken away there ('galaf-gen diff' compares)"
        );
    }
    granted.forget_lapsed(now());
    let text = granted.to_text();
    if args.dry_run {
        return show_diff(&drop_in, text.as_deref(), &args.entry);
    }
    let policy = drop_in.put_into_force(text.as_deref(), &args.entry.state.state_dir)?;
    drop(lock);
    say(&format!("revoked: {}\n", super::counted(revoked, "destination")))?;
    if args.now {
        let ended = connections::end(marked(section, name, &policy)?)?;
        say(&format!("ended: {}\n", super::counted(ended, "connection")))?;
    }
    Ok(())
}

fn section_and_name(args: &EntryArgs) -> (&'static str, &str) {
    match (&args.user, &args.application) {
        (Some(user), _) => ("users", user),
        (None, application) => ("groups", application.as_deref().unwrap_or_default()),
    }
}

fn show_diff(drop_in: &DropIn, text: Option<&str>, args: &EntryArgs) -> Result<()> {
    let machine = Machine { etc_dir: Path::new(ETC), state_dir: &args.state.state_dir };
    let input = input::resolved(drop_in.parts_with(text), machine, now())?;
    let artifacts = render_policy(&input.policy).map_err(|problems| input.bad(problems))?;
    let former = state::read(&args.state.state_dir);
    say(&crate::diff::diff(&former, &artifacts, &input.policy.new_groups).to_string())
}

/// What the connections of an entry are known by. An entry that only the drop-in had is in no policy any more.
fn marked(section: &str, name: &str, policy: &Policy) -> Result<Marked> {
    let known = policy.subjects().find(|subject| subject.id.section() == section && subject.name.as_str() == name);
    let id = match (known, section) {
        (Some(subject), _) => Some(subject.id),
        (None, "users") => nix::unistd::User::from_name(name)?.map(|user| SubjectId::User(UserId(user.uid.as_raw()))),
        (None, _) => nix::unistd::Group::from_name(name)?
            .map(|group| GroupId(group.gid.as_raw()))
            .filter(|gid| policy.gid_range.contains(*gid))
            .map(SubjectId::Group),
    };
    match id {
        Some(SubjectId::Group(gid)) => Ok(Marked { mark: Mark::new(gid, UserId::ROOT), mask: GROUP_MASK }),
        Some(SubjectId::User(uid)) => Ok(Marked { mark: Mark::new(GroupId(1), uid), mask: USER_MASK }),
        None => bail!("no application and no user is called '{name}'"),
    }
}

/// The drop-in, and the files around it.
struct DropIn {
    path: PathBuf,
    former: Option<String>,
    files: Files,
    /// All but the drop-in itself.
    others: Vec<Part>,
}

impl DropIn {
    fn read(file: &Path) -> Result<Self> {
        let path = drop_in_dir(file).join(GRANTED);
        let mut files = Files::find(file)?;
        files.trust()?;
        let former = if files.drop_ins.contains(&path) { Some(read_file(&path)?) } else { None };
        files.drop_ins.retain(|drop_in| *drop_in != path);
        let others = files.read()?;
        Ok(Self { path, former, files, others })
    }

    fn granted(&self) -> Result<Granted> {
        Granted::parse(self.former.as_deref()).with_context(|| format!("'{}'", self.path.display()))
    }

    /// All files, with `text` in the place of the drop-in.
    fn parts_with(&self, text: Option<&str>) -> Vec<Part> {
        let mut parts = self.others.clone();
        if let Some(text) = text {
            let before = self.files.drop_ins.iter().filter(|drop_in| **drop_in < self.path).count();
            let part = Part { name: self.path.display().to_string(), text: text.to_owned() };
            parts.insert((1 + before).min(parts.len()), part);
        }
        parts
    }

    fn entries(&self, section: &str, parts: Vec<Part>) -> Result<std::collections::BTreeMap<Name, Entry>> {
        let described = galaf::config::described(&parts);
        let read = Source::merge(parts).and_then(|source| Config::read(&source));
        let config = read.map_err(|problems| InputError::Bad { described, problems })?.config;
        Ok(if section == "users" { config.users } else { config.groups })
    }

    /// A grant to an application that nobody can launch is a slip of the pen.
    fn require_entry(&self, section: &str, name: &str) -> Result<()> {
        if section == "users" {
            return Ok(());
        }
        let entries = self.entries(section, self.others.clone())?;
        if !entries.contains_key(name) {
            let hint = did_you_mean(name, entries.keys().map(Name::as_str));
            bail!("no application is called '{name}' in {}{hint}", galaf::config::described(&self.others));
        }
        Ok(())
    }

    /// An entry with nothing in it takes nothing from `config.defaults`; with a grant in it, it would.
    fn require_no_defaults(&self, section: &str, name: &str, text: Option<&str>) -> Result<()> {
        let before = self.entries(section, self.others.clone())?;
        let after = self.entries(section, self.parts_with(text))?;
        let rules = |entries: &std::collections::BTreeMap<Name, Entry>| {
            entries.get(name).map(|entry| entry.grants.clone()).unwrap_or_default()
        };
        if rules(&before) != rules(&after) {
            bail!(
                "the entry '{name}' is empty, and with a grant it would take the rules of 'config.defaults', too; write it into '{}'",
                self.files.file.display()
            );
        }
        Ok(())
    }

    /// Writes the drop-in and applies; if that fails, the drop-in is what it was, and so are the rules.
    fn put_into_force(&self, text: Option<&str>, state_dir: &Path) -> Result<Policy> {
        let (input, artifacts) = judged_parts(self.parts_with(text), state_dir)?;
        let made_dir = self.write(text)?;
        // A folder that others can write would make the next apply refuse the file.
        let trusted = Files::find(&self.files.file).and_then(|files| files.trust());
        let applied = match trusted {
            Ok(()) => put_into_force(&input, &artifacts, state_dir, Ahead::LookUp).map_err(|failure| failure.error),
            Err(error) => Err(error.into()),
        };
        match applied {
            Ok(report) => {
                show_notices(&input, notices(&input.policy, now()));
                say(&report.to_string())?;
                Ok(input.policy)
            }
            Err(error) => {
                self.write(self.former.as_deref())?;
                if made_dir {
                    fs::remove_dir(drop_in_dir(&self.files.file)).context("cannot remove the folder of drop-ins")?;
                }
                Err(error)
            }
        }
    }

    /// Whether the folder had to be made.
    fn write(&self, text: Option<&str>) -> Result<bool> {
        let Some(text) = text else {
            files::remove(&self.path)?;
            return Ok(false);
        };
        let dir = drop_in_dir(&self.files.file);
        let made = match fs::create_dir(&dir) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error).with_context(|| format!("cannot make '{}'", dir.display())),
        };
        if made {
            // Readable whatever the umask: 'check' and 'diff' need no privilege.
            fs::set_permissions(&dir, Permissions::from_mode(0o755))
                .with_context(|| format!("cannot open '{}' to readers", dir.display()))?;
        }
        files::replace(&self.path, text)?;
        Ok(made)
    }
}
