//! The file and the machine's accounts, read.

use std::path::{Path, PathBuf};

use galaf::config::{Config, Part, Problems, Source, described};
use galaf::json::JsonPath;
use galaf::trust::Untrusted;

use crate::accounts::{Accounts, Files, User};
use crate::groups::routing;
use crate::policy::Policy;
use crate::resolve::resolve;
use crate::sources::{self, read_file};
use crate::upstream;

/// What can be wrong with the input; nothing has been changed then.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file or one of the account files cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Others than root could have written the administrator's file.
    #[error("cannot trust what others may write: {0}")]
    Untrusted(#[from] Untrusted),
    /// The file is wrong, or does not fit this machine.
    #[error("{described} has {}\n{}", problems.count(), problems.to_string().trim_end())]
    Bad {
        /// The file as a person is told of it.
        described: String,
        /// What is wrong.
        problems: Problems,
    },
}

/// A file that is good on this machine.
pub struct Input {
    /// Its text, or that of it and its drop-ins merged.
    pub text: String,
    /// Where it was written.
    pub source: Source,
    /// What it means here.
    pub policy: Policy,
    /// What has no effect or another one than expected.
    pub notices: Vec<(JsonPath, String)>,
}

impl Input {
    /// Messages about values of the file as an error.
    pub fn bad(&self, problems: Vec<(JsonPath, String)>) -> InputError {
        bad(&self.source, problems)
    }
}

/// Reads `file` and its drop-ins for `machine`, at `now` in seconds since the epoch.
///
/// # Errors
/// If something cannot be read, or every problem of the files.
pub fn read(file: &Path, machine: Machine<'_>, now: i64) -> Result<Input, InputError> {
    resolved(sources::Files::find(file)?.read()?, machine, now)
}

/// The machine that a file is for.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// Folder of its accounts and of its resolv.conf.
    pub etc_dir: &'a Path,
    /// What the last apply left.
    pub state_dir: &'a Path,
}

impl Machine<'_> {
    /// Whether it is this one. Another one is known by its account files and nothing else.
    pub fn is_here(&self) -> bool {
        self.etc_dir == Path::new(ETC)
    }
}

/// What `parts`, merged in their order, mean for `machine`, at `now` in seconds since the epoch.
///
/// # Errors
/// If an account file cannot be read, or every problem of the parts.
pub fn resolved(parts: Vec<Part>, machine: Machine<'_>, now: i64) -> Result<Input, InputError> {
    let all = described(&parts);
    let wrong = |problems| InputError::Bad { described: all, problems };
    let source = Source::merge(parts).map_err(wrong)?;
    let parsed =
        Config::read(&source).map_err(|problems| InputError::Bad { described: source.described(), problems })?;
    let mut accounts = accounts(machine.etc_dir)?;
    let servers = if machine.is_here() {
        add_from_nss(&mut accounts, &parsed.config);
        upstream::sources(Path::new("/"), machine.state_dir)
    } else {
        upstream::sources_of_etc(machine.etc_dir)
    };
    let policy = resolve(&parsed.config, &accounts, &servers, now).map_err(|problems| bad(&source, problems))?;
    Ok(Input { text: source.to_text(), source, policy, notices: parsed.notices })
}

fn bad(source: &Source, problems: Vec<(JsonPath, String)>) -> InputError {
    InputError::Bad { described: source.described(), problems: source.place(problems) }
}

/// Where this machine's account files are.
const ETC: &str = "/etc";

/// Reads the account files in `etc_dir` and, if they are this machine's, what its routing does with marks.
///
/// # Errors
/// If one that every machine has cannot be read.
pub fn accounts(etc_dir: &Path) -> Result<Accounts, InputError> {
    let required = |name: &str| read_file(&etc_dir.join(name));
    // Machines without subordinate ids or named services have no such files.
    let optional = |name: &str| std::fs::read_to_string(etc_dir.join(name)).unwrap_or_default();
    let mut accounts = Accounts::parse(&Files {
        passwd: &required("passwd")?,
        group: &required("group")?,
        subuid: &optional("subuid"),
        subgid: &optional("subgid"),
        services: &optional("services"),
    });
    if etc_dir == Path::new(ETC) {
        accounts.routed_marks = routing::read();
    }
    Ok(accounts)
}

/// Users that a directory service knows are not in `/etc/passwd`.
fn add_from_nss(accounts: &mut Accounts, config: &Config) {
    let launchers = config.groups.values().filter_map(|entry| entry.launch.as_ref()?.users.as_ref()).flatten();
    for name in config.users.keys().chain(launchers) {
        if !accounts.users.contains_key(name.as_str())
            && let Ok(Some(user)) = nix::unistd::User::from_name(name.as_str())
        {
            let user = User { uid: galaf::id::UserId(user.uid.as_raw()), gid: galaf::id::GroupId(user.gid.as_raw()) };
            accounts.users.insert(name.to_string(), user);
        }
    }
}
