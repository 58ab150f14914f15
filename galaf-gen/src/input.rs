//! The file and the machine's accounts, read.

use std::path::{Path, PathBuf};

use galaf::config::{Config, Problems};
use galaf::paths::CONFIG_PATH;
use galaf::trust::{Untrusted, check_file, text_of};

use crate::accounts::{Accounts, Files, User};
use crate::policy::Policy;
use crate::resolve::resolve;

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

/// Reads `file` against the account files in `etc_dir`, at `now` in seconds since the epoch.
///
/// # Errors
/// If something cannot be read, or every problem of the file.
pub fn read(file: &Path, etc_dir: &Path, now: i64) -> Result<Input, InputError> {
    let text = read_file(file)?;
    let name = file.display().to_string();
    let parsed = Config::parse(&text).map_err(|problems| InputError::Bad { file: name.clone(), problems })?;
    let accounts = read_accounts(etc_dir, &parsed.config)?;
    let policy = resolve(&parsed.config, &accounts, now)
        .map_err(|problems| InputError::Bad { file: name.clone(), problems: Problems::placed(problems, &text) })?;
    Ok(Input { text, file: name, policy, notices: parsed.notices })
}

fn read_accounts(etc_dir: &Path, config: &Config) -> Result<Accounts, InputError> {
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
    if etc_dir == Path::new("/etc") {
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
