//! The file and the machine's accounts, read.

use std::path::{Path, PathBuf};

use galaf::config::{Config, Problems};
use galaf::paths::CONFIG_PATH;
use galaf::trust::{Untrusted, check_file, text_of};

use crate::accounts::{Accounts, Files, User};
use crate::policy::Policy;
use crate::resolve::resolve;
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
    #[error("'{file}' has {}\n{}", problems.count(), problems.display(file).to_string().trim_end())]
    Bad {
        /// The file's name as it was given.
        file: String,
        /// What is wrong.
        problems: Problems,
    },
}

/// A file that is good on this machine.
pub struct Input {
    /// Its text.
    pub text: String,
    /// Its name as it was given.
    pub file: String,
    /// What it means here.
    pub policy: Policy,
    /// What has no effect or another one than expected.
    pub notices: Problems,
}

impl Input {
    /// Messages about values of the file as an error.
    pub fn bad(&self, problems: Vec<(galaf::json::JsonPath, String)>) -> InputError {
        InputError::Bad { file: self.file.clone(), problems: Problems::placed(problems, &self.text) }
    }
}

/// Checks that the administrator's file is root's alone. Any other file was chosen by whoever named it.
///
/// # Errors
/// If others can write it, or it cannot be looked at.
pub fn trust(file: &Path) -> Result<(), InputError> {
    if file == Path::new(CONFIG_PATH) && file.exists() {
        check_file(file)?;
    }
    Ok(())
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
    fn is_here(&self) -> bool {
        self.etc_dir == Path::new("/etc")
    }
}

/// Reads `file` for `machine`, at `now` in seconds since the epoch.
///
/// # Errors
/// If something cannot be read, or every problem of the file.
pub fn read(file: &Path, machine: Machine<'_>, now: i64) -> Result<Input, InputError> {
    let text = read_file(file)?;
    let name = file.display().to_string();
    let parsed = Config::parse(&text).map_err(|problems| InputError::Bad { file: name.clone(), problems })?;
    let accounts = read_accounts(machine, &parsed.config)?;
    let servers = if machine.is_here() {
        upstream::sources(Path::new("/"), machine.state_dir)
    } else {
        upstream::sources_of_etc(machine.etc_dir)
    };
    let policy = resolve(&parsed.config, &accounts, &servers, now)
        .map_err(|problems| InputError::Bad { file: name.clone(), problems: Problems::placed(problems, &text) })?;
    Ok(Input { text, file: name, policy, notices: parsed.notices })
}

fn read_accounts(machine: Machine<'_>, config: &Config) -> Result<Accounts, InputError> {
    let etc_dir = machine.etc_dir;
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
    if machine.is_here() {
        add_from_nss(&mut accounts, config);
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

fn read_file(path: &Path) -> Result<String, InputError> {
    std::fs::read_to_string(path).map_err(|error| InputError::Read { path: path.to_owned(), cause: text_of(&error) })
}
